"""Documents nobody should accept, each with the reasons it must be refused for; and the good ones beside them.

    for case in cases(pki): case.make() -> bytes; case.codes is [] for a document that must be accepted
"""
from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import Callable

from tests.lib.documents import Pki, fast_pdf, make_cms, make_request_pdf, sign_revision
from tests.lib.pdfwriter import CATALOG, CONTENT, FILE, FONT, file_spec, request_document

REQUEST = '{"version": 1, "form": "01", "document": {"number": "452/SKHCN-CNTT", "place": "Hà Nội"}}'.encode()
EVIL = REQUEST.replace(b"452", b"666")

COVERAGE = ["signature_coverage"]
CHANGED = ["document_changed_after_signing"]
CONTENT_CHANGED = ["revision_changes_content"]
INVALID, WEAK = ["signature_invalid"], ["signature_weak"]
STRUCTURE, BOMB = ["document_structure"], ["document_bomb"]


@dataclass
class Case:
    name: str
    make: Callable[[], bytes]
    codes: list
    request: bytes = REQUEST


def good(pki: Pki):
    s = pki.signer

    def pdf(*names, **options):
        return lambda: make_request_pdf(REQUEST, [s(n) for n in names], **options)

    yield Case("fast RSA", pdf("seal-rsa"), [])
    yield Case("fast P-256", pdf("seal-p256"), [])
    yield Case("fast two generations", pdf("officer-rsa", "seal-p256"), [])
    yield Case("fast three signers", pdf("officer-rsa", "officer-p256", "seal-rsa"), [])
    yield Case("fast cross-reference streams", pdf("officer-p256", "seal-p256", xref="stream"), [])
    yield Case("fast PSS", pdf("seal-rsa", pss=True), [])
    yield Case("fast SHA-384", pdf("seal-rsa", digest="sha384"), [])
    yield Case("fast SHA-512 P-256", pdf("seal-p256", digest="sha512"), [])
    yield Case("fast without signingCertificate", pdf("seal-rsa", binding=None, subfilter="adbe"), [])
    yield Case("fast request not packed", pdf("seal-rsa", flate=False), [])
    yield Case("fast names only", pdf("seal-rsa", af=False), [])
    yield Case("fast version 2.0", pdf("seal-rsa", version=b"2.0"), [])
    yield Case("fast revoked after receipt", pdf("revoked-later"), [])
    yield Case("fast certificate without distribution point", pdf("no-cdp"), [])
    yield Case("pyhanko RSA", pdf("seal-rsa", producer="pyhanko"), [])
    yield Case("pyhanko P-256", pdf("seal-p256", producer="pyhanko"), [])
    yield Case("pyhanko first generation", pdf("seal-g1", producer="pyhanko"), [])
    yield Case("pyhanko PSS", pdf("seal-rsa", producer="pyhanko", pss=True), [])
    yield Case("pyhanko SHA-512 adbe", pdf("seal-rsa", producer="pyhanko", subfilter="adbe", digest="sha512"), [])
    yield Case("pyhanko two visible", pdf("officer-rsa", "seal-p256", producer="pyhanko", visible=True), [])
    yield Case("pyhanko validation material", lambda: pyhanko_with_dss(pki), [])
    yield Case("pyhanko document time stamp", lambda: pyhanko_with_time_stamp(pki), [])
    yield Case("pdfsig one", pdf("seal-rsa", producer="pdfsig"), [])
    yield Case("pdfsig two", pdf("officer-rsa", "seal-rsa", producer="pdfsig"), [])


def pyhanko_with_dss(pki: Pki) -> bytes:
    """Signed, validation material added, signed again."""
    import io
    from asn1crypto import crl as acrl, x509 as ax509
    from pyhanko.sign.validation.dss import DocumentSecurityStore
    from tests.lib.documents import pyhanko_sign

    out = io.BytesIO(make_request_pdf(REQUEST, [pki.signer("officer-p256")], producer="pyhanko"))
    DocumentSecurityStore.add_dss(
        out, None, certs=[ax509.Certificate.load(pki.signer("officer-p256").der)],
        crls=[acrl.CertificateList.load(pki.authorities["agencies-g2"].crl())])
    return pyhanko_sign(out.getvalue(), pki.signer("seal-p256"), 2)


