/* A recalled device's day: counted by validation, which has the working-day calendar. The device is
 * recalled at once; agencies are told when the day is known. Asking twice is harmless. */
#include <string.h>

#include "services/courier/courier.h"

#define CALL_DEADLINE_MS 5000

/* Whatever validation objects to is ours or the operator's to mend, never the device's: the recall
 * waits for it. */
enum rc recall_act(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const Trien__RecallDevice *intent = in;
    Trien__CountWorkingDays ask = TRIEN__COUNT_WORKING_DAYS__INIT;
    Trien__CountWorkingDaysReply *reply = NULL;
    Trien__RecallDue *due = ARENA_NEW(fx->arena, Trien__RecallDue);
    enum rc rc;

    ask.after = (char *)clock_day_text(fx->arena, clock_civil_day(intent->recalled_at));
    ask.working_days = RECALL_WORKING_DAYS;
    rc = fx_call(fx, "validation", &ask, &trien__count_working_days_reply__descriptor,
                 CALL_DEADLINE_MS, NULL, &reply);
    CHECK(rc != RC_REJECT, &fx->err, TRIEN__ERROR__PEER_UNAVAILABLE, "validation refuses: %s",
          err_entry(fx->err.code)->name);
    TRY(rc);
    trien__recall_due__init(due);
    due->due_on = reply->due_on;
    *ret_result = &due->base;
    return RC_OK;
}

enum rc recall_done(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__RecallDevice *intent = in;
    const Trien__RecallDue *due = result;
    Trien__DeviceRecalled recalled = TRIEN__DEVICE_RECALLED__INIT;
    civil_day day;
    bool set;

    (void)key;
    CHECK(clock_parse_day(due->due_on, &day), &tx->err, TRIEN__ERROR__INTERNAL,
          "validation counted to \"%.20s\"", due->due_on);
    TRY(store_set_device_due(tx, intent->device_serial, day, intent->recalled_at, &set));
    if (!set) /* the device came back, or was lost, before its day was counted */
        return RC_OK;
    recalled.device_serial = intent->device_serial;
    recalled.certificate_serial = intent->certificate_serial;
    recalled.certificate_request_id = intent->certificate_request_id;
    recalled.certificate_item_id = intent->certificate_item_id;
    recalled.request_id = intent->request_id;
    recalled.due_on = due->due_on;
    recalled.recalled_at = intent->recalled_at;
    return emit(tx, intent->device_serial, &recalled);
}

/* Never reached while recall_act() turns every refusal into another try. */
enum rc recall_failed(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    (void)in;
    FAIL(&tx->err, TRIEN__ERROR__INTERNAL, "recall %s: %s", key, err_entry(why->code)->name);
}
