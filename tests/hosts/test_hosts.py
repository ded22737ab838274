"""Does it run on separate hosts? Each party on one of its own, with the networks of compose/compose.yaml and
nothing between them; the portal outside, behind the real edge. One town for all tests, in order; what they post
is one ledger, counted after all that could lose something.
"""
import contextlib
import errno
import os
import random
import re
import socket
import subprocess
import time

import pytest

from tests.lib import hosts as hosts_lib, ledger, memory, requests, scan
from tests.lib.edge import Edge
from tests.lib.lab import PLAN, LabTemplate, ROOT, run, wait_until
from tests.lib.portal import Portal

RATE = 10  # requests a second while validation is scaled
NOWHERE = (errno.ENETUNREACH, errno.EHOSTUNREACH)


class Town:
    """The installation, spread over hosts."""

    def __init__(self):
        self.expected = {}  # {request id: whether it keeps the rules}
        self.closing = contextlib.ExitStack()
        try:
            self._build()
        except BaseException:
            self.closing.close()
            raise

    def _build(self):
        template = LabTemplate()
        self.closing.callback(template.close)
        services = [s for s in PLAN if (template.dir / "etc" / f"{s}.conf").exists()]
        names = [f"{s}-{r}" for s in services for r in range(3 if s == "validation" else 1)]
        self.hosts = hosts_lib.Hosts([*names, "postgres-0", "nginx-0", "trienctl-0", "portal-0"])
        self.closing.callback(self.hosts.close)
        self._move_database(template)
        self._close_signer_host()
        run([ROOT / "compose/demo/authority.sh", template.dir])
        config = {s: {"feed/wait": "1s"} for s in services if s != "signer"}
        config["notification"]["notices/cap_per_hour"] = 1_000_000
        for service in ("validation", "signing"):  # both look at documents: the demo's authority is one more
            config[service] |= {f"crls/test-{ca}": f"file://{template.dir}/trust/crl/test-{ca}.crl" for ca in ("root", "agencies")}
        public = f"http://{self.hosts.address('nginx-0', hosts_lib.OUTSIDE)}:8080"
        config["signing"] |= {"public_url": public, "cps_url": f"{public}/policies/cps/1"}
        self.lab = template.lab(replicas=3, config=config, hosts=self.hosts)
        (self.lab.dir / "demo").mkdir()
        (self.lab.dir / "demo/pki").symlink_to(template.dir / "demo/pki")
        self.closing.push(self.lab.__exit__)
        self.lab.edge = self._open_edge(services)
        self.closing.callback(self.lab.edge.close)
        self.lab.start("signer")
        self.lab.start(*(s for s in services if s != "signer"))
        self.lab.add_client()
        self.lab.add_agency()
        self.lab.add_devices()

    def _move_database(self, template):
        template.cluster("listen", self.hosts.address("postgres-0"), self.hosts.network("data"))
        template.cluster("stop")
        with self.hosts.inside("postgres-0"):
            template.cluster("start")

    def _close_signer_host(self):
        """The firewall that operators are given, as they would load it."""
        callers = [self.hosts.address(n, "signer") for n in self.hosts.names
                   if "signer" in self.hosts.legs[n] and not n.startswith("signer-")]
        self.firewall = lambda port: run(["nft", "-D", f"bus_port={port}", "-D", f"callers={{ {', '.join(callers)} }}",
                                          "-f", ROOT / "compose/signer.nft"])

    def _open_edge(self, services):
        with self.hosts.inside("signer-0"):
            self.firewall(self.port("signer", "bus"))
        upstreams = {s: f"{self.hosts.address(f'{s}-0', 'edge')}:{self.port(s, 'http')}"
                     for s in services if "edge" in self.hosts.legs[f"{s}-0"]}
        unknown = {s: "127.0.0.1:9" for s in ("courier", "audit") if s not in upstreams}
        return Edge(self.lab.dir / "edge", upstreams | unknown, self.hosts.address("nginx-0", hosts_lib.OUTSIDE),
                    on=lambda: self.lab.on("nginx-0"))

    def port(self, service, kind, replica=0):
        return self.lab.base_port + 100 * replica + {"http": 0, "bus": 20, "admin": 40}[kind] + PLAN[service]

    def post(self, form, good=True):
        request_id = self.lab.post(self.lab.pdf(form))["request_id"]
        self.expected[request_id] = good
        return request_id

    def count_ledger(self):
        """Everything posted so far came to its end, once."""
        wait_until("everything to end", lambda: ledger.pending(self.lab), every=0.25, until=lambda left: not left)
        ledger.check_requests(self.lab, self.expected)
        ledger.check_certificates(self.lab, self.expected)
        ledger.check_logs(self.lab)
        ledger.check_events(self.lab, self.expected)
        ledger.check_notices(self.lab, self.expected)
        ledger.check_journal(self.lab, self.expected)
        ledger.check_words(self.lab)


