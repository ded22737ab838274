"""Who may send what is a table that every program prints (docs/flow.md): the table itself is judged here."""
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = {"operator", "auditor", "officers", "station", "portal"}
READS = ("List", "Get", "Find", "Show", "Count")
# A station's key statement is no event of its own: it travels in the order, and what follows is said. A piece of a post
# is nothing before the post.
SAID_LATER = {"SubmitDeviceKey": "CertificateIssued", "PutPiece": "RequestSubmitted"}


def calls():
    """(service, call, callers, messages out) of every call."""
    service = None
    for line in (ROOT / "docs/flow.md").read_text().splitlines():
        if line.startswith("## "):
            service = line[3:].strip()
        elif line.startswith("| call "):
            _, name, callers, out = [cell.strip() for cell in line.strip("|").split("|")]
            yield service, name.split(" ")[0], set(callers.split()), set(filter(None, out.split(", ")))


def shape(path):
    """A segment with a variable is one variable, whatever it is called and ends with."""
    return "/".join("{}" if "{" in segment else segment for segment in path.split("/"))


def test_every_route_is_described():
    """docs/openapi.yaml has the HTTP routes of the programs and no others; the admin listener's are not in the tables."""
    printed = re.findall(r"^\| http \| (\w+) (\S+) \|", (ROOT / "docs/flow.md").read_text(), re.M)
    admin = re.findall(r'\.method = "(\w+)", \.path = "([^"]+)"', (ROOT / "common/svc_http.c").read_text())
    paths = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"]
    described = {(method.upper(), shape(path)) for path, node in paths.items() for method in node if method != "servers"}
    assert described == {(method, shape(path)) for method, path in printed + admin}
    assert len(printed) > 10 and len(admin) == 2


def sources_of(service) -> list[str]:
    """Its own sources, and those of common/ whose headers they include."""
    own = [p.read_text() for p in (ROOT / "services" / service).glob("*.[ch]")]
    shared = {name for text in own for name in re.findall(r'#include "common/(\w+)\.h"', text)}
    return own + [p.read_text() for p in (ROOT / "common").glob("*.c") if p.stem in shared]


def test_the_page_is_read():
    assert len(list(calls())) > 30 and {"courier", "signing", "signer"} <= {row[0] for row in calls()}


@pytest.mark.parametrize("service, call, callers, out", list(calls()), ids=lambda value: value if isinstance(value, str) else "")
def test_who_may_call_does(service, call, callers, out):
    """A caller is one of the people that init.sh makes a key for, or a service whose code makes this very call."""
    principals = re.search(r'^PRINCIPALS="(.*)"', (ROOT / "compose/init.sh").read_text(), re.M).group(1).split()
    assert callers & PEOPLE <= set(principals) | {"officers"}
    for caller in callers - PEOPLE:
        caller = service if caller == "@self" else caller
        assert (ROOT / "services" / caller).is_dir(), f"{caller} is neither a person nor a service"
        assert any(f"Trien__{call} " in text for text in sources_of(caller)), f"{caller} never calls {call} of {service}"


@pytest.mark.parametrize("service, call, callers, out", list(calls()), ids=lambda value: value if isinstance(value, str) else "")
def test_what_people_change_is_an_event(service, call, callers, out):
    assert not callers & PEOPLE or call.startswith(READS) or out or call in SAID_LATER
