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


def post_until_taken(lab, pdf, key):
    """A portal that keeps trying with its idempotency key until it has an answer."""
    for attempt in itertools.count():
        try:
            status, answer = lab.post_raw([("document", "request.pdf", pdf)], key=key, replica=attempt % lab.replicas)
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
