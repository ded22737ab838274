"""The document gate on real and hostile documents: pyHanko's, poppler's, and those nobody should accept.

The driver is the unit test's program (tests/unit/common/test_document.c), one process for all documents,
so that a crash of one child is seen not to touch the next.
"""
import json
import os
import pathlib
import subprocess
import time

import pytest

from tests.lib import hostile
from tests.lib.documents import make_request_pdf, make_test_pki

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TRIEN_BUILD", ROOT / "build/asan"))
DRIVER = BUILD / "unit/common/test_document"


def judge(trust, crls, files, at=None, known=None):
    env = dict(os.environ)
    if known is not None:
        env["KNOWN"] = known
    done = subprocess.run([DRIVER, "judge", trust, crls, str(int(at or time.time())), *files], env=env,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_test_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def answers(pki, tmp_path_factory):
    """Every case judged in one run of the driver: {name: (case, answer)}."""
    folder = tmp_path_factory.mktemp("documents")
    every = list(hostile.cases(pki))
    assert len({case.name for case in every}) == len(every)
    files = []
    for number, case in enumerate(every):
        files.append(folder / f"{number}.pdf")
        files[-1].write_bytes(case.make())
    judged = judge(pki.trust, pki.crls, files)
    assert len(judged) == len(every)
    return {case.name: (case, answer) for case, answer in zip(every, judged)}


def names():
    """The names alone need no keys, but the cases do: a small stand-in makes none of the documents."""
    class Nobody:
        def __getattr__(self, _):
            return lambda *args, **kwargs: None
    return [case.name for case in hostile.cases(Nobody())]


@pytest.mark.parametrize("name", names())
def test_document(answers, name):
    case, answer = answers[name]
    assert answer["rc"] == "ok"
    assert answer["codes"] == case.codes, answer["reasons"]
    assert answer["verdict"] == ("refused" if case.codes else "accepted")
    assert bytes.fromhex(answer["request"]) == (b"" if case.codes else case.request)


def one(pki, tmp_path, pdf, **options):
    path = tmp_path / "one.pdf"
    path.write_bytes(pdf)
    return judge(pki.trust, options.pop("crls", pki.crls), [path], **options)[0]


def test_unknown_signer_is_refused_before_parsing(pki, tmp_path):
    seal, officer = pki.signer("seal-p256"), pki.signer("officer-p256")
    pdf = make_request_pdf(hostile.REQUEST, [officer, seal])
    assert one(pki, tmp_path, pdf, known=f"{officer.sha256},{seal.sha256}")["verdict"] == "accepted"
    answer = one(pki, tmp_path, pdf, known=seal.sha256)
    assert answer["codes"] == ["signer_unauthorised"] and answer["reasons"][0].startswith("1 ")


def test_stale_and_missing_lists_wait(pki, tmp_path):
    pdf = make_request_pdf(hostile.REQUEST, [pki.signer("seal-p256")])
    answer = one(pki, tmp_path, pdf, crls=tmp_path)
    assert answer["verdict"] == "waits" and answer["codes"] == ["crl_stale"]
    assert answer["needs"] == ["http://127.0.0.1:9/crl/agencies-g2.crl", "http://127.0.0.1:9/crl/root-g2.crl"]
    answer = one(pki, tmp_path, pdf, at=time.time() + 60 * 86400)
    assert answer["verdict"] == "waits"


def test_time_of_receipt_decides(pki, tmp_path):
    pdf = make_request_pdf(hostile.REQUEST, [pki.signer("expired")])
    assert one(pki, tmp_path, pdf, at=time.time() - 3 * 86400)["verdict"] == "accepted"
    pdf = make_request_pdf(hostile.REQUEST, [pki.signer("revoked-later")])
    assert one(pki, tmp_path, pdf, at=time.time() + 3 * 86400)["codes"] == ["signer_revoked"]
    pdf = make_request_pdf(hostile.REQUEST, [pki.signer("revoked")])
    assert one(pki, tmp_path, pdf, at=time.time() - 3 * 86400)["verdict"] == "accepted"


def test_refusals_do_not_wait_for_lists(pki, tmp_path):
    pdf = make_request_pdf(hostile.REQUEST, [pki.signer("seal-p256")]) + b"x"
    assert one(pki, tmp_path, pdf, crls=tmp_path)["verdict"] == "refused"
