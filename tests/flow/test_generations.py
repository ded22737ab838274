"""Two generations of the issuing authority side by side: the second ceremony in the same tokens, new certificates by the
second, and what is said of each stays its own: lists and OCSP."""
from cryptography import x509
from cryptography.x509 import ocsp

from tests.lib import requests
from tests.lib.lab import read_config, set_config, wait_until, write_config
from tests.lib.public import ask, ask_serial, authority, get

CONFIG = {"revocation": {"crl/pause": "100ms"}, "validation": {"feed/wait": "300ms"},
          "status": {"feed/wait": "300ms", "ocsp/issuers": "issuing1 issuing2"}}


def hold_second_ceremony(lab):
    """As the operator does: the reviewed file with the next ids and names, and the signer told of the key."""
    plan = (lab.dir / "etc/ceremony.conf").read_text()
    for old, new in (("root1", "root2"), ("issuing1", "issuing2"), ("Root CA 1", "Root CA 2"), ("Issuing CA 1", "Issuing CA 2")):
        plan = plan.replace(old, new)
    (lab.dir / "etc/ceremony2.conf").write_text(plan)
    lab.trienctl("ceremony", lab.dir / "etc/ceremony2.conf")
    path = lab.dir / "etc/signer-0.conf"
    config = read_config(path)
    for key, value in list(config["issuers"]["issuing1"].items()):
        text = value[""] if isinstance(value, dict) else value
        set_config(config, f"issuers/issuing2/{key}" if key else "issuers/issuing2", text.replace("issuing1", "issuing2"))
    write_config(path, config)


def issue(lab) -> x509.Certificate:
    request = lab.wait_request(lab.post(lab.pdf(requests.form03()))["request_id"])
    assert request["state"] == "completed", request
    return x509.load_der_x509_certificate(lab.certificate(request["request_id"], request["certificates"][0]["serial"]))


def sign_with(lab, issuer):
    """New certificates come from this generation."""
    signing = lab.process("signing")
    signing.stop()
    path = lab.dir / "etc/signing-0.conf"
    config = read_config(path)
    set_config(config, "issuer", issuer)
    write_config(path, config)
    signing.start()
    lab.wait_well(signing)


def list_of(lab, issuer) -> set[int]:
    """Serial numbers on the list that the public gets, signed by that authority alone."""
    code, _, body = get(lab.process("status"), f"/crl/{issuer}.crl")
    if code != 200:
        return None
    crl = x509.load_der_x509_crl(body)
    assert crl.is_signature_valid(authority(lab, issuer).public_key())
    return {entry.serial_number for entry in crl}


def says(lab, issuer, serial):
    answer, _ = ask_serial(lab.process("status"), authority(lab, issuer), serial)
    return answer.certificate_status if answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL else answer.response_status


def test_each_generation_speaks_for_its_own(template):
    with template.lab(replicas=1, config=CONFIG) as lab:
        hold_second_ceremony(lab)
        lab.start(wait=False)
        for officer in ("officer1", "officer2"):
            lab.trienctl("responder", "approve", "--officer", officer, "--yes", "--issuer", "issuing2", "--file", lab.dir / "approval2")
        lab.wait_well()
        lab.add_client()
        lab.add_agency()
        first = issue(lab)
        sign_with(lab, "issuing2")
        second = issue(lab)
        numbers = {"issuing1": first.serial_number, "issuing2": second.serial_number}
        for certificate, issuer in ((first, "issuing1"), (second, "issuing2")):
            assert certificate.issuer == authority(lab, issuer).subject
            certificate.verify_directly_issued_by(authority(lab, issuer))
            wait_until(f"{issuer} to say good", lambda: says(lab, issuer, certificate.serial_number),
                       until=lambda s: s == ocsp.OCSPCertStatus.GOOD)
            assert ask(lab.process("status"), certificate, authority(lab, issuer))[0].certificate_status == ocsp.OCSPCertStatus.GOOD
        wait_until("both lists", lambda: [list_of(lab, issuer) for issuer in numbers], until=lambda both: both == [set(), set()])

        # The same number means nothing under the other's name.
        assert says(lab, "issuing2", numbers["issuing1"]) == says(lab, "issuing1", numbers["issuing2"]) == ocsp.OCSPCertStatus.UNKNOWN

        def revoke(issuer):
            lab.trienctl("revoke", f"{numbers[issuer]:x}", "--cause", "co_quan_quan_ly", "--note", "TEST")
            wait_until(f"{issuer}'s list", lambda: list_of(lab, issuer), until=lambda found: found == {numbers[issuer]})
            wait_until(f"{issuer} to say revoked", lambda: says(lab, issuer, numbers[issuer]),
                       until=lambda s: s == ocsp.OCSPCertStatus.REVOKED)
        revoke("issuing1")
        assert list_of(lab, "issuing2") == set() and says(lab, "issuing2", numbers["issuing2"]) == ocsp.OCSPCertStatus.GOOD
        assert says(lab, "issuing2", numbers["issuing1"]) == ocsp.OCSPCertStatus.UNKNOWN
        revoke("issuing2")
        assert list_of(lab, "issuing1") == {numbers["issuing1"]}
        # Lists are counted by each for itself; which numbers is the signer's journal's to say.
        rows = dict(lab.sql("revocation", "SELECT issuer, string_agg(number::text, ' ' ORDER BY number) FROM revocation_list GROUP BY 1"))
        assert set(rows) == set(numbers) and all(row.split() == [str(n + 1) for n in range(len(row.split()))] for row in rows.values())
        # What would be on both lists cannot be: a serial number is given once, whoever signs.
        assert lab.value("revocation", "SELECT count(*) FROM pg_constraint WHERE conrelid = 'certificate'::regclass AND contype = 'p' "
                                       "AND pg_get_constraintdef(oid) = 'PRIMARY KEY (serial)'") == "1"
