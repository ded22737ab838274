"""Does compose/compose.yaml run? (`make compose-test`; needs root and an engine, and says which one it used.)

Images are built by compose/Dockerfile, the installation is made by compose/containers.sh, a portal posts the demo's
requests through the edge with TLS; then validation is scaled to three and back, one service is replaced while the
others run, and the signer's network and the secrets are looked at from the inside. COMPOSE_BUILD=no takes images
that are there.
"""
import base64
import errno
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.lib import engine as engine_lib, memory
from tests.lib.hosts import inside_of
from tests.lib.lab import ROOT, build_dir, run, wait_until
from tests.lib.scan import free_ports, knock, open_ports

COMPOSE = yaml.safe_load((ROOT / "compose/compose.yaml").read_text())
JOBS = ("migrate", "trienctl")  # they end by themselves
STANDING = [n for n in COMPOSE["services"] if n not in JOBS]
SERVICES = [n for n in STANDING if COMPOSE["services"][n]["build"]["target"] == "service"]
SILENCE = (None, errno.EPERM, errno.EAGAIN, errno.ENETUNREACH, errno.EHOSTUNREACH)  # not even a refusal came back
NO_ENGINE = """no container engine here. Either docker with its compose plugin, its daemon running; or podman:
    compose/packages.sh engine        (podman, runc, netavark, aardvark-dns, debootstrap)
podman-compose comes with the tests' venv. Without an engine `make check` still proves the same over network
namespaces (tests/hosts) and nginx by itself (tests/compose/test_edge.py)."""
PATIENCE = 300  # seconds; everything starts at once on a small machine


