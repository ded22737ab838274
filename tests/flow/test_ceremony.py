"""The key ceremony with real tokens, its results read by programs that are not ours, and the signer's
process as others see it."""
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lib.lab import ROOT, build_dir

PLAN = (ROOT / "compose/ceremony.conf").read_text().replace("@PUBLIC_URL@", "http://127.0.0.1:8081")


class Place:
    """A folder with two empty tokens and a reviewed file, and nothing else of an installation."""

    def __init__(self, folder: Path):
        self.dir = folder
        for name in ("etc", "keys/pin", "keys/bus", "tokens/root", "tokens/signer"):
            (folder / name).mkdir(parents=True, mode=0o700)
        for role in ("root", "signer"):
            (folder / f"keys/pin/{role}.pin").write_text(f"1234{role}")
            (folder / f"keys/pin/{role}.pin").chmod(0o600)
            conf = folder / f"etc/softhsm-{role}.conf"
            conf.write_text(f"directories.tokendir = {folder}/tokens/{role}\nlog.level = ERROR\n")
            subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", f"trien-{role}", "--pin", f"1234{role}",
                            "--so-pin", "87654321"], env=dict(os.environ, SOFTHSM2_CONF=str(conf)), check=True,
                           capture_output=True)
        (folder / "etc/trienctl.conf").write_text(
            f'dir = "{folder}"\nkeys = "{folder}/keys/bus"\npeer_keys = "{folder}/etc/principals.conf"\nbase_port = 8080\n')
        (folder / "etc/principals.conf").touch()
        self.plan(PLAN)

    def plan(self, text: str):
        (self.dir / "etc/ceremony.conf").write_text(text)

    def hold(self):
        return subprocess.run([build_dir() / "bin/trienctl", "--config", self.dir / "etc/trienctl.conf", "ceremony"],
                              capture_output=True, text=True)

    def objects(self, role: str) -> str:
        return subprocess.run(["pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", f"trien-{role}",
                               "--login", "--pin", f"1234{role}", "--list-objects"], capture_output=True, text=True,
                              env=dict(os.environ, SOFTHSM2_CONF=str(self.dir / f"etc/softhsm-{role}.conf")), check=True).stdout


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "place")


def program(*command):
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("root,issuing", [("rsa4096", "p256"), ("p256", "p256"), ("rsa3072", "rsa2048")])
def test_others_accept_what_it_makes(place, root, issuing):
    place.plan(PLAN.replace('"rsa4096"', f'"{root}"').replace('"p256"', f'"{issuing}"'))
    done = place.hold()
    assert done.returncode == 0, done.stderr
    ca = place.dir / "ca"
    assert {p.name for p in ca.iterdir() if not p.name.startswith("ceremony-")} == {
        "root1.cer", "root1.pem", "root1.crl", "issuing1.cer", "issuing1.pem"}
    program("openssl", "verify", "-x509_strict", "-check_ss_sig", "-CAfile", ca / "root1.pem", ca / "root1.pem")
    crl = program("openssl", "crl", "-inform", "DER", "-in", ca / "root1.crl", "-out", ca.parent / "root1.crl.pem", "-text",
                  "-CAfile", ca / "root1.pem")
    assert "verify OK" in crl
    program("openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", ca.parent / "root1.crl.pem",
            "-CAfile", ca / "root1.pem", ca / "issuing1.pem")
    text = program("certtool", "-i", "--infile", ca / "issuing1.pem")
    assert "Path Length Constraint: 0" in text and "TEST Issuing CA 1" in text
    venv = ROOT / "build/venv/bin"
    for name in ("root1", "issuing1"):
        program(venv / "lint_pkix_cert", "lint", "-s", "WARNING", ca / f"{name}.pem")
    program(venv / "lint_crl", "lint", "-t", "ARL", "-p", "PKIX", "-s", "WARNING", ca / "root1.crl")
    program(venv / "lint_pkix_signer_signee_cert_chain", "lint", "-s", "WARNING", ca / "root1.pem", ca / "issuing1.pem")
    program("certtool", "--verify", "--load-ca-certificate", ca / "root1.pem", "--infile", ca / "issuing1.pem")


