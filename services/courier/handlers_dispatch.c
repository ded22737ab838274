/* Shipments begin and end here by an operator's word: devices leave together, a person saw where
 * they are. Refused whole when one device may not go. */
#include <string.h>

#include "common/bus.h"
#include "services/courier/courier.h"

/* What a call asks for, once it holds. */
struct dispatch {
    const Trien__DispatchDevices *ask;
    const char *const *serials; /* as named, or those of the request */
    size_t serial_count;
    const char *method, *carrier;
    struct device_row *devices; /* by serial */
    size_t count;
};

static const struct device_row *find(const struct dispatch *dispatch, const char *serial)
{
    for (size_t i = 0; i < dispatch->count; i++)
        if (strcmp(dispatch->devices[i].serial, serial) == 0)
            return &dispatch->devices[i];
    return NULL;
}

static enum rc check_device(struct tx *tx, const struct dispatch *dispatch, size_t row)
{
    const char *serial = dispatch->serials[row];
    const struct device_row *device = find(dispatch, serial);

    err_field(&tx->err, "device_serials/%zu", row);
    CHECK(device, &tx->err, TRIEN__ERROR__NOT_FOUND, "device %.64s", serial);
    err_field(&tx->err, "device_serials/%zu", row);
    CHECK(rule_device_next(device->state, "DispatchDevices"), &tx->err, TRIEN__ERROR__DEVICE_STATE,
          "device %s is %s", serial, device->state);
    CHECK(device->organ_id, &tx->err, TRIEN__ERROR__NOT_YET,
          "RequestAccepted of %s has not arrived", device->request_id);
    err_field(&tx->err, "device_serials/%zu", row);
    CHECK(strcmp(device->organ_id, dispatch->devices[0].organ_id ?: "") == 0, &tx->err,
          TRIEN__ERROR__FIELD_INVALID, "devices of two agencies do not travel together");
    for (size_t i = 0; i < row; i++)
        CHECK(strcmp(dispatch->serials[i], serial) != 0, &tx->err, TRIEN__ERROR__FIELD_INVALID,
              "device %s stands twice", serial);
    err_clear(&tx->err);
    return RC_OK;
}

/* public_post has a carrier and a number, the others neither. */
static enum rc check_way(struct tx *tx, struct dispatch *dispatch)
{
    const Trien__DispatchDevices *ask = dispatch->ask;
    const struct carrier *carrier;

    dispatch->method = ask->method ? ask->method : dispatch->devices[0].delivery;
    err_field(&tx->err, "method");
    CHECK(rule_is_method(dispatch->method), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "in_person, cipher_organisation or public_post");
    err_field(&tx->err, "tracking_number");
    if (strcmp(dispatch->method, "public_post") != 0) {
        CHECK(!ask->tracking_number && !ask->carrier, &tx->err, TRIEN__ERROR__FIELD_INVALID,
              "only public_post has a carrier and a tracking number");
        err_clear(&tx->err);
        return RC_OK;
    }
    CHECK(ask->tracking_number, &tx->err, TRIEN__ERROR__FIELD_MISSING, "tracking_number");
    CHECK(rule_s10_is_ours(ask->tracking_number), &tx->err, TRIEN__ERROR__TRACKING_NUMBER_INVALID,
          "%.20s", ask->tracking_number);
    carrier = courier_carrier(tx->state, ask->carrier);
    err_field(&tx->err, "carrier");
    CHECK(carrier, &tx->err, TRIEN__ERROR__FIELD_INVALID, "name one carrier of the configuration");
    dispatch->carrier = carrier->id;
    err_clear(&tx->err);
    return RC_OK;
}

static void digest_of(struct arena *arena, const Trien__DispatchDevices *ask,
                      uint8_t ret_sha256[32])
{
    size_t size = trien__dispatch_devices__get_packed_size(ask);
    uint8_t *packed = arena_alloc(arena, size);

    bytes_sha256(bytes_of(packed, trien__dispatch_devices__pack(ask, packed)), ret_sha256);
}

