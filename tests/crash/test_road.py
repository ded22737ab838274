"""Is anything lost or done twice? Requests flow while random parties are killed with SIGKILL — services,
the signer, its token's worker, the inspector's zygote, single backends and the whole of PostgreSQL — and
started again. Afterwards the ledger is counted in the databases, the signer's journal and the folder of notices.

`make check` posts 2,000 requests within a minute; `make crash SECS=…` keeps on for as long as it is told.
CRASH_REQUESTS, CRASH_RATE (requests a second) and CRASH_SEED choose; on the sanitizers' build it is fewer and slower.
"""
import collections
import contextlib
import http.client
import itertools
import os
import random
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.lib import requests
from tests.lib.lab import DEADLINE, LabTemplate, build_dir, run, wait_until

SANITIZED = "asan" in build_dir().name
RATE = float(os.environ.get("CRASH_RATE", 8 if SANITIZED else 36))  # requests a second: faults fall between them
SECONDS = float(os.environ.get("CRASH_SECS", "0"))
REQUESTS = int(os.environ.get("CRASH_REQUESTS", "0")) or int(max(SECONDS, 20 if SANITIZED else 56) * RATE)
KILLING = REQUESTS / RATE  # seconds; where a machine is slower than that, what is left to post goes in peace
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
PATIENCE = (5 if SANITIZED else 2) * DEADLINE  # seconds until everything has ended
REFUSED_EVERY = 10  # every tenth request breaks a rule
REPLICAS = 2
SERVICES = ("intake", "validation", "signing", "notification", "status")
WORKER, ZYGOTE = "trien-token", "trien-document"  # names of the children, as the kernel knows them


def children(pid):
    """Processes below pid, with their names, the nearest first."""
    found = []
    with contextlib.suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            with contextlib.suppress(OSError):
                found += [(child, Path(f"/proc/{child}/comm").read_text().strip())]
            found += children(child)
    return found


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


