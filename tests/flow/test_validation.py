"""Decisions on requests: intake and two of validation, real documents, real revocation lists."""
import concurrent.futures
import csv
import datetime as dt
import itertools
import json
import os
import random
import re
import signal

import pytest

from tests.lib import ledger
from tests.lib.documents import DAY, UTC, make_request_pdf, make_test_pki
from tests.lib.lab import wait_until

VIETNAM = dt.timezone(dt.timedelta(hours=7))
DECIDED = ("accepted", "rejected")
AUTHORITIES = ("root-g1", "root-g2", "state-g1", "state-g2", "agencies-g2")
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_test_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def start(template, pki, request):
    """start(lists=True, replicas=2) → a laboratory with intake and validation; one agency, H26.14."""
    made = []

    def go(lists=True, replicas=2, **validation):
        config = {"trust": pki.trust, "crl/retry": "1s", "crl/period": "1s", **validation}
        lab = template.lab(replicas=replicas, config={"validation": config})
        made.append(lab)
        lab.lists = lab.dir / "lists"
        lab.lists.mkdir()
        for replica in range(replicas):
            path = lab.dir / "etc" / f"validation-{replica}.conf"
            text = re.sub(r"(?m)^crls\n(?:    .*\n)*", "", path.read_text())
            places = "".join(f'    {a} = "file://{lab.lists}/{a}.crl"\n' for a in AUTHORITIES)
            path.write_text(text + "crls\n" + places)
        lab.start("intake", "validation", replicas=replicas)
        lab.add_client()
        # The seal that is revoked is registered while nobody knows it yet.
        add_agency(lab, pki)
        if lists:
            publish(lab, pki)
        return lab

    yield go
    for lab in made:
        lab.close()


def publish(lab, pki, *names, **options):
    for name in names or AUTHORITIES:
        fresh = lab.lists / f"{name}.new"
        fresh.write_bytes(pki.authorities[name].crl(**options))
        fresh.rename(lab.lists / f"{name}.crl")


def signer_file(pki, name):
    return pki.directory / "signers" / f"{name}.pem"


def add_agency(lab, pki, organ_id="H26.14", seals=("seal-p256", "revoked"), officers=("officer-p256",), **more):
    arguments = ["--name", "Sở Nội vụ TEST", "--contact", "Văn thư;vanthu@example.gov.vn;0912345678"]
    for seal in seals:
        arguments += ["--seal", signer_file(pki, seal)]
    for officer in officers:
        arguments += ["--officer", signer_file(pki, officer)]
    for name, value in more.items():
        arguments += [f"--{name.replace('_', '-')}", value]
    return lab.trienctl("agency", "add", organ_id, *arguments)


def person(n=0):
    return {"full_name": "Trần Thị Bình", "citizen_id": f"00119{n:07d}", "organisation": "Sở Nội vụ TEST",
            "position": "Chuyên viên", "province": "Hà Nội", "email": "binh@example.gov.vn",
            "device_kind": "pki_token"}


def a_request(number=None, subscribers=None, **changes):
    rows = subscribers if subscribers is not None else [person()]
    today = dt.datetime.now(VIETNAM).date().isoformat()
    request = {
        "version": 1, "form": "01",
        "document": {"number": number or f"{next(numbers)}/SNV-VP", "date": today, "place": "Hà Nội"},
        "agency": {"organ_id": "H26.14", "name": "Sở Nội vụ TEST"},
        "receiver": {"full_name": "Nguyễn Văn An", "citizen_id": "001080012345", "mobile": "0912345678",
                     "email": "vanthu@example.gov.vn"},
        "delivery": "in_person", "count": len(rows), "subscribers": rows}
    return request | changes


def decide(lab, pki, request, signers=("seal-p256",), **options):
    answer = lab.post(make_request_pdf(request, [pki.signer(s) for s in signers], size_kb=4, **options))
    return answer, lab.wait_request(answer["request_id"], DECIDED)


def codes(request):
    return [reason["code"] for reason in request["reasons"] or ()]


def due(received: dt.date, days=3) -> str:
    with open("services/validation/data/working-calendar.csv", newline="", encoding="utf-8") as file:
        special = {r["date"]: r["kind"] for r in csv.DictReader(file) if r["status"] != "unconfirmed"}
    while days:
        received += DAY
        kind = special.get(received.isoformat())
        days -= kind == "working_saturday" or (kind is None and received.weekday() < 5)
    return received.isoformat()


