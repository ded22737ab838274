"""A carrier as courier hears it: UPU S10 numbers, EMS events, the webhook signed by Python's hmac."""
import hashlib
import hmac
import http.client
import json
from datetime import datetime, timezone

from tests.lib.lab import REPLICA_PORTS

PATH = "/v1/tracking-events"


def s10(serial: int, service="EE", country="VN") -> str:
    digits = f"{serial:08d}"
    check = 11 - sum(int(d) * w for d, w in zip(digits, (8, 6, 4, 2, 3, 5, 9, 7))) % 11
    return f"{service}{digits}{ {10: 0, 11: 5}.get(check, check)}{country}"


def now() -> datetime:
    return datetime.now(timezone.utc)


def event(number, code, at=None, **more) -> dict:
    return {"tracking_number": number, "code": code, "time": (at or now()).isoformat(), **more}


class Post:
    """The carrier."""

    def __init__(self, lab, carrier="vnpost", secret=None, replica=0):
        self.lab, self.carrier = lab, carrier
        self.port = lab.base_port + 3 + replica * REPLICA_PORTS
        self.secret = secret or (lab.dir / "keys/carrier-vnpost.secret").read_text().strip()

    def send(self, *events, sent_at=None, signature=None, body=None):
        """(status, answer) of one call."""
        if body is None:
            body = json.dumps({"carrier": self.carrier, "sent_at": (sent_at or now()).isoformat(), "events": events})
        body = body if isinstance(body, bytes) else body.encode()
        if signature is None:
            signature = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", PATH, body, {"Content-Type": "application/json", "Trien-Signature": signature}
                               if signature else {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()
