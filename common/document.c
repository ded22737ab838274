/* The document check: raw bytes, signatures, signers, and last the child. It never parses PDF
 * itself and never lets the child see a document whose signers it does not believe. */
#include "common/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cms.h"
#include "common/document_answer.h"
#include "common/pdf_raw.h"
#include "common/sandbox.h"
#include "common/x509.h"

_Static_assert(PDF_CHILD_MAX_SIGNATURES == PDF_RAW_MAX_SIGNATURES, "both sides count alike");
_Static_assert(DOCUMENT_MAX_SIGNATURES == PDF_RAW_MAX_SIGNATURES, "as promised");
_Static_assert(DOCUMENT_MAX_REQUEST_BYTES == PDF_CHILD_MAX_REQUEST_BYTES, "as promised");

struct document_gate {
    struct sandbox *sandbox;
};

/* One check on its way. */
struct work {
    struct trust *trust;
    const struct document_question *question;
    struct arena *arena;
    struct err *err;
    struct document_report *report;
    struct document_reason *reasons;
    size_t reason_room;
    struct document_signature *signatures;
    struct trust_crl_need *needs;
    size_t need_room;
    struct pdf_raw raw;
    struct cms_begun begun; /* up to the first signature's gap */
};

/* --- the gate --- */

#define PROGRAM "trien-inspect"

/* The program in the folder of this one. */
static bool program_beside(char *ret_path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", ret_path, size);
    char *name;

    if (length <= 0 || (size_t)length >= size - sizeof(PROGRAM))
        return false;
    ret_path[length] = '\0';
    name = strrchr(ret_path, '/') + 1;
    memcpy(name, PROGRAM, sizeof(PROGRAM));
    return true;
}

enum rc document_gate_new(const struct document_limits *limits, struct err *err,
                          struct document_gate **ret_gate)
{
    struct document_limits chosen = limits ? *limits : (struct document_limits){0};
    struct sandbox_profile profile = {
        .program = chosen.program,
        .cpu_ms = chosen.cpu_ms ? (unsigned)chosen.cpu_ms : 2000,
        .deadline_ms = chosen.deadline_ms ? (unsigned)chosen.deadline_ms : 5000,
        .memory_mib = chosen.memory_mib ? (unsigned)chosen.memory_mib : 256,
        .answer_limit_bytes = sizeof(struct pdf_child_answer) + PDF_CHILD_MAX_REQUEST_BYTES,
    };
    struct document_gate *gate;
    char beside[4096];
    enum rc rc;

    if (!profile.program || !*profile.program) {
        CHECK(program_beside(beside, sizeof(beside)), err, TRIEN__ERROR__INTERNAL,
              "where is this program?");
        profile.program = beside;
    }
    gate = calloc(1, sizeof(*gate));
    CHECK(gate, err, TRIEN__ERROR__INTERNAL, "out of memory");
    rc = sandbox_new(&profile, err, &gate->sandbox);
    if (rc != RC_OK) {
        free(gate);
        return rc;
    }
    *ret_gate = gate;
    return RC_OK;
}

void document_gate_free(struct document_gate **gate)
{
    if (!*gate)
        return;
    sandbox_free(&(*gate)->sandbox);
    free(*gate);
    *gate = NULL;
}

bool document_gate_alive(const struct document_gate *gate)
{
    return sandbox_alive(gate->sandbox);
}

const char *document_verdict_name(enum document_verdict verdict)
{
    static const char *const names[] = {"accepted", "refused", "waits"};

    return names[verdict];
}

/* --- reasons --- */

/* Kept in order: the document first, then signature by signature, by the codes' numbers; each once.
 */
static void refuse(struct work *w, unsigned signature, Trien__Error code, const char *detail)
{
    struct document_report *report = w->report;
    size_t at = report->reason_count;

    for (size_t i = 0; i < report->reason_count; i++)
        if (w->reasons[i].signature == signature && w->reasons[i].code == code)
            return;
    if (report->reason_count == w->reason_room) {
        size_t room = w->reason_room ? w->reason_room * 2 : 16;
        struct document_reason *bigger = ARENA_ARRAY(w->arena, struct document_reason, room);

        if (report->reason_count > 0)
            memcpy(bigger, w->reasons, report->reason_count * sizeof(*bigger));
        w->reasons = bigger;
        w->reason_room = room;
    }
    for (;
         at > 0 && (w->reasons[at - 1].signature > signature ||
                    (w->reasons[at - 1].signature == signature && w->reasons[at - 1].code > code));
         at--)
        w->reasons[at] = w->reasons[at - 1];
    w->reasons[at] = (struct document_reason){code, signature, detail};
    report->reason_count++;
    report->reasons = w->reasons;
}

