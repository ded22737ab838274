"""A small PDF writer that does what it is told, hostile things included.

    writer = request_document(b"{...}", size_kb=60)   # first revision, still open
    writer.put(12, b"<< /Type /Page >>")               # one more object, or the same number again
    writer.end_revision()                              # xref, trailer, startxref, %%EOF

Each revision gets a classic cross-reference table, or a stream with xref="stream".
"""
from __future__ import annotations

import functools
import os
import zlib

CATALOG, PAGES, PAGE, CONTENT, FONT, FORM, IMAGE, FILE_SPEC, FILE = range(1, 10)
FIRST_FREE = 20
SUBFILTERS = {"pades": "ETSI.CAdES.detached", "adbe": "adbe.pkcs7.detached", "sha1": "adbe.pkcs7.sha1",
              "x509": "adbe.x509.rsa_sha1", "rfc3161": "ETSI.RFC3161"}
RANGE_ROOM = 60


def Ref(number: int) -> bytes:
    return b"%d 0 R" % number


class PdfWriter:
    # What request_document() understands.
    OPTIONS = ("version", "request_name", "flate", "request_stream", "second_request", "extra_objects",
               "extra_catalog", "extra_trailer", "page_extra", "xref", "range_key", "range_text",
               "unlisted", "sig_extra", "af", "names", "range_tail", "contents_key", "wrap", "linked",
               "field_extra", "garbage", "freed", "form_extra")

    def __init__(self, version=b"1.7", xref="table", extra_trailer=b"", range_key=b"/ByteRange",
                 range_text=None, unlisted=(), sig_extra=b"",
                 range_tail=b"", contents_key=b"/Contents", wrap=False, linked=True, field_extra=b"", garbage=b"",
                 freed=(), form_extra=b""):
        self.out = bytearray(b"%PDF-" + version + b"\n%\xe2\xe3\xcf\xd3\n")
        self.xref_kind, self.extra_trailer = xref, extra_trailer
        self.range_key, self.range_text, self.sig_extra = range_key, range_text, sig_extra
        self.range_tail, self.contents_key, self.wrap, self.linked = range_tail, contents_key, wrap, linked
        self.field_extra, self.garbage = field_extra, garbage
        self.unlisted = set(unlisted)  # object numbers the cross-reference table keeps silent about
        self.offsets, self.freed = {}, set(freed)  # of the open revision
        self.size, self.previous = FIRST_FREE, None
        self.fields, self.annotations = [], []
        self.form_open = False  # form and page are written when the revision ends
        self.page = self.catalog = b""
        self.form_extra, self.widget = form_extra, b"Widget"
        self.root = CATALOG
        self.range_at = self.contents_at = None
        self.next_number = FIRST_FREE

    def number(self) -> int:
        self.next_number += 1
        return self.next_number - 1

    def put(self, number: int, body: bytes, listed=True) -> int:
        """Writes an object and returns its offset; listed=False keeps it out of the xref."""
        offset = len(self.out)
        if listed and number not in self.unlisted:
            self.offsets[number] = offset
        self.size = max(self.size, number + 1)
        self.out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
        return offset

    def put_stream(self, number: int, content: bytes, entries=b"", flate=False, **options) -> int:
        if flate:
            content, entries = zlib.compress(content, 1), entries + b" /Filter /FlateDecode"
        return self.put(number, b"<< /Length %d%s >>\nstream\n" % (len(content), b" " + entries if entries else b"")
                        + content + b"\nendstream", **options)

    def put_pages(self) -> None:
        annots = b" /Annots [" + b" ".join(map(Ref, self.annotations)) + b"]" if self.annotations else b""
        self.put(PAGE, b"<< " + self.page + annots + b" >>")

    def put_form(self) -> None:
        self.put(FORM, b"<< /Fields [" + b" ".join(map(Ref, self.fields)) + b"] /SigFlags 3"
                 + self.form_extra + b" >>")

    def end_revision(self) -> None:
        if self.form_open:
            self.put_form()
            self.put_pages()
            self.form_open = False
        start = len(self.out)
        if self.xref_kind == "stream":
            self.put_xref_stream(start)
        else:
            self.put_xref_table()
        self.out += b"startxref\n%d\n%%%%EOF\n" % start
        self.previous, self.offsets, self.freed = start, {}, set()

    def trailer(self) -> bytes:
        previous = b" /Prev %d" % self.previous if self.previous is not None else b""
        return b"/Size %d /Root %d 0 R%s%s" % (self.size, self.root, previous, self.extra_trailer)

    def put_xref_table(self) -> None:
        rows = {n: b"%010d 00000 n \n" % at for n, at in self.offsets.items()}
        rows.update({n: b"0000000000 00001 f \n" for n in self.freed})
        if self.previous is None:
            rows[0] = b"0000000000 65535 f \n"
        self.out += b"xref\n"
        for run in runs_of(sorted(rows)):
            self.out += b"%d %d\n" % (run[0], len(run)) + b"".join(rows[n] for n in run)
        self.out += b"trailer\n<< " + self.trailer() + b" >>\n"

    def put_xref_stream(self, start: int) -> None:
        number = self.number()
        self.size = max(self.size, number + 1)
        rows = {n: b"\1" + at.to_bytes(4, "big") + b"\0\0" for n, at in self.offsets.items()}
        rows[number] = b"\1" + start.to_bytes(4, "big") + b"\0\0"
        if self.previous is None:
            rows[0] = b"\0\0\0\0\0\xff\xff"
        index = b" ".join(b"%d %d" % (r[0], len(r)) for r in runs_of(sorted(rows)))
        self.put_stream(number, b"".join(rows[n] for n in sorted(rows)),
                        b"/Type /XRef /W [1 4 2] /Index [" + index + b"] " + self.trailer(), flate=True)

    # --- signatures ---

    def add_signature_field(self, number: int, room: int, subfilter="pades") -> None:
        field, value = self.number(), self.number()
        self.fields.append(field)
        self.annotations.append(field)
        kind = b"DocTimeStamp" if subfilter == "rfc3161" else b"Sig"
        head = b"<< /Type /%s /Filter /Adobe.PPKLite /SubFilter /%s%s " % (
            kind, SUBFILTERS[subfilter].encode(), self.sig_extra)
        key = self.contents_key + b" <"
        body = (head + self.range_key + b" [" + b" " * RANGE_ROOM + b"]" + self.range_tail + b" " + key
                + b"0" * (2 * room) + b"> >>")
        at = self.put_stream(value, body) if self.wrap else self.put(value, body)
        self.range_at = self.out.index(b"[", self.out.index(self.range_key, at + len(head)))
        self.contents_at = self.out.index(key, self.range_at) + len(key) - 1
        self.contents_end = self.contents_at + 2 * room + 2
        link = b" /V %d 0 R" % value if self.linked else b""
        self.put(field, b"<< /Type /Annot /Subtype /%s /FT /Sig /T (Signature%d) /F 132 /Rect [0 0 0 0]"
                 b" /P 3 0 R%s%s >>" % (self.widget, number, link, self.field_extra))
        self.form_open = True

    def patch_byte_range(self) -> tuple[int, int]:
        """Fills in the ByteRange; where the gap begins and ends."""
        ranges = b"0 %d %d %d" % (self.contents_at, self.contents_end, len(self.out) - self.contents_end)
        if self.range_text is not None:
            ranges = self.range_text(self.contents_at, self.contents_end, len(self.out))
        text = ranges.ljust(RANGE_ROOM)
        self.out[self.range_at + 1:self.range_at + 1 + len(text)] = text
        return self.contents_at, self.contents_end

    def put_contents(self, start: int, end: int, blob: bytes) -> None:
        digits = blob.hex().encode()
        if len(digits) > end - start - 2:
            raise ValueError("the signature does not fit its room")
        self.out[start + 1:start + 1 + len(digits)] = digits


