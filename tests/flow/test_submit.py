"""SubmitRequest over the bus is POST /v1/requests by another door: the same answer to the same post, the same limits,
the same refusals; larger parts come in pieces."""
import concurrent.futures
import hashlib
import json
import secrets

import pytest

from tests.lib.busline import Peer, fields, message
from tests.lib.lab import PLAN, REPLICA_PORTS, wait_until

pytestmark = pytest.mark.lab(replicas=2)
MALFORMED, UNAUTHENTICATED, FORBIDDEN, TOO_LARGE, CONFLICT = 2001, 2002, 2003, 2005, 2006
MISSING, INVALID, TOO_MANY = 2007, 2008, 2015
MIB = 1 << 20


@pytest.fixture
def portal(lab):
    lab.start("intake", replicas=2)
    lab.add_client()
    return lab


def peer(lab, principal="portal", replica=0):
    keys = lab.dir / "keys/bus"
    own = tuple((keys / f"{principal}.{half}").read_text().strip() for half in ("public", "secret"))
    server = (keys / "intake.public").read_text().strip()
    return Peer(f"tcp://127.0.0.1:{lab.base_port + replica * REPLICA_PORTS + 20 + PLAN['intake']}", server, own)


def submit(lab, *parts, key=None, token=None, door=None):
    """(code, {request_id, …} or detail). A part is its bytes, or the digest of what was put as ("sha256", digest)."""
    packed = []
    for n, part in enumerate(parts):
        name = "request.pdf" if n == 0 else f"attachment{n}.pdf"
        content, digest = (None, part[1]) if isinstance(part, tuple) else (part, None)
        packed.append((3, message((1, name), (2, "application/pdf"), (3, content), (4, digest))))
    code, answer = (door or peer(lab)).call("SubmitRequest", message((1, token or lab.token), (2, key), *packed), seconds=60)
    if code:
        return code, answer
    got = fields(answer)
    return 0, {"request_id": got[1][0].decode(), "receipt_number": got[2][0].decode(), "status_url": got[4][0].decode()}


def put(lab, key, part, content, size=MIB, token=None, door=None):
    """The part in pieces, the last one first; the code of the last answer."""
    door = door or peer(lab)
    for offset in reversed(range(0, len(content), size)):
        piece = message((1, token or lab.token), (2, key), (3, part), (4, offset), (5, content[offset:offset + size]))
        code, _ = door.call("PutPiece", piece, seconds=60)
        if code:
            return code
    return 0


def document(size=60_000) -> bytes:
    return b"%PDF-1.7\n" + secrets.token_bytes(size)


def same(posted, submitted):
    return {name: posted[name] for name in ("request_id", "receipt_number", "status_url")} == submitted


def test_both_doors_give_one_answer(portal):
    first, second, attached = document(), document(), document(100)
    posted = portal.post(first, key="k1")
    assert same(posted, submit(portal, first, key="k1")[1]) and same(posted, submit(portal, first)[1])
    code, submitted = submit(portal, second, attached, key="k2")
    assert code == 0 and same(portal.post(second, attachments=[attached], key="k2"), submitted)
    assert submit(portal, document(), key="k1")[0] == CONFLICT  # the post's key stands for other bytes
    assert portal.post_raw([("document", "a.pdf", document())], key="k2")[0] == 409
    shown = portal.get(submitted["request_id"])
    assert shown["document"]["sha256"] == hashlib.sha256(second).hexdigest() and shown["state"] == "received"
    assert portal.sql("intake", "SELECT channel, client_id FROM request ORDER BY receipt_no") == [["portal", "portal"], ["bus", "portal"]]
    assert portal.sql("intake", "SELECT part, name, content_type, octet_length(content) FROM document "
                                f"WHERE request_id = '{submitted['request_id']}' ORDER BY part") == [
        ["0", "request.pdf", "application/pdf", str(len(second))], ["1", "attachment1.pdf", "application/pdf", str(len(attached))]]
    said = portal.sql("intake", "SELECT encode(payload, 'hex') FROM outbox WHERE type = 'RequestSubmitted' ORDER BY id")
    assert [fields(bytes.fromhex(row[0]))[3][0] for row in said] == [b"portal", b"bus"]


def test_at_once_by_both_doors_and_replicas_it_is_one_request(portal):
    doors = [peer(portal, replica=n % 2) for n in range(6)]
    for door in doors:
        wait_until("the door", lambda: door.call("SubmitRequest", seconds=1))
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        for n in range(5):
            content, key = document(20_000), f"race-{n}"
            calls = [pool.submit(submit, portal, content, key=key, door=door) for door in doors]
            posts = [pool.submit(portal.post, content, key=key, replica=i % 2) for i in range(6)]
            answers = [call.result()[1] for call in calls]
            assert all(same(post.result(), answers[0]) for post in posts) and answers == [answers[0]] * 6
    assert portal.value("intake", "SELECT count(*) FROM outbox WHERE type = 'RequestSubmitted'") == "5"


