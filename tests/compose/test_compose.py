"""Does compose/compose.yaml run? (`make compose-test`; needs root and an engine, and says which one it used.)

Images are built by compose/Dockerfile, the installation is made by compose/containers.sh, a portal posts through
the edge with TLS; then validation is scaled to three and back, one service is replaced while the others run, and
the signer's network is looked at from the inside.
"""
import json
import os
import secrets
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.lib import engine as engine_lib, memory
from tests.lib.hosts import inside_of
from tests.lib.lab import ROOT, build_dir, run, wait_until
from tests.lib.scan import free_ports, knock, open_ports

COMPOSE = yaml.safe_load((ROOT / "compose/compose.yaml").read_text())
SERVICES = [n for n, entry in COMPOSE["services"].items() if entry["build"]["target"] == "service"]
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
            pytest.skip("no container engine here: neither docker with compose nor podman with podman-compose")
        self.posted = []

    def build(self):
        print(f"engine: {self.engine.name}")
        began = time.monotonic()
        if os.environ.get("COMPOSE_BUILD") != "no":  # images that are there already
            self.engine.compose("build", timeout=1800)
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
        self.engine.compose("up", "-d", *(n for n in COMPOSE["services"] if n not in ("trienctl", "migrate")), timeout=600)
        for service in SERVICES:
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
            said = self.engine.execute(service, "/trien/service", "--config", "/trien/etc/service.conf", "--health", number=number)
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
        self.token = (self.installation / "operator/portal.token").read_text().strip()

    # --- the portal's side ---

    def ask(self, path, data=None, headers=()):
        context = ssl.create_default_context(cafile=self.installation / "keys/edge.pem")
        request = urllib.request.Request(f"https://localhost:{self.https}{path}", data,
                                         {"Authorization": f"Bearer {self.token}", **dict(headers)})
        def attempt():
            """As a portal does: 5xx is asked again, posts with their Idempotency-Key."""
            try:
                with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code < 500:
                    raise
                return None
        return wait_until(path, attempt, PATIENCE, every=0.5)

    def document(self, number):
        work = self.folder / f"request-{number}"
        work.mkdir()
        csr = work / "key.csr"
        run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             work / "key.pem", "-subj", "/CN=dulieu.ttdl-test.gov.vn", "-out", csr])
        text = (ROOT / "compose/demo/requests/03-service.json").read_text()
        for name, value in (("@NUMBER@", str(number)), ("@CSR@", csr.read_text().replace("\n", "\\n")),
                            ("@DATE@", time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600)))):
            text = text.replace(name, value)
        (work / "request.json").write_text(text)
        run([ROOT / "compose/demo/document.sh", work / "request.json", self.installation / "demo/pki/nss-seal-H26.15",
             "seal-H26.15", work / "signed.pdf"])
        return (work / "signed.pdf").read_bytes()

    def post(self, number):
        boundary = secrets.token_hex(16)
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="document"; filename="a.pdf"\r\n'
                f"Content-Type: application/pdf\r\n\r\n").encode() + self.document(number) + f"\r\n--{boundary}--\r\n".encode()
        answer = self.ask("/v1/requests", body, {"Content-Type": f"multipart/form-data; boundary={boundary}",
                                                 "Idempotency-Key": f"key-{number}"})
        self.posted.append(answer["request_id"])
        return answer["request_id"]

    def wait_completed(self, request_id):
        found = wait_until(f"{request_id} to end", lambda: self.ask(f"/v1/requests/{request_id}"), PATIENCE, every=0.2,
                           until=lambda r: r["state"] in ("completed", "rejected", "failed"))
        assert found["state"] == "completed", found
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


def test_the_road_passes_through_containers(site):
    done = site.wait_completed(site.post(1))
    serial = done["certificates"][0]["serial"]
    public, work = f"http://localhost:{site.http}", site.folder
    for name in ("root1", "issuing1"):
        with urllib.request.urlopen(f"{public}/ca/{name}.pem", timeout=10) as answer:
            (work / f"{name}.pem").write_bytes(answer.read())
    request = urllib.request.Request(f"https://localhost:{site.https}/v1/requests/{site.posted[0]}/certificates/{serial}.cer",
                                     headers={"Authorization": f"Bearer {site.token}"})
    context = ssl.create_default_context(cafile=site.installation / "keys/edge.pem")
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        (work / "leaf.cer").write_bytes(answer.read())
    run(["openssl", "x509", "-inform", "DER", "-in", work / "leaf.cer", "-out", work / "leaf.pem"])
    run(["openssl", "verify", "-x509_strict", "-CAfile", work / "root1.pem", "-untrusted", work / "issuing1.pem", work / "leaf.pem"])
    ask = ["openssl", "ocsp", "-issuer", work / "issuing1.pem", "-cert", work / "leaf.pem", "-CAfile", work / "root1.pem",
           "-verify_other", work / "issuing1.pem", "-url", f"{public}/ocsp"]
    said = wait_until("OCSP to say good", lambda: subprocess.run([str(a) for a in ask], text=True, capture_output=True),
                      every=0.3, until=lambda d: "leaf.pem: good" in d.stdout and "verify OK" in d.stderr)
    assert said.returncode == 0


def test_containers_have_given_up_what_they_do_not_need(site):
    for service in SERVICES:
        status = Path(f"/proc/{site.engine.pid(service)}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["CapEff"] == fields["CapBnd"] == "0" * 16, service
        assert fields["Uid"].split() == ["10001"] * 4 and fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
        mounted = [line.split() for line in Path(f"/proc/{site.engine.pid(service)}/mounts").read_text().splitlines()]
        assert next(m for m in mounted if m[1] == "/")[3].split(",")[0] == "ro", service
        assert site.engine.execute(service, "/bin/sh", "-c", "true").returncode != 0, f"{service} has a shell"


def test_the_signers_container_answers_one_port_and_reaches_nothing(site):
    engine, address = site.engine, {s: own_addresses(site, s) for s in COMPOSE["services"] if s not in ("migrate", "trienctl")}
    signer = next(a for a in address["signer"] if a != "127.0.0.1")
    with inside_of(engine.pid("signing")):
        assert open_ports(signer) == [8107]
    with inside_of(engine.pid("signer")):
        assert "default" not in run(["ip", "route"])
        for service, found in address.items():
            for other in found:
                if service != "signer" and not other.startswith(f"{site.net}.4."):
                    assert knock(other, 5432) != 0 and knock(other, 8106) != 0 and knock(other, 8443) != 0, service
        assert knock("192.0.2.1", 53) != 0
    for service in set(address) - {"signing", "revocation", "signer"}:
        with inside_of(engine.pid(service)):
            assert knock(signer, 8107) != 0, f"{service} reaches the signer"
            if "data" not in COMPOSE["services"][service]["networks"]:
                assert all(knock(a, 5432) != 0 for a in address["postgres"]), f"{service} reaches the database"


def own_addresses(site, service):
    with inside_of(site.engine.pid(service)):
        return [line.split()[3].split("/")[0] for line in run(["ip", "-4", "-o", "addr"]).splitlines() if " lo " not in line]


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

