"""People and programs that keep at their work while everything under them is killed: each step is repeated until
it is answered, as its sender would. Every driver is a thread that goes round and round until it is told to stop."""
from __future__ import annotations

import contextlib
import hashlib
import http.client
import itertools
import json
import shutil
import subprocess
import threading
import time
from datetime import timedelta

from tests.lib import busline, public, requests
from tests.lib.carrier import Post, event, now, s10
from tests.lib.lab import DEADLINE, ROOT
from tests.lib.portal import post_until_taken

NOT_NOW = (OSError, ValueError, AssertionError, http.client.HTTPException, subprocess.TimeoutExpired, LookupError)
NOBODY = "0193a5c0-0000-7000-8000-000000000001"
STATION = threading.Lock()  # one token, one operator in front of it


def until(what, look, patience=6 * DEADLINE):
    """The first true answer; what is killed meanwhile is asked again."""
    end, seen = time.monotonic() + patience, None
    while time.monotonic() < end:
        try:
            seen = look()
            if seen:
                return seen
        except NOT_NOW as error:
            seen = error
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}; last seen: {seen!r}")


def known(step):
    """For a step whose answer is not looked at."""
    return lambda: (step(), True)[1]


class Driver(threading.Thread):
    def __init__(self, lab, first=1):
        super().__init__(daemon=True)
        self.lab, self.halt, self.error = lab, threading.Event(), None
        self.rounds = itertools.count(first)

    def run(self):
        try:
            for number in self.rounds:
                self.round(number)
                if self.halt.wait(0.05):
                    return
        except Exception as error:  # the test thread says it
            self.error = error

    def post(self, form, attachments=()):
        pdf = self.lab.pdf(form)
        return post_until_taken(self.lab, pdf, hashlib.sha256(pdf).hexdigest(), attachments)

    def request(self, request_id):
        return self.lab.get(request_id, replica=int(time.monotonic() * 20) % self.lab.replicas)

    def ended(self, request_id):
        return until(f"{request_id} to end", lambda: (r := self.request(request_id))["state"] in ("completed", "rejected", "failed") and r)

    def told(self, request_id, name):
        until(f"{name} of {request_id}", lambda: any(line["event"] == name for line in self.request(request_id)["timeline"]))


class Devices(Driver):
    """One device after the other: ordered, made, shipped, handed over; then asked back and returned, or lost."""

    def __init__(self, lab, first, ends):
        super().__init__(lab, first)
        self.ends = ends  # {device serial: the state it ended in}

    def state(self, device):
        return self.lab.value("courier", f"SELECT state FROM device WHERE device_serial = '{device['device_serial']}'")

    def is_in(self, device, state):
        until(f"{device} to be {state}", lambda: self.state(device) == state)

    def round(self, number):
        request, device = self.make()
        self.ship(request, device, s10(number))
        handed = self.post(requests.form07([device]))
        assert self.ended(handed)["state"] == "completed"
        again = self.post(requests.form07([device]))  # it is handed over already
        assert self.ended(again)["state"] == "failed"
        self.told(again, "DeviceReportRefused")
        (self.bring_back if number % 2 else self.lose)(request, device)
        self.ends[device["device_serial"]] = "initialised" if number % 2 else "lost"

    def make(self):
        request = self.post(requests.form01() | {"delivery": "public_post"})
        until(f"{request} to wait for its key", lambda: self.request(request)["subscribers"][0]["state"] == "key_awaited")
        with STATION:
            until("the station", known(lambda: self.lab.trienctl("station", "run", "--request", request)))
        assert self.ended(request)["state"] == "completed"
        row = until("its device", lambda: self.lab.sql(
            "courier", f"SELECT device_serial, certificate_serial FROM device WHERE request_id = '{request}' AND state = 'personalised'"))[0]
        return request, dict(zip(("device_serial", "certificate_serial"), row))

    def ship(self, request, device, parcel):
        until("the parcel to leave", known(lambda: self.lab.trienctl("ship", "send", "--request", request, "--tracking", parcel, "--key", parcel)))
        for hours, code in ((5, "EMA"), (3, "EMG"), (1, "EMI")):
            word = event(parcel, code, now() - timedelta(hours=hours))
            until("the carrier to be heard", lambda: Post(self.lab, replica=hours % self.lab.replicas).send(word)[0] == 200)
        self.is_in(device, "delivered")

    def give_up(self, device, cause, attachments=()):
        row = requests.revoked(device["certificate_serial"], cause, device_serial=device["device_serial"])
        assert self.ended(self.post(requests.form05([row]), attachments))["state"] == "completed"

    def bring_back(self, request, device):
        self.give_up(device, "nghi_huu")
        self.is_in(device, "recalled")
        until("a day it is due", lambda: self.lab.value("courier", "UPDATE device SET due_on = current_date - 2 WHERE device_serial = "
                                                        f"'{device['device_serial']}' AND due_on IS NOT NULL RETURNING 1"))
        self.told(request, "RecallOverdue")
        assert self.ended(self.post(requests.form08([device])))["state"] == "completed"
        self.is_in(device, "returned")
        with STATION:
            until("it to be emptied", known(lambda: self.lab.trienctl("station", "wipe", "--device-serial", device["device_serial"])))

    def lose(self, request, device):
        minutes = self.lab.pdf(requests.form09([requests.lost(device["certificate_serial"], device["device_serial"])]))
        self.give_up(device, "that_lac", [minutes])
        self.is_in(device, "lost")
        self.told(request, "DeviceLost")


