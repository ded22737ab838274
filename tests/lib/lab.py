"""A private laboratory: real PostgreSQL, real SoftHSM, real processes, nothing shared with anybody.

    template = LabTemplate()          # once per session: cluster, migrated databases, keys, CA
    with template.lab() as lab:       # per test: cloned databases, own tokens, ports, processes
        lab.start("intake", "validation", "signing", replicas=2)
        receipt = lab.post(pdf)
        request = lab.wait_request(receipt["request_id"])

Everything is made by the code the demo uses (trienctl init, compose/cluster.sh, compose/etc). Nothing
here sleeps and hopes: wait_until() looks for an event until a deadline and then says what it saw.
The build under test is $TRIEN_BUILD, else build/release.
"""
from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.lib import documents

ROOT = Path(__file__).resolve().parents[2]
PLAN = {"intake": 0, "status": 1, "validation": 2, "courier": 3, "notification": 4, "audit": 5,
        "signing": 6, "signer": 7, "revocation": 8}
DEADLINE = float(os.environ.get("TRIEN_TEST_DEADLINE", "60"))  # seconds; a slow machine raises it
FINAL = ("completed", "rejected", "failed")
SINGLE = ("signer",)  # one process by design: it holds the journal
REPLICA_PORTS = 100  # a replica's base_port lies this much above the one before
# Folder of a template that was made and stopped before (tests/run.py): others are copies of it.
PREPARED = Path(os.environ["TRIEN_LAB_PREPARED"]) if "TRIEN_LAB_PREPARED" in os.environ else None


def build_dir() -> Path:
    return Path(os.environ.get("TRIEN_BUILD", ROOT / "build/release")).resolve()


def run(command, **options):
    """A program that must succeed; its output is part of the failure."""
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=options.pop("timeout", 300), **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def wait_until(what, look, deadline=None, every=0.01, until=bool):
    """The first value of look() for which until() holds before the deadline (seconds); fails saying
    `what` was missing and the last value seen."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        seen = look()
        if until(seen):
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}; last seen: {seen!r}")
        time.sleep(every)


# --- configuration files (zconfig: four spaces a level) ----------------------------------------------

def read_config(path) -> dict:
    """The file as nested dicts; a node with children and a value keeps the value under ''."""
    root, stack = {}, []
    for line in Path(path).read_text().splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        depth = (len(line) - len(line.lstrip())) // 4
        name, _, value = (part.strip() for part in text.partition("="))
        node = {"": value.strip('"')} if value else {}
        stack = stack[:depth] + [node]
        (stack[depth - 1] if depth else root)[name] = node
    return root


def set_config(config: dict, path: str, value) -> None:
    for name in path.split("/"):
        config = config.setdefault(name, {})
    config[""] = str(value)


def write_config(path, config: dict) -> None:
    lines = []

    def walk(node, depth):
        for name, child in node.items():
            if name == "":
                continue
            value = f' = "{child[""]}"' if "" in child else ""
            lines.append("    " * depth + name + value)
            walk(child, depth + 1)

    walk(config, 0)
    Path(path).write_text("\n".join(lines) + "\n")


# --- ports -----------------------------------------------------------------------------------------------

PORT_BLOCK = 400  # ports a laboratory may use, REPLICA_PORTS a replica
_blocks = itertools.count(secrets.randbelow(55))
_held: dict[int, socket.socket] = {}  # base port: what makes the block ours


def take_base_port(replicas: int) -> int:
    """A base port below the ephemeral range whose ports are free on loopback for so many replicas. Nobody who
    asks in this way gets it before free_base_port(), whatever process they are: the block is a name in this
    network's own space of names, gone with whoever holds it."""
    for _ in range(200):
        base = 10000 + next(_blocks) % 55 * PORT_BLOCK
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0trien-ports-{base}")
            check_free(base, replicas)
            _held[base] = name
            return base
        except OSError:
            name.close()
    raise AssertionError("no free block of ports")


def check_free(base: int, replicas: int) -> None:
    with contextlib.ExitStack() as stack:
        for replica, kind, n in itertools.product(range(replicas), (0, 20, 40), PLAN.values()):
            s = stack.enter_context(socket.socket())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", base + replica * REPLICA_PORTS + kind + n))


