"""`make demo` as its users run it, twice: the second time on what the first has left."""
import os
import re
import subprocess
import time

import pytest

from tests.lib.lab import ROOT, free_base_port, take_base_port

BIN = ROOT / "build/release/bin"


@pytest.fixture
def folder(tmp_path):
    # PostgreSQL's socket path is short and its user another one: not below pytest's own folder.
    path = subprocess.run(["mktemp", "-d", "/tmp/trien-demo-XXXXXX"], capture_output=True, text=True, check=True).stdout.strip()
    os.chmod(path, 0o755)
    yield path
    subprocess.run([BIN / "trienctl", "--config", f"{path}/etc/trienctl.conf", "down"], check=False)
    subprocess.run(["rm", "-rf", path], check=True)


@pytest.fixture
def base_port():
    port = take_base_port(1)
    yield port
    free_base_port(port)


def run_demo(folder, port):
    started = time.monotonic()
    done = subprocess.run([ROOT / "compose/demo/demo.sh", BIN, folder, str(port)], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    print(f"demo: {time.monotonic() - started:.0f} s")
    return done


def test_the_demo_runs_and_runs_again(folder, base_port):
    for _ in range(2):
        done = run_demo(folder, base_port)
        assert done.returncode == 0 and "FAILED" not in done.stdout, done.stdout
        assert re.search(r"^demo: 8 requests, 4 certificates, 42 notices, 0 failed$", done.stdout, re.M), done.stdout
