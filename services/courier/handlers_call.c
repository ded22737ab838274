/* What operators ask: devices, shipments, carriers. Changes nothing. */
#include <string.h>

#include "proto/bus.pb-c.h"
#include "services/courier/courier.h"

#define LIST_MAX 500

static int limit_of(protobuf_c_boolean has, uint32_t limit)
{
    return has && limit > 0 && limit < LIST_MAX ? (int)limit : LIST_MAX;
}

static Trien__DeviceRow *device_of(struct arena *arena, const struct device_row *in)
{
    Trien__DeviceRow *row = ARENA_NEW(arena, Trien__DeviceRow);

    trien__device_row__init(row);
    row->device_serial = (char *)in->serial;
    row->device_kind = (char *)in->kind;
    row->state = (char *)in->state;
    row->request_id = (char *)in->request_id;
    row->order_id = (char *)in->item_id;
    row->certificate_serial = (char *)in->certificate_serial;
    row->due_on = (char *)in->due_on;
    row->has_certificate_ended_at = in->certificate_ended_at != 0;
    row->certificate_ended_at = in->certificate_ended_at;
    row->changed_at = in->changed_at;
    row->organ_id = (char *)in->organ_id;
    row->shipment_id = (char *)in->shipment_id;
    row->model = *in->model ? (char *)in->model : NULL;
    return row;
}

enum rc on_list_devices(struct tx *tx, const void *in, void *out)
{
    const Trien__ListDevices *ask = in;
    Trien__ListDevicesReply *reply = out;
    struct device_row *rows;
    size_t count;

    if (ask->device_serial)
        TRY(store_find_device(tx, ask->device_serial, &rows, &count));
    else
        TRY(store_list_devices(tx, ask->state, ask->after ? ask->after : "",
                               limit_of(ask->has_limit, ask->limit), &rows, &count));
    reply->devices = ARENA_ARRAY(tx->arena, Trien__DeviceRow *, count);
    for (size_t i = 0; i < count; i++)
        reply->devices[i] = device_of(tx->arena, &rows[i]);
    reply->n_devices = count;
    return RC_OK;
}

static Trien__ShipmentRow *shipment_of(struct arena *arena, const struct shipment_row *in)
{
    Trien__ShipmentRow *row = ARENA_NEW(arena, Trien__ShipmentRow);

    trien__shipment_row__init(row);
    row->shipment_id = (char *)in->shipment_id;
    row->method = (char *)in->method;
    row->state = (char *)rule_shipment_state_name(in->state);
    row->tracking_number = (char *)in->tracking_number;
    row->carrier = (char *)in->carrier;
    row->organ_id = (char *)in->organ_id;
    row->device_serials = (char **)(uintptr_t)in->serials;
    row->n_device_serials = in->serial_count;
    row->dispatched_at = in->dispatched_at;
    row->has_changed_at = true;
    row->changed_at = in->changed_at;
    return row;
}

enum rc on_list_shipments(struct tx *tx, const void *in, void *out)
{
    const Trien__ListShipments *ask = in;
    Trien__ListShipmentsReply *reply = out;
    struct shipment_row *rows;
    size_t count;

    TRY(store_list_shipments(tx, ask->state, ask->shipment_id, ask->after,
                             limit_of(ask->has_limit, ask->limit), &rows, &count));
    reply->shipments = ARENA_ARRAY(tx->arena, Trien__ShipmentRow *, count);
    for (size_t i = 0; i < count; i++)
        reply->shipments[i] = shipment_of(tx->arena, &rows[i]);
    reply->n_shipments = count;
    return RC_OK;
}

enum rc on_list_carriers(struct tx *tx, const void *in, void *out)
{
    const struct courier *courier = tx->state;
    Trien__ListCarriersReply *reply = out;

    (void)in;
    reply->carriers = ARENA_ARRAY(tx->arena, Trien__CarrierRow *, courier->carrier_count);
    for (size_t i = 0; i < courier->carrier_count; i++) {
        Trien__CarrierRow *row = ARENA_NEW(tx->arena, Trien__CarrierRow);
        trien__carrier_row__init(row);
        row->carrier_id = (char *)courier->carriers[i].id;
        row->name = (char *)courier->carriers[i].name;
        reply->carriers[i] = row;
    }
    reply->n_carriers = courier->carrier_count;
    return RC_OK;
}