def pyhanko_with_time_stamp(pki: Pki) -> bytes:
    from tests.lib.documents import pyhanko_sign, pyhanko_time_stamp
    pdf = make_request_pdf(REQUEST, [pki.signer("officer-p256")], producer="pyhanko")
    return pyhanko_time_stamp(pyhanko_sign(pdf, pki.signer("seal-rsa"), 2), pki)


def permissions(pki: Pki):
    """What the first signer permits: DocMDP (ISO 32000-1 12.8.2.2) and the lock of its field. Made by
    pyHanko."""
    from tests.lib.documents import pyhanko_pdf, pyhanko_sign, pyhanko_time_stamp
    officer, seal = pki.signer("officer-p256"), pki.signer("seal-p256")

    def signed(after=None, **promise):
        def make():
            pdf = pyhanko_sign(pyhanko_pdf(REQUEST, []), officer, 1, **promise)
            return after(pdf) if after else pdf
        return make

    def again(pdf):
        return pyhanko_sign(pdf, seal, 2)

    yield Case("certified, no changes, none made", signed(certify=1), [])
    yield Case("certified, signatures permitted, one more", signed(again, certify=2), [])
    yield Case("certified, annotations permitted, one more signature", signed(again, certify=3), [])
    yield Case("locked, signatures permitted, one more", signed(again, lock=2), [])
    yield Case("certified, no changes, one more signature", signed(again, certify=1), CONTENT_CHANGED)
    yield Case("certified, no changes, a time stamp", signed(
        lambda pdf: pyhanko_time_stamp(pdf, pki), certify=1), CONTENT_CHANGED)
    yield Case("certified, no changes, one more after the next", signed(
        lambda pdf: pyhanko_sign(again(pdf), officer, 3), certify=1), CONTENT_CHANGED)
    yield Case("locked, no changes, one more signature", signed(again, lock=1), CONTENT_CHANGED)
    yield Case("second signer locks, no changes, a third signs", signed(
        lambda pdf: pyhanko_sign(pyhanko_sign(pdf, seal, 2, lock=1), officer, 3)), CONTENT_CHANGED)
    yield Case("second signer locks, no changes, nobody follows", signed(
        lambda pdf: pyhanko_sign(pdf, seal, 2, lock=1)), [])


# --- what the ByteRange and the bytes around it can be made to say ----------------------------------------

