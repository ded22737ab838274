"""Every database brought back to one moment, while an order was on its way: the signer has signed what nobody knows any
more. What the agency then reads says so, and what it is to do. audit's database brought back alone: it signs no more
until two officers have said what is given up, and the journal that begins then says so itself."""
import base64
import hashlib
import json

import pytest

from tests.lib import journal, requests
from tests.lib.journal import say, verify, wait_signed
from tests.lib.lab import wait_until


def copy_databases(lab, old, new, *services):
    """These databases of the laboratory, all where none is named, from one name to another; nobody is connected."""
    psql = lab.template.psql
    for ours in [lab.prefix + s for s in services] or lab.databases:
        service = ours.removeprefix(lab.prefix)
        if psql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{ours}{new}'"):
            psql("postgres", f"DROP DATABASE {ours}{new} WITH (FORCE)")
        psql("postgres", f"CREATE DATABASE {ours}{new} TEMPLATE {ours}{old} OWNER trien_{service}_owner",
             f"GRANT CONNECT, TEMPORARY ON DATABASE {ours}{new} TO trien_{service}")


def stop(lab):
    """All but the signer, whose journal is no database."""
    for process in list(lab.processes.values()):
        if process.service != "signer" and process.alive():
            process.stop()
    connected = f"SELECT count(*) FROM pg_stat_activity WHERE datname LIKE '{lab.prefix}%'"
    wait_until("nobody to be connected", lambda: lab.template.psql("postgres", connected), until=lambda n: n == [["0"]])


def test_an_order_on_its_way_at_the_restore(template):
    with template.lab(replicas=1) as lab:
        services = [s for s in lab.services() if s not in ("signer", "audit")]  # audit has tests of its own: below
        lab.start("signer")
        lab.start(*services)
        lab.add_client()
        lab.add_agency()
        lab.process("signing").stop()
        document = lab.pdf(requests.form03())
        request = lab.post(document, key="key-1")["request_id"]
        lab.wait_item(request, 1, "authorized")
        stop(lab)
        copy_databases(lab, "", "_moment")
        lab.start(*services)
        gone = lab.wait_request(request)["certificates"][0]["serial"]
        stop(lab)
        copy_databases(lab, "_moment", "")
        try:
            lab.start(*services)
            shown = lab.wait_request(request)
            assert shown["state"] == "failed" and shown["certificates"] == []
            reason, = shown["subscribers"][0]["reasons"]
            assert reason["code"] == "order_conflict"
            assert "đề nghị gửi văn bản mới" in reason["text_vi"] and "new document" in reason["text_en"]
            line = next(row["text"] for row in shown["timeline"] if row["event"] == "IssuanceFailed")
            assert "khôi phục" in line and "Đề nghị gửi văn bản mới" in line, line
            # The old document gets its old answer; a new one is done.
            assert lab.post(document, key="key-1")["request_id"] == request
            again = lab.wait_request(lab.post(lab.pdf(requests.form03()))["request_id"])
            assert again["state"] == "completed" and again["certificates"][0]["serial"] != gone
        finally:
            stop(lab)
            for ours in lab.databases:
                lab.template.psql("postgres", f"DROP DATABASE IF EXISTS {ours}_moment")


# --- a new journal after one that lost its end -----------------------------------------------------------------

LOST = "Máy chủ hỏng, khôi phục tới 14 giờ"
FOLDER, KEY = "data/audit/checkpoints", "data/audit/journal.pub"


def restart(lab):
    audit = lab.process("audit")
    audit.kill()
    lab.start("audit", wait=False)
    wait_until("audit to answer", lambda: audit.health())


def alarm(lab) -> str:
    return ((lab.process("audit").health() or {}).get("journal") or {}).get("alarm", "")


def begin(lab, officer, *arguments):
    said = lab.trienctl("--json", "audit", "begin-journal", "--officer", officer, "--yes", *arguments)
    return json.loads(said[said.index("{"):])  # what he signs is shown before


