"""One hop of the bus: from a business transaction that says an event to the consumer's transaction that
applied it, durable on both sides, 1 KiB events, CURVE and the ZAP handler on. Beside it what a user
would take instead, behind the same transactional outbox: RabbitMQ quorum queues (relay, publisher
confirms), and PgQ. Rounds are interleaved; medians count.

`ours` is the batched rate (8 writers, 64 events a commit); `ratio_to_best_peer` compares a commit per
event with RabbitMQ, because only that keeps the same promise behind an outbox. The limit is what the same writers reach
when nobody reads.
"""
from __future__ import annotations

import datetime
import json
import os
import statistics
import struct
import subprocess
import time
from pathlib import Path

from tests.bench.asker import Asker
from tests.bench.brokers import Nats, Rabbit
from tests.lib import busline
from tests.lib.lab import ROOT, build_dir, run as run_program, wait_until
from tests.lib.probes import Cluster, ProbeLab

NAME, UNIT = "bus-hop", "events/s"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))  # about, for a throughput run
BYTES = 1000
EVENTS_OF_MEMORY = 100_000
PROMISES = {"rabbit": "rabbitmq_quorum_outbox_commit_per_event", "pgq": "pgq_commit_per_event",
            "nats": "nats_jetstream_outbox_commit_per_event_acknowledged_before_synced"}


def wait_taken(cluster, lab, total, helpers=()):
    """When the last of `total` rows was written, on the wall clock; counted at the end for certain."""
    asker = Asker(cluster.socket, "postgres", lab.database("beta"))
    end = time.monotonic() + 120
    while int(asker.ask("SELECT last_value FROM hop_taken_place_seq")) < total and time.monotonic() < end:
        assert not any(h.poll() is not None for h in helpers), f"a peer has ended: {[h.poll() for h in helpers]}"
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

def read_times(path, committed):
    for line in path.read_text().splitlines():
        number, at = map(int, line.split())
        yield (at - committed[number]) / 1000


def start_peers(cluster, lab, conninfo, kind, broker, times, out):
    """The processes between the writers and hop_taken; `times` is "1" when the reader prints them to `out`."""
    bin_ = build_dir() / "bin"
    if kind == "pgq":
        cluster.psql(lab.database("alpha"), "CREATE EXTENSION pgq")
        cluster.psql(lab.database("alpha"), "SELECT pgq.create_queue('hop'); SELECT pgq.register_consumer('hop', 'beta');"
                     "SELECT pgq.set_queue_config('hop', 'ticker_max_lag', '10 milliseconds');"
                     "SELECT pgq.set_queue_config('hop', 'ticker_idle_period', '10 milliseconds')")
        yield subprocess.Popen([bin_ / "hop-peer-pgq", conninfo["alpha"], conninfo["beta"], times], stdout=out)
        return
    cluster.psql(lab.database("alpha"), (ROOT / "tests/bench/bus_hop/peer_schema.sql").read_text())
    run_program([bin_ / f"hop-peer-{kind}", "declare", "", broker.port, times])
    for part, database in (("relay", "alpha"), ("consume", "beta")):
        yield subprocess.Popen([bin_ / f"hop-peer-{kind}", part, conninfo[database], str(broker.port), times], stdout=out)


def peer_run(cluster, kind, broker, writers, commits, rate=0, latency=False):
    lab = ProbeLab(cluster, binary="bus-hop")
    conninfo = {s: f"host={cluster.socket} dbname={lab.database(s)} user=postgres" for s in ("alpha", "beta")}
    log, times = lab.dir / "taken", lab.dir / "times"
    helpers = []
    try:
        with open(log, "wb") as out:
            helpers.extend(start_peers(cluster, lab, conninfo, kind, broker, "1" if latency else "0", out))
        time.sleep(1.0)  # they connect; nothing is measured yet
        wrote = run_program([build_dir() / "bin/hop-peer-writer", "pgq" if kind == "pgq" else "outbox", conninfo["alpha"], writers,
                             commits, BYTES, rate, times if latency else ""])
        end = wait_taken(cluster, lab, writers * commits, helpers)
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

def all_peers(cluster, rabbit, *what):
    """{name: (rate, latency)}, one after the other."""
    with rabbit.awake():
        found = {"rabbit": peer_run(cluster, "rabbit", rabbit, *what)}
    with Nats() as nats:
        found["nats"] = peer_run(cluster, "nats", nats, *what)
    return {**found, "pgq": peer_run(cluster, "pgq", None, *what)}


def one_round(cluster, rabbit, rates):
    batched, single = max(50, int(SECONDS * 40000 / 512)), max(500, int(SECONDS * 9000 / 8))
    rates["batched"].append(ours(cluster, 8, 64, batched)[0])
    rates["single"].append(ours(cluster, 8, 1, single)[0])
    for name, (rate, _) in all_peers(cluster, rabbit, 8, single).items():
        rates[name].append(rate)
    rates["writers"].append(ours(cluster, 8, 64, batched, reader=False)[0])


def measure(cluster, rabbit, say):
    rates = {name: [] for name in ("batched", "single", *PROMISES, "writers")}
    commits = int(SECONDS * 125)
    for number in range(ROUNDS):
        one_round(cluster, rabbit, rates)
        say(f"round {number + 1}: " + ", ".join(f"{name} {values[-1]:,.0f}" for name, values in rates.items()))
    delays = {"ours": ours(cluster, 8, 1, commits, rate=1000, latency=True)[1]}
    delays.update((name, found[1]) for name, found in all_peers(cluster, rabbit, 8, commits, 1000, True).items())
    say("latency at 1,000/s: " + ", ".join(f"{n} p50 {d['p50_ms']} ms p99 {d['p99_ms']} ms" for n, d in delays.items()))
    memory = ours(cluster, 8, 16, EVENTS_OF_MEMORY // 128)[2]
    say(f"resident after {EVENTS_OF_MEMORY:,} events: " + ", ".join(f"{n} {m} MiB" for n, m in memory.items()))
    return rates, delays, memory


def run(say):
    cluster = Cluster("tests/bench/bus_hop/schema.sql")
    try:
        with Rabbit() as rabbit:
            rates, delays, memory = measure(cluster, rabbit, say)
    finally:
        cluster.close()
    median = {name: round(statistics.median(values)) for name, values in rates.items()}
    return {"ours": median["batched"], "limit": median["writers"],
            "peers": {PROMISES[name]: median[name] for name in PROMISES}, "commit_per_event": median["single"],
            "ratio_to_best_peer": round(median["single"] / median["rabbit"], 3),
            "ratio_to_pgq": round(median["single"] / median["pgq"], 3),
            "ratio_to_nats_unsynced": round(median["single"] / median["nats"], 3),
            "p50_ms": delays["ours"]["p50_ms"], "p99_ms": delays["ours"]["p99_ms"], "latency": delays,
            "resident_mib_after_100000_events": memory,
            "rounds": {name: [round(v) for v in values] for name, values in rates.items()}}
