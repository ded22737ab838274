/* signing: makes certificates of authorised items. The tables below are the whole service: which
 * messages come in, who may send them, which go out. */
#include <dirent.h>
#include <string.h>

#include "proto/bus.pb-c.h"
#include "services/signing/signing.h"

#define CONF(member) offsetof(struct signing_conf, member)
#define PROCESS_ARENA_BYTES ((size_t)4 * 1024 * 1024)

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
     "PEM file of the registration authority's enrolled public keys", 0, 0, NULL},
    {"keys/station", CONF_FILE, CONF(station_keys), NULL,
     "PEM file of the stations' enrolled public keys", 0, 0, NULL},
    {"keys/officer", CONF_FILE, CONF(officer_keys), NULL,
     "PEM file of the officers' enrolled public keys, who approve OCSP responders", 0, 0, NULL},
    {"keys/weak", CONF_TEXT, CONF(weak_keys), "",
     "list of known-weak RSA keys in the format of Debian's openssl-blacklist; empty: none", 0, 0,
     NULL},
    {"public_url", CONF_URL, CONF(public_url), "http://127.0.0.1:8081",
     "address of the status service as the public sees it; stands in every certificate", 0, 0,
     NULL},
    {"policy_oid", CONF_TEXT, CONF(policy_oid), "1.3.6.1.4.1.32473.68.1",
     "arc of the certificate policies; the default lies in the arc for documentation (RFC 5612)", 0,
     0, NULL},
    {"cps_url", CONF_URL, CONF(cps_url), "http://127.0.0.1:8081/policies/cps/1",
     "address of the certification practice statement; stands in every certificate", 0, 0, NULL},
    {"serial_prefix", CONF_INT, CONF(serial_prefix), "84",
     "first octet of every serial number, the installation's own", 16, 127, NULL},
    {"gate/cpu", CONF_MS, CONF(gate_cpu_ms), "2s", "CPU time to parse one document", 0, 0, NULL},
    {"gate/deadline", CONF_MS, CONF(gate_deadline_ms), "5s", "time to parse one document", 0, 0,
     NULL},
    {"gate/memory_mib", CONF_INT, CONF(gate_memory_mib), "256",
     "address space to parse one document, MiB", 16, 4096, NULL},
    {0},
};

static const struct on_event events[] = {
    {.feed = "validation",
     .in = &trien__item_authorized__descriptor,
     .fn = on_item_authorized,
     .out = {&trien__key_awaited__descriptor}},
    {0},
};

