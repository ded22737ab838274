/* Statements in a transaction, in libpq's pipeline mode: queued ones travel with the next that
 * waits. A transaction is what lies between two syncs of the pipeline: it needs no BEGIN, and the
 * sync that commits it travels with its last statement. Only savepoints need a block (db_block).
 * The first failure is kept with the name of its statement and fails everything up to the rollback.
 */
#include "common/db_internal.h"
#include "common/tx.h"

const char db_sync[] = "sync";
static const char begin_name[] = "frame_begin", commit_name[] = "frame_commit",
                  rollback_name[] = "frame_rollback";
static const struct db_statement plain_statements[] = {
    {.name = begin_name, .sql = "BEGIN"},
    {.name = commit_name, .sql = "COMMIT"},
    {.name = rollback_name, .sql = "ROLLBACK"},
};

enum rc db_prepare_own(struct db *db, struct err *err)
{
    return db_prepare(db, plain_statements, COUNT_OF(plain_statements), err);
}

bool db_lost(const struct db *db)
{
    return !db->conn || PQstatus(db->conn) != CONNECTION_OK;
}

static void note_failure(struct db *db, const char *name, const PGresult *result)
{
    enum rc ignored;

    if (db->failed)
        return; /* the first one is the cause */
    db->failed = true;
    err_clear(&db->error);
    ignored = db_error(db, name, result, &db->error);
    (void)ignored;
}

void db_pend(struct db *db, const char *name)
{
    db->pending[(db->head + db->count++) % DB_MAX_PENDING] = (struct db_pending){name, NULL};
}

/* A lost connection answers nothing any more (PQgetResult would say NULL for ever), and one that
 * answers out of order cannot be trusted again: both are closed. */
static void give_up(struct db *db, const char *name)
{
    note_failure(db, name, NULL);
    db->count = 0;
    PQfinish(db->conn);
    db->conn = NULL;
}

/* A commit that is refused (a deferred constraint) says so before the sync. */
static void take_sync(struct db *db)
{
    PGresult *result = PQgetResult(db->conn);

    if (result && PQresultStatus(result) == PGRES_FATAL_ERROR && !db_lost(db)) {
        note_failure(db, commit_name, result);
        PQclear(result);
        result = PQgetResult(db->conn);
        if (!result) /* that ended the error */
            result = PQgetResult(db->conn);
    }
    if (!result || PQresultStatus(result) != PGRES_PIPELINE_SYNC)
        give_up(db, db_sync);
    PQclear(result);
}

static void take_statement(struct db *db, const char *name, PGresult **ret_result)
{
    PGresult *result = PQgetResult(db->conn), *end;
    ExecStatusType status = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;

    if (!result || db_lost(db)) {
        PQclear(result);
        give_up(db, name);
        return;
    }
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        if (status != PGRES_PIPELINE_ABORTED)
            note_failure(db, name, result);
        PQclear(result);
        result = NULL;
    }
    end = PQgetResult(db->conn); /* the NULL that ends every statement */
    PQclear(end);
    if (end || db_lost(db)) {
        PQclear(result);
        give_up(db, name);
        return;
    }
    if (ret_result)
        *ret_result = result;
    else
        PQclear(result);
}

void db_take(struct db *db, PGresult **ret_result)
{
    const char *name = db->pending[db->head].name;
    struct db_rows *rows = db->pending[db->head].rows;

    if (ret_result)
        *ret_result = NULL;
    db->head = (db->head + 1) % DB_MAX_PENDING;
    db->count--;
    if (name == db_sync)
        take_sync(db);
    else
        take_statement(db, name, rows ? &rows->result : ret_result);
}

static void send_sync(struct db *db)
{
    if (db_lost(db) || PQpipelineSync(db->conn) != 1)
        give_up(db, db_sync);
    else
        db_pend(db, db_sync);
}

void db_drain(struct db *db)
{
    send_sync(db);
    while (db->count)
        db_take(db, NULL);
}

/* Queues one prepared statement without parameters. */
static void send_plain(struct db *db, const char *name)
{
    if (db->failed && name != rollback_name)
        return;
    if (db_lost(db) || !PQsendQueryPrepared(db->conn, name, 0, NULL, NULL, NULL, 1))
        give_up(db, name);
    else
        db_pend(db, name);
}

/* Room for this one, a BEGIN, its end and a sync. */
static void make_room(struct db *db)
{
    if (db->count + 6 < DB_MAX_PENDING)
        return;
    if (PQsendFlushRequest(db->conn) != 1 || PQflush(db->conn) < 0)
        give_up(db, "flush");
    while (db->count)
        db_take(db, NULL);
}

