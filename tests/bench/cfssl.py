"""The peer of the issuance benchmark: `cfssl serve` with a P-256 CA key in memory, loaded by wrk with one
posted CSR over and over. It checks no document, keeps no record and syncs nothing to disk.
"""
import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

from tests.lib import requests
from tests.lib.lab import wait_until

CA = {"CN": "TEST cfssl CA", "key": {"algo": "ecdsa", "size": 256}}
SCRIPT = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open("%s"):read("a")
"""


def make_ca(folder):
    (folder / "ca.json").write_text(json.dumps(CA))
    made = subprocess.run(["cfssl", "gencert", "-loglevel=5", "-initca", "ca.json"], cwd=folder, capture_output=True,
                          text=True, check=True)
    authority = json.loads(made.stdout)
    (folder / "ca.pem").write_text(authority["cert"])
    (folder / "ca.key").write_text(authority["key"])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_listening(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def load(folder, port, seconds):
    """Certificates a second that wrk got; every answer must have been one."""
    body = folder / "request.json"
    body.write_text(json.dumps({"hostname": "service.test", "certificate_request": requests.csr()[0]}))
    (folder / "post.lua").write_text(SCRIPT % body)
    done = subprocess.run(["wrk", "-t2", "-c8", f"-d{seconds}s", "-s", folder / "post.lua",
                           f"http://127.0.0.1:{port}/api/v1/cfssl/sign"], capture_output=True, text=True, check=True)
    assert "Non-2xx" not in done.stdout, done.stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))


def rate(seconds=5):
    """Certificates a second, or a text why there is no figure."""
    if not shutil.which("cfssl") or not shutil.which("wrk"):
        return "golang-cfssl or wrk is not installed"
    with tempfile.TemporaryDirectory(prefix="trien-bench-") as name:
        folder, port = pathlib.Path(name), free_port()
        make_ca(folder)
        server = subprocess.Popen(["cfssl", "serve", "-loglevel=5", "-address=127.0.0.1", f"-port={port}",
                                   "-ca=ca.pem", "-ca-key=ca.key"], cwd=folder, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            wait_until("cfssl to listen", lambda: is_listening(port))
            return round(load(folder, port, seconds), 1)
        finally:
            server.kill()
            server.wait()