def test_accepted_with_officer_and_seal(start, pki):
    lab = start()
    answer, request = decide(lab, pki, a_request(), ("officer-p256", "seal-p256"))
    assert request["state"] == "accepted", codes(request)
    assert request["due_on"] == due(dt.datetime.now(VIETNAM).date())
    row = lab.sql("validation", "SELECT came_from, state, item_count, calendar_version <> '', signers FROM request")
    assert row[0][:4] == ["examining", "accepted", "1", "t"]
    assert row[0][4].split() == [pki.signer("officer-p256").sha256, pki.signer("seal-p256").sha256]
    assert lab.sql("validation", "SELECT type, count(*) FROM outbox WHERE key = '%s' AND type <> 'RequestWaiting' GROUP BY 1 ORDER BY 1"
                   % answer["request_id"]) == [["ItemAuthorized", "1"], ["RequestAccepted", "1"]]


def test_who_may_sign(start, pki):
    lab = start()
    for signers in (("seal-p256", "officer-p256"), ("officer-p256",)):
        _, request = decide(lab, pki, a_request(), signers)
        assert codes(request) == ["signer_unauthorised"], signers
        assert "con dấu" in request["reasons"][0]["text_vi"]
    _, request = decide(lab, pki, a_request(), ("seal-g1",))
    assert codes(request) == ["signer_unauthorised"]
    # Known, but of another agency.
    add_agency(lab, pki, "H26.15", seals=("seal-g1",), officers=())
    _, request = decide(lab, pki, a_request(), ("seal-g1",))
    assert codes(request) == ["signer_unauthorised"]
    _, request = decide(lab, pki, a_request(agency={"organ_id": "H26.15", "name": "x"}), ("seal-g1",))
    assert request["state"] == "accepted", codes(request)
    _, request = decide(lab, pki, a_request(agency={"organ_id": "H26.99", "name": "x"}))
    assert codes(request) == ["agency_unknown"]
    add_agency(lab, pki, "H26.15", seals=("seal-g1",), officers=(), valid_to="2025-06-30")
    _, request = decide(lab, pki, a_request(agency={"organ_id": "H26.15", "name": "x"}), ("seal-g1",))
    assert codes(request) == ["agency_unknown"]
    assert lab.value("validation", "SELECT count(*) FROM request WHERE state NOT IN ('accepted', 'rejected')") == "0"


def test_a_signer_who_left(start, pki):
    """Withdrawn: no longer believed for this agency, whatever the certificate is good for; taken in again: believed."""
    lab = start(replicas=1)
    both = ("officer-p256", "seal-p256")
    left = pki.signer("officer-p256").sha256
    for certificate in (signer_file(pki, "officer-p256"), left):
        said = json.loads(lab.trienctl("--json", "agency", "withdraw", "H26.14", certificate))
        assert said == {"organ_id": "H26.14", "withdrawn": left}
    assert lab.value("validation", "SELECT count(*) FROM outbox WHERE type = 'OperatorActed'") == "2"  # add, withdraw
    _, request = decide(lab, pki, a_request(), both)
    assert codes(request) == ["signer_unauthorised"]
    _, request = decide(lab, pki, a_request(), ("seal-p256",))
    assert request["state"] == "accepted", codes(request)
    listed = {s["sha256"]: s["withdrawn_at"] for s in json.loads(lab.trienctl("--json", "agency", "list", "H26.14"))[0]["signers"]}
    assert [s for s, withdrawn in listed.items() if withdrawn] == [left]
    with pytest.raises(AssertionError, match="not_found"):
        lab.trienctl("--json", "agency", "withdraw", "H26.15", left)
    add_agency(lab, pki, seals=("seal-p256",))
    _, request = decide(lab, pki, a_request(), both)
    assert request["state"] == "accepted", codes(request)


def test_every_reason_at_once(start, pki):
    lab = start()
    bad = person() | {"citizen_id": "12", "email": "x"}
    _, request = decide(lab, pki, a_request(subscribers=[bad, person(1)], count=3))
    assert sorted(codes(request)) == ["citizen_id_invalid", "count_mismatch", "email_invalid"]
    assert {r["field"] for r in request["reasons"]} == {"/subscribers/0/citizen_id", "/count",
                                                        "/subscribers/0/email"}
    assert all(r["text_vi"] and r["text_en"] for r in request["reasons"])
    reasons = json.loads(lab.value("validation", "SELECT reasons FROM request"))
    assert len(reasons) == 3


