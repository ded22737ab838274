/* courier's decisions about devices: names, kinds, and what a report of an agency may say. Pure. */
#include "services/courier/rules.h"

#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

bool rule_is_stock_kind(const char *text)
{
    static const char *const kinds[] = {"pki_token", "sim_pki"};

    return is_one_of(text, kinds, COUNT_OF(kinds));
}

bool rule_is_method(const char *text)
{
    static const char *const methods[] = {"in_person", "cipher_organisation", "public_post"};

    return is_one_of(text, methods, COUNT_OF(methods));
}

const char *rule_report_event(const char *form)
{
    if (strcmp(form, "07") == 0)
        return "HandoverReported";
    return strcmp(form, "08") == 0 ? "ReturnReported" : NULL;
}

/* "<request id>/<n>" → "/subscribers/<n-1>/member" */
static const char *pointer_to(struct arena *arena, const char *item_id, const char *member)
{
    const char *slash = strchr(item_id, '/');
    long row = slash ? strtol(slash + 1, NULL, 10) : 1;

    return arena_printf(arena, "/subscribers/%ld/%s", row > 0 ? row - 1 : 0, member);
}

static Trien__Reason *make_reason(struct arena *arena, Trien__Error code, const char *field)
{
    const struct err_entry *entry = err_entry(code);
    Trien__Reason *reason = ARENA_NEW(arena, Trien__Reason);

    trien__reason__init(reason);
    reason->code = code;
    reason->field = (char *)field;
    reason->text_vi = (char *)entry->vi;
    reason->text_en = (char *)entry->en;
    return reason;
}

/* Serials are lower-case hexadecimal without leading zeros; people may write them otherwise. */
static bool same_serial(const char *reported, const char *ours)
{
    while (*reported == '0' && reported[1])
        reported++;
    return strcasecmp(reported, ours) == 0;
}

Trien__Reason **rule_report_reasons(struct arena *arena, const Trien__DeviceReported *report,
                                    const struct device_facts *device, size_t *ret_count)
{
    Trien__Reason **reasons = ARENA_ARRAY(arena, Trien__Reason *, 3);
    const char *event = rule_report_event(report->form);
    const char *serial_at = pointer_to(arena, report->item_id, "device_serial");
    size_t count = 0;

    if (!device || !device->organ_id || strcmp(device->organ_id, report->organ_id) != 0) {
        /* Somebody else's device is as unknown as none: nothing is said about it. */
        reasons[count++] = make_reason(arena, TRIEN__ERROR__DEVICE_UNKNOWN, serial_at);
    } else {
        if (!event || !rule_device_next(device->state, event))
            reasons[count++] = make_reason(arena, TRIEN__ERROR__DEVICE_STATE, serial_at);
        if (report->certificate_serial && device->certificate_serial &&
            !same_serial(report->certificate_serial, device->certificate_serial))
            reasons[count++] =
                make_reason(arena, TRIEN__ERROR__DEVICE_UNKNOWN,
                            pointer_to(arena, report->item_id, "certificate_serial"));
    }
    *ret_count = count;
    return reasons;
}
