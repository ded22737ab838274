"""Is every row of every handler table worked for while everything is killed? The rows are asked of the built programs
(`--flow`). Devices go their whole way (ordered, shipped, followed, handed over by form 07, asked back by form 05, overdue,
returned by form 08, lost by forms 05 and 09), agencies ask for what is granted, refused and fails, operators give every
command, the public asks; all of them repeat themselves until they are answered. The killing ends when each row was
handled, every service killed, and the time over; afterwards everything must have come to its end, once.

CRASH_SECS (seconds at least) and CRASH_SEED choose.
"""
import collections
import os
import random
import time
from datetime import timedelta

from tests.lib import ledger, requests
from tests.lib.carrier import now
from tests.lib.drivers import Agency, Devices, Operators, Public
from tests.lib.killer import Killer
from tests.lib.lab import DEADLINE, wait_until
from tests.lib.rows import Seen, due

SECONDS = float(os.environ.get("CRASH_SECS", "20"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
LATE = "agencies-g2"  # the authority whose list is stale at first: the first request waits for the next one
DAY = timedelta(days=1)


def configure(lab, gateway):
    """Every line is written; messages go out by file and by gateway; another responder's key waits for its officers."""
    notification = gateway.settings(lab) | {"notices/cap_per_hour": 1_000_000, "receipts/wait": "3s"}
    for service in lab.services():
        for replica in range(lab.replicas_of(service)):
            more = {"notification": notification | {"sms/transport": ("file", "gateway")[replica]},
                    "validation": {f"crls/{LATE}": f"file://{lab.dir}/{LATE}.crl"}, "status": {"responder/key": "another"}}
            lab.configure(service, {"log/level": "debug", **more.get(service, {})}, replica)


def publish(lab, **options):
    fresh = lab.dir / "fresh.crl"
    fresh.write_bytes(lab.template.pki.authorities[LATE].crl(**options))
    fresh.replace(lab.dir / f"{LATE}.crl")


def flood(lab, seen):
    """Everybody at work until there is nothing left to see; {device: the state it must be in}."""
    ends = {}
    killer = Killer(lab, SEED)
    drivers = [Devices(lab, 1001, ends), Devices(lab, 500_002, ends), Agency(lab), Operators(lab), Public(lab)]
    began = time.monotonic()
    def rest():
        assert [d.error for d in (*drivers, killer) if d.error] == []
        unkilled = [p.service for p in lab.processes.values() if not killer.kills[p.service]]
        return unkilled, seen.look().missing(), time.monotonic() - began < SECONDS

    killer.start()
    try:
        publish(lab, number=5, this_update=now() - 3 * DAY, next_update=now() - DAY)
        first = Agency(lab)
        first.told(first.post(requests.form03()), "RequestWaiting")
        wait_until("the alarm", lambda: ("validation", "effect", "raise_alarm") in seen.look().rows, every=0.2)
        publish(lab, number=6)
        for driver in drivers:
            driver.start()
        wait_until("every row to be handled", rest, 8 * DEADLINE + SECONDS, every=0.5, until=lambda left: not any(left))
    finally:
        killer.halt.set()
        killer.join(90)
        for driver in drivers:
            driver.halt.set()
    assert killer.error is None, killer.error
    print(f"seed {SEED}: {len(due())} rows in {time.monotonic() - began:.0f} s, {sum(killer.kills.values())} kills: "
          + ", ".join(f"{party} {count}" for party, count in killer.kills.most_common()))
    for driver in drivers:
        driver.join(8 * DEADLINE)
    assert [d.name for d in drivers if d.error or d.is_alive()] == [], [d.error for d in drivers]
    return ends


def check_devices(lab, ends):
    """Each went its way once: its custody is one road, and each event about it was said once."""
    roads = {"initialised": "in_stock assigned personalised dispatched delivered handed_over recalled returned initialised",
             "lost": "in_stock assigned personalised dispatched delivered handed_over lost"}
    custody = collections.defaultdict(list)
    for device, state in lab.sql("courier", "SELECT device_serial, to_state FROM custody ORDER BY device_serial, at"):
        custody[device].append(state)
    assert {device: " ".join(custody[device]) for device in ends} == {device: roads[end] for device, end in ends.items()}
    assert len(ends) >= 2 and set(ends.values()) == set(roads)
    for kind, states in (("DeviceReturned", ("initialised",)), ("DeviceLost", ("lost",)), ("DeviceHandedOver", tuple(roads))):
        said = dict(lab.sql("courier", f"SELECT key, count(*) FROM outbox WHERE type = '{kind}' GROUP BY 1"))
        assert sorted(said.values()) == ["1"] * sum(end in states for end in ends.values()), (kind, said)


def test_every_row_of_every_table(own_template, gateway):
    with own_template.lab(replicas=2) as lab:
        configure(lab, gateway)
        seen = Seen(lab)
        lab.start("signer")
        lab.start(*ledger.SERVICES, replicas=2, wait=False)
        lab.wait_well(*(p for p in lab.processes.values() if p.service not in ("status", "validation")))  # these two wait
        lab.add_client()
        lab.add_agency()
        lab.add_devices(40 + int(SECONDS))
        ends = flood(lab, seen)
        lab.wait_well()
        wait_until("everything to end", lambda: ledger.pending(lab), 2 * DEADLINE, every=0.25, until=lambda left: not left)
        check_devices(lab, ends)
        ledger.check_logs(lab)
        ledger.check_journal(lab, {})
        ledger.check_audit(lab, {}, {})
        ledger.check_words(lab)
        wait_until("no process left behind", lambda: ledger.orphans(lab), until=lambda found: not found)
