/* intake: takes posted documents in and shows what became of them. The tables below are the whole
 * service: which messages come in, who may send them, which go out. */
#include "services/intake/intake.h"

#include "proto/bus.pb-c.h"
#include "proto/courier.pb-c.h"
#include "proto/notification.pb-c.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"

static const struct conf_row conf_rows[] = {
    {"public_url", CONF_URL, offsetof(struct intake_conf, public_url), "http://127.0.0.1:8080",
     "address of the portal API as clients see it, without a slash at the end", 0, 0, NULL},
    {"documents/memory", CONF_BYTES, offsetof(struct intake_conf, recent_bytes), "8M",
     "The latest documents are kept in memory for those who examine them, up to this; 0: none", 0,
     0x100000000, NULL},
    {0},
};

/* tx->state: the latest documents. */
static enum rc make_state(const void *conf, struct err *err, void **ret_state)
{
    const struct intake_conf *own = conf;
    struct recent *recent = NULL;

    TRY(recent_new((size_t)own->recent_bytes, err, &recent));
    *ret_state = recent;
    return RC_OK;
}

static const struct http_route routes[] = {
    {.method = "POST",
     .path = "/v1/requests",
     .fn = on_post_request,
     .together = on_post_requests,
     .max_body_bytes = POST_MAX_BYTES,
     .multipart = true,
     .out = {&trien__request_submitted__descriptor}},
    {.method = "GET", .path = "/v1/requests", .fn = on_list_requests},
    {.method = "GET", .path = "/v1/requests/{id}", .fn = on_get_request},
    {.method = "GET", .path = "/v1/requests/{id}/certificates/{file}", .fn = on_get_certificate},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__get_document__descriptor,
     .reply = &trien__get_document_reply__descriptor,
     .from = "validation signing operator",
     .fn = on_get_document,
     .reads = true},
    {.in = &trien__put_piece__descriptor,
     .reply = &trien__put_piece_reply__descriptor,
     .from = "portal",
     .fn = on_put_piece},
    {.in = &trien__submit_request__descriptor,
     .reply = &trien__submit_request_reply__descriptor,
     .from = "portal",
     .fn = on_submit_request,
     .out = {&trien__request_submitted__descriptor}},
    {.in = &trien__add_client__descriptor,
     .reply = &trien__add_client_reply__descriptor,
     .from = "operator",
     .fn = on_add_client,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__revoke_client__descriptor,
     .reply = &trien__revoke_client_reply__descriptor,
     .from = "operator",
     .fn = on_revoke_client,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__list_clients__descriptor,
     .reply = &trien__list_clients_reply__descriptor,
     .from = "operator",
     .fn = on_list_clients},
    {.in = &trien__show_request__descriptor,
     .reply = &trien__show_request_reply__descriptor,
     .from = "operator",
     .fn = on_show_request},
    {0},
};

static const struct on_event events[] = {
    {.feed = "validation", .in = &trien__request_accepted__descriptor, .fn = on_request_accepted},
    {.feed = "validation", .in = &trien__request_rejected__descriptor, .fn = on_request_rejected},
    {.feed = "validation", .in = &trien__request_waiting__descriptor, .fn = on_request_waiting},
    {.feed = "validation", .in = &trien__item_authorized__descriptor, .fn = on_item_authorized},
    {.feed = "validation",
     .in = &trien__revocation_authorized__descriptor,
     .fn = on_revocation_authorized},
    {.feed = "signing", .in = &trien__key_awaited__descriptor, .fn = on_key_awaited},
    {.feed = "signing", .in = &trien__certificate_issued__descriptor, .fn = on_certificate_issued},
    {.feed = "signing", .in = &trien__issuance_failed__descriptor, .fn = on_issuance_failed},
    {.feed = "revocation",
     .in = &trien__certificate_revoked__descriptor,
     .fn = on_certificate_revoked},
    {.feed = "revocation",
     .in = &trien__revocation_refused__descriptor,
     .fn = on_revocation_refused},
    {.feed = "revocation",
     .in = &trien__certificate_expired__descriptor,
     .fn = on_certificate_expired},
    {.feed = "courier", .in = &trien__device_assigned__descriptor, .fn = on_device_assigned},
    {.feed = "courier", .in = &trien__device_dispatched__descriptor, .fn = on_device_dispatched},
    {.feed = "courier", .in = &trien__shipment_moved__descriptor, .fn = on_shipment_moved},
    {.feed = "courier", .in = &trien__device_handed_over__descriptor, .fn = on_device_handed_over},
    {.feed = "courier", .in = &trien__device_returned__descriptor, .fn = on_device_returned},
    {.feed = "courier",
     .in = &trien__device_report_refused__descriptor,
     .fn = on_device_report_refused},
    {.feed = "courier", .in = &trien__device_recalled__descriptor, .fn = on_device_recalled},
    {.feed = "courier", .in = &trien__recall_overdue__descriptor, .fn = on_recall_overdue},
    {.feed = "courier", .in = &trien__device_lost__descriptor, .fn = on_device_lost},
    {.feed = "notification", .in = &trien__notice_delivered__descriptor, .fn = on_notice_delivered},
    {.feed = "notification", .in = &trien__notice_failed__descriptor, .fn = on_notice_failed},
    {0},
};

static const struct on_timer timers[] = {
    {.name = "partitions", .period_ms = 6 * 3600 * 1000, .fn = on_partition_timer},
    {.name = "pieces", .period_ms = 10 * 60 * 1000, .fn = on_piece_timer},
    {.name = "due", .period_ms = 15 * 1000, .fn = on_due_timer},
    {0},
};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};
static const char *const feed_readers[] = {"validation", "signing", "notification",
                                           "status",     "audit",   NULL};

static const struct service service = {
    .name = "intake",
    .sentence = "takes signed requests in from the portal and shows what became of them",
    .number = 0,
    .parts = parts,
    .conf_rows = conf_rows,
    .conf_size = sizeof(struct intake_conf),
    .statements = store_statements,
    .events = events,
    .linger_ms = 20,
    .calls = calls,
    .timers = timers,
    .routes = routes,
    .states = intake_states,
    .feed_readers = feed_readers,
    .early = make_state,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
