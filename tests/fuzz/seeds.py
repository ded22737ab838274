#!/usr/bin/env python3
"""Makes the seeds that are not text:  tests/fuzz/seeds.py FOLDER

Documents and CMS messages are made here rather than kept. Needs the packages of tests/requirements.txt and
finds them in build/venv by itself; without them the fuzzer starts from less.
"""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
VENV = ROOT / "build/venv/bin/python"
sys.path.insert(0, str(ROOT))


def documents(folder, pki):
    from tests.lib import hostile
    for number, case in enumerate(hostile.cases(pki)):
        if case.name.startswith(("pdfsig", "pyhanko two", "many", "request bomb", "object stream bomb", "sixteen", "seventeen")):
            continue
        pdf = shrink(case)
        if len(pdf) < 64 * 1024:
            for target in ("pdf_raw", "pdf_child"):
                write(folder / target / f"{number}.pdf", pdf)


def shrink(case):
    """The same document with little room for noise and signatures."""
    from tests.lib import documents as maker
    from tests.lib import hostile, pdfwriter
    original = pdfwriter.noise
    pdfwriter.noise = lambda size: original(64)[:size].ljust(min(size, 64), b"n")
    try:
        return case.make()
    finally:
        pdfwriter.noise = original


def messages(folder, pki):
    import hashlib
    from tests.lib.documents import make_cms
    digest = hashlib.sha256(b"the signed bytes").digest()
    for name in ("seal-rsa", "seal-p256", "officer-rsa"):
        for number, options in enumerate(({}, {"pss": True}, {"digest": "sha512"}, {"digest": "sha1"}, {"binding": None},
                                          {"repeat_attribute": True}, {"attached": b"x"}, {"signed_attributes": False})):
            write(folder / "cms" / f"{name}-{number}.der", make_cms(pki.signer(name), digest, **options))


def lists(folder, pki):
    for name, authority in pki.authorities.items():
        write(folder / "crl" / f"{name}.crl", authority.crl())
        write(folder / "list_check" / f"{name}.crl", b"\x40" + authority.crl())  # behind the size of the parts


def certificates(folder, pki):
    """Behind the octet that chooses the profile."""
    for number, signer in enumerate(pki.signers.values()):
        write(folder / "lint" / f"{signer.name}.der", bytes([number % 7]) + signer.der)


def envelopes(folder, pki):
    """One of each verb on the bus, good and nearly good."""
    from tests.lib.busline import call_frame, fetch_frame, message
    event = message((1, 3), (2, 7), (3, bytes(16)), (4, "ProbeSaid"), (5, "K/1"), (7, 1795320554), (8, b"payload"))
    seeds = {"fetch": fetch_frame(1, "beta", [(0, 1, None, 1), (63, 9, bytes(16), 8)]),
             "fetch-twice": fetch_frame(1, "beta", [(0, 1, None, 1), (0, 1, None, 1)]),
             "call": call_frame(2, "GetHealth", b"", 1795320554000000, "key"),
             "events": message((2, message((1, 1), (2, event), (2, event), (3, message((1, 5), (2, 9)))))),
             "divergence": message((2, message((1, 1), (4, message((1, 5), (2, 9), (3, 1), (4, "why")))))),
             "reply": message((4, message((1, 1), (2, 2003), (3, "detail"), (4, "/field"), (5, 200)))),
             "reply-good": message((4, message((1, 1), (2, 0), (6, b"payload"))))}
    for name, seed in seeds.items():
        write(folder / "envelope" / name, seed)


def ocsp_requests(folder, pki):
    """Under both hashes, with nonces of every kind, of several certificates; good and nearly good."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509 import ocsp
    from tests.lib import der
    for algorithm in (hashes.SHA1(), hashes.SHA256(), hashes.SHA512()):
        size = algorithm.digest_size
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(bytes(size), bytes(size), 0x7FF1E2, algorithm)
        for nonce in (None, b"n", bytes(128)):
            asked = builder if nonce is None else builder.add_extension(x509.OCSPNonce(nonce), critical=False)
            request = asked.build().public_bytes(serialization.Encoding.DER)
            write(folder / "ocsp" / f"{algorithm.name}-{len(nonce or b'')}.der", request)
    one = der.sequence(der.sequence(der.sequence(bytes.fromhex("06052b0e03021a"), bytes.fromhex("0500")),
                                    der.octets(bytes(20)), der.octets(bytes(20)), der.integer(1)))
    write(folder / "ocsp" / "several.der", der.sequence(der.sequence(der.sequence(*[one] * 16))))


def answers(folder, pki):
    """What the sandboxed child may say (common/pdf_child.h), behind the octet that says how many signatures were verified."""
    import struct

    def answer(request, seen, findings=0, magic=0x54504446, details=()):
        rows = b"".join(struct.pack("<QQQII", 100 * n, 100 * n + 50, 100 * n + 90, n % 2, 0) for n in range(1, seen + 1))
        texts = b"".join(d.ljust(120, b"\0") for d in details)
        return (struct.pack("<IIII", magic, findings, seen, len(request)) + texts.ljust(8 * 120, b"\0") + rows.ljust(16 * 32, b"\0") + request)
    for name, verified, said in (("one", 1, answer(b"{}", 1)), ("sixteen", 16, answer(b'{"version": 1}', 16)), ("fewer", 2, answer(b"{}", 1)),
                                 ("bomb", 1, answer(b"", 1, 2, details=(b"", b"too many objects"))),
                                 ("all", 1, answer(b"", 0, 0xFF, details=[b"\x1b[2J" + b"x" * 115] * 8)), ("other", 1, answer(b"{}", 1, magic=1)),
                                 ("beyond", 1, answer(b"{}", 1, 0x100)), ("short", 1, answer(b"{}", 1)[:-1])):
        write(folder / "document_answer" / name, bytes([verified]) + said)


def breaks(folder, pki):
    """What begins a new journal: the whole content of an entry, and the statement alone."""
    from tests.lib.busline import message
    note = (ROOT / "tests/fuzz/corpus/checkpoint/note").read_text()
    said = message((1, 1), (2, "trien.test/journal"), (3, 2), (4, note), (5, note), (6, "the disk"))
    words = [(3, message((1, f"officer{n}"), (2, message((1, f"key {n}"), (2, b"0" * 70))))) for n in (1, 2, 2)]
    for name, officers in (("two", words[:2]), ("one", words[:1]), ("same", words[1:]), ("three", words)):
        begun = message((1, "trien.test/journal/2"), (2, said), *officers, (4, 1795320554000000))
        write(folder / "journal_begun" / name, message((1, "journal"), (2, begun)))
    write(folder / "journal_begun" / "statement", said)
    write(folder / "journal_begun" / "no-kept", message((1, 1), (2, "trien.test/journal"), (3, 2), (4, note), (6, "the disk")))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def main(folder):
    if (folder / ".made").exists():
        return
    try:
        from tests.lib.documents import make_test_pki
    except ImportError:
        if VENV.exists() and pathlib.Path(sys.executable).resolve() != VENV.resolve() and not os.environ.get("TRIEN_SEEDS"):
            os.execve(VENV, [str(VENV), __file__, str(folder)], {**os.environ, "TRIEN_SEEDS": "venv"})
        print("seeds.py: packages are missing, no binary seeds", file=sys.stderr)
        return
    pki = make_test_pki(folder / ".pki")
    for make in (documents, messages, lists, certificates, envelopes, ocsp_requests, answers, breaks):
        make(folder, pki)
    (folder / ".made").touch()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
