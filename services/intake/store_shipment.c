/* Shipments of a request: binds, runs, reads. */
#include "services/intake/store.h"

#include "common/bus.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/intake/store.inc"

enum rc store_insert_shipped(struct tx *tx, const uint8_t request_id[16],
                             const uint8_t shipment_id[16], const struct shipment_row *shipment,
                             const struct shipped_row *device)
{
    return DB_PUSH(tx, insert_shipped, db_uuid(request_id), db_uuid(shipment_id),
                   db_text(device->device_serial), db_int4(device->item), db_text(shipment->method),
                   db_text(shipment->tracking_number), db_time(shipment->dispatched_at),
                   db_text(device->certificate_serial));
}

enum rc store_set_shipment_moved(struct tx *tx, const uint8_t request_id[16],
                                 const uint8_t shipment_id[16], const struct shipment_row *shipment,
                                 usec recorded_at)
{
    return DB_PUSH(tx, set_shipment_moved, db_uuid(request_id), db_uuid(shipment_id),
                   db_text(shipment->state), db_time(shipment->moved_at), db_text(shipment->place),
                   db_time(recorded_at));
}

static enum rc list_shipped(struct tx *tx, const uint8_t request_id[16],
                            struct shipped_row **ret_devices, size_t *ret_count)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, list_shipped, &rows, db_uuid(request_id)));
    struct shipped_row *devices = ARENA_ARRAY(tx->arena, struct shipped_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        devices[i] = (struct shipped_row){
            .shipment_id = bus_uuid_text(tx->arena, db_get_uuid(rows, i, 0)),
            .device_serial = db_get_text(rows, i, 1),
            .item = (int32_t)db_get_int(rows, i, 2),
            .certificate_serial = db_get_text_or_null(rows, i, 3),
        };
    *ret_devices = devices;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_list_shipments(struct tx *tx, const uint8_t request_id[16],
                             struct shipment_row **ret_shipments, size_t *ret_shipment_count,
                             struct shipped_row **ret_devices, size_t *ret_device_count)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, list_shipments, &rows, db_uuid(request_id)));
    size_t count = db_count(rows);
    struct shipment_row *shipments = ARENA_ARRAY(tx->arena, struct shipment_row, count);
    for (size_t i = 0; i < count; i++)
        shipments[i] = (struct shipment_row){
            .shipment_id = bus_uuid_text(tx->arena, db_get_uuid(rows, i, 0)),
            .method = db_get_text(rows, i, 1),
            .tracking_number = db_get_text_or_null(rows, i, 2),
            .state = db_get_text(rows, i, 3),
            .place = db_get_text(rows, i, 4),
            .dispatched_at = db_get_time(rows, i, 5),
            .moved_at = db_get_time(rows, i, 6),
        };
    *ret_device_count = 0;
    if (count > 0)
        TRY(list_shipped(tx, request_id, ret_devices, ret_device_count));
    *ret_shipments = shipments;
    *ret_shipment_count = count;
    return RC_OK;
}
