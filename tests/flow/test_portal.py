"""The portal API as a portal sees it: what is taken, what is refused and how, who sees what."""
import concurrent.futures
import hashlib
import json
import re
import secrets
import signal

import pytest

from tests.lib.lab import wait_until

pytestmark = pytest.mark.lab(replicas=2)


@pytest.fixture
def portal(lab):
    """intake alone, two of it, with a credential."""
    lab.start("intake", replicas=2)
    lab.add_client()
    return lab


def document(size=60_000) -> bytes:
    return b"%PDF-1.7\n" + secrets.token_bytes(size)


def test_a_post_is_taken_and_shown(portal):
    content = document()
    answer = portal.post(content, attachments=[b"%PDF-1.7 one", b"%PDF-1.7 two"])
    assert set(answer) == {"request_id", "receipt_number", "received_at", "status_url"}
    assert re.fullmatch(r"TR-\d{8}-\d{6,}", answer["receipt_number"])
    assert answer["status_url"].endswith("/v1/requests/" + answer["request_id"])
    request = portal.get(answer["request_id"])
    assert request["state"] == "received"
    assert request["receipt_number"] == answer["receipt_number"]
    assert request["document"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert [line["event"] for line in request["timeline"]] == ["RequestSubmitted"]
    assert answer["receipt_number"] in request["timeline"][0]["text"]
    shown = json.loads(portal.trienctl("--json", "show", answer["receipt_number"]))
    assert shown == request
    assert portal.sql("intake", "SELECT part, name, octet_length(content) FROM document ORDER BY part") == [
        ["0", "request.pdf", str(len(content))], ["1", "attachment1.pdf", "12"], ["2", "attachment2.pdf", "12"]]
    # One event, keyed by the request, in this transaction.
    assert portal.sql("intake", "SELECT type, key FROM outbox WHERE type <> 'OperatorActed'") == [["RequestSubmitted", answer["request_id"]]]


def test_the_same_post_is_the_same_request(portal):
    content, other = document(), document()
    first = portal.post(content, key="k1")
    assert portal.post(content, key="k1") == first
    assert portal.post(content) == first
    assert portal.post(content, key="k2") == first
    for key in ("k1", "k2"):
        status, problem = portal.post_raw([("document", "b.pdf", other)], key=key)
        assert (status, problem["code"], problem["field"]) == (409, "idempotency_conflict", "Idempotency-Key")
    # Other attachments are another post.
    assert portal.post(content, attachments=[b"x"])["request_id"] != first["request_id"]
    assert portal.value("intake", "SELECT count(*) FROM request") == "2"
    assert portal.value("intake", "SELECT count(*) FROM outbox WHERE type = 'RequestSubmitted'") == "2"


def test_two_same_posts_at_once_are_one_request(portal):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for n in range(10):
            content = document(20_000)
            jobs = [pool.submit(portal.post, content, key=f"race-{n}", replica=i % 2) for i in range(16)]
            answers = [job.result() for job in jobs]
            assert all(answer == answers[0] for answer in answers)
    assert portal.value("intake", "SELECT count(*) FROM request") == "10"
    assert portal.value("intake", "SELECT count(*) FROM outbox WHERE type = 'RequestSubmitted'") == "10"
    assert portal.value("intake", "SELECT count(DISTINCT receipt_no) FROM request") == "10"


def test_posts_at_once_share_a_transaction_and_nothing_else(portal):
    """Those that wait while one is stored travel together; what is wrong with one is its own affair."""
    known, twice, fresh = document(), document(), [document() for _ in range(8)]
    first = portal.post(known)
    good = [("document", "request.pdf", twice)]
    posts = [([("document", "request.pdf", known)], None, None), (good, None, None), (good, None, None),
             ([("attachment", "a.pdf", b"x")], None, None), ([("document", "request.pdf", document())], None, "x" * 43)]
    posts += [([("document", "request.pdf", f), ("attachment", "a.pdf", f[:100])], f"key-{n}", None)
              for n, f in enumerate(fresh)]
    with concurrent.futures.ThreadPoolExecutor(len(posts)) as pool:
        with portal.open_transaction("intake", "LOCK TABLE post_digest IN SHARE ROW EXCLUSIVE MODE"):
            answers = [pool.submit(portal.post_raw, parts, key, token=token) for parts, key, token in posts]
            wait_until("a post to wait", lambda: portal.value("intake", """SELECT count(*) FROM pg_locks
                WHERE NOT granted AND relation = 'post_digest'::regclass""") == "1")
        answers = [answer.result() for answer in answers]
    assert [status for status, _ in answers] == [202, 202, 202, 400, 401] + [202] * 8
    assert answers[0][1] == first
    assert answers[1][1] == answers[2][1]
    assert answers[3][1]["field"] == "/document"
    taken = {answer["request_id"] for status, answer in answers if status == 202}
    assert len(taken) == 10
    rows = portal.sql("intake", "SELECT request_id, xmin FROM request")
    assert {request_id for request_id, _ in rows} == taken
    assert len({xmin for _, xmin in rows}) < len(rows)  # of eight that waited some travelled together
    assert portal.sql("intake", "SELECT count(*), count(DISTINCT key) FROM outbox WHERE type = 'RequestSubmitted'") == [["10", "10"]]
    assert portal.value("intake", "SELECT count(*) FROM document") == "18"
    # A key that stands for other bytes spoils nobody else's post.
    posts = [([("document", "b.pdf", document())], f"key-{n}" if n < 2 else None, None) for n in range(8)]
    with concurrent.futures.ThreadPoolExecutor(len(posts)) as pool:
        answers = [a[0] for a in pool.map(lambda p: portal.post_raw(p[0], p[1]), posts)]
    assert answers == [409] * 2 + [202] * 6


@pytest.mark.parametrize("parts, code, field", [
    ([], "field_missing", "/document"),
    ([("attachment", "a.pdf", b"x")], "field_missing", "/document"),
    ([("document", "a.pdf", b"")], "field_invalid", "/document"),
    ([("document", "a.pdf", b"x"), ("document", "b.pdf", b"y")], "field_invalid", "/document"),
    ([("document", "a.pdf", b"x"), ("note", "b.pdf", b"y")], "field_invalid", "/note"),
])
def test_a_malformed_post_names_the_field(portal, parts, code, field):
    status, problem = portal.post_raw(parts)
    assert (status, problem["code"], problem["field"]) == (400, code, field)
    assert portal.value("intake", "SELECT count(*) FROM request") == "0"


def test_too_large_a_post_leaves_nothing(portal):
    limit = 20 * 1024 * 1024
    status, problem = portal.post_raw([("document", "a.pdf", bytes(limit))])
    assert (status, problem["code"]) == (413, "too_large")
    assert portal.value("intake", "SELECT count(*) FROM document") == "0"
    assert portal.post(secrets.token_bytes(limit - 1024))["request_id"]


def test_not_multipart_is_refused(portal):
    status, headers, body = portal.http("POST", "/v1/requests", b"{}", {"Content-Type": "application/json"})
    assert status in (400, 415)
    assert headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["text"]["vi"]


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Bearer short", "Bearer " + "x" * 43])
def test_without_a_credential_nothing_is_kept_or_shown(portal, header):
    headers = {"Authorization": header} if header else {}
    portal.token = None
    status, problem = portal.post_raw([("document", "a.pdf", document())])
    assert status == 401
    for path in ("/v1/requests", "/v1/requests/019aa8f0-0000-7000-8000-000000000000"):
        status, _, body = portal.http("GET", path, headers=headers)
        assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
    assert portal.value("intake", "SELECT count(*) FROM document") == "0"


def test_a_client_sees_its_own_only(portal):
    other = portal.add_client("province", agencies=["H30.1"])
    mine = portal.post(document())["request_id"]
    theirs = portal.post(document(), token=other)["request_id"]
    assert portal.get(mine)["request_id"] == mine
    assert portal.get(theirs)["request_id"] == theirs  # the national portal sees all
    assert portal.get(theirs, token=other)["request_id"] == theirs
    status, _, body = portal.http("GET", f"/v1/requests/{mine}", token=other)
    assert (status, json.loads(body)["code"]) == (404, "not_found")
    for path in (f"/v1/requests/{mine}/certificates/ab.cer", "/v1/requests/x", "/v1/requests/" + "0" * 36):
        assert portal.http("GET", path, token=other)[0] == 404


def page(lab, query, token=None):
    status, _, body = lab.http("GET", "/v1/requests" + query, token=token)
    assert status == 200, body
    answer = json.loads(body)
    return [row["request_id"] for row in answer["requests"]], answer["next"]


def test_pages_follow_the_order_of_receipt(portal):
    posted = [portal.post(document(1000))["request_id"] for _ in range(7)]
    seen, after = [], None
    while True:
        rows, after = page(portal, "?limit=3" + (f"&after={after}" if after else ""))
        seen += rows
        if not after:
            break
    assert seen == posted
    assert page(portal, "?state=received")[0] == posted
    assert page(portal, "?state=completed")[0] == []
    assert page(portal, "?agency=H26.14")[0] == []
    for query in ("?state=unknown", "?limit=0", "?limit=201", "?after=x"):
        status, _, body = portal.http("GET", "/v1/requests" + query)
        assert (status, json.loads(body)["code"]) == (400, "field_invalid")


def test_a_revoked_credential_is_dead_at_once(portal):
    token = portal.add_client("temporary", agencies=["H30.1"])
    assert portal.http("GET", "/v1/requests", token=token)[0] == 200
    portal.trienctl("client", "revoke", "temporary")
    assert portal.http("GET", "/v1/requests", token=token)[0] == 401
    clients = {row["client_id"]: row for row in json.loads(portal.trienctl("--json", "client", "list"))}
    assert clients["temporary"]["revoked_at"] and not clients["portal"]["revoked_at"]
    # The token itself is nowhere in the database.
    assert portal.value("intake", f"SELECT count(*) FROM client WHERE client::text LIKE '%{token}%'") == "0"


def test_an_answered_post_survives_kill_9(portal):
    answers = [portal.post(document(2000), key=str(n)) for n in range(5)]
    portal.process("intake").kill(signal.SIGKILL)
    portal.process("intake").start()
    portal.wait_well()
    for n, answer in enumerate(answers):
        assert portal.get(answer["request_id"])["receipt_number"] == answer["receipt_number"]


def test_no_database_is_a_waiting_state(portal):
    portal.template.cluster("stop", "immediate")
    try:
        process = portal.process("intake")
        wait_until("intake to say that its database is away",
                   lambda: (health := process.health()) and not health["ok"] and not health["database"]["ok"])
        status, problem = portal.post_raw([("document", "a.pdf", document())])
        assert (status, problem["code"]) == (503, "database_unavailable")
    finally:
        portal.template.cluster("start")
    portal.wait_well()
    assert portal.post(document())["request_id"]
