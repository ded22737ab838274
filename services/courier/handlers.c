/* What signing and revocation said: devices are assigned before keys are made, personalised,
 * recalled. Revocation's feed may be read before signing's; what is not there yet is waited for. */
#include <string.h>

#include "services/courier/courier.h"

/* Requests that make keys on devices; of the others there is nothing to carry. */
static bool wants_devices(const Trien__RequestAccepted *event)
{
    for (size_t i = 0; i < event->n_items; i++)
        if (rule_is_stock_kind(event->items[i]->device_kind))
            return true;
    return false;
}

enum rc on_request_accepted(struct tx *tx, const void *in)
{
    const Trien__RequestAccepted *event = in;

    if (!wants_devices(event))
        return RC_OK;
    return store_insert_request(tx, event->request_id, event->organ_id, event->agency_name,
                                event->delivery);
}

enum rc assign_device(struct tx *tx, const struct waiting_row *waiting, bool *ret_assigned)
{
    Trien__DeviceAssigned assigned = TRIEN__DEVICE_ASSIGNED__INIT;
    usec at = tx->now > waiting->since ? tx->now : waiting->since + 1;
    const char *serial;

    TRY(store_assign_device(tx, &waiting->order, waiting->kind, at, &serial));
    *ret_assigned = serial != NULL;
    if (!serial)
        return RC_OK;
    assigned.device_serial = (char *)serial;
    assigned.device_kind = (char *)waiting->kind;
    assigned.order_id = (char *)store_order_text(tx->arena, &waiting->order);
    assigned.item_id = assigned.order_id;
    assigned.request_id = arena_strndup(tx->arena, assigned.order_id, 36);
    assigned.assigned_at = at;
    return emit(tx, serial, &assigned);
}

enum rc on_key_awaited(struct tx *tx, const void *in)
{
    const Trien__KeyAwaited *event = in;
    struct waiting_row waiting = {.kind = event->device_kind};
    const char *serial;
    bool assigned;

    TRY(store_parse_order(tx, event->order_id, &waiting.order));
    TRY(store_find_device_of_order(tx, &waiting.order, &serial));
    if (serial) /* the feed is read again */
        return RC_OK;
    TRY(assign_device(tx, &waiting, &assigned));
    return assigned ? RC_OK : store_insert_waiting(tx, &waiting.order, waiting.kind, tx->now);
}

/* No device is looked for any more, and the one that was assigned is free: the order came to
 * nothing, or has its certificate in another device. */
static enum rc release_order(struct tx *tx, const char *order_id, const char *event)
{
    struct device_row *device;
    struct order_key order;
    const char *serial;

    TRY(store_parse_order(tx, order_id, &order));
    TRY(store_delete_waiting(tx, &order));
    TRY(store_find_device_of_order(tx, &order, &serial));
    if (!serial)
        return RC_OK;
    TRY(store_get_device(tx, serial, &device));
    return rule_device_next(device->state, event) ? store_set_device_released(tx, serial, event)
                                                  : RC_OK;
}

enum rc on_certificate_issued(struct tx *tx, const void *in)
{
    const Trien__CertificateIssued *event = in;
    struct device_row *device;

    if (!event->device_serial) /* the key is the agency's own */
        return RC_OK;
    TRY(store_get_device(tx, event->device_serial, &device));
    CHECK(device, &tx->err, TRIEN__ERROR__DEVICE_UNKNOWN, "certificate %s is in device %.64s",
          event->serial, event->device_serial);
    TRY(store_insert_certificate(tx, event->serial, device->serial));
    if (rule_device_next(device->state, "CertificateIssued"))
        return store_set_device_personalised(tx, device->serial, event->serial);
    /* Renewed in the device it is in; or the device was retired when its key was already made, and
     * the order was given another one in vain. */
    TRY(store_set_device_certificate(tx, device->serial, event->serial));
    return release_order(tx, event->order_id, "OrderServed");
}

enum rc on_issuance_failed(struct tx *tx, const void *in)
{
    const Trien__IssuanceFailed *event = in;

    return release_order(tx, event->order_id, "IssuanceFailed");
}

/* --- recall ----------------------------------------------------------------------------------- */

/* The certificate a device was to be brought back for. */
struct ending {
    const char *event, *device_serial, *certificate_serial;
    const char *request_id; /* of the revocation; may be NULL */
};

/* One that was lost may be recalled a second time: the key says which. */
enum rc recall_device(struct tx *tx, const struct device_row *device, const char *event,
                      const char *request_id)
{
    Trien__RecallDevice intent = TRIEN__RECALL_DEVICE__INIT;

    TRY(store_set_device_recalled(tx, device->serial, event));
    intent.device_serial = (char *)device->serial;
    intent.certificate_serial = (char *)device->certificate_serial;
    intent.certificate_request_id = (char *)device->request_id;
    intent.certificate_item_id = (char *)device->item_id;
    intent.request_id = (char *)request_id;
    intent.recalled_at = tx->now;
    return effect_add(tx, "recall",
                      arena_printf(tx->arena, "%s/%s/%lld", device->serial,
                                   device->certificate_serial, (long long)tx->now),
                      &intent, 0);
}

/* The step that the end of the certificate leads to, if there is one from here. */
static enum rc take_end(struct tx *tx, const struct ending *ending, const struct device_row *device)
{
    const char *next = rule_device_next(device->state, ending->event);

    if (!next)
        return RC_OK;
    if (strcmp(next, "recalled") == 0)
        return recall_device(tx, device, ending->event, ending->request_id);
    TRY(store_set_device_state(tx, device->serial, ending->event, next, NULL));
    return strcmp(next, "lost") == 0 ? say_device_lost(tx, device, ending->request_id) : RC_OK;
}

/* Under the device's lock, which CertificateIssued takes too: what is not known yet will be. */
static enum rc end_device(struct tx *tx, const struct ending *ending)
{
    struct device_row *device;
    bool known = false;

    if (!ending->device_serial)
        return RC_OK;
    TRY(store_get_device(tx, ending->device_serial, &device));
    TRY(store_find_certificate(tx, ending->certificate_serial, &known));
    CHECK(device && known, &tx->err, TRIEN__ERROR__NOT_YET,
          "CertificateIssued of certificate %.64s in device %.64s has not arrived",
          ending->certificate_serial, ending->device_serial);
    if (!device->certificate_serial ||
        strcmp(device->certificate_serial, ending->certificate_serial) != 0)
        return RC_OK; /* renewed, or emptied: the old certificate asks for nothing */
    TRY(take_end(tx, ending, device));
    return store_set_device_ended(tx, device->serial);
}

enum rc on_certificate_revoked(struct tx *tx, const void *in)
{
    const Trien__CertificateRevoked *event = in;
    const struct ending ending = {
        .event = strcmp(event->cause, "that_lac") == 0 ? "LossConfirmed" : "CertificateRevoked",
        .device_serial = event->device_serial,
        .certificate_serial = event->serial,
        .request_id = event->request_id,
    };

    return end_device(tx, &ending);
}

enum rc on_certificate_expired(struct tx *tx, const void *in)
{
    const Trien__CertificateExpired *event = in;
    const struct ending ending = {
        .event = "CertificateExpired",
        .device_serial = event->device_serial,
        .certificate_serial = event->serial,
    };

    return end_device(tx, &ending);
}
