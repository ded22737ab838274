"""The whole life of key devices, from stock to the authority's hand again: assigned, personalised, shipped
and tracked, handed over by form 07, recalled by form 05 or lost by form 09, returned by form 08; each step on
the timelines, with a notice to the agency."""
import concurrent.futures
import datetime as dt
import email
import email.policy
import json
import re
from datetime import timedelta

import pytest

from tests.lib import requests
from tests.lib.carrier import Post, event, now, s10
from tests.lib.lab import wait_until


@pytest.fixture(scope="module")
def road(template):
    with template.lab(replicas=1) as lab:
        lab.start()
        lab.add_client()
        lab.add_agency()
        lab.add_devices()
        yield lab


def events(request) -> list[str]:
    return [line["event"] for line in request["timeline"]]


def line(request, name) -> str:
    return next(row["text"] for row in request["timeline"] if row["event"] == name)


def wait_line(lab, request_id, name) -> dict:
    return wait_until(f"{name} on the timeline", lambda: lab.get(request_id), until=lambda r: name in events(r))


def device_state(lab, serial) -> str:
    return json.loads(lab.trienctl("--json", "device", "show", serial))["state"]


def wait_device(lab, serial, state):
    wait_until(f"{serial} to be {state}", lambda: device_state(lab, serial), until=lambda s: s == state)


def notice(lab, request_id, template) -> str:
    """The one mail of this kind about a request."""
    def look():
        return sorted((lab.dir / "data/notification/mail").glob(f"{request_id}-{template}-*.eml"))
    found = wait_until(f"the notice {template}", look)
    assert len(found) == 1
    mail = email.message_from_bytes(found[0].read_bytes(), policy=email.policy.default)
    assert list((lab.dir / "data/notification/sms").glob(f"{request_id}-{template}-*.sms"))
    return mail["Subject"] + "\n" + mail.get_content()


def issue(lab, count):
    """A finished request of persons and its rows {device_serial, certificate_serial} by subscriber."""
    answer = lab.post(lab.pdf(requests.form01(count=count) | {"delivery": "public_post"}))
    for number in range(1, count + 1):
        lab.wait_item(answer["request_id"], number, "key_awaited")
    done = json.loads(lab.trienctl("station", "run", "--request", answer["request_id"], "--json"))["orders"]
    lab.wait_request(answer["request_id"], ("completed",))
    rows = [{"device_serial": o["device_serial"], "certificate_serial": o["serial"]} for o in done]
    for row in rows:
        wait_device(lab, row["device_serial"], "personalised")
    return answer["request_id"], rows


def deliver(lab, request_id, number):
    sent = json.loads(lab.trienctl("--json", "ship", "send", "--request", request_id, "--tracking", number))
    post = Post(lab)
    for hours, code in ((5, "EMA"), (4, "EMC"), (3, "EMG"), (2, "EDG"), (1, "EMI")):
        assert post.send(event(number, code, now() - timedelta(hours=hours), place="Hà Nội"))[0] == 200
    return sent


def working_days_after(day, count):
    while count:
        day += dt.timedelta(days=1)
        count -= day.weekday() < 5
    return day


