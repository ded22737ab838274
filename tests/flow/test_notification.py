"""Notices on their way out: as files, through a mail server and through Kannel with its fake network."""
import email
import email.policy
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.lib import requests
from tests.lib.gateways import MailServer, have_exim
from tests.lib.lab import wait_until
from tests.lib.public import get


def mails(lab) -> dict:
    """The .eml files by notice id."""
    folder = lab.dir / "data/notification/mail"
    return {p.stem: email.message_from_bytes(p.read_bytes(), policy=email.policy.default)
            for p in folder.glob("*.eml")}


def messages(lab) -> dict:
    return {p.stem: p.read_text() for p in (lab.dir / "data/notification/sms").glob("*.sms")}


def wait_mail(lab, notice_id):
    return wait_until(f"the mail {notice_id}", lambda: mails(lab).get(notice_id))


def wait_message(lab, notice_id):
    return wait_until(f"the message {notice_id}", lambda: messages(lab).get(notice_id))


def states(lab, request_id) -> dict:
    rows = lab.sql("notification", "SELECT template || '-' || number, channel, state FROM notice "
                                   f"WHERE request_id = '{request_id}'")
    return {(template, channel): state for template, channel, state in rows}


@pytest.fixture
def road(lab):
    lab.start()
    lab.add_client()
    lab.add_agency()
    lab.add_devices()
    return lab


def test_accepted_and_issued_reach_the_agency(road):
    answer = road.post(road.pdf(requests.form03(count=3)))
    request = road.wait_request(answer["request_id"])
    assert request["state"] == "completed", request
    accepted = wait_mail(road, f"{answer['request_id']}-accepted-1")
    issued = wait_mail(road, f"{answer['request_id']}-issued-1")

    assert accepted["To"] == "vanthu@skhcn-test.gov.vn"
    assert accepted["Subject"] == f"Đã tiếp nhận yêu cầu chứng thực {answer['receipt_number']}"
    assert accepted["Auto-Submitted"] == "auto-generated"
    assert accepted["Message-ID"] == f"<{answer['request_id']}-accepted-1@trien.invalid>"
    text = accepted.get_content()
    assert answer["receipt_number"] in text
    day, month, year = request["due_on"][8:10], request["due_on"][5:7], request["due_on"][0:4]
    assert f"Hạn giải quyết:     {day}/{month}/{year}" in text
    assert "://" not in text

    text = issued.get_content()
    assert issued["Subject"].endswith("đã cấp 3/3 chứng thư")
    for certificate in request["certificates"]:
        assert certificate["serial"] in text
    assert len(re.findall(r"số hiệu chứng thư", text)) == 3

    message = wait_message(road, f"{answer['request_id']}-issued-1")
    assert "da cap 3/3 chung thu" in message
    head, _, text = message.partition("\n\n")
    assert "To: +84912345678" in head
    assert text.isascii() and len(text.strip()) <= 160

    def settled():
        now = states(road, answer["request_id"])
        return now if set(now.values()) == {"delivered"} and len(now) == 4 else None
    wait_until("four delivered notices", settled)
    # One digest for three certificates, and nothing twice.
    mine = [name for name in mails(road) if name.startswith(answer["request_id"])]
    assert sorted(mine) == [f"{answer['request_id']}-accepted-1", f"{answer['request_id']}-issued-1"]

    def on_the_timeline():
        lines = [e for e in road.get(answer["request_id"])["timeline"] if e["event"] == "NoticeDelivered"]
        return lines if len(lines) == 4 else None
    wait_until("four NoticeDelivered on the timeline", on_the_timeline)


def test_a_refusal_is_sent_with_every_reason(road):
    document = requests.form01()
    document["count"] = 2
    document["subscribers"][0] |= {"citizen_id": "999190000001", "email": "khong@@gov.vn"}
    answer = road.post(road.pdf(document))
    request = road.wait_request(answer["request_id"])
    text = wait_mail(road, f"{answer['request_id']}-rejected-1").get_content()
    for number, reason in enumerate(request["reasons"], 1):
        assert f"  {number}. {reason['text_vi']}" in text
    assert "(3 ly do)" in wait_message(road, f"{answer['request_id']}-rejected-1")


