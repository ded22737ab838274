"""The road of one request, from the portal's post to the certificate, with two of each service."""
import ctypes
import datetime as dt

import pytest
from cryptography import x509

from tests.lib import requests

@pytest.fixture(scope="module")
def road(template):
    with template.lab(replicas=2) as lab:
        lab.start(replicas=2)
        lab.add_client()
        lab.add_agency()
        lab.add_devices()
        yield lab


def events(request) -> list[str]:
    return [line["event"] for line in request["timeline"]]


def check_certificate(lab, request, subscriber=1):
    row = next(c for c in request["certificates"] if c["subscriber"] == subscriber)
    certificate = x509.load_der_x509_certificate(lab.certificate(request["request_id"], row["serial"]))
    assert f"{certificate.serial_number:x}" == row["serial"]
    assert certificate.not_valid_after_utc > dt.datetime.now(dt.timezone.utc)
    return certificate


def test_a_service_with_its_own_key(road):
    answer = road.post(road.pdf(requests.form03()))
    request = road.wait_request(answer["request_id"])
    assert request["state"] == "completed", request
    assert request["subscribers"][0]["state"] == "issued"
    certificate = check_certificate(road, request)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cong1.skhcn-test.gov.vn"]
    seen = events(request)
    for event in ("RequestSubmitted", "RequestAccepted", "ItemAuthorized", "CertificateIssued"):
        assert event in seen
    assert request["due_on"]


def test_a_person_on_a_token(road):
    answer = road.post(road.pdf(requests.form01()))
    road.wait_item(answer["request_id"], 1, "key_awaited")
    road.trienctl("station", "run", "--request", answer["request_id"])
    request = road.wait_request(answer["request_id"])
    assert request["state"] == "completed", request
    certificate = check_certificate(road, request)
    assert "Trần Thị Bình" in certificate.subject.rfc4514_string() or "Lê Hoàng" in certificate.subject.rfc4514_string()
    assert "KeyAwaited" in events(request)


def test_a_refusal_names_every_reason(road):
    document = requests.form01()
    document["count"] = 2
    document["subscribers"][0] |= {"citizen_id": "999190000001", "email": "khong@@gov.vn"}
    request = road.wait_request(road.post(road.pdf(document))["request_id"])
    assert request["state"] == "rejected"
    assert {r["code"] for r in request["reasons"]} == {"count_mismatch", "citizen_id_invalid", "email_invalid"}
    assert all(r["text_vi"] and r["text_en"] for r in request["reasons"])
    assert request["certificates"] == []


def test_a_document_nobody_signed(road):
    request = road.wait_request(road.post(b"%PDF-1.7\nno signature here\n%%EOF\n")["request_id"])
    assert request["state"] == "rejected"
    assert request["reasons"]


def under_a_filter():
    """What a container engine does before it starts a program: a seccomp filter that lets almost all pass."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(0x7FFF0000)))  # SCMP_ACT_ALLOW
    reboot = seccomp.seccomp_syscall_resolve_name(b"reboot")
    assert seccomp.seccomp_rule_add(rules, ctypes.c_uint32(0x00050001), reboot, 0) == 0  # EPERM
    assert seccomp.seccomp_load(rules) == 0


def test_documents_are_parsed_inside_a_container(lab):
    lab.before_exec = under_a_filter
    lab.start()
    lab.add_client()
    lab.add_agency()
    request = lab.wait_request(lab.post(lab.pdf(requests.form03()))["request_id"])
    assert request["state"] == "completed", request
