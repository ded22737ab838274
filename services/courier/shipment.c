/* A shipment's state is what all words about it fold to. This file holds what follows when that
 * changed: the row, the devices that travel in it, the events. It never looks at how a word came.
 */
#include <string.h>

#include "services/courier/courier.h"

/* What the end of a journey is for this device: nobody hands one over whose certificate has ended.
 */
static const char *event_of(enum shipment_state state, const struct device_row *device)
{
    switch (state) {
    case SHIPMENT_DELIVERED:
        return device->certificate_ended_at ? "DeliveredAfterEnd" : "ShipmentDelivered";
    case SHIPMENT_RETURNED:
        return "ShipmentReturned";
    case SHIPMENT_LOST:
        return "ShipmentLost";
    default:
        return NULL;
    }
}

enum rc say_device_lost(struct tx *tx, const struct device_row *device, const char *request_id)
{
    Trien__DeviceLost lost = TRIEN__DEVICE_LOST__INIT;

    lost.device_serial = (char *)device->serial;
    lost.certificate_serial = (char *)device->certificate_serial;
    lost.certificate_request_id = (char *)device->request_id;
    lost.certificate_item_id = (char *)device->item_id;
    lost.request_id = (char *)request_id;
    lost.recorded_at = tx->now;
    return emit(tx, device->serial, &lost);
}

static enum rc say_moved(struct tx *tx, const struct shipment_row *shipment,
                         const struct device_row *device, const struct tracking_point *point)
{
    Trien__ShipmentMoved moved = TRIEN__SHIPMENT_MOVED__INIT;

    moved.device_serial = (char *)device->serial;
    moved.request_id = (char *)device->request_id;
    moved.shipment_id = (char *)shipment->shipment_id;
    moved.state = (char *)rule_shipment_state_name(point->state);
    moved.happened_at = point->at;
    moved.recorded_at = shipment->changed_at;
    moved.place = *point->place ? (char *)point->place : NULL;
    return emit(tx, device->serial, &moved);
}

static uint32_t devices_of_request(const struct device_row *devices, size_t count,
                                   const char *request_id)
{
    uint32_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += devices[i].request_id && strcmp(devices[i].request_id, request_id) == 0;
    return found;
}

static enum rc say_delivered(struct tx *tx, const struct shipment_row *shipment,
                             const struct device_row *device, usec delivered_at,
                             uint32_t device_count)
{
    Trien__DeviceDelivered delivered = TRIEN__DEVICE_DELIVERED__INIT;

    delivered.device_serial = (char *)device->serial;
    delivered.request_id = (char *)device->request_id;
    delivered.item_id = (char *)device->item_id;
    delivered.shipment_id = (char *)shipment->shipment_id;
    delivered.delivered_at = delivered_at;
    delivered.device_count = device_count;
    return emit(tx, device->serial, &delivered);
}

/* A device whose state does not take the step stays where it is: handed over before the carrier's
 * word, recalled on its way. */
static enum rc take_along(struct tx *tx, const struct shipment_row *shipment,
                          const struct device_row *device, const struct tracking_point *point,
                          uint32_t device_count)
{
    const char *event = event_of(point->state, device);
    const char *next = event ? rule_device_next(device->state, event) : NULL;

    TRY(say_moved(tx, shipment, device, point));
    if (!next)
        return RC_OK;
    if (strcmp(next, "recalled") == 0)
        return recall_device(tx, device, event, NULL);
    TRY(store_set_device_state(tx, device->serial, event, next, NULL));
    if (point->state == SHIPMENT_DELIVERED)
        return say_delivered(tx, shipment, device, point->at, device_count);
    return strcmp(next, "lost") == 0 ? say_device_lost(tx, device, NULL) : RC_OK;
}

enum rc shipment_refold(struct tx *tx, struct shipment_row *shipment)
{
    const struct tracking_point start = {
        .state = SHIPMENT_CREATED, .at = shipment->dispatched_at, .place = ""};
    struct tracking_point *points, now;
    struct device_row *devices;
    size_t count;
    bool moved;

    TRY(store_list_points(tx, shipment, &points, &count));
    now = rule_fold(points, count, start);
    moved = now.state != shipment->state;
    if (!moved && now.at == shipment->moved_at)
        return RC_OK;
    TRY(store_set_shipment_state(tx, shipment->id, &now, &shipment->changed_at));
    shipment->state = now.state;
    shipment->moved_at = now.at;
    if (!moved)
        return RC_OK;
    TRY(store_list_devices_of_shipment(tx, shipment->id, &devices, &count));
    for (size_t i = 0; i < count; i++)
        TRY(take_along(tx, shipment, &devices[i], &now,
                       devices_of_request(devices, count, devices[i].request_id)));
    return RC_OK;
}
