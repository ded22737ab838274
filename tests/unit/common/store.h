/* A service's statements against a real PostgreSQL with the real migrations, as its run-time role:
 * what the role may not do fails here as it would in the field. STORE_SERVICE names the service.
 * There is a process' state but no process: events are counted, nobody is woken. */
#pragma once

#include "common/svc_parts.h"
#include "tests/unit/common/pg.h"

#define STORE_DATABASE "test_store_" STORE_SERVICE
#define STORE_ROLE "trien_" STORE_SERVICE

extern const struct db_statement store_statements[];
static const struct service store_service = {.name = STORE_SERVICE};
static struct svc store_svc;
static struct tx *tx;
static bool have_database;
static size_t flushed; /* events handed to the outbox */

static enum rc store_connect(struct svc *of, const char *application, struct err *err,
                             struct db **ret_db)
{
    struct db_conf db_conf = pg_conf(STORE_DATABASE);
    struct db *db = NULL;
    size_t count = 0;

    (void)of;
    db_conf.user = STORE_ROLE;
    while (store_statements[count].name)
        count++;
    TRY(db_open(&db_conf, application, err, &db));
    TRY(db_prepare(db, store_statements, count, err));
    *ret_db = db;
    return RC_OK;
}

static enum rc store_flush(struct tx *of)
{
    flushed += of->frame->event_count;
    return db_send_rows(of);
}

static const struct tx_ops store_operations = {.connect = store_connect,
                                               .close = db_close,
                                               .alive = db_alive,
                                               .begin = db_begin,
                                               .flush = store_flush,
                                               .commit = db_commit,
                                               .rollback = db_rollback};

/* Database, role, migrations of the frame and of the service; -1 when one of them fails. */
static int store_up(const void *conf)
{
    have_database = pg_database(STORE_DATABASE) != NULL;
    store_svc = (struct svc){.service = &store_service,
                             .tx_ops = &store_operations,
                             .own_conf = (void *)(uintptr_t)conf,
                             .waiting = svc_waiting_new(),
                             .poke_fd = -1,
                             .stop_fd = -1};
    if (!have_database)
        return 0;
    if (pg_sql("postgres",
               "DO \\$\\$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = "
               "'" STORE_ROLE "') THEN CREATE ROLE " STORE_ROLE " LOGIN; END IF; END \\$\\$") ||
        pg_sql("postgres", "ALTER ROLE " STORE_ROLE " LOGIN") ||
        pg_deploy(STORE_DATABASE, "frame", STORE_ROLE) ||
        pg_deploy(STORE_DATABASE, STORE_SERVICE, STORE_ROLE))
        return -1;
    tx = tx_new(&store_svc, NULL, "test", 64 << 20);
    return 0;
}

static int store_down(void)
{
    tx_free(&tx);
    svc_waiting_free(&store_svc.waiting);
    return 0;
}

/* The next message begins; skips the test without a database. `out`: what it may emit, or NULL. */
static void store_begin(usec now, const ProtobufCMessageDescriptor *const *out)
{
    if (!have_database)
        skip();
    tx_reset(tx);
    assert_int_equal(tx_begin(tx, now, "operator", "", out), RC_OK);
}

static void commit(void)
{
    enum rc rc = tx_commit(tx);

    if (rc != RC_OK)
        fail_msg("%s %s", tx->err.detail, tx->err.native);
}

/* The statement or the end of the transaction fails, and the database says why. */
static inline void refused_by_database(enum rc rc, const char *sqlstate)
{
    if (rc == RC_OK)
        rc = tx_commit(tx);
    assert_int_equal(rc, RC_FATAL);
    if (!strstr(tx->err.native, sqlstate))
        fail_msg("%s instead of %s: %s", tx->err.native, sqlstate, tx->err.detail);
}

/* The clock of the next message: never the same twice. */
static usec now_is(void)
{
    static usec now;

    if (!now)
        now = clock_now();
    return now += USEC_PER_MS;
}
