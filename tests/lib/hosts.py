"""Every party on a host of its own: a network namespace with one leg in each network that
compose/compose.yaml gives it, and no way from one network to another.

    hosts = Hosts(["intake-0", "signer-0", …, "postgres-0", "nginx-0", "trienctl-0", "portal-0"])
    with hosts.inside("signing-0"):          # this thread is on that host: sockets, programs it starts
        socket.create_connection((hosts.address("signer-0", "signer"), 8107))
    hosts.cut("validation-0"); hosts.mend("validation-0")

The bridges live in a namespace of their own, so nothing of the machine's own network is touched and several
laboratories may use the same addresses at once. Needs the right to make namespaces: root's, or in a user namespace of
one's own, as tests/run.py starts it for everybody else.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import re
import secrets
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose/compose.yaml"
OUTSIDE = "outside"  # where portals and relying parties are; only the edge has a leg in it
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def compose_networks() -> dict[str, list[str]]:
    """{service of compose.yaml: its networks, or those of the container whose network it uses}"""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    owner = {name: entry.get("network_mode", f"service:{name}").removeprefix("service:") for name, entry in services.items()}
    return {name: list(services[owner[name]]["networks"]) for name in services}


def may_make_namespaces() -> bool:
    """CAP_SYS_ADMIN and CAP_NET_ADMIN, here."""
    held = int(re.search(r"^CapEff:\t(\w+)", Path("/proc/self/status").read_text(), re.M).group(1), 16)
    return all(held >> capability & 1 for capability in (12, 21))


def ip(*arguments, batch=None):
    command = ["ip", *arguments, *(["-batch", "-"] if batch else [])]
    done = subprocess.run(command, input=batch, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _enter(fd: int):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(path: str):
    """This thread, and what it starts, is in that network; afterwards back where it was."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(before)
    finally:
        os.close(before)


def inside_of(pid: int):
    """In the network of a process."""
    return inside(f"/proc/{pid}/ns/net")


class Hosts:
    def __init__(self, names):
        declared = compose_networks() | {"portal": [OUTSIDE]}
        declared["nginx"] = [*declared["nginx"], OUTSIDE]
        self.names = list(names)
        self.legs = {name: declared[name.rpartition("-")[0]] for name in self.names}
        self.networks = sorted({n for legs in self.legs.values() for n in legs})
        self.prefix = f"trien{secrets.token_hex(3)}"
        self.made = []
        assert may_make_namespaces(), "no right to make network namespaces: `make check T=hosts` gets it by a user namespace (unshare)"
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _space(self, name):
        return f"{self.prefix}-{name}"

    def _add_space(self, name):
        ip("netns", "add", self._space(name))
        self.made.append(self._space(name))

    def _make(self):
        self._add_space("switch")
        ip("-n", self._space("switch"), batch="".join(
            f"link add {n} type bridge\nlink set {n} up\n" for n in self.networks))
        for name in self.names:
            self._add_space(name)
        ip(batch="".join(
            f"link add {network} netns {self._space(name)} type veth peer name {self._port(name, network)} "
            f"netns {self._space('switch')}\n" for name in self.names for network in self.legs[name]))
        ip("-n", self._space("switch"), batch="".join(
            f"link set {self._port(name, network)} master {network} up\n"
            for name in self.names for network in self.legs[name]))
        for name in self.names:
            ip("-n", self._space(name), batch="link set lo up\n" + "".join(
                f"addr add {self.address(name, n)}/24 dev {n}\nlink set {n} up\n" for n in self.legs[name]))

    def _port(self, name, network):
        """The switch's end of a leg."""
        return f"p{self.names.index(name)}-{network}"

    def network(self, network) -> str:
        return f"10.73.{self.networks.index(network) + 1}.0/24"

    def address(self, name, network=None) -> str:
        """Its address in the network (its first one when none is named)."""
        network = network or self.legs[name][0]
        assert network in self.legs[name], f"{name} has no leg in {network}"
        return f"10.73.{self.networks.index(network) + 1}.{self.names.index(name) + 10}"

    def addresses(self, name) -> dict[str, str]:
        return {network: self.address(name, network) for network in self.legs[name]}

    def path(self, name) -> str:
        """Of the host's namespace, as nsenter takes it."""
        return f"/run/netns/{self._space(name)}"

    def inside(self, name):
        """This thread, and what it starts, is on the host."""
        return inside(self.path(name))

    def cut(self, name):
        """Pulls the host's cables."""
        self._cables(name, "down")

    def mend(self, name):
        self._cables(name, "up")

    def _cables(self, name, state):
        ip("-n", self._space("switch"), batch="".join(
            f"link set {self._port(name, network)} {state}\n" for network in self.legs[name]))

    def close(self):
        for space in self.made:
            subprocess.run(["ip", "netns", "del", space], check=False, timeout=60)
