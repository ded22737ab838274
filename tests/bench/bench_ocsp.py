"""ocsp: answers a second about many certificates by GET, from one `status` with everything it needs running, beside
nginx giving out the very same answers as files. Rounds take turns; wrk asks both in the same way and shares the two
cores with them, so nginx is the peer and the limit at once.
"""
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

from tests.bench.bench_revoke_to_ocsp import CONFIG, SERVICES, issue
from tests.lib.gateways import free_ports
from tests.lib.lab import PLAN, LabTemplate, wait_until
from tests.lib.public import get

NAME = "ocsp"
UNIT = "answers/s"
SECONDS = max(1, round(float(os.environ.get("BENCH_SECONDS", "5"))))  # wrk wants whole ones
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CONNECTIONS = 32
ASK = """local paths, at = {}, 0
for path in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = path end
request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end
"""
NGINX = """worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    open_file_cache max=1000 inactive=60s; default_type application/ocsp-response;
    client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
    server {{ listen 127.0.0.1:{port}; root {dir}/files; expires 1h; }}
}}
"""


def rate(folder, port, paths):
    """Answers a second that wrk got; every one must be a 200."""
    (folder / "ask.lua").write_text(ASK)
    (folder / "paths").write_text("".join(f"{path}\n" for path in paths))
    done = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", folder / "ask.lua",
                           f"http://127.0.0.1:{port}"], env=dict(os.environ, BENCH_PATHS=str(folder / "paths")),
                          capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in done and "Socket errors" not in done, done
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])


def start_nginx(folder, answers):
    port = free_ports(1)[0]
    (folder / "files").mkdir()
    for number, body in enumerate(answers):
        (folder / f"files/{number}").write_bytes(body)
    for path in (folder, folder / "files"):
        path.chmod(0o755)  # its workers are somebody else
    (folder / "nginx.conf").write_text(NGINX.format(dir=folder, port=port))
    return port, subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log", "-g", "daemon off;"])


def run(say):
    template = LabTemplate(fsync=True)
    with tempfile.TemporaryDirectory(prefix="trien-bench-") as name:
        folder = pathlib.Path(name)
        try:
            with template.lab(replicas=1, config=CONFIG) as lab:
                lab.start(*SERVICES)
                lab.add_client()
                lab.add_agency()
                paths = [path for _, path in issue(lab)]
                status = lab.process("status")
                wait_until("an answer about each", lambda: all(b"\x0a\x01\x00" in get(status, p)[2][:8] for p in paths))
                answers = [get(status, path)[2] for path in paths]
                say(f"{len(paths)} certificates, answers of {len(answers[0])} bytes, {CONNECTIONS} connections")
                port, nginx = start_nginx(folder, answers)
                try:
                    wait_until("nginx", lambda: subprocess.run(
                        ["curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/0"]).returncode == 0)
                    rounds = [(rate(folder, lab.base_port + PLAN["status"], paths),
                               rate(folder, port, [f"/{n}" for n in range(len(paths))])) for _ in range(ROUNDS)]
                finally:
                    nginx.terminate()
                    nginx.wait()
        finally:
            template.close()
    for number, (ours, theirs) in enumerate(rounds, 1):
        say(f"round {number}: {ours:.0f}/s; nginx {theirs:.0f}/s")
    ours, theirs = (statistics.median(column) for column in zip(*rounds))
    return {"ours": round(ours, 1), "limit": round(theirs, 1), "peers": {"nginx, the same bytes as files": round(theirs, 1)},
            "rounds": ROUNDS, "seconds": SECONDS, "connections": CONNECTIONS, "certificates": len(paths)}
