/* PostgreSQL: the only user of libpq.
 *
 * Statements live in <service>/store.sql, each with a name and its types, and are prepared and
 * compared with the live database at start:
 *
 *     -- name: insert_request (uuid, text, bytea, timestamptz) -> (int8)
 *     -- Why it is as it is, one line.
 *     INSERT INTO request (...) VALUES ($1, $2, $3, $4) RETURNING number;
 *
 * The build turns the file into gen/services/<service>/store.inc: an enum-like list of statements
 * (`STATEMENT(insert_request, "...", types...)`). A store_ function binds, runs, reads typed rows.
 * Everything is binary on the wire. In a transaction a statement whose answer nobody needs is only
 * queued (db_push, pipeline mode); its failure fails the transaction at the next db_run or commit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"

struct db;
struct db_rows; /* in the arena; gone with the message */

enum db_type {
    DB_BOOL,
    DB_INT2,
    DB_INT4,
    DB_INT8,
    DB_TEXT,
    DB_BYTEA,
    DB_UUID,
    DB_DATE,
    DB_TIMESTAMPTZ,
    DB_JSONB,
    DB_BOOL_ARRAY,
    DB_INT2_ARRAY,
    DB_INT4_ARRAY,
    DB_INT8_ARRAY,
    DB_TEXT_ARRAY,
    DB_BYTEA_ARRAY,
    DB_UUID_ARRAY,
    DB_DATE_ARRAY,
    DB_TIMESTAMPTZ_ARRAY,
};

/* One row of a store.sql, made by common/mk/sql.awk. */
struct db_statement {
    const char *name, *sql;
    uint8_t param_count, column_count;
    enum db_type params[24], columns[32];
};

/* One bound value. Made by the db_…() functions below; arrays point at the caller's memory. */
struct db_value {
    enum db_type type;
    bool is_null;
    int64_t number;     /* bool, ints, date (civil_day), timestamptz (usec) */
    struct bytes bytes; /* text, bytea, jsonb, uuid (16 bytes) */
    const void
        *array; /* int16_t / int32_t / int64_t / const char * / struct bytes / uint8_t[16] / usec */
    size_t count;
    size_t stride; /* not 0: `array` is of struct db_value, every stride-th is an element */
};

struct db_value db_bool(bool value);
struct db_value db_int2(int16_t value);
struct db_value db_int4(int32_t value);
struct db_value db_int8(int64_t value);
struct db_value db_text(const char *value);       /* NULL binds SQL NULL */
struct db_value db_bytea(struct bytes value);     /* p NULL binds SQL NULL */
struct db_value db_uuid(const uint8_t value[16]); /* NULL binds SQL NULL */
struct db_value db_date(civil_day value);
struct db_value db_time(usec value);
struct db_value db_jsonb(const char *value);
struct db_value db_null(enum db_type type);
struct db_value db_int2s(const int16_t *values, size_t count);
struct db_value db_int4s(const int32_t *values, size_t count);
struct db_value db_int8s(const int64_t *values, size_t count);
struct db_value db_texts(const char *const *values, size_t count);   /* NULL elements bind NULL */
struct db_value db_byteas(const struct bytes *values, size_t count); /* p NULL binds NULL */
struct db_value db_uuids(const uint8_t (*values)[16], size_t count);
struct db_value db_times(const usec *values, size_t count);

struct tx;

/** Runs a statement in the transaction and waits for its rows. The values must match the declared
 *  types (an assert, because it is a programmer's error). SQLSTATE classes are mapped once here:
 *  08, 53, 57 → DATABASE_UNAVAILABLE, 40 → DATABASE_CONFLICT, the rest → INTERNAL (with sqlstate).
 */
MUST_USE enum rc db_run(struct tx *tx, const struct db_statement *statement,
                        struct db_rows **ret_rows, size_t value_count,
                        const struct db_value *values);

/** Queues a statement whose rows nobody needs. */
MUST_USE enum rc db_push(struct tx *tx, const struct db_statement *statement, size_t value_count,
                         const struct db_value *values);

/** Queues a statement whose rows are needed after the commit: *ret_rows may be read once it
 *  succeeded. */
MUST_USE enum rc db_later(struct tx *tx, const struct db_statement *statement,
                          struct db_rows **ret_rows, size_t value_count,
                          const struct db_value *values);

/** Adds a row to a statement whose parameters are arrays (unnest): what a batch of messages writes
 *  to one table travels as one statement, which costs the database a fraction of one for each. A
 * value is the element of its parameter, or all of it and then the same for every row. Values are
 * copied (arrays are not). Rows are sent before the next db_run or db_push and before the commit,
 * their statements in the order of store.sql. The first `keys` values are the row's key: two rows
 * of one key never go in one statement, and rows with one first value keep the order in which they
 * were added between statements. With no key (0) rows only keep company. */
MUST_USE enum rc db_row(struct tx *tx, const struct db_statement *statement, size_t keys,
                        size_t value_count, const struct db_value *values);

/** db_run for a statement that looks up by its first value: gathered rows are only sent first when
 *  one of them has that key. */