@pytest.fixture(scope="module")
def town(request):
    made = Town()
    yield made
    made.lab.failed = request.session.testsfailed > 0
    made.closing.close()


def knock(town, source, address, port, seconds=0.3):
    with town.hosts.inside(source):
        return scan.knock(address, port, seconds)


# --- the road --------------------------------------------------------------------------------------------

def test_the_road_passes_across_hosts(town):
    lab = town.lab
    service, person = town.post(requests.form03()), town.post(requests.form01())
    refused = town.post(requests.form03() | {"count": 2}, good=False)
    lab.wait_item(person, 1, "key_awaited")
    lab.trienctl("station", "run", "--request", person)
    assert [lab.wait_request(r)["state"] for r in (service, person, refused)] == ["completed", "completed", "rejected"]


# --- the networks ----------------------------------------------------------------------------------------

def expected_doors(town):
    """{(host, network, port)}: all that answers anywhere, besides the edge's own two doors."""
    doors = {("postgres-0", "data", 5432)}
    for process in town.lab.processes.values():
        network = "signer" if process.service == "signer" else "mesh"
        doors.add((process.name, network, town.port(process.service, "bus", process.replica)))
        if process.service in ("intake", "status", "notification", "courier", "audit"):
            doors.add((process.name, "edge", town.port(process.service, "http", process.replica)))
    return doors


def may_pass(town, source, host, network):
    if network not in town.hosts.legs[source]:
        return False
    return network != "signer" or not source.startswith("signer-")


def test_every_door_is_open_on_its_network_alone(town):
    doors, seen, due = expected_doors(town), set(), set()
    running = {host for host, _, _ in doors} | {"nginx-0"}
    ports = sorted({port for _, _, port in doors} | {p.base_port + 40 + PLAN[p.service]
                                                     for p in town.lab.processes.values()})
    for source in town.hosts.names:
        with town.hosts.inside(source):
            for host, network, address in [(h, n, a) for h in running - {source} for n, a in town.hosts.addresses(h).items()]:
                if network not in town.hosts.legs[source]:
                    assert scan.knock(address, ports[0]) in NOWHERE, (source, host, network)
                elif "signer-0" not in (source, host):  # has tests of its own
                    seen |= {(source, host, network, port) for port in ports if scan.knock(address, port) == 0}
        due |= {(source, *door) for door in doors if door[0] not in (source, "signer-0")
                and may_pass(town, source, door[0], door[1])}
    assert seen == {d for d in due if not d[0].startswith("signer-")}


def test_only_the_edge_faces_the_outside(town):
    answering = {(name, port) for name in town.hosts.names if name != "portal-0" and hosts_lib.OUTSIDE in town.hosts.legs[name]
                 for port in open_ports(town, "portal-0", town.hosts.address(name, hosts_lib.OUTSIDE))}
    assert answering == {("nginx-0", 8080), ("nginx-0", 8443)}
    for name in town.hosts.names:
        for network, address in town.hosts.addresses(name).items():
            if network != hosts_lib.OUTSIDE:
                assert knock(town, "portal-0", address, 22) in NOWHERE


def open_ports(town, source, address):
    with town.hosts.inside(source):
        return scan.open_ports(address)


# --- the signer's host -----------------------------------------------------------------------------------

