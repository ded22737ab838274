"""Revocation, from form 05 to what openssl and GnuTLS say: causes and refusals, OCSP, lists."""
import datetime as dt
import json
import subprocess
import urllib.error
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import ReasonFlags, ocsp

from tests.lib import requests
from tests.lib.lab import run, wait_until
from tests.lib.public import ask, ask_serial, authority, get

KEPT = {"that_lac": ReasonFlags.key_compromise, "ngung_hoat_dong": ReasonFlags.cessation_of_operation,
        "hu_hong": ReasonFlags.cessation_of_operation, "lo_mat_khau": ReasonFlags.key_compromise,
        "mat_an_toan_khac": ReasonFlags.key_compromise, "to_tung": ReasonFlags.privilege_withdrawn,
        "co_quan_quan_ly": ReasonFlags.privilege_withdrawn}


@pytest.fixture(scope="module")
def road(template):
    with template.lab(config={"revocation": {"crl/pause": "500ms"}}) as lab:
        lab.start()
        lab.add_client()
        lab.add_agency()
        yield lab


def issue(lab, count=1, **options):
    """Certificates of one request of form 03, known to status."""
    request = lab.wait_request(lab.post(lab.pdf(requests.form03(count, **options)))["request_id"])
    assert request["state"] == "completed", request
    made = []
    for row in request["certificates"]:
        der = lab.certificate(request["request_id"], row["serial"])
        made.append(x509.load_der_x509_certificate(der))
    for certificate in made:
        wait_until("a good answer", lambda: status_of(lab, certificate) == ocsp.OCSPCertStatus.GOOD)
    return made


def serial(certificate) -> str:
    return f"{certificate.serial_number:x}"


def answer_of(lab, certificate):
    answer, _ = ask(lab.process("status"), certificate, authority(lab, "issuing1"))
    return answer


def status_of(lab, certificate):
    answer = answer_of(lab, certificate)
    if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        return answer.response_status
    return answer.certificate_status


def revoke(lab, rows, attachments=(), **options):
    """Posts form 05; the request's id."""
    return lab.post(lab.pdf(requests.form05(rows, **options)), attachments)["request_id"]


def minutes(lab, *certificates, signers=("seal-p256",), **fields):
    return lab.pdf(requests.form09([requests.lost(serial(c), "D-1", **fields) for c in certificates]), signers)


def wait_revoked(lab, certificate):
    wait_until("a revoked answer", lambda: status_of(lab, certificate) == ocsp.OCSPCertStatus.REVOKED)
    return answer_of(lab, certificate)


def crl_bytes(lab, name="issuing1"):
    code, headers, body = get(lab.process("status"), f"/crl/{name}.crl")
    return headers, body if code == 200 else b""


def crl_with(lab, *certificates):
    """The list that has them all."""
    def look():
        _, body = crl_bytes(lab)
        crl = x509.load_der_x509_crl(body) if body else None
        return crl if crl and all(crl.get_revoked_certificate_by_serial_number(c.serial_number)
                                  for c in certificates) else None
    return wait_until("the list", look)


def number_of(crl) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def codes(request):
    return [reason["code"] for reason in request["reasons"]]


def test_every_cause_of_a_service(road):
    certificates = issue(road, len(KEPT))
    rows = [requests.revoked(serial(c), cause) for c, cause in zip(certificates, KEPT)]
    proof = minutes(road, certificates[0], lost_at="2026-11-20")
    request = road.wait_request(revoke(road, rows, [proof]))
    assert request["state"] == "completed", request
    for certificate, (cause, reason) in zip(certificates, KEPT.items()):
        answer = wait_revoked(road, certificate)
        assert answer.revocation_reason == reason, cause
        assert abs(answer.revocation_time_utc - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=5)
    crl = crl_with(road, *certificates)
    for certificate, (cause, reason) in zip(certificates, KEPT.items()):
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == reason
        invalid = [e for e in entry.extensions if isinstance(e.value, x509.InvalidityDate)]
        assert len(invalid) == (cause == "that_lac")
    lost = crl.get_revoked_certificate_by_serial_number(certificates[0].serial_number)
    when = lost.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc
    assert when == dt.datetime(2026, 11, 19, 17, tzinfo=dt.timezone.utc)
    assert any(line["event"] == "CertificateRevoked" for line in request["timeline"])
