/* OCSP responders: two officers approve a key once, certificates of that key follow until the
 * approval expires. The to-be-signed bytes are made inside the transaction: it is rare and cheap,
 * and so the intent is stored before the signer is asked, as for every certificate. */
#include <string.h>

#include "common/pb_bytes.h"
#include "proto/bus.pb-c.h"
#include "services/signing/lint.h"
#include "services/signing/signing.h"
#include "services/signing/tbs.h"

/* One key answers for every generation: its lineage is the responder, whoever certifies it. */
static const char *lineage_of(struct arena *arena, struct bytes key_sha256)
{
    return arena_printf(arena, "ocsp/%.16s", bytes_to_hex(arena, key_sha256));
}

static const char *order_id_of(struct arena *arena, const struct responder_order *order,
                               int64_t number)
{
    return arena_printf(arena, "ocsp/%s/%.16s/%lld", order->issuer,
                        bytes_to_hex(arena, order->key_sha256), (long long)number);
}

/* Builds and lints the next certificate of an approved key. */
static enum rc build(struct tx *tx, const struct issuer *issuer,
                     const Trien__ResponderApproval *approval, const struct x509_csr *csr,
                     struct responder_order *order)
{
    const struct signing_conf *conf = tx->conf;
    struct tbs_order tbs = {.profile = profile_find(PROFILE_OCSP_RESPONDER),
                            .subject_der = bytes_of_pb(approval->subject_der),
                            .spki_der = csr->spki_der,
                            .key_kind = csr->key_kind};
    struct lint_report report;
    struct bytes der;

    TRY(tbs_random_serial(tx->arena, (uint8_t)conf->serial_prefix, &tx->err, &tbs.serial));
    TRY(tbs_validity(issuer, tbs.profile, tx->now, approval->validity_days, &tx->err, &tbs));
    TRY(tbs_build(issuer, &tbs, tx->arena, &tx->err, &der));
    TRY(lint_certificate(issuer, tbs.profile, der, NULL, tx->arena, &tx->err, &report));
    order->serial = tbs.serial;
    order->tbs_der = tbs_of(der);
    order->not_before = tbs.not_before_us;
    order->not_after = tbs.not_after_us;
    return RC_OK;
}

static enum rc ask_for_signature(struct tx *tx, const struct responder_order *row,
                                 const struct approval_row *officers)
{
    Trien__SignOrder order = TRIEN__SIGN_ORDER__INIT;
    Trien__SignCertificate request = TRIEN__SIGN_CERTIFICATE__INIT;
    Trien__ResponderGround ground = TRIEN__RESPONDER_GROUND__INIT;
    Trien__KeySignature signatures[SIGNING_OFFICERS_NEEDED];
    Trien__KeySignature *pointers[SIGNING_OFFICERS_NEEDED];

    for (size_t i = 0; i < SIGNING_OFFICERS_NEEDED; i++) {
        signatures[i] = (Trien__KeySignature)TRIEN__KEY_SIGNATURE__INIT;
        signatures[i].key_id = (char *)officers[i].key_id;
        signatures[i].signature = pb_of_bytes(officers[i].signature);
        pointers[i] = &signatures[i];
    }
    ground.approval = pb_of_bytes(officers[0].approval);
    ground.n_officers = SIGNING_OFFICERS_NEEDED;
    ground.officers = pointers;
    request.order_id = (char *)row->order_id;
    request.issuer = (char *)row->issuer;
    request.tbs_der = pb_of_bytes(row->tbs_der);
    request.profile = (char *)PROFILE_OCSP_RESPONDER;
    request.ground_case = TRIEN__SIGN_CERTIFICATE__GROUND_RESPONDER;
    request.responder = &ground;
    order.request = &request;
    order.serial = pb_of_bytes(row->serial);
    order.key_sha256 = pb_of_bytes(row->key_sha256);
    order.not_before = row->not_before;
    order.not_after = row->not_after;
    return effect_add(tx, "sign", row->order_id, &order, 0);
}

/* Approvals by officers who are enrolled now, the earliest first: what somebody signed who has left
 * the signer would not take, so it counts no more. */
static enum rc list_valid_approvals(struct tx *tx, struct bytes approval_sha256,
                                    struct approval_row **ret_rows, size_t *ret_count)
{
    const struct signing *signing = tx->state;
    struct approval_row *rows;
    size_t count, kept = 0;

    TRY(store_list_approvals(tx, approval_sha256, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        Trien__KeySignature officer = TRIEN__KEY_SIGNATURE__INIT;

        officer.key_id = (char *)(uintptr_t)rows[i].key_id;
        officer.signature = pb_of_bytes(rows[i].signature);
        if (x509_ring_verify(signing->enrolled.officer, rows[i].approval, &officer))
            rows[kept++] = rows[i];
    }
    *ret_rows = rows;
    *ret_count = kept;
    return RC_OK;
}

/* Orders a certificate on an approval that two officers have signed. */
static enum rc order_certificate(struct tx *tx, struct bytes approval_sha256)
{
    const struct signing *signing = tx->state;
    const struct issuer *issuer;
    struct responder_order order = {.approval_sha256 = approval_sha256};
    Trien__ResponderApproval *approval;
    struct approval_row *officers;
    struct x509_csr csr;
    int64_t before;
    size_t count;
    bool mine;

