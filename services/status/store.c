/* status' statements: binds, runs, reads. No rules, no memory beyond the message. */
#include "services/status/store.h"

#include <string.h>

#include "gen/services/status/store.inc"

enum rc store_insert_certificate(struct tx *tx, const struct certificate_row *row)
{
    return DB_ROW(tx, insert_certificates, 0, db_text(row->issuer), db_bytea(row->serial),
                  db_text(row->lineage_id), db_time(row->not_after),
                  db_bytea(row->certificate_der));
}

enum rc store_set_revoked(struct tx *tx, const char *issuer, struct bytes serial, usec revoked_at,
                          uint32_t reason, bool *ret_known)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, set_revoked, &rows, db_text(issuer), db_bytea(serial), db_time(revoked_at),
               db_int4((int32_t)reason)));
    *ret_known = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_set_list(struct tx *tx, const struct list_row *list)
{
    return DB_PUSH(tx, set_list, db_text(list->issuer), db_int8(list->number),
                   db_time(list->this_update), db_time(list->next_update), db_bytea(list->sha256),
                   db_int8((int64_t)list->size_bytes));
}

enum rc store_find_list(struct tx *tx, const char *issuer, bool *ret_found,
                        struct list_row *ret_list)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, find_list, &rows, db_text(issuer)));
    *ret_found = db_count(rows) == 1;
    if (*ret_found)
        *ret_list = (struct list_row){.issuer = issuer,
                                      .this_update = db_get_time(rows, 0, 0),
                                      .next_update = db_get_time(rows, 0, 1),
                                      .sha256 = db_get_bytes(rows, 0, 2),
                                      .number = db_get_int(rows, 0, 3),
                                      .size_bytes = (uint64_t)db_get_int(rows, 0, 4)};
    return RC_OK;
}

enum rc store_insert_part(struct tx *tx, const char *issuer, int64_t number, uint64_t begins,
                          struct bytes der)
{
    return DB_PUSH(tx, insert_part, db_text(issuer), db_int8(number), db_int8((int64_t)begins),
                   db_bytea(der));
}

enum rc store_get_part(struct tx *tx, const char *issuer, int64_t number, uint64_t begins,
                       struct bytes *ret_der)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, get_part, &rows, db_text(issuer), db_int8(number), db_int8((int64_t)begins)));
    *ret_der = db_count(rows) ? db_get_bytes(rows, 0, 0) : bytes_of(NULL, 0);
    return RC_OK;
}

enum rc store_delete_parts(struct tx *tx, const char *issuer, int64_t number)
{
    return DB_PUSH(tx, delete_parts, db_text(issuer), db_int8(number));
}

static void read_status(const struct db_rows *rows, size_t row, struct status_row *into)
{
    into->known = db_get_bool(rows, row, 1);
    into->lineage_id = db_get_text(rows, row, 2);
    into->fact.status = !into->known                                        ? OCSP_UNKNOWN
                        : strcmp(db_get_text(rows, row, 3), "revoked") == 0 ? OCSP_REVOKED
                                                                            : OCSP_GOOD;
    into->fact.revoked_at = db_get_time(rows, row, 4);
    into->fact.reason = (int)db_get_int(rows, row, 5);
    into->blocked = db_get_bool(rows, row, 6);
}

enum rc store_list_status(struct tx *tx, const char *issuer, const struct bytes *serials,
                          size_t count, struct status_row *ret_rows)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_status, &rows, db_text(issuer), db_byteas(serials, count)));
    for (size_t i = 0; i < count; i++) {
        ret_rows[i] = (struct status_row){.lineage_id = "", .fact = {.status = OCSP_UNKNOWN}};
        for (size_t row = 0; row < db_count(rows); row++)
            if (bytes_equal(db_get_bytes(rows, row, 0), serials[i]))
                read_status(rows, row, &ret_rows[i]);
    }
    return RC_OK;
}

enum rc store_find_published(struct tx *tx, const char *const *issuers, size_t issuer_count,
                             struct bytes serial, struct bytes *ret_der, usec *ret_published_at)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, find_published, &rows, db_texts(issuers, issuer_count), db_bytea(serial),
               db_time(tx->now)));
    *ret_der = bytes_of(NULL, 0);
    if (db_count(rows)) {
        *ret_der = db_get_bytes(rows, 0, 0);
        *ret_published_at = db_get_time(rows, 0, 1);
    }
    return RC_OK;
}

enum rc store_find_watermark(struct tx *tx, int64_t *ret_watermark)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_find_watermark, &rows, 0, NULL));
    *ret_watermark = db_get_int(rows, 0, 0);
    return RC_OK;
}

enum rc store_find_feed_heard(struct tx *tx, usec *ret_heard_at)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_find_feed_heard, &rows, 0, NULL));
    *ret_heard_at = db_get_time(rows, 0, 0);
    return RC_OK;
}

enum rc store_list_changes(struct tx *tx, int64_t watermark, int limit,
                           struct change_row **ret_rows, size_t *ret_count)
{
    struct change_row *list;
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_changes, &rows, db_int8(watermark), db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct change_row, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct change_row){db_get_text(rows, i, 0), db_get_bytes(rows, i, 1)};
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_list_blocked(struct tx *tx, int limit, const char ***ret_lineages, size_t *ret_count)
{
    const char **list;
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_blocked, &rows, db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, const char *, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = db_get_text(rows, i, 0);
    *ret_lineages = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_list_responder_certificates(struct tx *tx, const uint8_t key_sha256[32],
                                          struct responder_row **ret_rows, size_t *ret_count)
{
    struct responder_row *list;
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_responder_certificates, &rows, db_bytea(bytes_of(key_sha256, 32)),
               db_time(tx->now)));
    list = ARENA_ARRAY(tx->arena, struct responder_row, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct responder_row){db_get_text(rows, i, 0), db_get_bytes(rows, i, 1),
                                         db_get_time(rows, i, 2), db_get_time(rows, i, 3)};
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_insert_responder_certificate(struct tx *tx, const uint8_t key_sha256[32],
                                           const struct responder_row *row)
{
    return DB_PUSH(tx, insert_responder_certificate, db_text(row->issuer),
                   db_bytea(bytes_of(key_sha256, 32)), db_time(row->not_before),
                   db_time(row->not_after), db_bytea(row->certificate_der));
}

enum rc store_make_partitions(struct tx *tx, int years)
{
    int year, month, day;
    struct db_rows *rows;

    clock_day_parts(clock_civil_day(tx->now), &year, &month, &day);
    return DB_RUN(tx, make_partitions, &rows, db_int4(year), db_int4(years));
}
