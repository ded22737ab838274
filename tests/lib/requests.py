"""request.json of the forms, right in every field unless a test says otherwise."""
from __future__ import annotations

import datetime as dt
import itertools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_numbers = itertools.count(1)
VIETNAM = dt.timezone(dt.timedelta(hours=7))


def head(form: str, organ_id="H26.14", agency="Sở Khoa học và Công nghệ TEST", number=None) -> dict:
    return {
        "version": 1, "form": form,
        "document": {"number": f"{number or next(_numbers)}/SKHCN-VP",
                     "date": dt.datetime.now(VIETNAM).date().isoformat(), "place": "Hà Nội",
                     "subject": "V/v đề nghị cấp chứng thư chữ ký số chuyên dùng công vụ"},
        "agency": {"organ_id": organ_id, "name": agency},
        "receiver": {"full_name": "Nguyễn Văn An", "citizen_id": "001080012345", "position": "Văn thư",
                     "mobile": "0912345678", "email": "vanthu@skhcn-test.gov.vn", "address": "Hà Nội"},
        "delivery": "in_person"}


def complete(request: dict, subscribers: list) -> dict:
    return request | {"count": len(subscribers), "subscribers": subscribers}


def person(n=1, device_kind="pki_token") -> dict:
    names = ["Trần Thị Bình", "Lê Hoàng Cường", "Phạm Minh Đức", "Vũ Thị Giang", "Đặng Văn Hải"]
    return {"full_name": names[n % len(names)], "citizen_id": f"001190{n % 1_000_000:06d}",
            "organisation": "Sở Khoa học và Công nghệ TEST", "position": "Chuyên viên", "province": "Hà Nội",
            "email": f"nguoi{n}@skhcn-test.gov.vn", "mobile": "0987654321", "device_kind": device_kind}


def form01(count=1, **options) -> dict:
    """Individuals on PKI tokens: their keys are made at the station."""
    return complete(head("01", **options), [person(n) for n in range(1, count + 1)])


def form02(**options) -> dict:
    """The agency itself, on a PKI token."""
    request = head("02", **options)
    return complete(request, [{
        "name": request["agency"]["name"], "address": "Hà Nội", "budget_code": "1234567", "province": "Hà Nội",
        "email": "coquan@skhcn-test.gov.vn", "device_kind": "pki_token"}])


def csr(kind="p256", key=None) -> tuple[str, object]:
    """A signing request (PEM) and its key."""
    key = key or (ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else
                  rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa"))))
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode(), key


def form03(count=1, kind="p256", **options) -> dict:
    """Web services with keys of their own: no station is needed."""
    return complete(head("03", **options), [{
        "name": f"Cổng dữ liệu {n} TEST", "kind": "service", "domain_or_ip": f"cong{n}.skhcn-test.gov.vn",
        "owner": "Sở Khoa học và Công nghệ TEST", "province": "Hà Nội",
        "email": "quantri@skhcn-test.gov.vn", "device_kind": "hsm", "csr": csr(kind)[0]}
        for n in range(1, count + 1)])


def form05(rows: list, **options) -> dict:
    """Revocation of certificates: rows are of revoked()."""
    request = head("05", **options)
    del request["delivery"]
    return complete(request, rows)


def revoked(serial: str, reason: str, **fields) -> dict:
    return {"certificate_serial": serial, "reason": reason} | fields


def form09(rows: list, **options) -> dict:
    """Minutes of a loss: an attachment of form 05; rows are of lost()."""
    request = head("09", **options)
    for name in ("delivery", "receiver"):
        del request[name]
    return complete(request, rows)


def lost(serial: str, device: str, **fields) -> dict:
    return {"subscriber_name": "Trần Thị Bình", "certificate_serial": serial, "device_serial": device,
            "lost_at": dt.datetime.now(VIETNAM).replace(microsecond=0).isoformat(), "place": "Hà Nội",
            "cause": "Bị mất trên đường công tác"} | fields


def form07(rows: list, **options) -> dict:
    """Devices handed over to their subscribers: rows of {device_serial, certificate_serial}."""
    request = head("07", **options)
    for name in ("delivery", "receiver"):
        del request[name]
    today = dt.datetime.now(VIETNAM).date().isoformat()
    return complete(request, [{"handed_over_on": today} | row for row in rows])


def form08(rows: list, **options) -> dict:
    """Devices given back to the authority."""
    request = head("08", **options)
    for name in ("delivery", "receiver"):
        del request[name]
    return complete(request, [{"condition": "còn nguyên vẹn", "reason": "nghỉ hưu"} | row for row in rows])
