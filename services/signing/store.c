/* Orders and certificates as rows: one function per statement of store.sql. No decision is made
 * here. Responders are in store_responder.c. */
#include "services/signing/store.h"

#include <string.h>

#include "gen/services/signing/store.inc"

#define ID(id) db_uuid((id)->request), db_int4((id)->number)

enum rc store_insert_order(struct tx *tx, const struct order_row *order)
{
    return DB_ROW(tx, insert_orders, 2, ID(&order->id), db_text(order->state),
                  db_text(order->profile), db_text(order->device_kind),
                  db_text(order->subscriber_name), db_time(order->expires_at), db_time(tx->now),
                  db_bytea(order->item));
}

enum rc store_find_order(struct tx *tx, const struct order_id *id, bool *ret_found,
                         struct order_row *ret_order)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_order, &rows, ID(id)));
    *ret_found = db_count(rows) == 1;
    if (*ret_found)
        *ret_order = (struct order_row){.id = *id,
                                        .state = db_get_text(rows, 0, 0),
                                        .profile = db_get_text(rows, 0, 1),
                                        .device_kind = db_get_text(rows, 0, 2),
                                        .subscriber_name = db_get_text(rows, 0, 3),
                                        .created_at = db_get_time(rows, 0, 4),
                                        .item = db_get_bytes(rows, 0, 5),
                                        .device_serial = db_get_text_or_null(rows, 0, 6)};
    return RC_OK;
}

static struct order_id id_at(const struct db_rows *rows, size_t row)
{
    struct order_id id = {.number = (int32_t)db_get_int(rows, row, 1)};

    memcpy(id.request, db_get_uuid(rows, row, 0), sizeof(id.request));
    return id;
}

static void read_orders(struct tx *tx, const struct db_rows *rows, struct order_row **ret_orders,
                        size_t *ret_count)
{
    size_t count = db_count(rows);
    struct order_row *orders = ARENA_ARRAY(tx->arena, struct order_row, count);

    for (size_t i = 0; i < count; i++)
        orders[i] = (struct order_row){.id = id_at(rows, i),
                                       .state = db_get_text(rows, i, 2),
                                       .profile = db_get_text(rows, i, 3),
                                       .device_kind = db_get_text(rows, i, 4),
                                       .subscriber_name = db_get_text(rows, i, 5),
                                       .created_at = db_get_time(rows, i, 6),
                                       .item = db_get_bytes(rows, i, 7),
                                       .device_serial = db_get_text_or_null(rows, i, 8)};
    *ret_orders = orders;
    *ret_count = count;
}

enum rc store_list_orders(struct tx *tx, const char *state, const uint8_t request_id[16], int limit,
                          struct order_row **ret_orders, size_t *ret_count)
{
    struct db_rows *rows = NULL;

    if (state && !strcmp(state, "awaiting_key"))
        TRY(DB_RUN(tx, list_orders_awaiting, &rows, db_uuid(request_id), db_int4(limit)));
    else
        TRY(DB_RUN(tx, list_orders_of_request, &rows, db_uuid(request_id), db_text(state),
                   db_int4(limit)));
    read_orders(tx, rows, ret_orders, ret_count);
    return RC_OK;
}

enum rc store_list_expired(struct tx *tx, int limit, struct order_row **ret_orders,
                           size_t *ret_count)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, list_orders_expired, &rows, db_time(tx->now), db_int4(limit)));
    read_orders(tx, rows, ret_orders, ret_count);
    return RC_OK;
}

enum rc store_set_device_assigned(struct tx *tx, const struct order_id *id,
                                  const char *device_serial, usec assigned_at, bool *ret_known)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, set_device_assigned, &rows, ID(id), db_text(device_serial),
               db_time(assigned_at)));
    *ret_known = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_set_device_key(struct tx *tx, const struct order_id *id, const struct device_key *key,
                             bool *ret_moved)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, set_device_key, &rows, ID(id), db_bytea(key->csr_der), db_bytea(key->statement),
               db_text(key->key_id), db_bytea(key->signature), db_time(tx->now)));
    *ret_moved = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_find_statement(struct tx *tx, const struct order_id *id, struct bytes *ret_statement)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_device, &rows, ID(id)));
    *ret_statement = db_count(rows) ? db_get_bytes(rows, 0, 0) : (struct bytes){0};
    return RC_OK;
}

