/* validation: decides whether a signed request may be served. The tables below are the whole
 * service: which messages come in, who may send them, which go out. */
#include <stdio.h>
#include <string.h>

#include "proto/bus.pb-c.h"
#include "proto/intake.pb-c.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "services/validation/validation.h"

extern const struct db_statement store_statements[];

#define CONF(member) offsetof(struct validation_conf, member)

static const struct conf_row conf_rows[] = {
    {"trust", CONF_DIR, CONF(trust_dir), NULL,
     "folder of anchors/ and intermediates/: the authorities whose signers are believed", 0, 0,
     NULL},
    {"registration_key", CONF_SECRET, CONF(registration_key), NULL,
     "P-256 private key (PEM) of the registration authority; signs every authorisation", 0, 0,
     NULL},
    {"official_mail_domains", CONF_TEXT, CONF(official_mail_domains), "vn",
     "domains an official e-mail address may lie in, separated by spaces; empty: any", 0, 0, NULL},
    {"crls", CONF_TREE, CONF(crls), "",
     "places of revocation lists besides those that certificates name: <name> = \"<url>\"; http, "
     "https or file",
     0, 0, NULL},
    {"crl/period", CONF_MS, CONF(crl_period_ms), "10m", "time between two fetches of a list", 1000,
     86400000, NULL},
    {"crl/retry", CONF_MS, CONF(crl_retry_ms), "20s", "the same while the list is stale or missing",
     1000, 86400000, NULL},
    {"crl/timeout", CONF_MS, CONF(crl_timeout_ms), "30s", "longest time a fetch may take", 100,
     600000, NULL},
    {"validity_days", CONF_INT, CONF(validity_days), "1826",
     "longest life that is authorised; 5 years by Decree 68/2024 Điều 9", 1, 1826, NULL},
    {"authorization_days", CONF_INT, CONF(authorization_days), "30",
     "how long an authorisation may be used (the key may have to be made on a device first)", 1,
     365, NULL},
    {"review/forms", CONF_TEXT, CONF(review_forms), "",
     "forms whose requests two officers approve before they are accepted, separated by spaces", 0,
     0, NULL},
    DOCUMENT_GATE_ROWS(CONF(gate)),
    {0},
};

static const struct on_event events[] = {
    {.feed = "intake", .in = &trien__request_submitted__descriptor, .fn = on_request_submitted},
    {.feed = "signing", .in = &trien__certificate_issued__descriptor, .fn = on_certificate_issued},
    {.feed = "revocation",
     .in = &trien__certificate_revoked__descriptor,
     .fn = on_certificate_revoked},
    {.feed = "revocation",
     .in = &trien__certificate_expired__descriptor,
     .fn = on_certificate_expired},
    {0},
};

static const struct on_effect effects[] = {
    {.kind = "examine",
     .gathers = true,
     .intent = &trien__examine_document__descriptor,
     .result = &trien__examined_document__descriptor,
     .act = examine_act,
     .done = examine_done,
     .failed = examine_failed,
     .out = {&trien__request_accepted__descriptor, &trien__item_authorized__descriptor,
             &trien__request_rejected__descriptor, &trien__request_waiting__descriptor,
             &trien__revocation_authorized__descriptor, &trien__device_reported__descriptor}},
    {.kind = "fetch_crl",
     .intent = &trien__fetch_crl__descriptor,
     .result = &trien__fetched_crl__descriptor,
     .act = fetch_crl_act,
     .done = fetch_crl_done,
     .failed = fetch_crl_failed,
     .max_attempts = 2},
    {.kind = "raise_alarm",
     .intent = &trien__raise_alarm__descriptor,
     .act = raise_alarm_act,
     .done = raise_alarm_done,
     .failed = raise_alarm_failed,
     .max_attempts = 3},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__put_agency__descriptor,
     .reply = &trien__put_agency_reply__descriptor,
     .from = "operator",
     .fn = on_put_agency,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__withdraw_signer__descriptor,
     .reply = &trien__withdraw_signer_reply__descriptor,
     .from = "operator",
     .fn = on_withdraw_signer,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__list_agencies__descriptor,
     .reply = &trien__list_agencies_reply__descriptor,
     .from = "operator",
     .fn = on_list_agencies},
    {.in = &trien__put_calendar__descriptor,
     .reply = &trien__put_calendar_reply__descriptor,
     .from = "operator",
     .fn = on_put_calendar,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__count_working_days__descriptor,
     .reply = &trien__count_working_days_reply__descriptor,
     .from = "courier",
     .fn = on_count_working_days},
    {.in = &trien__list_reviews__descriptor,
     .reply = &trien__list_reviews_reply__descriptor,
     .from = "operator officers",
     .fn = on_list_reviews},
    {.in = &trien__decide_review__descriptor,
     .reply = &trien__decide_review_reply__descriptor,
     .from = "officers",
     .fn = on_decide_review,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__list_forms__descriptor,
     .reply = &trien__list_forms_reply__descriptor,
     .from = "operator portal",
     .fn = on_list_forms,
     .no_transaction = true},
    {.in = &trien__list_crls__descriptor,
     .reply = &trien__list_crls_reply__descriptor,
     .from = "operator",
     .fn = on_list_crls},
    {0},
};

