/* Issuers and their lists as rows. */
#include <string.h>

#include "common/bus.h"
#include "services/revocation/revocation.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/revocation/store.inc"

enum rc store_lock_issuer(struct tx *tx, const char *issuer, struct issuer_row *ret_row)
{
    struct db_rows *rows = NULL;

    TRY(DB_PUSH(tx, insert_issuer, db_text(issuer)));
    TRY(DB_RUN(tx, lock_issuer, &rows, db_text(issuer)));
    CHECK(db_count(rows) == 1, &tx->err, TRIEN__ERROR__DATABASE_CONFLICT, "issuer %s", issuer);
    *ret_row = (struct issuer_row){
        .number_known = db_get_bool(rows, 0, 0),
        .last_number = (uint64_t)db_get_int(rows, 0, 1),
        .writing = strcmp(db_get_text(rows, 0, 2), "written") == 0,
        .refused = strcmp(db_get_text(rows, 0, 2), "refused") == 0,
        .planned_at = db_get_time(rows, 0, 3),
        .issued_update = db_get_time(rows, 0, 4),
        .issued_until = db_get_time(rows, 0, 5),
        .unlisted = db_get_bool(rows, 0, 6),
        .asked = db_get_int(rows, 0, 7),
        .signing = db_get_bool(rows, 0, 8),
        .listed_from = db_get_time(rows, 0, 9),
        .issued_bytes = (uint64_t)db_get_int(rows, 0, 10),
        .behind = (uint64_t)db_get_int(rows, 0, 11),
    };
    return RC_OK;
}

static enum rc set_number(struct tx *tx, const char *issuer, uint64_t number)
{
    return DB_PUSH(tx, set_number, db_text(issuer), db_int8((int64_t)number));
}

enum rc store_set_signers_number(struct tx *tx, const char *issuer, uint64_t number,
                                 bool *ret_behind)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, set_signers_number, &rows, db_text(issuer), db_int8((int64_t)number)));
    *ret_behind = db_count(rows) == 1 && db_get_bool(rows, 0, 0);
    return RC_OK;
}

enum rc store_set_number_accepted(struct tx *tx, const char *issuer, uint64_t number,
                                  bool *ret_accepted)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, set_number_accepted, &rows, db_text(issuer), db_int8((int64_t)number)));
    *ret_accepted = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_set_number_unknown(struct tx *tx, const char *issuer, uint64_t not_beyond)
{
    return DB_PUSH(tx, set_number_unknown, db_text(issuer),
                   not_beyond == ISSUER_ANY_NUMBER ? db_null(DB_INT8)
                                                   : db_int8((int64_t)not_beyond));
}

enum rc store_insert_list(struct tx *tx, const struct list_row *list)
{
    TRY(set_number(tx, list->issuer, list->number));
    return DB_PUSH(tx, insert_list, db_text(list->issuer), db_int8((int64_t)list->number),
                   db_time(list->this_update), db_time(list->next_update),
                   db_int8((int64_t)list->entries), db_int8((int64_t)list->entries_bytes));
}

enum rc store_set_list_issued(struct tx *tx, const struct list_row *list, bool *ret_issued)
{
    struct db_rows *rows = NULL;
    uint8_t list_id[16];

    bus_uuid(tx->now, list_id);
    TRY(DB_RUN(tx, set_list_issued, &rows, db_text(list->issuer), db_int8((int64_t)list->number),
               db_time(list->this_update), db_uuid(list_id), db_bytea(list->sha256),
               db_int8((int64_t)list->size_bytes), db_bytea(list->signature),
               db_bytea(list->tbs_sha256)));
    *ret_issued = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_set_list_refused(struct tx *tx, const char *issuer, uint64_t number,
                               const struct err *why)
{
    return DB_PUSH(
        tx, set_list_refused, db_text(issuer), db_int8((int64_t)number),
        db_text(arena_printf(tx->arena, "%s: %s", err_entry(why->code)->name, why->detail)));
}

static struct list_row read_list(const struct db_rows *rows, size_t row, const char *issuer)
{
    return (struct list_row){
        .issuer = issuer,
        .number = (uint64_t)db_get_int(rows, row, 0),
        .this_update = db_get_time(rows, row, 1),
        .next_update = db_get_time(rows, row, 2),
        .entries = (uint64_t)db_get_int(rows, row, 3),
        .size_bytes = (uint64_t)db_get_int(rows, row, 4),
        .sha256 = db_get_bytes(rows, row, 5),
    };
}

enum rc store_get_list(struct tx *tx, const char *issuer, uint64_t number, bool *ret_found,
                       struct list_row *ret_row)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, get_list, &rows, db_text(issuer),
               number ? db_int8((int64_t)number) : db_null(DB_INT8)));
    *ret_found = db_count(rows) == 1;
    if (!*ret_found)
        return RC_OK;
    *ret_row = read_list(rows, 0, issuer);
    ret_row->entries_bytes = (uint64_t)db_get_int(rows, 0, 6);
    ret_row->signature = db_get_bytes(rows, 0, 7);
    ret_row->list_id = db_get_uuid(rows, 0, 8);
    return RC_OK;
}

enum rc store_get_written(struct tx *tx, const char *issuer, uint64_t number, bool *ret_found,
                          struct list_row *ret_row)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, get_written, &rows, db_text(issuer),
               number ? db_int8((int64_t)number) : db_null(DB_INT8)));
    *ret_found = db_count(rows) == 1;
    if (*ret_found)
        *ret_row = (struct list_row){
            .issuer = issuer,
            .number = (uint64_t)db_get_int(rows, 0, 0),
            .this_update = db_get_time(rows, 0, 1),
            .next_update = db_get_time(rows, 0, 2),
            .entries = (uint64_t)db_get_int(rows, 0, 3),
            .entries_bytes = (uint64_t)db_get_int(rows, 0, 4),
        };
    return RC_OK;
}

enum rc store_get_body(struct tx *tx, const uint8_t list_id[16], uint64_t offset, uint32_t size,
                       struct bytes *ret_chunk)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, get_body, &rows, db_uuid(list_id), db_int4((int32_t)offset + 1),
               db_int4((int32_t)size)));
    *ret_chunk = db_count(rows) ? db_get_bytes(rows, 0, 0) : bytes_of(NULL, 0);
    return RC_OK;
}

enum rc store_list_lists(struct tx *tx, const char *issuer, uint64_t before, int32_t limit,
                         size_t *ret_count, struct list_row **ret_rows)
{
    struct db_rows *rows = NULL;
    struct list_row *lists;

    TRY(DB_RUN(tx, list_lists, &rows, db_text(issuer),
               db_int8(before ? (int64_t)before : INT64_MAX), db_int4(limit)));
    lists = ARENA_ARRAY(tx->arena, struct list_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        lists[i] = read_list(rows, i, issuer);
    *ret_count = db_count(rows);
    *ret_rows = lists;
    return RC_OK;
}
