/* The examination of one document: fetched from intake, judged by the gate, read by the pure rules,
 * decided with the registry. It never accepts what it could not judge: what is missing makes the
 * request wait. */
#include <string.h>

#include "common/bus.h"
#include "common/document_fetch.h"
#include "common/pb_bytes.h"
#include "services/validation/examine.h"
#include "services/validation/review.h"
#include "services/validation/rules.h"
#include "services/validation/rules_certificates.h"
#include "services/validation/rules_registry.h"
#include "services/validation/validation.h"

#define CRL_PAUSE (10 * USEC_PER_SECOND)     /* a list is not asked for again sooner */
#define REGISTRY_QUIET (3 * USEC_PER_SECOND) /* a wait for signing that is longer is said */

/* --- the act: no database
 * -------------------------------------------------------------------------- */

void examine_pack_signers(struct arena *arena, const struct document_report *report,
                          size_t *ret_count, Trien__ExaminedSigner ***ret_signers)
{
    Trien__ExaminedSigner **signers =
        ARENA_ARRAY(arena, Trien__ExaminedSigner *, report->signature_count);
    size_t count = 0;

    for (size_t i = 0; i < report->signature_count; i++) {
        const struct document_signature *signature = &report->signatures[i];
        Trien__ExaminedSigner *signer;

        if (signature->kind != DOCUMENT_SIGNATURE)
            continue;
        signer = ARENA_NEW(arena, Trien__ExaminedSigner);
        trien__examined_signer__init(signer);
        signer->certificate_sha256 =
            pb_of_bytes(arena_bytes(arena, bytes_of(signature->certificate_sha256, 32)));
        signer->subject = (char *)(signature->subject ? signature->subject : "");
        signers[count++] = signer;
    }
    *ret_count = count;
    *ret_signers = signers;
}

void examine_pack_needs(struct arena *arena, const struct document_report *report,
                        Trien__ExaminedDocument *examined)
{
    examined->n_crl_needs = report->crl_need_count;
    examined->crl_needs = ARENA_ARRAY(arena, Trien__CrlNeed *, report->crl_need_count);
    for (size_t i = 0; i < report->crl_need_count; i++) {
        Trien__CrlNeed *need = ARENA_NEW(arena, Trien__CrlNeed);

        trien__crl_need__init(need);
        need->issuer_sha256 =
            pb_of_bytes(arena_bytes(arena, bytes_of(report->crl_needs[i].issuer_sha256, 32)));
        need->issuer = (char *)report->crl_needs[i].issuer;
        need->url = (char *)report->crl_needs[i].url;
        examined->crl_needs[i] = need;
    }
}

enum rc examine_check(struct fx *fx, const Trien__ExamineDocument *request, uint32_t part,
                      struct document_report *ret_report)
{
    struct validation *validation = fx->state;
    const Trien__EnclosedPart *enclosed = part ? request->enclosed[part - 1] : NULL;
    struct document_question question = {
        .at = request->received_at,
        .expected_sha256 = enclosed ? enclosed->sha256.data : request->document_sha256.data,
        .signer_known = knowledge_knows_signer,
        .context = validation->knowledge};

    TRY(document_fetch(fx, request->request_id, part,
                       enclosed ? enclosed->size_bytes : request->document_size_bytes,
                       &question.file));
    return document_check(validation->gate, validation->trust, &question, fx->arena, &fx->err,
                          ret_report);
}

struct rule_context examine_context(struct fx *fx, const Trien__ExamineDocument *request,
                                    bool enclosed)
{
    const struct validation_conf *conf = fx->conf;

    return (struct rule_context){.arena = fx->arena,
                                 .received_on = clock_civil_day(request->received_at),
                                 .received_at = request->received_at,
                                 .official_mail_domains = conf->official_mail_domains,
                                 .enclosed = enclosed};
}

