/* Devices, orders and requests as courier has them: binds, runs, reads. No rules, no events. */
#include "services/courier/store.h"

#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "gen/services/courier/store.inc"

enum rc store_parse_order(struct tx *tx, const char *order_id, struct order_key *ret_key)
{
    const char *slash = strchr(order_id, '/');
    size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
    struct order_key key;

    CHECK(slash && slash[1] != '0' && digits >= 1 && digits <= 6 && !slash[1 + digits] &&
              bus_uuid_parse(arena_strndup(tx->arena, order_id, (size_t)(slash - order_id)),
                             key.request),
          &tx->err, TRIEN__ERROR__MALFORMED, "order id \"%.60s\"", order_id);
    key.number = (int32_t)strtol(slash + 1, NULL, 10);
    *ret_key = key;
    return RC_OK;
}

const char *store_order_text(struct arena *arena, const struct order_key *key)
{
    return arena_printf(arena, "%s/%d", bus_uuid_text(arena, key->request), key->number);
}

enum rc store_insert_request(struct tx *tx, const char *request_id, const char *organ_id,
                             const char *agency_name, const char *delivery)
{
    uint8_t id[16];

    CHECK(bus_uuid_parse(request_id, id), &tx->err, TRIEN__ERROR__MALFORMED,
          "request id is no UUID");
    return DB_PUSH(tx, insert_request, db_uuid(id), db_text(organ_id), db_text(agency_name),
                   db_text(delivery));
}

enum rc store_insert_devices(struct tx *tx, const char *const *serials, const char *const *kinds,
                             const char *const *models, size_t count, size_t *ret_added)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, insert_devices, &rows, db_texts(serials, count), db_texts(kinds, count),
               db_texts(models, count), db_text(tx->principal), db_time(tx->now)));
    *ret_added = db_count(rows);
    return RC_OK;
}

enum rc store_find_device_of_order(struct tx *tx, const struct order_key *order,
                                   const char **ret_serial)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, find_device_of_order, &rows, db_uuid(order->request), db_int4(order->number)));
    *ret_serial = db_count(rows) ? db_get_text(rows, 0, 0) : NULL;
    return RC_OK;
}

enum rc store_assign_device(struct tx *tx, const struct order_key *order, const char *kind, usec at,
                            const char **ret_serial)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, assign_device, &rows, db_text(kind), db_uuid(order->request),
               db_int4(order->number), db_text(tx->principal), db_time(at)));
    *ret_serial = db_count(rows) ? db_get_text(rows, 0, 0) : NULL;
    return RC_OK;
}

enum rc store_insert_waiting(struct tx *tx, const struct order_key *order, const char *kind,
                             usec since)
{
    return DB_PUSH(tx, insert_waiting, db_uuid(order->request), db_int4(order->number),
                   db_text(kind), db_time(since));
}

enum rc store_delete_waiting(struct tx *tx, const struct order_key *order)
{
    return DB_PUSH(tx, delete_waiting, db_uuid(order->request), db_int4(order->number));
}

enum rc store_list_waiting(struct tx *tx, int limit, struct waiting_row **ret_rows,
                           size_t *ret_count)
{
    struct db_rows *rows;
    struct waiting_row *list;

    TRY(DB_RUN(tx, list_waiting, &rows, db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct waiting_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++) {
        memcpy(list[i].order.request, db_get_uuid(rows, i, 0), 16);
        list[i].order.number = (int32_t)db_get_int(rows, i, 1);
        list[i].kind = db_get_text(rows, i, 2);
        list[i].since = db_get_time(rows, i, 3);
    }
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

/* --- figures for the operator
 * --------------------------------------------------------------------- */

static void read_figures(struct tx *tx, const struct db_rows *rows, bool since,
                         struct figure_row **ret_rows, size_t *ret_count)
{
    struct figure_row *list = ARENA_ARRAY(tx->arena, struct figure_row, db_count(rows));

    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct figure_row){db_get_text(rows, i, 0), db_get_int(rows, i, 1),
                                      since ? db_get_time(rows, i, 2) : 0};
    *ret_rows = list;
    *ret_count = db_count(rows);
}

enum rc store_count_waiting(struct tx *tx, struct figure_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_count_waiting, &rows, 0, NULL));
    read_figures(tx, rows, true, ret_rows, ret_count);
    return RC_OK;
}

