"""The courier: stock, shipments, carriers' webhook. Devices are real rows with real steps; the carrier
signs with its own secret by Python's hmac. The whole life of a device is in test_device_life.py."""
import concurrent.futures
import hashlib
import hmac
import itertools
import json
import random
from datetime import timedelta

import pytest

from tests.lib.busline import message
from tests.lib.carrier import Post, event, now, s10
from tests.lib.journal import say_event
from tests.lib.lab import wait_until

REQUEST = "0193a5c0-0000-7000-8000-00000000000{}"
serials = itertools.count(1)


def device(lab, serial, number=1, request=REQUEST.format(1), organ="H26.14") -> str:
    """A device that is ready to leave, made by the steps a device takes."""
    steps = [("KeyAwaited", "assigned", f", request_id = '{request}', number = {number}"),
             ("CertificateIssued", "personalised", f", certificate_serial = '54{next(serials):04x}'")]
    lab.sql("courier", f"INSERT INTO request VALUES ('{request}', '{organ}', 'TEST', 'public_post') "
                       "ON CONFLICT DO NOTHING; INSERT INTO device (device_serial, device_kind, state, event, actor, "
                       f"changed_at) VALUES ('{serial}', 'pki_token', 'in_stock', 'AddDevices', 'test', now())")
    for name, state, more in steps:
        lab.sql("courier", f"UPDATE device SET state = '{state}', event = '{name}', changed_at = now(){more} "
                           f"WHERE device_serial = '{serial}'")
    return serial


def ctl(lab, *arguments):
    return json.loads(lab.trienctl("--json", *arguments))


def state_of(lab, shipment_id) -> str:
    return ctl(lab, "ship", "list", shipment_id)[0]["state"]


def device_state(lab, serial) -> str:
    return ctl(lab, "device", "show", serial)["state"]


def said(lab, kind, key="") -> int:
    """How many events of a type courier has said (about a device)."""
    return int(lab.value("courier", f"SELECT count(*) FROM outbox WHERE type = '{kind}' AND key LIKE '{key}%'"))


@pytest.fixture(scope="module")
def courier(template):
    with template.lab(replicas=1) as lab:
        lab.start("courier")
        yield lab


def ship(lab, *devices, number=None, **options):
    arguments = list(devices)
    if number:
        arguments += ["--tracking", number]
    for name, value in options.items():
        arguments += [f"--{name}", value]
    return ctl(lab, "ship", "send", *arguments)["shipment_id"]


# --- stock -------------------------------------------------------------------------------------------

def test_stock_from_a_list(courier, tmp_path):
    rows = tmp_path / "devices.csv"
    rows.write_text("device_serial,device_kind,model\nST-0001,pki_token,TEST token\r\nST-0002,sim_pki,\n")
    assert ctl(courier, "device", "add", rows) == {"added": 2, "known": 0}
    assert ctl(courier, "device", "add", rows) == {"added": 0, "known": 2}
    shown = ctl(courier, "device", "show", "ST-0001")
    assert (shown["state"], shown["model"], shown["device_kind"]) == ("in_stock", "TEST token", "pki_token")
    assert {"ST-0001", "ST-0002"} <= {d["device_serial"] for d in ctl(courier, "device", "list", "--state", "in_stock")}
    assert ctl(courier, "device", "retire", "ST-0002", "--reason", "hỏng")["state"] == "destroyed"
    assert ctl(courier, "device", "retire", "ST-0002", "--reason", "hỏng")["state"] == "destroyed"


@pytest.mark.parametrize("content, why", [
    ("serial\nST-9\n", "first line"), ("device_serial,device_kind,model\nST-9\n", "line 2"),
    ("device_serial,device_kind,model\nST-91,pki_token,\nST 92,pki_token,\n", "devices/1/device_serial"),
    ("device_serial,device_kind,model\nST-93,hsm,\n", "devices/0/device_kind")])
def test_a_wrong_list_adds_nothing(courier, tmp_path, content, why):
    rows = tmp_path / "devices.csv"
    rows.write_text(content)
    with pytest.raises(AssertionError, match=why):
        courier.trienctl("device", "add", rows)
    assert courier.value("courier", "SELECT count(*) FROM device WHERE device_serial LIKE 'ST-9%'") == "0"