class Killer(threading.Thread):
    """Kills one party after the other and starts it again, until the time is over or it is told to stop."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.random, self.halt = lab, random.Random(SEED), threading.Event()
        self.kills = collections.Counter()
        self.error = None
        self.parties = {self.kill_service: 60, self.kill_signer: 10, self.kill_worker: 10,
                        self.kill_zygote: 8, self.kill_backend: 10, self.kill_postgresql: 3}

    def run(self):
        try:
            end = time.monotonic() + KILLING
            while not self.halt.wait(self.random.uniform(0.2, 0.7)) and time.monotonic() < end:
                self.random.choices(*zip(*self.parties.items()))[0]()
        except Exception as error:  # the test thread says it
            self.error = error

    def kill_process(self, process):
        """Only the process itself: its children must see to their own end."""
        kill(process.popen.pid)
        process.popen.wait(30)
        self.kills[process.service] += 1
        self.halt.wait(self.random.choice((0, 0, 0.1, 0.5)))
        process.start()

    def kill_service(self):
        self.kill_process(self.random.choice([p for p in self.lab.processes.values() if p.service != "signer"]))

    def kill_signer(self):
        self.kill_process(self.lab.process("signer"))

    def kill_child(self, service, name):
        process = self.lab.process(service, 0 if service == "signer" else self.random.randrange(REPLICAS))
        found = [pid for pid, known in children(process.popen.pid) if known == name]
        if found and kill(found[0]):
            self.kills[name] += 1

    def kill_worker(self):
        self.kill_child("signer", WORKER)

    def kill_zygote(self):
        self.kill_child("validation", ZYGOTE)

    def postmaster(self):
        return int((self.lab.template.dir / "pg/postmaster.pid").read_text().split()[0])

    def kill_backend(self):
        """One backend of a service. PostgreSQL then ends all of them and recovers by itself."""
        backends = [pid for pid, _ in children(self.postmaster()) if self.lab.prefix in command_line(pid)]
        if backends and kill(self.random.choice(backends)):
            self.kills["backend"] += 1

    def kill_postgresql(self):
        postmaster = self.postmaster()
        for pid in [postmaster, *(pid for pid, _ in children(postmaster))]:
            kill(pid)
        self.kills["postgresql"] += 1
        wait_until("PostgreSQL to start again", self.start_postgresql, deadline=60)

    def start_postgresql(self):
        try:
            self.lab.template.cluster("start")
            return self.lab.template.psql("postgres", "SELECT 1")
        except AssertionError:  # remains of the killed one are still there
            return None

    def finish(self):
        self.halt.set()
        self.join(90)
        if self.error:
            raise self.error


def command_line(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def document(lab, number):
    """(PDF, whether it keeps the rules)"""
    request = requests.form03()
    good = number % REFUSED_EVERY != 0
    if not good:
        request["count"] = 2
    return lab.pdf(request), good


def post_until_taken(lab, pdf, key):
    """A portal that keeps trying with its idempotency key until it has an answer."""
    for attempt in itertools.count():
        try:
            status, answer = lab.post_raw([("document", "request.pdf", pdf)], key=key, replica=attempt % REPLICAS)
        except (OSError, ValueError, http.client.HTTPException) as error:  # killed meanwhile
            status, answer = 503, repr(error)
        if status == 202:
            return answer["request_id"]
        assert status >= 500, (status, answer)
        assert attempt < 100 * DEADLINE, f"intake never took the post: {answer}"
        threading.Event().wait(0.02)


class Portal(threading.Thread):
    """Posts its share of the requests, each at its time; `expected` says which keep the rules."""

    def __init__(self, lab, numbers, began, expected):
        super().__init__(daemon=True)
        self.lab, self.numbers, self.began, self.expected, self.error = lab, numbers, began, expected, None

    def run(self):
        try:
            for number in self.numbers:
                pdf, good = document(self.lab, number)
                threading.Event().wait(max(0, self.began + number / RATE - time.monotonic()))
                self.expected[post_until_taken(self.lab, pdf, f"key-{number}")] = good
        except Exception as error:  # the test thread says it
            self.error = error


def flow(lab):
    """Posts while the killer works; {request id: whether it keeps the rules}."""
    expected, began, threads = {}, time.monotonic(), 8
    killer = Killer(lab)
    portals = [Portal(lab, range(n, REQUESTS + 1, threads), began, expected) for n in range(1, threads + 1)]
    for thread in [killer, *portals]:
        thread.start()
    for portal in portals:
        portal.join()
    killer.finish()
    seconds = time.monotonic() - began
    print(f"seed {SEED}: {len(expected)} requests in {seconds:.0f} s, {sum(killer.kills.values())} kills: "
          + ", ".join(f"{party} {count}" for party, count in killer.kills.most_common()))
    assert [p.error for p in portals if p.error] == []
    return expected


# --- the ledger ------------------------------------------------------------------------------------------

def check_requests(lab, expected):
    rows = dict(lab.sql("intake", "SELECT request_id, state FROM request"))
    assert len(rows) == len(expected) == REQUESTS
    wrong = {r: rows.get(r) for r, good in expected.items() if rows.get(r) != ("completed" if good else "rejected")}
    assert wrong == {}
    lines = collections.Counter(map(tuple, lab.sql("intake", "SELECT request_id, event FROM timeline")))
    for request, good in expected.items():
        for event, due in (("RequestAccepted", good), ("ItemAuthorized", good), ("RequestRejected", not good),
                           ("CertificateIssued", good)):
            assert lines[request, event] == due, (request, event, lines[request, event])


def check_certificates(lab, expected):
    """One each, the same one everywhere; every order that was begun came to its end."""
    good = sorted(r for r, keeps in expected.items() if keeps)
    ours = lab.sql("signing", "SELECT request_id, encode(sha256(certificate_der), 'hex'), encode(serial, 'hex') "
                              "FROM certificate ORDER BY request_id")
    assert [request for request, _, _ in ours] == good
    assert len({digest for _, digest, _ in ours}) == len({serial for _, _, serial in ours}) == len(good)
    shown = lab.sql("intake", "SELECT request_id, encode(sha256(certificate_der), 'hex') FROM item ORDER BY request_id")
    assert shown == [[request, digest] for request, digest, _ in ours]
    known = lab.sql("status", "SELECT encode(serial, 'hex') FROM certificate_status WHERE lineage_id IN "
                              "(SELECT lineage_id FROM certificate_status) AND status = 'good'")
    assert {serial for _, _, serial in ours} <= {serial for serial, in known}
    assert lab.sql("signing", "SELECT state, count(*) FROM item_order GROUP BY 1") == [["issued", str(len(good))]]


def gaps(lab, service):
    """Partitions whose offsets are not 1, 2, 3 … up to the head."""
    return lab.sql(service, "SELECT h.partition, h.next_offset, o.n, o.top FROM outbox_head h LEFT JOIN "
                            "(SELECT partition, count(*) n, max(event_offset) top, min(event_offset) low "
                            "FROM outbox GROUP BY 1) o USING (partition) WHERE coalesce(o.n, 0) <> h.next_offset - 1 "
                            "OR coalesce(o.top, 0) <> h.next_offset - 1 OR coalesce(o.low, 1) <> 1")


def check_logs(lab):
    for service in SERVICES:
        assert gaps(lab, service) == [], f"{service}: offsets are not dense"
        twice = lab.sql(service, "SELECT id FROM outbox GROUP BY 1 HAVING count(*) > 1")
        assert twice == [], f"{service}: an event is there twice"


def check_events(lab, expected):
    """Every event was said once for each request (or item) that it is about."""
    good = sum(expected.values())
    for service, event, due in (("intake", "RequestSubmitted", len(expected)), ("validation", "RequestAccepted", good),
                                ("validation", "RequestRejected", len(expected) - good),
                                ("validation", "ItemAuthorized", good), ("signing", "CertificateIssued", good)):
        said = lab.sql(service, f"SELECT count(*), count(DISTINCT key) FROM outbox WHERE type = '{event}'")
        assert said == [[str(due), str(due)]], (event, said)


def check_notices(lab, expected):
    """One file a notice: accepted and issued, or rejected, each by mail and by message."""
    good = sum(expected.values())
    due = 2 * good + (len(expected) - good)
    for folder, suffix, channel in (("mail", ".eml", "email"), ("sms", ".sms", "sms")):
        files = [p for p in (lab.dir / "data/notification" / folder).iterdir() if p.suffix == suffix]
        assert len(files) == due, folder
        assert len({p.read_bytes() for p in files}) == due, f"{folder}: the same notice twice"
        rows = lab.sql("notification", "SELECT state, count(*), count(DISTINCT (request_id, template)) FROM notice "
                                       f"WHERE channel = '{channel}' GROUP BY 1")
        assert rows == [["delivered", str(due), str(due)]]


def check_journal(lab, expected):
    """The chain holds, no order, serial or authorisation is there twice, and every intent was answered."""
    folder = lab.dir / "data/signer"
    run([lab.build / "bin/trien-signer", "--journal-verify", folder])
    records = [line.split() for file in sorted(folder.glob("*.log")) for line in file.read_text().splitlines()]
    kinds = collections.Counter(record[2] for record in records)
    assert kinds["intent"] == kinds["answer"] >= sum(expected.values())


def check_words(lab):
    """Nobody died of anything but us: no sanitizer's report, no failed assertion."""
    for log in (lab.dir / "log").iterdir():
        found = re.findall(r"^.*(?:Sanitizer|runtime error|Assertion).*$", log.read_text(errors="replace"), re.M)
        assert found == [], log.name


