"""Revocation, from form 05 to what openssl and GnuTLS say: causes and refusals, OCSP, lists."""
import datetime as dt
import json
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import ReasonFlags, ocsp

from tests.lib import checkers, requests
from tests.lib.lab import run, wait_until
from tests.lib.public import ask, authority, get

KEPT = {"that_lac": ReasonFlags.key_compromise, "ngung_hoat_dong": ReasonFlags.cessation_of_operation,
        "hu_hong": ReasonFlags.cessation_of_operation, "lo_mat_khau": ReasonFlags.key_compromise,
        "mat_an_toan_khac": ReasonFlags.key_compromise, "to_tung": ReasonFlags.privilege_withdrawn,
        "co_quan_quan_ly": ReasonFlags.privilege_withdrawn}


@pytest.fixture(scope="module")
def road(template):
    with template.lab(config={"revocation": {"crl/pause": "500ms"}, "validation": {"feed/wait": "1s"}}) as lab:
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
        return crl if crl is not None and all(crl.get_revoked_certificate_by_serial_number(c.serial_number)
                                  for c in certificates) else None
    return wait_until("the list", look, until=lambda crl: crl is not None)  # an empty one is false


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


def test_every_reason_to_refuse(road):
    mine, broken = issue(road, 2)
    officer(road, broken, "hu_hong")
    wait_revoked(road, broken)
    road.add_agency("H26.15", "Sở khác TEST", seals=("seal-g1",))
    cases = {
        "certificate_unknown": [requests.revoked("54abcdef0123456789", "hu_hong")],
        "cause_invalid": [requests.revoked(serial(mine), "nghi_huu")],
        "serial_invalid": [requests.revoked("không phải số", "hu_hong")],
        "date_invalid": [requests.revoked(serial(mine), "hu_hong", lost_at="2999-01-01")],
        "loss_minutes_missing": [requests.revoked(serial(mine), "that_lac")],
        "proof_missing": [requests.revoked(serial(mine), "to_tung")],
        "device_unknown": [requests.revoked(serial(mine), "hu_hong", device_serial="D-1")],
        "subscriber_repeated": [requests.revoked(serial(mine), "hu_hong"),
                                requests.revoked(serial(mine).upper(), "lo_mat_khau")],
        "field_missing": [{"certificate_serial": serial(mine)}],
    }
    posted = {code: revoke(road, rows) for code, rows in cases.items()}
    # het_han comes by itself, nobody asks for it
    posted_expiry = revoke(road, [requests.revoked(serial(mine), "het_han")])
    # somebody else's certificate is refused like one that is not there, whatever its state
    other = road.post(road.pdf(requests.form05([requests.revoked(serial(broken), "hu_hong")], organ_id="H26.15",
                                               agency="Sở khác TEST"), ("seal-g1",)))["request_id"]
    # the standing state is told to the certificate's own agency
    again = revoke(road, [requests.revoked(serial(broken), "hu_hong"), requests.revoked(serial(mine), "nghi_huu")])
    alone = road.post(minutes(road, mine))["request_id"]
    for code, request_id in posted.items():
        assert codes(road.wait_request(request_id)) == [code], code
    assert codes(road.wait_request(posted_expiry)) == ["cause_invalid"]
    assert codes(road.wait_request(other)) == ["certificate_unknown"]
    assert set(codes(road.wait_request(again))) == {"certificate_revoked", "cause_invalid"}
    assert codes(road.wait_request(alone)) == ["form_not_offered"]
    assert status_of(road, mine) == ocsp.OCSPCertStatus.GOOD


def test_minutes_must_be_the_agencys_and_about_this_certificate(road):
    road.add_agency("H26.15", "Sở khác TEST", seals=("seal-g1",))
    one, two = issue(road, 2)
    row = [requests.revoked(serial(one), "that_lac")]
    foreign = road.pdf(requests.form09([requests.lost(serial(one), "D-1")], organ_id="H26.15"), ("seal-g1",))
    wrong = {
        "about another certificate": (minutes(road, two), {"loss_minutes_missing"}),
        "of another agency": (foreign, {"loss_minutes_missing", "signer_unauthorised"}),
        "under another seal": (minutes(road, one, signers=("seal-g1",)),
                               {"loss_minutes_missing", "signer_unauthorised"}),
        "no document": (b"%PDF-1.7\nno signature\n%%EOF\n", {"loss_minutes_missing", "document_not_pdf"}),
        "a form 03": (road.pdf(requests.form03()), {"loss_minutes_missing", "form_not_offered"}),
    }
    posted = {name: revoke(road, row, [attachment]) for name, (attachment, _) in wrong.items()}
    for name, request_id in posted.items():
        assert set(codes(road.wait_request(request_id))) == wrong[name][1], name
    # the right one beside a wrong one is enough
    request = road.wait_request(revoke(road, row, [foreign, minutes(road, one)]))
    assert request["state"] == "completed", request
    assert wait_revoked(road, one).revocation_reason == ReasonFlags.key_compromise
    assert status_of(road, two) == ocsp.OCSPCertStatus.GOOD


