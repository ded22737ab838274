"""Two probe services (tests/bus/probe.c) on a PostgreSQL of their own: the bus without the domain."""
from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.lib import busline
from tests.lib.lab import ROOT, build_dir, free_base_port, run, take_base_port, wait_until

SERVICES = ("alpha", "beta")
PRINCIPALS = ("alpha", "beta", "operator", "stranger")


class Cluster:
    """PostgreSQL in a folder of its own, synced like a real one."""

    def __init__(self, schema="tests/bus/schema.sql"):
        self.dir = Path(tempfile.mkdtemp(prefix="trien-bus-", dir="/tmp"))
        self.dir.chmod(0o755)
        self.environment = dict(os.environ, TRIEN_PG_STATE=str(self.dir / "state"), PG_FSYNC="on")
        self.socket = run([ROOT / "tests/lib/pg.sh", "start"], env=self.environment).strip()
        self.psql("postgres", "".join(f"CREATE ROLE trien_{s} LOGIN; CREATE ROLE trien_{s}_owner LOGIN;" for s in SERVICES))
        for service in SERVICES:
            self.psql("postgres", f"CREATE DATABASE template_{service} OWNER trien_{service}_owner")
            self.migrate(service)
            run(["psql", "-qX", "-h", self.socket, "-U", "postgres", "-d", f"template_{service}", "-v",
                 "ON_ERROR_STOP=1", "-f", ROOT / schema])

    def migrate(self, service):
        environment = dict(os.environ, SQITCH_FULLNAME="test", SQITCH_EMAIL="test@trien.example")
        target = f"db:pg://trien_{service}_owner@/template_{service}?host={self.socket}"
        run(["sqitch", "deploy", "--set", f"role=trien_{service}", target], cwd=ROOT / "migrations/frame",
            env=environment)

    def psql(self, database, sql):
        text = run(["psql", "-qXAt", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", "postgres",
                    "-d", database, "-c", sql])
        return [line.split("\x1f") for line in text.splitlines()]

    def restart(self, how="immediate"):
        """Stops it as a crash would, and starts it again."""
        binary = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] if os.getuid() == 0 else []
        options = f"-k {self.socket} -c listen_addresses='' -c max_connections=200"
        subprocess.run([*user, str(binary / "pg_ctl"), "-D", f"{self.socket}/data", "-m", how, "-s", "stop"],
                       check=False, cwd=self.socket)
        run([*user, str(binary / "pg_ctl"), "-D", f"{self.socket}/data", "-w", "-s", "-l", f"{self.socket}/log",
             "-o", options, "start"], cwd=self.socket)

    def close(self):
        run([ROOT / "tests/lib/pg.sh", "stop"], env=self.environment)
        shutil.rmtree(self.dir, ignore_errors=True)


class Probe:
    """One running probe."""

    def __init__(self, lab, service, replica):
        self.lab, self.service, self.replica = lab, service, replica
        self.binary = lab.binary
        self.popen = None
        self.log = lab.dir / f"{service}-{replica}.log"

    @property
    def port(self):
        return self.lab.port(self.service, self.replica)

    def config(self, **more):
        lines = [f'instance = "{self.service}-{self.replica}"', f'base_port = "{self.lab.base_port}"', "bus",
                 f'    bind = "tcp://127.0.0.1:{self.port}"',
                 f'    secret_key = "{self.lab.dir}/{self.service}.secret"',
                 f'    public_key = "{self.lab.dir}/{self.service}.public"',
                 f'    peer_keys = "{self.lab.dir}/peers"', "database", f'    host = "{self.lab.cluster.socket}"',
                 f'    name = "{self.lab.database(self.service)}"', f'    user = "trien_{self.service}"',
                 '    sslmode = "disable"', "peers",
                 f'    alpha = "{self.lab.addresses}"', "log", f'    messages = "{self.lab.log_messages}"']
        for section, keys in {**self.lab.more, **more}.items():
            lines += [section, *(f'    {k} = "{v}"' for k, v in keys.items())]
        path = self.lab.dir / f"{self.service}-{self.replica}.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    def start(self, inside=(), **more):
        """`inside`: words before the command, as of unshare."""
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=1")
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen([*inside, build_dir() / "bin" / self.binary, self.service, "--config",
                                           self.config(**more)],
                                          stdout=log, stderr=subprocess.STDOUT, env=environment)
        return self

    def kill(self, number=signal.SIGKILL):
        self.popen.send_signal(number)
        if number == signal.SIGKILL:
            self.popen.wait()

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def said(self, word):
        return word in self.log.read_text(errors="replace")