def test_a_device_comes_and_goes(road):
    request_id, rows = issue(road, 2)
    number = s10(7000001)
    sent = deliver(road, request_id, number)
    assert sent["method"] == "public_post" and len(sent["device_serials"]) == 2

    shown = wait_until("the shipment to be delivered", lambda: road.get(request_id),
                       until=lambda r: r["shipments"] and r["shipments"][0]["state"] == "DELIVERED")
    shipment = shown["shipments"][0]
    assert (shipment["shipment_id"], shipment["tracking_number"], shipment["place"]) == (sent["shipment_id"], number, "Hà Nội")
    assert [d["subscriber"] for d in shipment["devices"]] == [1, 2]
    assert sorted(d["device_serial"] for d in shipment["devices"]) == sorted(r["device_serial"] for r in rows)
    assert events(shown).count("DeviceAssigned") == events(shown).count("DeviceDispatched") == 2
    assert events(shown).count("ShipmentMoved") == 5
    assert number in line(shown, "DeviceDispatched")
    assert any("đã đến cơ quan" in row["text"] for row in shown["timeline"])
    text = notice(road, request_id, "dispatched")
    assert number in text and "Đã gửi 2 thiết bị" in text
    assert "đã đến" in notice(road, request_id, "delivered")

    # Form 07 hands both over; said again it is refused, because they are handed over.
    handed = road.wait_request(road.post(road.pdf(requests.form07(rows)))["request_id"])
    assert handed["state"] == "completed" and {s["state"] for s in handed["subscribers"]} == {"done"}
    for row in rows:
        wait_device(road, row["device_serial"], "handed_over")
    assert "Đã ghi nhận bàn giao 2/2" in notice(road, handed["request_id"], "handed_over")
    wait_line(road, request_id, "DeviceHandedOver")
    again = road.wait_request(road.post(road.pdf(requests.form07(rows[:1])))["request_id"])
    assert again["state"] == "failed"
    assert [r["code"] for r in again["subscribers"][0]["reasons"]] == ["device_state"]
    assert "Đã ghi nhận bàn giao 0/1" in notice(road, again["request_id"], "handed_over")

    # Form 05 for the first: its device is asked back within five working days.
    first, second = rows
    cause = requests.revoked(first["certificate_serial"], "nghi_huu", device_serial=first["device_serial"])
    assert road.wait_request(road.post(road.pdf(requests.form05([cause])))["request_id"])["state"] == "completed"
    wait_device(road, first["device_serial"], "recalled")
    today = (dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=7)).date()
    due = wait_until("the day it is due", lambda: json.loads(
        road.trienctl("--json", "device", "show", first["device_serial"]))["due_on"])
    assert today < dt.date.fromisoformat(due)
    if today.month in (6, 7, 10, 11):  # months without a holiday nearby
        assert due == working_days_after(today, 5).isoformat()
    recalled = wait_line(road, request_id, "DeviceRecalled")
    day = dt.date.fromisoformat(due).strftime("%d/%m/%Y")
    assert day in line(recalled, "DeviceRecalled")
    assert day in notice(road, request_id, "device_recalled")

    # Its day passes: said once.
    road.sql("courier", f"UPDATE device SET due_on = current_date - 2 WHERE device_serial = '{first['device_serial']}'")
    courier = road.process("courier")
    courier.stop()
    courier.start()
    road.wait_well(courier)
    wait_line(road, request_id, "RecallOverdue")
    notice(road, request_id, "overdue")

    # Form 08 brings it back.
    back = road.wait_request(road.post(road.pdf(requests.form08([first])))["request_id"])
    assert back["state"] == "completed", back
    wait_device(road, first["device_serial"], "returned")
    assert "còn nguyên vẹn" in line(wait_line(road, request_id, "DeviceReturned"), "DeviceReturned")
    assert "Đã nhận lại 1/1" in notice(road, back["request_id"], "returned")

    # The second is lost: form 05 with form 09; nothing is asked back.
    minutes = road.pdf(requests.form09([requests.lost(second["certificate_serial"], second["device_serial"])]))
    lost = road.post(road.pdf(requests.form05([requests.revoked(
        second["certificate_serial"], "that_lac", device_serial=second["device_serial"])])), [minutes])
    assert road.wait_request(lost["request_id"])["state"] == "completed"
    wait_device(road, second["device_serial"], "lost")
    wait_line(road, request_id, "DeviceLost")
    notice(road, request_id, "lost")
    assert events(road.get(request_id)).count("DeviceRecalled") == 1

    # It turns up at the agency after all: its certificate is revoked, so nobody may hand it over.
    for state in ("LOST", "DELIVERED"):
        road.trienctl("ship", "record", sent["shipment_id"], "--state", state, "--note", "cơ quan gọi điện")
    wait_device(road, second["device_serial"], "recalled")
    wait_until("the found device to be asked back", lambda: road.get(request_id),
               until=lambda r: events(r).count("DeviceRecalled") == 2)

    # Lost once more and found: the agency is told the new day. (The days of this test are one day: as if the last
    # recall had been told for another.)
    def recalls():
        return len(list((road.dir / "data/notification/mail").glob(f"{request_id}-device_recalled-*.eml")))
    wait_until("both recalls to be told", recalls, until=lambda n: n == 2)
    road.sql("notification", "UPDATE told SET subject = replace(subject, ' 20', ' 19') WHERE template = 'device_recalled'")
    for state in ("LOST", "DELIVERED"):
        road.trienctl("ship", "record", sent["shipment_id"], "--state", state, "--note", "cơ quan gọi điện")
    wait_until("the third recall to be told", recalls, until=lambda n: n == 3)

    # What custody remembers is the table's road.
    custody = [row[0] for row in road.sql("courier", "SELECT to_state FROM custody WHERE device_serial = "
                                                     f"'{first['device_serial']}' ORDER BY at")]
    assert custody == ["in_stock", "assigned", "personalised", "dispatched", "delivered", "handed_over", "recalled",
                       "returned"]
    texts = [row["text"] for row in road.get(request_id)["timeline"]]
    assert not [text for text in texts if re.search(r"[%{}]|\(\)|  ", text)]