class Site:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="trien-compose-", dir="/tmp"))
        self.folder.chmod(0o711)
        self.https, self.http = free_ports(2)
        self.net = f"10.{100 + secrets.randbelow(100)}"
        self.installation = self.folder / "site"
        environment = {"TRIEN_DIR": str(self.installation), "TRIEN_HTTPS_PORT": str(self.https),
                       "TRIEN_HTTP_PORT": str(self.http), "TRIEN_NET": self.net, "TRIENCTL": str(build_dir() / "bin/trienctl")}
        self.engine = engine_lib.find(f"trien{secrets.token_hex(3)}", self.folder, environment)
        if not self.engine:
            shutil.rmtree(self.folder)
            pytest.fail(NO_ENGINE, pytrace=False)
        self.posted = []

    def build(self):
        print(f"engine: {self.engine.name}")
        began = time.monotonic()
        if os.environ.get("COMPOSE_BUILD") != "no":  # images that are there already
            self.engine.build()
        print(f"images built in {time.monotonic() - began:.0f} s: " + ", ".join(
            f"{s} {int(self.engine.run('image', 'inspect', f'trien/{s}', '--format', '{{.Size}}')) / 1e6:.0f} MB"
            for s in COMPOSE["services"]))

    def install(self):
        self.installation.mkdir(mode=0o711)
        run([ROOT / "compose/demo/authority.sh", self.installation])
        self.make_containers()
        run(["cp", "-r", ROOT / "compose/demo/agencies.json", self.installation / "demo/pki", self.installation / "operator"])
        run(["chown", "-R", "10001:10001", self.installation / "operator"])

    def make_containers(self):
        run([ROOT / "compose/containers.sh", self.installation], env=self.engine.environment)

    def start(self):
        self.engine.compose("up", "-d", "postgres", "migrate", timeout=600)
        wait_until("migrations to be done", lambda: self.engine.inspect("migrate")["State"], PATIENCE, every=0.5,
                   until=lambda state: state["Status"] == "exited" and state["ExitCode"] == 0)
        self.engine.compose("up", "-d", *STANDING, timeout=600)
        for service in STANDING:
            if service != "status":  # its responder's key waits for the officers
                self.wait_well(service)
        wait_until("status to have made its key", lambda: "responder" in self.engine.execute(
            "status", "/trien/service", "--config", "/trien/etc/service.conf", "--health").stdout, PATIENCE, every=0.5)
        for officer in ("officer1", "officer2"):
            self.operate("responder", "approve", "--officer", officer, "--yes")
        self.wait_well("status")

    def wait_well(self, service, number=1):
        try:
            wait_until(f"{service} to be well", lambda: self.engine.is_well(service, number), PATIENCE, every=0.5)
        except AssertionError as error:
            said = self.engine.execute(service, *COMPOSE["services"][service]["healthcheck"]["test"][1:], number=number)
            raise AssertionError(f"{error}\n{said.stdout}{said.stderr}\n{self.engine.logs(service, number)}") from None

    def operate(self, *arguments):
        """trienctl, again while it says that a service cannot be reached (69)."""
        def attempt():
            try:
                return self.engine.trienctl(*arguments) or "done"
            except AssertionError as error:
                if "ended with 69" not in str(error):
                    raise
                return None
        return wait_until(" ".join(arguments[:2]), attempt, PATIENCE, every=0.5)

    def register(self):
        self.operate("client", "add", "portal", "--name", "Cổng TEST", "--agency", "*", "--token-file",
                             "/trien/operator/portal.token")
        self.operate("agency", "import", "/trien/operator/agencies.json", "--certificates", "/trien/operator/pki")
        self.trust = ssl.create_default_context(cafile=self.installation / "keys/edge.pem")
        self.token = (self.installation / "operator/portal.token").read_text().strip()

    # --- the portal's side ---

    def ask(self, path, data=None, headers=()):
        request = urllib.request.Request(f"https://localhost:{self.https}{path}", data,
                                         {"Authorization": f"Bearer {self.token}", **dict(headers)})
        def attempt():
            """As a portal does: 5xx is asked again, posts with their Idempotency-Key."""
            try:
                with urllib.request.urlopen(request, timeout=30, context=self.trust) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code < 500 and refused.code != 429:
                    raise
                return None
        return wait_until(path, attempt, PATIENCE, every=0.5)

    def document(self, number, sample="03-service", **values):
        """A request of the demo, its marks replaced, signed with its agency's seal."""
        work = self.folder / f"request-{number}"
        work.mkdir()
        csr = work / "key.csr"
        run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             work / "key.pem", "-subj", "/CN=dulieu.ttdl-test.gov.vn", "-out", csr])
        text = (ROOT / f"compose/demo/requests/{sample}.json").read_text()
        for name, value in {"NUMBER": str(number), "CSR": csr.read_text().replace("\n", "\\n"),
                            "DATE": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600)), **values}.items():
            text = text.replace(f"@{name}@", value)
        (work / "request.json").write_text(text)
        seal = f"seal-{json.loads(text)['agency']['organ_id']}"
        run([ROOT / "compose/demo/document.sh", work / "request.json", self.installation / f"demo/pki/nss-{seal}", seal,
             work / "signed.pdf"])
        return (work / "signed.pdf").read_bytes()

    def post(self, number, sample="03-service", attachment=None, counts=True, **values):
        """counts: it must be completed in the end."""
        boundary = secrets.token_hex(16)
        parts = [("document", self.document(number, sample, **values))] + ([("attachment", attachment)] if attachment else [])
        body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.pdf"\r\n'
                        "Content-Type: application/pdf\r\n\r\n".encode() + content + b"\r\n" for name, content in parts)
        body += f"--{boundary}--\r\n".encode()
        answer = self.ask("/v1/requests", body, {"Content-Type": f"multipart/form-data; boundary={boundary}",
                                                 "Idempotency-Key": f"key-{number}"})
        self.posted += [answer["request_id"]] if counts else []
        return answer["request_id"]

    def wait_completed(self, request_id):
        return self.wait_state(request_id, ("completed",))

    def wait_state(self, request_id, states):
        found = wait_until(f"{request_id} to end", lambda: self.ask(f"/v1/requests/{request_id}"), PATIENCE, every=0.2,
                           until=lambda r: r["state"] in ("completed", "rejected", "failed"))
        assert found["state"] in states, found
        return found

    def close(self, failed):
        if failed:
            for service in COMPOSE["services"]:
                print(f"--- {service} ---\n{self.engine.logs(service)}")
        self.engine.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def site(request):
    if os.geteuid() != 0:
        pytest.skip("the containers' files belong to a user of their own: needs root")
    made, begun = Site(), False
    try:
        made.build()
        made.install()
        made.start()
        made.register()
        begun = True
        yield made
    finally:
        made.close(failed=not begun or request.session.testsfailed > 0)


# --- the road ------------------------------------------------------------------------------------------------

