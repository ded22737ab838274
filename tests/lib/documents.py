"""Signed request documents for tests, the demo and the benchmarks, and the TEST authorities behind them.

    pki = make_test_pki(Path("/tmp/pki"))             # anchors, intermediates, CRLs, signers
    pdf = make_request_pdf(request, [pki.signer("seal-rsa")])

Three producers: `fast` writes and signs the file itself (thousands a second need no library),
`pyhanko` and `pdfsig` are independent programs. Nothing here imitates a real authority: every name
says TEST.
"""
from __future__ import annotations

import datetime as dt
import functools
import hashlib
import io
import json
import os
import subprocess
import tempfile
import unittest.mock
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.lib import der
from tests.lib.pdfwriter import PdfWriter, request_document

UTC = dt.timezone.utc
DAY = dt.timedelta(days=1)
CRL_BASE = "http://127.0.0.1:9/crl"  # nobody listens there: tests put CRLs where they want them


# --- the TEST authorities ------------------------------------------------------------------------

@dataclass
class Authority:
    """A CA: certificate, key, and the CRL it publishes."""
    name: str
    certificate: x509.Certificate
    key: object
    revoked: list = field(default_factory=list)  # (serial, when, reason)

    def crl(self, this_update=None, next_update=None, digest=hashes.SHA256(), number=1, extra=()) -> bytes:
        now = dt.datetime.now(UTC).replace(microsecond=0)
        builder = (x509.CertificateRevocationListBuilder()
                   .issuer_name(self.certificate.subject)
                   .last_update(this_update or now - DAY)
                   .next_update(next_update or now + 30 * DAY)
                   .add_extension(x509.CRLNumber(number), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       self.certificate.public_key()), False))
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical)
        for serial, when, reason in self.revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
                .add_extension(x509.CRLReason(reason), False).build())
        return builder.sign(self.key, digest).public_bytes(serialization.Encoding.DER)


@dataclass
class Signer:
    """Somebody who signs documents; `chain` is what goes into the CMS beside the leaf."""
    name: str
    certificate: x509.Certificate
    key: object
    chain: list = field(default_factory=list)

    @functools.cached_property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @property
    def is_rsa(self) -> bool:
        return isinstance(self.key, rsa.RSAPrivateKey)


@dataclass
class Pki:
    directory: Path
    authorities: dict
    signers: dict

    @property
    def trust(self) -> Path:
        return self.directory / "trust"

    @property
    def crls(self) -> Path:
        return self.directory / "crl"

    def signer(self, name: str) -> Signer:
        return self.signers[name]

    def write_crls(self, **options) -> None:
        self.crls.mkdir(parents=True, exist_ok=True)
        for authority in self.authorities.values():
            if authority.name != "stray-root":
                (self.crls / f"{authority.name}.crl").write_bytes(authority.crl(**options))


def new_key(kind: str):
    curves = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p224": ec.SECP224R1, "p192": ec.SECP192R1}
    if kind in curves:
        return ec.generate_private_key(curves[kind]())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


