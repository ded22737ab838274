"""What compose/compose.yaml promises, read from the file itself: no engine is needed."""
import json
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "compose/compose.yaml").read_text()
NGINX = ROOT / "compose/nginx"


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, as docker compose does."""

    def construct_mapping(self, node, deep=False):
        keys = [k.value for k, _ in node.value if k.value != "<<"]
        twice = sorted({k for k in keys if keys.count(k) > 1})
        assert twice == [], f"line {node.start_mark.line + 1}: twice: {twice}"
        return super().construct_mapping(node, deep)


COMPOSE = yaml.load(TEXT, Strict)
ENTRIES = COMPOSE["services"]
SERVICES = sorted(p.parent.name for p in ROOT.glob("services/*/main.c") if p.parent.name != "trienctl")
DATABASES = sorted(p.parent.name for p in ROOT.glob("migrations/*/sqitch.plan") if p.parent.name != "frame")
CONFIGURED = sorted(p.stem for p in ROOT.glob("compose/etc/*.conf") if p.stem != "trienctl")
JOBS = {"migrate", "trienctl"}  # they end by themselves
HOST = "signer-host"  # gives up its rights by itself once the firewall stands; the signer lives in its network
SIGNERS = {"signer", "signing", "revocation"}


def mounts(name):
    """[(host path below TRIEN_DIR, path inside, read-only)]"""
    found = []
    for volume in ENTRIES[name].get("volumes", ()):
        source, inside, *mode = volume.replace("${TRIEN_DIR}/", "").split(":")
        found.append((source, inside, mode == ["ro"]))
    return found


def test_every_service_that_can_be_installed_has_an_entry():
    missing = [s for s in CONFIGURED if s not in ENTRIES]
    assert missing == [], "an entry in compose/compose.yaml"
    assert [s for s in SERVICES if (ROOT / f"compose/etc/{s}.conf").exists() and s not in ENTRIES] == []


@pytest.mark.parametrize("name", ENTRIES)
def test_a_container_gives_up_what_it_does_not_need(name):
    entry = ENTRIES[name]
    assert entry["read_only"] is True and entry["cap_drop"] == ["ALL"]
    assert entry["security_opt"] == ["no-new-privileges:true"]
    assert name == HOST or re.fullmatch(r"[1-9]\d*:[1-9]\d*", entry["user"])
    assert {t.partition(":")[0] for t in entry["tmpfs"]} == {"/run", "/tmp"}
    for word in ("privileged", "pid", "ipc", "devices", "userns_mode", "env_file"):
        assert word not in entry, word
    assert "cap_add" not in entry or name == HOST
    assert "network_mode" not in entry or name == "signer"
    assert entry["build"]["dockerfile"] == "compose/Dockerfile" and entry["build"]["context"] == ".."
    assert name in JOBS or "healthcheck" in entry
    assert name in JOBS or entry["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_service_is_its_program_alone(name):
    entry = ENTRIES[name]
    assert entry["build"]["target"] == "service" and entry["build"]["args"] == {"ROLE": name}
    assert "entrypoint" not in entry and "command" not in entry and "ports" not in entry
    assert entry["healthcheck"]["test"] == ["CMD", "/trien/service", "--config", "/trien/etc/service.conf", "--health"]
    for source, inside, read_only in mounts(name):
        own = source in (f"tokens/{name}", f"data/{name}")
        assert own or read_only, f"{source} may be written"
        assert own or source in (f"containers/{name}", "enrolled", "ca", "trust", "policies"), source


def test_networks_are_as_promised():
    internal = {n: (entry or {}).get("internal", False) for n, entry in COMPOSE["networks"].items()}
    assert internal == {"edge": False, "mesh": True, "data": True, "signer": True}
    assert ENTRIES["signer"]["network_mode"] == f"service:{HOST}" and "networks" not in ENTRIES["signer"]
    assert ENTRIES[HOST]["networks"] == {"signer": {"aliases": ["signer.signer"]}}
    for name, entry in ENTRIES.items():
        if name == "signer":
            continue
        networks = set(entry["networks"])
        assert ("signer" in networks) == (name in SIGNERS | {HOST}), name
        assert name in (HOST, "nginx", "postgres", "migrate") or "mesh" in networks, name
        assert "mesh" not in networks or name == "trienctl" or entry["networks"]["mesh"] == {"aliases": [f"{name}.mesh"]}
        assert ("data" in networks) == (name in DATABASES or name in ("postgres", "migrate")), name
    assert list(ENTRIES["postgres"]["networks"]) == ["data"]
    assert [n for n, entry in ENTRIES.items() if entry.get("ports")] == ["nginx"]


def test_secrets_are_files_and_go_to_one_each():
    declared = COMPOSE["secrets"]
    assert all(entry == {"file": f"${{TRIEN_DIR}}/secrets/{name}"} for name, entry in declared.items())
    users = {}
    for name, entry in ENTRIES.items():
        for secret in entry.get("secrets", ()):
            users.setdefault(secret, []).append(name)
    assert set(users) == set(declared)
    assert {s: u for s, u in users.items() if len(u) != 1} == {}
    for name in CONFIGURED:
        assert f"{name}_bus" in ENTRIES[name]["secrets"]
        assert (f"{name}_database" in ENTRIES[name]["secrets"]) == (name in DATABASES)


def test_the_signers_host_has_the_firewall_of_real_hosts():
    script = (ROOT / "compose/signer-host.sh").read_text()
    port, callers = ENTRIES[HOST]["command"]
    assert 'signer.nft' in script and script.rstrip().splitlines()[-1].startswith("exec setpriv --reuid 10001 --regid 10001")
    assert callers in COMPOSE["networks"]["signer"]["ipam"]["config"][0]["subnet"] and port == "8107"
    assert set(ENTRIES[HOST]["cap_add"]) == {"NET_ADMIN", "SETUID", "SETGID", "SETPCAP"}
    assert "secrets" not in ENTRIES[HOST] and "volumes" not in ENTRIES[HOST]


def test_no_secret_stands_in_the_file():
    assert not re.search(r"(?i)(password|secret|pin|key)\s*[:=]\s*[\"']?(?!\{|\$|\[)[A-Za-z0-9+/=]{8,}", TEXT)
    assert [n for n, entry in ENTRIES.items() if "environment" in entry] == []


def test_the_roots_token_is_on_no_host():
    text = "\n".join(str(mounts(name)) for name in ENTRIES)
    assert "tokens/root" not in text and "root" not in {s for e in ENTRIES.values() for s in e.get("secrets", ())}
    assert not any(source in ("", ".", "tokens", "keys") for name in ENTRIES for source, _, _ in mounts(name))


def test_postgresql_waits_for_the_disk():
    settings = (ROOT / "compose/postgres/postgresql.conf").read_text()
    for line in ("synchronous_commit = on", "fsync = on", "full_page_writes = on", "password_encryption = 'scram-sha-256'"):
        assert line in settings.splitlines()
    rows = [r.split() for r in (ROOT / "compose/postgres/pg_hba.conf").read_text().splitlines() if r and r[0] != "#"]
    assert {r[-1] for r in rows} == {"scram-sha-256"} and {r[0] for r in rows} == {"local", "hostssl"}


def test_the_edge_speaks_modern_tls_to_named_interfaces_only():
    nginx = (NGINX / "nginx.conf").read_text()
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in nginx and "limit_req_status 429;" in nginx
    assert "/metrics" not in nginx and "/healthz" not in nginx
    passed = re.findall(r"set \$at_(\w+) (\w+):(\d+);", nginx + (NGINX / "public.conf").read_text())
    assert all(a == b for a, b, _ in passed)
    declared = dict(re.findall(r'\{"(\w+)", (\d+)\}', (ROOT / "common/svc_conf.c").read_text()))
    assert all(int(port) == 8080 + int(declared[name]) for name, _, port in passed)


def test_the_edge_and_the_services_have_one_limit():
    """A service that hangs up in the middle of a large body is a 503 to the portal, not a 413."""
    said = (NGINX / "nginx.conf").read_text() + (NGINX / "public.conf").read_text()
    for source, constant, place, limit in (
            ("intake/intake.h", "POST_MAX_BYTES ((size_t)20 * 1024 * 1024)", "send_timeout 15s;", "20m"),
            ("courier/rules.h", "WEBHOOK_MAX_BYTES ((size_t)256 * 1024)", "location = /v1/tracking-events {", "256k"),
            ("status/ocsp_request.h", "OCSP_MAX_REQUEST_BYTES ((size_t)8 * 1024)", "location /ocsp {", "8k")):
        assert f"#define {constant}\n" in (ROOT / "services" / source).read_text()
        assert re.search(r"client_max_body_size (\w+);", said[said.index(place):]).group(1) == limit, place


def test_the_edge_refuses_in_the_words_of_the_registry():
    words = {name.lower(): (en, vi) for en, vi, name in re.findall(
        r"// en: (.*)\n *// vi: (.*)\n *(\w+) = \d+;", (ROOT / "proto/error.proto").read_text())}
    said = [json.loads(text) for text in re.findall(r"return \d+ '(\{.*\})\\n';", (NGINX / "problems.conf").read_text())]
    assert len(said) == 6
    for problem in said:
        en, vi = words[problem["code"]]
        assert problem == {"type": f"urn:trien:error:{problem['code']}", "title": en, "status": problem["status"],
                           "code": problem["code"], "text": {"vi": vi, "en": en}}
        assert f"return {problem['status']} '{{\"type\":\"urn:trien:error:{problem['code']}\"" in (NGINX / "problems.conf").read_text()
    # A header of a location's own would take away those of the whole edge.
    assert "add_header" not in (NGINX / "public.conf").read_text() + (NGINX / "problems.conf").read_text()


def test_ports_are_the_frames():
    declared = dict(re.findall(r'\{"(\w+)", (\d+)\}', (ROOT / "common/svc_conf.c").read_text()))
    used = dict(re.findall(r"(\w+)\) echo (\d) ;;", (ROOT / "compose/containers.sh").read_text()))
    assert used == declared


def test_the_images_have_no_shell_and_only_their_program():
    dockerfile = (ROOT / "compose/Dockerfile").read_text()
    assert "FROM scratch AS service\n" in dockerfile
    programs = {n for n, e in ENTRIES.items() if e["build"]["target"] == "service"}
    assert programs == set(SERVICES) | {"trienctl"}
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", "build", "var"} <= set(ignored)


def test_the_operators_tool_finds_its_files_and_services():
    """Where `audit verify`, `audit check` and `export` look by themselves lies in its container, read-only; what it asks
    over HTTP has a name on the network that this answers on."""
    sources = "".join(p.read_text() for p in (ROOT / "services/trienctl").glob("*.c"))
    paths = set(re.findall(r'ctl_path\("((?:ca|data)[^"%]*)"', sources))
    assert {"ca", "ca/root1.pem", "data/audit/journal.pub"} <= paths
    for path in paths:
        mount = [m for m in mounts("trienctl") if f"/trien/operator/{path}/".startswith(f"{m[1]}/") and m[0] != "operator"]
        assert mount and all(readonly for *_, readonly in mount), path
    for service in set(re.findall(r'ctl_url\("(\w+)"', sources)):
        assert ENTRIES[service]["networks"]["edge"] == {"aliases": [f"{service}.edge"]}, service
        assert re.search(rf"^urls\(\) .*for service in [^;]*\b{service}\b", (ROOT / "compose/containers.sh").read_text(), re.M), service