class Agency(Driver):
    """Requests that need no device, with each way they can end, and what officers do beside them."""

    def issue(self, form=None):
        request = self.ended(self.post(form or requests.form03()))
        assert request["state"] == "completed", request
        return request["certificates"][0]["serial"]

    def issue_by_bus(self):
        """As a portal that speaks the bus; the attachment is larger than a call and comes in pieces."""
        files = [self.lab.dir / f"bus-{next(self.rounds)}{kind}.pdf" for kind in ("", "-attached")]
        for path, content in zip(files, (self.lab.pdf(requests.form03()), b"%PDF-1.7" * 200_000)):
            path.write_bytes(content)
        receipt = until("the bus to take it", lambda: json.loads(self.lab.trienctl(
            "--json", "submit", "--bus", files[0], "--attach", files[1], "--token-file", self.lab.dir / "portal.token", timeout=60)))
        assert self.ended(receipt["request_id"])["state"] == "completed"

    def round(self, number):
        self.issue_by_bus()
        text, _ = requests.csr()
        first, second = requests.form03(), requests.form03()
        for form in (first, second):
            form["subscribers"][0]["csr"] = text
        second["subscribers"][0]["name"] = "Cổng dịch vụ khác TEST"
        serial = self.issue(first)
        assert self.ended(self.post(second))["state"] == "failed"  # a key belongs to one lineage
        assert self.ended(self.post(requests.form03() | {"count": 2}))["state"] == "rejected"
        self.revoke_twice(serial)
        self.expire(self.issue())
        by_officer = self.issue()
        until("the officer", known(lambda: self.lab.trienctl("revoke", by_officer, "--cause", "lo_mat_khau", "--note", "gọi điện")))

    def revoke_twice(self, serial):
        form = requests.form05([requests.revoked(serial, "ngung_hoat_dong")])
        assert self.ended(self.post(form))["state"] == "completed"
        # validation as it was before it heard of that
        until("validation to forget", lambda: self.lab.value("validation", "UPDATE certificate SET came_from = 'new', state = 'valid' "
                                                             f"WHERE serial = '{serial}' AND state = 'revoked' RETURNING 1"))
        again = self.post(requests.form05([requests.revoked(serial, "ngung_hoat_dong")]))
        self.told(again, "RevocationRefused")

    def expire(self, serial):
        until("its last day", known(lambda: self.lab.sql(
            "revocation", "ALTER TABLE certificate DISABLE TRIGGER certificate_step; UPDATE certificate SET not_before = now() - "
                          f"interval '2 days', not_after = now() - interval '1 day' WHERE serial = '{serial}'; "
                          "ALTER TABLE certificate ENABLE TRIGGER certificate_step")))
        until("its end", lambda: self.lab.value("validation", f"SELECT state FROM certificate WHERE serial = '{serial}'") == "expired")