def runs_of(numbers):
    run = []
    for n in numbers:
        if run and n != run[-1] + 1:
            yield run
            run = []
        run.append(n)
    if run:
        yield run


@functools.lru_cache(maxsize=8)
def noise(size: int) -> bytes:
    return os.urandom(size)


def file_spec(name: bytes, stream: int) -> bytes:
    return (b"<< /Type /Filespec /F (%s) /UF (%s) /AFRelationship /Data /EF << /F %d 0 R /UF %d 0 R >> >>"
            % (name, name, stream, stream))


def request_document(payload, size_kb=60, request_name=b"request.json", flate=True, request_stream=None,
                     second_request=None, extra_objects=(), extra_catalog=b"", page_extra=b"", af=True,
                     names=None, **options) -> PdfWriter:
    """The first revision, open, with payload embedded as request.json (None: nothing embedded)."""
    w = PdfWriter(**options)
    w.page = (b"/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R"
              b" >> /XObject << /Im0 7 0 R >> >>" + page_extra)
    w.put(PAGES, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
    w.put_stream(CONTENT, b"BT /F1 14 Tf 72 770 Td (TEST request for certificates) Tj ET")
    w.put(FONT, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    room = max(64, size_kb * 1024 - 9000)
    w.put_stream(IMAGE, noise(room), b"/Type /XObject /Subtype /Image /Width %d /Height 1 /ColorSpace"
                 b" /DeviceGray /BitsPerComponent 8" % room)
    catalog = b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R" + extra_catalog
    if payload is not None:
        entries = b"(%s) 8 0 R" % request_name
        w.put(FILE_SPEC, file_spec(request_name, FILE))
        if request_stream is not None:
            w.put(FILE, request_stream)
        else:
            w.put_stream(FILE, payload, b"/Type /EmbeddedFile /Subtype /application#2Fjson /Params << /Size %d >>"
                         % len(payload), flate=flate)
        if second_request is not None:
            stream, spec = w.number(), w.number()
            w.put_stream(stream, second_request, b"/Type /EmbeddedFile", flate=True)
            w.put(spec, file_spec(b"request.json", stream))
            entries += b" (second) " + Ref(spec)
        catalog += b" /Names << /EmbeddedFiles << /Names [" + (names or entries) + b"] >> >>"
        catalog += b" /AF [8 0 R]" if af else b""
    w.catalog = catalog + b" >>"
    w.put(CATALOG, w.catalog)
    w.form_open = True
    for number, body in extra_objects:
        w.put(number, body)
    w.out += w.garbage
    return w
