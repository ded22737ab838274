"""What programs that know nothing of Triện and share no code with each other think of a certificate and its issuer's
revocation list: NSS (certutil, crlutil, vfychain), GnuTLS (certtool), pkilint. openssl is what we use ourselves."""
from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tests.lib.lab import run

LINT = Path(sys.executable).parent


@dataclass
class Papers:
    """Files of one authority: root, issuing (PEM), its list (cryptography's object), in a folder of their own."""
    folder: Path
    root: Path
    issuing: Path
    crl: object

    def file(self, name, one, encoding=Encoding.PEM) -> Path:
        path = self.folder / name
        path.write_bytes(one.public_bytes(encoding))
        return path


def verdict(*command) -> tuple[bool, str]:
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.returncode == 0, done.stdout


def nss(papers: Papers, certificate) -> dict[str, tuple[bool, str]]:
    """NSS's two validators, each with the list and nothing fetched, for a server's certificate."""
    name = f"{certificate.serial_number:x}"
    database, leaf = f"sql:{papers.folder}/nss-{name}", papers.file(f"{name}.pem", certificate)
    Path(database[4:]).mkdir()
    run(["certutil", "-N", "-d", database, "--empty-password"])
    for nick, trust, path in (("root", "CT,C,C", papers.root), ("issuing", ",,", papers.issuing), (name, ",,", leaf)):
        run(["certutil", "-A", "-d", database, "-n", nick, "-t", trust, "-i", path])
    run(["crlutil", "-I", "-d", database, "-t", "1", "-i", papers.file(f"{name}.crl", papers.crl, Encoding.DER)])
    return {"certutil": verdict("certutil", "-V", "-d", database, "-n", name, "-u", "V", "-e"),
            "vfychain": verdict("vfychain", "-d", database, "-pp", "-u", "1", "-g", "leaf", "-h", "testLocalInfoFirst", "-m", "crl",
                                "-s", "requireInfo,forbidFetching", "-a", leaf)}


def gnutls(papers: Papers, certificate) -> dict[str, tuple[bool, str]]:
    chain = papers.folder / f"{certificate.serial_number:x}-chain.pem"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM) + papers.issuing.read_bytes())
    crl = papers.file("list.pem", papers.crl)
    _, said = verdict("certtool", "--verify", "--load-ca-certificate", papers.root, "--load-crl", crl, "--infile", chain)
    return {"certtool": ("Chain verification output: Verified" in said, said)}


def pkilint(papers: Papers, certificate) -> dict[str, tuple[bool, str]]:
    """Form, not trust: nothing to warn of, in the certificate, with its issuer, in the list."""
    leaf, crl = papers.file("linted.pem", certificate), papers.file("linted.crl", papers.crl)
    return {"lint_pkix_cert": verdict(LINT / "lint_pkix_cert", "lint", "-s", "WARNING", leaf),
            "lint_pkix_chain": verdict(LINT / "lint_pkix_signer_signee_cert_chain", "lint", "-s", "WARNING", papers.issuing, leaf),
            "lint_crl": verdict(LINT / "lint_crl", "lint", "-s", "WARNING", "-t", "CRL", "-p", "PKIX", crl)}