@pytest.mark.lab(config={"notification": {"notices/digest_delay": "1s"}})
def test_a_half_done_request_is_reported_after_a_while(road):
    request = requests.form01(count=2)
    answer = road.post(road.pdf(request))
    for number in (1, 2):
        road.wait_item(answer["request_id"], number, "key_awaited")
    road.trienctl("station", "run", "--request", answer["request_id"], "--as", "station", "--limit", "1")
    first = wait_mail(road, f"{answer['request_id']}-issued-1")
    assert first["Subject"].endswith("đã cấp 1/2 chứng thư")
    road.trienctl("station", "run", "--request", answer["request_id"], "--as", "station")
    second = wait_mail(road, f"{answer['request_id']}-issued-2")
    assert second["Subject"].endswith("đã cấp 2/2 chứng thư")
    assert len(re.findall(r"số hiệu chứng thư", second.get_content())) == 1


def test_the_last_end_waits_for_the_digest_that_is_being_written(road):
    """The timer's digest is told, not yet committed, when the last item ends: the final one lists what is new."""
    request_id = road.post(road.pdf(requests.form01(count=2)))["request_id"]
    for number in (1, 2):
        road.wait_item(request_id, number, "key_awaited")
    road.trienctl("station", "run", "--request", request_id, "--as", "station", "--limit", "1")
    wait_until("the first end", lambda: road.value(
        "notification", f"SELECT ended FROM request WHERE request_id = '{request_id}'"), until=lambda n: n == "1")
    marked = ("UPDATE request SET told = ended, digests = digests + 1, digest_due_at = NULL "
              f"WHERE request_id = '{request_id}'")
    waiting = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    with road.open_transaction("notification", marked):
        road.trienctl("station", "run", "--request", request_id, "--as", "station")
        wait_until("the last end to wait", lambda: road.value("notification", waiting), until=lambda n: n != "0")
    final = wait_mail(road, f"{request_id}-issued-2")
    assert final["Subject"].endswith("đã cấp 2/2 chứng thư")
    assert len(re.findall(r"số hiệu chứng thư", final.get_content())) == 1


@pytest.mark.lab(config={"notification": {"notices/cap_per_hour": "2"}})
def test_beyond_the_cap_notices_wait(road):
    for _ in range(2):
        answer = road.post(road.pdf(requests.form03()))
        assert road.wait_request(answer["request_id"])["state"] == "completed"  # nothing waits for a notice
    wait_until("what is below the cap", lambda: len(mails(road)) == 2 and len(messages(road)) == 2)
    wait_until("what is above it to be put off", lambda: road.sql(
        "notification", "SELECT kind, count(*) FROM effect WHERE retry_at > now() + interval '20 minutes' "
                        "GROUP BY kind ORDER BY kind") == [["mail", "2"], ["sms_file", "2"]])


# --- real ways out -------------------------------------------------------------------------------------

def begin(lab):
    lab.start()
    lab.add_client()
    lab.add_agency()


@pytest.fixture
def mail_server():
    if not have_exim():
        pytest.skip("exim4-daemon-light is not installed")
    folder = Path(tempfile.mkdtemp(prefix="mta-", dir="/tmp"))
    folder.chmod(0o755)  # exim does not run as root
    server = MailServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


def use_mail_server(lab, server):
    lab.configure("notification", {"email/transport": "smtp", "smtp/url": server.url, "smtp/tls": "never"})


def test_a_mail_server_takes_the_mail(lab, mail_server):
    mail_server.start()
    use_mail_server(lab, mail_server)
    begin(lab)
    # The receiver's mailbox does not exist; the agency's contact from the registry still gets the mail.
    request = requests.form03()
    request["receiver"]["email"] = "khong-co@skhcn-test.gov.vn"
    answer = lab.post(lab.pdf(request))
    assert lab.wait_request(answer["request_id"])["state"] == "completed"
    wait_until("two mails", lambda: len(mail_server.mails("vanthu")) == 2)
    subjects = {m["Subject"] for m in mail_server.mails("vanthu")}
    assert f"Đã tiếp nhận yêu cầu chứng thực {answer['receipt_number']}" in subjects
    assert mail_server.mails("khong-co") == []
    wait_until("delivered", lambda: states(lab, answer["request_id"]).get(("issued-1", "email")) == "delivered")


