"""The procedures of docs/operations.md. A base backup and the archived log bring the whole cluster back to a named
moment, and the portal's repeat makes good what came after it; one database brought back alone is noticed by those
who read its feed, and they go on once it is back where it was; a bus key is replaced while requests flow.
"""
import re
import signal

import pytest

from tests.lib import busline, ledger, requests
from tests.lib.lab import PLAN, LabTemplate, wait_until


@pytest.fixture(scope="module")
def own_template():
    made = LabTemplate()
    made.cluster("archive", made.dir / "wal")
    made.cluster("stop")
    made.cluster("start")
    yield made
    made.close()


def stop_services(lab):
    for process in lab.processes.values():
        process.stop()


def start_services(lab, *without):
    lab.start("signer")
    lab.start(*(s for s in lab.services() if s not in ("signer", *without)))


def journal_alarm(lab):
    health = lab.process("audit").health()
    return health["journal"]["alarm"] if health else None


def post(lab, pdf, key):
    status, answer = lab.post_raw([("document", "request.pdf", pdf)], key=key)
    assert status == 202, answer
    return answer["request_id"]


def complete(lab, pdf, key):
    request = post(lab, pdf, key)
    assert lab.wait_request(request)["state"] == "completed"
    return request


def signed_entries(lab):
    return float(re.search(r"^trien_journal_signed_entries (\S+)$", lab.process("audit").metrics(), re.M)[1])


def test_the_cluster_comes_back_to_a_moment(own_template):
    with own_template.lab(replicas=1, config={"audit": {"checkpoint/every": "500ms"}}) as lab:
        start_services(lab)
        lab.add_client()
        lab.add_agency()
        papers = [lab.pdf(requests.form03()) for _ in range(3)]
        first = complete(lab, papers[0], "key-1")
        backup = own_template.cluster("backup", own_template.dir / "backups").strip().splitlines()[-1]
        second = complete(lab, papers[1], "key-2")
        wait_until("everything to end", lambda: ledger.pending(lab), until=lambda left: not left)
        own_template.psql("postgres", "SELECT pg_create_restore_point('before_the_accident')")
        entries = int(lab.value("audit", "SELECT size FROM journal_head"))
        third = complete(lab, papers[2], "key-3")
        wait_until("everything to end", lambda: ledger.pending(lab), until=lambda left: not left)
        wait_until("a checkpoint of what will be gone", lambda: signed_entries(lab) > entries)
        stop_services(lab)
        own_template.cluster("stop")
        said = own_template.cluster("restore", backup, own_template.dir / "wal", "before_the_accident")
        assert "timeline 2" in said
        start_services(lab, "audit")
        # What was signed of the journal is more than came back: audit says so and signs no more, the others go on.
        lab.start("audit", wait=False)
        wait_until("audit to say it", lambda: journal_alarm(lab), until=lambda alarm: "daily file" in (alarm or ""))
        assert [lab.get(r)["state"] for r in (first, second)] == ["completed", "completed"]
        assert lab.http("GET", f"/v1/requests/{third}")[0] == 404
        lab.trienctl("audit", "begin-journal", "--officer", "officer1", "--note", "khôi phục tới trước sự cố", "--yes")
        lab.trienctl("audit", "begin-journal", "--officer", "officer2", "--yes")
        repeated = complete(lab, papers[2], "key-3")
        assert repeated != third
        wait_until("everything to end", lambda: ledger.pending(lab), until=lambda left: not left)
        ledger.check_logs(lab)
        expected = {first: True, second: True, repeated: True}
        ledger.check_requests(lab, expected)
        ledger.check_certificates(lab, expected)
        # A journal of two parts: the officers' word stands between them, and the copy on the disk agrees with it.
        wait_until("a checkpoint of the new journal", lambda: journal_alarm(lab) == "" and signed_entries(lab) > entries)
        said = lab.trienctl("audit", "verify", "--live")
        assert "begins journal trien.test/journal/2" in said and "khôi phục tới trước sự cố" in said
        # The signer's journal is no database: it still knows the certificate that the accident took from the others.
        ledger.check_journal(lab, expected | {third: True})


def quick(template):
    """Fetches that wait shortly: a partition that stood still is asked for again with the next one."""
    services = [p.stem for p in (template.dir / "etc").glob("*.conf") if p.stem in PLAN and p.stem != "signer"]
    return template.lab(replicas=1, config={s: {"feed/wait": "1s"} for s in services})


