#!/usr/bin/env python3
"""Runs the tests and says how many passed: `make check` and `make check T=<word>`.

Steps:
  lint    the rules of the house, from the sources
  unit    C unit tests of the ASan+UBSan build (private PostgreSQL for those that need it)
  flow    real processes of the ASan+UBSan build: tests/{store,flow}
  road    the road, the demo, the road over separate hosts and the kill tests on the release build
  fuzz    every fuzz target for a short time
A step's parts can be chosen by word: `tests/run.py unit test_db`.

Every file is a job, a process of its own with a laboratory of its own (a copy of one template that is
made once a run). As many jobs as there are processors run at a time, and beside them one of those that
wait more than they work (SIDE), each list in order, so what takes long stands first. A job is one line when it
ends; what a failed one said follows at once, and lies with everybody's words in build/check/.
"""
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
BUILD = ROOT / "build"
WORDS = BUILD / "check"
STEPS = ("lint", "unit", "flow", "road", "fuzz")
# Longest first; what is not named comes after them.
LONG = ("crash/test_road_crash", "hosts/test_hosts", "crash/test_rows_crash", "crash/test_bus_crash", "hosts/test_operations",
        "flow/test_journal", "flow/test_validation", "flow/test_road", "flow/test_bus_protocol", "flow/test_revocation",
        "flow/test_start_up", "flow/test_notification", "flow/test_bus_consumer", "flow/test_documents", "flow/test_status",
        "flow/test_courier", "flow/test_portal", "flow/test_trienctl", "flow/test_signing", "flow/test_ceremony")
SIDE = ("crash/", "hosts/", "demo/", "compose/")
# Hosts are network namespaces. Who is not root makes them inside a user namespace of his own, where he keeps his name
# (PostgreSQL wants no root) and has the right to.
HOSTS = [] if os.geteuid() == 0 else [
    "unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--mount", "sh", "-c",
    'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"', "hosts"]
# psql by itself: Debian's /usr/bin/psql is a Perl program that looks for it, and tests call it thousands of times.
# What administers, nft and ip, is not on everybody's path.
os.environ["PATH"] = f"/usr/lib/postgresql/15/bin:{os.environ['PATH']}:/usr/sbin:/sbin"
# Leaks: the unit tests' and the services' own (lab.py), not those of tools that end by exit().
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def say(text):
    print(text, flush=True)


