/* Officers' approvals and responders' certificates as rows: one function per statement of
 * store.sql. */
#define DB_STATEMENTS_ELSEWHERE
#include "services/signing/store.h"

#include "gen/services/signing/store.inc"

enum rc store_insert_approval(struct tx *tx, const struct approval_row *approval)
{
    return DB_PUSH(tx, insert_approval, db_bytea(approval->sha256), db_text(approval->key_id),
                   db_text(approval->issuer), db_bytea(approval->key_sha256),
                   db_bytea(approval->approval), db_bytea(approval->signature),
                   db_bytea(approval->csr_der), db_time(approval->expires_at), db_time(tx->now));
}

enum rc store_list_approvals(struct tx *tx, struct bytes sha256, struct approval_row **ret_rows,
                             size_t *ret_count)
{
    struct db_rows *rows = NULL;
    struct approval_row *list;

    TRY(DB_RUN(tx, list_approvals, &rows, db_bytea(sha256)));
    list = ARENA_ARRAY(tx->arena, struct approval_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct approval_row){.sha256 = sha256,
                                        .key_id = db_get_text(rows, i, 0),
                                        .signature = db_get_bytes(rows, i, 1),
                                        .approval = db_get_bytes(rows, i, 2),
                                        .csr_der = db_get_bytes(rows, i, 3)};
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_list_responders_due(struct tx *tx, struct bytes **ret_digests, size_t *ret_count)
{
    struct db_rows *rows = NULL;
    struct bytes *list;

    TRY(DB_RUN(tx, list_responders_due, &rows, db_time(tx->now)));
    list = ARENA_ARRAY(tx->arena, struct bytes, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = db_get_bytes(rows, i, 0);
    *ret_digests = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_count_responder_orders(struct tx *tx, const char *issuer, struct bytes key_sha256,
                                     int64_t *ret_count)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, count_responder_orders, &rows, db_text(issuer), db_bytea(key_sha256)));
    *ret_count = db_get_int(rows, 0, 0);
    return RC_OK;
}

enum rc store_insert_responder_order(struct tx *tx, const struct responder_order *order,
                                     bool *ret_mine)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, insert_responder_order, &rows, db_text(order->order_id), db_text(order->issuer),
               db_bytea(order->key_sha256), db_bytea(order->approval_sha256),
               db_bytea(order->serial), db_bytea(order->tbs_der), db_time(order->not_before),
               db_time(order->not_after), db_time(tx->now), db_text(order->lineage_id)));
    *ret_mine = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_set_responder_issued(struct tx *tx, const char *order_id,
                                   struct bytes certificate_der)
{
    return DB_PUSH(tx, set_responder_issued, db_text(order_id), db_bytea(certificate_der));
}

enum rc store_set_responder_failed(struct tx *tx, const char *order_id, const struct err *why)
{
    return DB_PUSH(tx, set_responder_failed, db_text(order_id), db_text(why->detail));
}

enum rc store_find_responder(struct tx *tx, const char *issuer, struct bytes key_sha256,
                             struct bytes *ret_certificate_der)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_responder, &rows, db_text(issuer), db_bytea(key_sha256), db_time(tx->now)));
    *ret_certificate_der = db_count(rows) ? db_get_bytes(rows, 0, 0) : (struct bytes){0};
    return RC_OK;
}

enum rc store_count_responder_approvals(struct tx *tx, const char *issuer, struct bytes key_sha256,
                                        int64_t *ret_count)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, count_responder_approvals, &rows, db_text(issuer), db_bytea(key_sha256),
               db_time(tx->now)));
    *ret_count = db_get_int(rows, 0, 0);
    return RC_OK;
}