class ProbeLab:
    """Databases cloned for one test, fresh keys, probes on ports of their own."""

    numbers = itertools.count(1)

    def __init__(self, cluster, log_messages="failures", binary="bus-probe", **more):
        self.cluster, self.log_messages, self.binary, self.more = cluster, log_messages, binary, more
        self.number = next(self.numbers)
        self.dir = Path(tempfile.mkdtemp(prefix="probe-", dir=cluster.dir))
        self.base_port = take_base_port(4)
        self.keys = {name: busline.keypair() for name in PRINCIPALS}
        self.addresses = f"tcp://127.0.0.1:{self.port('alpha', 0)}"
        self.probes, self.peers = [], []
        for service in SERVICES:
            cluster.psql("postgres", f"CREATE DATABASE {self.database(service)} OWNER trien_{service}_owner TEMPLATE template_{service}")
        for name, (public, secret) in self.keys.items():
            (self.dir / f"{name}.public").write_text(public + "\n")
            (self.dir / f"{name}.secret").write_text(secret + "\n")
            (self.dir / f"{name}.secret").chmod(0o600)
        self.write_peers("alpha", "beta", "operator")

    def write_peers(self, *names):
        fresh = self.dir / "peers.new"
        fresh.write_text("".join(f'{n} = "{self.keys[n][0]}"\n' for n in names))
        fresh.replace(self.dir / "peers")

    def database(self, service):
        return f"probe_{service}_{self.number}"

    def port(self, service, replica):
        return self.base_port + replica * 100 + 20 + SERVICES.index(service)

    def start(self, service, replica=0, **more):
        self.probes.append(Probe(self, service, replica).start(**more))
        return self.probes[-1]

    def peer(self, principal="operator", replica=0, **options):
        self.peers.append(busline.Peer(f"tcp://127.0.0.1:{self.port('alpha', replica)}", self.keys["alpha"][0],
                                       self.keys[principal], **options))
        return self.peers[-1]

    def beta_peer(self, principal="operator", replica=0):
        self.peers.append(busline.Peer(f"tcp://127.0.0.1:{self.port('beta', replica)}", self.keys["beta"][0],
                                       self.keys[principal]))
        return self.peers[-1]

    def say(self, key, count=1, how=None, filler=0, peer=None):
        """Has alpha say events; the last number. What alpha cannot do now (no answer in time, a code that
        says `later`) is asked again, as a caller would; what was said although its answer came too late
        is then said twice, which is why nobody may count on how many there are: check_ledger() looks."""
        peer = peer or self.peer()
        payload = busline.message((1, key), (2, count), (3, how), (4, filler))
        answer = wait_until("alpha's answer", lambda: peer.call("ProbeSay", payload, seconds=2),
                            until=lambda said: said is not None and not 1000 <= said[0] < 2000)
        assert answer[0] == 0, answer
        return busline.fields(answer[1])[1][0]

    def alpha(self, sql):
        return self.cluster.psql(self.database("alpha"), sql)

    def beta(self, sql):
        return self.cluster.psql(self.database("beta"), sql)

    def seen(self):
        return [int(n) for n, in self.beta("SELECT number FROM probe_seen ORDER BY place")]

    def wait_seen(self, count):
        try:
            return wait_until(f"{count} events", every=0.05,
                              look=lambda: int(self.beta("SELECT count(*) FROM probe_seen")[0][0]) >= count)
        except AssertionError:
            print("heads", self.alpha("SELECT partition, next_offset FROM outbox_head WHERE next_offset > 1"))
            print("cursors", self.beta("SELECT * FROM consumer_cursor WHERE next_offset > 1 OR attempts > 0"))
            print("letters", self.beta("SELECT key, state, error FROM dead_letter"))
            print("sessions", self.cluster.psql("postgres", "SELECT datname, application_name, state, wait_event, "
                                                "now() - state_change FROM pg_stat_activity WHERE datname LIKE 'probe%'"))
            for probe in self.probes:
                print(probe.log, probe.running(), probe.log.read_text(errors="replace")[-4000:], sep="\n")
            raise

    def check_ledger(self, without=0):
        """Everything said was seen once, in order per key; cursors agree with heads."""
        said = int(self.alpha("SELECT count(*) FROM probe_said")[0][0])
        self.wait_seen(said - without)
        seen, distinct = map(int, self.beta("SELECT count(*), count(DISTINCT number) FROM probe_seen")[0])
        assert (seen, distinct) == (said - without, said - without)
        disorder = self.beta("SELECT count(*) FROM (SELECT number < lag(number) OVER (PARTITION BY key ORDER BY place) "
                             "AS back FROM probe_seen) x WHERE back")
        assert disorder == [["0"]]
        heads = self.alpha("SELECT partition, next_offset, last_id FROM outbox_head WHERE next_offset > 1 ORDER BY 1")
        cursors = self.beta("SELECT partition, next_offset, last_id FROM consumer_cursor WHERE next_offset > 1 ORDER BY 1")
        assert heads == cursors
        dense = self.alpha("SELECT count(*) FROM (SELECT event_offset - lag(event_offset) OVER (PARTITION BY partition "
                           "ORDER BY event_offset) AS step FROM outbox) x WHERE step <> 1")
        assert dense == [["0"]]

    def close(self):
        for peer in self.peers:
            peer.close()
        for probe in self.probes:
            if probe.running():
                probe.kill(signal.SIGCONT)
                probe.kill()
        for service in SERVICES:
            self.cluster.psql("postgres", f"DROP DATABASE {self.database(service)} WITH (FORCE)")
        free_base_port(self.base_port)
