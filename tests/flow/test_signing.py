"""Orders, certificates, the station and OCSP responders, with the real signer and real tokens; every
certificate is looked at by programs that are not ours."""
import json
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lib import requests
from tests.lib.lab import read_config, set_config, wait_until, write_config

ROAD = ("intake", "validation", "signing", "signer", "courier")


@pytest.fixture
def road(lab):
    lab.start(*ROAD)
    lab.add_client()
    lab.add_agency()
    lab.add_devices()
    return lab


def issued(road, document):
    """The finished request and its certificates as PEM files, by number of the subscriber."""
    request = road.wait_request(road.post(road.pdf(document))["request_id"])
    files = {}
    for row in request["certificates"]:
        der = road.certificate(request["request_id"], row["serial"])
        path = road.dir / f"{row['serial']}.pem"
        path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM))
        files[row["subscriber"]] = path
    return request, files


def program(*command):
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def check(road, path, purpose=None):
    ca = road.dir / "ca"
    extra = ["-purpose", purpose] if purpose else []
    program("openssl", "verify", "-x509_strict", *extra, "-CAfile", ca / "root1.pem", "-untrusted",
            ca / "issuing1.pem", path)
    return program("certtool", "-i", "--infile", path)


def test_a_certificate_as_others_read_it(road):
    request, files = issued(road, requests.form03())
    assert request["state"] == "completed", request
    text = check(road, files[1], "sslserver")
    assert "Certificate Authority (CA): FALSE" in text
    assert "TLS WWW Server" in text
    assert "1.3.6.1.4.1.32473.68.1.3" in text
    assert "/crl/issuing1.crl" in text and "/ca/issuing1.cer" in text and "/ocsp" in text
    stored = road.sql("signing", "SELECT state FROM item_order")
    assert stored == [["issued"]]
    # What the signer was asked for is what came back.
    assert road.value("signing", "SELECT position(t.tbs_der IN c.certificate_der) > 0 "
                                 "FROM order_tbs t JOIN certificate c USING (request_id, number)") == "t"
    assert road.value("signing", "SELECT count(*) FROM serial WHERE order_id NOT LIKE 'ocsp/%'") == "1"


def test_many_subscribers_are_one_look(road):
    request, files = issued(road, requests.form03(count=40))
    assert request["state"] == "completed", request
    assert len(files) == 40
    assert road.value("signing", "SELECT count(DISTINCT serial) FROM certificate") == "40"
    check(road, files[40], "sslserver")


def test_a_key_belongs_to_one_lineage(road):
    text, _ = requests.csr()
    first, second = requests.form03(), requests.form03()
    for document in (first, second):
        document["subscribers"][0]["csr"] = text
    second["subscribers"][0]["name"] = "Cổng dịch vụ khác TEST"
    request, _ = issued(road, first)
    assert request["state"] == "completed", request
    request, _ = issued(road, second)
    assert request["state"] == "failed", request
    assert [r["code"] for r in request["subscribers"][0]["reasons"]] == ["key_reused"]
    assert road.value("signing", "SELECT count(*) FROM certificate") == "1"


def test_the_station(road):
    answer = road.post(road.pdf(requests.form01()))
    item = f"{answer['request_id']}/1"
    road.wait_item(answer["request_id"], 1, "key_awaited")
    orders = json.loads(road.trienctl("station", "list", "--json"))["orders"]
    assert [(o["order_id"], o["state"], o["profile"]) for o in orders] == [(item, "awaiting_key", "person")]
    done = json.loads(road.trienctl("station", "run", "--order", item, "--device-serial", "TEST-0001", "--json"))
    assert done["orders"][0]["device_serial"] == "TEST-0001"
    request = road.wait_request(answer["request_id"])
    assert request["state"] == "completed", request
    der = road.certificate(answer["request_id"], done["orders"][0]["serial"])
    subject = x509.load_der_x509_certificate(der).subject
    assert subject.get_attributes_for_oid(NameOID.USER_ID)[0].value.startswith("CCCD:")
    # The certificate lies in the token beside its key, where any PKCS#11 program finds it.
    objects = program("env", f"SOFTHSM2_CONF={road.dir}/etc/softhsm-station.conf", "p11tool", "--batch",
                      "--provider=/usr/lib/softhsm/libsofthsm2.so", "--list-all-certs", "pkcs11:token=trien-station")
    assert f"trien {item}" in objects
    # Again: nothing is left to do, and the finished order is only finished once more.
    assert json.loads(road.trienctl("station", "run", "--json"))["orders"] == []
    again = json.loads(road.trienctl("station", "run", "--order", item, "--device-serial", "TEST-0001", "--json"))
    assert again["orders"][0]["serial"] == done["orders"][0]["serial"]
    assert road.value("signing", "SELECT count(*) FROM certificate") == "1"


