"""One hop of the bus: from a business transaction that says an event to the consumer's transaction that
applied it, durable on both sides, 1 KiB events, CURVE and the ZAP handler on. Beside it what a user
would take instead, behind the same transactional outbox: RabbitMQ quorum queues (relay, publisher
confirms), and PgQ. Rounds are interleaved; medians count.

`ours` is the batched rate (8 writers, 64 events a commit); `ratio_to_best_peer` compares a commit per
event with RabbitMQ, because only that keeps the same promise. The limit is what the same writers reach
when nobody reads.
"""
from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.asker import Asker
from tests.lib import busline
from tests.lib.lab import ROOT, build_dir, run as run_program, wait_until
from tests.lib.probes import Cluster, ProbeLab

NAME, UNIT = "bus-hop", "events/s"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))  # about, for a throughput run
BYTES = 1000


def wait_taken(cluster, lab, total):
    """When the last of `total` rows was written, on the wall clock; counted at the end for certain."""
    asker = Asker(cluster.socket, "postgres", lab.database("beta"))
    end = time.monotonic() + 120
    while int(asker.ask("SELECT last_value FROM hop_taken_place_seq")) < total and time.monotonic() < end:
        time.sleep(0.01)
    while int(asker.ask("SELECT count(*) FROM hop_taken")) < total and time.monotonic() < end:
        pass
    at = time.time()
    counted = asker.ask("SELECT count(*) || ' ' || count(DISTINCT number) FROM hop_taken")
    asker.close()
    assert counted == f"{total} {total}", f"{counted} of {total} arrived"
    return at


