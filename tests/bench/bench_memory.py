"""How much memory does the whole stack take, one of each service, without PostgreSQL, after requests have passed
through all of it? Children count (token workers, the inspector), shared pages once. The limit is 400 MiB for all."""
import os
import time

from tests.lib import ledger, memory
from tests.lib.lab import LabTemplate, wait_until
from tests.lib.portal import Portal

NAME, UNIT = "memory", "MiB"
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "500"))
LIMIT_MIB = 400


def run(say):
    template = LabTemplate()
    try:
        with template.lab(replicas=1, config={"notification": {"notices/cap_per_hour": 1_000_000}}) as lab:
            lab.start("signer")
            lab.start(*(s for s in lab.services() if s != "signer"))
            lab.add_client()
            lab.add_agency()
            expected, began = {}, time.monotonic()
            portals = [Portal(lab, range(n, REQUESTS + 1, 4), 1000, began, expected) for n in range(1, 5)]
            for portal in portals:
                portal.start()
            for portal in portals:
                portal.join()
            wait_until("everything to end", lambda: ledger.pending(lab), 600, every=0.5, until=lambda left: not left)
            return measure(lab, say)
    finally:
        template.close()


def measure(lab, say):
    services = {}
    for process in lab.processes.values():
        pss, rss = (memory.kib(process.popen.pid, kind) / 1024 for kind in ("Pss", "Rss"))
        services[process.service] = {"pss_mib": round(pss, 1), "rss_mib": round(rss, 1)}
        say(f"{process.service}: {pss:.1f} MiB (RSS {rss:.1f})")
    total = {kind: round(sum(s[kind] for s in services.values()), 1) for kind in ("pss_mib", "rss_mib")}
    say(f"all: {total['pss_mib']:.1f} MiB proportional, {total['rss_mib']:.1f} MiB if every shared page counted again")
    return {"ours": total["pss_mib"], "peers": {}, "limit": LIMIT_MIB, "services": services, "requests": REQUESTS, **total}
