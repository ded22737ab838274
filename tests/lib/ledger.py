"""The ledger of the road: what must be true once everything has ended, counted in the databases, the signer's
journal and the folder of notices. `expected` is {request id: whether it keeps the rules}, `revoked`
{request id of form 05: serial number}. check_the_checks() shows
that each check fails when it should."""
import collections
import contextlib
import re
import time
from pathlib import Path

import pytest
from cryptography import x509

from tests.lib import journal
from tests.lib.lab import run, wait_until

SERVICES = ("intake", "validation", "signing", "revocation", "courier", "notification", "status", "audit")


def children(pid):
    """Processes below pid, with their names, the nearest first."""
    found = []
    with contextlib.suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            with contextlib.suppress(OSError):
                found += [(child, Path(f"/proc/{child}/comm").read_text().strip())]
            found += children(child)
    return found


def command_line(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def check_requests(lab, expected, revoked=()):
    rows = dict(lab.sql("intake", "SELECT request_id, state FROM request"))
    assert len(rows) == len(expected) + len(revoked)
    assert {rows.get(r) for r in revoked} <= {"completed"}
    wrong = {r: rows.get(r) for r, good in expected.items() if rows.get(r) != ("completed" if good else "rejected")}
    assert wrong == {}
    lines = collections.Counter(map(tuple, lab.sql("intake", "SELECT request_id, event FROM timeline")))
    for request, good in expected.items():
        for event, due in (("RequestAccepted", good), ("ItemAuthorized", good), ("RequestRejected", not good),
                           ("CertificateIssued", good)):
            assert lines[request, event] == due, (request, event, lines[request, event])


def check_certificates(lab, expected, _revoked=()):
    """One each, the same one everywhere; every order that was begun came to its end."""
    good = sorted(r for r, keeps in expected.items() if keeps)
    ours = lab.sql("signing", "SELECT request_id, encode(sha256(certificate_der), 'hex'), encode(serial, 'hex') "
                              "FROM certificate ORDER BY request_id")
    assert [request for request, _, _ in ours] == good
    assert len({digest for _, digest, _ in ours}) == len({serial for _, _, serial in ours}) == len(good)
    shown = lab.sql("intake", "SELECT request_id, encode(sha256(certificate_der), 'hex') FROM item "
                              "WHERE certificate_der IS NOT NULL ORDER BY request_id")
    assert shown == [[request, digest] for request, digest, _ in ours]
    known = lab.sql("status", "SELECT encode(serial, 'hex') FROM certificate_status WHERE lineage_id IN "
                              "(SELECT lineage_id FROM certificate_status)")
    assert {serial for _, _, serial in ours} <= {serial for serial, in known}
    assert lab.sql("signing", "SELECT state, count(*) FROM item_order GROUP BY 1") == [["issued", str(len(good))]]


def check_revocations(lab, _expected, revoked):
    """Those and no others, everywhere; the newest list carries exactly them, and numbers have no gap."""
    serials = set(revoked.values())
    assert len(serials) == len(revoked)
    for service, column, where in (("revocation", "serial", "state = 'revoked'"), ("validation", "serial", "state = 'revoked'"),
                                   ("status", "ltrim(encode(serial, 'hex'), '0')", "status = 'revoked'")):
        table = "certificate_status" if service == "status" else "certificate"
        found = {s for s, in lab.sql(service, f"SELECT {column} FROM {table} WHERE {where}")}
        assert found == serials, service
    assert int(lab.value("intake", "SELECT count(*) FROM item WHERE revoked_at IS NOT NULL")) == len(serials)
    lists = lab.sql("revocation", "SELECT number, state FROM revocation_list ORDER BY number")
    assert lists == [[str(n), "issued"] for n in range(1, len(lists) + 1)]
    newest, entries, size = lab.sql("revocation", "SELECT number, entries, entries_bytes FROM revocation_list ORDER BY number DESC LIMIT 1")[0]
    pages = lab.value("revocation", "SELECT encode(string_agg(entries_der, '' ORDER BY bucket), 'hex') FROM revocation_page")
    assert (int(entries), int(size)) == (len(serials), len(pages) // 2)
    assert all(f"02{len(bytes.fromhex(serial)):02x}{serial}" in pages for serial in serials)
    assert lab.value("status", "SELECT number FROM revocation_list") == newest
    crl = x509.load_der_x509_crl(bytes.fromhex(lab.value("status", f"""
        SELECT encode(string_agg(der, '' ORDER BY begins), 'hex') FROM revocation_list_part WHERE number = {newest}""")))
    assert {f"{entry.serial_number:x}" for entry in crl} == serials
    issuer = x509.load_pem_x509_certificate((lab.dir / "ca/issuing1.pem").read_bytes())
    assert crl.is_signature_valid(issuer.public_key())


def gaps(lab, service):
    """Partitions whose offsets are not 1, 2, 3 … up to the head."""
    return lab.sql(service, "SELECT h.partition, h.next_offset, o.n, o.top FROM outbox_head h LEFT JOIN "
                            "(SELECT partition, count(*) n, max(event_offset) top, min(event_offset) low "
                            "FROM outbox GROUP BY 1) o USING (partition) WHERE coalesce(o.n, 0) <> h.next_offset - 1 "
                            "OR coalesce(o.top, 0) <> h.next_offset - 1 OR coalesce(o.low, 1) <> 1")


def check_logs(lab):
    for service in SERVICES:
        assert gaps(lab, service) == [], f"{service}: offsets are not dense"
        twice = lab.sql(service, "SELECT id FROM outbox GROUP BY 1 HAVING count(*) > 1")
        assert twice == [], f"{service}: an event is there twice"


def check_events(lab, expected, revoked=()):
    """Every event was said once for each request (or item) that it is about."""
    good, given_up = sum(expected.values()), len(revoked)
    for service, event, due in (("intake", "RequestSubmitted", len(expected) + given_up),
                                ("validation", "RequestAccepted", good + given_up),
                                ("validation", "RevocationAuthorized", given_up),
                                ("revocation", "CertificateRevoked", given_up), ("revocation", "RevocationRefused", 0),
                                ("validation", "RequestRejected", len(expected) - good),
                                ("validation", "ItemAuthorized", good), ("signing", "CertificateIssued", good)):
        said = lab.sql(service, f"SELECT count(*), count(DISTINCT key) FROM outbox WHERE type = '{event}'")
        assert said == [[str(due), str(due)]], (event, said)


def check_notices(lab, expected, revoked=()):
    """One file a notice: accepted and issued or revoked, or rejected, each by mail and by message."""
    good = sum(expected.values())
    due = 2 * good + (len(expected) - good) + 2 * len(revoked)
    for folder, suffix, channel in (("mail", ".eml", "email"), ("sms", ".sms", "sms")):
        files = [p for p in (lab.dir / "data/notification" / folder).iterdir() if p.suffix == suffix]
        sent = lab.sql("notification", f"SELECT template, state, count(*) FROM notice WHERE channel = '{channel}' GROUP BY 1, 2")
        assert len(files) == due, f"{len(files)} files in {folder} instead of {due}; notices: {sent}"
        assert len({p.read_bytes() for p in files}) == due, f"{folder}: the same notice twice"
        rows = lab.sql("notification", "SELECT state, count(*), count(DISTINCT (request_id, template)) FROM notice "
                                       f"WHERE channel = '{channel}' GROUP BY 1")
        assert rows == [["delivered", str(due), str(due)]]


def check_journal(lab, expected, _revoked=()):
    """The chain holds, no order, serial or authorisation is there twice, and every intent was answered."""
    folder = lab.dir / "data/signer"
    run([lab.build / "bin/trien-signer", "--journal-verify", folder])
    records = [line.split() for file in sorted(folder.glob("*.log")) for line in file.read_text().splitlines()]
    kinds = collections.Counter(record[2] for record in records)
    assert kinds["intent"] == kinds["answer"] >= sum(expected.values())


def check_audit(lab, _expected, _revoked=()):
    """Every event of every log stands in audit's journal once, and its leaves are what was signed. What is said while we
    look (a list, on its schedule) is read a moment later, as long as audit runs."""
    runs = any(p.service == "audit" and p.popen.poll() is None for p in lab.processes.values())
    until = time.monotonic() + (5 if runs else 0)
    while True:
        size, root = lab.sql("audit", "SELECT size, encode(root_sha256, 'hex') FROM checkpoint ORDER BY size DESC LIMIT 1")[0]
        leaves = journal.leaves_in_database(lab)
        try:
            journal.assert_journal_is_exact(lab, leaves, SERVICES)
            break
        except AssertionError:
            if time.monotonic() > until:
                raise
    assert journal.head([journal.leaf_hash(leaf) for leaf in leaves[:int(size)]]).hex() == root


def check_words(lab):
    """Nobody died of anything but us: no sanitizer's report, no failed assertion."""
    for log in (lab.dir / "log").iterdir():
        found = re.findall(r"^.*(?:Sanitizer|runtime error|Assertion).*$", log.read_text(errors="replace"), re.M)
        assert found == [], log.name


# --- what is not at its end -------------------------------------------------------------------------------

def lagging(lab):
    """Cursors that are not at their publisher's head."""
    heads = {s: dict(lab.sql(s, "SELECT partition, next_offset FROM outbox_head")) for s in SERVICES}
    return {f"{service} reads {feed}/{partition}": f"{at} of {heads[feed][partition]}"
            for service in SERVICES
            for feed, partition, at in lab.sql(service, "SELECT feed, partition, next_offset FROM consumer_cursor")
            if feed in heads and heads[feed][partition] != at}


def pending(lab):
    """Everything that was begun and has not ended, in words; empty when all is done."""
    found = {}
    states = lab.sql("intake", "SELECT state, count(*) FROM request WHERE state NOT IN ('completed', 'rejected', 'failed') "
                               "GROUP BY 1")
    if states:
        found["requests"] = states
    unlisted = lab.value("revocation", "SELECT count(*) FROM certificate WHERE state = 'revoked' AND first_number IS NULL")
    if unlisted != "0":
        found["revocations on no list"] = unlisted
    for service in SERVICES:
        effects = lab.sql(service, "SELECT kind, count(*), max(attempts), min(retry_at), max(last_error) FROM effect "
                                   "WHERE retry_at < now() + interval '10 minutes' GROUP BY 1")
        letters = lab.sql(service, "SELECT feed, type, state, count(*), max(attempts), max(error) FROM dead_letter "
                                   "WHERE state <> 'resolved' GROUP BY 1, 2, 3")
        for what, rows in (("effects", effects), ("dead letters", letters)):
            if rows:
                found[f"{service} {what}"] = rows
    return found or lagging(lab)


def orphans(lab):
    """Children of killed processes that have not ended."""
    ours = {pid for p in lab.processes.values() for pid in [p.popen.pid, *(c for c, _ in children(p.popen.pid))]}
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int(entry.name) not in ours and str(lab.dir) in command_line(entry.name):
                found[entry.name] = command_line(entry.name).replace("\0", " ")
    return found


# --- the checks can fail -----------------------------------------------------------------------------------

ONE = "(SELECT request_id FROM certificate LIMIT 1)"
SPOILED = (  # (check, database, one small wrong)
    (check_requests, "intake", "DELETE FROM timeline WHERE number = "
                               "(SELECT max(number) FROM timeline WHERE event = 'CertificateIssued')"),
    (check_certificates, "signing", f"UPDATE certificate SET serial = serial || '\\x00' WHERE request_id = {ONE}"),
    (check_certificates, "intake", "UPDATE item SET certificate_der = certificate_der || '\\x00' WHERE request_id = "
                                   "(SELECT request_id FROM item WHERE certificate_der IS NOT NULL LIMIT 1)"),
    (check_logs, "validation", "UPDATE outbox SET event_offset = event_offset + 1 WHERE (partition, event_offset) = "
                               "(SELECT partition, max(event_offset) FROM outbox GROUP BY 1 LIMIT 1)"),
    (check_logs, "signing", "UPDATE outbox_head SET next_offset = next_offset - 1 WHERE next_offset > 1"),
    (check_events, "signing", "INSERT INTO outbox SELECT segment, partition, event_offset + 1000000, "
                              "gen_random_uuid(), type, key, traceparent, created_at, payload FROM outbox "
                              "WHERE type = 'CertificateIssued' LIMIT 1"),
    (check_revocations, "revocation", "DELETE FROM certificate WHERE state = 'revoked'"),
    (check_revocations, "status", "DELETE FROM certificate_status WHERE status = 'revoked'"),
    (check_revocations, "revocation", "DELETE FROM revocation_list WHERE number = "
                                      "(SELECT max(number) FROM revocation_list)"),
    (check_audit, "audit", "DELETE FROM entry WHERE sequence = 5"),
    (check_audit, "audit", "UPDATE entry SET leaf = set_byte(leaf, 30, get_byte(leaf, 30) # 1) WHERE sequence = 7"),
    (check_notices, "notification", "DELETE FROM notice WHERE (request_id, template) = "
                                    "(SELECT request_id, template FROM notice LIMIT 1)"),
)


def spoil_files(lab):
    """The same notice under another name, and a letter of the journal."""
    mail = next((lab.dir / "data/notification/mail").glob("*.eml"))
    mail.with_name("again.eml").write_bytes(mail.read_bytes())
    signed = lab.dir / "data/signer/journal-000001.log"
    text = bytearray(signed.read_bytes())
    text[len(text) // 2] ^= 1
    signed.write_bytes(text)


def check_the_checks(lab, expected, revoked):
    """Nothing runs any more; afterwards the laboratory is spoiled."""
    connected = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE '" + lab.prefix + "%'"
    wait_until("killed processes' backends to end", lambda: lab.template.psql("postgres", connected) == [["0"]])
    for check, database, wrong in SPOILED:
        arguments = (lab,) if check is check_logs else (lab, expected, revoked)
        restore = f"lab_before_{database}"
        lab.template.psql("postgres", f"CREATE DATABASE {restore} TEMPLATE {lab.prefix}{database}")
        lab.sql(database, wrong)
        with pytest.raises(AssertionError):
            check(*arguments)
        lab.template.psql("postgres", f"DROP DATABASE {lab.prefix}{database}")
        lab.template.psql("postgres", f"ALTER DATABASE {restore} RENAME TO {lab.prefix}{database}")
        check(*arguments)
    spoil_files(lab)
    for check in (check_notices, check_journal):
        with pytest.raises(AssertionError):
            check(lab, expected, revoked)
    # Whoever was killed may have left something that it does by itself (a list to fetch); this is nobody's.
    def left_to_sign():
        return [row for row in pending(lab).get("signing effects", ()) if row[0] == "sign"]
    assert not left_to_sign()
    lab.sql("signing", "INSERT INTO effect (kind, key, partition, intent, traceparent, retry_at) "
                       "VALUES ('sign', 'left', 1, '', '', now())")
    lab.sql("intake", "UPDATE consumer_cursor SET next_offset = next_offset - 1 WHERE next_offset > 1")
    assert left_to_sign() and lagging(lab)
