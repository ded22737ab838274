/* One order, step by step. The order of the steps is the promise:
 *
 *   1  an order that was answered gets the same answer; nothing else is asked of it
 *   2  the rules (rules.h): who vouches, what is to be signed, does one cover the other
 *   3  the intent stands durable in the journal
 *   4  the token signs
 *   5  the signature is verified with the issuer's certificate
 *   6  the answer stands durable in the journal
 *   7  the answer leaves
 *
 * A crash before 3 leaves nothing. Between 3 and 6 the repeated order signs the same bytes again:
 * whatever signature was made before never left this process, so one answer at most is ever
 * released, also for ECDSA, whose signatures differ. After 6 the repeat ends at 1. */
#include <string.h>

#include "services/signer/signer.h"

static const char *tbs_digest(const Trien__SignCertificate *order, struct arena *arena,
                              uint8_t ret_digest[32])
{
    bytes_sha256(bytes_of(order->tbs_der.data, order->tbs_der.len), ret_digest);
    return bytes_to_hex(arena, bytes_of(ret_digest, 32));
}

static void fill(Trien__SignCertificateReply *reply, struct bytes signature, uint64_t sequence)
{
    reply->signature = (ProtobufCBinaryData){signature.n, (uint8_t *)(uintptr_t)signature.p};
    reply->journal_sequence = sequence;
}

/* Step 1. *ret_done when the order is answered. */
static enum rc answer_again(struct signer *signer, const Trien__SignCertificate *order,
                            const char *digest, struct arena *arena, struct err *err,
                            Trien__SignCertificateReply *reply, bool *ret_done)
{
    struct journal_order known;

    TRY(journal_find(signer->journal, order->order_id, arena, err, &known));
    CHECK(!known.intent_sequence || strcmp(known.tbs_sha256, digest) == 0, err,
          TRIEN__ERROR__ORDER_CONFLICT, "the order was given before with other bytes");
    *ret_done = known.answer_sequence > 0;
    if (*ret_done)
        fill(reply, known.signature, known.answer_sequence);
    return RC_OK;
}

static enum rc intend(struct signer *signer, const struct question *question, const char *digest,
                      usec now, struct arena *arena, struct err *err, uint64_t *ret_sequence)
{
    struct journal_intent intent = {
        .order_id = question->order->order_id,
        .issuer = question->issuer->name,
        .profile = question->limits->profile,
        .serial = question->tbs->serial,
        .tbs_sha256 = digest,
        .ground = question->ground->kind,
        .ground_sha256 = question->ground->sha256,
        .vouchers = question->ground->vouchers,
        .ground_once = question->ground->once,
    };

    return journal_intend(signer->journal, &intent, now, arena, err, ret_sequence);
}

/* Steps 2 to 6. */
static enum rc sign_new(struct signer *signer, const Trien__SignCertificate *order,
                        const char *digest_hex, const uint8_t digest[32], usec now,
                        struct arena *arena, struct err *err, Trien__SignCertificateReply *reply)
{
    struct question question;
    struct bytes signature;
    uint64_t intent = 0, answer = 0;

    TRY(rules_check(order, signer->issuers, signer->issuer_count, &signer->enrolled, now, arena,
                    err, &question));
    TRY(intend(signer, &question, digest_hex, now, arena, err, &intent));
    TRY(token_sign(signer->token, question.issuer->name, digest, arena, err, &signature));
    CHECK(issuer_verify(question.issuer, question.tbs->der, signature), err,
          TRIEN__ERROR__TOKEN_UNAVAILABLE, "the token's signature does not verify");
    TRY(journal_answer(signer->journal, order->order_id, intent, signature, now, arena, err,
                       &answer));
    fill(reply, signature, answer);
    return RC_OK;
}

enum rc signer_sign(struct signer *signer, const Trien__SignCertificate *order, usec now,
                    struct arena *arena, struct err *err, Trien__SignCertificateReply *ret_reply)
{
    uint8_t digest[32];
    const char *digest_hex;
    bool done = false;
    enum rc rc;

    TRY(rules_check_form(order, err));
    digest_hex = tbs_digest(order, arena, digest);
    claims_take(signer->claims, order->order_id);
    rc = answer_again(signer, order, digest_hex, arena, err, ret_reply, &done);
    if (rc == RC_OK && !done)
        rc = sign_new(signer, order, digest_hex, digest, now, arena, err, ret_reply);
    claims_give(signer->claims, order->order_id);
    return rc;
}