    TRY(list_valid_approvals(tx, approval_sha256, &officers, &count));
    if (count < SIGNING_OFFICERS_NEEDED)
        return RC_OK;
    TRY(x509_csr_check(tx->arena, officers[0].csr_der, &tx->err, &csr));
    TRY(rule_approval(tx->arena, officers[0].approval, &csr, tx->now, &tx->err, &approval));
    issuer = signing_issuer(signing, approval->issuer);
    CHECK(issuer, &tx->err, TRIEN__ERROR__NOT_FOUND, "issuer %.40s", approval->issuer);
    order.issuer = issuer->id;
    order.key_sha256 = bytes_of_pb(approval->key_sha256);
    TRY(store_count_responder_orders(tx, order.issuer, order.key_sha256, &before));
    order.lineage_id = lineage_of(tx->arena, order.key_sha256);
    order.order_id = order_id_of(tx->arena, &order, before + 1);
    TRY(build(tx, issuer, approval, &csr, &order));
    TRY(store_insert_responder_order(tx, &order, &mine));
    CHECK(mine, &tx->err, TRIEN__ERROR__KEY_REUSED, "the key belongs to another lineage");
    return ask_for_signature(tx, &order, officers);
}

static enum rc say_acted(struct tx *tx, const Trien__ResponderApproval *approval,
                         const char *officer_key_id)
{
    const char *key = bytes_to_hex(tx->arena, bytes_of_pb(approval->key_sha256));

    return emit_operator_act(tx, "responder approve",
                             arena_printf(tx->arena, "%s key %s by officer key %s",
                                          approval->issuer, key, officer_key_id),
                             NULL);
}

static enum rc check_approval(struct tx *tx, const Trien__ApproveResponder *ask,
                              Trien__ResponderApproval **ret_approval)
{
    const struct signing *signing = tx->state;
    struct x509_csr csr;

    CHECK(x509_ring_verify(signing->enrolled.officer, bytes_of_pb(ask->approval), ask->officer),
          &tx->err, TRIEN__ERROR__FORBIDDEN, "not signed by an enrolled key of an officer");
    TRY(x509_csr_check(tx->arena, bytes_of_pb(ask->csr_der), &tx->err, &csr));
    TRY(rule_approval(tx->arena, bytes_of_pb(ask->approval), &csr, tx->now, &tx->err,
                      ret_approval));
    CHECK(profile_accepts_key(profile_find(PROFILE_OCSP_RESPONDER), csr.key_kind), &tx->err,
          TRIEN__ERROR__KEY_WEAK, "a responder takes no %s key", csr.key_kind);
    CHECK(signing_issuer(signing, (*ret_approval)->issuer), &tx->err, TRIEN__ERROR__NOT_FOUND,
          "issuer %.40s", (*ret_approval)->issuer);
    return RC_OK;
}

enum rc on_approve_responder(struct tx *tx, const void *in, void *out)
{
    const Trien__ApproveResponder *ask = in;
    Trien__ApproveResponderReply *reply = out;
    Trien__ResponderApproval *approval;
    struct approval_row *before;
    uint8_t digest[32];
    size_t count;
    bool again = false;

    TRY(check_approval(tx, ask, &approval));
    bytes_sha256(bytes_of_pb(ask->approval), digest);
    const struct approval_row row = {.sha256 = arena_bytes(tx->arena, bytes_of(digest, 32)),
                                     .key_sha256 = bytes_of_pb(approval->key_sha256),
                                     .approval = bytes_of_pb(ask->approval),
                                     .signature = bytes_of_pb(ask->officer->signature),
                                     .csr_der = bytes_of_pb(ask->csr_der),
                                     .key_id = ask->officer->key_id,
                                     .issuer = approval->issuer,
                                     .expires_at = approval->expires_at};
    TRY(list_valid_approvals(tx, row.sha256, &before, &count));
    for (size_t i = 0; i < count; i++)
        again = again || !strcmp(before[i].key_id, row.key_id);
    reply->approvals = (uint32_t)(count + !again);
    reply->needed = SIGNING_OFFICERS_NEEDED;
    if (again)
        return RC_OK;
    TRY(store_insert_approval(tx, &row));
    TRY(say_acted(tx, approval, row.key_id));
    return count + 1 == SIGNING_OFFICERS_NEEDED ? order_certificate(tx, row.sha256) : RC_OK;
}

enum rc on_get_responder_certificate(struct tx *tx, const void *in, void *out)
{
    const Trien__GetResponderCertificate *ask = in;
    Trien__GetResponderCertificateReply *reply = out;
    const struct issuer *issuer = signing_issuer(tx->state, ask->issuer);
    struct bytes certificate, key;
    struct x509_csr csr;
    int64_t officers;

    CHECK(issuer, &tx->err, TRIEN__ERROR__NOT_FOUND, "issuer %.40s", ask->issuer);
    TRY(x509_csr_check(tx->arena, bytes_of_pb(ask->csr_der), &tx->err, &csr));
    key = bytes_of(csr.key_sha256, 32);
    TRY(store_find_responder(tx, issuer->id, key, &certificate));
    if (!certificate.n) {
        TRY(store_count_responder_approvals(tx, issuer->id, key, &officers));
        CHECK(officers >= SIGNING_OFFICERS_NEEDED, &tx->err, TRIEN__ERROR__APPROVALS_MISSING,
              "%lld of %u officers", (long long)officers, SIGNING_OFFICERS_NEEDED);
        FAIL(&tx->err, TRIEN__ERROR__NOT_YET, "the certificate is being signed");
    }
    reply->certificate_der = pb_of_bytes(certificate);
    reply->issuer_der = pb_of_bytes(issuer->certificate_der);
    return RC_OK;
}

enum rc on_responder_timer(struct tx *tx)
{
    struct bytes *digests;
    size_t count;

    TRY(store_list_responders_due(tx, &digests, &count));
    for (size_t i = 0; i < count; i++) {
        enum rc rc = order_certificate(tx, digests[i]);
        /* An approval that has become useless must not hold up the others. */
        if (rc != RC_OK && rc != RC_REJECT)
            return rc;
    }
    err_clear(&tx->err);
    return RC_OK;
}
