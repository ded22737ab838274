"""What the public asks, asked by openssl and GnuTLS: OCSP, authorities' certificates, CRLs."""
import base64
import concurrent.futures
import hashlib
import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from tests.lib import requests
from tests.lib.lab import run, wait_until
from tests.lib.public import ask, ask_serial, authority, digest, get, send


@pytest.fixture(scope="module")
def road(template):
    """One laboratory for all tests of this file; those that change something take a certificate of their own."""
    with template.lab(config={"status": {"sync/max_age": "60s"}}) as lab:  # PostgreSQL may take long to stop
        lab.start()
        lab.add_client()
        lab.add_agency()
        yield lab


def issue(lab):
    """A certificate that status knows: (lab, status, certificate, issuer)."""
    request = lab.wait_request(lab.post(lab.pdf(requests.form03()))["request_id"])
    assert request["state"] == "completed", request
    serial = request["certificates"][0]["serial"]
    certificate = x509.load_der_x509_certificate(lab.certificate(request["request_id"], serial))
    made = lab, lab.process("status"), certificate, authority(lab, "issuing1")
    wait_until("a good answer", lambda: good(*made[1:]))
    return made


@pytest.fixture(scope="module")
def issued(road):
    return issue(road)


@pytest.fixture
def fresh(road):
    return issue(road)


def good(process, certificate, issuer):
    answer, _ = ask(process, certificate, issuer)
    return (answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
            and answer.certificate_status == ocsp.OCSPCertStatus.GOOD)


