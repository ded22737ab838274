"""Is anything lost or done twice? Requests flow while random parties are killed with SIGKILL — services,
the signer, the whole of PostgreSQL — and started again. Afterwards the ledger is counted in the databases,
the signer's journal and the folder of notices.

`make check` runs 2,000 requests; `make crash SECS=…` keeps killing for as long as it is told.
"""
import collections
import concurrent.futures
import contextlib
import itertools
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.lib import requests
from tests.lib.lab import LabTemplate, run, wait_until

REQUESTS = int(os.environ.get("CRASH_REQUESTS", "2000"))
SECONDS = float(os.environ.get("CRASH_SECS", "0"))  # keep posting and killing for at least so long
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
REFUSED_EVERY = 10  # every tenth request breaks a rule
REPLICAS = 2


class Killer(threading.Thread):
    """Kills one party after the other and starts it again, until told to stop."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.random, self.halt = lab, random.Random(SEED), threading.Event()
        self.kills = collections.Counter()
        self.error = None

    def run(self):
        try:
            while not self.halt.wait(self.random.uniform(0.2, 0.5)):
                if self.random.random() < 0.04:
                    self.kill_postgres()
                else:
                    self.kill_service()
        except Exception as error:  # the test thread says it
            self.error = error

    def kill_service(self):
        process = self.random.choice(list(self.lab.processes.values()))
        process.kill(signal.SIGKILL)
        self.kills[process.service] += 1
        self.halt.wait(self.random.choice((0, 0, 0.1, 0.3)))
        process.start()

    def kill_postgres(self):
        postmaster = int((self.lab.template.dir / "pg/postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in [postmaster, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kills["postgresql"] += 1
        wait_until("PostgreSQL to start again", self.start_postgres, deadline=60)

    def start_postgres(self):
        try:
            self.lab.template.cluster("start")
            return True
        except AssertionError:  # remains of the killed one are still there
            return False

    def finish(self):
        self.halt.set()
        self.join(90)
        if self.error:
            raise self.error


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
        except (OSError, ValueError):
            status, answer = 503, None
        except Exception as error:
            if type(error).__module__ not in ("http.client", "urllib.error"):
                raise
            status, answer = 503, None
        if status == 202:
            return answer["request_id"]
        assert status >= 500, (status, answer)
        assert attempt < 2000, "intake never took the post"
        threading.Event().wait(0.02)


@pytest.fixture(scope="module")
def own_template():
    """A cluster of its own: it is killed."""
    made = LabTemplate()
    yield made
    made.close()


def flow(lab):
    """Posts while the killer works; {request id: whether it keeps the rules}."""
    expected, ends = {}, time.monotonic() + SECONDS
    killer = Killer(lab)
    killer.start()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        numbers = itertools.count(1)
        while len(expected) < REQUESTS or time.monotonic() < ends:
            wave = [(n, *document(lab, n)) for n in itertools.islice(numbers, 100)]
            jobs = {pool.submit(post_until_taken, lab, pdf, f"key-{n}"): good for n, pdf, good in wave}
            for job, good in jobs.items():
                expected[job.result()] = good
            assert killer.error is None, killer.error
    killer.finish()
    print(f"seed {SEED}: {len(expected)} requests, kills: {dict(killer.kills)}")
    return expected


def check_requests(lab, expected):
    rows = dict(lab.sql("intake", "SELECT request_id, state FROM request"))
    assert len(rows) == len(expected)
    assert collections.Counter(rows.values()) == collections.Counter(
        "completed" if good else "rejected" for good in expected.values())
    assert all(rows[r] == ("completed" if good else "rejected") for r, good in expected.items())
    twice = lab.sql("intake", "SELECT request_id, event, count(*) FROM timeline WHERE event IN ('RequestSubmitted', "
                              "'RequestAccepted', 'RequestRejected', 'CertificateIssued') "
                              "GROUP BY 1, 2, item HAVING count(*) > 1")
    assert twice == []


def check_certificates(lab, expected):
    good = sum(expected.values())
    assert lab.value("signing", "SELECT count(*) FROM certificate") == str(good)
    assert lab.value("signing", "SELECT count(DISTINCT (request_id, number)) FROM certificate") == str(good)
    assert lab.value("signing", "SELECT count(DISTINCT serial) FROM certificate") == str(good)
    ours = lab.sql("signing", "SELECT request_id, encode(sha256(certificate_der), 'hex') FROM certificate ORDER BY 1")
    shown = lab.sql("intake", "SELECT request_id, encode(sha256(certificate_der), 'hex') FROM item ORDER BY 1")
    assert ours == shown


def check_logs(lab):
    """Offsets dense, every consumer at the head, nothing parked, dead or left to do."""
    heads = {}
    for service in ("intake", "validation", "signing", "notification", "status"):
        gaps = lab.sql(service, "SELECT h.partition FROM outbox_head h LEFT JOIN (SELECT partition, count(*) n, "
                                "max(event_offset) top FROM outbox GROUP BY 1) o USING (partition) "
                                "WHERE coalesce(o.n, 0) <> h.next_offset - 1 OR coalesce(o.top, 0) <> h.next_offset - 1")
        assert gaps == [], f"{service}: offsets are not dense"
        heads[service] = dict(lab.sql(service, "SELECT partition, next_offset FROM outbox_head"))
        assert lab.sql(service, "SELECT feed, key, state, error FROM dead_letter WHERE state <> 'resolved'") == []
    for service in heads:
        for feed, partition, next_offset in lab.sql(service, "SELECT feed, partition, next_offset FROM consumer_cursor"):
            assert heads[feed][partition] == next_offset, (service, feed, partition)


def check_notices(lab, expected):
    """One file a notice: accepted and issued, or rejected, each by mail and by message."""
    for folder, suffix in (("mail", ".eml"), ("sms", ".sms")):
        names = [p.name for p in (lab.dir / "data/notification" / folder).iterdir() if p.suffix == suffix]
        good = sum(expected.values())
        assert len(names) == len(set(names)) == 2 * good + (len(expected) - good)


def check_journal(lab):
    folder = next(lab.dir.glob("**/journal"))
    run([lab.build / "bin/trien-signer", "--journal-verify", folder])


def quiet(lab):
    """Everything that was begun has ended."""
    if lab.value("intake", "SELECT count(*) FROM request WHERE state NOT IN ('completed', 'rejected')") != "0":
        return False
    return all(lab.value(s, "SELECT count(*) FROM effect") == "0" for s in lab.template.databases())


def caught_up(lab):
    try:
        check_logs(lab)
        return True
    except AssertionError as error:
        caught_up.why = error
        return False


def test_nothing_is_lost_and_nothing_done_twice(own_template):
    # Notices are many and go to one address: the cap that protects people is not what is tested here.
    with own_template.lab(replicas=REPLICAS, config={"notification": {"notices/cap_per_hour": 1_000_000}}) as lab:
        lab.start("signer")
        lab.start("intake", "validation", "signing", "notification", "status", replicas=REPLICAS)
        lab.add_client()
        lab.add_agency()
        expected = flow(lab)
        lab.wait_well()
        wait_until("every request to end", lambda: quiet(lab), deadline=240, every=0.5)
        wait_until("every consumer at the head", lambda: caught_up(lab), deadline=60, every=0.5)
        check_requests(lab, expected)
        check_certificates(lab, expected)
        check_logs(lab)
        check_notices(lab, expected)
        check_journal(lab)