def stopped(lab, service):
    health = lab.process(service).health()
    return health and health["lanes"]["stopped"]


def test_one_database_brought_back_alone_is_noticed(own_template):
    with quick(own_template) as lab:
        start_services(lab)
        lab.add_client()
        lab.add_agency()
        complete(lab, lab.pdf(requests.form03()), "key-1")
        wait_until("everything to end", lambda: ledger.pending(lab), until=lambda left: not left)
        psql, ours = own_template.psql, lab.prefix + "validation"
        owner = f'OWNER "{psql("postgres", f"SELECT datdba::regrole FROM pg_database WHERE datname = {chr(39)}{ours}{chr(39)}")[0][0]}"'
        lab.process("validation").stop()
        psql("postgres", f"CREATE DATABASE {ours}_early TEMPLATE {ours} {owner}")
        psql("postgres", f"GRANT CONNECT, TEMPORARY ON DATABASE {ours}_early TO trien_validation")
        lab.start("validation")
        waiting = complete(lab, lab.pdf(requests.form03()), "key-2")
        wait_until("everything to end", lambda: ledger.pending(lab), until=lambda left: not left)
        lab.process("validation").stop()
        for old, new in ((ours, f"{ours}_late"), (f"{ours}_early", ours)):
            psql("postgres", f"ALTER DATABASE {old} RENAME TO {new}")
        lab.start("validation")
        wait_until("signing to notice", lambda: stopped(lab, "signing"))
        health = lab.process("signing").health()
        assert not health["ok"] and not health["lanes"]["ok"]
        wait_until("the line", lambda: '"event":"histories_differ"' in lab.process("signing").log.read_text())
        assert lab.get(waiting)["state"] == "completed"  # what was done is done
        lab.process("validation").stop()
        for old, new in ((ours, f"{ours}_early"), (f"{ours}_late", ours)):
            psql("postgres", f"ALTER DATABASE {old} RENAME TO {new}")
        psql("postgres", f"DROP DATABASE {ours}_early WITH (FORCE)")
        lab.start("validation")
        wait_until("signing to go on", lambda: stopped(lab, "signing") == 0)
        complete(lab, lab.pdf(requests.form03()), "key-3")
        wait_until("everything to end", lambda: ledger.pending(lab), until=lambda left: not left)
        ledger.check_logs(lab)


# --- keys of the bus -------------------------------------------------------------------------------------

def hang_up(lab):
    """Everybody reads the principals' file again."""
    heard = {p.name: p.log.read_text().count('"name":"HUP"') for p in lab.processes.values()}
    for process in lab.processes.values():
        process.popen.send_signal(signal.SIGHUP)
    for process in lab.processes.values():
        wait_until(f"{process.name} to hear it", lambda: process.log.read_text().count('"name":"HUP"') > heard[process.name])


def is_known(lab, service, keys):
    """Whether a key is somebody's at a service."""
    peer = busline.Peer(lab.bus_addresses(service), (lab.dir / f"keys/bus/{service}.public").read_text().strip(), keys)
    try:
        return peer.call("GetHealth", b"", seconds=3) is not None
    finally:
        peer.close()


def test_a_key_is_replaced_while_the_system_runs(own_template):
    keys = own_template.dir / "keys/bus"
    with own_template.lab(replicas=1) as lab:
        start_services(lab)
        lab.add_client()
        lab.add_agency()
        complete(lab, lab.pdf(requests.form03()), "key-1")
        for half in ("secret", "public"):
            (keys / f"intake.{half}").rename(keys / f"intake.{half}.old")
        old = tuple((keys / f"intake.{half}.old").read_text().strip() for half in ("public", "secret"))
        lab.trienctl("keys", "intake")
        principals = lab.dir / "etc/principals.conf"
        assert principals.read_text().count("intake = ") == 2
        hang_up(lab)
        assert is_known(lab, "validation", old)
        lab.process("intake").stop()
        lab.start("intake")
        complete(lab, lab.pdf(requests.form03()), "key-2")
        lines = [line for line in principals.read_text().splitlines() if old[0] not in line]
        principals.write_text("\n".join(lines) + "\n")
        hang_up(lab)
        wait_until("the old key to be nobody's", lambda: not is_known(lab, "validation", old))
        complete(lab, lab.pdf(requests.form03()), "key-3")
        wait_until("everything to end", lambda: ledger.pending(lab), until=lambda left: not left)