def test_a_certificate_leads_to_its_practice_statement(issued):
    """The address in the certificate gives the document; what was published is listed; no address leads anywhere else."""
    lab, status, certificate, _ = issued
    qualifiers = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value[0].policy_qualifiers
    address, = [q for q in qualifiers if isinstance(q, str)]
    _, path = address.split("/policies/")
    code, headers, body = get(status, f"/policies/{path}")
    assert (code, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert body == (lab.dir / f"policies/{path.replace('/', '-')}.txt").read_bytes() and "BẢN TEST" in body.decode()
    listed = json.loads(get(status, "/policies/")[2])["policies"]
    assert [p["path"] for p in listed] == ["/policies/cp/1", "/policies/cps/1"]
    assert listed[1]["sha256"] == hashlib.sha256(body).hexdigest() and listed[1]["size_bytes"] == len(body)
    assert get(status, f"/policies/{path}", {"If-None-Match": headers["ETag"]})[0] == 304
    for wrong in ("cps/2", "cps/01", "cps/1.txt", "cps", "cps/", "CPS/1", "cps/1/", "..%2fca%2froot1.pem/1", "cps/%2e%2e", "cps/1%00"):
        assert get(status, f"/policies/{wrong}")[0] in (400, 404), wrong


@pytest.mark.lab(config={"status": {"responder/key": "another"}})
def test_a_key_nobody_approved_answers_nothing(lab):
    """The token has no key of that name: one is made, and waits for two officers."""
    lab.start("signer", "signing", "revocation", "status")
    status = lab.process("status")
    issuer = authority(lab, "issuing1")
    answer, headers = ask_serial(status, issuer, 0x1234)
    assert answer.response_status == ocsp.OCSPResponseStatus.TRY_LATER
    assert headers["Cache-Control"] == "no-store"
    health = status.health()
    assert health["responder"] == {"ok": False, "certificates": {"issuing1": "waiting"}}
    assert health["ok"] is False

    def life_left():
        return [float(n) for n in re.findall(r'^trien_ocsp_responder_life_left\{issuer="issuing1"\} (\S+)$', status.metrics(), re.M)]
    wait_until("the figure of what is left", life_left, until=lambda left: left == [0])
    for officer in ("officer1", "officer2"):
        lab.trienctl("responder", "approve", "--officer", officer, "--yes")
    wait_until("the responder's certificate", lambda: status.health()["responder"]["ok"])
    wait_until("nearly all of its life", life_left, until=lambda left: left and 0.9 < left[0] <= 1)

    def unknown():
        said, _ = ask_serial(status, issuer, 0x1234)
        return (said.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
                and said.certificate_status == ocsp.OCSPCertStatus.UNKNOWN)
    wait_until("an answer", unknown)


def test_good_by_get_and_post_under_both_hashes(issued):
    _, status, certificate, issuer = issued
    for algorithm in (hashes.SHA1(), hashes.SHA256()):
        for by_get in (True, False):
            answer, headers = ask(status, certificate, issuer, algorithm, get_path=by_get)
            assert answer.certificate_status == ocsp.OCSPCertStatus.GOOD
            assert answer.serial_number == certificate.serial_number
            assert type(answer.hash_algorithm) is type(algorithm)
            assert answer.next_update_utc > answer.this_update_utc
            assert "max-age=" in headers["Cache-Control"] and headers["ETag"] and headers["Expires"]
            assert headers["Last-Modified"]


def test_openssl_and_gnutls_believe_it(issued, tmp_path):
    lab, status, certificate, _ = issued
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    said = run(["openssl", "ocsp", "-issuer", lab.dir / "ca/issuing1.pem", "-cert", tmp_path / "cert.pem",
                "-url", status.url("http", "/ocsp"), "-CAfile", lab.dir / "ca/root1.pem",
                "-verify_other", lab.dir / "ca/issuing1.pem"])
    assert "Response verify OK" in said and "cert.pem: good" in said and "WARNING" not in said
    said = run(["ocsptool", f"--ask={status.url('http', '/ocsp')}", "--load-cert", tmp_path / "cert.pem",
                "--load-issuer", lab.dir / "ca/issuing1.pem", "--load-trust", lab.dir / "ca/issuing1.pem",
                "--verify-allow-broken"])
    assert "Certificate Status: good" in said and "Success" in said


def test_nonces(issued):
    _, status, certificate, issuer = issued
    for size in (1, 32, 128):
        nonce = bytes(range(size))
        answer, headers = ask(status, certificate, issuer, nonce=nonce)
        assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
        assert headers["Cache-Control"] == "no-store"
    answer, _ = ask(status, certificate, issuer, nonce=bytes(129))
    assert answer.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_unknown_foreign_malformed(issued):
    lab, status, _, issuer = issued
    answer, headers = ask_serial(status, issuer, 0x1234)  # a serial that this authority never gave
    assert answer.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
    assert headers["Cache-Control"] == "no-store"
    answer, _ = ask(status, issuer, authority(lab, "root1"))
    assert answer.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED
    code, _, body = get(status, "/ocsp/AAAA")
    assert code == 200 and ocsp.load_der_ocsp_response(body).response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_unchanged_answers_are_304(issued):
    _, status, certificate, issuer = issued
    der = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build() \
        .public_bytes(serialization.Encoding.DER)
    path = "/ocsp/" + base64.b64encode(der).decode()  # slashes and all
    code, headers, _ = get(status, path)
    assert code == 200
    code, _, body = get(status, path, {"If-None-Match": headers["ETag"]})
    assert (code, body) == (304, b"")


def serial_sql(certificate) -> str:
    text = f"{certificate.serial_number:x}"
    return f"'\\x{text.zfill(len(text) + len(text) % 2)}'"


def test_a_change_by_somebody_else_leaves_memory(fresh):
    """Another replica, or the next capability, marks a certificate as revoked: the answer in memory goes."""
    lab, status, certificate, issuer = fresh
    lab.sql("status", "UPDATE certificate_status SET status = 'revoked', revoked_at = now(), reason = 1 "
                      f"WHERE serial = {serial_sql(certificate)}")

    def revoked():
        answer, _ = ask(status, certificate, issuer)
        return answer if answer.certificate_status == ocsp.OCSPCertStatus.REVOKED else None
    answer = wait_until("a revoked answer", revoked)
    assert answer.revocation_reason == x509.ReasonFlags.key_compromise


@pytest.mark.parametrize("feed", ["signing", "revocation"])
def test_an_event_that_waits_is_try_later(fresh, feed):
    lab, status, certificate, issuer = fresh
    lab.sql("status", f"""
        INSERT INTO dead_letter (feed, partition, event_offset, id, key, type, traceparent, created_at, payload,
                                 state, error)
        SELECT '{feed}', 0, 999, gen_random_uuid(), lineage_id, 'CertificateIssued', '', now(), '', 'dead', 'test'
        FROM certificate_status WHERE serial = {serial_sql(certificate)}""")

    def later():
        answer, _ = ask(status, certificate, issuer)
        return answer.response_status == ocsp.OCSPResponseStatus.TRY_LATER
    wait_until("tryLater", later)
    lab.sql("status", "UPDATE dead_letter SET state = 'resolved', resolved_at = now()")
    wait_until("a good answer again", lambda: good(status, certificate, issuer))


def test_a_certificate_whose_issue_waits_is_try_later(road, issued):
    """CertificateIssued itself could not be applied: its serial is not known, and that is not said of it."""
    _, status, _, issuer = issued
    road.sql("status", "ALTER TABLE certificate_status ADD CONSTRAINT spoiled CHECK (false) NOT VALID")
    request = road.wait_request(road.post(road.pdf(requests.form03()))["request_id"])
    serial = int(request["certificates"][0]["serial"], 16)

    def status_of():
        return ask_serial(status, issuer, serial)[0]
    wait_until("the letter", lambda: road.value("status", "SELECT count(*) FROM dead_letter WHERE state = 'dead'") == "1")
    wait_until("tryLater", lambda: status_of().response_status == ocsp.OCSPResponseStatus.TRY_LATER)
    road.sql("status", "ALTER TABLE certificate_status DROP CONSTRAINT spoiled")
    letter = road.value("status", "SELECT concat_ws('/', feed, partition, event_offset) FROM dead_letter WHERE state = 'dead'")
    road.trienctl("dead-letters", "retry", "status", letter)

    def good_now():
        answer = status_of()
        return (answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
                and answer.certificate_status == ocsp.OCSPCertStatus.GOOD)
    wait_until("a good answer", good_now)


def token_workers(process) -> list[str]:
    return subprocess.run(["pgrep", "-s", str(process.popen.pid), "trien-token"], capture_output=True,
                          text=True).stdout.split()


@pytest.mark.lab(config={"status": {"responder/probe": "100ms"}})
def test_a_token_without_work_stays_well(lab):
    """A worker looks now and then whether its session lives, and goes on: nobody starts another."""
    lab.start("status", wait=False)
    status = lab.process("status")
    workers = wait_until("both workers", lambda: token_workers(status), until=lambda found: len(found) == 2)

    def rested(worker):
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", Path(f"/proc/{worker}/status").read_text(), re.M)[1])
    rests = [rested(worker) for worker in workers]
    wait_until("ten looks", lambda: all(rested(w) >= n + 10 for w, n in zip(workers, rests)))
    assert token_workers(status) == workers


def test_a_killed_token_is_replaced(issued):
    """Every worker of the token dies; answers with nonce come back within seconds."""
    _, status, certificate, issuer = issued
    children = token_workers(status)
    assert len(children) == 2
    run(["kill", "-9", *children])

    def fresh():
        answer, _ = ask(status, certificate, issuer, nonce=b"fresh")
        return answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    wait_until("a freshly signed answer", fresh)


def test_a_hanging_token_stops_nobody_else(issued):
    """The module hangs: what is in memory is answered meanwhile, the workers are replaced."""
    _, status, certificate, issuer = issued
    assert good(status, certificate, issuer)
    run(["kill", "-STOP", *token_workers(status)])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        hanging = [pool.submit(ask, status, certificate, issuer, nonce=b"hang") for _ in range(2)]
        meanwhile = 0
        while not all(h.done() for h in hanging):
            assert good(status, certificate, issuer)
            meanwhile += 1
        assert meanwhile > 0
        for answer, _ in (h.result() for h in hanging):
            assert answer.response_status in (ocsp.OCSPResponseStatus.TRY_LATER, ocsp.OCSPResponseStatus.SUCCESSFUL)

    def fresh():
        answer, _ = ask(status, certificate, issuer, nonce=b"fresh")
        return answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    wait_until("a freshly signed answer", fresh)


def test_authorities_and_crls(road):
    status = road.process("status")
    for name in ("root1", "issuing1"):
        pem = (road.dir / f"ca/{name}.pem").read_bytes()
        der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        for alias in (name, name[:-1]):
            code, headers, body = get(status, f"/ca/{alias}.cer")
            assert (code, body, headers["Content-Type"]) == (200, der, "application/pkix-cert")
            code, _, body = get(status, f"/ca/{alias}.pem")
            assert code == 200 and x509.load_pem_x509_certificate(body) == x509.load_pem_x509_certificate(pem)
            assert get(status, f"/ca/{alias}.cer", {"If-None-Match": headers["ETag"]})[0] == 304
    code, headers, body = get(status, "/crl/root1.crl")
    assert code == 200 and headers["Content-Type"] == "application/pkix-crl" and headers["Expires"]
    assert x509.load_der_x509_crl(body).next_update_utc
    for path in ("/ca/other1.cer", "/ca/..%2fetc.cer", "/ca/root1", "/crl/issuing9.crl", "/certificates/1234.cer",
                 "/certificates/xyz.cer"):
        assert get(status, path)[0] == 404, path


def test_certificates_are_public_once_published(fresh):
    lab, status, certificate, _ = fresh
    path = f"/certificates/{certificate.serial_number:x}.cer"
    assert get(status, path)[0] == 404
    lab.sql("status", f"UPDATE certificate_status SET published_at = now() WHERE serial = {serial_sql(certificate)}")
    code, headers, body = get(status, path)
    assert code == 200 and headers["Content-Type"] == "application/pkix-cert"
    assert x509.load_der_x509_certificate(body) == certificate


def test_without_database_what_is_not_in_memory_is_try_later(issued):
    """RFC 6960 2.3: a well-formed tryLater, by GET and POST, no HTTP error; memory still answers; and when
    PostgreSQL is back, so is the truth."""
    lab, status, certificate, issuer = issued
    key = issuer.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    unseen = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        digest(issuer.subject.public_bytes()), digest(key), 0x77777, hashes.SHA256())

    def later(get_path):
        answer, headers = send(status, unseen, get_path)
        assert headers["Cache-Control"] == "no-store" and not headers["Retry-After"]
        return answer.response_status == ocsp.OCSPResponseStatus.TRY_LATER
    assert good(status, certificate, issuer)
    lab.template.cluster("stop")
    try:
        trusted_until = time.monotonic() + 3  # of sync/max_age; longer than sync/every
        while time.monotonic() < trusted_until:
            assert good(status, certificate, issuer)
        wait_until("tryLater by GET", lambda: later(True))
        wait_until("tryLater by POST", lambda: later(False))
        assert get(status, "/certificates/77777.cer")[0] == 503  # not OCSP: HTTP's own words
    finally:
        lab.template.cluster("start")

    def unknown():
        answer, _ = send(status, unseen, True)
        return (answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
                and answer.certificate_status == ocsp.OCSPCertStatus.UNKNOWN)
    wait_until("the database's answer", unknown)
    lab.wait_well()
