/* What courier said about devices: lines on the timelines of the request a device came from and of
 * the request that asks something about it; the ends of forms 07 and 08. Nothing is decided here.
 */
#include "services/intake/intake.h"

#include "common/bus.h"
#include "proto/courier.pb-c.h"

static enum rc parse_id(struct tx *tx, const char *text, uint8_t ret_id[16])
{
    CHECK(bus_uuid_parse(text, ret_id), &tx->err, TRIEN__ERROR__MALFORMED, "not a UUID: %.40s",
          text);
    return RC_OK;
}

static enum rc parse_item(struct tx *tx, const char *item_id, struct item_step *step)
{
    CHECK(rule_item_parse(item_id, step->request_id, &step->number), &tx->err,
          TRIEN__ERROR__MALFORMED, "not an item id");
    return RC_OK;
}

/* A line about the device of an item that has its certificate. */
static enum rc add_line(struct tx *tx, const char *item_id, usec at, const char *event,
                        const char *detail)
{
    struct item_step step = {.at = at, .event = event, .detail = detail};
    TRY(parse_item(tx, item_id, &step));
    return store_insert_item_line(tx, &step);
}

enum rc on_device_assigned(struct tx *tx, const void *in)
{
    const Trien__DeviceAssigned *event = in;
    return add_line(tx, event->item_id, event->assigned_at, "DeviceAssigned", event->device_serial);
}

enum rc on_device_dispatched(struct tx *tx, const void *in)
{
    const Trien__DeviceDispatched *event = in;
    uint8_t shipment_id[16];
    struct item_step step;
    TRY(parse_item(tx, event->item_id, &step));
    TRY(parse_id(tx, event->shipment_id, shipment_id));
    const struct shipment_row shipment = {.method = event->method,
                                          .tracking_number = event->tracking_number,
                                          .dispatched_at = event->dispatched_at};
    const struct shipped_row device = {.device_serial = event->device_serial,
                                       .certificate_serial = event->certificate_serial,
                                       .item = step.number};
    return store_insert_shipped(tx, step.request_id, shipment_id, &shipment, &device);
}

enum rc on_shipment_moved(struct tx *tx, const void *in)
{
    const Trien__ShipmentMoved *event = in;
    uint8_t request_id[16], shipment_id[16];
    TRY(parse_id(tx, event->request_id, request_id));
    TRY(parse_id(tx, event->shipment_id, shipment_id));
    const struct shipment_row shipment = {.state = event->state,
                                          .moved_at = event->happened_at,
                                          .place = event->place ? event->place : ""};
    return store_set_shipment_moved(tx, request_id, shipment_id, &shipment, event->recorded_at);
}

/* Form 07 or 08 has done what it asked for: the item of its request ends, and the item that the
 * device came from shows it too. */
static enum rc end_report(struct tx *tx, const char *report_item_id, const char *item_id, usec at,
                          const char *event, const char *detail)
{
    struct item_step step = {.at = at, .event = event, .detail = detail};
    TRY(parse_item(tx, report_item_id, &step));
    TRY(store_set_item_done(tx, &step));
    return add_line(tx, item_id, at, event, detail);
}

enum rc on_device_handed_over(struct tx *tx, const void *in)
{
    const Trien__DeviceHandedOver *event = in;
    return end_report(
        tx, event->item_id, event->certificate_item_id, event->recorded_at, "DeviceHandedOver",
        arena_printf(tx->arena, "%s %s", event->device_serial, event->handed_over_on));
}

enum rc on_device_returned(struct tx *tx, const void *in)
{
    const Trien__DeviceReturned *event = in;
    return end_report(tx, event->item_id, event->certificate_item_id, event->returned_at,
                      "DeviceReturned",
                      arena_printf(tx->arena, "%s %s", event->device_serial, event->condition));
}

enum rc on_device_report_refused(struct tx *tx, const void *in)
{
    const Trien__DeviceReportRefused *event = in;
    struct item_step step = {
        .at = event->refused_at, .event = "DeviceReportRefused", .detail = event->device_serial};
    TRY(parse_item(tx, event->item_id, &step));
    return store_set_item_failed(tx, &step, view_reasons(tx, event->reasons, event->n_reasons));
}

enum rc on_device_recalled(struct tx *tx, const void *in)
{
    const Trien__DeviceRecalled *event = in;
    return add_line(tx, event->certificate_item_id, event->recalled_at, "DeviceRecalled",
                    arena_printf(tx->arena, "%s %s", event->device_serial, event->due_on));
}

enum rc on_recall_overdue(struct tx *tx, const void *in)
{
    const Trien__RecallOverdue *event = in;
    return add_line(tx, event->certificate_item_id, tx->now, "RecallOverdue",
                    arena_printf(tx->arena, "%s %s", event->device_serial, event->due_on));
}

enum rc on_device_lost(struct tx *tx, const void *in)
{
    const Trien__DeviceLost *event = in;
    return add_line(tx, event->certificate_item_id, event->recorded_at, "DeviceLost",
                    event->device_serial);
}
