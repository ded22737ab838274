"""issuance: certificates a second from posted PDF (about 60 KB, one subscriber each) to stored certificate,
through every service, for P-256, RSA-2048 and RSA-4096 CA keys; services, PostgreSQL (fsync on) and the
poster share the machine. Beside the raw rate of the same token through libp11 when both cores do nothing
else (the limit), and beside `cfssl serve`, which signs a posted CSR with a key in memory and stores
nothing. Services log failures only (log/messages): the log of a line per message is for a disk of its own.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

from tests.bench import cfssl, cpu
from tests.bench.asker import Asker
from tests.lib import requests
from tests.lib.lab import ROOT, LabTemplate, wait_until

NAME = "issuance"
UNIT = "certificates/s (P-256 CA key)"
COUNT = int(os.environ.get("BENCH_REQUESTS", "3000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
KINDS = {"p256": COUNT, "rsa2048": COUNT, "rsa4096": COUNT // 3}
SERVICES = ("intake", "validation", "signing", "signer", "notification", "status")
CONFIG = {service: {"log/messages": "failures"} for service in SERVICES}


def build_tool(name, *libraries):
    out = ROOT / "build/bench" / name
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-o", out, ROOT / f"tests/bench/{name}.c", *libraries], check=True)
    return out


def make_documents(lab, count, folder):
    """Signed PDFs, each with a key of its own; the keys are made beforehand and once."""
    paths = []
    for number in range(count):
        path = folder / f"{number}.pdf"
        path.write_bytes(lab.pdf(requests.form03(), size_kb=60))
        paths.append(path)
    return paths


def issued(asker):
    """How many certificates signing has said so far: its heads, which cost nothing to read."""
    return int(asker.ask("SELECT sum(next_offset) FROM outbox_head"))


def round_of(lab, poster, paths):
    """Certificates a second of one flood, what the poster says, processor time a request. After a checkpoint
    PostgreSQL writes into segments of its log that it has, as it does from its first day's end on."""
    lab.template.psql("postgres", "CHECKPOINT")
    asker = Asker(lab.template.socket, "trien_admin", f"{lab.prefix}signing",
                  PGPASSFILE=str(lab.template.dir / "keys/db/passfile"))
    before, stored = issued(asker), int(lab.value("signing", "SELECT count(*) FROM certificate"))
    spent = cpu.by_process(lab)
    started = time.monotonic()
    posting = subprocess.Popen([poster, f"http://127.0.0.1:{lab.base_port}/v1/requests", lab.dir / "portal.token", "8", "0"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    posting.stdin.write("".join(f"{p}\n" for p in paths))
    posting.stdin.close()
    wait_until("every certificate", lambda: issued(asker) - before >= len(paths), deadline=120, every=0.05)
    seconds = time.monotonic() - started
    asker.close()
    post = json.loads(posting.stdout.read())
    posting.wait()
    assert post["refused"] == 0, post
    after = cpu.by_process(lab) | {"poster": post["cpu_ms"]}
    assert int(lab.value("signing", "SELECT count(*) FROM certificate")) - stored == len(paths)
    return len(paths) / seconds, post, cpu.difference(spent, after, len(paths))


def rate_of(kind, poster, say):
    """(median rate, resident MiB and processor milliseconds a request) with a CA key of this kind."""
    template = LabTemplate(fsync=True, ceremony_key=kind)
    try:
        with template.lab(replicas=1, config=CONFIG) as lab, tempfile.TemporaryDirectory(prefix="trien-bench-") as folder:
            lab.start(*SERVICES)
            lab.add_client()
            lab.add_agency()
            rounds = []
            for number in range(ROUNDS):
                paths = make_documents(lab, KINDS[kind], pathlib.Path(folder))
                rate, post, cost = round_of(lab, poster, paths)
                rounds.append((rate, cost))
                say(f"{kind}: round {number + 1}: {rate:.0f} certificates/s, {cost['all']} ms of processor each, "
                    f"post p50 {post['p50_ms']} ms, p99 {post['p99_ms']} ms")
            memory = {p.service: p.rss_kib() // 1024 for p in lab.processes.values()}
            rate, cost = sorted(rounds, key=lambda r: r[0])[len(rounds) // 2]
            return rate, memory, cost
    finally:
        template.close()


def token_rates(say):
    """Raw signatures a second of a SoftHSM token through libp11, both cores."""
    subprocess.run(["make", "--no-print-directory", "BUILD=release", "O=build/release", "build/release/bench/token_rate"],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([ROOT / "build/release/bench/token_rate"], cwd=ROOT, capture_output=True, text=True, check=True)
    rates = {k: float(v) for k, v in re.findall(r"^(\w+) ([\d.]+)", done.stdout, re.M)}
    say("raw token: " + ", ".join(f"{k} {v:.0f}/s" for k, v in rates.items()))
    return rates


def run(say):
    poster = build_tool("poster", "-lcurl", "-lpthread")
    limits = token_rates(say)
    peer = cfssl.rate()
    say(f"cfssl serve: {peer}")
    result, memory, cost = {}, {}, {}
    for kind in KINDS:
        result[kind], memory[kind], cost[kind] = rate_of(kind, poster, say)
    ratios = {f"{k}_ratio_to_raw_token": round(result[k] / limits[k], 3) for k in KINDS}
    return {"ours": round(result["p256"], 1), "limit": limits["p256"], "peers": {"cfssl serve": peer},
            "rsa2048": round(result["rsa2048"], 1), "rsa4096": round(result["rsa4096"], 1), **ratios,
            "raw_token": limits, "cpu_ms_per_request": cost, "resident_mib": memory, "requests": KINDS, "rounds": ROUNDS}
