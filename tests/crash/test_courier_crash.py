"""Does a parcel end where its carrier said, whatever dies meanwhile? Parcels are sent off and followed while
both replicas of courier are killed with SIGKILL again and again. Every call is repeated until it is answered,
as carriers and stations do, words come shuffled and twice; afterwards each device was sent off once, arrived once
and said so once, and no word is lost or kept twice.

CRASH_SECS (seconds of killing), CRASH_SEED choose.
"""
import json
import os
import random
import subprocess
import threading
import time
from datetime import timedelta

import pytest

from tests.lib.carrier import Post, event, now, s10
from tests.lib.lab import build_dir, wait_until

SECONDS = float(os.environ.get("CRASH_SECS", "15"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
PARCELS = int(max(SECONDS * 2, 20))
WAY = ("EMA", "EMC", "EMG", "EDG", "EMH", "EDG", "EMI")
REQUEST = "0193a5c0-0000-7000-8000-{:012x}"

pytestmark = pytest.mark.lab(replicas=2)


class Killer(threading.Thread):
    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.random, self.halt, self.kills = lab, random.Random(SEED), threading.Event(), 0

    def run(self):
        while not self.halt.wait(self.random.uniform(0.2, 1.0)):
            process = self.lab.process("courier", self.random.randrange(2))
            process.kill()
            self.kills += 1
            self.halt.wait(self.random.choice((0, 0.1, 0.4)))
            process.start()


def until_answered(act):
    """Repeats a call until it is answered, as its sender would."""
    end = time.monotonic() + 60
    while True:
        try:
            return act()
        except (OSError, ValueError, subprocess.TimeoutExpired, AssertionError) as error:
            if time.monotonic() > end:
                raise AssertionError(f"no answer: {error}") from error
            time.sleep(0.05)


def stock(lab):
    """One ready device a parcel, made by the steps a device takes."""
    rows = [(n, f"CR-{n:05d}", REQUEST.format(n)) for n in range(1, PARCELS + 1)]
    sql = "".join(f"INSERT INTO request VALUES ('{r}', 'H26.14', 'TEST', 'public_post');" for _, _, r in rows)
    sql += "INSERT INTO device (device_serial, device_kind, state, event, actor, changed_at) VALUES " + ",".join(
        f"('{d}', 'pki_token', 'in_stock', 'AddDevices', 'test', now())" for _, d, _ in rows) + ";"
    for n, d, r in rows:
        sql += (f"UPDATE device SET state = 'assigned', event = 'KeyAwaited', request_id = '{r}', number = 1 "
                f"WHERE device_serial = '{d}'; UPDATE device SET state = 'personalised', event = 'CertificateIssued', "
                f"certificate_serial = '54{n:04x}' WHERE device_serial = '{d}';")
    lab.sql("courier", sql)
    return [(n, d) for n, d, _ in rows]


def send_off(lab, n, device):
    """The same call until somebody answers: one shipment."""
    arguments = ("--json", "ship", "send", device, "--tracking", s10(n), "--key", f"parcel {n}")
    first = until_answered(lambda: json.loads(lab.trienctl(*arguments))["shipment_id"])
    assert until_answered(lambda: json.loads(lab.trienctl(*arguments))["shipment_id"]) == first


def follow(lab, n, chance):
    """All words about a parcel, shuffled, some twice, each call to either replica until it is taken."""
    begin = now() - timedelta(hours=9)
    words = [event(s10(n), code, begin + timedelta(hours=hour)) for hour, code in enumerate(WAY)]
    words += chance.choices(words, k=3)
    chance.shuffle(words)
    for word in words:
        def act(word=word):
            post = Post(lab, replica=chance.randrange(2))
            status, answer = post.send(word)
            assert status == 200, answer
        until_answered(act)


def test_every_parcel_ends_where_its_carrier_said(lab):
    chance = random.Random(SEED)
    lab.start("courier", replicas=2)
    parcels = stock(lab)
    killer = Killer(lab)
    killer.start()
    began = time.monotonic()
    for n, device in parcels:
        if time.monotonic() - began > SECONDS:
            killer.halt.set()
        if chance.random() < 0.3:  # the carrier is faster than the station
            follow(lab, n, chance)
            send_off(lab, n, device)
        else:
            send_off(lab, n, device)
            follow(lab, n, chance)
    killer.halt.set()
    killer.join(60)
    for process in lab.processes.values():
        if not process.alive():
            process.start()
    lab.wait_well()
    print(f"seed {SEED}, {build_dir().name}: {len(parcels)} parcels, {killer.kills} kills in {time.monotonic() - began:.0f} s")
    wait_until("every device to be delivered",
               lambda: lab.value("courier", "SELECT count(*) FROM device WHERE state <> 'delivered'"), until=lambda c: c == "0")

    def count(sql):
        return int(lab.value("courier", sql))
    total = len(parcels)
    assert count("SELECT count(*) FROM shipment") == count("SELECT count(*) FROM dispatch_key") == total
    assert count("SELECT count(*) FROM shipment WHERE state = 'DELIVERED'") == total
    assert count("SELECT count(*) FROM tracking_event") == total * len(WAY)
    for kind in ("DeviceDispatched", "DeviceDelivered"):
        assert count(f"SELECT count(*) FROM outbox WHERE type = '{kind}'") == total
        assert count(f"SELECT count(DISTINCT key) FROM outbox WHERE type = '{kind}'") == total
    assert count("SELECT count(*) FROM custody WHERE to_state = 'delivered'") == total
