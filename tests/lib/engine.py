"""A container engine, if this machine has one: docker with its compose, or podman with podman-compose (of the
tests' own venv, tests/requirements.txt).

    engine = find(); engine.name; engine.compose("up", "-d"); engine.pid("signer")
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.lib.lab import ROOT, run

COMPOSE = ROOT / "compose/compose.yaml"
BASE = "docker.io/library/debian:12-slim"
# A machine that is itself a container may lack cgroup v2 and the right to raise limits.
CONTAINERS_CONF = """[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=4096:8192", "nproc=4096:8192"]
"""


def works(*command) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def find(project: str, folder: Path, environment: dict):
    if works("docker", "info") and works("docker", "compose", "version"):
        return Engine("docker", ["docker", "compose"], project, folder, environment)
    if shutil.which("podman"):
        return Podman("podman", [Path(sys.executable).with_name("podman-compose")], project, folder, environment)
    return None


class Engine:
    def __init__(self, program, compose, project, folder, environment):
        self.program, self.project, self.folder = program, project, folder
        self.environment = {**os.environ, **environment}
        self.command = [*compose, "-p", project, "-f", COMPOSE]
        self.prepare()

    def prepare(self):
        pass

    @property
    def name(self) -> str:
        return self.run("--version").strip()

    def run(self, *arguments, **options):
        return run([self.program, *arguments], env=self.environment, **options)

    def compose(self, *arguments, **options):
        return run([*self.command, *arguments], env=self.environment, cwd=ROOT, **options)

    def container(self, service, number=1) -> str:
        return f"{self.project}-{service}-{number}"

    def inspect(self, service, number=1) -> dict:
        return json.loads(self.run("inspect", self.container(service, number)))[0]

    def pid(self, service, number=1) -> int:
        return self.inspect(service, number)["State"]["Pid"]

    def execute(self, service, *command, number=1) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, "exec", self.container(service, number), *map(str, command)],
                              env=self.environment, text=True, capture_output=True, timeout=120)

    def is_well(self, service, number=1) -> bool:
        """What its health check says."""
        return self.inspect(service, number)["State"]["Health"]["Status"] == "healthy"

    def build(self):
        self.compose("--profile", "tools", "build", timeout=1800)

    def trienctl(self, *arguments):
        return self.compose("--profile", "tools", "run", "--rm", "--no-deps", "-T", "trienctl", *arguments)

    def logs(self, service, number=1) -> str:
        done = subprocess.run([self.program, "logs", "--tail", "15", self.container(service, number)],
                              env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout

    def close(self):
        subprocess.run([*map(str, self.command), "down", "-v"], env=self.environment, cwd=ROOT, capture_output=True,
                       timeout=300)


class Podman(Engine):
    def prepare(self):
        configuration = self.folder / "containers.conf"
        configuration.write_text(CONTAINERS_CONF)
        self.environment["CONTAINERS_CONF"] = str(configuration)
        self.bring_base()

    def bring_base(self):
        """Debian 12 from the registry, else made by debootstrap."""
        if works("podman", "image", "exists", BASE) or works("timeout", "50", "podman", "pull", "-q", BASE):
            return
        began, base = time.monotonic(), self.folder / "base"
        run(["debootstrap", "--variant=minbase", "bookworm", base, "http://deb.debian.org/debian"], timeout=600)
        run(["sh", "-c", f"tar -C {base} -c . | podman import - {BASE}"], env=self.environment)
        shutil.rmtree(base)
        print(f"no registry: base image made by debootstrap in {time.monotonic() - began:.0f} s")

    def build(self):
        """What all share once, before podman-compose builds them side by side; layers of older sources go."""
        for target in ("programs", "debian"):
            self.run("build", "-q", "-f", ROOT / "compose/Dockerfile", "--target", target, "-t", f"trien/{target}", ROOT,
                     timeout=1800)
        super().build()
        self.run("image", "prune", "-f", "--filter", "label=part-of=trien")

    def is_well(self, service, number=1):
        """Podman asks by a timer of systemd's, which may not be there: the same check, now."""
        return subprocess.run(["podman", "healthcheck", "run", self.container(service, number)], env=self.environment,
                              capture_output=True, timeout=60).returncode == 0

    def container(self, service, number=1):
        return f"{self.project}_{service}_{number}"

    def close(self):
        """All that has the project's name, whatever state podman-compose left it in."""
        named = ["--filter", f"name={self.project}"]
        for kind, remove in ((["ps", "-aq"], ["rm", "-f", "-t", "0", "--depend"]), (["pod", "ps", "-q"], ["pod", "rm", "-f"]),
                             (["network", "ls", "-q"], ["network", "rm", "-f"]), (["volume", "ls", "-q"], ["volume", "rm", "-f"])):
            found = subprocess.run(["podman", *kind, *named], env=self.environment, text=True, capture_output=True).stdout.split()
            if found:
                subprocess.run(["podman", *remove, *found], env=self.environment, capture_output=True, timeout=120)
