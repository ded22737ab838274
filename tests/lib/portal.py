"""A portal that keeps at it: posts documents at a rate, each until it is taken."""
import http.client
import itertools
import threading
import time

from tests.lib import requests
from tests.lib.lab import DEADLINE

REFUSED_EVERY = 10  # every tenth request breaks a rule


def document(lab, number):
    """(PDF, whether it keeps the rules)"""
    request = requests.form03()
    good = number % REFUSED_EVERY != 0
    if not good:
        request["count"] = 2
    return lab.pdf(request), good


def post_until_taken(lab, pdf, key, attachments=()):
    """A portal that keeps trying with its idempotency key until it has an answer."""
    parts = [("document", "request.pdf", pdf), *(("attachment", f"attachment{n}.pdf", a) for n, a in enumerate(attachments, 1))]
    for attempt in itertools.count():
        try:
            status, answer = lab.post_raw(parts, key=key, replica=attempt % lab.replicas)
        except (OSError, ValueError, http.client.HTTPException) as error:  # killed meanwhile
            status, answer = 503, repr(error)
        if status == 202:
            return answer["request_id"]
        assert status >= 500, (status, answer)
        assert attempt < 100 * DEADLINE, f"intake never took the post: {answer}"
        threading.Event().wait(0.02)


class Portal(threading.Thread):
    """Posts its share of the requests, `rate` a second in all, each at its time; `expected` says which keep the rules."""

    def __init__(self, lab, numbers, rate, began, expected):
        super().__init__(daemon=True)
        self.lab, self.numbers, self.rate, self.began = lab, numbers, rate, began
        self.expected, self.error = expected, None

    def run(self):
        try:
            for number in self.numbers:
                pdf, good = document(self.lab, number)
                threading.Event().wait(max(0, self.began + number / self.rate - time.monotonic()))
                self.expected[post_until_taken(self.lab, pdf, f"key-{number}")] = good
        except Exception as error:  # the test thread says it
            self.error = error


class Revoker(threading.Thread):
    """Lets the agency give up some of its certificates while everything else happens: form 05 for one request after
    the other that has come to its end. `revoked` is {request id of form 05: serial number}."""

    def __init__(self, lab, expected, most):
        super().__init__(daemon=True)
        self.lab, self.expected, self.most = lab, expected, most
        self.revoked, self.error, self.halt = {}, None, threading.Event()

    def run(self):
        try:
            seen = set()
            while not self.halt.is_set() and len(self.revoked) < self.most:
                fresh = [r for r, good in list(self.expected.items()) if good and r not in seen]
                serial = self.serial_of(fresh[0]) if fresh else None
                if serial:
                    seen.add(fresh[0])
                    self.post(serial)
                elif fresh and len(fresh) > 20:
                    seen.add(fresh[0])  # not done yet: another one
                self.halt.wait(0.05)
        except Exception as error:  # the test thread says it
            self.error = error

    def serial_of(self, request_id):
        try:
            certificates = self.lab.get(request_id)["certificates"]
        except (OSError, ValueError, AssertionError, http.client.HTTPException):  # killed meanwhile
            return None
        return certificates[0]["serial"] if certificates else None

    def post(self, serial):
        pdf = self.lab.pdf(requests.form05([requests.revoked(serial, "ngung_hoat_dong")]))
        self.revoked[post_until_taken(self.lab, pdf, f"revoke-{serial}")] = serial

    def finish(self):
        self.halt.set()
        self.join(60)
        if self.error:
            raise self.error
