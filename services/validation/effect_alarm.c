/* Alarms: the metric at once, the log line as an effect, so that it is written once for each thing
 * it is about, however many requests meet it. */
#include "common/log.h"
#include "common/metrics.h"
#include "services/validation/validation.h"

METRIC_FAMILY(beyond) = {
    .kind = METRIC_COUNTER,
    .name = "trien_validation_due_beyond_calendar_total",
    .help = "Due dates that passed the last year of the working-day calendar.",
};

static enum rc raise(struct tx *tx, const char *alarm_name, const char *key, const char *subject)
{
    Trien__RaiseAlarm alarm = TRIEN__RAISE_ALARM__INIT;

    alarm.alarm = (char *)alarm_name;
    alarm.subject = (char *)subject;
    return effect_add(tx, "raise_alarm", key, &alarm, 0);
}

enum rc alarm_calendar_ends(struct tx *tx, const char *calendar_version, civil_day due_on)
{
    struct validation *validation = tx->state;
    int year, month, day;

    clock_day_parts(due_on, &year, &month, &day);
    metric_add(&beyond, 1, NULL);
    knowledge_set_calendar_short(validation->knowledge, true);
    return raise(tx, "calendar_ends",
                 arena_printf(tx->arena, "calendar/%s/%d", calendar_version, year),
                 arena_printf(tx->arena, "calendar %s has no year %d", calendar_version, year));
}

enum rc alarm_list_stale(struct tx *tx, const struct crl_listed *list)
{
    return raise(tx, "crl_stale",
                 arena_printf(tx->arena, "crl/%s", bytes_to_hex(tx->arena, list->sha256)),
                 arena_printf(tx->arena, "%s ended %s", list->url,
                              clock_utc_text(tx->arena, list->next_update)));
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
