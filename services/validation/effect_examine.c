/* The examination of one document: fetched from intake, judged by the gate, read by the pure rules,
 * decided with the registry. It never accepts what it could not judge: what is missing makes the
 * request wait. */
#include <string.h>

#include "common/bus.h"
#include "services/validation/examine.h"
#include "services/validation/rules.h"
#include "services/validation/rules_registry.h"
#include "services/validation/validation.h"

#define CHUNK_BYTES (1024 * 1024)
#define CALL_DEADLINE_MS 15000
#define CRL_PAUSE (10 * USEC_PER_SECOND) /* a list is not asked for again sooner */

/* --- the act: no database
 * -------------------------------------------------------------------------- */

static enum rc fetch_chunk(struct fx *fx, const Trien__ExamineDocument *request, uint64_t offset,
                           struct bytes *ret_chunk)
{
    Trien__GetDocument ask = TRIEN__GET_DOCUMENT__INIT;
    Trien__GetDocumentReply *reply = NULL;

    ask.request_id = request->request_id;
    ask.offset = offset;
    ask.max_bytes = CHUNK_BYTES;
    /* a refusal by intake is a fault of this installation, never the sender's: wait, do not refuse
     */
    if (fx_call(fx, "intake", &ask, &trien__get_document_reply__descriptor, CALL_DEADLINE_MS, NULL,
                &reply) != RC_OK)
        FAIL(&fx->err, TRIEN__ERROR__PEER_UNAVAILABLE, "intake: %s", err_entry(fx->err.code)->name);
    CHECK(reply->size_bytes == request->document_size_bytes && reply->chunk.len > 0 &&
              reply->chunk.len <= request->document_size_bytes - offset,
          &fx->err, TRIEN__ERROR__PEER_UNAVAILABLE, "intake has another document");
    *ret_chunk = bytes_of(reply->chunk.data, reply->chunk.len);
    return RC_OK;
}

static enum rc fetch_document(struct fx *fx, const Trien__ExamineDocument *request,
                              struct bytes *ret_file)
{
    uint64_t size = request->document_size_bytes;
    struct bytes chunk = {0};
    uint8_t *file;

    CHECK(size > 0 && size <= DOCUMENT_MAX_BYTES, &fx->err, TRIEN__ERROR__TOO_LARGE, "%llu bytes",
          (unsigned long long)size);
    TRY(fetch_chunk(fx, request, 0, &chunk));
    if (chunk.n == size) {
        *ret_file = chunk;
        return RC_OK;
    }
    file = arena_alloc(fx->arena, (size_t)size);
    for (uint64_t offset = 0;;) {
        memcpy(file + offset, chunk.p, chunk.n);
        offset += chunk.n;
        if (offset == size)
            break;
        TRY(fetch_chunk(fx, request, offset, &chunk));
    }
    *ret_file = bytes_of(file, (size_t)size);
    return RC_OK;
}

static ProtobufCBinaryData binary(struct bytes in)
{
    return (ProtobufCBinaryData){in.n, (uint8_t *)in.p};
}

static void pack_signers(struct arena *arena, const struct document_report *report,
                         Trien__ExaminedDocument *examined)
{
    examined->signers = ARENA_ARRAY(arena, Trien__ExaminedSigner *, report->signature_count);
    for (size_t i = 0; i < report->signature_count; i++) {
        const struct document_signature *signature = &report->signatures[i];
        Trien__ExaminedSigner *signer;

        if (signature->kind != DOCUMENT_SIGNATURE)
            continue;
        signer = ARENA_NEW(arena, Trien__ExaminedSigner);
        trien__examined_signer__init(signer);
        signer->certificate_sha256 =
            binary(arena_bytes(arena, bytes_of(signature->certificate_sha256, 32)));
        signer->subject = (char *)(signature->subject ? signature->subject : "");
        examined->signers[examined->n_signers++] = signer;
    }
}