def newest_note(lab):
    """(origin, size, root) of the newest checkpoint, verified by another library."""
    note = bytes.fromhex(lab.value("audit", "SELECT encode(note::bytea, 'hex') FROM checkpoint ORDER BY size DESC LIMIT 1"))
    return journal.open_note(note.decode(), lab.dir / KEY)


def wait_journal(lab, number):
    wait_until(f"a checkpoint of journal {number}", lambda: newest_note(lab)[0], until=lambda origin: origin.endswith(f"/{number}"))
    wait_until("audit to be well", lambda: (lab.process("audit").health() or {}).get("ok"))


def entry_that_begins(lab, number):
    return int(lab.value("audit", f"SELECT entry FROM journal_begun WHERE number = {number}"))


def lose_the_end(lab, total, *more):
    """So many events signed, a moment, more events signed; then the database of that moment. What was lost; a copy of it is
    in before/, each daily file of the time after the moment in lost-1, lost-2 …"""
    say(lab, "intake", total // 64)
    wait_signed(lab, total)
    lab.process("audit").stop()
    copy_databases(lab, "", "_moment", "audit")
    lab.start("audit")
    for number, count in enumerate(more, 1):
        say(lab, "intake", count // 64)
        wait_signed(lab, total + sum(more[:number]))
        (lab.dir / f"lost-{number}").write_text(max((lab.dir / FOLDER).iterdir()).read_text())
    lost = newest_note(lab)
    lab.trienctl("audit", "export", "--dir", lab.dir / "before")
    lab.process("audit").stop()
    copy_databases(lab, "_moment", "", "audit")
    # A head was just to be signed at that moment: it is not, or its file would hide what was signed since.
    lab.sql("audit", "INSERT INTO effect (kind, key, partition, intent, traceparent, retry_at) VALUES "
                     f"('checkpoint', '5-1', 1, '\\x08051220{'00' * 32}', '', now())")
    lab.start("audit", wait=False)
    wait_until("that head to be refused", lambda: lab.value("audit", "SELECT count(*) FROM effect"), until=lambda n: n == "0")
    assert journal.open_note(max((lab.dir / FOLDER).iterdir()).read_text(), lab.dir / KEY) == lost
    wait_until("the alarm", lambda: "does not go on from the checkpoint in the daily file" in alarm(lab))
    return lost


@pytest.fixture
def lab_of_audit(template):
    with template.lab(replicas=1, config={"audit": {"checkpoint/every": "500ms"}}) as lab:
        lab.start("intake", "audit")
        try:
            yield lab
        finally:
            stop(lab)
            lab.template.psql("postgres", f"DROP DATABASE IF EXISTS {lab.prefix}audit_moment")


def copies(lab, name):
    """An export with contents, and one for the public."""
    for folder, arguments in ((lab.dir / name, ()), (lab.dir / f"{name}-public", ("--public",))):
        lab.trienctl("audit", "export", "--dir", folder, *arguments)
        yield folder


def test_two_officers_begin_a_new_journal(lab_of_audit):
    lab = lab_of_audit
    lost = lose_the_end(lab, 128, 192)
    proved = int(lab.value("audit", "SELECT max(size) FROM checkpoint"))
    assert not verify(lab, "--live")["ok"] and proved < lost[1]
    wait_until("the figure", lab.process("audit").metrics, until=lambda text: "trien_journal_alarm 1" in text)
    wait_until("its health", lambda: (lab.process("audit").health() or {}).get("ok"), until=lambda ok: ok is False)
    for principal, why in (("operator", "may not"), ("station", "may not")):
        with pytest.raises(AssertionError, match=why):
            lab.trienctl("audit", "begin-journal", "--officer", principal, "--key", lab.dir / "keys/officer1.key", "--note", LOST, "--yes")
    with pytest.raises(AssertionError, match="--note says why"):
        begin(lab, "officer1")
    first = begin(lab, "officer1", "--note", LOST)
    assert (first["origin"], first["approvals"], first["needed"]) == ("trien.test/journal/2", 1, 2)
    # One officer, however often, by whichever key, is one officer; and nothing he said is lost by a kill.
    assert begin(lab, "officer1")["approvals"] == 1
    restart(lab)
    with pytest.raises(AssertionError, match="not signed by an enrolled key"):
        begin(lab, "officer2", "--key", lab.dir / "keys/station.key")
    assert begin(lab, "officer2", "--key", lab.dir / "keys/officer1.key")["approvals"] == 1
    with pytest.raises(AssertionError, match="another reason"):
        begin(lab, "officer2", "--note", "something else")
    wait_until("the alarm", lambda: "daily file" in alarm(lab))
    assert lab.value("audit", "SELECT count(*) FROM journal_begun") == "0"
    assert begin(lab, "officer2")["approvals"] == 2
    restart(lab)
    wait_journal(lab, 2)
    # Every event that intake still has stands in it once, what was lost has come back.
    wait_signed(lab, 128 + 192)
    audit = lab.process("audit")
    leaves = journal.all_leaves(audit)
    journal.assert_journal_is_exact(lab, leaves, ("intake", "audit"))
    begun = entry_that_begins(lab, 2)
    assert journal.read_leaf(leaves[begun])["type"] == "JournalBegun"
    # Everybody may read why, and of no other entry more than its leaf.
    shown = journal.get(audit, f"/v1/journal/entries?from={begun - 1}&limit=3")["entries"]
    assert [set(e) for e in shown] == [{"sequence", "leaf"}, {"sequence", "leaf", "salt", "content"}, {"sequence", "leaf"}]
    salt, content = (base64.b64decode(shown[1][part]) for part in ("salt", "content"))
    assert hashlib.sha256(salt + content).digest() == journal.read_leaf(leaves[begun])["content_sha256"] and LOST.encode() in content
    origin, size, root = newest_note(lab)
    assert origin == "trien.test/journal/2" and size > begun and root == journal.head([journal.leaf_hash(x) for x in leaves[:size]])
    files = {f.name.split(".", 1)[1] for f in (lab.dir / FOLDER).iterdir()}
    assert files == {"checkpoint", "2.checkpoint"}
    wait_until("the figure", audit.metrics, until=lambda text: "trien_journal_number 2" in text)
    assert audit.health()["journal"]["number"] == 2
    # verify names what was lost, also to the public, and holds the lost checkpoint against the officers' word.
    expected = {"entry": begun, "origin": "trien.test/journal/2", "lost_origin": "trien.test/journal", "first_lost": proved,
                "last_lost": lost[1] - 1, "reason": LOST, "officers": ["officer1", "officer2"]}
    for arguments in (("--live",), *(("--dir", c, "--key", lab.dir / KEY, "--witness", lab.dir / FOLDER, "--officers",
                                      lab.dir / "keys/officers.pub") for c in copies(lab, "copy"))):
        seen = verify(lab, *arguments)
        assert seen["ok"] and seen["origin"] == "trien.test/journal/2" and seen["covered"] >= size
        assert [{k: b[k] for k in expected} for b in seen["breaks"]] == [expected]
        assert seen["breaks"][0]["officers_verified"] and seen["breaks"][0]["checkpoints_given_up"] == 1
    wait_until("the screen", lambda: lab.trienctl("status", "audit"), until=lambda text: "sổ thứ 2" in text)
    old = lab.dir / "before", lab.dir / "lost-1"
    assert verify(lab, "--dir", old[0], "--key", lab.dir / KEY, "--witness", old[1])["covered"] == lost[1]
    text = lab.trienctl("audit", "verify", "--live")
    assert f"the entries {proved} to {lost[1] - 1} are given up" in text and LOST in text
    with pytest.raises(AssertionError, match="nothing was lost"):
        begin(lab, "officer1", "--note", "again")


def change_content(line, change):
    """An entry with other content, as somebody would who can write the copy but has no key."""
    entry = json.loads(line)
    content = change(base64.b64decode(entry["content"]))
    return json.dumps({**entry, "content": base64.b64encode(content).decode()}) if content else json.dumps(
        {k: v for k, v in entry.items() if k not in ("salt", "content")})


def test_a_break_that_nobody_declared_is_found(lab_of_audit):
    lab = lab_of_audit
    lost = lose_the_end(lab, 128, 64, 64)
    # The folder was put back, too, and somebody has a newer checkpoint than lies there; an older one will not do.
    with pytest.raises(AssertionError, match="more was signed than the checkpoint of the statement"):
        begin(lab, "officer1", "--note", LOST, "--last", lab.dir / "lost-1")
    max((lab.dir / FOLDER).iterdir()).write_text((lab.dir / "lost-1").read_text())
    begin(lab, "officer1", "--note", LOST, "--last", lab.dir / "lost-2")
    begin(lab, "officer3")
    wait_journal(lab, 2)
    begun, key = entry_that_begins(lab, 2), ("--key", lab.dir / KEY)
    witness = ("--witness", lab.dir / FOLDER, "--witness", lab.dir / "lost-2")
    copy = next(copies(lab, "copy"))
    assert verify(lab, "--dir", copy, *key, *witness)["ok"]
    part = copy / "entries/000000000000.jsonl"
    honest = part.read_text().splitlines()

    def judged(lines):
        part.write_text("\n".join(lines) + "\n")
        seen = verify(lab, "--dir", copy, *key, *witness)
        assert not seen["ok"]
        return {(f["kind"], f["first"]) for f in seen["findings"]}

    at = honest[begun]
    assert ("removed", begun) in judged(honest[:begun] + honest[begun + 1:])
    assert ("break", begun) in judged(honest[:begun] + [change_content(at, lambda _: b"")] + honest[begun + 1:])
    size, root = (f"\n{value}\n".encode() for value in (lost[1], base64.b64encode(lost[2]).decode()))
    for old, new in ((size, b"\n%d\n" % (lost[1] + 1)), (size, b"\n%d\n" % (lost[1] - 1)), (root, b"\n" + b"A" * 43 + b"=\n")):
        changed = change_content(at, lambda content: content.replace(old, new))
        assert changed != at
        found = judged(honest[:begun] + [changed] + honest[begun + 1:])
        assert ("break", begun) in found or ("content", begun) in found
    # Who holds the officers' keys sees that nobody else spoke for them.
    part.write_text("\n".join(honest) + "\n")
    other = lab.dir / "other.pub"
    other.write_text(lab.dir.joinpath("keys/stations.pub").read_text())
    seen = verify(lab, "--dir", copy, *key, *witness, "--officers", other)
    text, = (f["text"] for f in seen["findings"] if f["kind"] == "break")
    assert "not signed by an enrolled key" in text


def test_a_restored_break_is_a_break_again(lab_of_audit):
    """Back to before the second journal began: the third says that the second is gone."""
    lab = lab_of_audit
    lose_the_end(lab, 64, 64)
    begin(lab, "officer1", "--note", LOST)
    begin(lab, "officer2")
    wait_journal(lab, 2)
    lab.process("audit").stop()
    copy_databases(lab, "_moment", "", "audit")
    lab.start("audit", wait=False)
    wait_until("the alarm", lambda: "is of journal 2" in alarm(lab))
    begin(lab, "officer1", "--note", "lần thứ hai")
    assert begin(lab, "officer2")["origin"] == "trien.test/journal/3"
    wait_journal(lab, 3)
    seen = verify(lab, "--live")
    assert seen["ok"] and [(b["lost_origin"], b["reason"]) for b in seen["breaks"]] == [("trien.test/journal/2", "lần thứ hai")]
    assert seen["breaks"][0]["checkpoints_given_up"] == 2


def test_a_journal_begun_by_nobody_is_not_signed(lab_of_audit):
    """The database's administrator writes what begins a journal, without officers: audit signs nothing of it."""
    lab = lab_of_audit
    lose_the_end(lab, 64, 64)
    lab.sql("audit", "INSERT INTO journal_begun VALUES (2, (SELECT size FROM journal_head) - 1, '\\x0a0178120179200a')")
    wait_until("another alarm", lambda: "was not begun by two officers" in alarm(lab))
    say(lab, "intake", 1)
    wait_until("it to be appended", lambda: int(lab.value("audit", "SELECT count(*) FROM entry WHERE sequence > 128")) > 0)
    assert {f.name.count(".") for f in (lab.dir / FOLDER).iterdir()} == {1}