enum rc store_find_key(struct tx *tx, struct bytes key_sha256, const char **ret_lineage_id)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_key, &rows, db_bytea(key_sha256)));
    *ret_lineage_id = db_count(rows) ? db_get_text(rows, 0, 0) : NULL;
    return RC_OK;
}

enum rc store_set_prepared(struct tx *tx, const struct order_id *id, const struct intent *intent,
                           bool *ret_mine, bool *ret_moved)
{
    struct db_rows *rows = NULL;
    bool mine, moves;

    TRY(DB_PEEK(tx, find_ground, &rows, ID(id), db_bytea(intent->key_sha256)));
    mine = !db_count(rows) || db_is_null(rows, 0, 1) ||
           !strcmp(db_get_text(rows, 0, 1), intent->lineage_id);
    moves = mine && db_count(rows) && !strcmp(db_get_text(rows, 0, 0), "preparing");
    if (moves)
        TRY(DB_ROW(tx, set_prepared, 2, ID(id), db_text(intent->issuer), db_bytea(intent->serial),
                   db_bytea(intent->key_sha256), db_text(intent->lineage_id),
                   db_bytea(intent->tbs_der), db_time(tx->now), db_text(intent->order_id)));
    *ret_mine = mine;
    *ret_moved = moves;
    return RC_OK;
}

enum rc store_set_issued(struct tx *tx, const struct certificate_row *certificate)
{
    return DB_ROW(tx, set_issued, 2, ID(&certificate->id), db_text(certificate->issuer),
                  db_bytea(certificate->serial), db_text(certificate->profile),
                  db_bytea(certificate->certificate_der), db_time(certificate->not_before),
                  db_time(certificate->not_after), db_time(tx->now));
}

enum rc store_set_failed(struct tx *tx, const struct order_id *id, const struct err *why,
                         bool *ret_moved)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, set_failed, &rows, ID(id), db_text(err_entry(why->code)->name),
               db_text(why->detail), db_time(tx->now)));
    *ret_moved = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_find_serial(struct tx *tx, struct bytes serial, const char **ret_order_id)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_serial, &rows, db_bytea(serial)));
    *ret_order_id = db_count(rows) ? db_get_text(rows, 0, 0) : NULL;
    return RC_OK;
}

enum rc store_find_certificate(struct tx *tx, const struct order_id *id, bool *ret_found,
                               struct certificate_row *ret_certificate)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_certificate, &rows, ID(id)));
    *ret_found = db_count(rows) == 1;
    if (*ret_found)
        *ret_certificate = (struct certificate_row){.id = *id,
                                                    .serial = db_get_bytes(rows, 0, 0),
                                                    .certificate_der = db_get_bytes(rows, 0, 1),
                                                    .profile = db_get_text(rows, 0, 2),
                                                    .issuer = db_get_text(rows, 0, 3)};
    return RC_OK;
}

enum rc store_list_certificates(struct tx *tx, const struct order_id *after, int limit,
                                struct certificate_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows = NULL;
    struct certificate_row *list;

    TRY(DB_RUN(tx, list_certificates, &rows, ID(after), db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct certificate_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct certificate_row){.id = id_at(rows, i),
                                           .serial = db_get_bytes(rows, i, 2),
                                           .certificate_der = db_get_bytes(rows, i, 3),
                                           .profile = db_get_text(rows, i, 4),
                                           .issuer = db_get_text(rows, i, 5)};
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_make_partitions(struct tx *tx, int months)
{
    return DB_PUSH(tx, make_partitions, db_time(tx->now), db_int4(months));
}
