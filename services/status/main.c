/* status: the tables that say what it hears, does and answers. */
#include "services/status/status.h"
#include "services/status/store.h"

static const struct on_event events[] = {
    {.feed = "signing", .in = &trien__certificate_issued__descriptor, .fn = on_certificate_issued},
    {.feed = "revocation",
     .in = &trien__certificate_revoked__descriptor,
     .fn = on_certificate_revoked},
    {.feed = "revocation", .in = &trien__crl_issued__descriptor, .fn = on_crl_issued},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__get_responder_request__descriptor,
     .reply = &trien__get_responder_request_reply__descriptor,
     .from = "operator officers",
     .fn = on_get_responder_request,
     .no_transaction = true},
    {0},
};

static const struct on_effect effects[] = {
    {.kind = "responder_renewal",
     .intent = &trien__responder_renewal__descriptor,
     .result = &trien__responder_renewed__descriptor,
     .act = act_renewal,
     .done = done_renewal,
     .failed = failed_renewal,
     .max_attempts = 5},
    {.kind = "fetch_list",
     .intent = &trien__fetch_list__descriptor,
     .result = &trien__fetched_list__descriptor,
     .act = act_fetch_list,
     .done = done_fetch_list,
     .failed = failed_fetch_list},
    {0},
};

static const struct on_timer timers[] = {
    {.name = "responder", .period_ms = 1000, .fn = on_responder_timer},
    {.name = "list_figures", .period_ms = 10 * 1000, .fn = on_list_figures},
    {.name = "partitions", .period_ms = 6 * 3600 * 1000, .fn = on_partitions},
    {0},
};

static const struct http_route routes[] = {
    {.method = "POST",
     .path = "/ocsp",
     .fn = http_ocsp,
     .hot = hot_ocsp,
     .failed = http_ocsp_failed,
     .max_body_bytes = OCSP_MAX_REQUEST_BYTES},
    {.method = "GET",
     .path = "/ocsp/{request+}",
     .fn = http_ocsp,
     .hot = hot_ocsp,
     .failed = http_ocsp_failed},
    {.method = "GET", .path = "/ca/{name}", .fn = http_authority, .no_transaction = true},
    {.method = "GET", .path = "/crl/{name}", .fn = http_crl},
    {.method = "GET", .path = "/certificates/{name}", .fn = http_certificate},
    {.method = "GET", .path = "/policies/", .fn = http_policies, .no_transaction = true},
    {.method = "GET",
     .path = "/policies/{kind}/{version}",
     .fn = http_policy,
     .no_transaction = true},
    {0},
};

static const char *const feed_readers[] = {"audit", NULL};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};

static const struct service service = {
    .name = "status",
    .sentence =
        "Answers the public: OCSP, CRLs, authorities' and published certificates, policies.",
    .number = 1,
    .parts = parts,
    .conf_rows = status_conf_rows,
    .conf_size = sizeof(struct status_conf),
    .statements = store_statements,
    .events = events,
    .linger_ms = 20,
    .calls = calls,
    .effects = effects,
    .timers = timers,
    .routes = routes,
    .states = status_states,
    .feed_readers = feed_readers,
    .notes_hearing = true,
    .early = status_early,
    .health = status_health,
    .late = status_late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