def assigned(road, item):
    """The order with its device, once courier has assigned one."""
    def look():
        orders = json.loads(road.trienctl("station", "list", "--request", item[:36], "--json"))["orders"]
        return next((o for o in orders if o["order_id"] == item and o["device_serial"]), None)
    return wait_until(f"a device for {item}", look)


def test_a_key_is_made_on_the_assigned_device_alone(road):
    answer = road.post(road.pdf(requests.form01()))
    item = f"{answer['request_id']}/1"
    road.wait_item(answer["request_id"], 1, "key_awaited")
    assert assigned(road, item)["device_serial"] == "TEST-0001"
    with pytest.raises(AssertionError, match="TEST-0001 is assigned"):
        road.trienctl("station", "run", "--order", item, "--device-serial", "TEST-0002")
    # The device turns out to be broken: the order gets another one, the key is made there.
    road.trienctl("device", "retire", "TEST-0001", "--reason", "không nhận thẻ")
    wait_until("another device", lambda: assigned(road, item)["device_serial"], until=lambda s: s == "TEST-0002")
    with pytest.raises(AssertionError, match="TEST-0002 is assigned"):
        road.trienctl("station", "run", "--order", item, "--device-serial", "TEST-0001")
    done = json.loads(road.trienctl("station", "run", "--order", item, "--device-serial", "TEST-0002", "--json"))
    assert done["orders"][0]["device_serial"] == "TEST-0002"
    serial = done["orders"][0]["serial"]
    wait_until("the device to be personalised", lambda: json.loads(road.trienctl("device", "show", "TEST-0002", "--json")),
               until=lambda d: d["state"] == "personalised" and d["certificate_serial"] == serial)


def test_orders_wait_for_stock(road):
    """Ten orders have devices, two of another kind have none: those wait, and go on when stock comes."""
    document = requests.form01(count=12)
    for row in document["subscribers"][:2]:
        row["device_kind"] = "sim_pki"
    answer = road.post(road.pdf(document))
    for number in range(1, 13):
        road.wait_item(answer["request_id"], number, "key_awaited")
    wait_until("ten devices to be assigned", lambda: road.value("courier", "SELECT count(*) FROM device WHERE state = "
                                                                         "'assigned'"), until=lambda n: n == "10")
    waiting = 'trien_courier_orders_waiting_for_device{device_kind="sim_pki"} 2'
    wait_until("the figure of waiting orders", road.process("courier").metrics, until=lambda t: waiting in t)
    wait_until("/healthz to show them", lambda: road.process("courier").health()["stock"]["waiting_orders"],
               until=lambda n: n == 2)
    road.add_devices(2, "sim_pki", "SIM")
    done = json.loads(road.trienctl("station", "run", "--request", answer["request_id"], "--json"))
    assert len(done["orders"]) == 12
    assert sorted(o["device_serial"] for o in done["orders"] if o["device_serial"].startswith("SIM")) == ["SIM-0001", "SIM-0002"]
    assert road.wait_request(answer["request_id"])["state"] == "completed"
    assert road.value("courier", "SELECT count(*) FROM waiting_order") == "0"


def test_a_station_nobody_enrolled(road):
    answer = road.post(road.pdf(requests.form01()))
    road.wait_item(answer["request_id"], 1, "key_awaited")
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "stranger.key"
        program("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        key.chmod(0o600)
        with pytest.raises(AssertionError, match="enrol this station"):
            road.trienctl("station", "run", "--key", key)
    # The order goes on waiting for a station that may; the key in the token is used then.
    done = json.loads(road.trienctl("station", "run", "--json"))
    assert len(done["orders"]) == 1
    assert road.wait_request(answer["request_id"])["state"] == "completed"


def test_two_officers_make_a_responder(road):
    # The laboratory's responder is approved already: this is another approval of the same key.
    road.start("status")
    issued_before = int(road.value("signing", "SELECT count(*) FROM responder_order WHERE state = 'issued'"))

    def approve(officer):
        text = road.trienctl("responder", "approve", "--officer", officer, "--days", "5", "--file",
                             road.dir / "second.approval", "--yes", "--json")
        answer = json.loads(text[text.index("{"):])
        return answer["approvals"], answer["needed"]

    assert approve("officer1") == (1, 2)
    assert approve("officer1") == (1, 2)
    assert road.value("signing", "SELECT count(*) FROM responder_order") == str(issued_before)
    assert approve("officer2") == (2, 2)
    wait_until("the responder's certificate", lambda: road.value(
        "signing", "SELECT count(*) FROM responder_order WHERE state = 'issued'") == str(issued_before + 1))
    der = bytes.fromhex(road.value("signing", "SELECT encode(certificate_der, 'hex') FROM responder_order "
                                              "ORDER BY created_at DESC LIMIT 1"))
    path = road.dir / "responder.pem"
    certificate = x509.load_der_x509_certificate(der)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 4
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    assert "OCSP signing" in check(road, path, "ocsphelper")


def test_an_officer_who_left_approves_nothing(road):
    """What officer1 has signed counts no more when the key is withdrawn: an order on it the signer would
    refuse, and every renewal with it. Two who are enrolled take its place, with the same approval."""
    road.start("status")
    ring = Path(read_config(road.dir / "etc/signing-0.conf")["keys"]["officer"][""])
    assert ring == Path(read_config(road.dir / "etc/signer-0.conf")["keys"]["officer"][""])

    def approve(officer):
        text = road.trienctl("responder", "approve", "--officer", officer, "--days", "6", "--file",
                             road.dir / "left.approval", "--yes", "--json")
        answer = json.loads(text[text.index("{"):])
        return answer["approvals"], answer["needed"]

    def orders(state):
        return int(road.value("signing", f"SELECT count(*) FROM responder_order WHERE state = '{state}'"))

    issued_before = orders("issued")
    assert approve("officer1") == (1, 2)
    blocks = re.findall(r"-----BEGIN.*?-----END [A-Z ]+-----\n", ring.read_text(), re.DOTALL)
    left = program("openssl", "pkey", "-in", road.dir / "keys/officer1.key", "-pubout")
    ring.write_text("".join(block for block in blocks if block != left))
    for service in ("signing", "signer"):
        road.process(service).popen.send_signal(signal.SIGHUP)
        wait_until(f"{service} to know two", lambda s=service: road.process(s).health()["keys"]["officer"] == 2)
    assert approve("officer2") == (1, 2)
    assert (orders("issued"), orders("signing"), orders("failed")) == (issued_before, 0, 0)
    assert approve("officer3") == (2, 2)
    wait_until("the responder's certificate", lambda: orders("issued") == issued_before + 1)
    assert orders("failed") == 0


def public_keys(count):
    return b"".join(ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo) for _ in range(count))


