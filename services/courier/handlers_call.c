/* What operators ask and do: stock, lists. Every change is an event (OperatorActed, or the device's
 * own). Wrong input is refused whole, with the field named. */
#include <string.h>

#include "common/serial.h"
#include "proto/bus.pb-c.h"
#include "services/courier/courier.h"

#define ADD_MAX 1000
#define LIST_MAX 500

static int limit_of(protobuf_c_boolean has, uint32_t limit)
{
    return has && limit > 0 && limit < LIST_MAX ? (int)limit : LIST_MAX;
}

static enum rc check_stock(struct tx *tx, const Trien__StockDevice *device, size_t row)
{
    err_field(&tx->err, "devices/%zu/device_serial", row);
    CHECK(serial_is_device(device->device_serial), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "3 to 64 letters, digits, '.', '_', '-'");
    err_field(&tx->err, "devices/%zu/device_kind", row);
    CHECK(rule_is_stock_kind(device->device_kind), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "pki_token or sim_pki");
    err_field(&tx->err, "devices/%zu/model", row);
    CHECK(!device->model ||
              (strlen(device->model) <= 100 && bytes_are_text(bytes_of_text(device->model))),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "model");
    err_clear(&tx->err);
    return RC_OK;
}

enum rc on_add_devices(struct tx *tx, const void *in, void *out)
{
    const Trien__AddDevices *ask = in;
    Trien__AddDevicesReply *reply = out;
    size_t count = ask->n_devices, added;
    const char **serials = ARENA_ARRAY(tx->arena, const char *, count);
    const char **kinds = ARENA_ARRAY(tx->arena, const char *, count);
    const char **models = ARENA_ARRAY(tx->arena, const char *, count);

    CHECK(count > 0 && count <= ADD_MAX, &tx->err, TRIEN__ERROR__TOO_LARGE,
          "1 to %d devices a call", ADD_MAX);
    for (size_t i = 0; i < count; i++) {
        TRY(check_stock(tx, ask->devices[i], i));
        serials[i] = ask->devices[i]->device_serial;
        kinds[i] = ask->devices[i]->device_kind;
        models[i] = ask->devices[i]->model ? ask->devices[i]->model : "";
    }
    TRY(store_insert_devices(tx, serials, kinds, models, count, &added));
    reply->added = (uint32_t)added;
    reply->known = (uint32_t)(count - added);
    return added == 0
               ? RC_OK
               : emit_operator_act(
                     tx, "device add",
                     arena_printf(tx->arena, "%zu devices, the first %s", added, serials[0]), NULL);
}

/* An order that loses its device waits for another one, which is assigned later than this one was,
 * whatever clocks say. */
static enum rc wait_again(struct tx *tx, const struct device_row *device)
{
    struct order_key order;

    TRY(store_parse_order(tx, device->item_id, &order));
    return store_insert_waiting(tx, &order, device->kind,
                                tx->now > device->changed_at ? tx->now : device->changed_at);
}

enum rc on_retire_device(struct tx *tx, const void *in, void *out)
{
    const Trien__RetireDevice *ask = in;
    Trien__RetireDeviceReply *reply = out;
    struct device_row *device;
    const char *next;

    err_field(&tx->err, "reason");
    CHECK(*ask->reason && strlen(ask->reason) <= 500 && bytes_are_text(bytes_of_text(ask->reason)),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "a reason of 500 bytes at most");
    err_clear(&tx->err);
    TRY(store_get_device(tx, ask->device_serial, &device));
    CHECK(device, &tx->err, TRIEN__ERROR__NOT_FOUND, "device %.64s", ask->device_serial);
    reply->state = (char *)"destroyed";
    if (strcmp(device->state, "destroyed") == 0)
        return RC_OK;
    next = rule_device_next(device->state, "RetireDevice");
    CHECK(next, &tx->err, TRIEN__ERROR__DEVICE_STATE, "the device is %s", device->state);
    TRY(store_set_device_state(tx, device->serial, "RetireDevice", next, ask->reason));
    if (strcmp(device->state, "assigned") == 0)
        TRY(wait_again(tx, device));
    return emit_operator_act(tx, "device retire", device->serial, ask->reason);
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