def test_the_same_official_document_again(start, pki):
    lab = start()
    bad = a_request("7/SNV-VP", subscribers=[person() | {"citizen_id": "12"}])
    assert codes(decide(lab, pki, bad)[1]) == ["citizen_id_invalid"]
    # A refused document claimed nothing: corrected, it may keep its number.
    first, request = decide(lab, pki, a_request("7/SNV-VP"))
    assert request["state"] == "accepted", codes(request)
    _, request = decide(lab, pki, a_request("Số: 07/SNV-VP", subscribers=[person(5)]))
    assert codes(request) == ["document_repeated"]
    assert first["receipt_number"] in request["reasons"][0]["text_vi"]
    # Together with what else is wrong.
    _, request = decide(lab, pki, a_request("7/SNV-VP", count=9))
    assert sorted(codes(request)) == ["count_mismatch", "document_repeated"]


def test_the_same_document_at_the_same_time(start, pki):
    lab = start()
    documents = [make_request_pdf(a_request("99/SNV-VP", subscribers=[person(n)]), [pki.signer("seal-p256")], size_kb=4)
                 for n in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda d: lab.post(d[1], replica=d[0] % 2), enumerate(documents)))
    requests = [lab.wait_request(a["request_id"], DECIDED) for a in answers]
    accepted = [r for r in requests if r["state"] == "accepted"]
    assert len(accepted) == 1
    for request in requests:
        if request["state"] == "rejected":
            assert codes(request) == ["document_repeated"]
            assert accepted[0]["receipt_number"] in request["reasons"][0]["text_en"]


def test_a_missing_list_makes_the_request_wait(start, pki):
    lab = start(lists=False)
    publish(lab, pki, "root-g2")
    answer = lab.post(make_request_pdf(a_request(), [pki.signer("seal-p256")], size_kb=4))
    wait_until("the request to wait", lambda: lab.value(
        "validation", "SELECT count(*) FROM waiting JOIN request USING (request_id) WHERE state = 'waiting'") == "1")
    assert lab.sql("validation", "SELECT type FROM outbox WHERE key = '%s'" % answer["request_id"]) == [["RequestWaiting"]]
    wait_until("the metric", lambda: any("trien_validation_waiting_requests 1" in lab.process("validation", r).metrics()
                                         for r in range(2)))
    # It is looked at again whenever a list comes, and waits again.
    wait_until("trienctl to say so", lambda: '"waiting_requests": 1' in lab.trienctl("--json", "crls"))
    publish(lab, pki, "agencies-g2")
    request = lab.wait_request(answer["request_id"], DECIDED)
    assert request["state"] == "accepted", codes(request)
    assert lab.value("validation", "SELECT count(*) FROM waiting") == "0"


def test_stale_lists_wait_and_older_ones_are_not_believed(start, pki):
    lab = start(lists=False)
    now = dt.datetime.now(UTC).replace(microsecond=0)
    publish(lab, pki, "root-g2")
    publish(lab, pki, "agencies-g2", number=5, this_update=now - 3 * DAY, next_update=now - DAY)
    answer = lab.post(make_request_pdf(a_request(), [pki.signer("seal-p256")], size_kb=4))
    wait_until("the request to wait", lambda: lab.value("validation", "SELECT count(*) FROM waiting") == "1")
    wait_until("health to tell", lambda: any(not lab.process("validation", r).health()["crls"]["ok"] for r in range(2)))
    wait_until("the alarm", lambda: any("crl_stale" in lab.process("validation", r).log.read_text() for r in range(2)))
    # Newer by its dates, but its number went back.
    publish(lab, pki, "agencies-g2", number=4)
    wait_until("the refusal", lambda: "went back" in lab.trienctl("crls"))
    # Each list that was fetched has it looked at again; it goes on waiting.
    wait_until("the request to wait", lambda: lab.value("validation", "SELECT count(*) FROM waiting") == "1")
    publish(lab, pki, "agencies-g2", number=6)
    assert lab.wait_request(answer["request_id"], DECIDED)["state"] == "accepted"
    # A list that is older than the one we have changes nothing.
    publish(lab, pki, "agencies-g2", number=7, this_update=now - 5 * DAY)
    wait_until("the refusal", lambda: "older than" in lab.trienctl("crls"))
    assert lab.value("validation", "SELECT string_agg(number, ' ') FROM crl WHERE number LIKE '%6'") == "06"