static const struct on_effect effects[] = {
    {.kind = "prepare",
     .intent = &trien__prepare_order__descriptor,
     .result = &trien__prepared_order__descriptor,
     .act = prepare_act,
     .done = prepare_done,
     .failed = prepare_failed,
     .out = {&trien__issuance_failed__descriptor}},
    {.kind = "sign",
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
     .from = "station operator status",
     .fn = on_find_certificate},
    {.in = &trien__list_certificates__descriptor,
     .reply = &trien__list_certificates_reply__descriptor,
     .from = "operator",
     .fn = on_list_certificates},
    {.in = &trien__approve_responder__descriptor,
     .reply = &trien__approve_responder_reply__descriptor,
     .from = "officer1 officer2 officer3 operator",
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

const struct issuer *signing_issuer(const struct signing *signing, const char *id)
{
    for (size_t i = 0; i < signing->issuer_count; i++)
        if (!strcmp(signing->issuers[i].id, id))
            return &signing->issuers[i];
    return NULL;
}

static enum rc add_issuer(struct signing *signing, const char *folder, const char *file,
                          struct err *err)
{
    const char *path = arena_printf(signing->arena, "%s/%s", folder, file);
    const char *id = arena_strndup(signing->arena, file, strlen(file) - strlen(".pem"));
    autoptr(X509_stack) stack = NULL;

    CHECK(signing->issuer_count < SIGNING_MAX_ISSUERS, err, TRIEN__ERROR__KEY_FILE,
          "%s: more than %d generations", folder, SIGNING_MAX_ISSUERS);
    TRY(x509_certificates_load(path, err, &stack));
    return issuer_init(&signing->issuers[signing->issuer_count++], signing->arena, id,
                       sk_X509_value(stack, 0), &signing->places, err);
}

static int is_generation(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return !strncmp(entry->d_name, "issuing", 7) && length > 11 &&
           !strcmp(entry->d_name + length - 4, ".pem");
}

/* Every generation that may still have to be answered for, in the order of their names. */
static enum rc load_issuers(struct signing *signing, const struct signing_conf *conf,
                            struct err *err)
{
    struct dirent **files = NULL;
    int count = scandir(conf->ca_dir, &files, is_generation, versionsort);
    enum rc rc = RC_OK;

    for (int i = 0; i < count; i++) {
        if (rc == RC_OK)
            rc = add_issuer(signing, conf->ca_dir, files[i]->d_name, err);
        free(files[i]);
    }
    free(files);
    TRY(rc);
    signing->current = signing_issuer(signing, conf->issuer);
    CHECK(signing->current, err, TRIEN__ERROR__KEY_FILE,
          "%s/%s.pem is not there: hold the key ceremony first (trienctl ceremony)", conf->ca_dir,
          conf->issuer);
    return RC_OK;
}

static enum rc load_keys(struct signing *signing, const struct signing_conf *conf, struct err *err)
{
    TRY(x509_ring_load(conf->registration_keys, err, &signing->registration));
    TRY(x509_ring_load(conf->station_keys, err, &signing->stations));
    TRY(x509_ring_load(conf->officer_keys, err, &signing->officers));
    return *conf->weak_keys ? x509_weak_list_load(conf->weak_keys, err) : RC_OK;
}

/* The inspector's zygote is forked before anything else is in memory. */
static enum rc early(const void *own_conf, struct err *err, void **ret_state)
{
    static struct signing signing;
    const struct signing_conf *conf = own_conf;
    const struct document_limits limits = {.cpu_ms = (unsigned)conf->gate_cpu_ms,
                                           .deadline_ms = (unsigned)conf->gate_deadline_ms,
                                           .memory_mib = (unsigned)conf->gate_memory_mib};

    TRY(document_gate_new(&limits, err, &signing.gate));
    signing.arena = arena_new(PROCESS_ARENA_BYTES);
    signing.places = (struct issuer_places){conf->public_url, conf->policy_oid, conf->cps_url};
    TRY(trust_new(conf->trust_dir, err, &signing.trust));
    TRY(look_cache_new(err, &signing.looks));
    TRY(load_keys(&signing, conf, err));
    TRY(load_issuers(&signing, conf, err));
    *ret_state = &signing;
    return RC_OK;
}

static void late(void *state)
{
    struct signing *signing = state;

    document_gate_free(&signing->gate);
    look_cache_free(&signing->looks);
    trust_free(&signing->trust);
    x509_ring_free(&signing->registration);
    x509_ring_free(&signing->stations);
    x509_ring_free(&signing->officers);
    for (size_t i = 0; i < signing->issuer_count; i++)
        issuer_done(&signing->issuers[i]);
    arena_free(&signing->arena);
}

static bool health(void *state, struct arena *arena, const char **ret_json_members)
{
    const struct signing *signing = state;
    bool inspector = document_gate_alive(signing->gate);
    bool valid = signing->current->not_after_us > clock_now();

    *ret_json_members =
        arena_printf(arena, "\"inspector\":{\"ok\":%s},\"issuer\":{\"ok\":%s,\"id\":\"%s\"}",
                     inspector ? "true" : "false", valid ? "true" : "false", signing->current->id);
    return inspector && valid;
}

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
    .early = early,
    .health = health,
    .late = late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
