"""courier's database holds what the service promises, whoever writes: the steps of a device are the
table that the program prints, each step leaves its line in custody, and nobody edits history."""
import subprocess

import pytest

from tests.lib.lab import build_dir


@pytest.fixture
def database(template):
    """A clone of courier's database with one device in stock, and psql as the service's role."""
    name = "store_courier"
    template.psql("postgres", f"CREATE DATABASE {name} TEMPLATE trien_courier OWNER trien_courier_owner")
    template.psql("postgres", f"GRANT CONNECT ON DATABASE {name} TO trien_courier")

    def psql(sql):
        return template.psql(name, f"SET ROLE trien_courier; {sql}")

    try:
        add(psql, "VN-1")
        yield psql
    finally:
        template.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


ORDER = "'0193a5c0-0000-7000-8000-000000000001', 1"


def add(psql, serial, state="in_stock", event="AddDevices"):
    psql("INSERT INTO device (device_serial, device_kind, state, event, actor, changed_at) "
         f"VALUES ('{serial}', 'pki_token', '{state}', '{event}', 'operator', now())")


def step(psql, serial, event, state, more=""):
    psql(f"UPDATE device SET state = '{state}', event = '{event}', actor = 'test', changed_at = now(){more} "
         f"WHERE device_serial = '{serial}'")


def assign(psql, serial, number=1):
    step(psql, serial, "KeyAwaited", "assigned",
         f", request_id = '0193a5c0-0000-7000-8000-000000000001', number = {number}")


def printed_steps():
    """Device steps as the program prints them: [(from, event, to)]."""
    text = subprocess.run([build_dir() / "bin/trien-courier", "--states"], capture_output=True, text=True,
                          check=True).stdout
    table = text.split("## courier: device")[1].split("## courier: shipment")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
    return {(r[0], r[1], r[2]) for r in rows[2:]}


def test_the_table_is_the_programs(database):
    stored = {tuple(r) for r in database("SELECT from_state, event, to_state FROM device_step") if len(r) == 3}
    assert stored == printed_steps()
    assert len(stored) > 30


def test_a_step_leaves_its_line(database):
    assign(database, "VN-1")
    step(database, "VN-1", "CertificateIssued", "personalised", ", certificate_serial = '54aa'")
    lines = [r for r in database("SELECT from_state, event, to_state, actor FROM custody ORDER BY at, from_state")
             if len(r) == 4]
    assert lines == [["-", "AddDevices", "in_stock", "operator"], ["in_stock", "KeyAwaited", "assigned", "test"],
                     ["assigned", "CertificateIssued", "personalised", "test"]]


def test_steps_are_recorded_in_their_order_by_clocks_that_differ(database):
    """A step by a replica a minute ahead, then one by a replica whose clock is right."""
    assign(database, "VN-1")
    database("UPDATE device SET state = 'personalised', event = 'CertificateIssued', actor = 'ahead', "
             "certificate_serial = '54aa', changed_at = now() + interval '1 minute' WHERE device_serial = 'VN-1'")
    step(database, "VN-1", "CertificateRevoked", "returned")
    lines = [r[0] for r in database("SELECT event, at FROM custody ORDER BY at") if len(r) == 2]
    assert lines == ["AddDevices", "KeyAwaited", "CertificateIssued", "CertificateRevoked"]


@pytest.mark.parametrize("event, state", [("DispatchDevices", "dispatched"), ("KeyAwaited", "personalised"),
                                          ("ReturnReported", "returned"), ("AddDevices", "in_stock"),
                                          ("Whatever", "assigned"), ("KeyAwaited", "nowhere")])
def test_no_other_step(database, event, state):
    with pytest.raises(AssertionError, match="may not lead|check constraint"):
        step(database, "VN-1", event, state, f", request_id = '{ORDER[1:37]}', number = 1")


def test_a_device_begins_in_stock(database):
    with pytest.raises(AssertionError, match="may not lead"):
        add(database, "VN-2", "personalised", "CertificateIssued")


def test_one_device_an_order(database):
    add(database, "VN-2")
    assign(database, "VN-1")
    with pytest.raises(AssertionError, match="device_by_order"):
        assign(database, "VN-2")
    step(database, "VN-1", "RetireDevice", "destroyed")
    assign(database, "VN-2")