def test_enrolled_keys_are_read_again_on_sighup(lab):
    """The signer knows another registration authority's key; after SIGHUP it knows the right one as well. A
    file that cannot be read changes nothing, and health says so."""
    conf = read_config(lab.dir / "etc/signer-0.conf")
    right = Path(conf["keys"]["registration_authority"][""]).read_bytes()
    ring = lab.dir / "registration-authority.pem"
    ring.write_bytes(public_keys(1))
    set_config(conf, "keys/registration_authority", ring)
    write_config(lab.dir / "etc/signer-0.conf", conf)
    lab.start(*ROAD)
    lab.add_client()
    lab.add_agency()
    signer = lab.process("signer")
    assert signer.health()["keys"]["registration_authority"] == 1
    request, _ = issued(lab, requests.form03())
    assert request["state"] != "completed" and request["certificates"] == [], request

    ring.write_bytes(public_keys(1) + right)
    signer.popen.send_signal(signal.SIGHUP)
    wait_until("two keys", lambda: signer.health()["keys"]["registration_authority"] == 2)
    request, files = issued(lab, requests.form03())
    assert request["state"] == "completed", request
    check(lab, files[1], "sslserver")

    ring.write_text("no key at all\n")
    signer.popen.send_signal(signal.SIGHUP)
    ill = wait_until("health to say so", lambda: [w for w in signer.health()["waiting"] if w["for"] == "reread"])
    assert str(ring) in ill[0]["detail"]
    assert signer.health()["keys"]["registration_authority"] == 2
    assert len(issued(lab, requests.form03())[0]["certificates"]) == 1
    ring.write_bytes(right)
    signer.popen.send_signal(signal.SIGHUP)
    wait_until("health", lambda: signer.health()["ok"])
    assert signer.health()["keys"]["registration_authority"] == 1


def test_signing_waits_for_revocation_lists(lab):
    """Validation has the lists, signing cannot have them: the order waits, whatever validation said, and goes on
    by itself when they are there."""
    path = lab.dir / "etc/signing-0.conf"
    conf = read_config(path)
    places = lab.dir / "signing-crl"
    places.mkdir()
    published = {name: Path(node[""].removeprefix("file://")) for name, node in conf["crls"].items()}
    for name in published:
        set_config(conf, f"crls/{name}", f"file://{places}/{name}.crl")
    write_config(path, conf)
    lab.start(*ROAD)
    lab.add_client()
    lab.add_agency()
    request_id = lab.post(lab.pdf(requests.form03()))["request_id"]
    waiting = "SELECT attempts, last_error FROM effect WHERE kind = 'prepare'"
    rows = wait_until("the order to wait", lambda: [r for r in lab.sql("signing", waiting) if int(r[0]) >= 2])
    assert "crl_stale" in rows[0][1], rows
    assert lab.sql("signing", "SELECT state FROM item_order") == [["preparing"]]
    for name, source in published.items():
        (places / f"{name}.new").write_bytes(source.read_bytes())
        (places / f"{name}.new").rename(places / f"{name}.crl")
    assert lab.wait_request(request_id)["state"] == "completed"
