"""Revocation lists of a ministry's size: signed, served and believed by others, in bounded memory. In `make check`
somewhat longer than one call could carry; `make crl-large` makes it 200,000 entries and asks GnuTLS as well, on its way
there: certtool reads each entry from the beginning, so the tenth part takes it a hundredth of the time."""
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.lib.lab import run, wait_until
from tests.lib.public import get

ENTRIES = int(os.environ.get("CRL_ENTRIES", "45000"))
PARTIES = ("signer", "revocation", "status")
DEADLINE = 300 + ENTRIES // 500


def add_revoked(lab, count, ends="1 year"):
    lab.sql("revocation", f"""
        INSERT INTO certificate (serial, issuer, lineage_id, certificate_request_id, organ_id, profile, not_before,
                                 not_after, came_from, state, revoked_at, reason, cause, principal, note)
        SELECT '54' || substr(md5('{ends}' || g), 1, 30), 'issuing1', 'r/1', 'r', 'H26.14', 'person',
               now() - interval '1 year', now() + interval '{ends}', 'valid', 'revoked', now() - interval '1 hour', 1,
               'that_lac', 'officer1', 'x' FROM generate_series(1, {count}) g""")


def served(lab):
    code, headers, body = get(lab.process("status"), "/crl/issuing1.crl")
    return (headers, body) if code == 200 else None


def wait_list(lab, entries):
    """The list with so many entries, as the public gets it."""
    def number():
        newest = lab.sql("revocation", "SELECT number, entries FROM revocation_list WHERE state = 'issued' "
                                       "ORDER BY number DESC LIMIT 1")
        given = lab.sql("status", "SELECT number FROM revocation_list")
        return newest[0][0] if newest and newest[0][1] == str(entries) and given == [[newest[0][0]]] else None
    found = wait_until(f"a list of {entries}", number, DEADLINE)
    return int(found), served(lab)


