/* revocation: owns the status of every certificate and the lists that say so. The tables below are
 * the whole service: which messages come in, who may send them, which go out. */
#include "proto/bus.pb-c.h"
#include "services/revocation/revocation.h"

#define CONF(member) offsetof(struct revocation_conf, member)

static const struct conf_row conf_rows[] = {
    {"ca", CONF_DIR, CONF(ca_dir), NULL,
     "folder of the issuing CA's certificates by generation: issuing1.pem, issuing2.pem …; each "
     "gets lists while it is valid",
     0, 0, NULL},
    {"crl/interval", CONF_MS, CONF(interval_ms), "1h",
     "time between two regular lists, also when nothing was revoked", 1000, 7 * 86400000, NULL},
    {"crl/lifetime", CONF_MS, CONF(lifetime_ms), "48h",
     "from thisUpdate to nextUpdate; two intervals at least", 2000, 31ll * 86400000, NULL},
    {"crl/pause", CONF_MS, CONF(pause_ms), "2s",
     "shortest time between two lists: what is revoked meanwhile is on one list together", 0,
     3600000, NULL},
    {"officer/hourly", CONF_INT, CONF(officer_hourly), "50",
     "certificates that one officer may revoke within an hour; more of them come by form 05", 1,
     1000000, NULL},
    {0},
};

static const struct on_event events[] = {
    {.feed = "signing", .in = &trien__certificate_issued__descriptor, .fn = on_certificate_issued},
    {.feed = "validation",
     .in = &trien__revocation_authorized__descriptor,
     .fn = on_revocation_authorized,
     .out = {&trien__certificate_revoked__descriptor, &trien__revocation_refused__descriptor}},
    {0},
};

static const struct on_effect effects[] = {
    {.kind = "sign_list",
     .intent = &trien__sign_list__descriptor,
     .result = &trien__signed_list__descriptor,
     .act = sign_list_act,
     .done = sign_list_done,
     .failed = sign_list_failed,
     .out = {&trien__crl_issued__descriptor}},
    {.kind = "ask_number",
     .intent = &trien__ask_number__descriptor,
     .result = &trien__number_known__descriptor,
     .act = ask_number_act,
     .done = ask_number_done,
     .failed = ask_number_failed},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__revoke_certificate__descriptor,
     .reply = &trien__revoke_certificate_reply__descriptor,
     .from = "officers",
     .fn = on_revoke_certificate,
     .out = {&trien__certificate_revoked__descriptor, &trien__operator_acted__descriptor}},
    {.in = &trien__accept_lists__descriptor,
     .reply = &trien__accept_lists_reply__descriptor,
     .from = "officers",
     .fn = on_accept_lists,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__get_certificate_status__descriptor,
     .reply = &trien__get_certificate_status_reply__descriptor,
     .from = "operator officers auditor",
     .fn = on_get_certificate_status},
    {.in = &trien__get_crl__descriptor,
     .reply = &trien__get_crl_reply__descriptor,
     .from = "status operator officers auditor",
     .fn = on_get_crl},
    {.in = &trien__get_crl_entries__descriptor,
     .reply = &trien__get_crl_entries_reply__descriptor,
     .from = "@self",
     .fn = on_get_crl_entries},
    {.in = &trien__list_revocation_lists__descriptor,
     .reply = &trien__list_revocation_lists_reply__descriptor,
     .from = "operator officers auditor",
     .fn = on_list_revocation_lists},
    {0},
};

static const struct on_timer timers[] = {
    {.name = "lists", .period_ms = 250, .fn = on_list_timer},
    {.name = "expiry",
     .period_ms = 10 * 1000,
     .fn = on_expiry_timer,
     .out = {&trien__certificate_expired__descriptor}},
    {.name = "partitions", .period_ms = 6 * 3600 * 1000, .fn = on_partition_timer},
    {0},
};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};
static const char *const feed_readers[] = {"intake",       "validation", "status", "courier",
                                           "notification", "audit",      NULL};

static const struct service service = {
    .name = "revocation",
    .sentence = "owns the status of every certificate and the revocation lists that say so",
    .number = 8,
    .parts = parts,
    .conf_rows = conf_rows,
    .conf_size = sizeof(struct revocation_conf),
    .statements = store_statements,
    .events = events,
    .calls = calls,
    .effects = effects,
    .timers = timers,
    .states = revocation_states,
    .feed_readers = feed_readers,
    .early = revocation_early,
    .health = revocation_health,
    .late = revocation_late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