class Operators(Driver):
    """Every command of the operators and officers, and the calls that no command makes."""

    def round(self, number):
        lab, portal, folder = self.lab, f"portal-{number}", self.lab.dir / f"round-{number}"
        spare = lab.dir / f"spare-{number}.csv"
        spare.write_text(f"device_serial,device_kind,model\nSPARE-{number},pki_token,TEST\n")
        calendar = ROOT / "services/validation/data/working-calendar.csv"
        for words in (("client", "add", portal, "--name", "TEST", "--token-file", lab.dir / f"{portal}.token"), ("client", "list"),
                      ("client", "revoke", portal), ("show", NOBODY), ("agency", "list"), ("agency", "withdraw", "H26.14", "0" * 64), ("forms",), ("crls",),
                      ("review", "list"), ("review", "approve", NOBODY, "--officer", "officer1"),
                      ("device", "add", spare), ("device", "retire", f"SPARE-{number}", "--reason", "hỏng"), ("device", "list"),
                      ("device", "check", f"SPARE-{number}", "--note", "rỗng"),
                      ("ship", "list"), ("station", "list"), ("revocation-lists",),
                      ("revocation-lists", "accept", "issuing1/999999", "--note", "TEST"), ("certificate", "54abcdef"),
                      ("export", "--dir", folder), ("calendar", "import", calendar),
                      ("audit", "export", "--dir", lab.dir / f"copy-{number}"), ("audit", "verify", "--live"),
                      ("audit", "check", "--criteria", "16.*"), ("audit", "begin-journal", "--officer", "officer1", "--note", "TEST", "--yes"),
                      ("responder", "approve", "--officer", "officer1", "--yes"), ("responder", "approve", "--officer", "officer2", "--yes"),
                      ("ship", "record", NOBODY, "--state", "LOST", "--note", "TEST")):
            self.command(*words)
        for service, method in (("courier", "ListCarriers"), ("intake", "GetDocument"), ("signing", "FindCertificate"), ("audit", "GetCheckpoint"),
                                ("audit", "ListCheckpoints"), ("revocation", "GetCrl"), ("intake", "ShowRequest")):
            self.call(service, method)
        # No journal is broken here: an officer's word is refused.
        self.call("audit", "BeginJournal", "officer1", busline.message((1, "x"), (2, busline.message((1, "x"), (2, "x")))))
        shutil.rmtree(folder, ignore_errors=True)

    def command(self, *words):
        """Once; whether it was heard is what the rows are for."""
        with contextlib.suppress(*NOT_NOW):
            self.lab.trienctl(*words, timeout=60)

    def call(self, service, method, principal="operator", payload=busline.message((1, "x"))):
        keys = self.lab.dir / "keys/bus"
        own = tuple((keys / f"{principal}.{half}").read_text().strip() for half in ("public", "secret"))
        address = self.lab.bus_addresses(service).split()[next(self.rounds) % self.lab.replicas]
        peer = busline.Peer(address, (keys / f"{service}.public").read_text().strip(), own)
        with contextlib.suppress(*NOT_NOW):
            peer.call(method, payload, seconds=2)
        peer.close()


class Public(Driver):
    """Everybody else: relying parties, the portal's lists, auditors."""

    def round(self, number):
        lab, replica = self.lab, number % self.lab.replicas
        issuer = public.authority(lab, "issuing1")
        status = lab.processes[f"status-{replica}"]
        with contextlib.suppress(*NOT_NOW):
            public.ask_serial(status, issuer, 0x1234)
            encoded = "MGEwXzBdMFswWTANBglghkgBZQMEAgEFAAQg"  # cut short: refused, and answered
            for path in (f"/ocsp/{encoded}", "/ca/root1.cer", "/crl/issuing1.crl", "/certificates/54abcdef.cer",
                         "/policies/", "/policies/cps/1"):
                public.get(status, path)
        for path in ("", f"/{NOBODY}", f"/{NOBODY}/certificates/54abcdef.cer"):
            with contextlib.suppress(*NOT_NOW):
                lab.http("GET", f"/v1/requests{path}", replica=replica)
        for path in ("checkpoint", "entries?from=0&limit=2", "proof/inclusion?entry=0&size=2", "proof/consistency?from=1&to=2"):
            with contextlib.suppress(*NOT_NOW):
                public.get(lab.processes[f"audit-{replica}"], f"/v1/journal/{path}")
