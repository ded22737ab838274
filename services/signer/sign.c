/* One order, of a certificate or of a revocation list, step by step. The order of the steps is the
 * promise:
 *
 *   1  an order that was answered gets the same answer; nothing else is asked of it
 *   2  the rules (rules.h): who vouches, what is to be signed, does one cover the other
 *   3  the intent stands durable in the journal
 *   4  the token signs
 *   5  the signature is verified with the issuer's certificate
 *   6  the answer stands durable in the journal
 *   7  the answer leaves
 *
 * A list that came in parts is signed by the digest of what came; its entries were checked as they
 * did (list_stream.c).
 *
 * A crash before 3 leaves nothing. Between 3 and 6 the repeated order signs the same bytes again:
 * whatever signature was made before never left this process, so one answer at most is ever
 * released, also for ECDSA, whose signatures differ. After 6 the repeat ends at 1. */
#include <inttypes.h>
#include <string.h>

#include "common/pb_bytes.h"
#include "services/signer/list.h"
#include "services/signer/list_stream.h"
#include "services/signer/signer.h"

/* One call of either kind on its way. */
struct work {
    struct signer *signer;
    const char *order_id;
    usec now;
    struct arena *arena;
    struct err *err;
    uint8_t digest[32]; /* of what is to be signed */
    const char *digest_hex;
    bool is_seen;           /* the digest is this process' own, of bytes that were checked */
    struct bytes signature; /* the answer */
    uint64_t sequence;
};

/* Step 2 for one kind of call: who signs, and what the journal will say. */
typedef enum rc check_fn(const struct work *work, const void *call,
                         const struct x509_ca **ret_issuer, struct journal_intent *ret_intent);

/* Step 1. *ret_done when the order is answered. */
static enum rc answer_again(struct work *work, bool *ret_done)
{
    struct journal_order known;

    TRY(journal_find(work->signer->journal, work->order_id, work->arena, work->err, &known));
    CHECK(!known.intent_sequence || strcmp(known.tbs_sha256, work->digest_hex) == 0, work->err,
          TRIEN__ERROR__ORDER_CONFLICT, "the order was given before with other bytes");
    *ret_done = known.answer_sequence > 0;
    if (*ret_done) {
        work->signature = known.signature;
        work->sequence = known.answer_sequence;
    }
    return RC_OK;
}

/* Steps 2 to 6. */
static enum rc sign_new(struct work *work, check_fn *check, const void *call)
{
    struct journal *journal = work->signer->journal;
    const struct x509_ca *issuer = NULL;
    struct journal_intent intent;
    uint64_t sequence = 0;

    TRY(check(work, call, &issuer, &intent));
    TRY(journal_intend(journal, &intent, work->now, work->arena, work->err, &sequence));
    TRY(token_sign(work->signer->token, issuer->name, work->digest, work->arena, work->err,
                   &work->signature));
    CHECK(x509_ca_verify_digest(issuer, work->digest, work->signature), work->err,
          TRIEN__ERROR__TOKEN_UNAVAILABLE, "the token's signature does not verify");
    return journal_answer(journal, work->order_id, sequence, work->signature, work->now,
                          work->arena, work->err, &work->sequence);
}

static enum rc work_through(struct work *work, check_fn *check, const void *call)
{
    bool done = false;
    enum rc rc;

    work->digest_hex = bytes_to_hex(work->arena, bytes_of(work->digest, 32));
    claims_take(work->signer->claims, work->order_id);
    rc = answer_again(work, &done);
    if (rc == RC_OK && !done)
        rc = sign_new(work, check, call);
    claims_give(work->signer->claims, work->order_id);
    return rc;
}

/* --- certificates
 * ----------------------------------------------------------------------------------- */

static enum rc check_certificate(const struct work *work, const void *call,
                                 const struct x509_ca **ret_issuer,
                                 struct journal_intent *ret_intent)
{
    const struct signer *signer = work->signer;
    struct question question;

    TRY(rules_check(call, signer->issuers, signer->issuer_count, &signer->enrolled, work->now,
                    work->arena, work->err, &question));
    *ret_issuer = question.issuer;
    *ret_intent = (struct journal_intent){
        .order_id = work->order_id,
        .issuer = question.issuer->name,
        .profile = question.limits->profile,
        .serial = question.tbs->serial,
        .tbs_sha256 = work->digest_hex,
        .ground = question.ground->kind,
        .ground_sha256 = question.ground->sha256,
        .vouchers = question.ground->vouchers,
        .ground_once = question.ground->once,
    };
    return RC_OK;
}