def test_who_only_looks_waits_for_nobody(courier):
    serial = device(courier, "Q-0001", 77)
    with courier.open_transaction("courier", f"SELECT FROM device WHERE device_serial = '{serial}' FOR UPDATE"):
        assert device_state(courier, serial) == "personalised"


# --- shipments -----------------------------------------------------------------------------------------

def test_a_journey_is_followed(courier):
    number = s10(1000)
    device(courier, "J-0001")
    device(courier, "J-0002", 2)
    shipment = ship(courier, "J-0001", "J-0002", number=number)
    assert device_state(courier, "J-0001") == "dispatched"
    post, begin = Post(courier), now() - timedelta(hours=9)
    way = [("EMA", "ACCEPTED"), ("EMC", "IN_TRANSIT"), ("EMG", "AT_DELIVERY_OFFICE"), ("EDG", "OUT_FOR_DELIVERY"),
           ("EMH", "ATTEMPTED"), ("EDG", "OUT_FOR_DELIVERY"), ("EMI", "DELIVERED")]
    for hour, (code, state) in enumerate(way):
        answer = post.send(event(number, code, begin + timedelta(hours=hour), place="Bưu cục Hà Nội"))
        assert answer == (200, {"accepted": 1, "repeated": 0})
        assert state_of(courier, shipment) == state
    for serial in ("J-0001", "J-0002"):
        assert device_state(courier, serial) == "delivered"
        assert said(courier, "ShipmentMoved", serial) == len(way)
        assert said(courier, "DeviceDelivered", serial) == 1


def test_late_repeated_and_disordered_words_end_alike(courier):
    """Twenty shuffles of one history, with repeats, some in batches: one state, one delivery said."""
    random.seed(20261122)
    begin = now() - timedelta(hours=12)
    post = Post(courier)
    for turn in range(20):
        number, serial = s10(2000 + turn), f"L-{turn:04d}"
        device(courier, serial, 10 + turn)
        shipment = ship(courier, serial, number=number)
        history = [event(number, code, begin + timedelta(hours=hour))
                   for hour, code in enumerate(("EMA", "EMC", "EMG", "EDG", "EMI", "EMG"))]
        words = history + random.choices(history, k=4)
        random.shuffle(words)
        while words:
            batch = [words.pop() for _ in range(min(len(words), random.randint(1, 4)))]
            assert post.send(*batch)[0] == 200
        assert state_of(courier, shipment) == "DELIVERED"
        assert device_state(courier, serial) == "delivered"
        assert said(courier, "DeviceDelivered", serial) == 1
        assert courier.value("courier", f"SELECT count(*) FROM tracking_event WHERE tracking_number = '{number}'") == "6"


def test_the_carrier_may_speak_first(courier):
    number = s10(1001)
    device(courier, "E-0001", 40)
    assert Post(courier).send(event(number, "EMA", now() - timedelta(hours=1)))[0] == 200
    assert state_of(courier, ship(courier, "E-0001", number=number)) == "ACCEPTED"