def test_a_device_lives_twice(road):
    """The one SIM in stock: returned, it is emptied and checked, and serves the next subscriber. Nothing of that while
    its certificate stands, and not by the wrong hands."""
    road.add_devices(1, kind="sim_pki", prefix="SIM")
    form = requests.form01() | {"delivery": "in_person"}
    form["subscribers"] = [requests.person(3, device_kind="sim_pki")]

    def make(number):
        document = form | {"document": form["document"] | {"number": f"{number}/SIM-VP"}}
        request_id = road.post(road.pdf(document))["request_id"]
        road.wait_item(request_id, 1, "key_awaited")
        return request_id

    def made(request_id):
        order = json.loads(road.trienctl("station", "run", "--request", request_id, "--json"))["orders"][0]
        road.wait_request(request_id, ("completed",))
        wait_device(road, order["device_serial"], "personalised")
        return {"device_serial": order["device_serial"], "certificate_serial": order["serial"]}

    def refused(*arguments):
        with pytest.raises(AssertionError, match="device_state"):
            road.trienctl("--json", *arguments)
    first = make(1)
    row = made(first)
    serial = row["device_serial"]
    waiting = make(2)  # no other SIM: it waits for this one
    wipe, check = ("station", "wipe", "--device-serial", serial), ("device", "check", serial, "--note", "nguyên vẹn, rỗng")
    road.trienctl("ship", "send", serial)
    road.wait_request(road.post(road.pdf(requests.form08([row])))["request_id"])
    wait_device(road, serial, "returned")
    refused(*wipe)  # its certificate stands
    cause = requests.revoked(row["certificate_serial"], "nghi_huu", device_serial=serial)
    assert road.wait_request(road.post(road.pdf(requests.form05([cause])))["request_id"])["state"] == "completed"
    wait_until("the end to be known", lambda: json.loads(road.trienctl("--json", "device", "show", serial))["certificate"],
               until=lambda c: c == "ended")
    refused(*check)  # not emptied yet
    assert json.loads(road.trienctl("--json", *wipe))["state"] == "initialised"
    assert json.loads(road.trienctl("--json", *wipe))["state"] == "initialised"
    with pytest.raises(AssertionError, match="forbidden"):  # who emptied it does not check it
        road.trienctl("--json", *check, "--officer", "station")
    assert json.loads(road.trienctl("--json", *check, "--officer", "officer2"))["state"] == "in_stock"
    again = made(waiting)
    assert again["device_serial"] == serial and again["certificate_serial"] != row["certificate_serial"]
    steps = road.sql("courier", f"SELECT to_state, actor FROM custody WHERE device_serial = '{serial}' ORDER BY at")
    assert [s[0] for s in steps] == ["in_stock", "assigned", "personalised", "dispatched", "returned", "initialised",
                                     "in_stock", "assigned", "personalised"]
    assert (steps[5][1], steps[6][1]) == ("station", "officer2")
    acts = [r[0] for r in road.sql("courier", "SELECT convert_from(payload, 'SQL_ASCII') FROM outbox WHERE type = 'OperatorActed'")]
    assert any("device initialise" in act for act in acts) and any("device check" in act for act in acts)


def test_a_word_taken_by_a_slow_clock_is_not_lost(road):
    """Two words about one parcel: the first was recorded by a replica whose clock is a minute ahead, so the second
    one's time lies before it. The timeline shows the second all the same."""
    request_id, _ = issue(road, 1)
    number = s10(7000003)
    road.trienctl("ship", "send", "--request", request_id, "--tracking", number)
    post = Post(road)

    def state_is(state):
        wait_until(f"the shipment to be {state}", lambda: road.get(request_id),
                   until=lambda r: r["shipments"] and r["shipments"][0]["state"] == state)
    assert post.send(event(number, "EMG", now() - timedelta(hours=2)))[0] == 200
    state_is("AT_DELIVERY_OFFICE")
    road.sql("courier", f"UPDATE shipment SET changed_at = changed_at + interval '1 minute' WHERE tracking_number = '{number}'")
    road.sql("intake", f"UPDATE shipment SET recorded_at = recorded_at + interval '1 minute' WHERE tracking_number = '{number}'")
    assert post.send(event(number, "EMI", now() - timedelta(hours=1)))[0] == 200
    state_is("DELIVERED")


