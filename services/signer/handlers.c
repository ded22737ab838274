/* The calls of the signer, its start, its health. Everything that decides is in sign.c and rules.c.
 */
#include <inttypes.h>

#include "common/metrics.h"
#include "services/signer/signer.h"

METRIC_FAMILY(signatures) = {
    .kind = METRIC_COUNTER,
    .name = "trien_signer_orders_total",
    .help = "Orders by outcome.",
    .labels = "outcome",
};

METRIC_FAMILY(lists) = {
    .kind = METRIC_COUNTER,
    .name = "trien_signer_lists_total",
    .help = "Revocation lists by outcome.",
    .labels = "outcome",
};

enum rc on_sign_certificate(struct tx *tx, const void *in, void *reply)
{
    enum rc rc = signer_sign(tx->state, in, tx->now, tx->arena, &tx->err, reply);

    metric_add(&signatures, 1, METRIC_LABELS(rc_name(rc)));
    return rc;
}

enum rc on_sign_crl(struct tx *tx, const void *in, void *reply)
{
    enum rc rc = signer_sign_list(tx->state, in, tx->now, tx->arena, &tx->err, reply);

    metric_add(&lists, 1, METRIC_LABELS(rc_name(rc)));
    return rc;
}

enum rc on_add_crl_entries(struct tx *tx, const void *in, void *reply)
{
    return signer_add_entries(tx->state, in, tx->now, tx->arena, &tx->err, reply);
}

enum rc on_list_issuers(struct tx *tx, const void *in, void *reply)
{
    struct signer *signer = tx->state;
    Trien__ListIssuersReply *out = reply;
    Trien__IssuerKey *keys = ARENA_ARRAY(tx->arena, Trien__IssuerKey, signer->issuer_count);

    (void)in;
    out->issuers = ARENA_ARRAY(tx->arena, Trien__IssuerKey *, signer->issuer_count);
    out->n_issuers = signer->issuer_count;
    for (size_t i = 0; i < signer->issuer_count; i++) {
        const struct x509_ca *issuer = &signer->issuers[i];
        trien__issuer_key__init(&keys[i]);
        keys[i].issuer = (char *)(uintptr_t)issuer->name;
        keys[i].key_kind = (char *)(uintptr_t)issuer->key_kind;
        keys[i].certificate_der.data = (uint8_t *)(uintptr_t)issuer->certificate_der.p;
        keys[i].certificate_der.len = issuer->certificate_der.n;
        TRY(signer_last_list(signer, issuer->name, tx->arena, &tx->err, &keys[i].last_list));
        keys[i].has_last_list = true;
        out->issuers[i] = &keys[i];
    }
    return RC_OK;
}

enum rc signer_early(const void *conf, struct err *err, void **ret_state)
{
    struct signer *signer = NULL;

    TRY(signer_open(conf, clock_now(), err, &signer));
    *ret_state = signer;
    return RC_OK;
}

bool signer_health(void *state, struct arena *arena, const char **ret_json_members)
{
    struct signer *signer = state;
    struct token_state token;
    struct journal_state journal;
    bool token_ok;

    token_look(signer->token, &token);
    journal_look(signer->journal, &journal);
    token_ok = token.ready > 0 && !token.pin_refused;
    *ret_json_members = arena_printf(
        arena,
        "\"token\":{\"ok\":%s,\"workers\":%u,\"ready\":%u,\"started\":%" PRIu64
        ",\"killed\":%" PRIu64 ",\"why\":\"%s\"},\"journal\":{\"ok\":%s,\"sequence\":%" PRIu64
        ",\"hash\":\"%s\",\"file\":%u,\"syncs\":%" PRIu64 "},%s",
        token_ok ? "true" : "false", token.workers, token.ready, token.started, token.killed,
        token_ok ? "" : err_entry(token.why.code)->name, journal.writable ? "true" : "false",
        journal.sequence, journal.hash, journal.segment, journal.syncs,
        x509_enrolled_json(&signer->enrolled, arena));
    return token_ok && journal.writable;
}

enum rc signer_reread(const void *conf, void *state, struct err *err)
{
    return signer_reread_keys(state, conf, err);
}

void signer_late(void *state)
{
    struct signer *signer = state;

    signer_close(&signer);
}
