/* What people do with the stock: devices come, leave it for good, and come back after a life with
 * one subscriber. Every change is an OperatorActed. Wrong input is refused whole, with the field
 * named. */
#include <string.h>

#include "common/serial.h"
#include "proto/bus.pb-c.h"
#include "services/courier/courier.h"

#define ADD_MAX 1000

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

/* A person's act on one device. */
struct stock_act {
    const char *event, *ends_in; /* ends_in: the state it leads to */
    const char *serial, *field, *why;
};

/* The device, locked; NULL when the act was done before. */
static enum rc begin_act(struct tx *tx, const struct stock_act *act, struct device_row **ret_device)
{
    struct device_row *device;

    err_field(&tx->err, "%s", act->field);
    CHECK(*act->why && strlen(act->why) <= 500 && bytes_are_text(bytes_of_text(act->why)), &tx->err,
          TRIEN__ERROR__FIELD_INVALID, "a %s of 500 bytes at most", act->field);
    err_clear(&tx->err);
    TRY(store_get_device(tx, act->serial, &device));
    CHECK(device, &tx->err, TRIEN__ERROR__NOT_FOUND, "device %.64s", act->serial);
    *ret_device = NULL;
    if (strcmp(device->state, act->ends_in) == 0)
        return RC_OK;
    CHECK(rule_device_next(device->state, act->event), &tx->err, TRIEN__ERROR__DEVICE_STATE,
          "the device is %s", device->state);
    *ret_device = device;
    return RC_OK;
}

enum rc on_retire_device(struct tx *tx, const void *in, void *out)
{
    const Trien__RetireDevice *ask = in;
    Trien__RetireDeviceReply *reply = out;
    const struct stock_act act = {"RetireDevice", "destroyed", ask->device_serial, "reason",
                                  ask->reason};
    struct device_row *device;

    reply->state = (char *)act.ends_in;
    TRY(begin_act(tx, &act, &device));
    if (!device)
        return RC_OK;
    TRY(store_set_device_state(tx, device->serial, act.event, act.ends_in, act.why));
    if (strcmp(device->state, "assigned") == 0)
        TRY(wait_again(tx, device));
    return emit_operator_act(tx, "device retire", device->serial, act.why);
}

enum rc on_initialise_device(struct tx *tx, const void *in, void *out)
{
    const Trien__InitialiseDevice *ask = in;
    Trien__InitialiseDeviceReply *reply = out;
    const struct stock_act act = {"InitialiseDevice", "initialised", ask->device_serial, "note",
                                  ask->note};
    struct device_row *device;

    reply->state = (char *)act.ends_in;
    TRY(begin_act(tx, &act, &device));
    if (!device)
        return RC_OK;
    CHECK(device->certificate_ended_at, &tx->err, TRIEN__ERROR__DEVICE_STATE,
          "its certificate %s still stands: revoke it first", device->certificate_serial);
    TRY(store_set_device_state(tx, device->serial, act.event, act.ends_in, act.why));
    return emit_operator_act(tx, "device initialise", device->serial, act.why);
}

enum rc on_check_device(struct tx *tx, const void *in, void *out)
{
    const Trien__CheckDevice *ask = in;
    Trien__CheckDeviceReply *reply = out;
    const struct stock_act act = {"CheckDevice", "in_stock", ask->device_serial, "note", ask->note};
    struct device_row *device;

    reply->state = (char *)act.ends_in;
    TRY(begin_act(tx, &act, &device));
    if (!device)
        return RC_OK;
    TRY(store_set_device_restocked(tx, device->serial, act.why));
    return emit_operator_act(tx, "device check", device->serial, act.why);
}
