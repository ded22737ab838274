"""What the public asks of status, asked with somebody else's code."""
from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.parse
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp


def get(process, path, headers=None):
    """(status, headers, body)"""
    asked = urllib.request.Request(process.url("http", path), headers=headers or {})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def ask(process, certificate, issuer, algorithm=None, nonce=None, get_path=True):
    """The OCSP response and its HTTP headers."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm or hashes.SHA256())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return send(process, builder, get_path)


def send(process, builder, get_path):
    der = builder.build().public_bytes(serialization.Encoding.DER)
    if get_path:
        status, headers, body = get(process, "/ocsp/" + urllib.parse.quote(base64.b64encode(der), safe=""))
    else:
        asked = urllib.request.Request(process.url("http", "/ocsp"), der,
                                       {"Content-Type": "application/ocsp-request"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            status, headers, body = answer.status, answer.headers, answer.read()
    assert status == 200
    assert headers["Content-Type"] == "application/ocsp-response"
    return ocsp.load_der_ocsp_response(body), headers


def ask_serial(process, issuer, serial):
    """The OCSP response about a serial number."""
    key = issuer.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        digest(issuer.subject.public_bytes()), digest(key), serial, hashes.SHA256())
    return send(process, builder, get_path=False)


def digest(content) -> bytes:
    return hashlib.sha256(content).digest()


def authority(lab, name):
    return x509.load_pem_x509_certificate((lab.dir / f"ca/{name}.pem").read_bytes())
