/* Certificates as rows: one function per statement of store.sql. Nothing is decided here. Lists are
 * in store_list.c. */
#include "services/revocation/revocation.h"

#include "gen/services/revocation/store.inc"

enum rc store_insert_certificate(struct tx *tx, const Trien__CertificateIssued *event)
{
    return DB_PUSH(tx, insert_certificate, db_text(event->serial), db_text(event->issuer),
                   db_text(event->lineage_id), db_text(event->request_id), db_text(event->organ_id),
                   db_text(event->profile), db_text(event->device_serial),
                   db_text(event->subscriber_name), db_time(event->not_before),
                   db_time(event->not_after));
}

static struct certificate_row read_certificate(const struct db_rows *rows, size_t row)
{
    return (struct certificate_row){
        .serial = db_get_text(rows, row, 0),
        .issuer = db_get_text(rows, row, 1),
        .lineage_id = db_get_text(rows, row, 2),
        .certificate_request_id = db_get_text(rows, row, 3),
        .organ_id = db_get_text(rows, row, 4),
        .profile = db_get_text(rows, row, 5),
        .device_serial = db_get_text_or_null(rows, row, 6),
        .subscriber_name = db_get_text_or_null(rows, row, 7),
        .not_after = db_get_time(rows, row, 8),
        .state = db_get_text(rows, row, 9),
        .revoked_at = db_get_time(rows, row, 10),
        .reason = (uint32_t)db_get_int(rows, row, 11),
        .cause = db_get_text_or_null(rows, row, 12),
    };
}

static enum rc read_one(struct db_rows *rows, bool *ret_found, struct certificate_row *ret_row)
{
    *ret_found = db_count(rows) == 1;
    if (*ret_found)
        *ret_row = read_certificate(rows, 0);
    return RC_OK;
}

enum rc store_lock_certificate(struct tx *tx, const char *serial, bool *ret_found,
                               struct certificate_row *ret_row)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, lock_certificate, &rows, db_text(serial)));
    return read_one(rows, ret_found, ret_row);
}

enum rc store_find_certificate(struct tx *tx, const char *serial, bool *ret_found,
                               struct certificate_row *ret_row)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_certificate, &rows, db_text(serial)));
    return read_one(rows, ret_found, ret_row);
}

enum rc store_count_revoked_by(struct tx *tx, const char *principal, usec since, int64_t *ret_count)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, lock_officer, &rows, db_text(principal)));
    TRY(DB_RUN(tx, count_revoked_by, &rows, db_text(principal), db_time(since)));
    *ret_count = db_get_int(rows, 0, 0);
    return RC_OK;
}

enum rc store_set_revoked(struct tx *tx, const char *serial, const struct revocation_order *order)
{
    return DB_PUSH(tx, set_revoked, db_text(serial), db_time(tx->now),
                   db_int4((int32_t)order->reason), db_text(order->cause),
                   order->invalidity_at ? db_time(order->invalidity_at) : db_null(DB_TIMESTAMPTZ),
                   db_text(order->request_id), db_text(order->item_id), db_text(order->principal),
                   db_text(order->note));
}

enum rc store_set_expired(struct tx *tx, usec ended, int32_t limit, size_t *ret_count,
                          struct certificate_row **ret_rows)
{
    struct db_rows *rows = NULL;
    struct certificate_row *certificates;

    TRY(DB_RUN(tx, set_expired, &rows, db_time(ended), db_int4(limit)));
    certificates = ARENA_ARRAY(tx->arena, struct certificate_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        certificates[i] = read_certificate(rows, i);
    *ret_count = db_count(rows);
    *ret_rows = certificates;
    return RC_OK;
}

enum rc store_make_partitions(struct tx *tx, int32_t months)
{
    struct db_rows *rows = NULL;

    return DB_RUN(tx, make_partitions, &rows, db_time(tx->now), db_int4(months));
}