def percentiles(milliseconds):
    ordered = sorted(milliseconds)
    return {"p50_ms": round(ordered[len(ordered) // 2], 2), "p99_ms": round(ordered[len(ordered) * 99 // 100], 2),
            "max_ms": round(ordered[-1], 2), "events": len(ordered)}


# --- ours --------------------------------------------------------------------------------------------------

def ours(cluster, writers, per_commit, commits, rate=0, latency=False, reader=True):
    """(events a second, latency or None, MiB of the two processes)"""
    lab = ProbeLab(cluster, log_messages="all" if latency else "failures", binary="bus-hop", lanes={"threads": 1})
    try:
        alpha = lab.start("alpha")
        beta = lab.start("beta") if reader else None
        peer = lab.peer()
        wait_until("alpha", lambda: peer.call("HopState", seconds=1))
        if reader:
            wait_until("beta's leases", lambda: beta.said('"leases"'))
            wait_until("beta's first fetch", lambda: int(lab.alpha(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%feed%' "
                "AND datname = current_database()")[0][0]) > 0)
        times = lab.dir / "times"
        order = busline.message((1, writers), (2, per_commit), (3, commits), (4, BYTES), (5, rate),
                                (6, str(times) if latency else ""))
        total = writers * per_commit * commits
        assert peer.call("HopGo", order)[0] == 0
        if reader:
            end = wait_taken(cluster, lab, total)
        state = lambda: busline.fields(peer.call("HopState")[1])
        wait_until("the writers' end", lambda: state()[1][0] >= total)
        begun, last = state()[2][0] / 1e6, state()[3][0] / 1e6
        memory = {p.service: resident_mib(p.popen.pid) for p in (alpha, beta) if p}
        found = None
        if latency:
            found = percentiles(ages(times, beta.log, total))
        return total / ((end if reader else last) - begun), found, memory
    finally:
        lab.close()


def resident_mib(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // (1 << 20)


def ages(times, log, total):
    """Milliseconds from the writer's commit to the line written after the reader's."""
    committed = struct.unpack(f"{total}q", times.read_bytes())
    for line in log.read_text().splitlines():
        if '"handled"' not in line or "HopSaid" not in line:
            continue
        record = json.loads(line)
        at = datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp() * 1e6
        yield (at - committed[int(record["key"])]) / 1000


# --- peers -------------------------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Rabbit:
    """RabbitMQ on loopback, its data in a folder of its own, stopped by process id."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="trien-hop-", dir="/tmp"))
        self.port, epmd_port = free_port(), free_port()
        self.user = ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", "--"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(self.dir, "rabbitmq", "rabbitmq")
        (self.dir / "rabbitmq.conf").write_text("loopback_users = none\nlog.console = false\n")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.dir), "LANG": "C.UTF-8",
                       "RABBITMQ_NODENAME": "hop@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                       "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(free_port()),
                       "ERL_EPMD_PORT": str(epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
                       "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
                       "RABBITMQ_MNESIA_BASE": str(self.dir / "data"), "RABBITMQ_LOG_BASE": str(self.dir / "log"),
                       "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.dir / "plugins"),
                       "RABBITMQ_CONFIG_FILE": str(self.dir / "rabbitmq.conf"),
                       "RABBITMQ_CONF_ENV_FILE": str(self.dir / "none")}
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd=self.dir,
                     start_new_session=True)
        epmd = shutil.which("epmd") or "/usr/bin/epmd"
        self.epmd = subprocess.Popen([*self.user, epmd, "-address", "127.0.0.1", "-port", str(epmd_port)], **quiet)
        self.server = subprocess.Popen([*self.user, "/usr/lib/rabbitmq/bin/rabbitmq-server"], **quiet)
        wait_until("RabbitMQ", self.answers, deadline=90, every=0.3)

    def answers(self):
        with socket.socket() as s:
            s.settimeout(1)
            try:
                s.connect(("127.0.0.1", self.port))
                s.sendall(b"AMQP\x00\x00\x09\x01")
                return s.recv(4)
            except OSError:
                return None

    def close(self):
        for process in (self.server, self.epmd):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def read_times(path, committed):
    for line in path.read_text().splitlines():
        number, at = map(int, line.split())
        yield (at - committed[number]) / 1000


def peer_run(cluster, kind, writers, commits, rate=0, latency=False, rabbit=None):
    lab = ProbeLab(cluster, binary="bus-hop")
    conninfo = {s: f"host={cluster.socket} dbname={lab.database(s)} user=postgres" for s in ("alpha", "beta")}
    log, times = lab.dir / "taken", lab.dir / "times"
    said = "1" if latency else "0"
    helpers = []
    bin_ = build_dir() / "bin"

    def helper(*command, out=subprocess.DEVNULL):
        helpers.append(subprocess.Popen([str(c) for c in command], stdout=out))

    try:
        with open(log, "wb") as out:
            if kind == "rabbitmq":
                cluster.psql(lab.database("alpha"), (ROOT / "tests/bench/bus_hop/peer_schema.sql").read_text())
                helper(bin_ / "hop-peer-rabbit", "relay", conninfo["alpha"], rabbit.port, said)
                helper(bin_ / "hop-peer-rabbit", "consume", conninfo["beta"], rabbit.port, said, out=out)
            else:
                cluster.psql(lab.database("alpha"), "CREATE EXTENSION pgq")
                cluster.psql(lab.database("alpha"), "SELECT pgq.create_queue('hop'); SELECT pgq.register_consumer('hop', 'beta');"
                             "SELECT pgq.set_queue_config('hop', 'ticker_max_lag', '10 milliseconds');"
                             "SELECT pgq.set_queue_config('hop', 'ticker_idle_period', '10 milliseconds')")
                helper(bin_ / "hop-peer-pgq", conninfo["alpha"], conninfo["beta"], said, out=out)
        time.sleep(1.0)  # they connect; nothing is measured yet
        wrote = run_program([bin_ / "hop-peer-writer", "pgq" if kind == "pgq" else "outbox", conninfo["alpha"], writers,
                             commits, BYTES, rate, times if latency else ""])
        end = wait_taken(cluster, lab, writers * commits)
        found = None
        if latency:
            time.sleep(0.2)
            committed = struct.unpack(f"{writers * commits}q", times.read_bytes())
            found = percentiles(read_times(log, committed))
        return writers * commits / (end - int(wrote.split()[0]) / 1e6), found
    finally:
        for process in helpers:
            process.kill()
            process.wait()
        lab.close()


# --- the whole -------------------------------------------------------------------------------------------------

def run(say):
    cluster = Cluster("tests/bench/bus_hop/schema.sql")
    rabbit = Rabbit()
    rates = {"batched": [], "single": [], "writers": [], "rabbitmq": [], "pgq": []}
    batched = max(50, int(SECONDS * 40000 / 512))
    single = max(500, int(SECONDS * 9000 / 8))
    try:
        for number in range(ROUNDS):
            rate, _, memory = ours(cluster, 8, 64, batched)
            rates["batched"].append(rate)
            rates["single"].append(ours(cluster, 8, 1, single)[0])
            rates["rabbitmq"].append(peer_run(cluster, "rabbitmq", 8, single, rabbit=rabbit)[0])
            rates["pgq"].append(peer_run(cluster, "pgq", 8, single)[0])
            rates["writers"].append(ours(cluster, 8, 64, batched, reader=False)[0])
            say(f"round {number + 1}: " + ", ".join(f"{name} {values[-1]:,.0f}" for name, values in rates.items()))
        delays = {"ours": ours(cluster, 8, 1, int(SECONDS * 125), rate=1000, latency=True)[1],
                  "rabbitmq": peer_run(cluster, "rabbitmq", 8, int(SECONDS * 125), 1000, True, rabbit)[1],
                  "pgq": peer_run(cluster, "pgq", 8, int(SECONDS * 125), 1000, True)[1]}
        say("latency at 1,000/s: " + ", ".join(f"{n} p50 {d['p50_ms']} ms p99 {d['p99_ms']} ms" for n, d in delays.items()))
    finally:
        rabbit.close()
        cluster.close()
    median = {name: round(statistics.median(values)) for name, values in rates.items()}
    return {"ours": median["batched"], "limit": median["writers"],
            "peers": {"rabbitmq_quorum_outbox_commit_per_event": median["rabbitmq"],
                      "pgq_commit_per_event": median["pgq"],
                      "nats_jetstream": "not run: it acknowledges before it syncs, another promise"},
            "commit_per_event": median["single"],
            "ratio_to_best_peer": round(median["single"] / median["rabbitmq"], 3),
            "ratio_to_pgq": round(median["single"] / median["pgq"], 3),
            "p50_ms": delays["ours"]["p50_ms"], "p99_ms": delays["ours"]["p99_ms"], "latency": delays,
            "resident_mib": memory, "rounds": {name: [round(v) for v in values] for name, values in rates.items()}}
