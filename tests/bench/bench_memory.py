"""How much memory does the whole stack take, one of each service, without PostgreSQL, after 100,000 events have passed
through all of it? They come from posted requests (about eight a request, and audit reads them all). Children count
(token workers, the inspector), shared pages once. The limit is 400 MiB for all; each service by itself has 40 MiB,
counted as `ps` would."""
import os
import pathlib
import subprocess
import tempfile
import time

from tests.bench.bench_issuance import CONFIG, build_tool, make_documents
from tests.lib import ledger, memory
from tests.lib.lab import LabTemplate, wait_until

NAME, UNIT = "memory", "MiB"
EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
WAVE = 1000  # requests whose documents are on disk at a time
LIMIT_MIB, LIMIT_EACH_MIB = 400, 40


def said(lab):
    """Events in the logs of all services."""
    return sum(int(lab.value(s, "SELECT coalesce(sum(next_offset - 1), 0) FROM outbox_head"))
               for s in lab.services() if s != "signer")


def post_wave(lab, poster, folder):
    paths = make_documents(lab, WAVE, pathlib.Path(folder))
    subprocess.run([poster, f"http://127.0.0.1:{lab.base_port}/v1/requests", lab.dir / "portal.token", "8", "0"],
                   input="".join(f"{p}\n" for p in paths), text=True, check=True, stdout=subprocess.DEVNULL)


def end_of(lab, deadline=600):
    """Waits until everything has ended, however slow the machine: nothing may stand still for `deadline` seconds."""
    wait_until("everything to end", lambda: ledger.pending(lab), deadline, every=0.5, until=lambda left: not left)


def run(say):
    poster = build_tool("poster", "-lcurl", "-lpthread")
    config = {**CONFIG, "notification": {**CONFIG["notification"], "notices/cap_per_hour": 1_000_000}}
    template = LabTemplate()
    try:
        with template.lab(replicas=1, config=config) as lab, tempfile.TemporaryDirectory(prefix="trien-bench-") as folder:
            lab.start("signer")
            lab.start(*(s for s in lab.services() if s != "signer"))
            lab.add_client()
            lab.add_agency()
            events, began = 0, time.monotonic()
            while events < EVENTS:
                post_wave(lab, poster, folder)
                end_of(lab)
                events = said(lab)
                say(f"{events:,} events after {time.monotonic() - began:.0f} s")
            return measure(lab, events, say)
    finally:
        template.close()


def measure(lab, events, say):
    services = {}
    for process in lab.processes.values():
        pss, rss = (memory.kib(process.popen.pid, kind) / 1024 for kind in ("Pss", "Rss"))
        alone = process.rss_kib() / 1024
        services[process.service] = {"rss_mib": round(alone, 1), "with_children_pss_mib": round(pss, 1),
                                     "with_children_rss_mib": round(rss, 1)}
        say(f"{process.service}: RSS {alone:.1f} MiB; with its children {pss:.1f} MiB proportional, {rss:.1f} MiB RSS")
    total = round(sum(s["with_children_pss_mib"] for s in services.values()), 1)
    largest = max(services, key=lambda s: services[s]["rss_mib"])
    say(f"all: {total:.1f} MiB proportional; the largest alone: {largest} {services[largest]['rss_mib']} MiB RSS "
        f"(limit {LIMIT_EACH_MIB})")
    return {"ours": total, "peers": {}, "limit": LIMIT_MIB, "events": events, "services": services,
            "largest_service": largest, "largest_rss_mib": services[largest]["rss_mib"], "limit_each_mib": LIMIT_EACH_MIB}