def officer(lab, certificate, cause, *more):
    return json.loads(lab.trienctl("--json", "revoke", serial(certificate), "--cause", cause, "--note",
                                   "Cơ quan báo qua điện thoại, đã gọi lại số đăng ký", *more))


def refused(lab, *arguments) -> str:
    done = subprocess.run([lab.build / "bin/trienctl", "--config", lab.dir / "etc/trienctl.conf", *arguments],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done
    return done.stdout + done.stderr


def test_an_officer_day_and_night(road):
    certificate, = issue(road)
    said = officer(road, certificate, "that_lac", "--lost-on", "2026-11-20")
    assert said["state"] == "revoked"
    assert wait_revoked(road, certificate).revocation_reason == ReasonFlags.key_compromise
    assert officer(road, certificate, "hu_hong") == said, "the first word stands"
    entry = crl_with(road, certificate).get_revoked_certificate_by_serial_number(certificate.serial_number)
    assert entry.extensions.get_extension_for_class(x509.InvalidityDate)
    shown = json.loads(road.trienctl("--json", "certificate", serial(certificate)))
    assert shown["state"] == "revoked" and shown["cause"] == "that_lac" and shown["reason"] == 1
    copied = "serial=0" + serial(certificate).upper()  # as openssl x509 -serial prints it
    assert json.loads(road.trienctl("--json", "certificate", copied)) == shown
    request_id = road.value("revocation", f"SELECT certificate_request_id FROM certificate "
                                          f"WHERE serial = '{serial(certificate)}'")

    def is_told(request):
        return request["certificates"][0]["revoked_at"] and any(
            line["event"] == "NoticeDelivered" and "recalled" for line in request["timeline"])
    request = wait_until("the issuing request to tell", lambda: road.get(request_id), until=is_told)
    assert any(line["event"] == "CertificateRevoked" and serial(certificate) in line["text"]
               for line in request["timeline"])
    mails = wait_until("the mail", lambda: [m for m in (road.dir / "data/notification/mail").rglob("*.eml")
                                            if "recalled" in m.name])
    assert mails
    note = ["--note", "x"]
    assert "certificate_unknown" in refused(road, "--json", "revoke", "54ab", "--cause", "hu_hong", *note)
    good, = issue(road)
    assert "cause_invalid" in refused(road, "--json", "revoke", serial(good), "--cause", "nghi_huu", *note)
    assert "field_invalid" in refused(road, "--json", "revoke", serial(good), "--cause", "hu_hong", "--note", "  ")
    assert "forbidden" in refused(road, "--json", "revoke", serial(good), "--cause", "hu_hong", *note,
                                  "--officer", "operator")
    assert status_of(road, good) == ocsp.OCSPCertStatus.GOOD


def pem(path, der, kind):
    run(["openssl", kind, "-inform", "DER", "-in", der, "-out", path])
    return path


def test_somebody_elses_programs_believe_it(road, tmp_path):
    certificate, good = issue(road, 2)
    officer(road, certificate, "lo_mat_khau")
    crl = crl_with(road, certificate)
    headers, body = crl_bytes(road)
    assert headers["Content-Type"] == "application/pkix-crl"
    assert crl_bytes(road, "issuing")[1] == body, "the alias"
    code, _, empty = get(road.process("status"), "/crl/issuing1.crl", {"If-None-Match": headers["ETag"]})
    assert (code, empty) == (304, b"") and headers["Last-Modified"] and headers["Expires"]
    points = good.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert points[0].full_name[0].value.endswith("/crl/issuing1.crl")
    (tmp_path / "list.der").write_bytes(crl.public_bytes(serialization.Encoding.DER))
    crl_pem = pem(tmp_path / "list.pem", tmp_path / "list.der", "crl")
    issuing, root = road.dir / "ca/issuing1.pem", road.dir / "ca/root1.pem"
    assert "verify OK" in run(["openssl", "crl", "-in", crl_pem, "-CAfile", issuing, "-noout"])
    assert "Verified" in run(["certtool", "--verify-crl", "--load-ca-certificate", issuing, "--infile", crl_pem])
    for one, name in ((certificate, "revoked"), (good, "good")):
        (tmp_path / f"{name}.pem").write_bytes(one.public_bytes(serialization.Encoding.PEM))
    verify = ["openssl", "verify", "-crl_check", "-CRLfile", crl_pem, "-CAfile", root, "-untrusted", issuing]
    assert "OK" in run([*verify, tmp_path / "good.pem"])
    with pytest.raises(AssertionError, match="certificate revoked"):
        run([*verify, tmp_path / "revoked.pem"])
    ask_openssl = ["openssl", "ocsp", "-issuer", issuing, "-cert", tmp_path / "revoked.pem", "-CAfile", root,
                   "-verify_other", issuing, "-url", road.process("status").url("http", "/ocsp")]
    said = run(ask_openssl)
    assert "Response verify OK" in said and "revoked" in said and "keyCompromise" in said
    said = subprocess.run(["ocsptool", "--ask=" + road.process("status").url("http", "/ocsp"), "--load-issuer", issuing,
                           "--load-cert", tmp_path / "revoked.pem", "--load-trust", issuing],
                          capture_output=True, text=True, timeout=60)
    assert "revoked" in (said.stdout + said.stderr).lower()
    road.trienctl("export", "--dir", tmp_path / "export")
    newest = x509.load_der_x509_crl((tmp_path / "export/crl/issuing1.crl").read_bytes())
    assert number_of(newest) >= number_of(crl)
    lists = json.loads(road.trienctl("--json", "revocation-lists"))
    numbers = [one["number"] for one in lists]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == len(numbers) and numbers[-1] == 1


def test_nss_gnutls_and_pkilint_agree(road, tmp_path):
    """Three libraries that share no code: the list is believed, the revoked certificate is not, the other one is."""
    certificate, good = issue(road, 2)
    officer(road, certificate, "lo_mat_khau")
    papers = checkers.Papers(tmp_path, road.dir / "ca/root1.pem", road.dir / "ca/issuing1.pem", crl_with(road, certificate))
    believed = checkers.nss(papers, good) | checkers.gnutls(papers, good) | checkers.pkilint(papers, good)
    assert {name: said for name, (ok, said) in believed.items() if not ok} == {}
    refused_by = checkers.nss(papers, certificate) | checkers.gnutls(papers, certificate)
    assert {name: said for name, (ok, said) in refused_by.items() if ok or "revoked" not in said.lower()} == {}
    # They do look at the signature: a list of the same authority that somebody changed is taken by none.
    der = bytearray(papers.crl.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    papers.crl = x509.load_der_x509_crl(bytes(der))
    papers.folder = tmp_path / "changed"
    papers.folder.mkdir()
    with pytest.raises(AssertionError, match="(?i)signature"):
        checkers.nss(papers, good)


def test_a_revocation_needs_no_list_and_numbers_grow_over_restarts(road):
    certificate, other = issue(road, 2)
    before = number_of(crl_with(road))
    signer = road.process("signer")
    signer.stop()
    officer(road, certificate, "lo_mat_khau")
    wait_revoked(road, certificate)
    held = x509.load_der_x509_crl(crl_bytes(road)[1])
    assert held.get_revoked_certificate_by_serial_number(certificate.serial_number) is None
    road.process("revocation").kill()
    road.process("revocation").start()
    signer.start()
    road.wait_well(signer, road.process("revocation"))
    after = crl_with(road, certificate)
    assert number_of(after) > before
    officer(road, other, "hu_hong")
    assert number_of(crl_with(road, certificate, other)) > number_of(after)
    numbers = [int(n) for n, in road.sql("revocation", "SELECT number FROM revocation_list WHERE state = 'issued' "
                                                       "ORDER BY this_update, number")]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.lab(config={"revocation": {"officer/hourly": "1"}})
def test_one_officer_does_not_revoke_without_end(lab):
    lab.start()
    lab.add_client()
    lab.add_agency()
    first, second = issue(lab, 2)
    said = officer(lab, first, "lo_mat_khau")
    why = refused(lab, "revoke", serial(second), "--cause", "lo_mat_khau", "--note", "x")
    assert "let another officer go on" in why
    assert "officer/hourly is 1" in why
    assert officer(lab, first, "lo_mat_khau") == said, "what stands is told all the same"
    assert officer(lab, second, "lo_mat_khau", "--officer", "officer3")["state"] == "revoked"


def test_a_list_whose_intent_vanished_is_asked_for_again(road):
    """Effects cleared by hand, or a restore of less than all: no list waits for ever for its signature."""
    certificate, = issue(road)
    crl_with(road)
    signer, revocation = road.process("signer"), road.process("revocation")
    signer.stop()
    officer(road, certificate, "lo_mat_khau")
    wait_until("the list to be written", lambda: road.value(
        "revocation", "SELECT count(*) FROM effect WHERE kind = 'sign_list'") == "1")
    revocation.kill()
    road.sql("revocation", "DELETE FROM effect WHERE kind = 'sign_list'")
    written, = road.sql("revocation", "SELECT number, this_update FROM revocation_list WHERE state = 'written'")
    revocation.start()
    signer.start()
    road.wait_well(signer, revocation)
    crl_with(road, certificate)
    assert written in road.sql("revocation", "SELECT number, this_update FROM revocation_list WHERE state = 'issued'")


def test_a_wait_for_signings_word_is_told(road):
    """A certificate nobody here has heard of is no reason to refuse while signing's feed is not read."""
    signing = road.process("signing")
    signing.stop()
    request = revoke(road, [requests.revoked("54abcdef0123456789", "hu_hong")])

    def lines():
        return [line for line in road.get(request)["timeline"] if line["event"] == "RequestWaiting"]
    line, = wait_until("the wait to be told", lines)
    assert line["text"].startswith("Đang chờ dữ liệu mới nhất về chứng thư")
    signing.start()
    road.wait_well(signing)
    assert codes(road.wait_request(request)) == ["certificate_unknown"]
    assert len(lines()) == 1


@pytest.mark.lab(config={"status": {"sync/max_feed_age": "2s", "feed/wait": "300ms"}})
def test_a_feed_that_nobody_follows_is_try_later(lab):
    lab.start()
    lab.add_client()
    lab.add_agency()
    certificate, = issue(lab)
    lab.process("revocation").stop()
    wait_until("tryLater", lambda: status_of(lab, certificate) == ocsp.OCSPResponseStatus.TRY_LATER)
    lab.process("revocation").start()
    wait_until("a good answer", lambda: status_of(lab, certificate) == ocsp.OCSPCertStatus.GOOD)


def test_expiry_runs_on_while_there_is_more(lab):
    """Two and a half batches that end on one day are three transactions of one run of the timer, not three runs."""
    lab.start("revocation", wait=False)
    lab.sql("revocation", """
        INSERT INTO certificate (serial, issuer, lineage_id, certificate_request_id, organ_id, profile, subscriber_name,
                                 not_before, not_after, came_from, state)
        SELECT '4d' || lpad(to_hex(n), 6, '0'), 'issuing1', format('%s/1', id), id, 'H26.14', 'person', 'TEST',
               now() - interval '2 years', now() - interval '1 day', 'new', 'valid'
          FROM generate_series(1, 1250) n, LATERAL (SELECT gen_random_uuid() AS id) r""")
    wait_until("all to be over", lambda: lab.value("revocation", "SELECT count(*) FROM certificate WHERE state = 'valid'"),
               until=lambda n: n == "0")
    times = [float(r[0]) for r in lab.sql("revocation", "SELECT DISTINCT extract(epoch FROM created_at) FROM outbox "
                                          "WHERE type = 'CertificateExpired' ORDER BY 1")]
    assert len(times) >= 3
    assert min(b - a for a, b in zip(times, times[1:])) < 9, times  # the timer's period is 10 s
    assert lab.value("revocation", "SELECT count(*) FROM outbox WHERE type = 'CertificateExpired'") == "1250"


@pytest.mark.lab(config={"signing": {"public_url": "http://127.0.0.1:1"}})
def test_expiry_comes_by_itself(lab):
    """A certificate whose time is over is expired, is on no list, and cannot be revoked any more."""
    lab.start()
    lab.add_client()
    lab.add_agency()
    certificate, = issue(lab)
    lab.sql("revocation", "ALTER TABLE certificate DISABLE TRIGGER certificate_step; "
                          "UPDATE certificate SET not_before = now() - interval '2 days', "
                          "not_after = now() - interval '1 day'; "
                          "ALTER TABLE certificate ENABLE TRIGGER certificate_step")
    wait_until("the end", lambda: lab.value("revocation", "SELECT state FROM certificate") == "expired")
    wait_until("validation to hear it", lambda: lab.value("validation", "SELECT state FROM certificate") == "expired")
    request = lab.wait_request(revoke(lab, [requests.revoked(serial(certificate), "hu_hong")]))
    assert codes(request) == ["certificate_expired"]
    assert "certificate_expired" in refused(lab, "--json", "revoke", serial(certificate), "--cause", "hu_hong",
                                            "--note", "x")
