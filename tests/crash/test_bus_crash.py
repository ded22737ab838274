"""The bus alone under kill -9: publishers, consumers, both, PostgreSQL, and processes that freeze, while
events flow. Afterwards every event was applied exactly once and in order, every effect ended once."""
import os
import random
import signal
import threading
import time

import pytest

from tests.lib import busline
from tests.lib.lab import wait_until
from tests.lib.probes import Cluster, ProbeLab

SECONDS = float(os.environ.get("CRASH_SECS", "25"))
SEED = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(1 << 32)))


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


class Writer(threading.Thread):
    """Has alpha say events until told to stop. A call that was not answered is not repeated: what it
    did or did not do is in alpha's table."""

    def __init__(self, lab, number):
        super().__init__(daemon=True)
        self.lab, self.number, self.stop = lab, number, threading.Event()

    def run(self):
        chance = random.Random(SEED + self.number)
        peers = [self.lab.peer(replica=r) for r in (0, 1)]
        while not self.stop.is_set():
            key = f"W{self.number}-{chance.randrange(12)}" + chance.choice(("", "/1", "/2"))
            how = chance.choice((None, None, None, "act", "act", "act twice"))
            payload = busline.message((1, key), (2, chance.randrange(1, 8)), (3, how), (4, chance.randrange(0, 1500)))
            chance.choice(peers).call("ProbeSay", payload, seconds=0.4)


def at_rest(lab):
    """Everything said is applied and every effect ended, once. What a writer did not wait for may be done late: all is
    counted anew at each look."""
    said, = lab.alpha("SELECT count(*) FROM probe_said")
    seen, waiting, *ended = lab.beta("SELECT (SELECT count(*) FROM probe_seen), (SELECT count(*) FROM effect), "
                                     "(SELECT count(*) FROM effect_done), count(*), count(DISTINCT number) FROM probe_acted")[0]
    return [seen] == said and waiting == "0" and len(set(ended)) == 1


@pytest.mark.parametrize("postgresql", [False, True], ids=["processes", "and-postgresql"])
def test_nothing_lost_nothing_twice(cluster, postgresql, request):
    print(f"CRASH_SEED={SEED}")
    chance = random.Random(SEED)
    lab = ProbeLab(cluster, log_messages="none")
    request.addfinalizer(lab.close)
    lab.addresses = " ".join(f"tcp://127.0.0.1:{lab.port('alpha', r)}" for r in (0, 1))
    running = {}

    def start(service, replica):
        running[service, replica] = lab.start(service, replica, effects={"threads": 2}, feed={"poll": "5ms"})

    for place in [(s, r) for s in ("alpha", "beta") for r in (0, 1)]:
        start(*place)
    writers = [Writer(lab, n) for n in range(4)]
    for writer in writers:
        writer.start()
    kills = {}
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.1, 0.6))  # the rhythm of the faults, not a wait for anything
            what = chance.choice(["alpha", "beta", "both", "freeze"] + ["postgresql"] * postgresql)
            kills[what] = kills.get(what, 0) + 1
            replica = chance.randrange(2)
            if what == "postgresql":
                cluster.restart()
                continue
            if what == "freeze":
                running["beta", replica].kill(signal.SIGSTOP)
                time.sleep(chance.uniform(0.05, 1.0))
                running["beta", replica].kill(signal.SIGCONT)
                continue
            for service in ("alpha", "beta") if what == "both" else (what,):
                running[service, replica].kill()
                start(service, replica)
    finally:
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join(5)
    said = int(lab.alpha("SELECT count(*) FROM probe_said")[0][0])
    print(f"{said} events, faults {kills}")
    assert said > 50
    for (service, replica), probe in list(running.items()):
        if not probe.running():
            start(service, replica)
    lab.wait_seen(said)
    wait_until("the end of all", lambda: at_rest(lab), every=0.1)
    assert lab.beta("SELECT count(*) FROM dead_letter") == [["0"]]
    lab.check_ledger()