def test_a_mail_server_that_comes_late_gets_each_mail_once(lab, mail_server):
    use_mail_server(lab, mail_server)
    begin(lab)
    answer = lab.post(lab.pdf(requests.form03()))
    assert lab.wait_request(answer["request_id"])["state"] == "completed"  # no certificate waits for a mail
    wait_until("a failed attempt", lambda: lab.value(
        "notification", "SELECT count(*) FROM effect WHERE kind = 'mail' AND attempts > 0") == "2")
    mail_server.start()
    wait_until("two mails", lambda: len(mail_server.mails("vanthu")) == 2)
    identities = {m["Message-ID"] for m in mail_server.mails("vanthu")}
    assert identities == {f"<{answer['request_id']}-{what}-1@trien.invalid>" for what in ("accepted", "issued")}


def test_a_refused_mailbox_is_a_failed_notice(lab, mail_server):
    mail_server.start()
    use_mail_server(lab, mail_server)
    lab.start()
    lab.add_client()
    lab.trienctl("agency", "add", "H26.14", "--name", "Sở Khoa học và Công nghệ TEST", "--contact",
                 "Văn thư;khong-co@skhcn-test.gov.vn;0912345678", "--seal",
                 lab.template.pki.directory / "signers/seal-p256.pem")
    request = requests.form03()
    request["receiver"]["email"] = "khong-co@skhcn-test.gov.vn"
    answer = lab.post(lab.pdf(request))
    assert lab.wait_request(answer["request_id"])["state"] == "completed"
    wait_until("failed", lambda: states(lab, answer["request_id"]).get(("accepted-1", "email")) == "failed")

    def on_the_timeline():
        return [e for e in lab.get(answer["request_id"])["timeline"] if e["event"] == "NoticeFailed"]
    wait_until("NoticeFailed on the timeline", on_the_timeline)
    assert states(lab, answer["request_id"])[("accepted-1", "sms")] == "delivered"


def test_kannel_delivers_and_reports(lab, gateway):
    lab.configure("notification", gateway.settings(lab))
    begin(lab)
    answer = lab.post(lab.pdf(requests.form03()))
    assert lab.wait_request(answer["request_id"])["state"] == "completed"
    wait_until("the network to have both", lambda: gateway.network_log().count("Got message") >= 2)
    assert "Da tiep nhan yeu cau chung thuc" in gateway.network_log()
    assert "+84912345678" in gateway.network_log()

    def by_receipt():
        now = states(lab, answer["request_id"])
        return now.get(("accepted-1", "sms")) == now.get(("issued-1", "sms")) == "delivered"
    wait_until("delivery receipts", by_receipt)
    assert "mat khau" not in lab.process("notification").log.read_text()

    # A stranger cannot say what became of a notice.
    for query in ("", f"?notice={answer['request_id']}-accepted-1&token={'0' * 32}&status=2",
                  f"?notice={answer['request_id']}-accepted-1&status=2"):
        status, _, _ = get(lab.process("notification"), "/v1/receipts" + query)
        assert status == 403
    assert states(lab, answer["request_id"])[("accepted-1", "sms")] == "delivered"


def test_a_receipt_that_never_comes(lab, gateway):
    """The gateway takes the message and its report goes astray: after receipts/wait the notice counts as failed."""
    lab.configure("notification", gateway.settings(lab) | {"receipts/url": "http://127.0.0.1:9/v1/receipts", "receipts/wait": "1s"})
    begin(lab)
    answer = lab.post(lab.pdf(requests.form03()))
    wait_until("an unconfirmed notice",
               lambda: states(lab, answer["request_id"]).get(("accepted-1", "sms")) == "unconfirmed")

    def on_the_timeline():
        return [e for e in lab.get(answer["request_id"])["timeline"] if e["event"] == "NoticeFailed"]
    wait_until("NoticeFailed on the timeline", on_the_timeline)
