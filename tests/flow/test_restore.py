"""Every database brought back to one moment, while an order was on its way: the signer has signed what nobody knows any
more. What the agency then reads says so, and what it is to do."""
from tests.lib import requests
from tests.lib.lab import wait_until


def copy_all(lab, old, new):
    """Every database of the laboratory, from one name to another; nobody is connected."""
    psql = lab.template.psql
    for ours in lab.databases:
        service = ours.removeprefix(lab.prefix)
        if psql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{ours}{new}'"):
            psql("postgres", f"DROP DATABASE {ours}{new} WITH (FORCE)")
        psql("postgres", f"CREATE DATABASE {ours}{new} TEMPLATE {ours}{old} OWNER trien_{service}_owner",
             f"GRANT CONNECT, TEMPORARY ON DATABASE {ours}{new} TO trien_{service}")


def stop(lab):
    """All but the signer, whose journal is no database."""
    for process in list(lab.processes.values()):
        if process.service != "signer" and process.alive():
            process.stop()
    connected = f"SELECT count(*) FROM pg_stat_activity WHERE datname LIKE '{lab.prefix}%'"
    wait_until("nobody to be connected", lambda: lab.template.psql("postgres", connected), until=lambda n: n == [["0"]])


def test_an_order_on_its_way_at_the_restore(template):
    with template.lab(replicas=1) as lab:
        services = [s for s in lab.services() if s not in ("signer", "audit")]  # audit has a test of its own: test_operations.py
        lab.start("signer")
        lab.start(*services)
        lab.add_client()
        lab.add_agency()
        lab.process("signing").stop()
        document = lab.pdf(requests.form03())
        request = lab.post(document, key="key-1")["request_id"]
        lab.wait_item(request, 1, "authorized")
        stop(lab)
        copy_all(lab, "", "_moment")
        lab.start(*services)
        gone = lab.wait_request(request)["certificates"][0]["serial"]
        stop(lab)
        copy_all(lab, "_moment", "")
        try:
            lab.start(*services)
            shown = lab.wait_request(request)
            assert shown["state"] == "failed" and shown["certificates"] == []
            reason, = shown["subscribers"][0]["reasons"]
            assert reason["code"] == "order_conflict"
            assert "đề nghị gửi văn bản mới" in reason["text_vi"] and "new document" in reason["text_en"]
            line = next(row["text"] for row in shown["timeline"] if row["event"] == "IssuanceFailed")
            assert "khôi phục" in line and "Đề nghị gửi văn bản mới" in line, line
            # The old document gets its old answer; a new one is done.
            assert lab.post(document, key="key-1")["request_id"] == request
            again = lab.wait_request(lab.post(lab.pdf(requests.form03()))["request_id"])
            assert again["state"] == "completed" and again["certificates"][0]["serial"] != gone
        finally:
            stop(lab)
            for ours in lab.databases:
                lab.template.psql("postgres", f"DROP DATABASE IF EXISTS {ours}_moment")