def public(site, path):
    """(status, headers, body) of the edge's plain door; asked again while it says 503."""
    def attempt():
        try:
            with urllib.request.urlopen(f"http://localhost:{site.http}{path}", timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            if refused.code != 503:
                raise
            return None
    return wait_until(path, attempt, PATIENCE, every=0.5)


def openssl_ocsp(site, name):
    """What openssl says of a certificate of the work folder."""
    work = site.folder
    return subprocess.run(["openssl", "ocsp", "-issuer", work / "issuing1.pem", "-cert", work / f"{name}.pem", "-CAfile",
                           work / "root1.pem", "-verify_other", work / "issuing1.pem", "-url", f"http://localhost:{site.http}/ocsp"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30).stdout


def fetch(site, request_id, serial):
    """A certificate as its agency gets it, checked with openssl."""
    request = urllib.request.Request(f"https://localhost:{site.https}/v1/requests/{request_id}/certificates/{serial}.cer",
                                     headers={"Authorization": f"Bearer {site.token}"})
    with urllib.request.urlopen(request, timeout=10, context=site.trust) as answer:
        (site.folder / f"{serial}.cer").write_bytes(answer.read())
    run(["openssl", "x509", "-inform", "DER", "-in", site.folder / f"{serial}.cer", "-out", site.folder / f"{serial}.pem"])
    run(["openssl", "verify", "-x509_strict", "-CAfile", site.folder / "root1.pem", "-untrusted", site.folder / "issuing1.pem",
         site.folder / f"{serial}.pem"])
    wait_until("OCSP to say good", lambda: openssl_ocsp(site, serial), every=0.3,
               until=lambda said: f"{serial}.pem: good" in said and "verify OK" in said)


@pytest.fixture(scope="module")
def persons(site):
    """The demo's first requests, done: (request id, serial, device serial) of somebody who has a device."""
    for name in ("root1", "issuing1"):
        (site.folder / f"{name}.pem").write_bytes(public(site, f"/ca/{name}.pem")[2])
    stock = site.installation / "operator/devices.csv"
    stock.write_text("device_serial,device_kind,model\n" + "".join(f"TEST-{n:06d},pki_token,SoftHSM\n" for n in range(1, 6)))
    stock.chmod(0o644)
    site.operate("device", "add", "/trien/operator/devices.csv")
    posted = {sample: site.post(number, sample) for number, sample in enumerate(("01-persons", "02-agency", "03-service"), 101)}
    refused = site.post(104, "refused", counts=False)
    for sample in ("01-persons", "02-agency"):
        site.operate("station", "run", "--request", posted[sample], "--wait", "120")
    done = {sample: site.wait_completed(request) for sample, request in posted.items()}
    assert [len(done[s]["certificates"]) for s in posted] == [2, 1, 1]
    for sample, request in posted.items():
        for row in done[sample]["certificates"]:
            fetch(site, request, row["serial"])
    answer = site.wait_state(refused, ("rejected",))
    assert len(answer["reasons"]) == 3
    first = done["01-persons"]["certificates"][0]["serial"]
    device = json.loads(site.operate("--json", "certificate", first))["device_serial"]
    return posted["01-persons"], first, device


def test_the_road_passes_through_containers(persons):
    assert persons


def test_a_lost_device_is_revoked_for_the_public(site, persons):
    _, serial, device = persons
    minutes = site.document(105, "09-minutes", SERIAL=serial, DEVICE=device)
    site.wait_completed(site.post(106, "05-lost", attachment=minutes, SERIAL=serial, DEVICE=device))
    wait_until("OCSP to say revoked", lambda: openssl_ocsp(site, serial), every=0.3,
               until=lambda said: f"{serial}.pem: revoked" in said and "verify OK" in said)

    status = next(a for a in own_addresses(site, "status") if a.startswith(f"{site.net}.1."))

    def behind():
        with inside_of(site.engine.pid("nginx")), urllib.request.urlopen(f"http://{status}:8081/crl/issuing1.crl", timeout=10) as answer:
            return serials(site, answer.read())
    wait_until("the list to say so", behind, PATIENCE, every=0.5, until=lambda found: serial in found)
    _, headers, body = public(site, "/crl/issuing1.crl")  # the edge's first: it keeps it from now on
    assert serial in serials(site, body) and "max-age=300" in headers["Cache-Control"] and headers["Expires"] and headers["ETag"]
    assert public(site, "/crl/issuing1.crl")[1]["X-Cache"] == "HIT"


def serials(site, crl):
    """The serial numbers on the issuing CA's list, verified by openssl."""
    (site.folder / "issuing1.crl").write_bytes(crl)
    said = run(["openssl", "crl", "-inform", "DER", "-in", site.folder / "issuing1.crl", "-CAfile", site.folder / "issuing1.pem",
                "-noout", "-text"])
    assert "verify OK" in said
    return [s.lower() for s in re.findall(r"Serial Number: 0*([0-9A-F]+)", said)]


def test_ocsp_and_lists_are_kept_as_status_says(site, persons):
    _, first, body = public(site, "/ca/issuing1.cer")
    _, second, again = public(site, "/ca/issuing1.cer")
    assert second["X-Cache"] == "HIT" and body == again and second["Date"] == first["Date"]
    run(["openssl", "ocsp", "-issuer", site.folder / "issuing1.pem", "-cert", site.folder / f"{persons[1]}.pem", "-no_nonce",
         "-reqout", site.folder / "question"])
    question = base64.b64encode((site.folder / "question").read_bytes()).decode()
    answers = [public(site, "/ocsp/" + urllib.parse.quote(question, safe="")) for _ in range(2)]
    for _, headers, _ in answers:
        assert "X-Cache" not in headers and "max-age=" in headers["Cache-Control"] and headers["Expires"] and headers["ETag"]


# --- what a container may and may not ----------------------------------------------------------------------

def test_containers_have_given_up_what_they_do_not_need(site):
    for service in STANDING:
        status = Path(f"/proc/{site.engine.pid(service)}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["CapEff"] == fields["CapPrm"] == fields["CapBnd"] == fields["CapAmb"] == "0" * 16, service
        assert fields["Uid"].split() == ["10001"] * 4 and fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2", service
        mounted = [line.split() for line in Path(f"/proc/{site.engine.pid(service)}/mounts").read_text().splitlines()]
        assert next(m for m in mounted if m[1] == "/")[3].split(",")[0] == "ro", service
        if service in SERVICES:
            assert site.engine.execute(service, "/bin/sh", "-c", "true").returncode != 0, f"{service} has a shell"


def test_secrets_are_files_of_their_one_container(site):
    secret = {f.name: f.read_bytes().strip() for f in (site.installation / "secrets").iterdir()}
    assert set(secret) == set(COMPOSE["secrets"])
    for file in (site.installation / "secrets").iterdir():
        assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o400, 10001), file.name
    for service in STANDING:
        process = Path(f"/proc/{site.engine.pid(service)}")
        shown = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        assert not [name for name, content in secret.items() if content in shown], service
        inside = process / "root/run/secrets"
        found = {f.name for f in inside.iterdir()} if inside.exists() else set()
        assert found == set(COMPOSE["services"][service].get("secrets", ())), service


def test_the_roots_token_is_on_none_of_the_hosts(site):
    """Neither its folder nor a file with its content, nor a PIN of it."""
    root = {file.read_bytes() for file in (site.installation / "tokens/root").rglob("*.object")}
    root |= {(site.installation / f"keys/pin/root.{half}").read_bytes() for half in ("pin", "so-pin")}
    assert len(root) > 2
    for service in STANDING:
        place = Path(f"/proc/{site.engine.pid(service)}/root/trien")
        found = [f for f in [*place.rglob("*"), *(place.parent / "run").rglob("*")]
                 if f.is_file() and not f.is_symlink() and f.stat().st_size < 1 << 20 and f.read_bytes() in root]
        assert found == [] and not (place / "tokens/root").exists(), service


# --- networks ----------------------------------------------------------------------------------------------

def own_addresses(site, service):
    with inside_of(site.engine.pid(service)):
        return [line.split()[3].split("/")[0] for line in run(["ip", "-4", "-o", "addr"]).splitlines() if " lo " not in line]


def test_the_signers_container_answers_one_port_to_two_callers(site):
    signer, = own_addresses(site, "signer")
    callers = {"signing", "revocation"}
    for service in set(STANDING) - {"signer", "signer-host"}:
        with inside_of(site.engine.pid(service)):
            if service in callers:
                assert open_ports(signer) == [8107], service
            else:
                assert knock(signer, 8107) != 0, f"{service} reaches the signer"


def test_the_signers_container_reaches_nothing(site):
    """Not its own callers either, though they share a network and somebody listens there. (Whether the network
    without a way out shows a default route is the engine's matter: docker has one that leads nowhere.)"""
    address = {service: own_addresses(site, service) for service in set(STANDING) - {"signer", "signer-host"}}
    mine = next(a for a in address["signing"] if a.startswith(f"{site.net}.4."))
    with inside_of(site.engine.pid("signing")):
        door = socket.create_server((mine, 0))
    port = door.getsockname()[1]
    with door:
        with inside_of(site.engine.pid("revocation")):
            assert knock(mine, port) == 0, "the door is open to others"
        with inside_of(site.engine.pid("signer")):
            assert knock(mine, port) in SILENCE
            for service, found in address.items():
                for other in found:
                    for asked in (port, 5432, 8443, 8106, 8128):
                        assert knock(other, asked, 0.05) in SILENCE, (service, other, asked)
            assert knock("192.0.2.1", 53) in SILENCE and knock(f"{site.net}.4.1", 53) in SILENCE  # nor the host of containers
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, pytest.raises(OSError):
                s.sendto(b"?", (f"{site.net}.4.1", 53))  # not even a question for a name
    assert site.engine.is_well("signer")


def test_the_database_is_reached_by_its_services_alone(site):
    address, = own_addresses(site, "postgres")
    for service in set(STANDING) - {"postgres"}:
        used = COMPOSE["services"][service].get("networks", ())
        with inside_of(site.engine.pid(service)):
            assert (knock(address, 5432) == 0) == ("data" in used), service


# --- more, fewer, newer --------------------------------------------------------------------------------------

def test_validation_goes_to_three_and_back(site):
    scale = ["up", "-d", "--no-recreate"] if site.engine.program == "docker" else ["up", "-d"]
    site.engine.compose(*scale, "--scale", "validation=3", "validation", timeout=300)
    for number in (1, 2, 3):
        site.wait_well("validation", number)
    waiting = [site.post(n) for n in range(10, 16)]
    for request_id in waiting:
        site.wait_completed(request_id)
    for number in (2, 3):
        site.engine.run("rm", "-f", site.engine.container("validation", number))
    site.wait_completed(site.post(16))


def test_one_service_is_replaced_while_the_others_run(site):
    before = {s: site.engine.inspect(s)["State"]["StartedAt"] for s in SERVICES}
    waiting = [site.post(n) for n in (20, 21)]
    site.engine.run("rm", "-f", site.engine.container("signing"))
    site.engine.compose("up", "-d", "signing", timeout=300)
    waiting.append(site.post(22))
    site.wait_well("signing")
    for request_id in waiting:
        site.wait_completed(request_id)
    after = {s: site.engine.inspect(s)["State"]["StartedAt"] for s in SERVICES}
    assert {s for s in SERVICES if before[s] != after[s]} == {"signing"}


BACKUP = """sh -c 'PGPASSWORD=$(cat /run/secrets/admin_database) /usr/lib/postgresql/15/bin/pg_basebackup -h /tmp -U trien_admin
-D /trien/wal/base-$(date +%F) -X stream -c fast'"""


def test_operators_procedures(site):
    """The base backup and the signer's health as docs/operations.md has them."""
    page = " ".join((ROOT / "docs/operations.md").read_text().split())
    assert " ".join(BACKUP.split()) in page
    done = site.engine.execute("postgres", *shlex.split(" ".join(BACKUP.split())))
    assert done.returncode == 0, done.stderr
    assert "backup_manifest" in site.engine.execute("postgres", "sh", "-c", "ls /trien/wal/base-*").stdout
    asked = site.engine.execute("signer", "/trien/service", "--config", "/trien/etc/service.conf", "--health")
    assert json.loads(asked.stdout)["ok"]


def test_the_journal_is_as_it_was_signed(site):
    """By the operator's container, with what it finds by itself."""
    assert "everything agrees" in site.operate("audit", "verify")


def test_nothing_was_lost(site):
    states = [site.ask(f"/v1/requests/{r}")["state"] for r in site.posted]
    assert states == ["completed"] * len(site.posted) and len(set(site.posted)) == len(site.posted)
    site.engine.compose("up", "-d", "migrate", timeout=300)  # the job can be done again


def test_how_much_memory(site):
    total = 0
    for service in SERVICES:
        kib = memory.kib(site.engine.pid(service))
        print(f"{service}: {kib / 1024:.1f} MiB")
        total += kib
    print(f"all services: {total / 1024:.1f} MiB resident (PSS)")
    assert total <= 400 * 1024

