"""journal: events a second from a publisher's log into audit's journal — fetched over the bus, hashed,
stored, tree and cursors in one transaction — beside plain inserts of the same rows by the same client,
without head, hashes and tree (the limit). Then inclusion proofs over HTTP from a journal of ten million entries
(BENCH_JOURNAL_ENTRIES; filled by the service's own code without the bus), each verified to the head by
independent arithmetic. There is no peer of the kind in Debian 12: Trillian and immudb are not packaged.
"""
import base64
import http.client
import json
import os
import random
import statistics
import subprocess
import time

from tests.bench import cpu
from tests.lib import journal
from tests.lib.lab import PLAN, ROOT, LabTemplate, wait_until

NAME = "journal"
UNIT = "entries/s"
ENTRIES = int(os.environ.get("BENCH_JOURNAL_ENTRIES", "10000000"))
EVENTS = int(os.environ.get("BENCH_JOURNAL_EVENTS", "128000"))  # of one round, over 64 partitions
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PROOFS = int(os.environ.get("BENCH_JOURNAL_PROOFS", "3000"))
PAYLOAD = 700
BATCH = 1024  # as compose/etc/audit.conf


def tool(template, lab, *arguments):
    lab.bring_database("audit")
    done = subprocess.run([template.build / "bench/journal_tool", template.socket, lab.prefix + "audit", "trien_audit",
                           template.dir / "keys/db/trien_audit.password", *map(str, arguments)],
                          capture_output=True, text=True, timeout=7200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def size_of(lab):
    return int(lab.value("audit", "SELECT size FROM journal_head"))


def append_round(template):
    """(entries/s, processor milliseconds per 1,000 entries) of a fresh installation that has much to read."""
    with template.lab(replicas=1) as lab:
        journal.say(lab, "intake", EVENTS // 64, payload_bytes=PAYLOAD)
        lab.start("intake")
        lab.start("audit", wait=False)
        first = wait_until("the first entries", lambda: size_of(lab))
        started, spent = time.monotonic(), cpu.by_process(lab)
        last = wait_until("every entry", lambda: size_of(lab), deadline=600, every=0.05,
                          until=lambda size: size >= EVENTS)
        seconds = time.monotonic() - started
        return (last - first) / seconds, cpu.difference(spent, cpu.by_process(lab), (last - first) / 1000)


def insert_round(template):
    with template.lab(replicas=1) as lab:
        done = tool(template, lab, "insert", EVENTS // BATCH * BATCH, BATCH, PAYLOAD)
        return done["entries"] / done["seconds"]


def ask(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)


def proofs(template, say):
    """Latencies in milliseconds of proofs of random entries, as a client sees them; what the filling took; processor
    milliseconds a proof, which say more than latencies where other work fills the machine."""
    with template.lab(replicas=1) as lab:
        filled = tool(template, lab, "fill", ENTRIES, 8 * BATCH, 64)
        say(f"{ENTRIES:,} entries filled at {filled['entries'] / filled['seconds']:,.0f}/s")
        lab.start("audit")
        # Signed now: the head that every proof must lead to.
        note = wait_until("a checkpoint", lambda: lab.sql("audit", "SELECT encode(note::bytea, 'hex') FROM checkpoint"))
        _, size, root = journal.open_note(bytes.fromhex(note[0][0]).decode(), lab.dir / "data/audit/journal.pub")
        connection = http.client.HTTPConnection("127.0.0.1", lab.base_port + PLAN["audit"], timeout=60)
        took, chosen = [], random.Random(9162)
        spent = cpu.by_process(lab)
        for number in range(PROOFS + 100):  # the first ones warm up
            entry = chosen.randrange(size)
            started = time.perf_counter()
            proof = ask(connection, f"/v1/journal/proof/inclusion?entry={entry}&size={size}")
            if number >= 100:
                took.append((time.perf_counter() - started) * 1000)
            elements = [base64.b64decode(e) for e in proof["audit_path"]]
            assert journal.root_of_path(base64.b64decode(proof["leaf_hash"]), entry, size, elements) == root
        connection.close()
        return sorted(took), filled, cpu.difference(spent, cpu.by_process(lab), PROOFS + 100)


def run(say):
    subprocess.run(["make", "--no-print-directory", "BUILD=release", "O=build/release", "build/release/bench/journal_tool"],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    template = LabTemplate(ceremony=False, fsync=True)
    try:
        ours, limit, costs = [], [], []
        for number in range(ROUNDS):
            rate, cost = append_round(template)
            ours.append(rate)
            costs.append(cost)
            limit.append(insert_round(template))
            say(f"round {number + 1}: {rate:,.0f} entries/s ({cost['all']} ms of processor per 1,000), plain inserts "
                f"{limit[-1]:,.0f}/s")
        took, filled, cost = proofs(template, say)
    finally:
        template.close()
    p50, p99 = (round(took[int(len(took) * q)], 3) for q in (0.5, 0.99))
    say(f"inclusion proofs at {ENTRIES:,} entries over HTTP: p50 {p50} ms, p99 {p99} ms, {cost['all']} ms of processor each")
    return {"ours": round(statistics.median(ours)), "limit": round(statistics.median(limit)), "peers": {},
            "p50_ms": p50, "p99_ms": p99, "proof_entries": ENTRIES, "proofs": len(took), "cpu_ms_per_proof": cost,
            "fill_per_second": round(filled["entries"] / filled["seconds"]),
            "fill_cpu_ms_per_1000": round(filled["cpu_ms"] / ENTRIES * 1000, 3),
            "cpu_ms_per_1000": costs[ours.index(sorted(ours)[len(ours) // 2])], "payload_bytes": PAYLOAD}
