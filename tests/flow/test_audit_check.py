"""`trienctl audit check` against the running system: what it passes is so, and what is made wrong it fails."""
import json
import subprocess

import pytest

from tests.lib import requests
from tests.lib.journal import said
from tests.lib.lab import wait_until

pytestmark = pytest.mark.lab(replicas=1)

CONFIG = {"audit": {"checkpoint/every": "500ms"}, "revocation": {"crl/pause": "500ms", "crl/interval": "3s"}}
# What issue and law ask of a program, and has its evidence here.
EVALUATED = ("13.20-2", "14.11-2c", "14.13-1", "14.13-2", "14.14-3", "16.14-5", "16.15-3", "16.16-1c", "16.16-1d",
             "16.18-2", "16.18-2a", "16.18-2b", "16.18-2c", "16.18-3", "16.18-4", "16.18-4a", "16.18-4b", "16.18-4c",
             "16.18-4d")


def check(lab, *arguments, principal="auditor"):
    """Verdicts by criterion, as the auditor's own key gets them; the document itself is checked for shape."""
    done = subprocess.run([lab.build / "bin/trienctl", "--config", lab.dir / "etc/trienctl.conf", "--as", principal,
                           "--json", "audit", "check", "--status-url", lab.process("status").url("http", ""), "--root", lab.dir / "ca/root1.pem",
                           "--audit-url", lab.process("audit").url("http", ""), "--journal-key",
                           lab.dir / "data/audit/journal.pub", *arguments], capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    rows = {row["criterion"]: row for row in document["criteria"]}
    assert sum(document["counts"].values()) == len(rows)
    assert done.returncode == (1 if document["counts"]["fail"] else 0)
    for row in rows.values():
        assert (row["verdict"] == "pass") == (row["reason_vi"] == ""), row
        assert row["verdict"] != "pass" or row["evidence"], row
        assert all(note["what"] and note["value"] and note["at"] for note in row["evidence"])
    return rows


def failed(rows):
    return {name for name, row in rows.items() if row["verdict"] == "fail"}


def journal_is_complete(lab):
    done = int(lab.value("audit", "SELECT notable FROM journal_head"))
    services = [s for s in lab.services() if s != "signer"]
    return done >= sum(1 for row in said(lab, services) if row[0] != "audit") and \
        done <= int(lab.value("audit", "SELECT coalesce(max(size), 0) FROM checkpoint"))


@pytest.fixture(scope="module")
def road(template):
    """A person's and two services' certificates, one of these revoked; lists with and without changes."""
    with template.lab(replicas=1, config=CONFIG) as lab:
        lab.start()
        lab.add_client()
        lab.add_agency()
        lab.add_devices()
        made = lab.wait_request(lab.post(lab.pdf(requests.form03(2)))["request_id"])
        person = lab.post(lab.pdf(requests.form01()))["request_id"]
        lab.wait_item(person, 1, "key_awaited")
        lab.trienctl("station", "run", "--request", person)
        lab.wait_request(person)
        serial = made["certificates"][0]["serial"]
        wait_until("the certificate to be known to revocation", lambda: lab.value(
            "revocation", f"SELECT count(*) FROM certificate WHERE serial = '{serial}'") == "1")
        lab.wait_request(lab.post(lab.pdf(requests.form05([requests.revoked(serial, "ngung_hoat_dong")])))["request_id"])
        wait_until("lists after the revocation", lambda: int(lab.value(
            "status", "SELECT max(number) FROM revocation_list")) >= 1 + int(lab.value(
                "revocation", f"SELECT coalesce(first_number, 1000) FROM certificate WHERE serial = '{serial}'")))
        lab.revoked = serial
        yield lab


def test_every_criterion_has_a_verdict(road):
    wait_until("the journal to have everything", lambda: journal_is_complete(road))
    rows = check(road)
    assert len(rows) == 183 and failed(rows) == set()
    # nothing is published before subscribers confirm; all else is seen
    assert {name for name in EVALUATED if rows[name]["verdict"] != "pass"} <= {"16.15-3"}, \
        [rows[name] for name in EVALUATED if rows[name]["verdict"] != "pass"]
    assert rows["15.12-1"]["verdict"] == "not_applicable" and rows["16.17-3"]["verdict"] == "not_applicable"
    assert rows["11.11-2"]["verdict"] == "not_yet"
    answers = " ".join(note["value"] for note in rows["16.18-4b"]["evidence"])
    assert "2 good, 1 revoked" in answers and "unknown" in answers
    assert "1 lần" in " ".join(note["value"] for note in rows["16.16-1c"]["evidence"])


def test_the_operator_sees_the_same_and_a_stranger_nothing(road):
    chosen = ("--criteria", "13.20-2,16.14-5")
    assert check(road, *chosen, principal="operator").keys() == check(road, *chosen).keys()
    assert failed(check(road, *chosen, principal="operator")) == set()
    rows = check(road, *chosen, principal="portal")
    assert failed(rows) == set(rows) and "portal may not call" in rows["13.20-2"]["reason_vi"]


def test_a_choice_of_criteria(road):
    assert list(check(road, "--criteria", "16.18-4,13.20-2")) == ["13.20-2", "16.18-4", "16.18-4a", "16.18-4b", "16.18-4c",
                                                                  "16.18-4d"]


def test_a_revoked_certificate_that_status_calls_good(road):
    road.sql("status", f"SET session_replication_role = replica; UPDATE certificate_status SET status = 'good', revoked_at = NULL, reason = NULL WHERE "
                       f"serial = decode(lpad('{road.revoked}', ((length('{road.revoked}') + 1) / 2) * 2, '0'), 'hex')")
    road.process("status").stop()
    road.start("status")
    rows = check(road, "--criteria", "16.18-4")
    assert failed(rows) == {"16.18-4", "16.18-4b"}
    assert road.revoked in rows["16.18-4b"]["reason_vi"]


def test_a_changed_journal(road):
    """Another name for an event that is under a checkpoint."""
    road.sql("audit", "UPDATE entry SET leaf = overlay(leaf placing 'X'::bytea from position('Issued'::bytea in leaf)) "
                      "WHERE sequence = (SELECT min(sequence) FROM entry WHERE position('CertificateIssued'::bytea in leaf) > 0)")
    rows = check(road, "--criteria", "13.20-2")
    assert failed(rows) == {"13.20-2"} and "not the one that the checkpoint" in rows["13.20-2"]["reason_vi"]


def test_an_installation_that_does_not_answer(road):
    road.process("status").stop()
    rows = check(road, "--criteria", "16.15-3,16.18-4,14.13-1")
    assert failed(rows) == set(rows)


def test_wrong_use(road):
    for wrong in (["--criteria", "99.11"], ["--revocation-hours", "0"], ["--bogus"], ["extra"]):
        done = subprocess.run([road.build / "bin/trienctl", "--config", road.dir / "etc/trienctl.conf", "audit", "check", *wrong],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 64 and done.stdout == ""