static void need(struct work *w, const struct trust_crl_need *wanted)
{
    for (size_t i = 0; i < w->report->crl_need_count; i++)
        if (memcmp(w->needs[i].issuer_sha256, wanted->issuer_sha256, 32) == 0 &&
            strcmp(w->needs[i].url, wanted->url) == 0)
            return;
    if (w->report->crl_need_count < w->need_room)
        w->needs[w->report->crl_need_count++] = *wanted;
}

/* --- one signature --- */

static void describe(struct work *w, const struct cms_signed *signed_by,
                     struct document_signature *ret_signature)
{
    X509 *signer = signed_by->signer;
    struct bytes spki = x509_der(w->arena, X509_get_X509_PUBKEY(signer), i2d_X509_PUBKEY);

    ret_signature->certificate_der = x509_der(w->arena, signer, i2d_X509);
    bytes_sha256(ret_signature->certificate_der, ret_signature->certificate_sha256);
    x509_spki_sha256(spki, ret_signature->key_sha256);
    ret_signature->subject =
        x509_name_text(w->arena, x509_der(w->arena, X509_get_subject_name(signer), i2d_X509_NAME));
    ret_signature->issuer =
        x509_name_text(w->arena, x509_der(w->arena, X509_get_issuer_name(signer), i2d_X509_NAME));
    ret_signature->serial = x509_serial_hex(w->arena, X509_get0_serialNumber(signer));
}

static enum rc judge_signer(struct work *w, unsigned number, const struct cms_signed *signed_by)
{
    struct trust_judgement judgement;

    TRY(trust_judge(w->trust, signed_by->signer,
                    signed_by->is_time_stamp ? TRUST_STAMPS_TIME : TRUST_SIGNS_DOCUMENTS,
                    w->question->at, w->arena, w->err, &judgement));
    for (size_t i = 0; i < judgement.reason_count; i++)
        refuse(w, number, judgement.reasons[i].code, judgement.reasons[i].detail);
    for (size_t i = 0; i < judgement.need_count; i++)
        need(w, &judgement.needs[i]);
    return RC_OK;
}

static enum rc check_signature(struct work *w, unsigned number)
{
    const struct pdf_raw_signature *raw = &w->raw.signatures[number - 1];
    struct document_signature *signature = &w->signatures[number - 1];
    struct bytes file = w->question->file;
    size_t size = (raw->gap_end - raw->gap_start - 2) / 2;
    uint8_t *contents = arena_alloc(w->arena, size);
    struct bytes ranges[] = {bytes_of(file.p, raw->gap_start),
                             bytes_of(file.p + raw->gap_end, raw->covered_end - raw->gap_end)};
    struct cms_signed signed_by;

    pdf_raw_contents(file, raw, contents);
    cms_check(w->arena, bytes_of(contents, size), ranges, COUNT_OF(ranges), &w->begun, &signed_by);
    for (size_t i = 0; i < signed_by.reason_count; i++)
        refuse(w, number, signed_by.reasons[i].code, signed_by.reasons[i].detail);
    *signature = (struct document_signature){.kind = signed_by.is_time_stamp ? DOCUMENT_TIME_STAMP
                                                                             : DOCUMENT_SIGNATURE,
                                             .subject = "",
                                             .issuer = "",
                                             .serial = "",
                                             .claimed_at = signed_by.claimed_at,
                                             .digest = signed_by.digest,
                                             .covered_bytes = raw->covered_end};
    if (!signed_by.signer)
        return RC_OK;
    describe(w, &signed_by, signature);
    return judge_signer(w, number, &signed_by);
}

/* The caller's own list; only signatures of people and agencies count. */
static void ask_caller(struct work *w)
{
    const struct document_question *question = w->question;
    size_t last = w->report->signature_count;

    while (last > 0 && w->signatures[last - 1].kind != DOCUMENT_SIGNATURE)
        last--;
    if (last == 0 && w->report->signature_count > 0)
        refuse(w, 0, TRIEN__ERROR__DOCUMENT_NOT_SIGNED, "only time stamps");
    for (size_t i = 0; question->signer_known && i < last; i++)
        if (w->signatures[i].kind == DOCUMENT_SIGNATURE && w->signatures[i].certificate_der.n > 0 &&
            !question->signer_known(question->context, &w->signatures[i], i + 1 == last))
            refuse(w, (unsigned)i + 1, TRIEN__ERROR__SIGNER_UNAUTHORISED,
                   "the caller does not know this signer");
}

/* Everything that raw bytes, certificates and CRLs can tell. */
static enum rc check_outside(struct work *w)
{
    struct document_report *report = w->report;

    for (size_t i = 0; i < w->raw.reason_count; i++)
        refuse(w, w->raw.reasons[i].signature, w->raw.reasons[i].code, w->raw.reasons[i].detail);
    report->signature_count = w->raw.signature_count;
    w->signatures = ARENA_ARRAY(w->arena, struct document_signature, w->raw.signature_count + 1);
    report->signatures = w->signatures;
    w->need_room = w->raw.signature_count * TRUST_MAX_CHAIN;
    w->needs = ARENA_ARRAY(w->arena, struct trust_crl_need, w->need_room + 1);
    report->crl_needs = w->needs;
    for (size_t i = 0; i < w->raw.signature_count; i++)
        TRY(check_signature(w, (unsigned)i + 1));
    ask_caller(w);
    return RC_OK;
}

