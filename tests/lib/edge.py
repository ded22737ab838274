"""The edge of a laboratory: a real nginx with compose/nginx/*.conf as they are, but for paths, ports and the
addresses of the services behind it.

    with Edge(folder, upstreams={"intake": "10.73.1.10:8080", …}, address="10.73.5.19") as edge: …
"""
from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path

from tests.lib.lab import DEADLINE, ROOT, run, wait_until

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


def make_certificate(folder: Path, address: str):
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/O=Triện TEST/CN=edge", "-addext", f"subjectAltName=IP:{address}",
         "-keyout", folder / "edge_key", "-out", folder / "edge_certificate"])


class Edge:
    def __init__(self, folder: Path, upstreams: dict[str, str], address="127.0.0.1", https_port=8443, http_port=8080,
                 on=contextlib.nullcontext):
        """on: where it runs, a function that gives a context (Lab.on)."""
        self.folder, self.address, self.https_port, self.http_port = Path(folder), address, https_port, http_port
        self.folder.mkdir()
        make_certificate(self.folder, address)
        (self.folder / "resolver.conf").write_text("")  # addresses are numbers here
        for name in ("nginx.conf", "public.conf", "problems.conf"):
            self._write(name, upstreams)
        with open(self.folder / "log", "wb") as log, on():
            self.popen = subprocess.Popen([NGINX, "-c", self.folder / "nginx.conf"], stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, start_new_session=True)
        self.trust = ssl.create_default_context(cafile=self.folder / "edge_certificate")
        with on():
            wait_until("the edge to listen", self._listens)

    def _write(self, name, upstreams):
        text = (ROOT / "compose/nginx" / name).read_text()
        for service, address in upstreams.items():
            text = re.sub(rf"(?<=set \$at_{service} )[\w.:]+", address, text)
        here = {"/run/secrets/": f"{self.folder}/", "/tmp/": f"{self.folder}/", "/dev/stdout": f"{self.folder}/access.log",
                "/dev/stderr": f"{self.folder}/error.log", "listen 8443": f"listen {self.address}:{self.https_port}",
                "listen 8080": f"listen {self.address}:{self.http_port}"}
        text = re.sub("|".join(map(re.escape, here)), lambda found: here[found.group(0)], text)
        if os.geteuid() == 0:  # its files lie in a folder of root's
            text = "user root;\n" + text if name == "nginx.conf" else text
        (self.folder / name).write_text(text)

    def _listens(self):
        assert self.popen.poll() is None, (self.folder / "log").read_text() + self.errors()
        with socket.socket() as s:
            return s.connect_ex((self.address, self.https_port)) == 0

    def errors(self) -> str:
        log = self.folder / "error.log"
        return log.read_text() if log.exists() else ""

    def door(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(self.address, self.https_port, timeout=DEADLINE, context=self.trust)

    def public(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, self.http_port, timeout=DEADLINE)

    def url(self, _kind, path) -> str:
        """As tests/lib/public.py asks a service."""
        return f"http://{self.address}:{self.http_port}{path}"

    def close(self):
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGTERM)  # SIGQUIT waits for every open connection
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
