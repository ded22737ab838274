/* Alarms: the metric at once, the log line as an effect, so that it is written once for each thing
 * it is about, however many requests meet it. */
#include <inttypes.h>

#include "common/log.h"
#include "common/metrics.h"
#include "services/validation/validation.h"

static struct metric beyond = {METRIC_COUNTER,
                               "trien_validation_due_beyond_calendar_total",
                               "Due dates that passed the last year of the working-day calendar.",
                               NULL,
                               NULL,
                               NULL,
                               0};

enum rc alarm_calendar_ends(struct tx *tx, const char *calendar_version, civil_day due_on)
{
    struct validation *validation = tx->state;
    Trien__RaiseAlarm alarm = TRIEN__RAISE_ALARM__INIT;
    int year, month, day;

    clock_day_parts(due_on, &year, &month, &day);
    metric_add(&beyond, 1, NULL);
    knowledge_set_calendar_short(validation->knowledge, true);
    alarm.alarm = (char *)"calendar_ends";
    alarm.subject = arena_printf(tx->arena, "calendar %s has no year %d", calendar_version, year);
    return effect_add(tx, "raise_alarm",
                      arena_printf(tx->arena, "calendar/%s/%d", calendar_version, year), &alarm, 0);
}

enum rc raise_alarm_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result)
{
    const Trien__RaiseAlarm *alarm = intent;

    (void)fx;
    log_event(LOG_ERROR, alarm->alarm, LOG_TEXT("subject", alarm->subject));
    *ret_result = NULL;
    return RC_OK;
}

enum rc raise_alarm_done(struct tx *tx, const char *key, const void *intent, const void *result)
{
    (void)tx, (void)key, (void)intent, (void)result;
    return RC_OK;
}

enum rc raise_alarm_failed(struct tx *tx, const char *key, const void *intent,
                           const struct err *why)
{
    (void)tx, (void)key, (void)intent, (void)why;
    return RC_OK;
}