static enum rc say_dispatched(struct tx *tx, const struct dispatch *dispatch,
                              const struct device_row *device, const char *shipment_id)
{
    Trien__DeviceDispatched event = TRIEN__DEVICE_DISPATCHED__INIT;

    for (size_t i = 0; i < dispatch->count; i++)
        event.device_count += strcmp(dispatch->devices[i].request_id, device->request_id) == 0;
    event.device_serial = (char *)device->serial;
    event.request_id = (char *)device->request_id;
    event.item_id = (char *)device->item_id;
    event.shipment_id = (char *)shipment_id;
    event.method = (char *)dispatch->method;
    event.tracking_number = dispatch->ask->tracking_number;
    event.dispatched_at = tx->now;
    event.certificate_serial = (char *)device->certificate_serial;
    return emit(tx, device->serial, &event);
}

static enum rc send_off(struct tx *tx, const struct dispatch *dispatch,
                        struct shipment_row *shipment)
{
    const Trien__DispatchDevices *ask = dispatch->ask;
    bool claimed;

    if (dispatch->carrier) {
        TRY(store_claim_tracking_number(tx, ask->tracking_number, dispatch->carrier, shipment->id,
                                        &claimed));
        err_field(&tx->err, "tracking_number");
        CHECK(claimed, &tx->err, TRIEN__ERROR__TRACKING_NUMBER_USED, "%s", ask->tracking_number);
        err_clear(&tx->err);
    }
    TRY(store_insert_shipment(tx, shipment, dispatch->serials, dispatch->serial_count));
    for (size_t i = 0; i < dispatch->count; i++)
        TRY(say_dispatched(tx, dispatch, &dispatch->devices[i], shipment->shipment_id));
    /* The carrier may have spoken before we did. */
    return dispatch->carrier ? shipment_refold(tx, shipment) : RC_OK;
}

/* Which devices: those that are named, or what is ready of the request. */
static enum rc choose_devices(struct tx *tx, struct dispatch *dispatch)
{
    const Trien__DispatchDevices *ask = dispatch->ask;

    dispatch->serials = (const char *const *)ask->device_serials;
    dispatch->serial_count = ask->n_device_serials;
    if (!ask->request_id)
        return RC_OK;
    TRY(store_list_ready(tx, ask->request_id, DISPATCH_MAX_DEVICES, &dispatch->serials,
                         &dispatch->serial_count));
    err_field(&tx->err, "request_id");
    CHECK(dispatch->serial_count > 0, &tx->err, TRIEN__ERROR__NOT_FOUND,
          "no device of request %.40s is ready to go", ask->request_id);
    err_clear(&tx->err);
    return RC_OK;
}

static enum rc check_dispatch(struct tx *tx, struct dispatch *dispatch)
{
    const Trien__DispatchDevices *ask = dispatch->ask;

    if (ask->tracking_number) /* the carrier may be speaking of it this moment */
        TRY(store_lock_numbers(tx, (const char *const *)&ask->tracking_number, 1));
    TRY(choose_devices(tx, dispatch));
    TRY(store_get_devices(tx, dispatch->serials, dispatch->serial_count, &dispatch->devices,
                          &dispatch->count));
    for (size_t i = 0; i < dispatch->serial_count; i++)
        TRY(check_device(tx, dispatch, i));
    return check_way(tx, dispatch);
}

/* The shipment that stands under this idempotency value, or this new one. */
static enum rc take_key(struct tx *tx, const Trien__DispatchDevices *ask,
                        struct shipment_row *shipment, const char **ret_standing)
{
    uint8_t sha256[32];
    bool same;

    bus_uuid(tx->now, shipment->id);
    shipment->shipment_id = bus_uuid_text(tx->arena, shipment->id);
    digest_of(tx->arena, ask, sha256);
    TRY(store_insert_dispatch_key(tx, ask->idempotency, sha256, shipment->id, ret_standing, &same));
    CHECK(same, &tx->err, TRIEN__ERROR__IDEMPOTENCY_CONFLICT, "another shipment has this value");
    return RC_OK;
}

static enum rc check_ask(struct tx *tx, const Trien__DispatchDevices *ask)
{
    size_t count = ask->n_device_serials;

    CHECK(*ask->idempotency && strlen(ask->idempotency) <= 255, &tx->err,
          TRIEN__ERROR__FIELD_INVALID, "idempotency: 1 to 255 characters");
    CHECK(ask->request_id ? count == 0 : count > 0, &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "device_serials or request_id");
    CHECK(count <= DISPATCH_MAX_DEVICES, &tx->err, TRIEN__ERROR__TOO_LARGE,
          "1 to %d devices a shipment", DISPATCH_MAX_DEVICES);
    return RC_OK;
}