def test_a_revoked_seal(start, pki):
    lab = start()
    _, request = decide(lab, pki, a_request(), ("revoked",))
    assert codes(request) == ["signer_revoked"]
    # Nobody proved to be the agency: nobody is named to be written to.
    assert request["agency"]["organ_id"] is None


def test_a_full_list_and_one_too_many(start, pki):
    lab = start()
    full = [person(n) for n in range(1000)]
    answer, request = decide(lab, pki, a_request(subscribers=full))
    assert request["state"] == "accepted", codes(request)[:5]
    assert lab.value("validation", "SELECT count(*) FROM outbox WHERE type = 'ItemAuthorized'") == "1000"
    assert lab.value("validation", "SELECT count(*) FROM item") == "1000"
    _, request = decide(lab, pki, a_request(subscribers=full + [person(1000)]))
    assert codes(request) == ["too_many_subscribers"]
    wrong = [person(n) | {"email": "x"} for n in range(1000)]
    _, request = decide(lab, pki, a_request(subscribers=wrong))
    assert len(request["reasons"]) == 251
    assert "750" in request["reasons"][-1]["text_vi"]


def test_a_document_in_many_chunks(start, pki):
    lab = start(replicas=1)
    answer = lab.post(make_request_pdf(a_request(), [pki.signer("seal-p256")], size_kb=18 * 1024))
    assert lab.wait_request(answer["request_id"], DECIDED)["state"] == "accepted"


def test_killed_while_it_works(start, pki):
    """Every request is decided once, whoever dies between fetching, deciding and saying so."""
    lab = start()
    documents = [make_request_pdf(a_request(subscribers=[person(n)]), [pki.signer("seal-p256")], size_kb=4)
                 for n in range(120)]
    dice = random.Random(7)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        posts = [pool.submit(lab.post, document) for document in documents]
        for _ in range(8):
            victim = lab.process("validation", dice.randrange(2))
            seen = int(lab.value("validation", "SELECT count(*) FROM request WHERE state = 'accepted'"))
            wait_until("progress", lambda: seen > 110 or int(lab.value(
                "validation", "SELECT count(*) FROM request WHERE state = 'accepted'")) > seen)
            victim.kill()
            victim.start()
    for post in posts:
        assert lab.wait_request(post.result()["request_id"], DECIDED)["state"] == "accepted"
    rows = lab.sql("validation", "SELECT type, count(*), count(DISTINCT key) FROM outbox WHERE type <> 'OperatorActed'"
                                 " AND type <> 'RequestWaiting' GROUP BY 1 ORDER BY 1")
    assert rows == [["ItemAuthorized", "120", "120"], ["RequestAccepted", "120", "120"]]
    assert lab.value("validation", "SELECT count(*) FROM official_document") == "120"


def test_the_calendar_ends(start, pki, tmp_path):
    lab = start(replicas=1)
    short = tmp_path / "short.csv"
    short.write_text("date,kind,name_vi,source,status\n2024-01-01,holiday,Tết Dương lịch,x,confirmed\n")
    reply = json.loads(lab.trienctl("--json", "calendar", "import", short))
    assert reply["created"] and reply["last_year"] == 2024
    _, request = decide(lab, pki, a_request())
    assert request["state"] == "accepted"
    health = wait_until("the alarm", lambda: (h := lab.process("validation").health()) and not h["ok"] and h)
    assert health["calendar"] == {"ok": False, "last_year": 2024}
    decide(lab, pki, a_request())
    wait_until("the log line", lambda: "calendar_ends" in lab.process("validation").log.read_text())
    assert lab.process("validation").log.read_text().count('"event":"calendar_ends"') == 1
    assert "trien_validation_due_beyond_calendar_total 2" in lab.process("validation").metrics()
    reply = json.loads(lab.trienctl("--json", "calendar", "import", "services/validation/data/working-calendar.csv"))
    assert reply == {"version": reply["version"], "created": False, "last_year": 2027}
    _, request = decide(lab, pki, a_request())
    assert request["due_on"] == due(dt.datetime.now(VIETNAM).date())
    wait_until("the end of the alarm", lambda: lab.process("validation").health()["ok"])