def test_carrier_and_station_speak_at_once(courier):
    """A webhook that is not committed yet, and the dispatch of its parcel: one waits for the other."""
    device(courier, "E-0002", 72)
    number = s10(1015)
    webhook = (f"SELECT pg_advisory_xact_lock(21589, hashtext('{number}') & 63); INSERT INTO tracking_event (carrier, "
               f"tracking_number, event_at, code, received_at) VALUES ('vnpost', '{number}', now(), 'EMA', now())")
    waiting = ("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 21589 AND NOT granted "
               "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with courier.open_transaction("courier", webhook):
            sent = pool.submit(ship, courier, "E-0002", number=number)
            wait_until("the dispatch to wait for the webhook", lambda: courier.value("courier", waiting),
                       until=lambda n: n == "1")
        shipment = sent.result()
    assert state_of(courier, shipment) == "ACCEPTED"


def test_undeliverable_comes_back_and_leaves_again(courier):
    device(courier, "U-0001", 41)
    ship(courier, "U-0001", number=s10(1002))
    Post(courier).send(event(s10(1002), "EMH", now() - timedelta(hours=2)),
                       event(s10(1002), "RETURNED", now() - timedelta(hours=1)))
    assert device_state(courier, "U-0001") == "personalised"
    ship(courier, "U-0001", method="in_person")
    assert device_state(courier, "U-0001") == "dispatched"
    # A late word about the first shipment does not move the device that is under way by the second.
    Post(courier).send(event(s10(1002), "EMI", now() - timedelta(minutes=90)))
    assert device_state(courier, "U-0001") == "dispatched"


def test_lost_and_corrected_by_a_person(courier):
    device(courier, "C-0001", 42)
    shipment = ship(courier, "C-0001", number=s10(1003))
    Post(courier).send(event(s10(1003), "LOST", now() - timedelta(hours=1)))
    assert (state_of(courier, shipment), device_state(courier, "C-0001")) == ("LOST", "lost")
    assert said(courier, "DeviceLost", "C-0001") == 1
    assert [d["certificate"] for d in ctl(courier, "device", "list", "--state", "lost")
            if d["device_serial"] == "C-0001"] == ["valid"]
    wait_until("the figure of it", courier.process("courier").metrics,
               until=lambda text: "trien_courier_lost_certificates_valid 1" in text)
    done = ctl(courier, "ship", "record", shipment, "--note", "Văn thư cơ quan gọi điện: đã nhận")
    assert done["state"] == "DELIVERED"
    assert device_state(courier, "C-0001") == "delivered"
    Post(courier).send(event(s10(1003), "RETURNED", now()))  # the carrier is outweighed from now on
    assert state_of(courier, shipment) == "DELIVERED"


def test_the_last_correction_holds_whatever_the_clocks_say(courier):
    """The first one was taken by a replica whose clock is a minute ahead."""
    shipment = ship(courier, device(courier, "C-0003", 73), method="in_person")
    ctl(courier, "ship", "record", shipment, "--note", "văn thư nói đã nhận")
    courier.sql("courier", "UPDATE correction SET recorded_at = recorded_at + interval '1 minute' "
                           f"WHERE shipment_id = '{shipment}'")
    done = ctl(courier, "ship", "record", shipment, "--state", "LOST", "--note", "nhầm: không ai nhận được")
    assert (done["state"], device_state(courier, "C-0003")) == ("LOST", "lost")


def test_lost_with_its_certificate_and_found(courier):
    """Nobody may hand over a device whose certificate ended while it was lost: it is asked back."""
    serial = device(courier, "C-0002", 71)
    shipment = ship(courier, serial, number=s10(1014))
    courier.sql("courier", "UPDATE device SET state = 'lost', event = 'LossConfirmed', changed_at = now() WHERE "
                           f"device_serial = '{serial}'; UPDATE device SET certificate_ended_at = now() WHERE "
                           f"device_serial = '{serial}'")
    delivered = said(courier, "DeviceDelivered", serial)
    Post(courier).send(event(s10(1014), "EMI", now() - timedelta(minutes=5)))
    assert (state_of(courier, shipment), device_state(courier, serial)) == ("DELIVERED", "recalled")
    assert said(courier, "DeviceDelivered", serial) == delivered
    intents = f"SELECT count(*) FROM effect WHERE kind = 'recall' AND key LIKE '{serial}/%'"
    assert courier.value("courier", intents) == "1"  # validation is not there: its day is asked for


def test_a_recall_that_is_over_is_not_said(courier):
    """Validation is away while one device is recalled and comes back, and another is recalled, lost, found and so
    recalled again. Then the days are counted: nothing is said of the first, one thing of the second."""
    back, found = device(courier, "C-0004", 74), device(courier, "C-0005", 75)
    shipments = [ship(courier, serial, method="in_person") for serial in (back, found)]
    for serial in (back, found):
        courier.sql("courier", "UPDATE device SET state = 'lost', event = 'LossConfirmed', changed_at = now() WHERE "
                               f"device_serial = '{serial}'; UPDATE device SET certificate_ended_at = now() WHERE "
                               f"device_serial = '{serial}'")

    def record(shipment, *states):
        for state in states:
            ctl(courier, "ship", "record", shipment, "--state", state, "--note", "cơ quan gọi điện")
    record(shipments[0], "DELIVERED", "RETURNED")
    record(shipments[1], "DELIVERED", "LOST", "DELIVERED")
    assert (device_state(courier, back), device_state(courier, found)) == ("returned", "recalled")
    intents = "SELECT count(*) FROM effect WHERE kind = 'recall' AND key ~ '^C-000[45]/'"
    assert courier.value("courier", intents) == "3"
    courier.start("validation")
    courier.sql("courier", "UPDATE effect SET retry_at = now() WHERE kind = 'recall'")
    wait_until("the days to be counted", lambda: courier.value("courier", intents), until=lambda n: n == "0")
    assert (said(courier, "DeviceRecalled", back), said(courier, "DeviceRecalled", found)) == (0, 1)
    assert ctl(courier, "device", "show", found)["due_on"] and not ctl(courier, "device", "show", back)["due_on"]


def test_an_end_waits_for_its_beginning(template):
    """A device in a subscriber's hand is renewed and the new certificate revoked; revocation's word is read first.
    It waits, and the device is asked back in the end. The old certificate's end asks for nothing."""
    with template.lab(replicas=1) as lab:
        lab.start("courier", "signing", "revocation")
        serial = device(lab, "Y-0001", 1)
        old = lab.value("courier", f"SELECT certificate_serial FROM device WHERE device_serial = '{serial}'")
        lab.sql("courier", f"INSERT INTO device_certificate VALUES ('{old}', '{serial}')")
        ship(lab, serial, method="in_person")
        request, lineage = REQUEST.format(1), REQUEST.format(1) + "/1"

        def revoke(certificate):
            say_event(lab, "revocation", "CertificateRevoked", lineage, message(
                (1, certificate), (2, "issuing1"), (3, lineage), (4, request), (5, "nghi_huu"), (6, 3),
                (7, 1_790_000_000_000_000), (11, serial), (14, "H26.14")))
        letters = "SELECT count(*) FROM dead_letter WHERE feed = 'revocation' AND resolved_at IS NULL"
        revoke("54bbbb")
        wait_until("the end to wait", lambda: lab.value("courier", letters), until=lambda n: n == "1")
        assert device_state(lab, serial) == "dispatched"
        say_event(lab, "signing", "CertificateIssued", lineage, message(
            (1, request), (2, lineage), (3, lineage), (4, lineage), (5, "person"), (6, "issuing1"), (7, "54bbbb"),
            (8, "CN=TEST"), (9, b"0"), (10, 1_700_000_000_000_000), (11, 1_900_000_000_000_000), (12, b"k" * 32),
            (13, serial), (14, 1_789_000_000_000_000), (15, "TEST"), (16, "H26.14")))
        wait_until("the device to be asked back", lambda: device_state(lab, serial), until=lambda s: s == "recalled")
        wait_until("no letter", lambda: lab.value("courier", letters), until=lambda n: n == "0")
        shown = ctl(lab, "device", "show", serial)
        assert (shown["certificate_serial"], shown["certificate"]) == ("54bbbb", "ended")
        heads = "SELECT sum(next_offset) FROM consumer_cursor WHERE feed = 'revocation'"
        before = lab.value("courier", heads)
        revoke(old)
        wait_until("the old one's end to be read", lambda: lab.value("courier", heads), until=lambda n: n != before)
        assert lab.value("courier", letters) == "0"
        assert said(lab, "OperatorActed") == 0 and lab.value("courier", "SELECT count(*) FROM custody WHERE "
                                                             "to_state = 'recalled'") == "1"


def test_by_hand(courier):
    device(courier, "H-0001", 43)
    shipment = ship(courier, "H-0001", method="cipher_organisation")
    assert state_of(courier, shipment) == "CREATED"
    with pytest.raises(AssertionError, match="note"):
        courier.trienctl("ship", "record", shipment)
    assert ctl(courier, "ship", "record", shipment, "--note", "giao tận tay")["state"] == "DELIVERED"
    assert device_state(courier, "H-0001") == "delivered"


def test_a_repeated_call_is_one_shipment(courier):
    device(courier, "R-0001", 44)
    first = ship(courier, "R-0001", method="in_person", key="parcel-7")
    assert ship(courier, "R-0001", method="in_person", key="parcel-7") == first
    device(courier, "R-0002", 45)
    with pytest.raises(AssertionError, match="idempotency_conflict|another"):
        ship(courier, "R-0002", method="in_person", key="parcel-7")
    assert device_state(courier, "R-0002") == "personalised"


def test_a_repeated_call_for_a_request_is_one_shipment(courier):
    """The answer was lost: its devices are no longer ready, the shipment stands."""
    request = REQUEST.format(3)
    serials = [device(courier, f"R-001{n}", n, request) for n in (1, 2)]
    call = ("ship", "send", "--request", request, "--method", "in_person", "--key", "parcel-8")
    first = ctl(courier, *call)
    assert first["device_serials"] == serials and first["staying"] == 0
    assert ctl(courier, *call) == first
    with pytest.raises(AssertionError, match="not_found"):  # another parcel: nothing is left for it
        courier.trienctl("--json", *call[:-1], "parcel-9")
    with pytest.raises(AssertionError, match="what leaves"):
        courier.trienctl("ship", "send", *serials, "--request", request)


@pytest.mark.parametrize("arguments, why", [
    (["--method", "public_post"], "field_missing"),
    (["--method", "public_post", "--tracking", "EE473124828VN"], "tracking_number_invalid"),
    (["--method", "public_post", "--tracking", "LE473124829VN"], "tracking_number_invalid"),
    (["--method", "public_post", "--tracking", "EE473124829VN", "--carrier", "dhl"], "field_invalid"),
    (["--method", "in_person", "--tracking", "EE473124829VN"], "field_invalid"),
    (["--method", "pigeon"], "field_invalid"), (["--method", "in_person", "W-0404"], "not_found"),
    (["--method", "in_person", "W-0001"], "field_invalid"),
    (["--method", "in_person", "W-0002"], "device_state"), (["--method", "in_person", "W-0003"], "field_invalid")])
def test_what_may_not_leave(courier, arguments, why):
    """W-0001 twice, W-0002 is in stock, W-0003 is another agency's: refused whole."""
    if courier.value("courier", "SELECT count(*) FROM device WHERE device_serial = 'W-0001'") == "0":
        device(courier, "W-0001", 46)
        device(courier, "W-0003", 1, REQUEST.format(2), "H26.15")
        courier.sql("courier", "INSERT INTO device (device_serial, device_kind, state, event, actor, changed_at) "
                               "VALUES ('W-0002', 'pki_token', 'in_stock', 'AddDevices', 'test', now())")
    with pytest.raises(AssertionError, match=why):
        courier.trienctl("--json", "ship", "send", "W-0001", *arguments)
    assert device_state(courier, "W-0001") == "personalised"


def test_a_number_is_not_used_twice_within_a_year(courier):
    number = s10(1004)
    device(courier, "N-0001", 47)
    device(courier, "N-0002", 48)
    ship(courier, "N-0001", number=number)
    with pytest.raises(AssertionError, match="tracking_number_used"):
        courier.trienctl("--json", "ship", "send", "N-0002", "--tracking", number)
    courier.sql("courier", f"UPDATE tracking_number SET used_at = used_at - interval '12 months 1 minute' "
                           f"WHERE tracking_number = '{number}'")
    assert state_of(courier, ship(courier, "N-0002", number=number)) == "CREATED"


# --- the webhook's door ----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def parcel(courier):
    device(courier, "P-0001", 60)
    number = s10(3000)
    return number, ship(courier, "P-0001", number=number)


def test_forgeries(courier, parcel):
    number, shipment = parcel
    right = Post(courier)
    delivered = event(number, "EMI")
    good = json.dumps({"carrier": "vnpost", "sent_at": now().isoformat(), "events": [delivered]})
    mac = hmac.new(right.secret.encode(), good.encode(), hashlib.sha256).hexdigest()
    tries = [
        right.send(delivered, signature=""),
        right.send(delivered, signature="sha256=" + "0" * 64),
        right.send(delivered, signature="no hexadecimal"),
        right.send(body=good.replace("EMI", "EMG"), signature=mac),
        right.send(body=good + " ", signature=mac),
        Post(courier, secret="another secret altogether").send(delivered),
        right.send(body="{" * 1000, signature=mac),
    ]
    for status, problem in tries:
        assert (status, problem["code"]) == (401, "webhook_signature"), problem
    # Signed by one carrier in the name of another.
    assert Post(courier, carrier="dhl").send(delivered)[1]["code"] == "webhook_signature"
    assert state_of(courier, shipment) == "CREATED"
    assert 'carrier="",outcome="forged"' in courier.process("courier").metrics()


def test_old_and_future_calls(courier, parcel):
    number, shipment = parcel
    for off in (timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=-400)):
        status, problem = Post(courier).send(event(number, "EMI", now() - timedelta(hours=1)), sent_at=now() + off)
        assert (status, problem["code"]) == (403, "webhook_time")
    status, problem = Post(courier).send(event(number, "EMI", now() + timedelta(hours=1)))
    assert (status, problem["code"], problem["field"]) == (400, "field_invalid", "/events")
    assert state_of(courier, shipment) == "CREATED"