static void pack_needs(struct arena *arena, const struct document_report *report,
                       Trien__ExaminedDocument *examined)
{
    examined->n_crl_needs = report->crl_need_count;
    examined->crl_needs = ARENA_ARRAY(arena, Trien__CrlNeed *, report->crl_need_count);
    for (size_t i = 0; i < report->crl_need_count; i++) {
        Trien__CrlNeed *need = ARENA_NEW(arena, Trien__CrlNeed);

        trien__crl_need__init(need);
        need->issuer_sha256 =
            binary(arena_bytes(arena, bytes_of(report->crl_needs[i].issuer_sha256, 32)));
        need->issuer = (char *)report->crl_needs[i].issuer;
        need->url = (char *)report->crl_needs[i].url;
        examined->crl_needs[i] = need;
    }
}

static enum rc judge(struct fx *fx, const Trien__ExamineDocument *request,
                     Trien__ExaminedDocument *examined)
{
    const struct validation_conf *conf = fx->conf;
    struct validation *validation = fx->state;
    struct document_question question = {.at = request->received_at,
                                         .expected_sha256 = request->document_sha256.data,
                                         .signer_known = knowledge_knows_signer,
                                         .context = validation->knowledge};
    const struct rule_context context = {fx->arena, clock_civil_day(request->received_at),
                                         conf->official_mail_domains};
    struct document_report report;
    struct reasons reasons;

    TRY(fetch_document(fx, request, &question.file));
    TRY(document_check(validation->gate, validation->trust, &question, fx->arena, &fx->err,
                       &report));
    reasons_init(&reasons, fx->arena);
    examined->verdict = (char *)document_verdict_name(report.verdict);
    pack_signers(fx->arena, &report, examined);
    pack_needs(fx->arena, &report, examined);
    if (report.verdict == DOCUMENT_REFUSED)
        examine_findings(&report, &reasons);
    else if (report.verdict == DOCUMENT_ACCEPTED)
        examine_request(&context, report.request_json, &reasons, examined);
    reasons_pack(&reasons, &examined->n_reasons, &examined->reasons);
    examined->reasons_left_out = (uint32_t)reasons.left_out;
    examined->has_reasons_left_out = reasons.left_out > 0;
    return RC_OK;
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

static enum rc ask_again(struct tx *tx, const Trien__ExamineDocument *request)
{
    Trien__ExamineDocument again = *request;

    again.round++;
    return examine_ask(tx, &again);
}

static enum rc let_wait(struct tx *tx, const Trien__ExamineDocument *request,
                        const Trien__ExaminedDocument *examined, const struct facts *facts)
{
    Trien__RequestWaiting waiting = TRIEN__REQUEST_WAITING__INIT;
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
    waiting.request_id = request->request_id;
    waiting.receipt_number = request->receipt_number;
    waiting.code = TRIEN__ERROR__CRL_STALE;
    waiting.issuer = examined->crl_needs[0]->issuer;
    waiting.waiting_since = tx->now;
    return emit(tx, request->request_id, &waiting);
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

enum rc examine_done(struct tx *tx, const char *key, const void *intent, const void *result)
{
    const Trien__ExamineDocument *request = intent;
    const Trien__ExaminedDocument *examined = result;
    struct validation *validation = tx->state;
    struct reasons reasons;
    struct facts facts;

    (void)key;
    TRY(get_facts(tx, examined, &facts));
    if (facts.version != knowledge_version(validation->knowledge))
        TRY(knowledge_refresh(tx, validation->knowledge));
    /* judged with less than is known: a new signer or list may change a bad verdict, not a good one
     */
    if (!is_verdict(examined, DOCUMENT_ACCEPTED) && (uint64_t)facts.version != examined->knowledge)
        return ask_again(tx, request);
    if (is_verdict(examined, DOCUMENT_WAITS))
        return let_wait(tx, request, examined, &facts);
    reasons_init(&reasons, tx->arena);
    take_reasons(examined, &reasons);
    if (is_verdict(examined, DOCUMENT_ACCEPTED))
        rule_registry(&facts, examined, clock_civil_day(request->received_at), &reasons);
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
