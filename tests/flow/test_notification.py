"""Notices on their way out: as files, through a mail server and through Kannel with its fake network."""
import email
import email.policy
import re

import pytest

from tests.lib import requests
from tests.lib.lab import wait_until


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


@pytest.mark.lab(config={"notification": {"notices/cap_per_hour": "2"}})
def test_beyond_the_cap_notices_wait(road):
    ids = []
    for _ in range(2):
        ids.append(road.post(road.pdf(requests.form03()))["request_id"])
        assert road.wait_request(ids[-1])["state"] == "completed"  # a notice that waits blocks nothing
        wait_until("two rows", lambda: len(states(road, ids[-1])) == 4)
    waits = road.sql("notification", "SELECT channel, count(*) FILTER (WHERE send_at > now() + interval '50 minutes'), "
                                     "count(*) FROM notice GROUP BY channel ORDER BY channel")
    assert waits == [["email", "2", "4"], ["sms", "2", "4"]]
    wait_until("what is below the cap", lambda: len(mails(road)) == 2 and len(messages(road)) == 2)