# --- what is not at its end -------------------------------------------------------------------------------

def lagging(lab):
    """Cursors that are not at their publisher's head."""
    heads = {s: dict(lab.sql(s, "SELECT partition, next_offset FROM outbox_head")) for s in SERVICES}
    return {f"{service} reads {feed}/{partition}": f"{at} of {heads[feed][partition]}"
            for service in SERVICES
            for feed, partition, at in lab.sql(service, "SELECT feed, partition, next_offset FROM consumer_cursor")
            if heads[feed][partition] != at}


def pending(lab):
    """Everything that was begun and has not ended, in words; empty when all is done."""
    found = {}
    states = lab.sql("intake", "SELECT state, count(*) FROM request WHERE state NOT IN ('completed', 'rejected') "
                               "GROUP BY 1")
    if states:
        found["requests"] = states
    for service in SERVICES:
        effects = lab.sql(service, "SELECT kind, count(*), max(attempts), min(retry_at), max(last_error) FROM effect "
                                   "WHERE retry_at < now() + interval '10 minutes' GROUP BY 1")
        letters = lab.sql(service, "SELECT feed, type, state, count(*), max(attempts), max(error) FROM dead_letter "
                                   "WHERE state <> 'resolved' GROUP BY 1, 2, 3")
        for what, rows in (("effects", effects), ("dead letters", letters)):
            if rows:
                found[f"{service} {what}"] = rows
    return found or lagging(lab)


def orphans(lab):
    """Children of killed processes that have not ended."""
    ours = {pid for p in lab.processes.values() for pid in [p.popen.pid, *(c for c, _ in children(p.popen.pid))]}
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int(entry.name) not in ours and str(lab.dir) in command_line(entry.name):
                found[entry.name] = command_line(entry.name).replace("\0", " ")
    return found


@pytest.fixture(scope="module")
def own_template():
    """A cluster of its own: it is killed."""
    made = LabTemplate()
    yield made
    made.close()


def test_nothing_is_lost_and_nothing_done_twice(own_template):
    # Notices are many and go to one address: the cap that protects people is not what is tested here.
    with own_template.lab(replicas=REPLICAS, config={"notification": {"notices/cap_per_hour": 1_000_000}}) as lab:
        lab.start("signer")
        lab.start(*SERVICES, replicas=REPLICAS)
        lab.add_client()
        lab.add_agency()
        expected = flow(lab)
        lab.wait_well()
        began = time.monotonic()
        wait_until("everything to end", lambda: pending(lab), deadline=PATIENCE, every=0.25, until=lambda p: not p)
        print(f"all at its end after another {time.monotonic() - began:.1f} s")
        check_requests(lab, expected)
        check_certificates(lab, expected)
        check_logs(lab)
        check_events(lab, expected)
        check_notices(lab, expected)
        check_journal(lab, expected)
        check_words(lab)
        wait_until("no process left behind", lambda: orphans(lab), until=lambda found: not found)