MUST_USE enum rc db_peek(struct tx *tx, const struct db_statement *statement,
                         struct db_rows **ret_rows, size_t value_count,
                         const struct db_value *values);

/* Sugar: DB_RUN(tx, insert_request, &rows, db_uuid(id), db_text(name)); statements are named
 * stmt_<name>. */
#define DB_RUN(tx, name, ret_rows, ...)                                                            \
    db_run((tx), &stmt_##name, (ret_rows),                                                         \
           sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value),                     \
           (struct db_value[]){__VA_ARGS__})
#define DB_PUSH(tx, name, ...)                                                                     \
    db_push((tx), &stmt_##name,                                                                    \
            sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value),                    \
            (struct db_value[]){__VA_ARGS__})
#define DB_LATER(tx, name, ret_rows, ...)                                                          \
    db_later((tx), &stmt_##name, (ret_rows),                                                       \
             sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value),                   \
             (struct db_value[]){__VA_ARGS__})
#define DB_PEEK(tx, name, ret_rows, ...)                                                           \
    db_peek((tx), &stmt_##name, (ret_rows),                                                        \
            sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value),                    \
            (struct db_value[]){__VA_ARGS__})
#define DB_ROW(tx, name, keys, ...)                                                                \
    db_row((tx), &stmt_##name, (keys),                                                             \
           sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value),                     \
           (struct db_value[]){__VA_ARGS__})

size_t db_count(const struct db_rows *rows);
/** Rows an INSERT/UPDATE/DELETE touched. */
int64_t db_affected(const struct db_rows *rows);
bool db_is_null(const struct db_rows *rows, size_t row, size_t column);
/* Readers copy nothing: texts and bytes point into the rows (texts are NUL-terminated). Reading SQL
 * NULL yields 0 / "" / {NULL, 0}. A reader of the wrong type is an assert. */
bool db_get_bool(const struct db_rows *rows, size_t row, size_t column);
int64_t db_get_int(const struct db_rows *rows, size_t row, size_t column); /* int2, int4, int8 */
const char *db_get_text(const struct db_rows *rows, size_t row, size_t column);
/** SQL NULL yields NULL here. */
const char *db_get_text_or_null(const struct db_rows *rows, size_t row, size_t column);
struct bytes db_get_bytes(const struct db_rows *rows, size_t row, size_t column);
const uint8_t *db_get_uuid(const struct db_rows *rows, size_t row, size_t column);
usec db_get_time(const struct db_rows *rows, size_t row, size_t column);
civil_day db_get_date(const struct db_rows *rows, size_t row, size_t column);

/* Arrays of one dimension, in the transaction's arena; NULL elements read as 0 or NULL; SQL NULL as
 * an empty array. */
const int16_t *db_get_int2s(const struct db_rows *rows, size_t row, size_t column,
                            size_t *ret_count);
const int64_t *db_get_int8s(const struct db_rows *rows, size_t row, size_t column,
                            size_t *ret_count);
const char *const *db_get_texts(const struct db_rows *rows, size_t row, size_t column,
                                size_t *ret_count);
/** Elements point into the rows. */
const struct bytes *db_get_byteas(const struct db_rows *rows, size_t row, size_t column,
                                  size_t *ret_count);

/* --- for the frame
 * -------------------------------------------------------------------------------- */

struct db_conf {
    const char *host; /* socket directory or host */
    int64_t port;
    const char *name, *user, *password_file;
    const char *sslmode, *sslrootcert;
};

/** Connects with the session settings every role of ours has (statement_timeout, lock_timeout,
 *  idle_in_transaction_session_timeout, synchronous_commit=on refused otherwise, UTC, keepalives).
 *  RETRY DATABASE_UNAVAILABLE: nobody answers, or the clocks here and there are 10 minutes apart.
 */
MUST_USE enum rc db_open(const struct db_conf *conf, const char *application, struct err *err,
                         struct db **ret_db);
void db_close(struct db **db);

/** Prepares every statement and compares parameter and column types: SCHEMA_MISMATCH names the
 * first that differs. */
MUST_USE enum rc db_prepare(struct db *db, const struct db_statement *statements, size_t count,
                            struct err *err);

/** Queues the statements of all gathered rows. */
MUST_USE enum rc db_send_rows(struct tx *tx);

MUST_USE enum rc db_begin(struct db *db, struct err *err);
/** Makes the running transaction a block, in which savepoints can be set; what was queued before
 *  belongs to it. A failure is seen by the next statement. */
void db_block(struct tx *tx);
/** Syncs the pipeline and commits; everything queued has succeeded when this returns RC_OK. */
MUST_USE enum rc db_commit(struct db *db, struct err *err);
/** Never fails: a broken connection is noticed by db_alive(). */
void db_rollback(struct db *db);
bool db_alive(const struct db *db);
/** Socket to poll, or -1. */
int db_socket(const struct db *db);
/* Where a connection's commits go: connections of one run of the server to one database see one
 * history; after a restart, a fail-over or a restore it may be another. */
struct db_log {
    int64_t server_started, database;
};
struct db_log db_log(const struct db *db);
/** Ends the statement that is running on another thread's connection. */
void db_cancel(struct db *db);
