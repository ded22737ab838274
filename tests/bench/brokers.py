"""Message brokers of the system's packages, on loopback, their files in a folder of their own, stopped by process
id. Nothing that the machine already runs is touched. While others are measured a broker is gone or frozen."""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.lib.lab import wait_until


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """A folder, processes in sessions of their own, and a port that answers."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="trien-hop-", dir="/tmp"))
        self.port = free_port()
        self.processes = []

    def run(self, *command, **environment):
        self.processes.append(subprocess.Popen(
            [str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir,
            env={"PATH": os.environ["PATH"], "HOME": str(self.dir), "LANG": "C.UTF-8", **environment},
            start_new_session=True))

    def says(self, greeting):
        """The first bytes it answers to a greeting, or None."""
        with socket.socket() as s, contextlib.suppress(OSError):
            s.settimeout(1)
            s.connect(("127.0.0.1", self.port))
            s.sendall(greeting)
            return s.recv(4)
        return None

    def signal(self, number):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Rabbit(Broker):
    """RabbitMQ as the package brings it; asleep until awake()."""

    def __init__(self):
        super().__init__()
        user = []
        if os.getuid() == 0:
            user = ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", "--"]
            shutil.chown(self.dir, "rabbitmq", "rabbitmq")
        (self.dir / "rabbitmq.conf").write_text("loopback_users = none\nlog.console = false\n")
        epmd_port = str(free_port())
        ports = {"ERL_EPMD_PORT": epmd_port, "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                 "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(free_port()),
                 "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"}
        places = {"RABBITMQ_MNESIA_BASE": "data", "RABBITMQ_LOG_BASE": "log", "RABBITMQ_ENABLED_PLUGINS_FILE": "plugins",
                  "RABBITMQ_CONFIG_FILE": "rabbitmq.conf", "RABBITMQ_CONF_ENV_FILE": "none"}
        self.run(*user, shutil.which("epmd") or "/usr/bin/epmd", "-address", "127.0.0.1", "-port", epmd_port, **ports)
        self.run(*user, "/usr/lib/rabbitmq/bin/rabbitmq-server", **ports, RABBITMQ_NODENAME="hop@localhost",
                 **{name: str(self.dir / place) for name, place in places.items()})
        wait_until("RabbitMQ", lambda: self.says(b"AMQP\x00\x00\x09\x01"), deadline=90, every=0.3)
        self.signal(signal.SIGSTOP)


    @contextlib.contextmanager
    def awake(self):
        """It starts slowly, so it stays, but runs only inside of this."""
        self.signal(signal.SIGCONT)
        try:
            yield self
        finally:
            self.signal(signal.SIGSTOP)


class Nats(Broker):
    """JetStream with a stream on disk, as the server comes."""

    def __init__(self):
        super().__init__()
        self.run(shutil.which("nats-server") or "/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", self.port, "-js",
                 "-sd", self.dir / "data")
        wait_until("NATS", lambda: self.says(b"PING\r\n"), deadline=30, every=0.2)
