"""Real ways out for notices, private and on loopback: exim4 as the agency's mail server, Kannel with its
fake network as the SMS gateway. Debian's packages, started with configurations of our own."""
from __future__ import annotations

import email
import email.policy
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

from tests.lib.lab import PLAN, wait_until

FAKE_NETWORK = Path("/usr/lib/kannel/test/fakesmsc")


def have_exim() -> bool:
    return shutil.which("exim4", path="/usr/sbin:/usr/bin") is not None


def have_kannel() -> bool:
    return shutil.which("bearerbox", path="/usr/sbin:/usr/bin") is not None and FAKE_NETWORK.exists()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def is_open(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class MailServer:
    """exim4: takes every recipient but `khong-co@…` (no such mailbox, 550) into one maildir."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port, = free_ports(1)
        self.process = None
        owner = pwd.getpwnam("Debian-exim") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        for name in ("spool", "log", "boxes"):
            (folder / name).mkdir(parents=True)
            os.chown(folder / name, owner.pw_uid, -1)
        config = folder / "exim.conf"
        config.write_text(f"""
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/exim.pid
exim_user = {owner.pw_uid}
exim_group = {owner.pw_gid}
primary_hostname = mta.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
tls_advertise_hosts =
keep_environment =
deliver_drop_privilege = true
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny local_parts = khong-co
       message = no such mailbox
  accept
begin routers
all:
  driver = accept
  transport = boxes
begin transports
boxes:
  driver = appendfile
  directory = {folder}/boxes
  create_directory
  maildir_format
  envelope_to_add
  batch_max = 1
begin retry
* * F,1h,1s
""")
        config.chmod(0o644)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/exim4", "-C", self.folder / "exim.conf", "-bdf", "-q5s"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("exim4", lambda: is_open(self.port))
        return self

    def mails(self, box: str) -> list:
        """What was delivered to this local part."""
        mails = [email.message_from_bytes(p.read_bytes(), policy=email.policy.default)
                 for p in sorted((self.folder / "boxes/new").glob("*"))]
        return [m for m in mails if m["Envelope-to"].startswith(f"{box}@")]

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)


class SmsGateway:
    """Kannel: bearerbox, smsbox and a network that delivers everything and says so."""

    USER, PASSWORD = "trien", "mat khau & thu"

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        self.admin, self.boxes, self.network, self.http = free_ports(4)
        self.processes = []
        (folder / "kannel.conf").write_text(f"""
group = core
admin-port = {self.admin}
admin-password = admin
admin-interface = "127.0.0.1"
smsbox-port = {self.boxes}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = FAKE
port = {self.network}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {self.http}
sendsms-interface = "127.0.0.1"

group = sendsms-user
username = {self.USER}
password = "{self.PASSWORD}"
max-messages = 1

group = sms-service
keyword = default
text = "no service"
""")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}/cgi-bin/sendsms"

    def _run(self, name, *command):
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder))

    def start(self):
        self._run("bearerbox", "/usr/sbin/bearerbox", self.folder / "kannel.conf")
        wait_until("bearerbox", lambda: is_open(self.boxes) and is_open(self.network))
        self._run("smsbox", "/usr/sbin/smsbox", self.folder / "kannel.conf")
        self._run("network", FAKE_NETWORK, "-H", "127.0.0.1", "-r", str(self.network), "-m", "0", "1 2 text none")
        wait_until("smsbox", lambda: is_open(self.http))
        return self

    def settings(self, lab) -> dict:
        """notification's, with its secrets as files of the laboratory; the receipts go to its first replica."""
        for name, secret in (("password", self.PASSWORD), ("receipts", "0123456789abcdef")):
            (lab.dir / name).write_text(secret)
            (lab.dir / name).chmod(0o600)
        return {"sms/transport": "gateway", "gateway/url": self.url, "gateway/user": self.USER,
                "gateway/password_file": lab.dir / "password", "receipts/secret_file": lab.dir / "receipts",
                "receipts/url": f"http://127.0.0.1:{lab.base_port + PLAN['notification']}/v1/receipts"}

    def network_log(self) -> str:
        return (self.folder / "network.log").read_text(errors="replace")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
