/* notification: the tables that say what it hears, does and answers. */
#include "services/notification/notification.h"
#include "services/notification/store.h"

static const struct on_event events[] = {
    {"validation",
     &trien__request_accepted__descriptor,
     on_request_accepted,
     {&trien__notice_failed__descriptor}},
    {"validation",
     &trien__request_rejected__descriptor,
     on_request_rejected,
     {&trien__notice_failed__descriptor}},
    {"signing",
     &trien__certificate_issued__descriptor,
     on_certificate_issued,
     {&trien__notice_failed__descriptor}},
    {"signing",
     &trien__issuance_failed__descriptor,
     on_issuance_failed,
     {&trien__notice_failed__descriptor}},
    {"revocation",
     &trien__certificate_revoked__descriptor,
     on_certificate_revoked,
     {&trien__notice_failed__descriptor}},
    {"revocation",
     &trien__revocation_refused__descriptor,
     on_revocation_refused,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__device_dispatched__descriptor,
     on_device_dispatched,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__device_delivered__descriptor,
     on_device_delivered,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__device_handed_over__descriptor,
     on_device_handed_over,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__device_recalled__descriptor,
     on_device_recalled,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__recall_overdue__descriptor,
     on_recall_overdue,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__device_lost__descriptor,
     on_device_lost,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__device_returned__descriptor,
     on_device_returned,
     {&trien__notice_failed__descriptor}},
    {"courier",
     &trien__device_report_refused__descriptor,
     on_device_report_refused,
     {&trien__notice_failed__descriptor}},
    {0},
};

/* The frame tries again a minute apart in the end: about three days of an unreachable gateway. */
#define MAX_ATTEMPTS 4320
/* Many deliveries end in one transaction; a mail or file done twice around a kill is the same one.
 */
#define LINGER_MS 250

static const struct on_effect effects[] = {
    {.kind = "mail",
     .intent = &trien__mail_delivery__descriptor,
     .result = &trien__delivery_result__descriptor,
     .act = act_mail,
     .done = done_mail,
     .failed = failed_mail,
     .max_attempts = MAX_ATTEMPTS,
     .linger_ms = LINGER_MS,
     .out = {&trien__notice_delivered__descriptor, &trien__notice_failed__descriptor}},
    {.kind = "sms", /* by the gateway: a repeat is a second message, so its end waits for nobody */
     .intent = &trien__sms_delivery__descriptor,
     .result = &trien__delivery_result__descriptor,
     .act = act_sms,
     .done = done_sms,
     .failed = failed_sms,
     .max_attempts = MAX_ATTEMPTS,
     .out = {&trien__notice_delivered__descriptor, &trien__notice_failed__descriptor}},
    {.kind = "sms_file",
     .intent = &trien__sms_delivery__descriptor,
     .result = &trien__delivery_result__descriptor,
     .act = act_sms,
     .done = done_sms,
     .failed = failed_sms,
     .max_attempts = MAX_ATTEMPTS,
     .linger_ms = LINGER_MS,
     .out = {&trien__notice_delivered__descriptor, &trien__notice_failed__descriptor}},
    {0},
};

static const struct on_timer timers[] = {
    {"digests", 1000, on_digests_due, {&trien__notice_failed__descriptor}},
    {"receipts_missing", 5 * 1000, on_receipts_missing, {&trien__notice_failed__descriptor}},
    {"partitions", 6 * 3600 * 1000, on_partitions, {NULL}},
    {0},
};

static const struct http_route routes[] = {
    {.method = "GET",
     .path = "/v1/receipts",
     .fn = http_receipt,
     .out = {&trien__notice_delivered__descriptor, &trien__notice_failed__descriptor}},
    {0},
};

static const char *const feed_readers[] = {"intake", "audit", NULL};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};

static const struct service service = {
    .name = "notification",
    .sentence = "Tells the managing agency by e-mail and SMS what became of its request.",
    .number = 4,
    .parts = parts,
    .conf_rows = notification_conf_rows,
    .conf_size = sizeof(struct notification_conf),
    .statements = store_statements,
    .events = events,
    .linger_ms = 20,
    .effects = effects,
    .timers = timers,
    .routes = routes,
    .states = notification_states,
    .feed_readers = feed_readers,
    .early = notification_early,
    .late = notification_late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