def test_the_signer_answers_one_port(town):
    assert town.hosts.legs["signer-0"] == ["signer"]
    callers = [n for n in town.hosts.names if "signer" in town.hosts.legs[n] and n != "signer-0"]
    assert {n.rpartition("-")[0] for n in callers} <= {"signing", "revocation"} and callers
    address = town.hosts.address("signer-0")
    port, first = town.port("signer", "bus"), callers[0]
    assert open_ports(town, first, address) == [port], first  # all 65,535; the firewall's rule is one for all callers
    for caller in callers[1:]:
        with town.hosts.inside(caller):
            assert scan.knock(address, port) == 0, caller
            assert not [p for p in random.sample(range(1, 65536), 50) if p != port and scan.knock(address, p, 0.02) == 0], caller
    for name in set(town.hosts.names) - {*callers, "signer-0"}:
        assert knock(town, name, address, town.port("signer", "bus")) in NOWHERE, name


def test_a_stranger_on_the_signers_network_is_not_answered(town):
    """Somebody else's cable in the same switch: the host's firewall knows its callers."""
    caller = next(n for n in town.hosts.names if n.startswith("signing-"))
    leg, stranger = "signer", "10.73." + town.hosts.address("signer-0").split(".")[2] + ".200"
    with town.hosts.inside(caller):
        run(["ip", "addr", "add", f"{stranger}/24", "dev", leg])
        with socket.socket() as s:
            s.settimeout(0.5)
            s.bind((stranger, 0))
            with pytest.raises(TimeoutError):
                s.connect((town.hosts.address("signer-0"), town.port("signer", "bus")))
        run(["ip", "addr", "del", f"{stranger}/24", "dev", leg])