def coverage(pki: Pki):
    s = pki.signer("seal-p256")
    first = functools.cache(lambda: fast_pdf(REQUEST, [s]))

    def ranged(text):
        return lambda: fast_pdf(REQUEST, [s], range_text=lambda a, b, n: text.format(
            a=a, b=b, c=n - b, a20=a + 20, b10=b + 10, c10=n - b - 10, short=n - b - 200, a1=a - 1, b1=b + 1).encode())

    for name, text in {
        "gap beyond the signature": "0 {a} {b10} {c10}", "gap inside the signature": "0 {a20} {b} {c}",
        "gap one byte early": "0 {a1} {b} {c}", "gap one byte late": "0 {a} {b1} {c}",
        "begins at one": "1 {a} {b} {c}", "negative": "0 {a} {b} -5", "negative gap": "0 -1 {b} {c}",
        "huge": "0 {a} {b} 99999999999999999999", "wraps around": "0 {a} 18446744073709551615 {c}",
        "out of order": "0 {b} {a} {c}", "three numbers": "0 {a} {b}", "six numbers": "0 {a} {b} {c} 5 5",
        "a reference": "0 {a} {b} 4 0 R", "real numbers": "0 {a}.0 {b} {c}", "stops short": "0 {a} {b} {short}",
        "nothing after": "0 {a} {b} 0", "empty": "",
    }.items():
        yield Case(f"range {name}", ranged(text), COVERAGE)
    yield Case("one byte appended", lambda: first() + b"\n", CHANGED)
    yield Case("revision appended", lambda: first() + appended(first()), CHANGED)
    yield Case("copy of a signature", lambda: copied_signature(s), COVERAGE + CHANGED)
    yield Case("contents under another name", lambda: fast_pdf(REQUEST, [s], contents_key=b"/Kontents"), COVERAGE)
    yield Case("contents empty", lambda: blank(s), INVALID)
    yield Case("no range", lambda: first().replace(b"/ByteRange", b"/ByteRunge"), ["document_not_signed"])
    yield Case("range name escaped", lambda: fast_pdf(REQUEST, [s], range_key=b"/Byte#52ange"), ["document_not_signed"])
    yield Case("range in a comment", lambda: fast_pdf(REQUEST, [s], range_key=b"%/ByteRange", range_tail=b"\n"), STRUCTURE)
    yield Case("signature in a stream", lambda: fast_pdf(REQUEST, [s], wrap=True), STRUCTURE)
    yield Case("signature without a field", lambda: fast_pdf(REQUEST, [s], linked=False), STRUCTURE)
    yield Case("not signed", lambda: fast_pdf(REQUEST, []), ["document_not_signed"])
    yield Case("cut short", lambda: first()[:-100], COVERAGE)
    yield Case("cut in half", lambda: first()[:len(first()) // 2], ["document_not_signed"])
    yield Case("no PDF", lambda: b"PK\3\4" + bytes(200), ["document_not_pdf"])
    yield Case("junk before the header", lambda: b"\n" + first(), ["document_not_pdf"])
    yield Case("no bytes", lambda: b"", ["document_not_pdf"])
    yield Case("encrypted by the trailer", lambda: fast_pdf(
        REQUEST, [s], extra_trailer=b" /Encrypt << /Filter /Standard /V 1 /R 2 /O <00> /U <00> /P -4 >>"),
        ["document_encrypted"])
    yield Case("encrypted by pyhanko", lambda: make_request_pdf(REQUEST, [s], producer="pyhanko", encrypt=True),
               COVERAGE + ["document_encrypted"])


def appended(first: bytes) -> bytes:
    """An incremental update that changes what the page shows."""
    at = len(first)
    body = b"4 0 obj\n<< /Length 0 >>\nstream\n\nendstream\nendobj\n"
    previous = first[first.rindex(b"startxref") + 9:].split()[0]
    return body + b"xref\n4 1\n%010d 00000 n \ntrailer\n<< /Size 30 /Root 1 0 R /Prev %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        at, previous, at + len(body))


def blank(signer) -> bytes:
    w = request_document(REQUEST)
    w.add_signature_field(1, 1000)
    w.end_revision()
    w.patch_byte_range()
    return bytes(w.out)


def copied_signature(signer) -> bytes:
    """A second field whose signature claims the first one's bytes."""
    w = request_document(REQUEST)
    sign_revision(w, signer, 1)
    start, end, size = w.contents_at, w.contents_end, len(w.out)
    blob = bytes(w.out[start + 1:end - 1])
    w.add_signature_field(2, len(blob) // 2)
    w.range_text = lambda a, b, n: b"0 %d %d %d" % (start, end, size - end)
    w.end_revision()
    at, _ = w.patch_byte_range()
    w.out[at + 1:at + 1 + len(blob)] = blob
    return bytes(w.out)


# --- what the CMS and its signer can be -----------------------------------------------------------------

def signatures(pki: Pki):
    rsa, p256 = pki.signer("seal-rsa"), pki.signer("seal-p256")

    def with_cms(signer, **options):
        return lambda: fast_pdf(REQUEST, [signer], **options)

    yield Case("cms over something else", lambda: with_contents(rsa, make_cms(rsa, bytes(32))), INVALID)
    yield Case("cms value broken", with_cms(rsa, broken_signature=True), INVALID)
    yield Case("cms value broken P-256", with_cms(p256, broken_signature=True), INVALID)
    yield Case("cms SHA-1", with_cms(rsa, digest="sha1"), WEAK)
    yield Case("cms MD5", with_cms(rsa, digest="md5"), WEAK)
    yield Case("cms SHA-1 P-256", with_cms(p256, digest="sha1"), WEAK)
    yield Case("cms without signed attributes", with_cms(rsa, signed_attributes=False), INVALID)
    yield Case("cms attached", with_cms(rsa, attached=b"content"), INVALID)
    yield Case("cms two signers", with_cms(rsa, infos=2), INVALID)
    yield Case("cms repeated messageDigest", with_cms(rsa, repeat_attribute=True), INVALID)
    yield Case("cms signingCertificate of another", with_cms(rsa, binding="wrong"), INVALID)
    yield Case("cms leaf not embedded", with_cms(rsa, embed_leaf=False), INVALID)
    yield Case("cms other content type", with_cms(rsa, content_type="signedData"), INVALID)
    yield Case("cms is noise", lambda: with_contents(rsa, bytes(range(256))), INVALID)
    yield Case("cms followed by bytes", lambda: with_contents(rsa, None, tail=b"\0\0evil"), INVALID)
    yield Case("cms one byte of content changed", lambda: flipped(rsa), INVALID)
    yield Case("subfilter pkcs7.sha1", with_cms(rsa, subfilter="sha1"), INVALID)
    yield Case("subfilter x509", with_cms(rsa, subfilter="x509"), INVALID)
    yield Case("subfilter RFC 3161 with a plain signature", with_cms(rsa, subfilter="rfc3161"), STRUCTURE)
    for name, codes in {
        "expired": ["signer_expired"], "not-yet": ["signer_not_yet_valid"], "revoked": ["signer_revoked"],
        "on-hold": ["signer_revoked"], "of-withdrawn": ["signer_revoked"], "of-old": ["signer_expired"],
        "untrusted": ["signer_untrusted"], "impostor": ["signer_untrusted"], "of-leaf": ["signer_untrusted"],
        "weak-rsa": ["signature_weak"], "weak-p192": ["signature_weak"], "of-weak": ["signature_weak"],
        "encipher": ["signer_usage"], "tsa": ["signer_usage"],
    }.items():
        yield Case(f"signer {name}", with_cms(pki.signer(name)), codes)
    yield Case("signer first untrusted, last good", lambda: fast_pdf(
        REQUEST, [pki.signer("untrusted"), rsa]), ["signer_untrusted"])
    yield Case("three reasons at once", lambda: fast_pdf(
        REQUEST, [pki.signer("expired"), pki.signer("revoked")], digest="sha256") + b"\n",
        CHANGED + ["signer_expired", "signer_revoked"])


def with_contents(signer, blob, tail=b"") -> bytes:
    w = request_document(REQUEST)
    if blob is None:
        sign_revision(w, signer, 1)
        used = len(bytes(w.out[w.contents_at + 1:w.contents_end - 1]).rstrip(b"0")) // 2 + 1
        at = w.contents_at + 1 + 2 * used
        w.out[at:at + 2 * len(tail)] = tail.hex().encode()
        return bytes(w.out)
    w.add_signature_field(1, 4096)
    w.end_revision()
    start, end = w.patch_byte_range()
    w.put_contents(start, end, blob)
    return bytes(w.out)


def flipped(signer) -> bytes:
    pdf = bytearray(fast_pdf(REQUEST, [signer]))
    at = pdf.index(b"TEST request")
    pdf[at] ^= 1
    return bytes(pdf)


# --- later revisions, all of them properly signed ----------------------------------------------------------

def revisions(pki: Pki):
    officer, seal = pki.signer("officer-p256"), pki.signer("seal-p256")

    def then(change, first=None, **options):
        def make():
            w = request_document(first if first is not None else REQUEST, **options)
            sign_revision(w, officer, 1)
            change(w)
            sign_revision(w, seal, 2)
            return bytes(w.out)
        return make

    def catalog(extra, names=None):
        def change(w):
            w.put(CATALOG, w.catalog[:-3] + extra + b" >>")
        return change

    def page(extra):
        def change(w):
            w.page += extra
        return change

    def replaced(w):
        w.put_stream(40, EVIL, b"/Type /EmbeddedFile", flate=True)
        w.put(41, file_spec(b"request.json", 40))
        w.put(CATALOG, w.catalog.replace(b"8 0 R", b"41 0 R"))

    def second(w):
        w.put_stream(40, EVIL, b"/Type /EmbeddedFile", flate=True)
        w.put(41, file_spec(b"request.json", 40))
        w.put(CATALOG, w.catalog.replace(b") 8 0 R]", b") 8 0 R (zz) 41 0 R]"))

    def annotation(w):
        w.put(42, b"<< /Type /Annot /Subtype /FreeText /Rect [0 0 595 842] /Contents (paid) /F 4 >>")
        w.annotations.append(42)

    def text_field(w):
        w.put(42, b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (evil) /V (x) /Rect [0 0 595 842] /F 4 >>")
        w.annotations.append(42)
        w.fields.append(42)

    def lost_annotation(w):
        w.annotations.clear()

    def lost_field(w):
        w.fields.clear()

    yield Case("later page content", then(lambda w: w.put_stream(CONTENT, b"q Q")), CONTENT_CHANGED)
    yield Case("later font", then(lambda w: w.put(FONT, b"<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>")),
               CONTENT_CHANGED)
    yield Case("later request stream", then(lambda w: w.put_stream(FILE, EVIL, b"/Type /EmbeddedFile")),
               CONTENT_CHANGED + ["request_not_signed"])
    yield Case("later request replaced", then(replaced), CONTENT_CHANGED + ["request_duplicated"])
    yield Case("later request added beside", then(second), CONTENT_CHANGED + ["request_duplicated"])
    yield Case("later request for the first time", lambda: late_request(officer, seal),
               CONTENT_CHANGED + ["request_not_signed"])
    yield Case("later request removed", then(lambda w: w.put(CATALOG, b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R >>")),
               CONTENT_CHANGED + ["request_not_signed"])
    yield Case("later annotation", then(annotation), CONTENT_CHANGED)
    yield Case("later text field", then(text_field), CONTENT_CHANGED)
    yield Case("later annotation lost", then(lost_annotation), CONTENT_CHANGED)
    yield Case("later field lost", then(lost_field), STRUCTURE)
    yield Case("later object deleted", then(lambda w: w.freed.add(FONT)), CONTENT_CHANGED + STRUCTURE)
    yield Case("later open action", then(catalog(b" /OpenAction << /S /JavaScript /JS (x) >>")), CONTENT_CHANGED)
    yield Case("later optional content", then(catalog(b" /OCProperties << /OCGs [] /D << >> >>")), CONTENT_CHANGED)
    yield Case("later page rotated", then(page(b" /Rotate 180")), CONTENT_CHANGED)
    yield Case("later page action", then(page(b" /AA << >>")), CONTENT_CHANGED)
    digits = b" /Note <" + b"ab" * 2000 + b">"
    yield Case("later digit in a string as long as a signature", then(
        lambda w: setattr(w, "page", w.page.replace(b"abab>", b"abac>")), page_extra=digits), CONTENT_CHANGED)
    yield Case("later signature beside a string as long", then(lambda w: None, page_extra=digits), [])
    yield Case("later second page", then(lambda w: (
        w.put(2, b"<< /Type /Pages /Kids [3 0 R 44 0 R] /Count 2 >>"),
        w.put(44, b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"))), CONTENT_CHANGED)
    yield Case("later object fills an open reference", then(
        lambda w: w.put_stream(90, b"q Q"), page_extra=b" /Thumb 90 0 R"), CONTENT_CHANGED)
    yield Case("later signature with an action", then(
        lambda w: setattr(w, "field_extra", b" /AA << /E << /S /JavaScript /JS (x) >> >>")), CONTENT_CHANGED)
    yield Case("later root", lambda: other_root(officer, seal), CONTENT_CHANGED)
    yield Case("later cross-reference to an older body", lambda: old_body(officer, seal), CONTENT_CHANGED + STRUCTURE)
    yield Case("later form appears calculated", then(lambda w: setattr(w, "form_extra", b" /NeedAppearances true")),
               CONTENT_CHANGED)
    yield Case("later metadata is the page's content", then(lambda w: (
        w.put_stream(CONTENT, b"q Q", b"/Type /Metadata /Subtype /XML"),
        w.put(CATALOG, w.catalog[:-3] + b" /Metadata 4 0 R >>"))), CONTENT_CHANGED)
    yield Case("later validation material is the page", then(
        lambda w: setattr(w, "page", w.page + b" /Rotate 90"), extra_catalog=b" /DSS << /Certs 3 0 R /X 3 0 R >>"),
        CONTENT_CHANGED)
    yield Case("later validation material is the page's content list", then(
        lambda w: (w.put(71, b"[4 0 R 72 0 R]"), w.put_stream(72, b"q Q")), extra_catalog=b" /DSS << /Certs 71 0 R >>",
        page_extra=b" /B 71 0 R", extra_objects=[(71, b"[4 0 R]")]), CONTENT_CHANGED)
    yield Case("later form's fonts are the page's", then(
        lambda w: w.put(73, b"<< /F1 5 0 R /F2 5 0 R >>"), page_extra=b" /F 73 0 R", form_extra=b" /DR << /Font 73 0 R >>",
        extra_objects=[(73, b"<< /F1 5 0 R >>")]), CONTENT_CHANGED)
    yield Case("later form's fonts grow", then(
        lambda w: w.put(73, b"<< /F1 5 0 R /F2 5 0 R >>"), form_extra=b" /DR << /Font 73 0 R >>",
        extra_objects=[(73, b"<< /F1 5 0 R >>")]), [])
    yield Case("later signature is a text annotation", then(lambda w: setattr(w, "widget", b"FreeText")), CONTENT_CHANGED)
    yield Case("later form for the first signature", lambda: late_form(officer, seal), STRUCTURE)
    yield Case("later change signed by three", lambda: there_and_back(pki), CONTENT_CHANGED)


def late_request(officer, seal) -> bytes:
    w = request_document(None)
    sign_revision(w, officer, 1)
    w.put_stream(FILE, REQUEST, b"/Type /EmbeddedFile")
    w.put(8, file_spec(b"request.json", FILE))
    w.put(CATALOG, w.catalog[:-3] + b" /Names << /EmbeddedFiles << /Names [(request.json) 8 0 R] >> >> >>")
    sign_revision(w, seal, 2)
    return bytes(w.out)


def other_root(officer, seal) -> bytes:
    w = request_document(REQUEST)
    sign_revision(w, officer, 1)
    w.put(60, w.catalog)
    w.root = 60
    sign_revision(w, seal, 2)
    return bytes(w.out)


def old_body(officer, seal) -> bytes:
    """The content stream of the first signed revision comes back from the one before."""
    w = request_document(REQUEST)
    first = w.offsets[CONTENT]
    w.end_revision()
    w.put_stream(CONTENT, b"q Q")
    sign_revision(w, officer, 1)
    w.offsets[CONTENT] = first
    sign_revision(w, seal, 2)
    return bytes(w.out)


def late_form(officer, seal) -> bytes:
    """The first revision keeps its signature out of the form."""
    w = request_document(REQUEST)
    w.put_form = lambda: w.put(6, b"<< /Fields [] >>")
    sign_revision(w, officer, 1)
    del w.put_form
    sign_revision(w, seal, 2)
    return bytes(w.out)


def there_and_back(pki: Pki) -> bytes:
    """The second signer is shown another page; the third revision hides the traces."""
    w = request_document(REQUEST)
    sign_revision(w, pki.signer("officer-p256"), 1)
    w.put_stream(CONTENT, b"q Q")
    sign_revision(w, pki.signer("seal-p256"), 2)
    w.put_stream(CONTENT, b"BT /F1 14 Tf 72 770 Td (TEST request for certificates) Tj ET")
    sign_revision(w, pki.signer("seal-rsa"), 3)
    return bytes(w.out)


# --- how a file can be built ------------------------------------------------------------------------------

def structures(pki: Pki):
    s = pki.signer("seal-p256")

    def built(**options):
        return lambda: fast_pdf(REQUEST, [s], **options)

    def stream(entries, content):
        return b"<< /Length %d %s >>\nstream\n" % (len(content), entries) + content + b"\nendstream"

    yield Case("object twice", built(extra_objects=[(FONT, b"<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>")]),
               STRUCTURE)
    yield Case("object hidden", built(extra_objects=[(40, b"<< /Hidden true >>")], unlisted=[40]), STRUCTURE)
    yield Case("object listed elsewhere", lambda: misplaced(s), STRUCTURE)
    yield Case("object wrapped", built(extra_objects=[(40, b"<< /A 1 >>\n41 0 obj\n<< >>\nendobj")]), STRUCTURE)
    yield Case("object in a stream", built(extra_objects=[(40, stream(b"", b"41 0 obj\n<< >>\nendobj"))]), [])
    yield Case("object behind a stream's false length", built(extra_objects=[
        (40, b"<< /Length 3 >>\nstream\nabc\nendstream\nendobj\n41 0 obj\n<< >>\nendobj\nendstream")]), STRUCTURE)
    yield Case("bytes between objects", built(garbage=b"nothing to see\n"), STRUCTURE)
    yield Case("comment between objects", built(garbage=b"% a remark\n"), [])
    yield Case("request missing", lambda: fast_pdf(None, [s]), ["request_missing"])
    yield Case("request under another name", built(request_name=b"Request.json"), ["request_missing"])
    yield Case("request twice", built(second_request=EVIL), ["request_duplicated"])
    yield Case("request once more in an annotation", lambda: annotated(s, True), ["request_duplicated"])
    yield Case("request only in an annotation", lambda: annotated(s, False), ["request_missing"])
    yield Case("request tree with a loop", built(af=False, names=b"(a) 8 0 R] /Kids [70 0 R] /X [", extra_objects=[
        (70, b"<< /Kids [70 0 R] >>")]), STRUCTURE)
    yield Case("request without a stream", built(request_stream=b"<< /Type /EmbeddedFile >>"), STRUCTURE)
    yield Case("request that cannot be unpacked", built(request_stream=stream(b"/Filter /FlateDecode", b"not flate")),
               STRUCTURE)
    yield Case("request bomb small", built(request_stream=stream(
        b"/Filter /FlateDecode", zlib.compress(bytes(3 << 20)))), BOMB)
    yield Case("request bomb large", built(request_stream=stream(
        b"/Filter /FlateDecode", zlib.compress(bytes(1 << 29), 9))), BOMB)
    yield Case("request bomb in a bomb", built(request_stream=stream(
        b"/Filter [/FlateDecode /FlateDecode]", zlib.compress(zlib.compress(bytes(1 << 29), 9)))), BOMB)
    yield Case("object stream bomb", built(extra_objects=[
        (40, stream(b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", zlib.compress(b"41 0 " + b" " * (1 << 30), 9)))]),
        BOMB)
    yield Case("object stream with hidden objects", built(extra_objects=[
        (40, stream(b"/Type /ObjStm /N 1 /First 5", b"41 0 << /Hidden true >>"))]), STRUCTURE)
    yield Case("nested arrays", built(extra_objects=[(40, b"[" * 5000 + b"]" * 5000)]), STRUCTURE)
    yield Case("nested dictionaries", built(extra_objects=[(40, b"<< /A " * 200 + b"1" + b" >>" * 200)]), STRUCTURE)
    yield Case("reference loop", built(extra_objects=[(40, b"41 0 R"), (41, b"40 0 R")]), STRUCTURE)
    yield Case("cross-reference loop", lambda: looped(s), STRUCTURE)
    yield Case("cross-reference huge", built(extra_trailer=b" /XRefStm 99999999999"), STRUCTURE)
    yield Case("many objects", built(garbage=b"".join(
        b"%d 0 obj null endobj\n" % n for n in range(1000, 260000))), STRUCTURE)
    yield Case("seventeen signatures", lambda: fast_pdf(REQUEST, [s] * 17), STRUCTURE)
    yield Case("sixteen signatures", lambda: fast_pdf(REQUEST, [s] * 16), [])


def misplaced(signer) -> bytes:
    w = request_document(REQUEST)
    w.offsets[FONT] = w.offsets[CONTENT]
    sign_revision(w, signer, 1)
    return bytes(w.out)


def annotated(signer, listed: bool) -> bytes:
    w = request_document(REQUEST if listed else None)
    w.put_stream(40, EVIL, b"/Type /EmbeddedFile", flate=True)
    w.put(41, b"<< /Type /Annot /Subtype /FileAttachment /Rect [0 0 9 9] /FS << /Type /Filespec /F (request.json)"
              b" /EF << /F 40 0 R >> >> >>")
    w.annotations.append(41)
    sign_revision(w, signer, 1)
    return bytes(w.out)


def looped(signer) -> bytes:
    """A table that is its own predecessor."""
    plain = fast_pdf(REQUEST, [signer])
    at = int(plain[plain.rindex(b"startxref") + 9:].split()[0])
    w = request_document(REQUEST)
    w.previous = at
    sign_revision(w, signer, 1)
    return bytes(w.out)


def cases(pki: Pki):
    for group in (good, permissions, coverage, signatures, revisions, structures):
        yield from group(pki)
