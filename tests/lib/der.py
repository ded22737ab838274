"""Just enough DER to write a CMS signature by hand."""
from __future__ import annotations

OIDS = {
    "data": "1.2.840.113549.1.7.1", "signedData": "1.2.840.113549.1.7.2",
    "contentType": "1.2.840.113549.1.9.3", "messageDigest": "1.2.840.113549.1.9.4",
    "signingTime": "1.2.840.113549.1.9.5", "signingCertificateV2": "1.2.840.113549.1.9.16.2.47",
    "tstInfo": "1.2.840.113549.1.9.16.1.4",
    "sha1": "1.3.14.3.2.26", "md5": "1.2.840.113549.2.5",
    "sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
    "rsa": "1.2.840.113549.1.1.1", "pss": "1.2.840.113549.1.1.10", "mgf1": "1.2.840.113549.1.1.8",
    "ecdsa-sha1": "1.2.840.10045.4.1", "ecdsa-sha256": "1.2.840.10045.4.3.2",
    "ecdsa-sha384": "1.2.840.10045.4.3.3", "ecdsa-sha512": "1.2.840.10045.4.3.4",
}


def tlv(tag: int, content: bytes) -> bytes:
    n = len(content)
    if n < 0x80:
        return bytes([tag, n]) + content
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, b"".join(parts))


def set_of(parts) -> bytes:
    return tlv(0x31, b"".join(sorted(parts)))


def tagged(number: int, content: bytes) -> bytes:
    return tlv(0xA0 | number, content)


def octets(content: bytes) -> bytes:
    return tlv(0x04, content)


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def utc_time(when) -> bytes:
    return tlv(0x17, when.strftime("%y%m%d%H%M%SZ").encode())


def generalized_time(when) -> bytes:
    return tlv(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


def oid(name: str) -> bytes:
    first, second, *rest = (int(n) for n in OIDS.get(name, name).split("."))
    out = bytearray([first * 40 + second])
    for n in rest:
        group = [n & 0x7F]
        while n := n >> 7:
            group.append(0x80 | n & 0x7F)
        out += bytes(reversed(group))
    return tlv(0x06, bytes(out))


def algorithm(name: str, null: bool) -> bytes:
    return sequence(oid(name), tlv(0x05, b"") if null else b"")


def pss_algorithm(digest: str, salt: int) -> bytes:
    chosen = algorithm(digest, True)
    return sequence(oid("pss"), sequence(
        tagged(0, chosen), tagged(1, sequence(oid("mgf1"), chosen)), tagged(2, integer(salt))))


def attribute(name: str, value: bytes) -> bytes:
    return sequence(oid(name), tlv(0x31, value))


def signing_certificate_v2(sha256: bytes) -> bytes:
    return attribute("signingCertificateV2", sequence(sequence(sequence(octets(sha256)))))