def test_the_signer_reaches_nothing(town):
    with town.hosts.inside("signer-0"):
        routes = run(["ip", "route"]).splitlines()
    assert len(routes) == 1 and "default" not in routes[0]
    for name in set(town.hosts.names) - {"signer-0"}:
        for network, address in town.hosts.addresses(name).items():
            for port in (5432, 22, town.port("signing", "bus")):
                assert knock(town, "signer-0", address, port, 0.05) != 0, (name, network, port)
    with town.hosts.inside("signer-0"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        with pytest.raises(OSError):
            s.sendto(b"?", (town.hosts.address("signing-0", "signer"), 53))
    assert town.lab.process("signer").is_well()


# --- PostgreSQL ------------------------------------------------------------------------------------------

def psql(town, source, password, **more):
    settings = {"host": town.hosts.address("postgres-0"), "user": "trien_intake", "sslmode": "verify-full",
                "dbname": town.lab.prefix + "intake", "sslrootcert": town.lab.dir / "keys/db/authority.pem",
                "connect_timeout": 3} | more
    with town.hosts.inside(source):
        done = subprocess.run(["psql", "-XAtw", " ".join(f"{k}={v}" for k, v in settings.items()), "-c",
                               "SHOW synchronous_commit; SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"],
                              text=True, capture_output=True, timeout=30,
                              env={**os.environ, "PGPASSWORD": password, "PGPASSFILE": "/nonexistent"})
    return done.returncode, done.stdout + done.stderr


def test_the_database_wants_tls_and_scram(town):
    password = (town.lab.dir / "keys/db/trien_intake.password").read_text().strip()
    assert psql(town, "intake-0", password) == (0, "on\nt\n")
    for host, secret, more, why in (("intake-0", "wrong", {}, "password authentication failed"),
                                    ("intake-0", password, {"sslmode": "disable"}, "no pg_hba.conf entry"),
                                    ("intake-0", password, {"host": "127.0.0.1"}, "refused"),
                                    ("nginx-0", password, {}, "unreachable"),
                                    ("signer-0", password, {}, "unreachable")):
        status, said = psql(town, host, secret, **more)
        assert status == 2 and why in said, (host, more, said)
    stored = town.lab.template.psql("postgres", "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'trien%' AND "
                                                "rolpassword NOT LIKE 'SCRAM-SHA-256$%'")
    assert stored == [["0"]]


# --- more and fewer hosts; a host that is away -----------------------------------------------------------

def wait_shared(town, replicas):
    """Until the partitions are held by so many replicas of validation."""
    held = ("SELECT count(DISTINCT a.client_addr) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE "
            f"l.locktype = 'advisory' AND a.datname = '{town.lab.prefix}validation' "
            "AND a.application_name LIKE '%lane%'")
    wait_until(f"{replicas} hosts to share the partitions", lambda: town.lab.template.psql("postgres", held),
               until=lambda rows: rows == [[str(replicas)]])


def test_validation_goes_from_one_to_three_and_back_under_load(town):
    began, count = time.monotonic(), 8 * RATE
    portals = [Portal(town.lab, range(n, count + 1, 4), RATE, began, town.expected) for n in range(1, 5)]
    for portal in portals:
        portal.start()
    wait_until("the load", lambda: len(town.expected) > RATE)
    town.lab.scale("validation", 3)
    wait_shared(town, 3)
    assert any(p.is_alive() for p in portals), "the load ended before there were three"
    more = len(town.expected) + RATE
    wait_until("more load", lambda: len(town.expected) >= min(more, count))
    town.lab.scale("validation", 1)
    wait_shared(town, 1)
    for portal in portals:
        portal.join()
    assert [p.error for p in portals if p.error] == []


def waits_for(process):
    return {w["for"] for w in (process.health() or {}).get("waiting", ())}


def test_a_host_that_is_cut_off_returns(town):
    lab = town.lab
    signing, intake = lab.process("signing"), lab.process("intake")
    town.hosts.cut("signing-0")
    request = town.post(requests.form03())
    wait_until("intake to miss signing", lambda: waits_for(intake), until=lambda names: "signing" in names)
    assert intake.health()["ok"]  # it is no worse itself
    wait_until("signing to miss its database", signing.health, until=lambda h: h and not h["database"]["ok"])
    assert not [c for c in lab.get(request)["certificates"]] and signing.alive()
    town.hosts.mend("signing-0")
    assert lab.wait_request(request)["state"] == "completed"
    lab.wait_well()


def test_the_signers_host_is_away_and_returns(town):
    lab = town.lab
    town.hosts.cut("signer-0")
    request = town.post(requests.form03())
    lab.wait_item(request, 1, "authorized")
    wait_until("signing to miss the signer", lambda: waits_for(lab.process("signing")), until=lambda n: "signer" in n)
    town.hosts.mend("signer-0")
    assert lab.wait_request(request)["state"] == "completed"
    lab.wait_well()


def test_nothing_was_lost(town):
    """Of all that was posted while hosts came, went, were cut off and returned."""
    town.count_ledger()


def test_the_demo_passes_across_hosts(town):
    """`make demo`'s own story, told from the portal's host: what is posted, asked and downloaded passes the edge,
    operators and officers sit at theirs. Devices are shipped and handed over, one is lost and one comes back; OCSP
    and the list say revoked; the journal is whole."""
    lab, edge = town.lab, town.lab.edge
    (lab.dir / "keys/portal.token").write_text(lab.token)
    (lab.dir / "demo/number").write_text("7000")  # documents of the tests before have lower ones
    inner = {service: f"http://{town.hosts.address(f'{service}-0', 'edge')}:{town.port(service, 'http')}" for service in ("status", "audit")}
    front = f"https://{edge.address}:{edge.https_port}"
    environment = os.environ | {
        "TRIENCTL": f"nsenter --net={town.hosts.path('trienctl-0')} {lab.build}/bin/trienctl --config {lab.dir}/etc/trienctl.conf",
        "API": f"{front}/v1", "PUBLIC": f"http://{edge.address}:{edge.http_port}", "COURIER": front,
        "JOURNAL": f"{front}/v1/journal", "CURL_CA_BUNDLE": str(edge.folder / "edge_certificate"),
        "CHECK": f"--status-url {inner['status']} --audit-url {inner['audit']}"}
    with town.hosts.inside("portal-0"):
        done = subprocess.run([ROOT / "compose/demo/demo.sh", lab.build / "bin", lab.dir, "running"], env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0 and "FAILED" not in done.stdout, done.stdout
    assert re.search(r"^demo: 8 requests, 4 certificates, 42 notices, 0 failed$", done.stdout, re.M), done.stdout


def test_the_whole_stack_is_small(town):
    """One of each service with its children, after all of the above; PostgreSQL does not count."""
    taken = {p.name: memory.kib(p.popen.pid, "Rss") / 1024 for p in town.lab.processes.values()}
    print(f"{sum(taken.values()):.0f} MiB resident: " + ", ".join(f"{n} {mib:.0f}" for n, mib in taken.items()))
    assert sum(taken.values()) <= 400