enum rc store_count_stock(struct tx *tx, struct figure_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_count_stock, &rows, 0, NULL));
    read_figures(tx, rows, false, ret_rows, ret_count);
    return RC_OK;
}

enum rc store_count_gone_valid(struct tx *tx, int64_t *ret_count)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_count_gone_valid, &rows, 0, NULL));
    *ret_count = db_get_int(rows, 0, 0);
    return RC_OK;
}

enum rc store_count_overdue(struct tx *tx, int64_t *ret_count)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_count_overdue, &rows, 0, NULL));
    *ret_count = db_get_int(rows, 0, 0);
    return RC_OK;
}

/* --- devices
 * ---------------------------------------------------------------------------------------- */

/* The columns every statement about devices lists. */
static void read_devices(struct tx *tx, const struct db_rows *rows, struct device_row **ret_rows,
                         size_t *ret_count)
{
    struct device_row *list = ARENA_ARRAY(tx->arena, struct device_row, db_count(rows) + 1);

    for (size_t i = 0; i < db_count(rows); i++) {
        struct device_row *row = &list[i];
        *row = (struct device_row){
            .serial = db_get_text(rows, i, 0),
            .kind = db_get_text(rows, i, 1),
            .model = db_get_text(rows, i, 2),
            .state = db_get_text(rows, i, 3),
            .certificate_serial = db_get_text_or_null(rows, i, 6),
            .changed_at = db_get_time(rows, i, 9),
            .organ_id = db_get_text_or_null(rows, i, 10),
            .delivery = db_get_text_or_null(rows, i, 11),
            .certificate_ended_at = db_get_time(rows, i, 12),
        };
        if (!db_is_null(rows, i, 4)) {
            row->request_id = bus_uuid_text(tx->arena, db_get_uuid(rows, i, 4));
            row->item_id = arena_printf(tx->arena, "%s/%lld", row->request_id,
                                        (long long)db_get_int(rows, i, 5));
        }
        if (!db_is_null(rows, i, 7))
            row->shipment_id = bus_uuid_text(tx->arena, db_get_uuid(rows, i, 7));
        if (!db_is_null(rows, i, 8))
            row->due_on = clock_day_text(tx->arena, db_get_date(rows, i, 8));
    }
    *ret_rows = list;
    *ret_count = db_count(rows);
}

enum rc store_get_devices(struct tx *tx, const char *const *serials, size_t count,
                          struct device_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, get_devices, &rows, db_texts(serials, count)));
    read_devices(tx, rows, ret_rows, ret_count);
    return RC_OK;
}

enum rc store_get_device(struct tx *tx, const char *serial, struct device_row **ret_row)
{
    struct device_row *rows;
    size_t count;

    TRY(store_get_devices(tx, &serial, 1, &rows, &count));
    *ret_row = count ? &rows[0] : NULL;
    return RC_OK;
}

enum rc store_find_device(struct tx *tx, const char *serial, struct device_row **ret_rows,
                          size_t *ret_count)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, find_device, &rows, db_text(serial)));
    read_devices(tx, rows, ret_rows, ret_count);
    return RC_OK;
}

enum rc store_list_devices(struct tx *tx, const char *state, const char *after, int limit,
                           struct device_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_devices, &rows, db_text(state), db_text(after), db_int4(limit)));
    read_devices(tx, rows, ret_rows, ret_count);
    return RC_OK;
}

enum rc store_list_devices_of_shipment(struct tx *tx, const uint8_t shipment_id[16],
                                       struct device_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_devices_of_shipment, &rows, db_uuid(shipment_id)));
    read_devices(tx, rows, ret_rows, ret_count);
    return RC_OK;
}