def test_a_replay_changes_nothing(courier, parcel):
    number, shipment = parcel
    post = Post(courier)
    body = json.dumps({"carrier": "vnpost", "sent_at": now().isoformat(),
                       "events": [event(number, "EMA", now() - timedelta(hours=2))]})
    assert post.send(body=body) == (200, {"accepted": 1, "repeated": 0})
    assert post.send(body=body) == (200, {"accepted": 0, "repeated": 1})
    moved = said(courier, "ShipmentMoved", "P-0001")
    assert post.send(body=body)[0] == 200
    assert said(courier, "ShipmentMoved", "P-0001") == moved == 1
    assert state_of(courier, shipment) == "ACCEPTED"


def test_oversized(courier, parcel):
    number, _ = parcel
    many = [event(number, "EMA", now() - timedelta(seconds=n)) for n in range(501)]
    assert Post(courier).send(*many)[0] == 413
    assert Post(courier).send(body=" " * (256 * 1024 + 1))[0] == 413
    assert Post(courier).send(*many[:500]) == (200, {"accepted": 500, "repeated": 0})


def test_a_carrier_that_repeats_itself_hides_nothing(courier):
    """A thousand words about one parcel, then that it arrived, then a thousand more."""
    number, post = s10(1016), Post(courier)
    shipment = ship(courier, device(courier, "V-0001", 76), number=number)

    def repeat(code, began):
        for part in (0, 500):
            words = [event(number, code, began + timedelta(seconds=n)) for n in range(part, part + 500)]
            assert post.send(*words) == (200, {"accepted": 500, "repeated": 0})
    repeat("EMG", now() - timedelta(hours=3))
    assert post.send(event(number, "EMI", now() - timedelta(hours=2)))[0] == 200
    assert (state_of(courier, shipment), device_state(courier, "V-0001")) == ("DELIVERED", "delivered")
    repeat("EMH", now() - timedelta(hours=1))
    assert state_of(courier, shipment) == "DELIVERED"
    assert said(courier, "DeviceDelivered", "V-0001") == 1


@pytest.mark.parametrize("change, field", [
    ({"tracking_number": "EE473124828VN"}, "/events/0/tracking_number"), ({"code": "XYZ"}, "/events/0/code"),
    ({"time": "hôm qua"}, "/events/0/time"), ({"place": "x" * 201}, "/events/0/place"), ({"code": None}, "/events/0/code")])
def test_nonsense_is_refused_with_its_place(courier, parcel, change, field):
    status, problem = Post(courier).send(event(parcel[0], "EMG", now()) | change)
    assert status in (400, 422) and problem["field"] == field
    assert set(problem["text"]) == {"vi", "en"}


def test_a_stranger_of_the_bus_may_not(courier):
    for command in (["device", "list"], ["ship", "list"], ["ship", "send", "P-0001"]):
        with pytest.raises(AssertionError, match="forbidden"):
            courier.trienctl("--json", "--as", "portal", *command)


def test_figures(courier):
    text = wait_until("figures of the stock", courier.process("courier").metrics,
                      until=lambda t: 'trien_courier_devices_in_stock{device_kind="pki_token"} ' in t)
    assert "trien_courier_orders_waiting_for_device" in text and "trien_courier_recalls_overdue" in text
