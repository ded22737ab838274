/* What courier said about devices, as notices. Every device says the same of its shipment: the
 * agency is told once. Forms 07 and 08 end like other requests, with one digest. It never sends. */
#include <string.h>

#include "proto/courier.pb-c.h"
#include "services/notification/notice.h"
#include "services/notification/rules.h"

/* One thing that happened to a shipment or device. */
struct story {
    const char *request_id, *subject; /* subject: what it is about, told once */
    const struct notice_template *template;
    const char *device, *serial, *devices, *method, *tracking, *when, *due;
};

static const char *method_text(const char *method)
{
    static const char *const texts[][2] = {
        {"in_person", "giao trực tiếp"},
        {"cipher_organisation", "qua tổ chức cơ yếu"},
        {"public_post", "qua dịch vụ bưu chính công ích"},
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (strcmp(texts[i][0], method) == 0)
            return texts[i][1];
    return method;
}

static enum rc tell(struct tx *tx, const struct story *story)
{
    struct request_row request;
    int64_t number;
    bool found;

    TRY(store_get_request(tx, story->request_id, &found, &request));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_YET, "RequestAccepted of %s has not arrived",
          story->request_id);
    TRY(store_insert_told(tx, story->request_id, story->template->name, story->subject, &number));
    if (number == 0)
        return RC_OK;
    const struct notice_address address = {request.emails, request.mobile};
    const struct template_field fields[] = {
        {"receipt", request.receipt_number, false},
        {"agency", request.agency_name, false},
        {"document", request.document_number, false},
        {"document_day", template_day(tx->arena, request.document_date), false},
        {"device", story->device, false},
        {"serial", story->serial, false},
        {"devices", story->devices, false},
        {"method", story->method, false},
        {"tracking", story->tracking, false},
        {"when", story->when, false},
        {"due", story->due ? template_day(tx->arena, story->due) : NULL, false},
        {NULL, NULL, false},
    };
    return notice_queue(tx, story->request_id, number, story->template, &address, fields);
}

enum rc on_device_dispatched(struct tx *tx, const void *in)
{
    const Trien__DeviceDispatched *event = in;
    const struct story story = {
        .request_id = event->request_id,
        .subject = event->shipment_id,
        .template = &template_dispatched,
        .devices = arena_printf(tx->arena, "%u", event->device_count),
        .method = method_text(event->method),
        .tracking = event->tracking_number ? event->tracking_number : "không có",
        .when = clock_vietnamese_text(tx->arena, event->dispatched_at),
    };

    return tell(tx, &story);
}

enum rc on_device_delivered(struct tx *tx, const void *in)
{
    const Trien__DeviceDelivered *event = in;
    const struct story story = {
        .request_id = event->request_id,
        .subject = event->shipment_id,
        .template = &template_delivered,
        .devices = arena_printf(tx->arena, "%u", event->device_count),
        .when = clock_vietnamese_text(tx->arena, event->delivered_at),
    };

    return tell(tx, &story);
}

enum rc on_device_recalled(struct tx *tx, const void *in)
{
    const Trien__DeviceRecalled *event = in;
    const struct story story = {
        .request_id = event->certificate_request_id,
        .subject = arena_printf(tx->arena, "%s %s", event->certificate_serial, event->due_on),
        .template = &template_device_recalled,
        .device = event->device_serial,
        .serial = event->certificate_serial,
        .due = event->due_on,
    };

    return tell(tx, &story);
}

enum rc on_recall_overdue(struct tx *tx, const void *in)
{
    const Trien__RecallOverdue *event = in;
    const struct story story = {
        .request_id = event->certificate_request_id,
        .subject = arena_printf(tx->arena, "%s %s", event->device_serial, event->due_on),
        .template = &template_overdue,
        .device = event->device_serial,
        .due = event->due_on,
    };

    return tell(tx, &story);
}

enum rc on_device_lost(struct tx *tx, const void *in)
{
    const Trien__DeviceLost *event = in;
    const struct story story = {
        .request_id = event->certificate_request_id,
        .subject = event->certificate_serial,
        .template = &template_lost,
        .device = event->device_serial,
        .serial = event->certificate_serial,
    };

    return tell(tx, &story);
}

/* --- forms 07 and 08
 * ------------------------------------------------------------------------------ */

static enum rc end_report(struct tx *tx, const char *request_id, const char *item_id,
                          const char *device, const char *reason)
{
    const struct item_row item = {
        .number = notice_item_number(item_id),
        .subscriber_name = arena_printf(tx->arena, "Thiết bị %s", device),
        .serial = reason ? NULL : device,
        .reason = reason,
    };

    return notice_end_item(tx, request_id, &item);
}

enum rc on_device_handed_over(struct tx *tx, const void *in)
{
    const Trien__DeviceHandedOver *event = in;

    return end_report(tx, event->request_id, event->item_id, event->device_serial, NULL);
}

enum rc on_device_returned(struct tx *tx, const void *in)
{
    const Trien__DeviceReturned *event = in;

    return end_report(tx, event->request_id, event->item_id, event->device_serial, NULL);
}

enum rc on_device_report_refused(struct tx *tx, const void *in)
{
    const Trien__DeviceReportRefused *event = in;

    return end_report(tx, event->request_id, event->item_id, event->device_serial,
                      notice_reasons(tx->arena, event->reasons, event->n_reasons));
}