def test_retired_when_its_key_is_made(road):
    """The order gets a second device in vain: it is free again once the certificate is there, and the certificate
    in the destroyed one is counted until it ends."""
    request_id = road.post(road.pdf(requests.form01(count=1)))["request_id"]
    road.wait_item(request_id, 1, "key_awaited")
    signer = road.process("signer")
    signer.stop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        run = pool.submit(road.trienctl, "station", "run", "--request", request_id, "--json", "--wait", "60")
        order = f"SELECT device_serial FROM item_order WHERE request_id = '{request_id}' AND state <> 'awaiting_key'"
        first = wait_until("the key to be submitted", lambda: road.sql("signing", order))[0][0]
        road.trienctl("device", "retire", first, "--reason", "rơi vỡ")
        second = wait_until("another device", lambda: road.sql(
            "courier", f"SELECT device_serial FROM device WHERE request_id = '{request_id}' AND state = 'assigned'"))[0][0]
        signer.start()
        certificate = json.loads(run.result())["orders"][0]["serial"]
    assert road.wait_request(request_id)["state"] == "completed"
    wait_device(road, second, "in_stock")
    shown = json.loads(road.trienctl("--json", "device", "show", first))
    assert (shown["state"], shown["certificate_serial"], shown["certificate"]) == ("destroyed", certificate, "valid")
    assert road.value("courier", f"SELECT count(*) FROM waiting_order WHERE request_id = '{request_id}'") == "0"
    wait_until("the figure of it", road.process("courier").metrics,
               until=lambda text: "trien_courier_lost_certificates_valid 1" in text)
    cause = requests.revoked(certificate, "nghi_huu", device_serial=first)
    assert road.wait_request(road.post(road.pdf(requests.form05([cause])))["request_id"])["state"] == "completed"
    wait_until("nothing left to revoke", road.process("courier").metrics,
               until=lambda text: "trien_courier_lost_certificates_valid 0" in text)


def test_reports_of_one_device_are_heard_in_their_order(road):
    """Handed over and brought back while courier is away: forms 07 and 08 of one device lie in one partition."""
    request_id, rows = issue(road, 3)
    deliver(road, request_id, s10(7000004))
    for row in rows:
        wait_device(road, row["device_serial"], "delivered")
    courier, answers = road.process("courier"), []
    courier.stop()
    serials = ", ".join(f"'{row['device_serial']}'" for row in rows)
    said = f"SELECT count(*) FROM outbox WHERE type = 'DeviceReported' AND key IN ({serials})"
    for row in rows:
        for form in (requests.form07, requests.form08):
            answers.append(road.post(road.pdf(form([row])))["request_id"])
            wait_until("the report to be accepted", lambda: road.value("validation", said),
                       until=lambda n: n == str(len(answers)))
    courier.start()
    for request_id in answers:
        assert road.wait_request(request_id)["state"] == "completed"
    for row in rows:
        assert device_state(road, row["device_serial"]) == "returned"


def test_reports_of_strangers_and_of_wrong_devices(road):
    road.add_agency("H26.15", "Trung tâm Dữ liệu TEST", seals=("seal-rsa",))
    request_id, rows = issue(road, 2)
    deliver(road, request_id, s10(7000002))
    wait_device(road, rows[0]["device_serial"], "delivered")
    foreign = requests.form07(rows[:1], organ_id="H26.15", agency="Trung tâm Dữ liệu TEST")
    answer = road.wait_request(road.post(road.pdf(foreign, ["seal-rsa"]))["request_id"])
    assert answer["state"] == "rejected"
    assert [r["code"] for r in answer["reasons"]] == ["certificate_unknown"]
    swapped = [{"device_serial": rows[1]["device_serial"], "certificate_serial": rows[0]["certificate_serial"]}]
    answer = road.wait_request(road.post(road.pdf(requests.form07(swapped)))["request_id"])
    assert (answer["state"], answer["reasons"][0]["code"]) == ("rejected", "device_unknown")
    assert device_state(road, rows[0]["device_serial"]) == "delivered"