enum rc signer_sign(struct signer *signer, const Trien__SignCertificate *order, usec now,
                    struct arena *arena, struct err *err, Trien__SignCertificateReply *ret_reply)
{
    struct work work = {
        .signer = signer, .order_id = order->order_id, .now = now, .arena = arena, .err = err};

    TRY(rules_check_form(order, err));
    bytes_sha256(bytes_of_pb(order->tbs_der), work.digest);
    TRY(work_through(&work, check_certificate, order));
    ret_reply->signature =
        (ProtobufCBinaryData){work.signature.n, (uint8_t *)(uintptr_t)work.signature.p};
    ret_reply->journal_sequence = work.sequence;
    return RC_OK;
}

/* --- revocation lists
 * ------------------------------------------------------------------------------- */

/* A list's number as a serial number of its issuer: no certificate's can look like it. */
static const char *list_serial(struct arena *arena, uint64_t number)
{
    return arena_printf(arena, "list-%" PRIu64, number);
}

/* Nobody vouches for a list; that each follows the one before is what the journal sees to. */
static enum rc check_list(const struct work *work, const void *call,
                          const struct x509_ca **ret_issuer, struct journal_intent *ret_intent)
{
    const struct signer *signer = work->signer;
    const Trien__SignCrl *list = call;
    struct list_question question;
    uint64_t number;

    CHECK(!list->has_entries_bytes || work->is_seen, work->err, TRIEN__ERROR__NOT_YET,
          "the entries of list %" PRIu64 " of %s are not here", list->number, list->issuer);
    TRY(list_check(call, signer->issuers, signer->issuer_count, work->now, work->arena, work->err,
                   &question));
    number = question.call->number;
    *ret_issuer = question.issuer;
    *ret_intent = (struct journal_intent){
        .order_id = work->order_id,
        .issuer = question.issuer->name,
        .profile = "list",
        .serial = list_serial(work->arena, number),
        .tbs_sha256 = work->digest_hex,
        .ground = "list",
        .ground_sha256 = "-",
        .vouchers = "-",
        .follows = number > 1 ? list_serial(work->arena, number - 1) : NULL,
    };
    return RC_OK;
}

/* What is to be signed. Without its entries a list has the digest that is said of it, which finds
 * an answer given before and is good for nothing else. */
static enum rc list_digest(struct work *work, const Trien__SignCrl *call)
{
    if (!call->has_entries_bytes) {
        bytes_sha256(bytes_of_pb(call->tbs_der), work->digest);
        return RC_OK;
    }
    if (list_streams_digest(work->signer->streams, call, work->digest)) {
        work->is_seen = true;
        return RC_OK;
    }
    CHECK(call->has_tbs_sha256 && call->tbs_sha256.len == sizeof(work->digest), work->err,
          TRIEN__ERROR__NOT_YET, "the entries of list %" PRIu64 " of %s are not here", call->number,
          call->issuer);
    memcpy(work->digest, call->tbs_sha256.data, sizeof(work->digest));
    return RC_OK;
}

enum rc signer_sign_list(struct signer *signer, const Trien__SignCrl *call, usec now,
                         struct arena *arena, struct err *err, Trien__SignCrlReply *ret_reply)
{
    struct work work = {.signer = signer, .now = now, .arena = arena, .err = err};

    TRY(list_check_form(call, err));
    TRY(list_digest(&work, call));
    work.order_id = arena_printf(arena, "list/%s/%" PRIu64, call->issuer, call->number);
    TRY(work_through(&work, check_list, call));
    ret_reply->signature =
        (ProtobufCBinaryData){work.signature.n, (uint8_t *)(uintptr_t)work.signature.p};
    ret_reply->journal_sequence = work.sequence;
    return RC_OK;
}

enum rc signer_add_entries(struct signer *signer, const Trien__AddCrlEntries *call, usec now,
                           struct arena *arena, struct err *err,
                           Trien__AddCrlEntriesReply *ret_reply)
{
    const struct list_part part = {call, signer->issuers, signer->issuer_count, now};

    return list_streams_add(signer->streams, &part, arena, err, &ret_reply->held_bytes);
}

/* Numbers have no gaps, so the last one is found by doubling, then halving. */
enum rc signer_last_list(struct signer *signer, const char *issuer, struct arena *arena,
                         struct err *err, uint64_t *ret_number)
{
    uint64_t low = 0, high = 1;

    for (bool has = true; has; high *= 2) {
        TRY(journal_has_serial(signer->journal, issuer, list_serial(arena, high), arena, err,
                               &has));
        if (!has)
            break;
        low = high;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        bool has = false;

        TRY(journal_has_serial(signer->journal, issuer, list_serial(arena, middle), arena, err,
                               &has));
        *(has ? &low : &high) = middle;
    }
    *ret_number = low;
    return RC_OK;
}