class Job:
    """One program that tests: its command, and how its end is counted."""

    def __init__(self, step, name, command, environment, deadline=1300):
        self.step, self.name, self.command, self.deadline = step, name, command, deadline
        self.environment, self.popen = dict(os.environ, **environment), None
        self.log = WORDS / step / f"{name.replace('/', '-')}.log"
        self.passed = self.failed = self.skipped = 0

    def run(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with open(self.log, "w") as log:
            self.popen = subprocess.Popen(self.command, env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=subprocess.STDOUT)
            try:
                status = self.popen.wait(self.deadline)
            except subprocess.TimeoutExpired:
                status = f"not ended after {self.deadline} s"
                self.stop()
        self.seconds = time.monotonic() - started
        self.text = self.log.read_text(errors="replace")
        self.count(status)

    def stop(self):
        """As Ctrl-C does: pytest clears its laboratories away."""
        if self.popen and self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(30)
            self.popen.kill()

    def count(self, status):
        """One program of TAP lines or of run.sh's; a crash counts as one failure."""
        self.skipped = len(re.findall(r"^ok \d+.*# SKIP", self.text, re.M))
        self.passed = len(re.findall(r"^ok \d+|^fuzz \S+: ok", self.text, re.M)) - self.skipped
        self.failed = len(re.findall(r"^not ok \d+|^fuzz \S+: FAILED", self.text, re.M)) + self.skipped
        self.skipped = 0  # PostgreSQL is there: nothing has a reason to be left out
        if (status != 0 and not self.failed) or not self.passed + self.failed:
            self.failed += 1
            self.text += f"\nended with {status}"


class PytestJob(Job):
    def __init__(self, step, name, paths, word, build="release", deadline="60"):
        self.report = WORDS / step / f"{name.replace('/', '-')}.xml"
        self.report.unlink(missing_ok=True)
        command = [*(HOSTS if name.startswith("hosts/") else []), sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", f"--junitxml={self.report}", *paths]
        super().__init__(step, name, command + (["-k", word] if word else []),
                         SANITIZERS | {"TRIEN_BUILD": str(BUILD / build), "TRIEN_TEST_DEADLINE": deadline})

    def count(self, status):
        suites = list(ElementTree.parse(self.report).getroot().iter("testsuite")) if self.report.exists() else []
        for suite in suites:
            self.failed += int(suite.get("failures")) + int(suite.get("errors"))
            self.skipped += int(suite.get("skipped"))
            self.passed += int(suite.get("tests"))
        self.passed -= self.failed + self.skipped
        if status not in (0, 1, 5) and not self.failed:  # 5: the word chose nothing here
            self.failed += 1
            self.text += f"\nended with {status}"


# --- what there is to do -----------------------------------------------------------------------------------

def files(*folders):
    """(name, path) of the test files, in the order of LONG."""
    paths = [p for folder in folders for p in sorted((ROOT / "tests" / folder).glob("test_*.py"))]
    named = [(str(p.relative_to(ROOT / "tests").with_suffix("")), p) for p in paths]
    return sorted(named, key=lambda n: LONG.index(n[0]) if n[0] in LONG else len(LONG))


def chosen(path, word):
    """Whether a file can have tests of that name; an expression of pytest's own may mean any."""
    return not word or not word.replace("_", "").isalnum() or word.lower() in path.read_text().lower() + str(path)


def jobs_lint(word):
    return [PytestJob("lint", "all", [ROOT / "tests/lint"], word)]


def jobs_unit(word):
    binaries = [b for b in sorted((BUILD / "asan/unit").glob("*/test_*")) if b.is_file() and os.access(b, os.X_OK) and b.suffix != ".d"]
    environment = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "TRIEN_ROOT": str(ROOT), "TRIEN_BUILD": str(BUILD / "asan")}
    return [Job("unit", f"{b.parent.name}/{b.name}", [b], environment) for b in binaries if not word or word in str(b)]


def jobs_flow(word):
    return [PytestJob("flow", name, [path], word, "asan", "180") for name, path in files("flow", "store") if chosen(path, word)]


def jobs_road(word):
    road = [(name, ROOT / f"tests/{name}.py") for name in ("compose/test_edge", "flow/test_road")]
    return [PytestJob("road", name, [path], word) for name, path in files("crash", "hosts", "demo") + road if chosen(path, word)]


def jobs_fuzz(word):
    targets = [t.name for t in sorted((BUILD / "fuzz/fuzz").glob("*")) if t.is_file() and os.access(t, os.X_OK)]
    environment = {"PYTHON": sys.executable, "FUZZ_SEED": "1"}
    return [Job("fuzz", t, [ROOT / "tests/fuzz/run.sh", os.environ.get("FUZZ_SECS", "5"), t], environment)
            for t in targets if not word or word == t]


# --- doing it ----------------------------------------------------------------------------------------------

class Ground:
    """What jobs stand on: PostgreSQL for unit tests, the template for laboratories, seeds for fuzz targets. Each is
    made once, when it is first wanted."""

    def __init__(self):
        self.lock, self.unit_pg, self.template, self.seeds = threading.Lock(), None, None, None

    def under(self, job):
        with self.lock:
            if job.step == "unit":
                if not self.unit_pg:
                    self.unit_pg = subprocess.run([ROOT / "tests/lib/pg.sh", "start"], capture_output=True, text=True, check=True).stdout.strip()
                job.environment["TRIEN_TEST_PG"] = self.unit_pg
            elif job.step in ("flow", "road"):
                if not self.template:
                    from tests.lib.lab import LabTemplate
                    self.template = LabTemplate()
                    self.template.cluster("stop")
                job.environment["TRIEN_LAB_PREPARED"] = str(self.template.dir)
            elif job.step == "fuzz":
                if not self.seeds:
                    self.seeds = subprocess.run([sys.executable, ROOT / "tests/fuzz/seeds.py", BUILD / "fuzz/seeds"], cwd=ROOT, check=True)
                job.environment["FUZZ_SEEDED"] = "yes"

    def clear(self):
        if self.unit_pg:
            subprocess.run([ROOT / "tests/lib/pg.sh", "stop"], check=False)
        if self.template:
            self.template.close()


class Hall:
    """Two lists of jobs and those who work them off."""

    def __init__(self, jobs):
        self.side = [j for j in jobs if j.step == "road" and j.name.startswith(SIDE)]
        self.main = [j for j in jobs if j not in self.side]
        self.jobs, self.ended, self.lock, self.ground = jobs, 0, threading.Lock(), Ground()

    def work(self, mine, other):
        while True:
            with self.lock:
                if not mine and not other:
                    return
                job = (mine or other).pop(0)
            try:
                self.ground.under(job)
                job.run()
            except Exception as error:
                job.failed, job.text, job.seconds = 1, repr(error), 0
            with self.lock:
                self.ended += 1
                self.tell(job)

    def tell(self, job):
        more = f", {job.skipped} skipped" if job.skipped else ""
        say(f"  [{self.ended}/{len(self.jobs)}] {job.step} {job.name}: {job.passed} passed, {job.failed} failed{more} ({job.seconds:.1f} s)")
        if job.failed:
            say(job.text[-40000:])
        if job.skipped:
            say("\n".join(re.findall(r"^SKIPPED.*", job.text, re.M)))

    def run(self):
        threads = [threading.Thread(target=self.work, args=(self.main, self.side)) for _ in range(max(2, os.cpu_count()))]
        threads.append(threading.Thread(target=self.work, args=(self.side, self.main)))
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            with self.lock:  # nothing, unless it is interrupted
                self.main.clear()
                self.side.clear()
            for job in self.jobs:
                job.stop()
            for thread in threads:
                thread.join()
            self.ground.clear()


def merge_reports(jobs):
    """build/junit.xml of all, and the slowest tests of all."""
    root, slow = ElementTree.Element("testsuites"), []
    for job in jobs:
        if isinstance(job, PytestJob) and job.report.exists():
            for suite in ElementTree.parse(job.report).getroot().iter("testsuite"):
                suite.set("name", f"{job.step} {job.name}")
                root.append(suite)
                slow += [(float(case.get("time")), f"{job.step} {job.name}::{case.get('name')}") for case in suite.iter("testcase")]
    ElementTree.ElementTree(root).write(BUILD / "junit.xml", encoding="utf-8", xml_declaration=True)
    say("slowest tests:")
    for seconds, name in sorted(slow, reverse=True)[:20]:
        say(f"  {seconds:6.1f} s  {name}")


def main(arguments):
    steps = [a for a in arguments if a in STEPS] or STEPS
    word = next((a for a in arguments if a not in STEPS), None)
    jobs = [job for step in steps for job in globals()[f"jobs_{step}"](word)]
    started = time.monotonic()
    Hall(list(jobs)).run()
    if len(jobs) > 1:
        merge_reports(jobs)
    for step in steps:
        ours = [j for j in jobs if j.step == step]
        say(f"== {step}: {sum(j.passed for j in ours)} passed, {sum(j.failed for j in ours)} failed, {sum(j.seconds for j in ours):.0f} s of work")
    passed, failed, skipped = (sum(getattr(j, kind) for j in jobs) for kind in ("passed", "failed", "skipped"))
    for job in jobs:
        if job.failed:
            say(f"FAILED {job.step} {job.name}: {job.log.relative_to(ROOT)}")
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "") + f" in {time.monotonic() - started:.0f} s")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
