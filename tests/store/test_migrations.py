"""Every sqitch project goes there and back: deploy, verify, revert, deploy again; and the run-time role
of a service may do what its migrations say, no more."""
import os
import re
import subprocess

import pytest

from tests.lib.lab import ROOT

PROJECTS = sorted(p.parent.name for p in (ROOT / "migrations").glob("*/sqitch.plan") if p.parent.name != "frame")


@pytest.fixture(scope="module")
def sqitch(template):
    """Runs sqitch of a project on a database as its owner."""
    def call(project, act, database, *arguments):
        service = database.removeprefix("back_and_forth_")
        environment = dict(
            os.environ, PGHOST=template.socket, PGPASSFILE=str(template.dir / "keys/db/passfile"),
            PGUSER=f"trien_{service}_owner", SQITCH_FULLNAME="Trien", SQITCH_EMAIL="trien@localhost",
            SQITCH_USER_CONFIG="/dev/null", LC_ALL="C.UTF-8")
        done = subprocess.run(
            ["sqitch", act, "--set", f"role=trien_{service}", *arguments, f"db:pg:{database}"],
            cwd=ROOT / "migrations" / project, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    return call


def relations(template, database):
    return template.psql(database, "SELECT nspname || '.' || relname FROM pg_class JOIN pg_namespace n "
                                   "ON n.oid = relnamespace WHERE nspname = 'public' ORDER BY 1")


@pytest.mark.parametrize("service", PROJECTS)
def test_deploy_verify_revert(template, sqitch, service):
    database = f"back_and_forth_{service}"
    template.psql("postgres", f"CREATE DATABASE {database} OWNER trien_{service}_owner TEMPLATE template0")
    try:
        for project in ("frame", service):
            sqitch(project, "deploy", database, "--verify")
            sqitch(project, "verify", database)
        deployed = relations(template, database)
        for project in (service, "frame"):
            sqitch(project, "revert", database, "-y")
        assert relations(template, database) == [], "revert leaves something behind"
        for project in ("frame", service):
            sqitch(project, "deploy", database)
        assert relations(template, database) == deployed
    finally:
        template.psql("postgres", f"DROP DATABASE {database} WITH (FORCE)")


@pytest.mark.parametrize("service", PROJECTS)
def test_the_process_owns_nothing_and_deletes_no_event(template, service):
    role = f"trien_{service}"
    assert template.psql(role, f"SELECT relname FROM pg_class WHERE relowner = '{role}'::regrole") == []
    assert template.psql(role, f"SELECT has_table_privilege('{role}', 'outbox', 'DELETE'), "
                               f"has_table_privilege('{role}', 'outbox', 'UPDATE'), "
                               f"has_table_privilege('{role}', 'outbox', 'TRUNCATE'), "
                               f"has_schema_privilege('{role}', 'public', 'CREATE')") == [["f", "f", "f", "f"]]


MONTHLY = [s for s in PROJECTS if "month_begin" in "".join(
    p.read_text() for p in (ROOT / "migrations" / s / "deploy").glob("*.sql"))]


@pytest.mark.parametrize("service", MONTHLY)
def test_months_are_made_once_and_fit_together(template, service):
    """The service asks for a year ahead: every table gets every month once, borders meet, rows find
    their month, and which tables these are is not the service's to say."""
    role, database = f"trien_{service}", f"months_of_{service}"
    template.psql("postgres", f"CREATE DATABASE {database} OWNER {role}_owner TEMPLATE {role}")
    try:
        def ask(sql):
            return template.psql(database, f"SET ROLE {role}; {sql}")[-1]
        tables = [row[0] for row in template.psql(database, "SELECT parent FROM month_table")]
        first = int(ask("SELECT month_make(now(), 12)")[0])
        assert first >= 9 * len(tables) and ask("SELECT month_make(now(), 12)") == ["0"]
        assert ask("SELECT has_table_privilege('month_table', 'INSERT')") == ["f"]
        for table in tables:
            bounds = [row[0] for row in template.psql(
                database, "SELECT pg_get_expr(relpartbound, c.oid) FROM pg_inherits JOIN pg_class c "
                f"ON c.oid = inhrelid WHERE inhparent = '{table}'::regclass ORDER BY relname")]
            months = [re.findall(r"\('([^']+)'\)", b) for b in bounds if "DEFAULT" not in b]
            assert len(months) >= 14
            assert all(one[1] == following[0] for one, following in zip(months, months[1:]))
    finally:
        template.psql("postgres", f"DROP DATABASE {database} WITH (FORCE)")