static const struct on_timer timers[] = {
    {.name = "crls", .period_ms = 2000, .fn = on_crl_timer},
    {.name = "partitions", .period_ms = 6 * 3600 * 1000, .fn = on_partition_timer},
    {0},
};

static void late(void *state)
{
    struct validation *validation = state;

    document_gate_free(&validation->gate);
    knowledge_free(&validation->knowledge);
    x509_key_free(&validation->registration_key);
    trust_free(&validation->trust);
}

/* Every word is a form that is served. */
static enum rc check_review_forms(const char *words, struct err *err)
{
    char word[16];

    err_field(err, "review/forms");
    for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
        const struct form *form;

        snprintf(word, sizeof(word), "%.*s", (int)strcspn(words, " "), words);
        form = forms_find(word);
        CHECK(form && form->purpose != FORM_NOT_SERVED, err, TRIEN__ERROR__CONFIG_INVALID,
              "no form %s is served", word);
        words += strcspn(words, " ");
    }
    err_clear(err);
    return RC_OK;
}

/* The inspector's zygote is forked before anything secret is in memory. */
static enum rc early(const void *own_conf, struct err *err, void **ret_state)
{
    static struct validation validation;
    const struct validation_conf *conf = own_conf;

    TRY(check_review_forms(conf->review_forms, err));
    TRY(document_gate_new(&conf->gate, err, &validation.gate));
    TRY(trust_new(conf->trust_dir, err, &validation.trust));
    TRY(x509_key_load(conf->registration_key, err, &validation.registration_key));
    TRY(knowledge_new(validation.trust, err, &validation.knowledge));
    *ret_state = &validation;
    return RC_OK;
}

static bool health(void *state, struct arena *arena, const char **ret_json_members)
{
    struct validation *validation = state;
    struct knowledge_crls crls = knowledge_crls(validation->knowledge, clock_now());
    bool inspector = document_gate_alive(validation->gate);
    bool calendar = !knowledge_calendar_short(validation->knowledge);

    *ret_json_members =
        arena_printf(arena,
                     "\"inspector\":{\"ok\":%s},\"crls\":{\"ok\":%s,\"lists\":%zu,\"stale\":%zu},"
                     "\"calendar\":{\"ok\":%s,\"last_year\":%d}",
                     inspector ? "true" : "false", crls.stale ? "false" : "true", crls.count,
                     crls.stale, calendar ? "true" : "false",
                     knowledge_calendar(validation->knowledge)
                         ? knowledge_calendar(validation->knowledge)->last_year
                         : 0);
    return inspector && crls.stale == 0 && calendar;
}

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};
static const char *const feed_readers[] = {"intake",  "signing", "revocation", "notification",
                                           "courier", "status",  "audit",      NULL};

static const struct service service = {
    .name = "validation",
    .sentence = "decides whether a signed request may be served, and authorises each of its items",
    .number = 2,
    .parts = parts,
    .conf_rows = conf_rows,
    .conf_size = sizeof(struct validation_conf),
    .statements = store_statements,
    .events = events,
    .calls = calls,
    .effects = effects,
    .timers = timers,
    .states = validation_states,
    .feed_readers = feed_readers,
    .notes_hearing = true, /* an unknown certificate is not refused before signing was heard out */
    .early = early,
    .health = health,
    .late = late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
