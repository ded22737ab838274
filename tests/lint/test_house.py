"""The rules of the house that a program can check."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted(p for pattern in ("common/*.[ch]", "services/*/*.[ch]", "inspector/*.[ch]", "inspector/*.cpp") for p in ROOT.glob(pattern))
SERVICES = sorted(p.parent.name for p in ROOT.glob("services/*/main.c") if p.parent.name != "trienctl")

# "Who talks to X?" has one answer: files that may include a foreign library's headers.
OWNERS = {
    r"<zmq\.h>": r"common/bus\w*\.[ch]",
    r"<czmq\.h>": r"common/(bus\w*|conf)\.[ch]",
    r"<libpq-fe\.h>": r"common/db\w*\.[ch]",
    r"<microhttpd\.h>": r"common/http\w*\.[ch]",
    r"<curl/curl\.h>": r"common/fetch\w*\.[ch]",
    r"<libp11\.h>|<p11-kit/pkcs11\.h>": r"common/p11\w*\.[ch]",
    r"<qpdf/[\w.]+>": r"inspector/pdf\w*\.[ch]pp",
    r"<seccomp\.h>": r"common/sandbox\w*\.[ch]",
}


def text(path):
    return path.read_text(encoding="utf-8")


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("header", OWNERS)
def test_one_wrapper_per_foreign_library(header):
    strangers = [relative(p) for p in SOURCES
                 if re.search(rf"^#include ({header})", text(p), re.M) and not re.fullmatch(OWNERS[header], relative(p))]
    assert strangers == []


def test_every_file_says_what_it_is_for():
    assert [relative(p) for p in SOURCES if not text(p).startswith("/*")] == []


def test_no_file_hides_two():
    long = {relative(p): len(text(p).splitlines()) for p in SOURCES}
    assert {p: n for p, n in long.items() if n > 400} == {}


def test_services_do_not_include_each_other():
    strangers = []
    for path in ROOT.glob("services/*/*.[ch]"):
        for other in re.findall(r'#include "services/(\w+)/', text(path)):
            if other != path.parent.name:
                strangers.append((relative(path), other))
    assert strangers == []


# What a file may call all the same, and why. A row that nobody needs any more is taken out.
ALLOWED = {
    ("services/signing/look.c", "calloc"): "one cache that lives as long as the process",
    ("services/signer/verify.c", "fputs"): "the command --journal-verify prints for an auditor",
}


def test_services_do_not_allocate_or_print():
    banned = re.compile(r"\b(malloc|calloc|realloc|strdup|strcpy|strcat|sprintf|strtok|gmtime|localtime|atoi|printf|fprintf|fputs|puts)\(")
    found = []
    for service in SERVICES:
        for path in (ROOT / "services" / service).glob("*.c"):
            code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\])*\"", "", text(path), flags=re.S)
            found += [(relative(path), m.group(1)) for m in banned.finditer(code)]
    assert [call for call in found if call not in ALLOWED] == []
    assert set(ALLOWED) <= set(found)


def test_handlers_hold_no_sql_and_stores_emit_nothing():
    for service in SERVICES:
        folder = ROOT / "services" / service
        for path in folder.glob("handlers*.c"):
            assert not re.search(r"\bDB_(RUN|PUSH)\b|\bdb_(run|push)\b|\bPQ[a-z]", text(path)), relative(path)
        for path in folder.glob("store*.c"):
            assert not re.search(r"\bemit\(", text(path)), relative(path)


def test_same_files_in_every_service():
    for service in SERVICES:
        folder = ROOT / "services" / service
        for name in ("main.c", f"{service}.h", "README.md"):
            assert (folder / name).exists(), f"services/{service}/{name}"
        assert list(folder.glob("handlers*.c")), f"services/{service}: no handlers.c"
        assert list(folder.glob("rules*.c")), f"services/{service}: no rules.c"


@pytest.mark.parametrize("service", SERVICES)
def test_rules_are_pure(service):
    """rules*.o knows no clock, no I/O, no allocation: its undefined symbols show it."""
    objects = sorted((ROOT / "build/release/services" / service).glob("rules*.c.o"))
    assert objects, "build the release first"
    impure = re.compile(r"^(time|clock_now|clock_monotonic|clock_gettime|gettimeofday|getenv|open|read|write|fopen|"
                        r"malloc|calloc|realloc|free|random|rand|RAND_\w+|PQ\w+|z[a-z]+_\w+|zmq_\w+|db_\w+|emit|effect_add|"
                        r"log_\w+|fetch_\w+|curl_\w+|MHD_\w+|socket|connect)$")
    for path in objects:
        symbols = subprocess.run(["nm", "-u", path], capture_output=True, text=True, check=True).stdout
        assert [s.split()[-1] for s in symbols.splitlines() if impure.match(s.split()[-1])] == [], path.name


def test_headers_compile_alone():
    flags = subprocess.run(["pkg-config", "--cflags", "libprotobuf-c", "libcrypto", "jansson", "libpq", "libp11", "p11-kit-1"], capture_output=True,
                           text=True, check=True).stdout.split()
    for header in sorted(p for p in SOURCES if p.suffix == ".h"):
        done = subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-I.", "-Ibuild/release", *flags,
                               "-include", relative(header), "-x", "c", "/dev/null"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{relative(header)}: {done.stderr[-800:]}"


def test_format():
    files = [str(p) for pattern in ("common/*.[ch]", "services/*/*.[ch]", "inspector/*.[ch]*", "tests/unit/*/*.c", "tests/fuzz/*.c")
             for p in sorted(ROOT.glob(pattern))]
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_nothing_unfinished():
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b|not imple" r"mented", re.I)
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    found = []
    for name in files:
        if re.search(r"\.(c|h|cpp|py|sh|sql|proto|mk)$|Makefile$", name) and (ROOT / name).exists():
            found += [(name, m.group(0)) for m in words.finditer(text(ROOT / name)) if "XXXX" not in m.group(0)]
    assert found == []


def test_metric_families_are_listed():
    """Only what METRIC_FAMILY declares is shown at /metrics and in docs/metrics.md."""
    strangers = [relative(p) for p in SOURCES if re.search(r"\bstruct metric \w+\s*=", text(p))]
    assert strangers == []


def test_every_fuzz_target_has_seeds():
    """Texts in tests/fuzz/corpus/<target>, bytes made by seeds.py."""
    made = set(re.findall(r'folder / "(\w+)"', (ROOT / "tests/fuzz/seeds.py").read_text()))
    for targets in re.findall(r"for target in \((.*?)\):", (ROOT / "tests/fuzz/seeds.py").read_text()):
        made |= set(re.findall(r'"(\w+)"', targets))
    kept = {p.name for p in (ROOT / "tests/fuzz/corpus").iterdir() if any(p.iterdir())}
    targets = {p.stem.removeprefix("fuzz_") for p in (ROOT / "tests/fuzz").glob("fuzz_*.c")}
    assert kept <= targets and sorted(targets - made - kept) == []