def test_agencies_in_and_out(start, pki, tmp_path):
    lab = start(replicas=1)
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name in ("seal-rsa", "seal-g1", "officer-rsa"):
        (folder / f"{name}.pem").write_bytes(signer_file(pki, name).read_bytes().split(b"-----BEGIN PRIVATE")[0])
    table = tmp_path / "agencies.csv"
    table.write_text(
        "organ_id,name,province,contact_name,contact_email,contact_mobile,seals,officers,valid_from,valid_to\r\n"
        '000.00.20.H26,"Sở Tài chính, TEST",Hà Nội,"Văn ""thư""",taichinh@example.gov.vn,0912 345 678,'
        "seal-g1.pem,officer-rsa.pem,2025-07-01,\r\n")
    lab.trienctl("agency", "import", table, "--certificates", folder)
    listed = json.loads(lab.trienctl("--json", "agency", "list", "H26.20"))[0]
    assert listed["name"] == "Sở Tài chính, TEST" and listed["valid_from"] == "2025-07-01"
    assert listed["contacts"] == [{"name": 'Văn "thư"', "email": "taichinh@example.gov.vn", "mobile": "+84912345678"}]
    assert [s["role"] for s in listed["signers"]] == ["seal", "officer"]
    more = tmp_path / "agencies.json"
    more.write_text(json.dumps([{"organ_id": "H26.20", "name": "Sở Tài chính TEST", "seals": ["seal-rsa.pem"],
                                 "contacts": [{"email": "b@example.gov.vn"}]}]))
    assert json.loads(lab.trienctl("--json", "agency", "import", more, "--certificates", folder)) == [
        {"organ_id": "H26.20", "created": False}]
    listed = json.loads(lab.trienctl("--json", "agency", "list", "H26.20"))[0]
    assert len(listed["signers"]) == 3 and len(listed["contacts"]) == 1
    assert len(json.loads(lab.trienctl("--json", "agency", "list"))) == 2
    for arguments, said in (
            (("H2", "--name", "x"), "organ_id_invalid"),
            (("H26.21", "--name", "x", "--seal", signer_file(pki, "untrusted")), "signer_untrusted"),
            (("H26.21", "--name", "x", "--seal", signer_file(pki, "expired")), "signer_expired"),
            (("H26.21", "--name", "x", "--seal", signer_file(pki, "encipher")), "signer_usage"),
            (("H26.21", "--name", "x", "--contact", "a;b;"), "email_invalid"),
            (("H26.21", "--name", "x", "--valid-from", "2026-02-30"), "date_invalid")):
        with pytest.raises(AssertionError, match=said):
            lab.trienctl("--json", "agency", "add", *arguments)
    assert lab.value("validation", "SELECT count(*) FROM outbox WHERE type = 'OperatorActed'") == "3"


def test_a_csr_that_is_none(start, pki):
    lab = start()
    service = {"name": "Cổng dịch vụ công", "kind": "service", "domain_or_ip": "dvc.example.gov.vn",
               "owner": "Sở Nội vụ TEST", "email": "a@example.gov.vn", "device_kind": "none", "csr": "x"}
    _, request = decide(lab, pki, a_request(form="03", subscribers=[service]))
    assert codes(request) == ["csr_malformed"]


def test_a_service_ends_with_its_inspectors_keeper(start):
    """A killed zygote is replaced and nobody notices; without the keeper the service ends with 70, and its
    supervisor starts both again."""
    process = start(replicas=1).process("validation")
    inspector = {name: pid for pid, name in ledger.children(process.popen.pid)}
    os.kill(inspector["trien-inspect"], signal.SIGKILL)
    wait_until("another zygote", lambda: dict(map(reversed, ledger.children(process.popen.pid))).get("trien-inspect"),
               until=lambda pid: pid not in (None, inspector["trien-inspect"]))
    assert process.alive()
    os.kill(inspector["trien-keeper"], signal.SIGKILL)
    assert process.popen.wait(30) == 70
    assert '"event":"fatal"' in process.tail()
    process.start()
    process.lab.wait_well(process)