static enum rc queue(struct tx *tx, const struct db_statement *statement, size_t value_count,
                     const struct db_value *values)
{
    struct db *db = tx->db;
    struct db_params params;

    CHECK(db && !db_lost(db), &tx->err, TRIEN__ERROR__DATABASE_UNAVAILABLE,
          "no connection for statement %s", statement->name);
    if (tx->frame->gathered)
        TRY(db_send_rows(tx));
    if (value_count != statement->param_count)
        db_misuse(statement->name, "wrong number of parameters", value_count);
    make_room(db);
    if (!db->failed) {
        db_encode(tx->arena, statement, values, &params);
        db->fat |= params.bytes > DB_FAT_BYTES;
        if (!PQsendQueryPrepared(db->conn, statement->name, (int)value_count, params.values,
                                 params.lengths, params.formats, 1))
            give_up(db, statement->name);
    }
    if (db->failed) {
        tx->err = db->error;
        return err_rc(tx->err.code);
    }
    db_pend(db, statement->name);
    db->queued = db->open;
    return RC_OK;
}

enum rc db_push(struct tx *tx, const struct db_statement *statement, size_t value_count,
                const struct db_value *values)
{
    return queue(tx, statement, value_count, values);
}

static void clear_rows(void *result)
{
    PQclear(result);
}

static void clear_later(void *rows)
{
    PQclear(((struct db_rows *)rows)->result);
}

enum rc db_later(struct tx *tx, const struct db_statement *statement, struct db_rows **ret_rows,
                 size_t value_count, const struct db_value *values)
{
    struct db *db = tx->db;
    struct db_rows *rows = ARENA_NEW(tx->arena, struct db_rows);

    TRY(queue(tx, statement, value_count, values));
    *rows = (struct db_rows){NULL, statement, tx->arena};
    arena_defer(tx->arena, rows, clear_later);
    db->pending[(db->head + db->count - 1) % DB_MAX_PENDING].rows = rows;
    *ret_rows = rows;
    return RC_OK;
}

enum rc db_run(struct tx *tx, const struct db_statement *statement, struct db_rows **ret_rows,
               size_t value_count, const struct db_value *values)
{
    struct db *db = tx->db;
    PGresult *result = NULL;
    struct db_rows *rows;

    TRY(queue(tx, statement, value_count, values));
    if (!db->open)
        send_sync(db); /* outside a transaction a statement commits by itself */
    else if (PQsendFlushRequest(db->conn) != 1)
        give_up(db, statement->name);
    if (db->count && PQflush(db->conn) < 0)
        give_up(db, statement->name);
    for (size_t behind = !db->open; db->count > behind;) {
        PQclear(result);
        db_take(db, &result);
    }
    while (db->count)
        db_take(db, NULL);
    if (db->failed || !result) {
        PQclear(result);
        tx->err = db->error;
        if (!db->open && !db_lost(db))
            db->failed = false; /* the sync has ended the failed statement's own transaction */
        return err_rc(tx->err.code);
    }
    rows = ARENA_NEW(tx->arena, struct db_rows);
    *rows = (struct db_rows){result, statement, tx->arena};
    arena_defer(tx->arena, result, clear_rows);
    db->fat |= PQresultMemorySize(result) > DB_FAT_BYTES;
    if (ret_rows)
        *ret_rows = rows;
    return RC_OK;
}

enum rc db_begin(struct db *db, struct err *err)
{
    CHECK(!db_lost(db), err, TRIEN__ERROR__DATABASE_UNAVAILABLE, "connection lost");
    db->open = true;
    db->queued = db->block = db->failed = false;
    return RC_OK;
}

void db_block(struct tx *tx)
{
    struct db *db = tx->db;

    if (db->block)
        return;
    make_room(db);
    send_plain(db, begin_name);
    db->queued = db->block = true;
}

static void finish(struct db *db)
{
    db->open = db->queued = db->block = db->failed = false;
    if (db->fat && db->conn) {
        PQfinish(db->conn);
        db->conn = NULL;
    }
}

enum rc db_commit(struct db *db, struct err *err)
{
    if (!db->queued && !db->failed) {
        finish(db);
        return RC_OK;
    }
    if (db->block)
        send_plain(db, commit_name);
    db_drain(db);
    if (!db->failed && PQtransactionStatus(db->conn) != PQTRANS_IDLE)
        note_failure(db, commit_name, NULL);
    if (db->failed) {
        *err = db->error;
        db->queued = db->block; /* else the sync has ended it */
        db_rollback(db);
        return err_rc(err->code);
    }
    finish(db);
    return RC_OK;
}

void db_rollback(struct db *db)
{
    if (db->queued && !db_lost(db)) {
        if (db->block)
            send_sync(db); /* a failed pipeline hears nothing before a sync */
        else
            send_plain(db, begin_name); /* or the sync would commit what was queued */
        if (db->block || !db->failed)
            send_plain(db, rollback_name);
        db_drain(db);
    }
    db->count = 0;
    finish(db);
}