def test_a_device_comes_back_into_stock_empty(database):
    assign(database, "VN-1")
    step(database, "VN-1", "CertificateIssued", "personalised", ", certificate_serial = '54aa'")
    step(database, "VN-1", "DispatchDevices", "dispatched", ", shipment_id = gen_random_uuid()")
    step(database, "VN-1", "ReturnReported", "returned")
    with pytest.raises(AssertionError, match="device_emptied_after_its_end"):
        step(database, "VN-1", "InitialiseDevice", "initialised")
    with pytest.raises(AssertionError, match="may not lead"):
        step(database, "VN-1", "CheckDevice", "in_stock")
    step(database, "VN-1", "InitialiseDevice", "initialised", ", certificate_ended_at = now()")
    bare = ", request_id = NULL, number = NULL, certificate_serial = NULL, certificate_ended_at = NULL"
    with pytest.raises(AssertionError, match="device_in_stock_is_empty"):
        step(database, "VN-1", "CheckDevice", "in_stock", bare)
    step(database, "VN-1", "CheckDevice", "in_stock", bare + ", shipment_id = NULL")


def test_an_ended_certificate_is_never_on_its_way_to_a_subscriber(database):
    assign(database, "VN-1")
    step(database, "VN-1", "CertificateIssued", "personalised", ", certificate_serial = '54aa'")
    with pytest.raises(AssertionError, match="device_ended_comes_back"):
        database("UPDATE device SET certificate_ended_at = now()")
    step(database, "VN-1", "LossConfirmed", "lost")
    database("UPDATE device SET certificate_ended_at = now()")
    with pytest.raises(AssertionError, match="device_ended_comes_back"):
        step(database, "VN-1", "ShipmentDelivered", "delivered", ", shipment_id = gen_random_uuid()")
    step(database, "VN-1", "DeliveredAfterEnd", "recalled", ", recalled_at = now()")


@pytest.mark.parametrize("sql", [
    "UPDATE custody SET actor = 'nobody'", "DELETE FROM custody", "DELETE FROM device",
    "INSERT INTO custody (device_serial, at, event, from_state, to_state, actor) "
    "VALUES ('VN-1', now(), 'AddDevices', '-', 'in_stock', 'x')",
    "INSERT INTO device_step VALUES ('in_stock', 'Magic', 'returned')", "UPDATE tracking_event SET code = 'EMI'",
    "DELETE FROM tracking_event", "DELETE FROM tracking_number"])
def test_history_is_not_the_services_to_edit(database, sql):
    with pytest.raises(AssertionError, match="permission denied"):
        database(sql)


@pytest.mark.parametrize("sql, why", [
    ("INSERT INTO device (device_serial, device_kind, state, event, actor, changed_at) "
     "VALUES ('a b', 'pki_token', 'in_stock', 'AddDevices', 'x', now())", "device_serial_check"),
    ("INSERT INTO device (device_serial, device_kind, state, event, actor, changed_at) "
     "VALUES ('VN-3', 'hsm', 'in_stock', 'AddDevices', 'x', now())", "device_kind_check"),
    ("UPDATE device SET due_on = '2026-12-01' WHERE device_serial = 'VN-1'", "check constraint"),
    ("INSERT INTO shipment (shipment_id, organ_id, method, state, moved_at, dispatched_at, changed_at) "
     "VALUES (gen_random_uuid(), 'H26', 'public_post', 'CREATED', now(), now(), now())", "check constraint"),
    ("INSERT INTO shipment (shipment_id, organ_id, method, carrier, tracking_number, state, moved_at, dispatched_at, "
     "changed_at) VALUES (gen_random_uuid(), 'H26', 'public_post', 'vnpost', 'EE1', 'CREATED', now(), now(), now())",
     "tracking_number_check"),
    ("INSERT INTO shipment (shipment_id, organ_id, method, state, moved_at, dispatched_at, changed_at) "
     "VALUES (gen_random_uuid(), 'H26', 'in_person', 'delivered', now(), now(), now())", "state_check")])
def test_what_no_row_may_be(database, sql, why):
    with pytest.raises(AssertionError, match=why):
        database(sql)
