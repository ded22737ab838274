"""Kills what a laboratory runs, with SIGKILL and at random: services, the signer, its token's worker, the inspector's
zygote, single backends and the whole of PostgreSQL; and starts it again. The cluster must be the test's own."""
import collections
import contextlib
import http.client
import os
import random
import signal
import threading
import time

from tests.lib import ledger
from tests.lib.lab import wait_until

WORKER, ZYGOTE = "trien-token", "trien-inspect"  # names of the children, as the kernel knows them


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def answers(process):
    with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
        return process.health() is not None
    return False


class Killer(threading.Thread):
    """Kills one party after the other and starts it again, until the time is over or it is told to stop."""

    def __init__(self, lab, seed, seconds=float("inf")):
        super().__init__(daemon=True)
        self.lab, self.random, self.seconds, self.halt = lab, random.Random(seed), seconds, threading.Event()
        self.kills = collections.Counter()
        self.error, self.starting = None, []
        self.parties = {self.kill_service: 60, self.kill_signer: 10, self.kill_worker: 10,
                        self.kill_zygote: 8, self.kill_backend: 10, self.kill_postgresql: 3}

    def run(self):
        try:
            end = time.monotonic() + self.seconds
            while not self.halt.wait(self.random.uniform(0.2, 0.7)) and time.monotonic() < end:
                self.wait_for_starters()
                self.random.choices(*zip(*self.parties.items()))[0]()
        except Exception as error:  # the test thread says it
            self.error = error

    def wait_for_starters(self):
        """On a machine so slow that starts take longer than the time between kills, nobody would ever come to work:
        no more than two are on their way."""
        def left():
            self.starting = [p for p in self.starting if p.alive() and not answers(p)]
            return len(self.starting)
        end = time.monotonic() + 60
        while left() > 2 and time.monotonic() < end and not self.halt.wait(0.05):
            pass

    def kill_process(self, process):
        """Only the process itself: its children must see to their own end."""
        kill(process.popen.pid)
        process.popen.wait(30)
        self.kills[process.service] += 1
        self.halt.wait(self.random.choice((0, 0, 0.1, 0.5)))
        process.start()
        if process.service != "signer":  # which is asked over the bus
            self.starting.append(process)

    def kill_service(self):
        """One of a service that was killed least."""
        killable = [p for p in self.lab.processes.values() if p.service != "signer"]
        least = min(self.kills[p.service] for p in killable)
        self.kill_process(self.random.choice([p for p in killable if self.kills[p.service] <= least + 1]))

    def kill_signer(self):
        self.kill_process(self.lab.process("signer"))

    def kill_child(self, service, name):
        process = self.lab.process(service, 0 if service == "signer" else self.random.randrange(self.lab.replicas))
        found = [pid for pid, known in ledger.children(process.popen.pid) if known == name]
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
        backends = [pid for pid, _ in ledger.children(self.postmaster()) if self.lab.prefix in ledger.command_line(pid)]
        if backends and kill(self.random.choice(backends)):
            self.kills["backend"] += 1
            self.wait_for_postgresql()

    def kill_postgresql(self):
        postmaster = self.postmaster()
        for pid in [postmaster, *(pid for pid, _ in ledger.children(postmaster))]:
            kill(pid)
        self.kills["postgresql"] += 1
        self.wait_for_postgresql()

    def wait_for_postgresql(self):
        wait_until("PostgreSQL to be there again", self.start_postgresql, deadline=120)

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