/* --- the child --- */

/* The signatures that were verified here, as the child should have seen them. */
static void list_verified(const struct work *w, struct pdf_child_signature *ret_verified)
{
    for (size_t i = 0; i < w->raw.signature_count; i++)
        ret_verified[i] = (struct pdf_child_signature){
            .gap_start = w->raw.signatures[i].gap_start,
            .gap_end = w->raw.signatures[i].gap_end,
            .covered_end = w->raw.signatures[i].covered_end,
            .is_time_stamp = w->signatures[i].kind == DOCUMENT_TIME_STAMP};
}

static void take_answer(struct work *w, struct bytes child)
{
    struct pdf_child_signature verified[PDF_RAW_MAX_SIGNATURES];
    struct document_answer answer;

    list_verified(w, verified);
    document_answer_read(child, verified, w->raw.signature_count, w->arena, &answer);
    for (size_t i = 0; i < answer.finding_count; i++)
        refuse(w, 0, answer.findings[i].code, answer.findings[i].detail);
    w->report->request_json = answer.request_json;
}

static enum rc check_inside(struct work *w, struct document_gate *gate)
{
    enum sandbox_end end;
    struct bytes answer;

    TRY(sandbox_run(gate->sandbox, w->question->file, w->arena, w->err, &end, &answer));
    switch (end) {
    case SANDBOX_ANSWERED:
        take_answer(w, answer);
        break;
    case SANDBOX_LIMIT:
        refuse(w, 0, TRIEN__ERROR__DOCUMENT_BOMB, "the examination passed its limits");
        break;
    case SANDBOX_CRASHED:
        refuse(w, 0, TRIEN__ERROR__DOCUMENT_STRUCTURE, "the examination crashed");
        break;
    }
    return RC_OK;
}

/* --- the check --- */

static void free_digest(void *context)
{
    EVP_MD_CTX_free(context);
}

/* The digest of the whole file; on the way that of all before the first signature, which the
 * signature covers too and which is most of a document. */
static enum rc digest_file(struct work *w)
{
    struct bytes file = w->question->file;
    size_t first = w->raw.signature_count ? w->raw.signatures[0].gap_start : 0;
    EVP_MD_CTX *begun = EVP_MD_CTX_new();
    autoptr(EVP_MD_CTX) whole = EVP_MD_CTX_new();

    arena_defer(w->arena, begun, free_digest);
    CHECK(begun && whole && EVP_DigestInit_ex(begun, EVP_sha256(), NULL) &&
              EVP_DigestUpdate(begun, file.p, first) && EVP_MD_CTX_copy_ex(whole, begun) &&
              EVP_DigestUpdate(whole, file.p + first, file.n - first) &&
              EVP_DigestFinal_ex(whole, w->report->sha256, NULL),
          w->err, TRIEN__ERROR__INTERNAL, "SHA-256");
    w->begun = (struct cms_begun){begun, first};
    return RC_OK;
}

static enum rc check(struct work *w, struct document_gate *gate)
{
    const struct document_question *question = w->question;
    struct document_report *report = w->report;

    if (question->file.n <= DOCUMENT_MAX_BYTES)
        pdf_raw_scan(question->file, &w->raw);
    TRY(digest_file(w));
    if (question->expected_sha256 && memcmp(question->expected_sha256, report->sha256, 32) != 0)
        refuse(w, 0, TRIEN__ERROR__DIGEST_MISMATCH, "not the bytes that were announced");
    else if (question->file.n > DOCUMENT_MAX_BYTES)
        refuse(w, 0, TRIEN__ERROR__TOO_LARGE, "larger than a post may be");
    else
        TRY(check_outside(w));
    if (report->reason_count == 0 && report->crl_need_count == 0)
        TRY(check_inside(w, gate));
    if (report->reason_count > 0)
        report->verdict = DOCUMENT_REFUSED;
    else if (report->crl_need_count > 0) {
        report->verdict = DOCUMENT_WAITS;
        refuse(w, 0, TRIEN__ERROR__CRL_STALE, "a CRL is missing or stale");
    }
    return RC_OK;
}

enum rc document_check(struct document_gate *gate, struct trust *trust,
                       const struct document_question *question, struct arena *arena,
                       struct err *err, struct document_report *ret_report)
{
    struct document_report report = {.verdict = DOCUMENT_ACCEPTED};
    struct work w = {
        .trust = trust, .question = question, .arena = arena, .err = err, .report = &report};

    TRY(check(&w, gate));
    *ret_report = report;
    return RC_OK;
}