def test_a_large_post_comes_in_pieces(portal):
    door, content, attached = peer(portal), document(18 * MIB), document(MIB + 7)
    parts = ("sha256", hashlib.sha256(content).digest()), ("sha256", hashlib.sha256(attached).digest())
    assert put(portal, "large", 0, content, door=door) == put(portal, "large", 1, attached, door=door) == 0
    assert put(portal, "large", 1, attached, door=peer(portal, replica=1)) == 0  # again, elsewhere: nothing changes
    assert put(portal, "large", 1, attached[:-1] + b"?", door=door) == CONFLICT
    code, answer = submit(portal, *parts, key="large", door=door)
    assert code == 0 and portal.get(answer["request_id"])["document"]["sha256"] == parts[0][1].hex()
    assert portal.value("intake", "SELECT count(*) FROM piece") == "0"
    # The answer was lost: the key alone brings it again, by either replica, and by HTTP with the bytes.
    assert submit(portal, *parts, key="large", door=peer(portal, replica=1)) == (0, answer)
    assert submit(portal, parts[0], attached, key="large", door=door) == (0, answer)
    assert same(portal.post(content, attachments=[attached], key="large"), answer)
    assert submit(portal, parts[1], parts[0], key="large", door=door)[0] == CONFLICT
    assert submit(portal, ("sha256", bytes(32)), key="never", door=door)[0] == MISSING
    assert submit(portal, parts[0], door=door)[0] == MISSING  # pieces of which key?
    assert portal.value("intake", "SELECT count(*) FROM request") == "1"


def test_the_operators_tool_speaks_it_too(portal, tmp_path):
    files = [tmp_path / "công văn.pdf", tmp_path / "phụ lục.pdf"]
    for path, size in zip(files, (3 * MIB, 1000)):
        path.write_bytes(document(size))
    command = ("--json", "submit", "--bus", files[0], "--attach", files[1], "--token-file", portal.dir / "portal.token")
    answer = json.loads(portal.trienctl(*map(str, command)))
    assert json.loads(portal.trienctl(*map(str, command))) == answer
    assert json.loads(portal.trienctl(*map(str, [c for c in command if c != "--bus"]))) == answer
    assert portal.sql("intake", "SELECT part, name FROM document ORDER BY part") == [["0", "công văn.pdf"], ["1", "phụ lục.pdf"]]


def test_the_limits_are_those_of_a_post(portal):
    door = peer(portal)
    limit = 20 * MIB
    assert put(portal, "over", 0, bytes(limit + 1), size=MIB - 1, door=door) == TOO_LARGE
    half = document(11 * MIB)
    digest = ("sha256", hashlib.sha256(half).digest())
    assert put(portal, "half", 0, half, door=door) == put(portal, "half", 1, half, door=door) == 0
    assert submit(portal, digest, digest, key="half", door=door)[0] == TOO_LARGE
    assert put(portal, "big", 0, bytes(MIB + 1), size=2 * MIB, door=door) == MALFORMED
    assert put(portal, "far", 51, b"x", door=door) == MALFORMED
    for parts, code in (((), MISSING), ((b"",), INVALID), ((b"x",) * 52, INVALID)):
        assert submit(portal, *parts, door=door)[0] == code
    assert submit(portal, b"x", key="k" * 256, door=door)[0] == INVALID
    # What one client has put and not submitted has an end; the pieces of a day ago are forgotten.
    portal.sql("intake", "INSERT INTO piece SELECT 'portal', 'hoard', 0, n * 1048576, repeat('x', 1048576)::bytea, now() "
                         "FROM generate_series(1, 100) n")
    assert put(portal, "more", 0, b"x", door=door) == TOO_MANY
    portal.sql("intake", "UPDATE piece SET put_at = now() - interval '25 hours' WHERE idempotency_key = 'hoard'")
    replicas = [portal.process("intake", replica) for replica in (0, 1)]
    for act in ("kill", "start"):  # the timer is one replica's, whichever; a new one begins with it
        for process in replicas:
            getattr(process, act)()
    wait_until("old pieces to be forgotten",
               lambda: portal.value("intake", "SELECT count(*) FROM piece WHERE idempotency_key = 'hoard'") == "0")
    assert portal.value("intake", "SELECT count(*) FROM request") == "0"


def test_who_may_submit(portal):
    """The key of a portal opens the door, a client's token says who posts, and both are needed."""
    for principal in ("operator", "validation", "officer1", "station", "auditor"):
        door = peer(portal, principal)
        assert submit(portal, document(), door=door)[0] == FORBIDDEN
        assert put(portal, "k", 0, b"x", door=door) == FORBIDDEN
    assert peer(portal).call("ListClients")[0] == FORBIDDEN
    for token in ("short", "x" * 43, " ", "a b" * 10):
        assert submit(portal, document(), token=token)[0] == UNAUTHENTICATED
        assert put(portal, "k", 0, b"x", token=token) == UNAUTHENTICATED
    other = portal.add_client("province", agencies=["H30.1"])
    content = document(100)
    assert put(portal, "mine", 0, content) == 0
    assert submit(portal, ("sha256", hashlib.sha256(content).digest()), key="mine", token=other)[0] == MISSING
    theirs = submit(portal, document(), token=other)[1]["request_id"]
    assert portal.http("GET", f"/v1/requests/{theirs}", token=other)[0] == 200
    portal.trienctl("client", "revoke", "province")
    assert submit(portal, document(), token=other)[0] == UNAUTHENTICATED
    portal.sql("intake", "DELETE FROM piece")
    assert portal.value("intake", "SELECT count(*) FROM document") == "1"
