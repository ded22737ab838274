/* Forms 07 and 08: what agencies say about devices, held against the device's own state. A report
 * that cannot stand is refused with every reason; nothing of it is kept but the refusal. */
#include <string.h>

#include "services/courier/courier.h"

static enum rc refuse(struct tx *tx, const Trien__DeviceReported *report, Trien__Reason **reasons,
                      size_t count)
{
    Trien__DeviceReportRefused refused = TRIEN__DEVICE_REPORT_REFUSED__INIT;

    refused.device_serial = report->device_serial;
    refused.request_id = report->request_id;
    refused.item_id = report->item_id;
    refused.reasons = reasons;
    refused.n_reasons = count;
    refused.refused_at = tx->now;
    return emit(tx, report->device_serial, &refused);
}

static enum rc hand_over(struct tx *tx, const Trien__DeviceReported *report,
                         const struct device_row *device)
{
    Trien__DeviceHandedOver handed = TRIEN__DEVICE_HANDED_OVER__INIT;

    handed.device_serial = (char *)device->serial;
    handed.certificate_serial = (char *)device->certificate_serial;
    handed.certificate_request_id = (char *)device->request_id;
    handed.certificate_item_id = (char *)device->item_id;
    handed.request_id = report->request_id;
    handed.item_id = report->item_id;
    handed.handed_over_on = report->happened_on
                                ? report->happened_on
                                : (char *)clock_day_text(tx->arena, clock_civil_day(tx->now));
    handed.recorded_at = tx->now;
    return emit(tx, device->serial, &handed);
}

static enum rc take_back(struct tx *tx, const Trien__DeviceReported *report,
                         const struct device_row *device)
{
    Trien__DeviceReturned returned = TRIEN__DEVICE_RETURNED__INIT;

    returned.device_serial = (char *)device->serial;
    returned.certificate_serial = (char *)device->certificate_serial;
    returned.certificate_request_id = (char *)device->request_id;
    returned.certificate_item_id = (char *)device->item_id;
    returned.request_id = report->request_id;
    returned.item_id = report->item_id;
    returned.condition = report->condition ? report->condition : (char *)"";
    returned.returned_at = tx->now;
    return emit(tx, device->serial, &returned);
}

enum rc on_device_reported(struct tx *tx, const void *in)
{
    const Trien__DeviceReported *report = in;
    const char *event = rule_report_event(report->form);
    struct device_facts facts;
    struct device_row *device;
    Trien__Reason **reasons;
    size_t count;

    TRY(store_get_device(tx, report->device_serial, &device));
    if (device)
        facts = (struct device_facts){device->state, device->organ_id, device->certificate_serial};
    reasons = rule_report_reasons(tx->arena, report, device ? &facts : NULL, &count);
    if (count > 0)
        return refuse(tx, report, reasons, count);
    TRY(store_set_device_state(tx, device->serial, event, rule_device_next(device->state, event),
                               report->condition));
    return strcmp(event, "HandoverReported") == 0 ? hand_over(tx, report, device)
                                                  : take_back(tx, report, device);
}