enum rc store_list_ready(struct tx *tx, const char *request_id, int limit,
                         const char *const **ret_serials, size_t *ret_count)
{
    struct db_rows *rows;
    const char **list;
    uint8_t id[16];

    CHECK(bus_uuid_parse(request_id, id), &tx->err, TRIEN__ERROR__MALFORMED,
          "request id is no UUID");
    TRY(DB_RUN(tx, list_ready, &rows, db_uuid(id), db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, const char *, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = db_get_text(rows, i, 0);
    *ret_serials = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_count_ready(struct tx *tx, const char *request_id, size_t *ret_count)
{
    struct db_rows *rows;
    uint8_t id[16];

    CHECK(bus_uuid_parse(request_id, id), &tx->err, TRIEN__ERROR__MALFORMED,
          "request id is no UUID");
    TRY(DB_RUN(tx, count_ready, &rows, db_uuid(id)));
    *ret_count = (size_t)db_get_int(rows, 0, 0);
    return RC_OK;
}

enum rc store_set_device_state(struct tx *tx, const char *serial, const char *event,
                               const char *state, const char *note)
{
    return DB_PUSH(tx, set_device_state, db_text(serial), db_text(event), db_text(state),
                   db_text(tx->principal), db_time(tx->now), db_text(note));
}

enum rc store_set_device_released(struct tx *tx, const char *serial, const char *event)
{
    return DB_PUSH(tx, set_device_released, db_text(serial), db_text(event), db_text(tx->principal),
                   db_time(tx->now));
}

enum rc store_set_device_personalised(struct tx *tx, const char *serial,
                                      const char *certificate_serial)
{
    return DB_PUSH(tx, set_device_personalised, db_text(serial), db_text(certificate_serial),
                   db_text(tx->principal), db_time(tx->now));
}

enum rc store_set_device_certificate(struct tx *tx, const char *serial,
                                     const char *certificate_serial)
{
    return DB_PUSH(tx, set_device_certificate, db_text(serial), db_text(certificate_serial));
}

enum rc store_insert_certificate(struct tx *tx, const char *certificate_serial,
                                 const char *device_serial)
{
    return DB_PUSH(tx, insert_certificate, db_text(certificate_serial), db_text(device_serial));
}

enum rc store_find_certificate(struct tx *tx, const char *certificate_serial, bool *ret_known)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, find_certificate, &rows, db_text(certificate_serial)));
    *ret_known = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_set_device_restocked(struct tx *tx, const char *serial, const char *note)
{
    return DB_PUSH(tx, set_device_restocked, db_text(serial), db_text(tx->principal),
                   db_time(tx->now), db_text(note));
}

enum rc store_set_device_ended(struct tx *tx, const char *serial)
{
    return DB_PUSH(tx, set_device_ended, db_text(serial), db_time(tx->now));
}

enum rc store_set_device_recalled(struct tx *tx, const char *serial, const char *event)
{
    return DB_PUSH(tx, set_device_recalled, db_text(serial), db_text(event), db_text(tx->principal),
                   db_time(tx->now));
}

enum rc store_set_device_due(struct tx *tx, const char *serial, civil_day due_on, usec recalled_at,
                             bool *ret_set)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, set_device_due, &rows, db_text(serial), db_date(due_on), db_time(recalled_at)));
    *ret_set = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_claim_overdue(struct tx *tx, civil_day today, int limit,
                            struct overdue_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;
    struct overdue_row *list;

    TRY(DB_RUN(tx, claim_overdue, &rows, db_date(today), db_time(tx->now), db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct overdue_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++) {
        const char *request_id = bus_uuid_text(tx->arena, db_get_uuid(rows, i, 1));
        list[i] = (struct overdue_row){
            .serial = db_get_text(rows, i, 0),
            .request_id = request_id,
            .item_id =
                arena_printf(tx->arena, "%s/%lld", request_id, (long long)db_get_int(rows, i, 2)),
            .due_on = clock_day_text(tx->arena, db_get_date(rows, i, 3)),
        };
    }
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_make_partitions(struct tx *tx, int months)
{
    struct db_rows *rows;

    return DB_RUN(tx, make_partitions, &rows, db_time(tx->now), db_int4(months));
}
