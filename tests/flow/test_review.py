"""Where policy asks for people, a request that keeps every rule waits for two different officers."""
import concurrent.futures
import json
import subprocess

import pytest

from tests.lib import requests
from tests.lib.busline import fields
from tests.lib.lab import Process, wait_until


@pytest.fixture
def road(lab):
    lab.start()
    lab.add_client()
    lab.add_agency()
    return lab


def review(lab, *words):
    """(exit status, the document)"""
    done = subprocess.run([lab.build / "bin/trienctl", "--config", lab.dir / "etc/trienctl.conf", "--json", "review", *words],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout and json.loads(done.stdout)


def queued(lab, request=None):
    receipt = lab.post(lab.pdf(request or requests.form03()))
    found = wait_until("a review", lambda: [r for r in review(lab, "list")[1] if r["request_id"] == receipt["request_id"]])
    return receipt["request_id"], found[0]


def acts(lab):
    rows = lab.sql("validation", "SELECT encode(payload, 'hex') FROM outbox WHERE type = 'OperatorActed' ORDER BY id")
    said = [fields(bytes.fromhex(row[0])) for row in rows]
    return [(act[1][0].decode(), act[2][0].decode()) for act in said if act[2][0].startswith(b"review")]


@pytest.mark.lab(replicas=1, config={"validation": {"review/forms": "02 03"}})
def test_two_officers_approve_and_one_refuses(road):
    request, row = queued(road)
    assert (row["form"], row["organ_id"], row["items"], row["state"], row["votes"]) == ("03", "H26.14", 1, "open", [])
    shown = wait_until("the timeline to say so", lambda: road.get(request), until=lambda r: "RequestWaiting" in str(r["timeline"]))
    assert "đang chờ cán bộ phê duyệt" in shown["timeline"][-1]["text"] and shown["state"] == "received"
    wait_until("the figure of open reviews", road.process("validation").metrics, until=lambda t: "trien_validation_reviews_open 1\n" in t)
    figures = wait_until("trienctl to show it", lambda: json.loads(road.trienctl("--json", "status"))["summary"]["requests"],
                         until=lambda r: r["waiting_for_officers"] == 1 and r["review_seconds"] > 0)
    assert figures["waiting_for_lists"] == 0
    wait_until("its screen to show it", lambda: road.trienctl("status"), until=lambda t: ", 1 chờ cán bộ phê duyệt (lâu nhất " in t)
    approve = ("approve", request, "--officer", "officer1", "--note", "đúng thẩm quyền")
    assert review(road, *approve) == (0, {"request_id": request, "state": "open", "approvals": 1, "needed": 2})
    assert review(road, *approve)[1]["approvals"] == 1  # the same officer again is no second one
    status, said = review(road, "refuse", request, "--officer", "officer1", "--note", "khác")
    assert (status, said["code"]) == (1, "already_exists")
    for nobody in ("operator", "auditor", "station"):
        status, said = review(road, "approve", request, "--officer", nobody)
        assert (status, said["code"]) == (1, "forbidden")
    assert [v["officer"] for v in review(road, "list", request)[1][0]["votes"]] == ["officer1"]
    assert road.get(request)["state"] == "received"
    assert review(road, "approve", request, "--officer", "officer2")[1]["state"] == "approved"
    assert road.wait_request(request)["state"] == "completed"
    assert review(road, *approve)[1] == {"request_id": request, "state": "approved", "approvals": 2, "needed": 2}
    status, said = review(road, "approve", request, "--officer", "officer3")
    assert (status, said["code"]) == (1, "not_found")  # none is open any more
    assert review(road, "list")[1] == [] and review(road, "list", request)[1][0]["state"] == "approved"

    other, _ = queued(road)
    assert review(road, "approve", other, "--officer", "officer1")[1]["state"] == "open"
    assert review(road, "refuse", other, "--officer", "officer3")[0] == 64  # it says why
    assert review(road, "refuse", other, "--officer", "officer3", "--note", "chưa có chủ trương")[1]["state"] == "refused"
    reasons = road.wait_request(other)["reasons"]
    assert [(r["code"], r["text_vi"]) for r in reasons] == [("review_refused", "Cán bộ không phê duyệt: chưa có chủ trương")]
    assert acts(road) == [("officer1", "review approve"), ("officer2", "review approve"),
                          ("officer1", "review approve"), ("officer3", "review refuse")]

    # Two at once: their votes are counted one after the other.
    both, _ = queued(road)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda officer: review(road, "approve", both, "--officer", officer)[1], ("officer1", "officer2")))
    assert sorted(a["state"] for a in answers) == ["approved", "open"]
    assert road.wait_request(both)["state"] == "completed"

    # What is refused by rule waits for nobody, and what policy does not name neither.
    wrong = road.post(road.pdf(requests.form03() | {"count": 2}))["request_id"]
    assert road.wait_request(wrong)["state"] == "rejected"
    free = road.post(road.pdf(requests.form01()))["request_id"]
    road.wait_request(free, ("accepted",))
    assert {r["request_id"] for r in review(road, "list", request)[1]} == {request} and review(road, "list")[1] == []
    wait_until("no review to be open", road.process("validation").metrics, until=lambda t: "trien_validation_reviews_open 0\n" in t)


@pytest.mark.lab(replicas=1, config={"validation": {"review/forms": "03 04"}})
def test_policy_names_forms_that_are_served(lab):
    done = subprocess.run(Process(lab, "validation", 0).command(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 78, done.stderr
    assert "review/forms" in done.stdout + done.stderr and "no form 04 is served" in done.stderr