def test_each_key_lies_in_its_own_token(place):
    assert place.hold().returncode == 0
    for role, label, other in (("root", "root1", "issuing1"), ("signer", "issuing1", "root1")):
        objects = place.objects(role)
        assert f"label:      {label}" in objects and other not in objects
        assert "never extractable" in objects


def test_nothing_is_overwritten(place):
    assert place.hold().returncode == 0
    before = {p: p.read_bytes() for p in (place.dir / "ca").iterdir()}
    again = place.hold()
    assert again.returncode == 1 and "never overwrites" in again.stderr
    assert {p: p.read_bytes() for p in (place.dir / "ca").iterdir()} == before
    # Not even when somebody has carried the files away: the keys are still in the tokens.
    shutil.rmtree(place.dir / "ca")
    again = place.hold()
    assert again.returncode == 1 and "has a key root1" in again.stderr
    assert not (place.dir / "ca/root1.pem").exists()
    assert "KHÔNG THÀNH · FAILED" in next((place.dir / "ca").glob("ceremony-*.txt")).read_text()


def test_every_seal_of_the_transcript_holds(place):
    assert place.hold().returncode == 0
    transcript, = (place.dir / "ca").glob("ceremony-*.txt")
    content = transcript.read_bytes()
    seals = re.findall(rb"SHA-256 \((\d+) byte \xc2\xb7 bytes above\) = ([0-9a-f]{64})\n", content)
    assert len(seals) == 6
    for size, digest in seals:
        assert hashlib.sha256(content[:int(size)]).hexdigest() == digest.decode()
    text = content.decode()
    assert hashlib.sha256((place.dir / "etc/ceremony.conf").read_bytes()).hexdigest() in text
    for name in ("root1.cer", "issuing1.pem", "root1.crl"):
        assert hashlib.sha256((place.dir / "ca" / name).read_bytes()).hexdigest() in text
    for word in ("TEST administrator", "TEST witness", "Bước 2 · Step 2", "never extractable"):
        assert word in text


@pytest.mark.parametrize("change,why", [
    (("Triện TEST Root CA 1", "Root CA 1"), "does not say TEST"),
    (('id = "root1"', 'id = "Root"'), "small letters"),
    (('valid_years = 15', 'valid_years = 21'), "outlive"),
    (('"trien-root"', '"trien-signer"'), "one token"),
    (('    witness = "TEST witness"\n', ""), "at least two"),
    (('"rsa4096"', '"rsa1024"'), "key_kind"),
    (("http://127.0.0.1:8081\"\ncps", "https://127.0.0.1\"\ncps"), "public_url"),
    (('output = "ca"', 'output = "ca"\nsurprise = "1"'), "surprise"),
])
def test_a_wrong_plan_makes_nothing(place, change, why):
    assert change[0] in PLAN
    place.plan(PLAN.replace(*change))
    done = place.hold()
    assert done.returncode in (1, 78) and why in done.stderr, done.stderr
    assert not (place.dir / "ca/root1.pem").exists()
    assert "root1" not in place.objects("root")


def test_the_signer_links_nothing_it_does_not_need():
    libraries = program("ldd", build_dir() / "bin/trien-signer")
    for word in ("libpq", "libcurl", "libmicrohttpd", "libqpdf", "libjansson", "libczmq", "libssl"):
        assert word not in libraries, libraries


def test_the_signer_says_what_it_does():
    flow = program(build_dir() / "bin/trien-signer", "--flow")
    assert re.findall(r"\| call \| (\w+)", flow) == ["SignCertificate", "SignCrl", "AddCrlEntries", "ListIssuers"]
    assert "| signing |" in flow and "event" not in flow
