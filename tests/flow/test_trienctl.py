"""The operator's tool against live services: up and its keepers, submit, show, client, agency, export."""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from cryptography import x509

from tests.lib import requests
from tests.lib.busline import fields
from tests.lib.lab import PLAN, ROOT, read_config, set_config, wait_until, write_config

pytestmark = pytest.mark.lab(replicas=1)


def tool(lab, *arguments):
    """Whatever its end: (exit status, standard output, standard error)."""
    done = subprocess.run([lab.build / "bin/trienctl", "--config", lab.dir / "etc/trienctl.conf",
                           *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def ask(lab, *arguments):
    """The document that --json prints."""
    return json.loads(lab.trienctl("--json", *map(str, arguments)))


# --- up, down, status --------------------------------------------------------------------------------

@pytest.fixture
def kept(lab):
    """A laboratory whose intake and notification can be started by `up`."""
    (lab.dir / "etc/cluster").unlink()  # the database is the session's: `up` and `down` leave it alone
    for service in ("intake", "notification"):
        shutil.copy(lab.dir / f"etc/{service}-0.conf", lab.dir / f"etc/{service}.conf")
        lab.bring_database(service)
    yield lab
    tool(lab, "down", "intake", "notification")


def state(lab, service):
    return json.loads(tool(lab, "--json", "status", service)[1])[service]


def log_lines(lab, service):
    """What it wrote as JSON; a configuration that cannot be read is told in plain words."""
    text = (lab.dir / f"log/{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_killed_service_is_started_again(kept):
    both = ("intake", "notification")
    assert ask(kept, "up", *both) == [{"service": s, "state": "well"} for s in both]
    assert ask(kept, "reload", *both) == [{"service": s, "state": "reloaded"} for s in both]
    before = state(kept, "intake")
    assert (before["state"], before["restarts"]) == ("well", 0)
    os.kill(before["pid"], signal.SIGKILL)
    after = wait_until("intake to be well again", lambda: state(kept, "intake"),
                       until=lambda s: s["state"] == "well" and s["restarts"] == 1)
    assert after["pid"] != before["pid"]
    assert state(kept, "notification")["restarts"] == 0
    line, = [x for x in log_lines(kept, "intake") if x["event"] == "service_restarts"]
    assert line["signal"] == signal.SIGKILL and line["failures"] == 1 and 200 <= line["delay_ms"] <= 400

    kept.trienctl("up", "intake", "notification")  # a second `up` starts nothing
    assert state(kept, "intake")["pid"] == after["pid"]

    keeper = int((kept.dir / "run/intake.pid").read_text().split()[0])
    assert ask(kept, "down", *both) == [{"service": s, "state": "stopped"} for s in both]
    for pid in (keeper, after["pid"]):
        wait_until(f"process {pid} to be gone", lambda: not Path(f"/proc/{pid}/cmdline").exists()
                   or not Path(f"/proc/{pid}/cmdline").read_bytes())
    assert state(kept, "intake")["state"] == "stopped"


def test_a_service_does_not_outlive_its_keeper(kept):
    kept.trienctl("up", "notification")
    pid = state(kept, "notification")["pid"]
    os.kill(int((kept.dir / "run/notification.pid").read_text().split()[0]), signal.SIGKILL)
    wait_until("notification to stop", lambda: "stopped" == state(kept, "notification")["state"])
    wait_until("notification to be gone", lambda: not Path(f"/proc/{pid}/cmdline").exists()
               or not Path(f"/proc/{pid}/cmdline").read_bytes())
    kept.trienctl("up", "notification")
    assert state(kept, "notification")["state"] == "well"


def test_a_bad_configuration_is_not_retried(kept):
    conf = kept.dir / "etc/notification.conf"
    conf.write_text(conf.read_text() + 'no_such_key = "1"\n')
    status, _, said = tool(kept, "up", "notification")
    assert status == 69
    assert "no_such_key" in said  # the end of the log, shown at once
    assert state(kept, "notification") == {"state": "stopped", "pid": 0, "restarts": 0, "health": None, "figures": None}
    events = [x["event"] for x in log_lines(kept, "notification")]
    assert "service_given_up" in events and "service_restarts" not in events


# --- one request by the operator's tool only -----------------------------------------------------------

@pytest.fixture
def road(lab):
    lab.start()
    lab.add_agency()
    return lab


def acts(lab, service) -> list[tuple]:
    """What people did in a service, as its feed says it: (principal, act, subject, reason)."""
    rows = lab.sql(service, "SELECT encode(payload, 'hex') FROM outbox WHERE type = 'OperatorActed' ORDER BY id")
    said = [fields(bytes.fromhex(row[0])) for row in rows]
    return [tuple(act.get(n, [b""])[0].decode() for n in (1, 2, 3, 4)) for act in said]


def test_from_client_to_export(road, tmp_path):
    token = tmp_path / "portal.token"
    road.trienctl("client", "add", "cong-tinh", "--name", "Cổng dịch vụ công TEST", "--agency", "H26.14",
                  "--token-file", token)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    client, = ask(road, "client", "list")
    assert (client["client_id"], client["organ_ids"], client["revoked_at"]) == ("cong-tinh", ["H26.14"], None)

    agency, = ask(road, "agency", "list")
    assert agency["organ_id"] == "H26.14" and agency["contacts"][0]["email"] == "vanthu@skhcn-test.gov.vn"
    assert [s["role"] for s in agency["signers"]] == ["seal"] and len(agency["signers"][0]["sha256"]) == 64

    assert {f["code"]: f["purpose"] for f in ask(road, "forms")}.items() >= {"01": "issues", "04": "not_served", "07": "reports"}.items()
    form, = ask(road, "forms", "07")
    assert "* handed_over_on" in road.trienctl("forms", "07")
    assert [s["name"] for s in form["sections"]] == ["document", "agency", "receiver", "subscribers"]

    document = tmp_path / "công văn.pdf"
    document.write_bytes(road.pdf(requests.form03()))
    submit = ("submit", document, "--token-file", token, "--key", "lan-1")
    answer = ask(road, *submit)
    assert ask(road, *submit)["request_id"] == answer["request_id"]  # the same key: the same receipt
    assert road.trienctl(*map(str, submit)) == f"{answer['receipt_number']} {answer['request_id']}\n"

    shown = wait_until("the request to be completed", lambda: ask(road, "show", answer["receipt_number"]),
                       until=lambda request: request["state"] in ("completed", "rejected", "failed"))
    assert shown["state"] == "completed", shown
    text = road.trienctl("show", answer["request_id"])
    assert answer["receipt_number"] in text and "H26.14" in text and shown["certificates"][0]["serial"] in text

    check_export(road, tmp_path / "export", [c["serial"] for c in shown["certificates"]])

    road.trienctl("client", "revoke", "cong-tinh")
    client, = ask(road, "client", "list")
    assert client["revoked_at"]
    road.trienctl("client", "revoke", "cong-tinh")  # nothing more happens, and nothing more is said
    assert acts(road, "intake") == [("operator", "client add", "cong-tinh", "for agencies: H26.14"),
                                    ("operator", "client revoke", "cong-tinh", "")]
    wait_until("the token to be refused", lambda: tool(road, *submit),
               until=lambda done: done[0] == 1 and "refused with 401" in done[2])

    check_logs(road)
    check_json(road, tmp_path, shown["certificates"][0]["serial"], answer["request_id"])


def check_json(lab, folder, serial, request):
    """Every command of the manual page prints one JSON document when asked to, whatever its end; those of kept services
    and `init` are asked where they are tried."""
    pin = folder / "pin"
    pin.write_text("12345678")
    calls = """\
        ceremony | status intake | metrics intake | metrics signer --file {folder}/signer.prom | show {request}
        submit {folder}/none | forms | forms 01 | review list | review approve {request} --officer officer1 | agency list | agency add H26.99 --name TEST | agency import {folder}/none | agency withdraw H26.14 {folder}/none
        calendar import {folder}/none | crls | device list | device show X | device add {folder}/none
        device retire X --reason test | device check X --note test | station list | station run | ship list | ship send X
        ship record X --note test
        revoke {serial} --cause co_quan_quan_ly --note test | certificate {serial} | revocation-lists
        revocation-lists accept issuing1/1 --note test
        responder approve --officer officer1 --yes --csr {folder}/none | client list
        client add json --token-file {folder}/json.token | client revoke json
        export --dir {folder}/all | export --dir {folder}/one --list issuing1/1 | dead-letters list
        dead-letters show intake signing/0/1 | dead-letters retry intake signing/0/1
        dead-letters resolve intake signing/0/1 --reason test | feed list | feed forget intake nobody
        audit estimate | audit export --dir {folder}/journal | audit check --criteria 16.18-3 | audit verify --live
        keys operator | token json --pin-file {folder}/none --so-pin-file {folder}/none"""
    asked = {"up", "down", "reload", "init"}
    for call in calls.format(folder=folder, serial=serial, request=request).replace("\n", "|").split("|"):
        asked.add(call.split()[0])
        status, said, complaint = tool(lab, "--json", *call.split())
        assert status in (0, 1, 69), (call, status, said, complaint)
        json.loads(said)
    assert asked == set(re.findall(r"^  ([a-z][a-z-]+) ", lab.trienctl("help"), re.M))


def check_logs(lab):
    """Every handled message says its kind and name once; timers that did their work say nothing."""
    def members(pairs):
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)

    handled = [line for process in lab.processes.values() for text in process.log.read_text().splitlines()
               if (line := json.loads(text, object_pairs_hook=members))["event"] == "handled"]
    assert {"event", "call", "http", "effect"} <= {line["kind"] for line in handled}
    assert "CertificateIssued" in {line["name"] for line in handled if line["kind"] == "event"}
    assert [line for line in handled if line["kind"] == "timer" and line["outcome"] == "ok"] == []


def check_export(lab, folder, serials):
    """DIR/ca, DIR/certificates and DIR/crl hold what independent programs can check."""
    counts = ask(lab, "export", "--dir", folder)
    names = {p.parent.name: sorted(q.name for q in p.parent.iterdir()) for p in folder.glob("*/*")}
    assert set(names) == {"ca", "certificates", "crl"}
    assert names["certificates"] == sorted(f"{s}.pem" for s in serials)
    assert counts == {kind: len(files) for kind, files in
                      (("ca", names["ca"]), ("certificates", names["certificates"]), ("crl", names["crl"]))}
    for path in folder.glob("crl/*"):
        assert path.suffix == ".crl" and x509.load_der_x509_crl(path.read_bytes()).issuer
    for path in folder.glob("certificates/*.pem"):
        assert x509.load_pem_x509_certificate(path.read_bytes()).serial_number == int(path.stem, 16)
    chain = ["openssl", "verify", "-x509_strict", "-CAfile", folder / "ca/root1.pem"]
    for path in folder.glob("ca/*.pem"):
        if path.name != "root1.pem":
            chain += ["-untrusted", path]
    done = subprocess.run([*chain, *folder.glob("certificates/*.pem")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_status_says_what_is_wrong(lab):
    """Services that nobody keeps, though started otherwise: their health is told all the same."""
    shutil.copy(lab.dir / "etc/signing-0.conf", lab.dir / "etc/signing.conf")
    lab.start("signer")
    # the tool waits half a second for a service that it does not keep
    status, found = wait_until("the signer's word", lambda: status_and_json(tool(lab, "--json", "status", "signer", "signing")),
                               until=lambda s: s[1]["signer"]["figures"])
    assert status == 69
    assert found["signer"]["health"]["ok"] and found["signer"]["restarts"] == 0
    assert found["signer"]["state"] == "well" and found["signer"]["figures"]["tokens"] == {"trien-signer": True}
    assert found["signing"] == {"state": "stopped", "pid": 0, "restarts": 0, "health": None, "figures": None}
    assert found["summary"]["not_well"] == 1 and found["summary"]["requests"] is None
    text = wait_until("the signer to be well", lambda: tool(lab, "status", "signer", "signing")[1],
                      until=lambda t: re.search(r"^signer +tốt ", t, re.M))
    assert re.search(r"^signing +dừng ", text, re.M)
    assert "Yêu cầu:  không đo được" in text


def test_status_shows_due_dates_and_lag(lab):
    lab.start("intake")
    shown = wait_until("due dates to be measured", lambda: ask_status(lab, "intake"),
                       until=lambda s: s["summary"]["requests"] is not None)
    assert shown["summary"]["requests"] == {"overdue": 0, "due_soon": 0, "undecided": 0, "undecided_seconds": 0.0,
                                            "waiting_for_lists": 0, "waiting_for_officers": 0, "review_seconds": 0.0}
    figures = wait_until("readers' lag to be measured", lambda: ask_status(lab, "intake")["intake"]["figures"],
                         until=lambda f: f["lag"])
    assert set(figures["lag"]) >= {"validation", "signing"} and figures["events_said"] == 0
    assert figures["memory_bytes"] > 1 << 20
    wait_until("the screen to show it", lambda: tool(lab, "status", "intake")[1],
               until=lambda t: "Yêu cầu:  0 quá hạn, 0 đến hạn hôm nay hoặc ngày mai, 0 chưa quyết định" in t)
    metrics = lab.dir / "intake.prom"
    lab.trienctl("metrics", "intake", "--file", str(metrics))
    assert "trien_requests_overdue 0\n" in metrics.read_text()
    assert tool(lab, "metrics")[0] == 64


def test_status_of_what_cannot_be_reached_from_here(lab):
    """The operator's tool on a host of its own: no service is configured there, and the signer's host answers signing and
    revocation alone. Whether they wait for it is what can be said."""
    elsewhere = read_config(lab.dir / "etc/trienctl.conf")
    set_config(elsewhere, "dir", lab.dir / "data")
    write_config(lab.dir / "elsewhere.conf", elsewhere)

    def ask_elsewhere(*services):
        done = subprocess.run([lab.build / "bin/trienctl", "--config", lab.dir / "elsewhere.conf", "--json", "status", *services],
                              capture_output=True, text=True, timeout=120)
        return status_and_json((done.returncode, done.stdout))
    lab.start("intake")
    assert set(ask_elsewhere()[1]) == {*PLAN, "summary"}
    status, shown = wait_until("intake's word", lambda: ask_elsewhere("intake", "signer"),
                               until=lambda s: s[1]["intake"]["state"] == "well")
    assert (shown["signer"]["state"], shown["signer"]["missed_by"], shown["summary"]["not_well"], status) == ("unreached", "", 0, 0)
    status, shown = wait_until("intake's word", lambda: ask_elsewhere("intake", "courier"),
                               until=lambda s: s[1]["intake"]["state"] == "well")
    assert (shown["courier"]["state"], shown["summary"]["not_well"], status) == ("unreached", 1, 69)
    lab.start("revocation", wait=False)
    status, shown = wait_until("revocation to miss it", lambda: ask_elsewhere("revocation", "signer"),
                               until=lambda s: s[1]["signer"]["missed_by"])
    assert (shown["signer"]["missed_by"], status) == ("revocation", 69)


def status_and_json(said):
    return said[0], json.loads(said[1])


def ask_status(lab, *services):
    """What `status --json` says; its exit status tells of services that are not well."""
    return json.loads(tool(lab, "--json", "status", *services)[1])


def watched(lab, end, *arguments):
    """`status --watch` on a terminal of 200 columns: what it drew until `end` was typed after two screens."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    before = termios.tcgetattr(child)
    running = subprocess.Popen([lab.build / "bin/trienctl", "--config", lab.dir / "etc/trienctl.conf", "status",
                                "--watch=1", *arguments], stdin=child, stdout=child, stderr=child)
    drawn = b""
    while drawn.count(b"\x1b[J") < 3:  # cleared once, then the end of two screens
        assert select.select([parent], [], [], 30)[0], drawn
        drawn += os.read(parent, 65536)
    if isinstance(end, bytes):
        os.write(parent, end)
    else:
        running.send_signal(end)
    status = running.wait(timeout=30)
    assert termios.tcgetattr(child) == before  # the terminal is as it was
    os.close(child)
    os.close(parent)
    return status, drawn.decode()


@pytest.mark.parametrize("end", [b"q", signal.SIGINT, signal.SIGTERM], ids=str)
def test_status_is_watched_until_it_is_ended(lab, end):
    lab.start("signer")
    status, drawn = watched(lab, end, "signer")
    assert status in (0, 69)  # not well: the signer was too slow to answer the last look
    first, second = drawn.split("\x1b[J")[1:3]
    for screen in (first, second):
        assert screen.startswith("\x1b[H") and "signer" in screen and "\x1b[2J" not in screen


def test_watch_without_a_terminal_has_no_control_characters(lab):
    running = subprocess.Popen([lab.build / "bin/trienctl", "--config", lab.dir / "etc/trienctl.conf", "--json", "status",
                                "--watch=1", "signer"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    lines = [json.loads(running.stdout.readline()) for _ in range(2)]
    running.terminate()
    assert running.wait(timeout=30) == 69
    assert [line["signer"]["state"] for line in lines] == ["stopped", "stopped"]
    for wrong in ("--watch=0", "--watch=1x", "--watch=99999"):
        assert tool(lab, "status", wrong)[0] == 64


def test_no_pin_is_an_argument_of_a_program(lab, tmp_path):
    """init.sh gives trienctl the PINs' files; what is made opens with that PIN and no other."""
    init = (ROOT / "compose/init.sh").read_text()
    assert "softhsm2-util" not in init and '--pin "' not in init
    conf, pin, so_pin = tmp_path / "softhsm.conf", tmp_path / "pin", tmp_path / "so-pin"
    (tmp_path / "tokens").mkdir()
    conf.write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    for path, text in ((pin, "135792468\n"), (so_pin, "864297531\n")):
        path.write_text(text)
        path.chmod(0o600)
    make = ("token", "trien-test", "--softhsm-config", conf, "--pin-file", pin, "--so-pin-file", so_pin)
    assert tool(lab, *make)[0] == 0
    status, _, said = tool(lab, *make)
    assert status == 1 and "trien-test" in said  # never twice
    for number, opens in (("135792468", True), ("000000000", False)):
        opened = subprocess.run(["p11tool", "--batch", "--provider", "/usr/lib/softhsm/libsofthsm2.so", "--login",
                                 "--list-all", "pkcs11:token=trien-test"], capture_output=True, text=True,
                                env=dict(os.environ, SOFTHSM2_CONF=str(conf), GNUTLS_PIN=number))
        assert ("No matching objects" in opened.stdout + opened.stderr) == opens, opened


def test_what_the_tool_refuses(lab, tmp_path):
    assert tool(lab, "submit")[0] == 64
    assert tool(lab, "export")[0] == 64
    assert tool(lab, "client", "forget")[0] == 64
    assert tool(lab, "submit", tmp_path / "none.pdf", "--token-file", tmp_path / "none")[0] == 1
    assert tool(lab, "export", "--dir", tmp_path / "x")[0] == 69  # nobody to ask
