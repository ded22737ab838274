#!/usr/bin/env python3
"""Runs the tests and says how many passed: `make check` and `make check T=<word>`.

Steps in order, cheapest first, so that the first failure is the deepest:
  lint    the rules of the house, from the sources
  unit    C unit tests of the ASan+UBSan build, two at a time (private PostgreSQL for those that need it)
  flow    real processes of the ASan+UBSan build: tests/{store,flow}
  road    the road, the road over separate hosts and the kill test on the release build
  fuzz    every fuzz target for a short time
A step's parts can be chosen by word: `tests/run.py unit test_db`.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
FUZZ_SECONDS = os.environ.get("FUZZ_SECS", "5")


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


def say(text):
    print(text, flush=True)


def run_unit_binary(path, env):
    """One cmocka program; its TAP lines are counted, a crash counts as one failure."""
    started = time.monotonic()
    done = subprocess.run([path], env=env, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=600)
    text = done.stdout + done.stderr
    passed = len(re.findall(r"^ok \d+", text, re.M))
    skipped = len(re.findall(r"^ok \d+.*# SKIP", text, re.M))
    failed = len(re.findall(r"^not ok \d+", text, re.M))
    if done.returncode != 0 and failed == 0:
        failed = 1
    if passed + failed == 0:
        failed = 1
    return passed - skipped, failed, skipped, text, time.monotonic() - started


def step_unit(tally, word):
    binaries = sorted((BUILD / "asan" / "unit").glob("*/test_*"))
    binaries = [b for b in binaries if b.is_file() and os.access(b, os.X_OK) and b.suffix != ".d"
                and (not word or word in str(b))]
    server = subprocess.run([ROOT / "tests/lib/pg.sh", "start"], capture_output=True, text=True, check=True)
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", TRIEN_TEST_PG=server.stdout.strip(),
               TRIEN_ROOT=str(ROOT), TRIEN_BUILD=str(BUILD / "asan"))
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = {b: pool.submit(run_unit_binary, b, env) for b in binaries}
            for binary, job in jobs.items():
                passed, failed, skipped, text, seconds = job.result()
                tally.add(passed, failed + skipped)  # PostgreSQL is there: nothing has a reason to be left out
                name = f"{binary.parent.name}/{binary.name}"
                say(f"  unit {name}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.1f}s)")
                if failed or skipped:
                    say(text[-6000:])
    finally:
        subprocess.run([ROOT / "tests/lib/pg.sh", "stop"], check=False)


def run_pytest(tally, paths, word, build="release", deadline="60"):
    report = BUILD / "pytest.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-x" if os.environ.get("FAIL_FAST") else "-q",
               "--durations=15", "-p", "no:cacheprovider", f"--junitxml={report}", *map(str, paths)]
    if word:
        command += ["-k", word]
    # Leaks: the unit tests' and the services' own (lab.py), not those of tools that end by exit().
    env = dict(os.environ, TRIEN_BUILD=str(BUILD / build), TRIEN_TEST_DEADLINE=deadline,
               ASAN_OPTIONS="detect_leaks=0", UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
    done = subprocess.run(command, cwd=ROOT, env=env)
    if not report.exists():
        tally.add(failed=1)
        return
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    if done.returncode not in (0, 1, 5) and failed == 0:
        failed += 1
    tally.add(total - failed - skipped, failed, skipped)


def step_lint(tally, word):
    run_pytest(tally, [ROOT / "tests/lint"], word)


def step_flow(tally, word):
    run_pytest(tally, [ROOT / "tests/store", ROOT / "tests/flow"], word, build="asan", deadline="180")


def step_road(tally, word):
    run_pytest(tally, [ROOT / "tests/flow/test_road.py", ROOT / "tests/hosts", ROOT / "tests/crash"], word)


def step_fuzz(tally, word):
    done = subprocess.run([ROOT / "tests/fuzz/run.sh", FUZZ_SECONDS, *([word] if word else [])], cwd=ROOT,
                          capture_output=True, text=True, env=dict(os.environ, PYTHON=sys.executable, FUZZ_SEED="1"))
    print(done.stdout, end="", flush=True)
    passed = len(re.findall(r"^fuzz \S+: ok", done.stdout, re.M))
    failed = len(re.findall(r"^fuzz \S+: FAILED", done.stdout, re.M))
    if passed + failed == 0:
        failed = 1
        say(done.stderr)
    tally.add(passed, failed)


STEPS = {"lint": step_lint, "unit": step_unit, "flow": step_flow, "road": step_road, "fuzz": step_fuzz}


def main(arguments):
    chosen = [a for a in arguments if a in STEPS] or list(STEPS)
    word = next((a for a in arguments if a not in STEPS), None)
    tally = Tally()
    for name in chosen:
        started = time.monotonic()
        say(f"== {name}")
        STEPS[name](tally, word)
        say(f"== {name}: {time.monotonic() - started:.0f}s")
    line = f"{tally.passed} passed, {tally.failed} failed"
    say(line + (f", {tally.skipped} skipped" if tally.skipped else ""))
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
