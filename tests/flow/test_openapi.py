"""docs/openapi.yaml and the running services say the same: every answer fits its schema, every path
and parameter of the description is answered."""
import json
import urllib.request

import jsonschema
import pytest
import yaml

from tests.lib import requests
from tests.lib.lab import ROOT
from tests.lib.public import get

DESCRIPTION = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())


def strict(node):
    """The schema as JSON Schema knows it: `nullable` is a type, references are resolved."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found = DESCRIPTION
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return strict(found)
    made = {name: strict(value) for name, value in node.items() if name != "nullable"}
    if node.get("nullable"):
        made["type"] = [made["type"], "null"]
    return made


def check(method, path, answer):
    """The answer (status, headers, body) of a described operation; its document."""
    status, headers, body = answer
    responses = DESCRIPTION["paths"][path][method]["responses"]
    assert str(status) in responses, f"{method} {path}: {status} is not described: {body[:500]}"
    described = strict(responses[str(status)])
    assert set(described.get("headers", ())) <= set(headers)
    if "content" not in described:
        assert body == b""
        return body
    content = described["content"]
    kind = headers["Content-Type"].split(";")[0]
    assert kind in content, f"{method} {path}: {status} as {kind} is not described"
    if not kind.endswith("json"):
        return body
    document = json.loads(body)
    jsonschema.validate(document, content[kind]["schema"], format_checker=jsonschema.FormatChecker())
    return document


ONE, MANY = "/v1/requests/{id}", "/v1/requests"
CERTIFICATE = "/v1/requests/{id}/certificates/{serial}.cer"


def check_public(lab, request_id):
    """What status, notification and the admin listeners answer; audit's and courier's are tried in their own files."""
    status, notification = lab.process("status"), lab.process("notification")
    serial = lab.get(request_id)["certificates"][0]["serial"]
    for path, url in (("/ca/{ca}.cer", "/ca/{}.cer"), ("/ca/{ca}.pem", "/ca/{}.pem"), ("/crl/{ca}.crl", "/crl/{}.crl")):
        for name in ("root1", "issuing1", "issuing", "nobody"):
            answer = get(status, url.format(name))
            check("get", path, answer)
            if answer[0] == 200:
                check("get", path, get(status, url.format(name), {"If-None-Match": answer[1]["ETag"]}))
    for path in ("/policies/", "/policies/cp/1", "/policies/cps/1", "/policies/cps/2", "/policies/x/1"):
        described = "/policies/" if path == "/policies/" else "/policies/{kind}/{version}"
        answer = get(status, path)
        check("get", described, answer)
        if answer[0] == 200:
            check("get", described, get(status, path, {"If-None-Match": answer[1]["ETag"]}))
    check("get", "/certificates/{serial}.cer", get(status, f"/certificates/{serial}.cer"))  # not published yet
    check("get", "/ocsp/{request}", get(status, "/ocsp/MGEwXzBdMFswWTANBglghkgBZQMEAgEFAAQg"))
    posted = urllib.request.Request(status.url("http", "/ocsp"), b"x", {"Content-Type": "application/ocsp-request"})
    with urllib.request.urlopen(posted, timeout=10) as answer:
        check("post", "/ocsp", (answer.status, answer.headers, answer.read()))
    check("get", "/v1/receipts", get(notification, "/v1/receipts?notice=x&token=y&status=1"))
    for process in (status, notification):
        for path in ("/healthz", "/metrics"):
            with urllib.request.urlopen(process.url("admin", path), timeout=10) as answer:
                check("get", path, (answer.status, answer.headers, answer.read()))


@pytest.mark.lab(replicas=1)
def test_the_portal_api_is_as_described(lab):
    lab.start()
    lab.add_client()
    lab.add_agency()
    good = lab.post(lab.pdf(requests.form03()))
    bad = requests.form01()
    bad["subscribers"][0]["citizen_id"] = "999190000001"
    refused = lab.post(lab.pdf(bad))
    jsonschema.validate(good, strict(DESCRIPTION["components"]["schemas"]["Receipt"]))
    for receipt, state in ((good, "completed"), (refused, "rejected")):
        lab.wait_request(receipt["request_id"], (state,))
        shown = check("get", ONE, lab.http("GET", f"/v1/requests/{receipt['request_id']}"))
        assert shown["state"] == state
        for row in shown["certificates"]:
            der = check("get", CERTIFICATE,
                        lab.http("GET", f"/v1/requests/{shown['request_id']}/certificates/{row['serial']}.cer"))
            assert der[:1] == b"\x30"
    for query in ("", "?state=completed", "?agency=H26.14&limit=1", "?limit=0", "?after=x"):
        check("get", MANY, lab.http("GET", "/v1/requests" + query))
    check("get", ONE, lab.http("GET", "/v1/requests/019aa8f0-0000-7000-8000-000000000000"))
    check("get", CERTIFICATE, lab.http("GET", f"/v1/requests/{good['request_id']}/certificates/ab.cer"))
    check("post", MANY, lab.http("POST", "/v1/requests", b"--x--\r\n",
                                 {"Content-Type": "multipart/form-data; boundary=x"}))
    check_public(lab, good["request_id"])
    lab.token = None
    check("post", MANY, lab.http("POST", "/v1/requests", b"--x--\r\n",
                                 {"Content-Type": "multipart/form-data; boundary=x"}))
    for path, url in ((MANY, "/v1/requests"), (ONE, f"/v1/requests/{good['request_id']}")):
        check("get", path, lab.http("GET", url))
