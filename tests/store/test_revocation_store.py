"""revocation's database holds what the service promises, whoever writes: what is final stays, numbers only
grow, a list is what was written down."""
import re
import subprocess

import pytest

from tests.lib.lab import build_dir

SERIAL, DIGEST = "54aa01", "'\\x" + "ab" * 32 + "'"


@pytest.fixture
def database(template):
    """A clone of revocation's database with one valid certificate and its issuer, as the service's role."""
    name = "store_revocation"
    template.psql("postgres", f"CREATE DATABASE {name} TEMPLATE trien_revocation OWNER trien_revocation_owner")
    template.psql("postgres", f"GRANT CONNECT ON DATABASE {name} TO trien_revocation")

    def psql(sql):
        return template.psql(name, f"SET ROLE trien_revocation; {sql}")

    try:
        add(psql, SERIAL)
        psql("INSERT INTO issuer (issuer) VALUES ('issuing1')")
        yield psql
    finally:
        template.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def add(psql, serial, came_from="new", state="valid"):
    psql("INSERT INTO certificate (serial, issuer, lineage_id, certificate_request_id, organ_id, profile, not_before, "
         f"not_after, came_from, state) VALUES ('{serial}', 'issuing1', 'r/1', 'r', 'H26.14', 'person', now(), "
         f"now() + interval '1 year', '{came_from}', '{state}')")


REVOKE = ("state = 'revoked', revoked_at = now(), reason = 1, cause = 'that_lac', request_id = 'x', item_id = 'x/1'")


def change(psql, what):
    psql(f"UPDATE certificate SET {what} WHERE serial = '{SERIAL}'")


def state(psql):
    return [r for r in psql("SELECT came_from, state FROM certificate") if len(r) == 2]


def insert_list(psql, number, issuer="issuing1", entries=0):
    psql("INSERT INTO revocation_list (issuer, number, this_update, next_update, entries, tbs_sha256, came_from, state) "
         f"VALUES ('{issuer}', {number}, now(), now() + interval '1 day', {entries}, {DIGEST}, 'new', 'written')")


def issue_list(psql, number):
    psql(f"UPDATE revocation_list SET state = 'issued', list_id = gen_random_uuid(), sha256 = {DIGEST}, size_bytes = 1 "
         f"WHERE number = {number}")


def printed_steps(table):
    text = subprocess.run([build_dir() / "bin/trien-revocation", "--states"], capture_output=True, text=True,
                          check=True).stdout
    section = text.split(f"## revocation: {table}")[1].split("## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    return {(r[0], r[2]) for r in rows[2:]}


@pytest.mark.parametrize("table, relation", [("certificate", "certificate"), ("list", "revocation_list")])
def test_the_steps_are_the_programs(database, table, relation):
    checks = "".join(r[0] for r in database("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' "
                                            f"AND conrelid = '{relation}'::regclass") if r)
    stored = set(re.findall(r"'(\w+)'::text\) AND \(\(?state\)? = '(\w+)'::text|ROW\('(\w+)'::text, '(\w+)'::text\)", checks))
    stored = {(a or c, b or d) for a, b, c, d in stored}
    assert stored == printed_steps(table)


def test_a_revocation_is_final(database):
    change(database, REVOKE)
    assert ["valid", "revoked"] in state(database)
    for what in ("state = 'valid', revoked_at = NULL, reason = NULL, cause = NULL", "state = 'expired'",
                 "revoked_at = now() - interval '1 day'", "reason = 9", "cause = 'hu_hong'", "invalidity_at = now()",
                 "came_from = 'new'"):
        with pytest.raises(AssertionError, match="final|check constraint"):
            change(database, what)
    change(database, "first_number = 7")


def test_a_revocation_says_who_and_why(database):
    for what in ("state = 'revoked'", REVOKE.replace("reason = 1, ", ""), REVOKE.replace("reason = 1", "reason = 8"),
                 REVOKE.replace("item_id = 'x/1'", "item_id = NULL"), "revoked_at = now()", "first_number = 1"):
        with pytest.raises(AssertionError, match="check constraint|final"):
            change(database, what)
    change(database, "state = 'revoked', revoked_at = now(), reason = 1, cause = 'that_lac', principal = 'officer1', "
                     "note = 'x'")


def test_a_certificate_stays_itself(database):
    for what in ("serial = '54aa02'", "organ_id = 'H26.15'", "not_after = now() + interval '9 years'"):
        with pytest.raises(AssertionError, match="another one"):
            change(database, what)
    with pytest.raises(AssertionError, match="check constraint"):
        add(database, "54aa03", "new", "expired")
    with pytest.raises(AssertionError, match="duplicate key"):
        add(database, SERIAL)
    with pytest.raises(AssertionError, match="permission denied"):
        database("DELETE FROM certificate")


def test_numbers_only_grow(database):
    insert_list(database, 5)
    with pytest.raises(AssertionError, match="revocation_list_written"):
        insert_list(database, 6)
    issue_list(database, 5)
    for number in (5, 4):
        with pytest.raises(AssertionError, match="does not grow"):
            insert_list(database, number)
    insert_list(database, 6)


def test_an_issued_list_stays(database):
    insert_list(database, 1)
    with pytest.raises(AssertionError, match="written down otherwise"):
        database(f"UPDATE revocation_list SET state = 'issued', entries = 9, list_id = gen_random_uuid(), "
                 f"sha256 = {DIGEST}, size_bytes = 1")
    issue_list(database, 1)
    for what in ("state = 'refused', why = 'x'", "entries = 3", "state = 'written'", "number = 2"):
        with pytest.raises(AssertionError, match="stays as it is|check constraint"):
            database(f"UPDATE revocation_list SET {what}")
    with pytest.raises(AssertionError, match="permission denied"):
        database("DELETE FROM revocation_list")
    with pytest.raises(AssertionError, match="permission denied"):
        database("UPDATE revocation_list_body SET crl_der = ''")


def test_a_refused_number_is_used_again(database):
    insert_list(database, 1)
    database("UPDATE revocation_list SET state = 'refused', why = 'too old'")
    database(f"UPDATE revocation_list SET state = 'written', why = NULL, entries = 2, this_update = now()")
    issue_list(database, 1)
