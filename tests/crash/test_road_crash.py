"""Is anything lost or done twice? Requests flow while random parties are killed with SIGKILL — services,
the signer, its token's worker, the inspector's zygote, single backends and the whole of PostgreSQL — and
started again. Afterwards the ledger is counted in the databases, the signer's journal and the folder of notices.

`make check` posts 2,000 requests within a minute; `make crash SECS=…` keeps on for as long as it is told.
CRASH_REQUESTS, CRASH_RATE (requests a second) and CRASH_SEED choose; on the sanitizers' build it is fewer and slower.
"""
import os
import random
import time

from tests.lib import ledger
from tests.lib.killer import Killer
from tests.lib.lab import DEADLINE, build_dir, wait_until
from tests.lib.portal import Portal, Revoker

SANITIZED = "asan" in build_dir().name
RATE = float(os.environ.get("CRASH_RATE", 8 if SANITIZED else 36))  # requests a second: faults fall between them
SECONDS = float(os.environ.get("CRASH_SECS", "0"))
REQUESTS = int(os.environ.get("CRASH_REQUESTS", "0")) or int(max(SECONDS, 20 if SANITIZED else 56) * RATE)
KILLING = REQUESTS / RATE  # seconds; where a machine is slower than that, what is left to post goes in peace
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
PATIENCE = (5 if SANITIZED else 2) * DEADLINE  # seconds until everything has ended
REPLICAS = 2


def flow(lab):
    """Posts and revokes while the killer works; {request id: whether it keeps the rules}, {form 05's id: serial}."""
    expected, began, threads = {}, time.monotonic(), 8
    killer = Killer(lab, SEED, KILLING)
    portals = [Portal(lab, range(n, REQUESTS + 1, threads), RATE, began, expected) for n in range(1, threads + 1)]
    revoker = Revoker(lab, expected, most=max(5, REQUESTS // 20))
    for thread in [killer, revoker, *portals]:
        thread.start()
    for portal in portals:
        portal.join()
    revoker.finish()
    killer.finish()
    seconds = time.monotonic() - began
    print(f"seed {SEED}: {len(expected)} requests and {len(revoker.revoked)} revocations in {seconds:.0f} s, {sum(killer.kills.values())} kills: "
          + ", ".join(f"{party} {count}" for party, count in killer.kills.most_common()))
    assert [p.error for p in portals if p.error] == [] and killer.kills and revoker.revoked
    return expected, revoker.revoked


def test_nothing_is_lost_and_nothing_done_twice(own_template):
    # Notices are many and go to one address: the cap that protects people is not what is tested here.
    with own_template.lab(replicas=REPLICAS, config={"notification": {"notices/cap_per_hour": 1_000_000}}) as lab:
        lab.start("signer")
        lab.start(*ledger.SERVICES, replicas=REPLICAS)
        lab.add_client()
        lab.add_agency()
        expected, revoked = flow(lab)
        lab.wait_well()
        began = time.monotonic()
        wait_until("everything to end", lambda: ledger.pending(lab), PATIENCE, every=0.25, until=lambda left: not left)
        print(f"all at its end after another {time.monotonic() - began:.1f} s")
        ledger.check_requests(lab, expected, revoked)
        ledger.check_certificates(lab, expected, revoked)
        ledger.check_revocations(lab, expected, revoked)
        ledger.check_logs(lab)
        ledger.check_events(lab, expected, revoked)
        ledger.check_notices(lab, expected, revoked)
        ledger.check_journal(lab, expected, revoked)
        ledger.check_audit(lab, expected, revoked)
        lab.trienctl("audit", "verify", "--live")
        ledger.check_words(lab)
        wait_until("no process left behind", lambda: ledger.orphans(lab), until=lambda found: not found)
        for process in lab.processes.values():
            process.kill()
        ledger.check_the_checks(lab, expected, revoked)