def free_base_port(base: int) -> None:
    _held.pop(base).close()


# --- once per session ----------------------------------------------------------------------------------

class LabTemplate:
    """An installation that was initialised and had its key ceremony; its cluster runs, no service
    does. Its databases are the templates of the laboratories'. Killing processes, PostgreSQL's too,
    loses nothing that the kernel has, so tests go without fsync; measurements ask for it, and may ask
    for another kind of issuing CA key: p256, rsa2048, rsa4096."""

    def __init__(self, ceremony=True, fsync=False, ceremony_key=None):
        self.build = build_dir()
        self.dir = Path(tempfile.mkdtemp(prefix="trien-lab-", dir="/tmp"))
        self.dir.chmod(0o711)
        self.numbers = itertools.count(1)
        try:
            self.pki = documents.make_test_pki(self.dir / "pki")
            (self.dir / "trust").symlink_to(self.pki.trust)
            if PREPARED and ceremony and not fsync and not ceremony_key:
                self._copy(PREPARED)
            else:
                self._make(ceremony, fsync, ceremony_key)
        except BaseException:
            self.close()
            raise

    def _make(self, ceremony, fsync, ceremony_key):
        base_port = take_base_port(1)
        said = subprocess.run([self.build / "bin/trienctl", "--json", "init", "--dir", self.dir, "--base-port", str(base_port),
                               "--officers", "3"], cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout) == {"dir": str(self.dir), "base_port": base_port}
        self.cluster("start")
        if not fsync:
            self.psql("postgres", "ALTER SYSTEM SET fsync = off")
            self.psql("postgres", "SELECT pg_reload_conf()")
        if ceremony_key:
            plan = read_config(self.dir / "etc/ceremony.conf")
            set_config(plan, "issuing/key_kind", ceremony_key)
            write_config(self.dir / "etc/ceremony.conf", plan)
        if ceremony:
            self.ceremony()
        free_base_port(base_port)

    def _copy(self, prepared: Path):
        """Another template that stands still, under a name of its own: what costs ten seconds is done once a run."""
        run(["cp", "-a", *(p for p in prepared.iterdir() if p.name not in ("pki", "trust")), self.dir])
        names = [(str(d), f"/tmp/trien-{hashlib.sha256(str(d).encode()).hexdigest()[:10]}") for d in (prepared, self.dir)]
        for path in [*(self.dir / "etc").rglob("*"), self.dir / "pg/postgresql.conf"]:
            if path.is_file():
                text = path.read_text()
                for old, new in zip(*names):
                    text = text.replace(old, new)
                path.write_text(text)
        self.cluster("start")

    def trienctl(self, *arguments, **options):
        return run([self.build / "bin/trienctl", "--config", self.dir / "etc/trienctl.conf", *arguments], cwd=ROOT, **options)

    def cluster(self, act, *arguments):
        return run([ROOT / "compose/cluster.sh", act, self.dir, *arguments])

    def ceremony(self):
        """Root and issuing CA, and the OCSP responder's key approved by two officers: what every
        laboratory finds done."""
        parties = ("signer", "signing", "status")
        self.trienctl("ceremony")
        self.trienctl("up", "--wait", "0", *parties)
        try:
            for officer in ("officer1", "officer2"):
                self.trienctl("responder", "approve", "--officer", officer, "--yes")
            self.trienctl("up", *parties)
        finally:
            self.trienctl("down", *parties)

    @property
    def socket(self) -> str:
        line = [x for x in (self.dir / "etc/cluster").read_text().splitlines() if x.startswith("SOCKET=")]
        return line[0].partition("=")[2]

    def psql(self, database: str, *statements: str) -> list[list[str]]:
        """Rows of the statements as texts, as the cluster's administrator; each argument is a transaction."""
        environment = dict(os.environ, PGHOST=self.socket, PGPASSFILE=str(self.dir / "keys/db/passfile"))
        text = run(["psql", "-qXAt", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-U", "trien_admin",
                    "-d", database, *itertools.chain.from_iterable(("-c", sql) for sql in statements)], env=environment)
        return [line.split("\x1f") for line in text.splitlines()]

    @functools.cached_property
    def databases(self) -> list[str]:
        """Services that have a database."""
        names = self.psql("postgres", r"SELECT datname FROM pg_database WHERE datname LIKE 'trien\_%'")
        return [name.removeprefix("trien_") for name, in names]

    def lab(self, **options) -> "Lab":
        return Lab(self, next(self.numbers), **options)

    def close(self):
        run([ROOT / "compose/cluster.sh", "remove", self.dir])
        shutil.rmtree(self.dir, ignore_errors=True)