def peak_kib(process) -> int:
    lines = Path(f"/proc/{process.popen.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def gnutls_believes(der, issuing, folder):
    pem = x509.load_der_x509_crl(der).public_bytes(serialization.Encoding.PEM)
    (folder / "part.pem").write_bytes(pem)
    assert "Verified" in run(["certtool", "--verify-crl", "--load-ca-certificate", issuing, "--infile", folder / "part.pem"], timeout=1800)


@pytest.mark.lab(config={"revocation": {"crl/pause": "100ms"}, "status": {"feed/wait": "300ms"}})
def test_a_list_longer_than_a_call(lab, tmp_path):
    lab.start(*PARTIES)
    first, _ = wait_list(lab, 0)
    before = {p: peak_kib(lab.process(p)) for p in PARTIES}
    issuing = lab.dir / "ca/issuing1.pem"
    asked = ENTRIES // 10 if "CRL_ENTRIES" in os.environ else 0
    if asked:
        add_revoked(lab, asked, "3 years")
        gnutls_believes(wait_list(lab, asked)[1][1], issuing, tmp_path)
    add_revoked(lab, ENTRIES - asked)
    number, (headers, body) = wait_list(lab, ENTRIES)
    assert len(body) > 40 * ENTRIES and int(headers["Content-Length"]) == len(body)
    assert get(lab.process("status"), "/crl/issuing1.crl", {"If-None-Match": headers["ETag"]})[0] == 304
    if "asan" not in str(lab.build):  # which keeps what was freed
        grown = {p: peak_kib(lab.process(p)) - before[p] for p in PARTIES}
        assert all(kib < 24 * 1024 for kib in grown.values()), grown
    # others' programs
    der, pem = tmp_path / "list.crl", tmp_path / "list.pem"
    der.write_bytes(body)
    assert "verify OK" in run(["openssl", "crl", "-inform", "DER", "-in", der, "-CAfile", issuing, "-out", pem])
    crl = x509.load_der_x509_crl(body)
    assert len(crl) == ENTRIES
    # one more is one page more, and its list is the old one plus one entry
    pages = int(lab.value("revocation", "SELECT count(*) FROM revocation_page"))
    add_revoked(lab, 1, "2 years")
    later, (_, longer) = wait_list(lab, ENTRIES + 1)
    assert later > number and 40 < len(longer) - len(body) < 60
    assert lab.value("revocation", f"SELECT count(*) FROM revocation_page WHERE number = {later}") == "1"
    assert int(lab.value("revocation", "SELECT count(*) FROM revocation_page")) <= pages + 1
    # old lists are kept, byte for byte, though their pages were written anew since
    for old, content in ((number, body), (later, longer)):
        lab.trienctl("export", "--dir", tmp_path, "--list", f"issuing1/{old}")
        assert (tmp_path / f"issuing1-{old}.crl").read_bytes() == content
    lab.trienctl("export", "--dir", tmp_path, "--list", f"issuing1/{first}")
    assert len(x509.load_der_x509_crl((tmp_path / f"issuing1-{first}.crl").read_bytes())) == 0


@pytest.mark.lab(config={"revocation": {"crl/pause": "100ms", "crl/interval": "1s", "crl/lifetime": "1m"},
                         "status": {"feed/wait": "300ms"}})
def test_who_ended_leaves_after_one_list(lab, tmp_path):
    """RFC 5280 3.3: an entry stands on one list past its certificate's end, also when it came late."""
    lab.start(*PARTIES)
    add_revoked(lab, 5)
    wait_list(lab, 5)
    add_revoked(lab, 20, "-2 hours")

    def lengths():
        return [int(n) for n, in lab.sql("revocation", "SELECT entries FROM revocation_list WHERE state = 'issued' "
                                                       "ORDER BY number")]
    found = wait_until("the list after the one of 25", lengths, 60, until=lambda n: 25 in n and n[-1] == 5)
    assert found.count(25) == 1 and set(found[found.index(25) + 1:]) == {5}
    number = lab.value("revocation", "SELECT number FROM revocation_list WHERE entries = 25")
    lab.trienctl("export", "--dir", tmp_path, "--list", f"issuing1/{number}")
    assert len(x509.load_der_x509_crl((tmp_path / f"issuing1-{number}.crl").read_bytes())) == 25
    _, (_, body) = wait_list(lab, 5)
    assert len(x509.load_der_x509_crl(body)) == 5


@pytest.mark.lab(config={"revocation": {"crl/pause": "100ms"}, "status": {"feed/wait": "300ms"}})
def test_a_list_begins_anew_when_a_party_dies(lab):
    """The signer forgets what came of a list; revocation asks again and it is the same list."""
    lab.start(*PARTIES)
    wait_list(lab, 0)
    signer, revocation = lab.process("signer"), lab.process("revocation")
    signer.stop()
    add_revoked(lab, 30000)
    wait_until("the list to be written", lambda: lab.value(
        "revocation", "SELECT count(*) FROM effect WHERE kind = 'sign_list'") == "1")
    revocation.kill()
    signer.start()
    revocation.start()
    lab.wait_well(signer, revocation)
    number, (_, body) = wait_list(lab, 30000)
    signer.kill()
    add_revoked(lab, 1, "2 years")
    signer.start()
    lab.wait_well(signer)
    later, (_, longer) = wait_list(lab, 30001)
    assert later > number and len(x509.load_der_x509_crl(longer)) == 30001
    done = subprocess.run([lab.build / "bin/trien-signer", "--journal-verify", lab.dir / "data/signer"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done


@pytest.mark.parametrize("ahead", [1, 2])
@pytest.mark.lab(config={"revocation": {"crl/pause": "100ms"}, "status": {"feed/wait": "300ms"}})
def test_a_database_that_was_put_back_makes_no_list(lab, ahead):
    """What the signer has signed is not forgotten: no list goes out that may lack a revocation, until an officer has
    entered what is missing and says so. The signer is ahead by one list, or by more."""
    lab.start(*PARTIES)
    first, _ = wait_list(lab, 0)
    revocation = lab.process("revocation")
    for more in range(1, ahead + 1):
        add_revoked(lab, 1, f"{more} years")
        number, (_, body) = wait_list(lab, more)
    assert number == first + ahead
    revocation.stop()
    # as it was before
    lab.sql("revocation", f"DELETE FROM revocation_list WHERE number > {first}; DELETE FROM revocation_page; "
                          f"DELETE FROM revocation_page_past; DELETE FROM certificate; DELETE FROM effect; DELETE FROM effect_done; "
                          f"UPDATE issuer SET last_number = {first}")
    revocation.start()
    add_revoked(lab, 1, "9 years")
    said = wait_until("the alarm", lambda: [line for line in revocation.log.read_text().splitlines()
                                            if "lists_unknown_here" in line])
    assert f'"signed":{number}' in said[0] and "docs/operations.md" in said[0]
    wait_until("the figure", revocation.metrics, until=lambda text: 'trien_crl_forgotten{issuer="issuing1"} 1' in text)
    health = wait_until("health", revocation.health, until=lambda h: '"forgotten"' in json.dumps(h))
    assert '"ok": false' in json.dumps(health)
    issued = f"SELECT count(*) FROM revocation_list WHERE state = 'issued' AND number > {first}"
    assert lab.value("revocation", issued) == "0" and served(lab)[1] == body
    with pytest.raises(AssertionError, match="wrong_state"):
        lab.trienctl("--json", "revocation-lists", "accept", f"issuing1/{number - 1}", "--note", "x")
    with pytest.raises(AssertionError, match="forbidden"):
        lab.trienctl("--json", "revocation-lists", "accept", f"issuing1/{number}", "--note", "x", "--officer", "operator")
    for more in range(1, ahead + 1):  # entered anew
        add_revoked(lab, 1, f"{more} years")
    assert lab.value("revocation", issued) == "0"
    lab.trienctl("revocation-lists", "accept", f"issuing1/{number}", "--note", "đã đối chiếu", "--officer", "officer2")
    later, (_, longer) = wait_list(lab, ahead + 1)
    assert later > number and len(x509.load_der_x509_crl(longer)) == ahead + 1
    wait_until("health", revocation.health, until=lambda h: '"fresh"' in json.dumps(h))


@pytest.mark.parametrize("older", ["0", "2 hours"])
@pytest.mark.lab(config={"revocation": {"crl/pause": "100ms"}, "status": {"feed/wait": "300ms"}})
def test_the_signer_has_a_list_of_the_number_that_waits(lab, older):
    """A list is on its way and its intent is gone; the signer has signed one of its number. The same one is finished. Another
    one is a list that nobody here asked for: its number is not believed to be ours."""
    lab.start(*PARTIES)
    wait_list(lab, 0)
    revocation = lab.process("revocation")
    add_revoked(lab, 3)
    number, (_, body) = wait_list(lab, 3)
    digest = f"SELECT sha256 FROM revocation_list WHERE number = {number} AND state = 'issued'"
    was = lab.sql("revocation", digest)
    revocation.stop()
    lab.sql("revocation", f"""
        ALTER TABLE revocation_list DISABLE TRIGGER revocation_list_step;
        UPDATE revocation_list SET came_from = 'new', state = 'written', list_id = NULL, sha256 = NULL, size_bytes = NULL,
               signature = NULL, tbs_sha256 = NULL, this_update = this_update - interval '{older}' WHERE number = {number};
        ALTER TABLE revocation_list ENABLE TRIGGER revocation_list_step""")
    revocation.start()
    if older == "0":
        assert wait_until("the list to be finished", lambda: lab.sql("revocation", digest)) == was
        add_revoked(lab, 1, "9 years")
        assert wait_list(lab, 4)[0] == number + 1
    else:
        wait_until("the alarm", lambda: f'"signed":{number},' in revocation.log.read_text())
        add_revoked(lab, 1, "9 years")
        wait_until("the figure", revocation.metrics, until=lambda text: 'trien_crl_forgotten{issuer="issuing1"} 1' in text)
        assert lab.value("revocation", f"SELECT count(*) FROM revocation_list WHERE state = 'issued' AND number >= {number}") == "0"
        assert served(lab)[1] == body


@pytest.mark.lab(config={"revocation": {"crl/pause": "100ms", "crl/interval": "1s", "crl/lifetime": "1h"}})
def test_health_tells_of_an_old_list(lab):
    """The signer is away: the newest list grows older than two intervals. It still holds, so the process is well."""
    lab.start("signer", "revocation")
    revocation = lab.process("revocation")
    wait_until("a fresh list", revocation.health, until=lambda h: '"fresh"' in json.dumps(h) and '"lists": {"ok": true' in json.dumps(h))
    lab.process("signer").stop()
    health = wait_until("an old list", revocation.health, until=lambda h: '"old"' in json.dumps(h))
    assert '"lists": {"ok": false' in json.dumps(health)
    assert revocation.is_well()
