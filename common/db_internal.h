/* db*.c among themselves. */
#pragma once

#include <libpq-fe.h>

#include "common/db.h"
#include "common/svc.h"

#define DB_MAX_PENDING 1024
#define DB_MAX_PARAMS 24
/* libpq's buffers grow with the largest message and never shrink; a connection that carried more
 * than this is replaced after its transaction. Above a batch's 4 MiB, so that leases stay. */
#define DB_FAT_BYTES ((size_t)8 * 1024 * 1024)

struct db {
    PGconn *conn;
    bool open;   /* in a transaction: the sync comes with the commit */
    bool queued; /* something was queued since the last sync */
    bool block;  /* BEGIN was queued: COMMIT comes before the sync */
    bool failed; /* a statement failed: nothing more until rollback */
    bool fat;
    struct err error; /* the first failure, while `failed` */
    struct db_log log;
    /* What was queued and not answered yet, oldest first. */
    struct db_pending {
        const char *name;     /* of the statement, or db_sync */
        struct db_rows *rows; /* gets the answer; NULL: nobody needs it */
    } pending[DB_MAX_PENDING];
    size_t head, count;
};

struct db_rows {
    PGresult *result;
    const struct db_statement *statement;
    struct arena *arena;
};

/* A row of the table of types. */
struct db_type_row {
    const char *name;
    Oid oid;
    enum db_type element; /* of an array; else itself */
    bool is_array;
};
const struct db_type_row *db_type_row(enum db_type type);

/** Values as PQsendQueryPrepared takes them; memory in the arena. */
struct db_params {
    const char *values[DB_MAX_PARAMS];
    int lengths[DB_MAX_PARAMS], formats[DB_MAX_PARAMS];
    uint64_t room[DB_MAX_PARAMS]; /* for numbers */
    size_t bytes;
};
void db_encode(struct arena *arena, const struct db_statement *statement,
               const struct db_value *values, struct db_params *ret_params);

/** Element i of an array. */
struct db_value db_element_at(const struct db_value *array, size_t i);

/** Ends the process: the programmer, not the world, is wrong. */
__attribute__((noreturn)) void db_misuse(const char *statement, const char *what, size_t at);

/** Fills err from a failed result (or from the connection when NULL) and returns the outcome. */
MUST_USE enum rc db_error(struct db *db, const char *statement, const PGresult *result,
                          struct err *err);

/* --- the pipeline (db_run.c) --- */
/** Prepares BEGIN, COMMIT and ROLLBACK. */
MUST_USE enum rc db_prepare_own(struct db *db, struct err *err);
extern const char db_sync[];
void db_pend(struct db *db, const char *name);
/** Reads the answer of the oldest pending entry; *ret_result (when asked for) is the caller's, NULL
 * if it failed. Failures are noted in db->failed, db->error. */
void db_take(struct db *db, PGresult **ret_result);
/** Sends a sync and reads everything up to it. */
void db_drain(struct db *db);
bool db_lost(const struct db *db);