def name_of(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Triện TEST"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_usage(*names) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{n: n in names for n in every})


def new_authority(name: str, common_name: str, key, issuer: Authority | None = None, years=20,
                  not_before=None, digest=hashes.SHA256(), path_length=None, is_ca=True) -> Authority:
    now = dt.datetime.now(UTC).replace(microsecond=0)
    start = not_before or now - 365 * DAY
    subject = name_of(common_name)
    parent = issuer.certificate if issuer else None
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(parent.subject if parent else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(start).not_valid_after(start + years * 365 * DAY)
               .add_extension(x509.BasicConstraints(is_ca, path_length if is_ca else None), True)
               .add_extension(key_usage("key_cert_sign", "crl_sign"), True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
    if issuer:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            issuer.key.public_key()), False).add_extension(distribution(issuer.name), False)
    return Authority(name, builder.sign(issuer.key if issuer else key, digest), key)


def distribution(name: str) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints([x509.DistributionPoint(
        [x509.UniformResourceIdentifier(f"{CRL_BASE}/{name}.crl")], None, None, None)])


def new_signer(name: str, common_name: str, key, issuer: Authority, not_before=None, not_after=None,
               usage=("digital_signature", "content_commitment"), eku=None, chain=(),
               digest=hashes.SHA256(), crl=True) -> Signer:
    now = dt.datetime.now(UTC).replace(microsecond=0)
    builder = (x509.CertificateBuilder().subject_name(name_of(common_name))
               .issuer_name(issuer.certificate.subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(not_before or now - 30 * DAY)
               .not_valid_after(not_after or now + 3 * 365 * DAY)
               .add_extension(x509.BasicConstraints(False, None), True)
               .add_extension(key_usage(*usage), True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                   issuer.key.public_key()), False))
    if crl:
        builder = builder.add_extension(distribution(issuer.name), False)
    if eku:
        builder = builder.add_extension(x509.ExtendedKeyUsage([eku]), True)
    return Signer(name, builder.sign(issuer.key, digest), key, list(chain))


def make_test_pki(directory: Path) -> Pki:
    """Two generations of TEST authorities with intermediates, CRLs and signers of every kind; written
    to directory (trust/anchors, trust/intermediates, crl, signers/*.pem with key and certificate)."""
    directory = Path(directory)
    now = dt.datetime.now(UTC).replace(microsecond=0)
    ca = {}
    ca["root-g1"] = new_authority("root-g1", "TEST Root G1", new_key("rsa2048"))
    ca["root-g2"] = new_authority("root-g2", "TEST Root G2", new_key("rsa3072"))
    ca["state-g1"] = new_authority("state-g1", "TEST State Bodies CA", new_key("rsa2048"), ca["root-g1"])
    # The second generation has the same name with another key, and crosses over to P-256.
    ca["state-g2"] = new_authority("state-g2", "TEST State Bodies CA", new_key("rsa3072"), ca["root-g2"],
                                   path_length=0)
    ca["agencies-g2"] = new_authority("agencies-g2", "TEST Agencies CA G2", new_key("p256"), ca["root-g2"])
    ca["old-g1"] = new_authority("old-g1", "TEST Old CA", new_key("rsa2048"), ca["root-g1"], years=1,
                                 not_before=now - 500 * DAY)
    ca["withdrawn-g2"] = new_authority("withdrawn-g2", "TEST Withdrawn CA", new_key("p256"), ca["root-g2"])
    ca["weak-g1"] = new_authority("weak-g1", "TEST Weak CA", new_key("rsa1024"), ca["root-g1"])
    ca["root-g2"].revoked.append((ca["withdrawn-g2"].certificate.serial_number, now - 10 * DAY,
                                  x509.ReasonFlags.key_compromise))
    ca["stray-root"] = new_authority("stray-root", "TEST Stray Root", new_key("p256"))
    s = {}

    def add(name, common_name, kind, issuer, **options):
        s[name] = new_signer(name, common_name, new_key(kind), ca[issuer], **options)

    add("seal-rsa", "TEST Sở Khoa học và Công nghệ", "rsa2048", "state-g2")
    add("seal-p256", "TEST Sở Nội vụ", "p256", "agencies-g2")
    add("seal-g1", "TEST Sở Tài chính", "rsa2048", "state-g1")
    add("officer-rsa", "TEST Nguyễn Văn An", "rsa2048", "state-g1",
        chain=[ca["state-g1"].certificate])
    add("officer-p256", "TEST Trần Thị Bình", "p256", "agencies-g2")
    add("expired", "TEST Expired", "rsa2048", "state-g2", not_before=now - 400 * DAY, not_after=now - DAY)
    add("not-yet", "TEST Not yet valid", "p256", "agencies-g2", not_before=now + DAY)
    add("revoked", "TEST Revoked", "p256", "agencies-g2")
    add("on-hold", "TEST On hold", "p256", "agencies-g2")
    add("revoked-later", "TEST Revoked later", "p256", "agencies-g2")
    add("of-withdrawn", "TEST Of a withdrawn CA", "p256", "withdrawn-g2")
    add("of-old", "TEST Of an expired CA", "rsa2048", "old-g1")
    add("untrusted", "TEST Untrusted", "p256", "stray-root")
    add("weak-rsa", "TEST Weak RSA", "rsa1024", "state-g2")
    add("weak-p192", "TEST Weak curve", "p192", "agencies-g2")
    add("of-weak", "TEST Of a weak CA", "rsa2048", "weak-g1")
    add("encipher", "TEST Encipherment only", "rsa2048", "state-g2", usage=("key_encipherment",))
    add("tsa", "TEST Time stamps", "rsa2048", "state-g2", usage=("digital_signature",),
        eku=ExtendedKeyUsageOID.TIME_STAMPING)
    add("no-cdp", "TEST Without distribution point", "p256", "agencies-g2", crl=False)
    agencies = ca["agencies-g2"]
    agencies.revoked += [
        (s["revoked"].certificate.serial_number, now - 2 * DAY, x509.ReasonFlags.key_compromise),
        (s["on-hold"].certificate.serial_number, now - 2 * DAY, x509.ReasonFlags.certificate_hold),
        (s["revoked-later"].certificate.serial_number, now + 2 * DAY, x509.ReasonFlags.superseded)]
    # A certificate whose issuer's name is trusted but whose key is not.
    impostor = Authority("agencies-g2", agencies.certificate, new_key("p256"))
    s["impostor"] = new_signer("impostor", "TEST Impostor", new_key("p256"), impostor)
    # A leaf that plays CA.
    leaf = Authority("seal-p256", s["seal-p256"].certificate, s["seal-p256"].key)
    s["of-leaf"] = new_signer("of-leaf", "TEST Of a leaf", new_key("p256"), leaf,
                              chain=[s["seal-p256"].certificate])
    pki = Pki(directory, ca, s)
    write_pki(pki)
    return pki


def write_pki(pki: Pki) -> None:
    pem = serialization.Encoding.PEM
    for folder in ("trust/anchors", "trust/intermediates", "signers"):
        (pki.directory / folder).mkdir(parents=True, exist_ok=True)
    for authority in pki.authorities.values():
        if authority.name == "stray-root":
            continue
        root = authority.certificate.issuer == authority.certificate.subject
        folder = pki.trust / ("anchors" if root else "intermediates")
        (folder / f"{authority.name}.pem").write_bytes(authority.certificate.public_bytes(pem))
    for signer in pki.signers.values():
        path = pki.directory / "signers" / f"{signer.name}.pem"
        path.write_bytes(signer.certificate.public_bytes(pem) + signer.key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        path.chmod(0o600)
    pki.write_crls()


# --- CMS, as little as a detached signature needs (RFC 5652, RFC 5035) ------------------------------

DIGESTS = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512,
           "sha1": hashes.SHA1, "md5": hashes.MD5}


def raw_sign(signer: Signer, message: bytes, digest: str, pss: bool) -> tuple[bytes, bytes]:
    """(signature algorithm, signature)"""
    if signer.is_rsa and pss:
        chosen = DIGESTS[digest]()
        scheme = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
        return der.pss_algorithm(digest, chosen.digest_size), signer.key.sign(message, scheme, chosen)
    if signer.is_rsa:
        return der.algorithm("rsa", True), signer.key.sign(message, padding.PKCS1v15(), DIGESTS[digest]())
    return der.algorithm(f"ecdsa-{digest}", False), signer.key.sign(message, ec.ECDSA(DIGESTS[digest]()))


def make_cms(signer: Signer, covered_digest: bytes, digest="sha256", pss=False, claimed_at=None,
             signed_attributes=True, binding="v2", content_type="data", attached=None, infos=1,
             repeat_attribute=False, message=b"", broken_signature=False, embed_leaf=True) -> bytes:
    """A detached CMS signature; every option but pss, claimed_at and binding makes a hostile one."""
    attributes = [der.attribute("contentType", der.oid(content_type)),
                  der.attribute("messageDigest", der.octets(covered_digest)),
                  der.attribute("signingTime", der.utc_time(claimed_at or dt.datetime.now(UTC)))]
    if repeat_attribute:
        attributes.append(der.attribute("messageDigest", der.octets(bytes(len(covered_digest)))))
    if binding:
        leaf = signer.der if binding != "wrong" else signer.der + b"x"
        attributes.append(der.signing_certificate_v2(hashlib.sha256(leaf).digest()))
    to_sign = der.set_of(attributes) if signed_attributes else message
    algorithm, signature = raw_sign(signer, to_sign, digest, pss)
    if broken_signature:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    issuer = signer.certificate.issuer.public_bytes()
    info = der.sequence(
        der.integer(1), der.sequence(issuer, der.integer(signer.certificate.serial_number)),
        der.algorithm(digest, True),
        der.tagged(0, b"".join(sorted(attributes))) if signed_attributes else b"",
        algorithm, der.octets(signature))
    certificates = [signer.der] if embed_leaf else []
    certificates += [c.public_bytes(serialization.Encoding.DER) for c in signer.chain]
    content = der.tagged(0, der.octets(attached)) if attached is not None else b""
    signed = der.sequence(
        der.integer(1), der.set_of([der.algorithm(digest, True)]),
        der.sequence(der.oid("data"), content),
        der.tagged(0, b"".join(certificates)), der.set_of([info] * infos))
    return der.sequence(der.oid("signedData"), der.tagged(0, signed))


# --- documents ----------------------------------------------------------------------------------------

def make_request_pdf(request, signers, producer="fast", size_kb=60, **options) -> bytes:
    """The signed document. request: a dict, or the bytes of request.json as they are to be embedded;
    signers: in the order in which they sign. producer `fast` takes the options of make_cms() and of
    request_document(); `pyhanko` takes subfilter="pades"|"adbe", digest, pss; `pdfsig` only RSA."""
    payload = request if isinstance(request, bytes) else json.dumps(
        request, ensure_ascii=False, indent=1).encode()
    return PRODUCERS[producer](payload, list(signers), size_kb, **options)


def fast_pdf(payload: bytes, signers, size_kb=60, subfilter="pades", **options) -> bytes:
    layout = {k: options.pop(k) for k in list(options) if k in PdfWriter.OPTIONS}
    writer = request_document(payload, size_kb, **layout)
    if not signers:
        writer.end_revision()
    for number, signer in enumerate(signers, 1):
        sign_revision(writer, signer, number, subfilter, **options)
    return bytes(writer.out)


def sign_revision(writer: PdfWriter, signer: Signer, number: int, subfilter="pades", room=None, **cms):
    """Adds one signature field with its widget, writes the revision, signs it."""
    room = room or (4096 if signer.is_rsa else 2560) + 2048 * len(signer.chain)
    writer.add_signature_field(number, room, subfilter)
    writer.end_revision()
    start, end = writer.patch_byte_range()
    digest = hashlib.new(cms.get("digest", "sha256"))
    digest.update(memoryview(writer.out)[:start])
    digest.update(memoryview(writer.out)[end:])
    blob = make_cms(signer, digest.digest(), **cms)
    writer.put_contents(start, end, blob)


def pyhanko_pdf(payload: bytes, signers, size_kb=60, subfilter="pades", digest="sha256", pss=False,
                encrypt=False, visible=False) -> bytes:
    from pyhanko.pdf_utils import embed, generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    base = IncrementalPdfFileWriter(io.BytesIO(skeleton(size_kb)))
    stream = embed.EmbeddedFileObject.from_file_data(base, payload, mime_type="application/json")
    embed.embed_file(base, embed.FileSpec("request.json", embedded_data=stream,
                                          af_relationship=generic.pdf_name("/Data")))
    out = io.BytesIO()
    base.write(out)
    if encrypt:
        from pyhanko.pdf_utils import writer as hanko_writer
        from pyhanko.pdf_utils.reader import PdfFileReader
        copy = hanko_writer.copy_into_new_writer(PdfFileReader(out))
        copy.encrypt(owner_pass="", user_pass="")
        out = io.BytesIO()
        copy.write(out)
    pdf = out.getvalue()
    for number, signer in enumerate(signers, 1):
        pdf = pyhanko_sign(pdf, signer, number, subfilter, digest, pss, encrypt, visible)
    return pdf


def pyhanko_sign(pdf: bytes, signer: Signer, number: int, subfilter="pades", digest="sha256", pss=False,
                 encrypted=False, visible=False, certify=0, lock=0) -> bytes:
    """One more signature by pyHanko, as an incremental update. certify: P of its DocMDP, lock: P of its
    field's lock (0: none); 1 permits no later change, 2 signatures, 3 annotations too. pyHanko would not sign
    after a 1; here it does, as an attacker's copy would."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers as hanko

    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    if encrypted:
        writer.encrypt("")
    kind = fields.SigSeedSubFilter.PADES if subfilter == "pades" else fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED
    box = (50, 50 + 60 * number, 250, 100 + 60 * number) if visible else None
    promise = {"certify": True, "docmdp_permissions": fields.MDPPerm(certify)} if certify else {}
    locked = {"field_mdp_spec": fields.FieldMDPSpec(fields.FieldMDPAction.ALL),
              "doc_mdp_update_value": fields.MDPPerm(lock)} if lock else {}
    metadata = hanko.PdfSignatureMetadata(field_name=f"Signature{number}", md_algorithm=digest, subfilter=kind,
                                          **promise)
    with unittest.mock.patch.object(hanko.PdfSigner, "_enforce_certification_constraints"):
        return hanko.sign_pdf(writer, metadata, signer=pyhanko_signer(signer, pss),
                              new_field_spec=fields.SigFieldSpec(f"Signature{number}", box=box, **locked)).getvalue()


def pyhanko_signer(signer: Signer, pss=False):
    from asn1crypto import keys, x509 as ax509
    from pyhanko.sign import signers as hanko
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    store = SimpleCertificateStore()
    store.register_multiple(ax509.Certificate.load(c.public_bytes(serialization.Encoding.DER))
                            for c in signer.chain)
    return hanko.SimpleSigner(
        signing_cert=ax509.Certificate.load(signer.der), cert_registry=store, prefer_pss=pss,
        signing_key=keys.PrivateKeyInfo.load(signer.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())))


def pyhanko_time_stamp(pdf: bytes, pki: Pki) -> bytes:
    """A document time stamp (ETSI.RFC3161) by the TEST authority for time stamps."""
    from asn1crypto import keys, x509 as ax509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers as hanko
    from pyhanko.sign.timestamps import DummyTimeStamper
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    tsa = pki.signer("tsa")
    stamper = DummyTimeStamper(
        tsa_cert=ax509.Certificate.load(tsa.der), certs_to_embed=SimpleCertificateStore(),
        tsa_key=keys.PrivateKeyInfo.load(tsa.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())))
    return hanko.PdfTimeStamper(stamper).timestamp_pdf(
        IncrementalPdfFileWriter(io.BytesIO(pdf)), "sha256", None).getvalue()


def pdfsig_pdf(payload: bytes, signers, size_kb=60) -> bytes:
    """pdfattach + pdfsig with an NSS database: the road of the demo. RSA only (poppler 22.12)."""
    with tempfile.TemporaryDirectory(prefix="trien-pdfsig-") as folder:
        work = Path(folder)
        (work / "plain.pdf").write_bytes(skeleton(size_kb))
        (work / "request.json").write_bytes(payload)
        run(["pdfattach", "plain.pdf", "request.json", "1.pdf"], work)
        for number, signer in enumerate(signers, 1):
            nss = nss_database(signer)
            run(["pdfsig", "-nssdir", str(nss), "-nss-pwd", "", "-add-signature", "-nick", signer.name,
                 "-digest", "SHA256", f"{number}.pdf", f"{number + 1}.pdf"], work)
        return (work / f"{len(signers) + 1}.pdf").read_bytes()


def run(command, folder) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")


_nss_folders: dict = {}


def nss_database(signer: Signer) -> Path:
    """An NSS database with this signer alone, made once per process."""
    if signer.sha256 not in _nss_folders:
        holder = tempfile.TemporaryDirectory(prefix="trien-nss-")
        folder = Path(holder.name)
        run(["certutil", "-N", "-d", f"sql:{folder}", "--empty-password"], folder)
        bag = pkcs12.serialize_key_and_certificates(
            signer.name.encode(), signer.key, signer.certificate, signer.chain or None,
            serialization.NoEncryption())
        (folder / "signer.p12").write_bytes(bag)
        run(["pk12util", "-i", "signer.p12", "-d", f"sql:{folder}", "-W", ""], folder)
        os.unlink(folder / "signer.p12")
        _nss_folders[signer.sha256] = holder
    return Path(_nss_folders[signer.sha256].name)


@functools.lru_cache(maxsize=8)
def skeleton(size_kb: int) -> bytes:
    """An unsigned page of about size_kb without any attachment."""
    writer = request_document(None, size_kb)
    writer.end_revision()
    return bytes(writer.out)


PRODUCERS = {"fast": fast_pdf, "pyhanko": pyhanko_pdf, "pdfsig": pdfsig_pdf}
