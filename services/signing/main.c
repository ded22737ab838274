/* signing: makes certificates of authorised items. The tables below are the whole service: which
 * messages come in, who may send them, which go out. */
#include "proto/bus.pb-c.h"
#include "services/signing/signing.h"

#define CONF(member) offsetof(struct signing_conf, member)

static const struct conf_row conf_rows[] = {
    {"trust", CONF_DIR, CONF(trust_dir), NULL,
     "folder of anchors/ and intermediates/: the authorities whose signers are believed", 0, 0,
     NULL},
    {"crls", CONF_TREE, CONF(crls), "",
     "places of revocation lists besides those that certificates name: <name> = \"<url>\"; http, "
     "https or file",
     0, 0, NULL},
    {"crl/timeout", CONF_MS, CONF(crl_timeout_ms), "10s", "longest time a fetch may take", 100, 0,
     NULL},
    {"ca", CONF_DIR, CONF(ca_dir), NULL,
     "folder of the issuing CA's certificates by generation: issuing1.pem, issuing2.pem …", 0, 0,
     NULL},
    {"issuer", CONF_TEXT, CONF(issuer), "issuing1", "the generation that signs new certificates", 0,
     0, NULL},
    {"keys/registration_authority", CONF_FILE, CONF(registration_keys), NULL,
     "PEM file of the registration authority's enrolled public keys; read again on SIGHUP", 0, 0,
     NULL},
    {"keys/station", CONF_FILE, CONF(station_keys), NULL,
     "PEM file of the stations' enrolled public keys; read again on SIGHUP", 0, 0, NULL},
    {"keys/officer", CONF_FILE, CONF(officer_keys), NULL,
     "PEM file of the officers' enrolled public keys, who approve OCSP responders; read again on "
     "SIGHUP",
     0, 0, NULL},
    {"keys/weak", CONF_TEXT, CONF(weak_keys), "",
     "list of known-weak RSA keys in the format of Debian's openssl-blacklist; empty: none", 0, 0,
     NULL},
    {"public_url", CONF_URL, CONF(public_url), "http://127.0.0.1:8081",
     "address of the status service as the public sees it, plain http; stands in every certificate",
     0, 0, NULL},
    {"policy_oid", CONF_TEXT, CONF(policy_oid), "1.3.6.1.4.1.32473.68.1",
     "arc of the certificate policies; the default lies in the arc for documentation (RFC 5612)", 0,
     0, NULL},
    {"cps_url", CONF_URL, CONF(cps_url), "http://127.0.0.1:8081/policies/cps/1",
     "address of the certification practice statement; stands in every certificate", 0, 0, NULL},
    {"serial_prefix", CONF_INT, CONF(serial_prefix), "84",
     "first octet of every serial number, the installation's own", 16, 127, NULL},
    DOCUMENT_GATE_ROWS(CONF(gate)),
    {0},
};

static const struct on_event events[] = {
    {.feed = "validation",
     .in = &trien__item_authorized__descriptor,
     .fn = on_item_authorized,
     .out = {&trien__key_awaited__descriptor}},
    {.feed = "courier", .in = &trien__device_assigned__descriptor, .fn = on_device_assigned},
    {0},
};

static const struct on_effect effects[] = {
    {.kind = "prepare",
     .gathers = true,
     .intent = &trien__prepare_order__descriptor,
     .result = &trien__prepared_order__descriptor,
     .act = prepare_act,
     .done = prepare_done,
     .failed = prepare_failed,
     .out = {&trien__issuance_failed__descriptor}},
    {.kind = "sign",
     .gathers = true,
     .intent = &trien__sign_order__descriptor,
     .result = &trien__signed_order__descriptor,
     .act = sign_act,
     .done = sign_done,
     .failed = sign_failed,
     .out = {&trien__certificate_issued__descriptor, &trien__issuance_failed__descriptor}},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__list_work_orders__descriptor,
     .reply = &trien__list_work_orders_reply__descriptor,
     .from = "station operator",
     .fn = on_list_work_orders},
    {.in = &trien__submit_device_key__descriptor,
     .reply = &trien__submit_device_key_reply__descriptor,
     .from = "station",
     .fn = on_submit_device_key},
    {.in = &trien__find_certificate__descriptor,
     .reply = &trien__find_certificate_reply__descriptor,
     .from = "station operator",
     .fn = on_find_certificate},
    {.in = &trien__list_certificates__descriptor,
     .reply = &trien__list_certificates_reply__descriptor,
     .from = "operator auditor",
     .fn = on_list_certificates},
    {.in = &trien__approve_responder__descriptor,
     .reply = &trien__approve_responder_reply__descriptor,
     .from = "officers operator",
     .fn = on_approve_responder,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__get_responder_certificate__descriptor,
     .reply = &trien__get_responder_certificate_reply__descriptor,
     .from = "status",
     .fn = on_get_responder_certificate},
    {0},
};

static const struct on_timer timers[] = {
    {.name = "responders", .period_ms = 60 * 1000, .fn = on_responder_timer},
    {.name = "expiry",
     .period_ms = 60 * 1000,
     .fn = on_expiry_timer,
     .out = {&trien__issuance_failed__descriptor}},
    {.name = "partitions", .period_ms = 6 * 3600 * 1000, .fn = on_partition_timer},
    {0},
};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};
static const char *const feed_readers[] = {"intake",     "validation",   "status", "courier",
                                           "revocation", "notification", "audit",  NULL};

static const struct service service = {
    .name = "signing",
    .sentence = "makes certificates of authorised items: orders, to-be-signed bytes, certificates",
    .number = 6,
    .parts = parts,
    .conf_rows = conf_rows,
    .conf_size = sizeof(struct signing_conf),
    .statements = store_statements,
    .events = events,
    .calls = calls,
    .effects = effects,
    .timers = timers,
    .states = signing_states,
    .feed_readers = feed_readers,
    .early = signing_early,
    .reread = signing_reread,
    .health = signing_health,
    .late = signing_late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