/* The shipment as it stands: a repeated call is answered as the first one was. */
static enum rc answer(struct tx *tx, const Trien__DispatchDevices *ask, const char *shipment_id,
                      Trien__DispatchDevicesReply *reply)
{
    struct shipment_row *shipment;
    size_t count, staying = 0;

    TRY(store_list_shipments(tx, NULL, shipment_id, NULL, 1, &shipment, &count));
    CHECK(count == 1, &tx->err, TRIEN__ERROR__INTERNAL, "a dispatch key without its shipment");
    if (ask->request_id)
        TRY(store_count_ready(tx, ask->request_id, &staying));
    reply->shipment_id = (char *)shipment->shipment_id;
    reply->method = (char *)shipment->method;
    reply->state = (char *)rule_shipment_state_name(shipment->state);
    reply->tracking_number = (char *)shipment->tracking_number;
    reply->device_serials = (char **)(uintptr_t)shipment->serials;
    reply->n_device_serials = shipment->serial_count;
    reply->staying = (uint32_t)staying;
    return RC_OK;
}

static enum rc dispatch_devices(struct tx *tx, const Trien__DispatchDevices *ask,
                                struct shipment_row *shipment)
{
    struct dispatch dispatch = {.ask = ask};

    TRY(check_dispatch(tx, &dispatch));
    shipment->organ_id = dispatch.devices[0].organ_id;
    shipment->method = dispatch.method;
    shipment->carrier = dispatch.carrier;
    shipment->tracking_number = dispatch.carrier ? ask->tracking_number : NULL;
    shipment->dispatched_at = shipment->moved_at = tx->now;
    return send_off(tx, &dispatch, shipment);
}

enum rc on_dispatch_devices(struct tx *tx, const void *in, void *out)
{
    const Trien__DispatchDevices *ask = in;
    struct shipment_row shipment = {.state = SHIPMENT_CREATED};
    const char *standing;

    TRY(check_ask(tx, ask));
    TRY(take_key(tx, ask, &shipment, &standing));
    if (strcmp(standing, shipment.shipment_id) == 0)
        TRY(dispatch_devices(tx, ask, &shipment));
    return answer(tx, ask, standing, out);
}

static enum rc check_correction(struct tx *tx, const Trien__RecordDelivery *ask,
                                struct tracking_point *point)
{
    const char *state = ask->state ? ask->state : "DELIVERED";

    err_field(&tx->err, "state");
    CHECK(rule_shipment_state_of(state, &point->state) &&
              (point->state == SHIPMENT_DELIVERED || point->state == SHIPMENT_RETURNED ||
               point->state == SHIPMENT_LOST),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "DELIVERED, RETURNED or LOST");
    err_field(&tx->err, "note");
    CHECK(*ask->note && strlen(ask->note) <= 500 && bytes_are_text(bytes_of_text(ask->note)),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "who saw it: 500 bytes at most");
    err_field(&tx->err, "delivered_at");
    CHECK(ask->delivered_at <= tx->now && ask->delivered_at > tx->now - 366 * USEC_PER_DAY,
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "in the future, or longer than a year ago");
    err_clear(&tx->err);
    point->at = ask->delivered_at;
    point->place = "";
    return RC_OK;
}

enum rc on_record_delivery(struct tx *tx, const void *in, void *out)
{
    const Trien__RecordDelivery *ask = in;
    Trien__RecordDeliveryReply *reply = out;
    struct shipment_row *shipment;
    struct tracking_point point;

    TRY(check_correction(tx, ask, &point));
    TRY(store_get_shipment(tx, ask->shipment_id, &shipment));
    CHECK(shipment, &tx->err, TRIEN__ERROR__NOT_FOUND, "shipment %.60s", ask->shipment_id);
    TRY(store_insert_correction(tx, shipment->id, &point, ask->note));
    TRY(shipment_refold(tx, shipment));
    reply->state = (char *)rule_shipment_state_name(shipment->state);
    return emit_operator_act(tx, "shipment delivery",
                             arena_printf(tx->arena, "%s %s", shipment->shipment_id, reply->state),
                             ask->note);
}
