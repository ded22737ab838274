"""The journal of audit: everything the services say stands in it once, its proofs hold by independent
arithmetic, its checkpoints by an independent library; every way of changing it in the database is named at
its place by `trienctl audit verify`, and a journal that is not what was signed is not signed again."""
import base64
import hashlib
import json
import urllib.error
import urllib.request

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.flow.test_openapi import check
from tests.lib import journal, requests
from tests.lib.journal import get, say, verify, wait_signed
from tests.lib.lab import wait_until

QUICK = {"audit": {"checkpoint/every": "500ms", "lanes/batch_events": "64"}}
TABLES = ("journal_head", "entry", "entry_content", "tile", "checkpoint")
FIRST, SECOND = 320, 960  # events said before each of two checkpoints: more than three tiles in all


def size_of(lab) -> int:
    return int(lab.value("audit", "SELECT size FROM journal_head"))


@pytest.fixture(scope="module")
def rested(template):
    """A journal at rest with two checkpoints and some more, and copies of its tables to put back."""
    with template.lab(replicas=1, config=QUICK) as lab:
        lab.start("intake", "audit")
        for count, total in ((FIRST, FIRST), (SECOND - FIRST, SECOND)):
            say(lab, "intake", count // 64)
            wait_signed(lab, total)
            wait_until("the journal to rest", lambda: lab.value(
            "audit", "SELECT size = (SELECT max(event_offset) FROM entry, (SELECT sum(next_offset - 1) AS event_offset "
                     "FROM consumer_cursor) c) FROM journal_head") == "t")
        for table in TABLES:
            lab.sql("audit", f"CREATE TABLE kept_{table} AS TABLE {table}")
        yield lab


@pytest.fixture
def tampered(rested):
    """Changes the database as its administrator; put back afterwards."""
    yield lambda sql: rested.sql("audit", sql)
    rested.sql("audit", "BEGIN; " + "".join(f"DELETE FROM {t}; INSERT INTO {t} SELECT * FROM kept_{t}; " for t in TABLES)
               + "COMMIT")


# --- what is true of it ------------------------------------------------------------------------------------

def test_proofs_hold_by_independent_arithmetic(rested):
    audit = rested.process("audit")
    leaves = [journal.leaf_hash(leaf) for leaf in journal.all_leaves(audit)]
    size = len(leaves)
    assert size > 3 * 256
    for entry, at in ((0, size), (255, 256), (256, 257), (size - 1, size), (17, 300), (511, 512), (700, size), (0, 1)):
        proof = get(audit, f"/v1/journal/proof/inclusion?entry={entry}&size={at}")
        elements = [base64.b64decode(e) for e in proof["audit_path"]]
        assert elements == journal.path(entry, leaves[:at])
        assert base64.b64decode(proof["leaf_hash"]) == leaves[entry]
        assert journal.root_of_path(leaves[entry], entry, at, elements) == journal.head(leaves[:at])
    for old, new in ((1, size), (256, 512), (255, 300), (size, size), (321, 962), (512, 513)):
        proof = get(audit, f"/v1/journal/proof/consistency?from={old}&to={new}")
        assert [base64.b64decode(e) for e in proof["consistency_path"]] == journal.consistency(old, leaves[:new])


def test_checkpoints_by_an_independent_library(rested):
    audit, public = rested.process("audit"), rested.dir / "data/audit/journal.pub"
    leaves = [journal.leaf_hash(leaf) for leaf in journal.all_leaves(audit)]
    notes = [note for note, in rested.sql("audit", "SELECT replace(note, E'\\n', '|') FROM checkpoint ORDER BY size")]
    assert len(notes) >= 2
    for note in notes:
        origin, size, root = journal.open_note(note.replace("|", "\n"), public)
        assert origin == "trien.test/journal" and root == journal.head(leaves[:size])
    with urllib.request.urlopen(audit.url("http", "/v1/journal/checkpoint")) as answer:
        newest = answer.read().decode()
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert newest == notes[-1].replace("|", "\n")
    assert [f.read_text() for f in (rested.dir / "data/audit/checkpoints").iterdir()] == [newest]


def test_everything_is_there_once(rested):
    journal.assert_journal_is_exact(rested, journal.all_leaves(rested.process("audit")), ("intake", "audit"))


def test_the_answers_are_as_described(rested):
    audit = rested.process("audit")

    def ask(path, query=""):
        try:
            with urllib.request.urlopen(audit.url("http", path + query)) as answer:
                return check("get", path, (answer.status, answer.headers, answer.read()))
        except urllib.error.HTTPError as refused:
            assert refused.code == 400, refused
            return check("get", path, (refused.code, refused.headers, refused.read()))

    ask("/v1/journal/checkpoint")
    for query in ("", "?from=5&limit=2", "?from=100000", "?limit=0", "?limit=100000", "?from=-1", "?from=x", "?from=01"):
        ask("/v1/journal/entries", query)
    for query in ("?entry=5", "?entry=5&size=6", "?entry=5&size=5", "", "?entry=5&size=99999999", "?entry=", "?entry=1e3",
                  "?entry=18446744073709551616", "?entry=4611686018427387905&size=4611686018427387904"):
        ask("/v1/journal/proof/inclusion", query)
    for query in ("?from=5", "?from=5&to=9", "?from=9&to=5", "?from=0&to=5", "", "?from=1&to=99999999", "?from=%00"):
        ask("/v1/journal/proof/consistency", query)
    assert ask("/v1/journal/entries", "?from=5&limit=2")["entries"][0]["sequence"] == 5


def test_contents_are_for_credentialed_readers(rested):
    """What a leaf covers: SHA-256 of salt and content, which only operator and auditor see."""
    copy = rested.dir / "copy"
    rested.trienctl("--as", "auditor", "audit", "export", "--dir", copy)
    lines = [json.loads(line) for part in sorted((copy / "entries").iterdir()) for line in part.read_text().splitlines()]
    content = base64.b64decode(lines[7]["content"])
    assert journal.fields(content)[1].decode().startswith("key ")
    assert journal.read_leaf(base64.b64decode(lines[7]["leaf"]))["content_sha256"] == hashlib.sha256(
        base64.b64decode(lines[7]["salt"]) + content).digest()
    public = rested.dir / "public"
    rested.trienctl("audit", "export", "--public", "--dir", public)
    assert "content" not in (public / "entries/000000000000.jsonl").read_text()
    key = rested.dir / "data/audit/journal.pub"
    for folder, without in ((copy, 0), (public, len(lines))):
        seen = verify(rested, "--dir", folder, "--key", key)
        assert seen["ok"] and seen["without_content"] == without and seen["entries"] == len(lines)
    for principal in ("station", "officer1"):
        with pytest.raises(AssertionError, match="may not"):
            rested.trienctl("--as", principal, "audit", "export", "--dir", rested.dir / f"not-{principal}")


# --- tampering as the database's administrator ---------------------------------------------------------------

BOTH = "leaf_hash = sha256('\\x00'::bytea || {0}), leaf = {0}"
OTHER = "set_byte(leaf, 40, get_byte(leaf, 40) # 1)"
SWAP = """UPDATE entry e SET leaf = o.leaf, leaf_hash = o.leaf_hash FROM entry o
           WHERE (e.sequence, o.sequence) IN ((300, 500), (500, 300))"""
SHIFT = """CREATE TEMP TABLE moved AS SELECT sequence {sign} 1 AS sequence, leaf_hash, leaf FROM entry WHERE sequence {than} {at};
           CREATE TEMP TABLE moved_content AS SELECT sequence {sign} 1 AS sequence, salt, content FROM entry_content
            WHERE sequence {than} {at};
           DELETE FROM entry WHERE sequence >= {at}; DELETE FROM entry_content WHERE sequence >= {at};
           INSERT INTO entry SELECT * FROM moved; INSERT INTO entry_content SELECT * FROM moved_content;"""

TAMPERINGS = {
    "content": ("UPDATE entry_content SET content = content || '\\x00' WHERE sequence = 123", "content", 123),
    "salt": ("UPDATE entry_content SET salt = '\\x000102030405060708090a0b0c0d0e0f' WHERE sequence = 5", "content", 5),
    "leaf": (f"UPDATE entry SET leaf = {OTHER} WHERE sequence = 123", "changed", 123),
    "leaf and hash": (f"UPDATE entry SET {BOTH.format(OTHER)} WHERE sequence = 123", "changed", 123),
    "two entries": (f"UPDATE entry SET {BOTH.format(OTHER)} WHERE sequence IN (257, 800)", "changed", 257),
    "deleted": ("DELETE FROM entry WHERE sequence = 77", "removed", 77),
    "deleted to the end": ("DELETE FROM entry WHERE sequence >= 600", "removed", 600),
    "truncated": ("DELETE FROM entry WHERE sequence >= 600; UPDATE journal_head SET size = 600, notable = 600, "
                  "peaks = decode(repeat('00', 128), 'hex')", "removed", 600),
    "swapped": (SWAP, "reordered", 300),
    "deleted and renumbered": (SHIFT.format(sign="-", than=">", at=400), "reordered", 400),
    "inserted and renumbered": (SHIFT.format(sign="+", than=">=", at=400) + " INSERT INTO entry "
                                f"SELECT 400, sha256('\\x00'::bytea || {OTHER}), {OTHER} FROM entry WHERE sequence = 401; "
                                "INSERT INTO entry_content SELECT 400, salt, content FROM entry_content WHERE sequence = 401",
                                "changed", 400),
    "tile": ("UPDATE tile SET hashes = set_byte(hashes, 32 * 10, get_byte(hashes, 32 * 10) # 1) "
             "WHERE level = 0 AND place = 1", "tree", 266),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_named_at_its_place(rested, tampered, name):
    sql, kind, entry = TAMPERINGS[name]
    tampered(sql)
    assert verify(rested, "--live", expect=(kind, entry))["first"]["exact"]


def test_an_honest_journal_between_the_tamperings(rested):
    assert verify(rested, "--live")["ok"]


def test_entry_and_tree_changed_together(rested, tampered):
    """Who rewrites the hashes too cannot rewrite the signed head: the stretch between checkpoints is named."""
    tampered(f"""UPDATE entry SET {BOTH.format(OTHER)} WHERE sequence = 700;
                 UPDATE tile SET hashes = overlay(hashes PLACING (SELECT leaf_hash FROM entry WHERE sequence = 700)
                                                  FROM 32 * (700 - 512) + 1) WHERE level = 0 AND place = 2""")
    found = verify(rested, "--live")["first"]
    sizes = [int(s) for s, in rested.sql("audit", "SELECT size FROM checkpoint ORDER BY size")]
    start = max(s for s in sizes if s <= 700)
    assert (found["kind"], found["first"], found["exact"]) == ("changed", start, False)
    assert found["last"] == min(s for s in sizes if s > 700) - 1


def forged_note(size: int) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = f"trien.test/journal\n{size}\n{base64.b64encode(bytes(32)).decode()}\n"
    signature = hashlib.sha256(spki).digest()[:4] + key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    return f"{text}\n\N{EM DASH} trien.test/journal {base64.b64encode(signature).decode()}\n"


def test_forged_checkpoints(rested, tampered):
    honest = rested.value("audit", "SELECT encode(note::bytea, 'hex') FROM checkpoint ORDER BY size LIMIT 1")
    changed = bytes.fromhex(honest).decode().replace("trien.test/journal\n", "trien.test/journal\n1", 1)
    for note in (forged_note(500), changed):
        tampered(f"DELETE FROM checkpoint WHERE size = 500; INSERT INTO checkpoint VALUES (500, sha256('x'), now(), '{note}')")
        found = verify(rested, "--live")
        assert [f["kind"] for f in found["findings"]] == ["checkpoint"]
        if note != changed:
            assert found["findings"][0]["first"] == 500


def test_a_truncation_without_a_trace_is_known_to_the_witness(rested, tampered):
    """Entries, tiles, head and checkpoints taken back as if nothing had been: the daily file remembers."""
    tampered(f"""DELETE FROM checkpoint WHERE size > {FIRST + 200}; DELETE FROM entry WHERE sequence >= 512;
                 DELETE FROM entry_content WHERE sequence >= 512; DELETE FROM tile WHERE place >= 2;
                 UPDATE journal_head SET size = 512, notable = 512, peaks = sha256('any')""")
    copy = rested.dir / "short"
    rested.trienctl("audit", "export", "--dir", copy)
    key = rested.dir / "data/audit/journal.pub"
    assert verify(rested, "--dir", copy, "--key", key)["ok"]  # nothing in the copy itself can tell
    verify(rested, "--dir", copy, "--key", key, "--witness", rested.dir / "data/audit/checkpoints", expect=("removed", 512))


def test_another_key_verifies_nothing(rested):
    other = rested.dir / "other.pub"
    other.write_bytes(ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    found = verify(rested, "--live", "--key", other)
    assert not found["ok"] and {f["kind"] for f in found["findings"]} == {"checkpoint"}


# --- refusing to sign (a restored database: test_restore.py) ---------------------------------------------------

@pytest.mark.lab(replicas=1, config=QUICK)
def test_changed_hashes_are_not_built_upon(lab):
    lab.start("intake", "audit")
    say(lab, "intake", 1)
    wait_signed(lab, 64)
    size = size_of(lab)
    lab.sql("audit", f"UPDATE entry SET {BOTH.format(OTHER)} WHERE sequence = 10")
    say(lab, "intake", 8)
    audit = lab.process("audit")
    wait_until("the alarm", lambda: (audit.health() or {}).get("journal", {}).get("ok") is False)
    assert "is not what the head was made of" in audit.health()["journal"]["alarm"]
    assert size <= size_of(lab) < 256
    # Leaf and hash were both changed and no complete tile remembers: the stretch is named.
    assert verify(lab, "--live", expect=("changed", 0))["first"]["last"] >= 10


@pytest.mark.lab(replicas=1, config=QUICK)
def test_a_changed_head_is_not_signed(lab):
    lab.start("intake", "audit")
    say(lab, "intake", 1)
    wait_signed(lab, 64)
    signed = int(lab.value("audit", "SELECT max(size) FROM checkpoint"))
    lab.sql("audit", "UPDATE journal_head SET peaks = set_byte(peaks, 0, get_byte(peaks, 0) # 1)")
    say(lab, "intake", 1)
    audit = lab.process("audit")
    wait_until("the alarm", lambda: (audit.health() or {}).get("journal", {}).get("ok") is False)
    assert "does not go on from its own head" in audit.health()["journal"]["alarm"]
    assert int(lab.value("audit", "SELECT max(size) FROM checkpoint")) == signed


@pytest.mark.lab(replicas=1, config=QUICK)
def test_another_key_in_the_token_signs_nothing(lab):
    lab.start("intake", "audit")
    say(lab, "intake", 1)
    wait_signed(lab, 64)
    audit, public = lab.process("audit"), lab.dir / "data/audit/journal.pub"
    audit.stop()
    public.unlink()
    config = lab.dir / "etc/audit-0.conf"
    config.write_text(config.read_text().replace("key\n", 'key\n    label = "another"\n', 1)
                      if "\nkey\n" in config.read_text() else config.read_text())
    assert "another" in config.read_text()
    audit.start()
    say(lab, "intake", 1)
    wait_until("the alarm", lambda: (audit.health() or {}).get("journal", {}).get("ok") is False)
    assert "not signed by this key" in audit.health()["journal"]["alarm"]


# --- replicas ------------------------------------------------------------------------------------------------

@pytest.mark.lab(replicas=2, config=QUICK)
def test_two_replicas_write_one_journal(lab):
    """Both append while one is killed and comes back; every event stands there once."""
    lab.start("intake", "status")
    first, second = lab.start("audit", replicas=2)
    wait_until("both to hold partitions", lambda: all(p.health()["lanes"]["partitions"] for p in (first, second)))
    for turn in range(4):
        say(lab, "intake", 5)
        say(lab, "status", 3)
        if turn == 1:
            second.kill()
        if turn == 2:
            second.start()
    lab.wait_well(second)
    wait_signed(lab, 4 * 8 * 64)
    journal.assert_journal_is_exact(lab, journal.all_leaves(first), ("intake", "status", "audit"))
    assert verify(lab, "--live")["ok"]


@pytest.mark.lab(replicas=1)
def test_the_road_is_in_the_journal(lab):
    """A request from post to notice: every service's events, none of them anything a reader of leaves would learn from."""
    lab.start()
    lab.add_client()
    lab.add_agency()
    lab.wait_request(lab.post(lab.pdf(requests.form03()))["request_id"])
    services = [s for s in lab.services() if s != "signer"]

    def is_complete():
        done = int(lab.value("audit", "SELECT notable FROM journal_head"))
        return done and done >= sum(1 for row in journal.said(lab, services) if row[0] != "audit")
    wait_until("every event in the journal", is_complete)
    leaves = journal.all_leaves(lab.process("audit"))
    journal.assert_journal_is_exact(lab, leaves, services)
    assert {"RequestSubmitted", "ItemAuthorized", "CertificateIssued"} <= {journal.read_leaf(leaf)["type"] for leaf in leaves}
    assert not any(b"SKHCN" in leaf or "Sở".encode() in leaf for leaf in leaves)
