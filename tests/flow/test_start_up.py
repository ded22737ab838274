"""Does a start cost the same however much there is? Counted in rows and pages the database hands out from the
start of a process to its clean stop, over empty tables and over full ones; no clock is looked at."""
import pytest

from tests.lib.lab import wait_until

ROWS = 64 * 1600  # events in the log, and rows in the table that grows fastest
OUTBOX = f"""
INSERT INTO outbox (segment, partition, event_offset, id, type, key, traceparent, created_at, payload)
SELECT 1, p, o, gen_random_uuid(), 'Filler', 'filler', '', now(), 'x'
  FROM generate_series(0, 63) p, generate_series(1, {ROWS // 64}) o
ON CONFLICT DO NOTHING;
UPDATE outbox_head h SET next_offset = {ROWS // 64} + 1, last_id =
       (SELECT id FROM outbox o WHERE o.partition = h.partition AND o.event_offset = {ROWS // 64});"""
# A UUIDv7 of this month for each row.
ID = "(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid"
# What grows for ever: requests that are finished, not the few that are open and counted for the operators.
GROWING = {
    "intake": f"""INSERT INTO request (request_id, receipt_no, client_id, channel, received_at, state, document_sha256,
                                        item_count, finished_count, issued_count)
        SELECT {ID}, n, 'portal', 'portal', now(), 'completed', sha256('x'), 1, 1, 1
          FROM generate_series(1, {ROWS}) n""",
    "validation": f"""INSERT INTO official_document (organ_id, year, number, request_id, receipt_number)
        SELECT 'H26.14', 2026, n::text, {ID}, n::text FROM generate_series(1, {ROWS}) n""",
    "signing": f"""INSERT INTO item_order (request_id, number, state, profile, device_kind, subscriber_name,
                                           expires_at, created_at, changed_at)
        SELECT {ID}, 1, 'issued', 'individual', 'pki_token', 'x', now(), now(), now() FROM generate_series(1, {ROWS}) n""",
    "notification": f"""INSERT INTO effect_done (kind, key, failed)
        SELECT 'mail', n::text, false FROM generate_series(1, {ROWS}) n""",
    "status": f"""INSERT INTO certificate_status (issuer, serial, lineage_id, not_after)
        SELECT 'issuing1', int8send(n), n::text, now() FROM generate_series(1, {ROWS}) n""",
}


@pytest.fixture(autouse=True)
def no_vacuum(template):
    """Vacuum would be counted too."""
    for value in ("off", "on"):
        template.psql("postgres", f"ALTER SYSTEM SET autovacuum = {value}")
        template.psql("postgres", "SELECT pg_reload_conf()")
        if value == "off":
            yield


def spent(lab, service):
    """(rows, pages) the service's database has handed out so far. Sessions tell it when they have ended."""
    name = lab.prefix + service
    wait_until("the end of all sessions", lambda: lab.template.psql(
        "postgres", f"SELECT FROM pg_stat_activity WHERE datname = '{name}'") == [])
    rows = lab.template.psql("postgres", f"SELECT tup_returned + tup_fetched, blks_hit + blks_read FROM pg_stat_database "
                                         f"WHERE datname = '{name}'")
    return tuple(map(int, rows[0]))


def cost_of_start(lab, service):
    lab.bring_database(service)
    before = spent(lab, service)
    lab.start(service)
    lab.process(service).stop()
    return [after - b for after, b in zip(spent(lab, service), before)]


@pytest.mark.parametrize("service", GROWING)
def test_a_start_costs_the_same_over_a_hundred_thousand_rows(lab, service):
    cost_of_start(lab, service)  # what a first start makes: cursors, groups
    empty = cost_of_start(lab, service)
    lab.sql(service, f"{OUTBOX} {GROWING[service]}")
    lab.sql(service, "VACUUM ANALYZE")  # as it is done while the rows come
    full = cost_of_start(lab, service)
    for what, few, many in zip(("rows", "pages"), empty, full):
        print(f"{service}: {few} {what} over empty tables, {many} over {ROWS:,}")
        # An index over ranges of pages (effect_done's age) looks at one whole range of 32.
        assert many < 2 * few + 4000, f"{many} {what} instead of {few}"