static enum rc judge(struct fx *fx, const Trien__ExamineDocument *request,
                     Trien__ExaminedDocument *examined)
{
    const struct rule_context context = examine_context(fx, request, false);
    struct document_report report;
    struct reasons reasons;

    TRY(examine_check(fx, request, 0, &report));
    reasons_init(&reasons, fx->arena);
    examined->verdict = (char *)document_verdict_name(report.verdict);
    examine_pack_signers(fx->arena, &report, &examined->n_signers, &examined->signers);
    examine_pack_needs(fx->arena, &report, examined);
    if (report.verdict == DOCUMENT_REFUSED)
        examine_findings(&report, &reasons);
    else if (report.verdict == DOCUMENT_ACCEPTED)
        examine_request(&context, report.request_json, &reasons, examined);
    reasons_pack(&reasons, &examined->n_reasons, &examined->reasons);
    examined->reasons_left_out = (uint32_t)reasons.left_out;
    examined->has_reasons_left_out = reasons.left_out > 0;
    return report.verdict == DOCUMENT_ACCEPTED ? examine_enclosures(fx, request, examined) : RC_OK;
}

enum rc examine_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result)
{
    struct validation *validation = fx->state;
    Trien__ExaminedDocument *examined = ARENA_NEW(fx->arena, Trien__ExaminedDocument);

    trien__examined_document__init(examined);
    /* taken before judging: what comes in meanwhile makes the result look older, never newer */
    examined->knowledge = (uint64_t)knowledge_version(validation->knowledge);
    examined->verdict = (char *)document_verdict_name(DOCUMENT_WAITS);
    if (examined->knowledge != 0)
        TRY(judge(fx, intent, examined));
    *ret_result = &examined->base;
    return RC_OK;
}

/* --- the end: in a transaction
 * ---------------------------------------------------------------------- */

static bool is_verdict(const Trien__ExaminedDocument *examined, enum document_verdict verdict)
{
    return strcmp(examined->verdict, document_verdict_name(verdict)) == 0;
}

static enum rc ask_again(struct tx *tx, const Trien__ExamineDocument *request, usec pause)
{
    Trien__ExamineDocument again = *request;

    again.round++;
    return examine_ask(tx, &again, pause);
}

enum rc examine_say_waiting(struct tx *tx, const Trien__ExamineDocument *request, Trien__Error code,
                            const char *issuer)
{
    Trien__RequestWaiting waiting = TRIEN__REQUEST_WAITING__INIT;

    waiting.request_id = request->request_id;
    waiting.receipt_number = request->receipt_number;
    waiting.code = code;
    waiting.issuer = (char *)issuer;
    waiting.waiting_since = tx->now;
    return emit(tx, request->request_id, &waiting);
}

static enum rc let_wait(struct tx *tx, const Trien__ExamineDocument *request,
                        const Trien__ExaminedDocument *examined, const struct facts *facts)
{
    uint8_t request_id[16];

    CHECK(examined->n_crl_needs > 0, &tx->err, TRIEN__ERROR__INTERNAL, "waits for nothing");
    CHECK(bus_uuid_parse(request->request_id, request_id), &tx->err, TRIEN__ERROR__MALFORMED,
          "not a request id");
    for (size_t i = 0; i < examined->n_crl_needs; i++) {
        const Trien__CrlNeed *need = examined->crl_needs[i];

        if (*need->url)
            TRY(store_set_source_due(tx, need->url,
                                     bytes_of(need->issuer_sha256.data, need->issuer_sha256.len),
                                     CRL_PAUSE));
    }
    TRY(store_insert_waiting(tx, request_id, examined->crl_needs[0]->issuer, facts->crl_version,
                             request->round));
    return examine_say_waiting(tx, request, TRIEN__ERROR__CRL_STALE,
                               examined->crl_needs[0]->issuer);
}

static void take_reasons(const Trien__ExaminedDocument *examined, struct reasons *reasons)
{
    for (size_t i = 0; i < examined->n_reasons; i++) {
        const Trien__Reason *reason = examined->reasons[i];

        reasons_add(reasons, reason->code, reason->field ? reason->field : "", reason->text_vi,
                    reason->text_en);
    }
    reasons->left_out += examined->reasons_left_out;
}

static enum rc get_facts(struct tx *tx, const Trien__ExaminedDocument *examined,
                         struct facts *ret_facts)
{
    const char *key = "";
    int year = 0, month, day_of_month;
    civil_day day;

