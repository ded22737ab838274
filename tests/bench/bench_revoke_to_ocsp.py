"""revoke-to-ocsp: from the moment a request for revocation is accepted (validation's RequestAccepted) to the first
OCSP answer that says revoked, asked over and over by the public, while 200 other requests a second flow through
every service. The limit is what is promised: 500 ms for 99 of 100. Nobody else offers the same road, so there is no
peer. PostgreSQL with fsync on; everything shares the machine.
"""
import base64
import http.client
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from tests.bench.bench_issuance import build_tool, make_documents
from tests.lib import requests
from tests.lib.lab import PLAN, LabTemplate, wait_until
from tests.lib.public import authority

NAME = "revoke-to-ocsp"
UNIT = "ms (p99) from accepted request to the first answer that says revoked"
RATE = int(os.environ.get("BENCH_RATE", "200"))  # requests a second beside
REVOCATIONS = int(os.environ.get("BENCH_REVOCATIONS", "100"))
PAUSE = 0.2  # seconds between two of them
PROMISED_MS = 500
SERVICES = ("intake", "validation", "signing", "signer", "revocation", "notification", "status")
CONFIG = {service: {"log/messages": "failures"} for service in SERVICES}
ROWS = 50  # subscribers of one request that is to be given up


class Public(threading.Thread):
    """Asks for one certificate until it is revoked; `seen_at` is when that was."""

    def __init__(self, lab, path):
        super().__init__(daemon=True)
        self.port, self.path, self.seen_at = lab.base_port + PLAN["status"], path, None

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        end = time.monotonic() + 120
        while self.seen_at is None and time.monotonic() < end:
            connection.request("GET", self.path)
            answer = ocsp.load_der_ocsp_response(connection.getresponse().read())
            if (answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
                    and answer.certificate_status == ocsp.OCSPCertStatus.REVOKED):
                self.seen_at = time.time()
            else:
                time.sleep(0.004)
        connection.close()


def issue(lab):
    """[(serial, OCSP path)] of certificates to give up."""
    made, issuer = [], authority(lab, "issuing1")
    for _ in range(-(-REVOCATIONS // ROWS)):
        request = lab.wait_request(lab.post(lab.pdf(requests.form03(ROWS)))["request_id"])
        for row in request["certificates"]:
            certificate = x509.load_der_x509_certificate(lab.certificate(request["request_id"], row["serial"]))
            asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256()).build()
            der = base64.b64encode(asked.public_bytes(serialization.Encoding.DER))
            made.append((row["serial"], "/ocsp/" + urllib.parse.quote(der, safe="")))
    return made[:REVOCATIONS]


def revoke_all(lab, certificates):
    """{request id of form 05: who asked for its certificate}"""
    documents = [lab.pdf(requests.form05([requests.revoked(serial, "ngung_hoat_dong")])) for serial, _ in certificates]
    asking = {}
    for document, (_, path) in zip(documents, certificates):
        public = Public(lab, path)
        public.start()
        asking[lab.post(document)["request_id"]] = public
        time.sleep(PAUSE)
    for public in asking.values():
        public.join()
    return asking


def latencies(lab, asking):
    """Milliseconds of each, ascending."""
    accepted = dict(lab.sql("validation", "SELECT key, extract(epoch FROM created_at) FROM outbox "
                                          "WHERE type = 'RequestAccepted'"))
    assert all(public.seen_at for public in asking.values()), "an answer never said revoked"
    return sorted((public.seen_at - float(accepted[request])) * 1000 for request, public in asking.items())


def run(say):
    poster = build_tool("poster", "-lcurl", "-lpthread")
    template = LabTemplate(fsync=True)
    seconds = REVOCATIONS * PAUSE + 10
    try:
        with template.lab(replicas=1, config=CONFIG) as lab, tempfile.TemporaryDirectory(prefix="trien-bench-") as folder:
            lab.start(*SERVICES)
            lab.add_client()
            lab.add_agency()
            certificates = issue(lab)
            paths = make_documents(lab, int(RATE * seconds), pathlib.Path(folder))
            say(f"{len(certificates)} certificates to give up, {len(paths)} requests beside")
            posting = subprocess.Popen([poster, f"http://127.0.0.1:{lab.base_port}/v1/requests",
                                        lab.dir / "portal.token", "8", str(RATE)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            posting.stdin.write("".join(f"{p}\n" for p in paths))
            posting.stdin.close()
            wait_until("the others to flow", lambda: int(lab.value("signing", "SELECT count(*) FROM certificate"))
                       > REVOCATIONS + RATE)
            asking = revoke_all(lab, certificates)
            flowing = posting.poll() is None
            taken = latencies(lab, asking)
            posting.kill()
            posting.wait()
    finally:
        template.close()
    p50, p99 = taken[len(taken) // 2], taken[min(len(taken) - 1, len(taken) * 99 // 100)]
    say(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, worst {taken[-1]:.0f} ms"
        + ("" if flowing else "; the requests beside ended too early"))
    return {"ours": round(p99, 1), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1), "worst_ms": round(taken[-1], 1),
            "limit": PROMISED_MS, "peers": {"peer": "none offers this road"}, "revocations": len(taken),
            "requests_per_second_beside": RATE, "flowed_to_the_end": flowing}
