/* The database wrapper in the frame's transaction against a real PostgreSQL, without migrations or
 * a role: the program says what DATABASE is called and which `statements` it has, then includes
 * this. */
#pragma once

#include "tests/unit/common/frame.h"
#include "tests/unit/common/pg.h"

static struct svc svc;
static const struct service service = {.name = "test"};
static struct tx *tx;
static bool have_database;

static enum rc connect(struct svc *of, const char *application, struct err *err, struct db **ret_db)
{
    struct db_conf conf = pg_conf(DATABASE);
    struct db *db = NULL;

    (void)of;
    TRY(db_open(&conf, application, err, &db));
    TRY(db_prepare(db, statements, COUNT_OF(statements), err));
    *ret_db = db;
    return RC_OK;
}

static const struct tx_ops operations = {.connect = connect,
                                         .close = db_close,
                                         .alive = db_alive,
                                         .begin = db_begin,
                                         .flush = db_send_rows,
                                         .commit = db_commit,
                                         .rollback = db_rollback};

/* An empty database and these tables. */
static int database_up(const char *sql)
{
    have_database = pg_database(DATABASE) != NULL;
    svc = (struct svc){.service = &service, .tx_ops = &operations};
    if (!have_database)
        return 0;
    if (pg_sql(DATABASE, sql))
        return -1;
    tx = tx_new(&svc, NULL, "test", 1 << 20);
    return 0;
}

static int down(void **state)
{
    (void)state;
    tx_free(&tx);
    return 0;
}

static void begin(void)
{
    if (!have_database)
        skip();
    tx_reset(tx);
    assert_int_equal(tx_begin(tx, 1, "", "", NULL), RC_OK);
}