    if (examined->document && clock_parse_day(examined->document->date, &day)) {
        clock_day_parts(day, &year, &month, &day_of_month);
        key = rule_document_key(tx->arena, examined->document->number);
    }
    return store_get_facts(tx, examined, year, key, ret_facts);
}

/* Half a second at first, half a minute at last. */
static usec registry_pause(uint32_t round)
{
    return (USEC_PER_SECOND / 2) << (round < 6 ? round - 1 : 6);
}

/* Signing's feed is behind the request. What is read within moments is no wait to speak of. */
static enum rc let_registry_follow(struct tx *tx, const Trien__ExamineDocument *request)
{
    Trien__ExamineDocument again = *request;

    if (!request->waiting_said && tx->now >= request->received_at + REGISTRY_QUIET) {
        TRY(examine_say_waiting(tx, request, TRIEN__ERROR__NOT_YET, ""));
        again.has_waiting_said = true;
        again.waiting_said = true;
    }
    return ask_again(tx, &again, registry_pause(request->round));
}

/* The certificates that the rows are about, and whose attachments these are. */
static enum rc get_certificates(struct tx *tx, const Trien__ExaminedDocument *examined,
                                struct certificate_facts *ret_facts)
{
    const struct form *form = examined->form ? forms_find(examined->form) : NULL;

    *ret_facts = (struct certificate_facts){.enclosed_roles = NULL};
    if (!form || form->purpose == FORM_ISSUES || !examined->organ_id)
        return RC_OK;
    ret_facts->roles_count = examined->n_enclosures;
    ret_facts->enclosed_roles = ARENA_ARRAY(tx->arena, const char *, examined->n_enclosures);
    for (size_t i = 0; i < examined->n_enclosures; i++)
        TRY(store_get_roles(tx, examined->organ_id, examined->enclosures[i],
                            &ret_facts->enclosed_roles[i]));
    return store_get_certificates(tx, examined, ret_facts);
}

enum rc examine_done(struct tx *tx, const char *key, const void *intent, const void *result)
{
    const Trien__ExamineDocument *request = intent;
    const Trien__ExaminedDocument *examined = result;
    struct validation *validation = tx->state;
    struct certificate_facts certificates;
    struct reasons reasons;
    struct facts facts;
    bool waits = false;

    (void)key;
    TRY(get_facts(tx, examined, &facts));
    if (facts.version != knowledge_version(validation->knowledge))
        TRY(knowledge_refresh(tx, validation->knowledge));
    /* judged with less than is known: a new signer or list may change a bad verdict, not a good one
     */
    if (!is_verdict(examined, DOCUMENT_ACCEPTED) && (uint64_t)facts.version != examined->knowledge)
        return ask_again(tx, request, 0);
    if (is_verdict(examined, DOCUMENT_WAITS))
        return let_wait(tx, request, examined, &facts);
    reasons_init(&reasons, tx->arena);
    take_reasons(examined, &reasons);
    if (is_verdict(examined, DOCUMENT_ACCEPTED)) {
        rule_registry(&facts, examined, clock_civil_day(request->received_at), &reasons);
        TRY(get_certificates(tx, examined, &certificates));
        if (rule_certificates_lag(&certificates, request->received_at))
            return let_registry_follow(tx, request);
        rule_certificates(&certificates, examined, &reasons);
        if (reasons.count == 0)
            examined = rule_certificates_fill(tx->arena, &certificates, examined);
    }
    if (reasons.count == 0)
        TRY(review_gate(tx, request, examined, &facts, &reasons, &waits));
    if (waits)
        return RC_OK;
    return reasons.count ? decide_reject(tx, request, examined, &facts, &reasons)
                         : decide_accept(tx, request, examined, &facts);
}

enum rc examine_failed(struct tx *tx, const char *key, const void *intent, const struct err *why)
{
    Trien__ExaminedDocument examined = TRIEN__EXAMINED_DOCUMENT__INIT;
    struct reasons reasons;

    (void)key;
    reasons_init(&reasons, tx->arena);
    reasons_add_plain(&reasons, why->code, "");
    return decide_reject(tx, intent, &examined, NULL, &reasons);
}
