/* Preparing: every statement of a service once per connection, all in one round trip, and the types
 * that the live database gives them compared with those the statement's line in store.sql declares.
 * A difference is a database of another shape: the process does not start. */
#include "common/db_internal.h"

static bool same_type(Oid live, enum db_type declared)
{
    static const Oid like_text[] = {1042, 1043, 19}; /* bpchar, varchar, name: same wire form */

    if (live == db_type_row(declared)->oid)
        return true;
    for (size_t i = 0; declared == DB_TEXT && i < COUNT_OF(like_text); i++)
        if (live == like_text[i])
            return true;
    return false;
}

static enum rc compare(const struct db_statement *statement, const PGresult *live, struct err *err)
{
    CHECK(PQnparams(live) == statement->param_count, err, TRIEN__ERROR__SCHEMA_MISMATCH,
          "statement %s: %d parameters, declared %d", statement->name, PQnparams(live),
          statement->param_count);
    CHECK(PQnfields(live) == statement->column_count, err, TRIEN__ERROR__SCHEMA_MISMATCH,
          "statement %s: %d columns, declared %d", statement->name, PQnfields(live),
          statement->column_count);
    for (int i = 0; i < statement->param_count; i++)
        CHECK(same_type(PQparamtype(live, i), statement->params[i]), err,
              TRIEN__ERROR__SCHEMA_MISMATCH, "statement %s: parameter %d is type %u, not %s",
              statement->name, i + 1, PQparamtype(live, i),
              db_type_row(statement->params[i])->name);
    for (int i = 0; i < statement->column_count; i++)
        CHECK(same_type(PQftype(live, i), statement->columns[i]), err,
              TRIEN__ERROR__SCHEMA_MISMATCH, "statement %s: column %d (%s) is type %u, not %s",
              statement->name, i + 1, PQfname(live, i), PQftype(live, i),
              db_type_row(statement->columns[i])->name);
    return RC_OK;
}

static bool send_prepare(struct db *db, const struct db_statement *statement)
{
    Oid oids[DB_MAX_PARAMS];

    for (size_t i = 0; i < statement->param_count; i++)
        oids[i] = db_type_row(statement->params[i])->oid;
    if (!PQsendPrepare(db->conn, statement->name, statement->sql, statement->param_count, oids) ||
        !PQsendDescribePrepared(db->conn, statement->name))
        return false;
    db_pend(db, statement->name);
    db_pend(db, statement->name);
    return true;
}

/* Few enough at a time that the answers' queue holds them. */
#define AT_ONCE 128

static enum rc prepare_some(struct db *db, const struct db_statement *statements, size_t count,
                            struct err *err)
{
    enum rc rc = RC_OK;

    db->failed = false;
    for (size_t i = 0; i < count; i++)
        CHECK(!db_lost(db) && send_prepare(db, &statements[i]), err,
              TRIEN__ERROR__DATABASE_UNAVAILABLE, "connection lost while preparing");
    CHECK(PQpipelineSync(db->conn), err, TRIEN__ERROR__DATABASE_UNAVAILABLE,
          "connection lost while preparing");
    db_pend(db, db_sync);
    for (size_t i = 0; i < count && db->count; i++) {
        PGresult *live = NULL;

        db_take(db, NULL);
        if (db->count)
            db_take(db, &live);
        if (live && rc == RC_OK)
            rc = compare(&statements[i], live, err);
        PQclear(live);
    }
    while (db->count)
        db_take(db, NULL);
    if (!db->failed)
        return rc;
    db->failed = false;
    *err = db->error;
    return err_rc(err->code);
}

enum rc db_prepare(struct db *db, const struct db_statement *statements, size_t count,
                   struct err *err)
{
    for (size_t done = 0; done < count; done += AT_ONCE)
        TRY(prepare_some(db, statements + done, count - done < AT_ONCE ? count - done : AT_ONCE,
                         err));
    return RC_OK;
}