# --- per test -------------------------------------------------------------------------------------------

class Process:
    """One running service."""

    def __init__(self, lab: "Lab", service: str, replica: int):
        self.lab, self.service, self.replica = lab, service, replica
        self.name = f"{service}-{replica}"
        self.log = lab.dir / "log" / f"{self.name}.log"
        self.popen = None

    def start(self):
        self.lab.bring_database(self.service)
        environment = dict(os.environ, ASAN_OPTIONS="abort_on_error=1:detect_leaks=1",
                           UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
        with open(self.log, "ab") as log, self.lab.on(self.name):
            self.popen = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                          env=environment, start_new_session=True, preexec_fn=self.lab.before_exec)
        return self

    def command(self, *more):
        return [self.lab.build / "bin" / f"trien-{self.service}", "--config",
                self.lab.dir / "etc" / f"{self.name}.conf", *more]

    @property
    def base_port(self) -> int:
        return self.lab.base_port + self.replica * REPLICA_PORTS

    def url(self, kind: str, path: str) -> str:
        offset = {"http": 0, "admin": 40}[kind]
        return f"http://127.0.0.1:{self.base_port + offset + PLAN[self.service]}{path}"

    def alive(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def health(self):
        """The /healthz answer; None while the listener is not there. A service without HTTP is asked
        over the bus."""
        if self.service in SINGLE:
            with self.lab.on(self.name):
                done = subprocess.run(self.command("--health"), capture_output=True, text=True, timeout=30)
            return json.loads(done.stdout) if done.stdout else None
        try:
            with self.lab.on(self.name), urllib.request.urlopen(self.url("admin", "/healthz"), timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.load(refused)
        except OSError:
            return None

    def is_well(self):
        if not self.alive():
            raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")
        health = self.health()
        return health if health and health.get("ok") else None

    def metrics(self) -> str:
        """The figures; "" while the listener is not there."""
        try:
            with self.lab.on(self.name), urllib.request.urlopen(self.url("admin", "/metrics"), timeout=30) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def rss_kib(self) -> int:
        for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def kill(self, number=signal.SIGKILL):
        """Ends the process and, for a service with children (the signer's token child, zygotes), its
        whole session."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(self.popen.pid, number)
                else:
                    self.popen.send_signal(number)
            self.popen.wait(30)

    def stop(self, timeout=DEADLINE) -> int:
        """SIGTERM; the exit status. Fails when it does not stop."""
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not stop in {timeout} s:\n{self.tail()}")
        return self.popen.returncode

    def complaints(self, lines=12) -> str:
        """The last lines of the log that are not everyday's."""
        with contextlib.suppress(FileNotFoundError):
            return "\n".join([line for line in self.log.read_text(errors="replace").splitlines()
                              if '"level":"info"' not in line and '"level":"debug"' not in line][-lines:])
        return "(no log)"

    def tail(self, lines=40) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"


class Lab:
    """Services of one test over databases of their own. replicas: the most that any service will
    have; config: {"intake": {"lanes/threads": 1}} on top of what trienctl init makes; hosts: a host for
    each party (tests/lib/hosts.py) instead of loopback, PostgreSQL and the edge among them."""

    opened: list["Lab"] = []  # whose words a failure is told with (tests/conftest.py)

    def __init__(self, template: LabTemplate, number: int, replicas=2, config=None, hosts=None):
        self.template, self.number, self.build = template, number, template.build
        self.replicas, self.hosts = replicas, hosts
        self.prefix = f"lab{number}_"
        self.base_port = take_base_port(replicas)
        self.dir = Path(tempfile.mkdtemp(prefix=f"lab{number}-", dir="/tmp"))
        self.processes: dict[str, Process] = {}
        self.edge = None  # set by who starts one
        self.before_exec = None  # called in the child, as a container engine would
        self.failed = False
        self.extra = config or {}
        Lab.opened.append(self)
        self.databases = []
        self._make_folders()
        self._make_configs()
        self.token = None

    # --- making ---

    def bring_database(self, service: str):
        """The service's own copy of the template's database: made when it is first wanted."""
        name = self.prefix + service
        if service in self.template.databases and name not in self.databases:
            self.databases.append(name)
            self.template.psql("postgres", f"CREATE DATABASE {name} TEMPLATE trien_{service} OWNER trien_{service}_owner",
                               f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO trien_{service}")

    def _make_folders(self):
        for name in ("etc", "log", "run", "data"):
            (self.dir / name).mkdir()
        for shared in ("keys", "trust", "pki"):
            (self.dir / shared).symlink_to(self.template.dir / shared)
        shutil.copytree(self.template.dir / "tokens", self.dir / "tokens")
        shutil.copytree(self.template.dir / "ca", self.dir / "ca")
        shutil.copytree(self.template.dir / "policies", self.dir / "policies")
        shutil.copytree(self.template.dir / "data", self.dir / "data", dirs_exist_ok=True)

    def _replace_paths(self, config: dict) -> None:
        for name, child in config.items():
            if name == "":
                config[name] = child.replace(str(self.template.dir), str(self.dir))
            else:
                self._replace_paths(child)

    def services(self) -> list[str]:
        return [s for s in PLAN if (self.template.dir / "etc" / f"{s}.conf").exists()]

    def on(self, name: str):
        """The place where a party lives: its host when there are hosts."""
        return self.hosts.inside(name) if self.hosts else contextlib.nullcontext()

    def bus_addresses(self, service: str) -> str:
        return " ".join(f"tcp://{self.bus_host(service, r)}:{self.base_port + r * REPLICA_PORTS + 20 + PLAN[service]}"
                        for r in range(self.replicas_of(service)))

    def replicas_of(self, service: str) -> int:
        """How many there may be."""
        if self.hosts:
            return sum(name.rpartition("-")[0] == service for name in self.hosts.names)
        return 1 if service in SINGLE else self.replicas

    def bus_host(self, service: str, replica: int) -> str:
        network = "signer" if service == "signer" else "mesh"
        return self.hosts.address(f"{service}-{replica}", network) if self.hosts else "127.0.0.1"

    def _set_hosts(self, config: dict, service: str, replica: int):
        """Listens on the networks where it is looked for, and reaches PostgreSQL over TLS."""
        hosts, name, ports = self.hosts, f"{service}-{replica}", self.base_port + replica * REPLICA_PORTS + PLAN[service]
        network = "signer" if service == "signer" else "mesh"
        set_config(config, "bus/bind", f"tcp://{hosts.network(network)}:{ports + 20}")
        if "edge" in hosts.legs[name]:
            set_config(config, "http/bind", f"{hosts.network('edge')}:{ports}")
            set_config(config, "http/behind_tls_proxy", "true")
        if "database" in config:
            set_config(config, "database/host", hosts.address("postgres-0"))
            set_config(config, "database/sslrootcert", self.dir / "keys/db/authority.pem")

    def _make_configs(self):
        for source in (self.template.dir / "etc").iterdir():
            if source.is_file() and not source.name.startswith("."):
                text = source.read_text().replace(str(self.template.dir), str(self.dir))
                (self.dir / "etc" / source.name).write_text(text)
        tool = read_config(self.dir / "etc/trienctl.conf")
        set_config(tool, "base_port", self.base_port)
        for service in self.services():
            set_config(tool, f"peers/{service}", self.bus_addresses(service))
            for replica in range(self.replicas_of(service)):
                self._write_service(service, replica)
        write_config(self.dir / "etc/trienctl.conf", tool)

    def _write_service(self, service: str, replica: int):
        config = read_config(self.template.dir / "etc" / f"{service}.conf")
        self._replace_paths(config)
        set_config(config, "instance", f"{service}-{replica}")
        set_config(config, "base_port", self.base_port + replica * REPLICA_PORTS)
        if "database" in config:
            set_config(config, "database/name", self.prefix + service)
        if service == "intake":
            set_config(config, "public_url", f"http://127.0.0.1:{self.base_port}")
        if "crls" in config:
            config["crls"] = {name: {"": f"file://{self.dir}/pki/crl/{name}.crl"}
                              for name in self.template.pki.authorities if name != "stray-root"}
        for peer in self.services():
            set_config(config, f"peers/{peer}", self.bus_addresses(peer))
        if self.hosts:
            self._set_hosts(config, service, replica)
        for path, value in self.extra.get(service, {}).items():
            set_config(config, path, value)
        write_config(self.dir / "etc" / f"{service}-{replica}.conf", config)

    def configure(self, service: str, values: dict, replica=0):
        """Changes the configuration of one process before it starts."""
        path = self.dir / "etc" / f"{service}-{replica}.conf"
        config = read_config(path)
        for key, value in values.items():
            set_config(config, key, value)
        write_config(path, config)

    # --- processes ---

    def start(self, *services, replicas=1, wait=True) -> list[Process]:
        """Starts so many of each service (all configured ones when none is named) and waits until
        each is well."""
        started = []
        for service in services or self.services():
            for replica in range(1 if service in SINGLE else replicas):
                process = Process(self, service, replica)
                self.processes[process.name] = process
                started.append(process.start())
        if wait:
            self.wait_well(*started)
        return started

    def scale(self, service: str, replicas: int):
        """From as many as run to so many, as an operator would; waits until each is well."""
        for name in [n for n, p in self.processes.items() if p.service == service and p.replica >= replicas]:
            self.processes.pop(name).stop()
        for replica in range(replicas):
            if f"{service}-{replica}" not in self.processes:
                self.processes[f"{service}-{replica}"] = Process(self, service, replica).start()
        self.wait_well(*(p for p in self.processes.values() if p.service == service))

    def wait_well(self, *processes):
        for process in processes or self.processes.values():
            wait_until(f"{process.name} to be well\n{process.tail(5)}", process.is_well)

    def process(self, service: str, replica=0) -> Process:
        return self.processes[f"{service}-{replica}"]

    def trienctl(self, *arguments, **options) -> str:
        with self.on("trienctl-0"):
            return run([self.build / "bin/trienctl", "--config", self.dir / "etc/trienctl.conf", *arguments],
                       cwd=ROOT, **options)

    # --- database ---

    def sql(self, service: str, sql: str) -> list[list[str]]:
        self.bring_database(service)
        return self.template.psql(self.prefix + service, sql)

    @contextlib.contextmanager
    def open_transaction(self, service: str, sql: str):
        """Statements of somebody else that are not committed before the block ends."""
        environment = dict(os.environ, PGHOST=self.template.socket, PGPASSFILE=str(self.template.dir / "keys/db/passfile"))
        with subprocess.Popen(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-U", "trien_admin", "-d", self.prefix + service],
                              env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
            psql.stdin.write(f"BEGIN;\n{sql};\n\\echo standing\n")
            psql.stdin.flush()
            while (line := psql.stdout.readline().strip()) != "standing":
                assert psql.poll() is None, line
            yield
            psql.stdin.write("COMMIT;\n")
            psql.stdin.close()
            assert psql.wait(30) == 0

    def value(self, service: str, sql: str) -> str:
        return self.sql(service, sql)[0][0]

    # --- the operator's side ---

    def add_agency(self, organ_id="H26.14", name="Sở Khoa học và Công nghệ TEST", seals=("seal-p256",),
                   officers=()):
        """Registers an agency with signers of the TEST authorities."""
        arguments = ["--contact", "Văn thư;vanthu@skhcn-test.gov.vn;0912345678"]
        for kind, names in (("--seal", seals), ("--officer", officers)):
            for signer in names:
                arguments += [kind, self.template.pki.directory / "signers" / f"{signer}.pem"]
        self.trienctl("agency", "add", organ_id, "--name", name, *arguments)

    def add_devices(self, count=10, kind="pki_token", prefix="TEST") -> list[str]:
        """Key devices into courier's stock, in the order in which they will be assigned."""
        path = self.dir / f"devices-{prefix}.csv"
        serials = [f"{prefix}-{n:04d}" for n in range(1, count + 1)]
        path.write_text("device_serial,device_kind,model\n" + "".join(f"{s},{kind},TEST\n" for s in serials))
        self.trienctl("device", "add", path)
        return serials

    def pdf(self, request: dict, signers=("seal-p256",), **options) -> bytes:
        """The request as a signed document."""
        return documents.make_request_pdf(request, [self.template.pki.signer(s) for s in signers], **options)

    # --- the portal's side ---

    def add_client(self, client_id="portal", agencies=("*",)) -> str:
        """A portal credential; its token. The first one is used by post() and get()."""
        path = self.dir / f"{client_id}.token"
        chosen = itertools.chain.from_iterable(("--agency", a) for a in agencies)
        self.trienctl("client", "add", client_id, "--token-file", path, *chosen)
        token = path.read_text().strip()
        self.token = self.token or token
        return token

    def http(self, method: str, path: str, body=None, headers=None, token=None, replica=0):
        """(status, headers, body) of the portal API."""
        headers = dict(headers or {})
        token = token or self.token
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        with self.on("portal-0"):
            connection = self.door(replica)
            try:
                try:
                    connection.request(method, path, body, headers)
                except (BrokenPipeError, ConnectionResetError):
                    # A server may refuse before it has read everything; its answer counts.
                    if not connection.sock:
                        raise
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            finally:
                connection.close()

    def door(self, replica=0) -> http.client.HTTPConnection:
        """Where the portal goes: intake itself, or the edge (tests/lib/edge.py) when there are hosts."""
        port = self.base_port + replica * REPLICA_PORTS
        return self.edge.door() if self.hosts else http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)

    def post_raw(self, parts, key=None, **options):
        """Posts multipart parts [(name, filename, content)]; (status, document)."""
        boundary = secrets.token_hex(16)
        chunks = []
        for name, filename, content in parts:
            chunks += [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
                       f'filename="{filename}"\r\nContent-Type: application/pdf\r\n\r\n'.encode(), content, b"\r\n"]
        chunks.append(f"--{boundary}--\r\n".encode())
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        status, _, body = self.http("POST", "/v1/requests", b"".join(chunks), headers, **options)
        return status, json.loads(body)

    def post(self, document: bytes, attachments=(), key=None, **options) -> dict:
        """Posts a document that must be taken; the answer."""
        parts = [("document", "request.pdf", document)]
        parts += [("attachment", f"attachment{n}.pdf", a) for n, a in enumerate(attachments, 1)]
        status, answer = self.post_raw(parts, key, **options)
        assert status == 202, (status, answer)
        return answer

    def get(self, request_id: str, **options) -> dict:
        status, _, body = self.http("GET", f"/v1/requests/{request_id}", **options)
        assert status == 200, (status, body)
        return json.loads(body)

    def wait_request(self, request_id: str, states=FINAL, deadline=None) -> dict:
        """The request once it is in one of the states."""
        return wait_until(f"request {request_id} in {states}", lambda: self.get(request_id), deadline,
                          until=lambda request: request["state"] in states)

    def wait_item(self, request_id: str, number: int, state: str, deadline=None) -> dict:
        """The request once its subscriber is in the state."""
        def is_there(request):
            return any(s["number"] == number and s["state"] == state for s in request["subscribers"])
        return wait_until(f"subscriber {number} of {request_id} to be {state}",
                          lambda: self.get(request_id), deadline, until=is_there)

    def certificate(self, request_id: str, serial: str) -> bytes:
        status, _, body = self.http("GET", f"/v1/requests/{request_id}/certificates/{serial}.cer")
        assert status == 200, (status, body)
        return body

    # --- the end ---

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind and not self.failed:
            self.failed = True
            print(f"laboratory {self.dir}\n{self.words()}", file=sys.stderr)
        self.close()

    def words(self) -> str:
        """For who looks for a failure: the log's tail of each process that ended, and what the others found wrong."""
        told = []
        for process in self.processes.values():
            if process.alive():
                said, state = process.complaints(), "runs"
            else:
                said, state = process.tail(), f"ended with {process.popen and process.popen.returncode}"
            told.append(f"--- {process.name} ({state}) ---\n{said}")
        return "\n".join(told)

    def close(self):
        """Kills everything; keeps the folder when a test failed."""
        if self in Lab.opened:
            Lab.opened.remove(self)
        for process in self.processes.values():
            process.kill()
        if self.databases:
            self.template.psql("postgres", *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self.databases))
        if self.base_port in _held:
            free_base_port(self.base_port)
        if not self.failed:
            shutil.rmtree(self.dir, ignore_errors=True)
