/* What is asked of the signer: a signature over a list, the number of the newest one. The same list
 * again gets the same answer there, so an act may be repeated; what comes back is believed only
 * when it verifies. */
#include <string.h>

#include "common/metrics.h"
#include "common/pb_bytes.h"
#include "services/revocation/revocation.h"

#define SIGNER_DEADLINE_MS 20000

METRIC_FAMILY(built) = {
    .kind = METRIC_COUNTER,
    .name = "trien_crl_built_total",
    .help = "Revocation lists by outcome.",
    .labels = "issuer,outcome",
};

static const struct x509_ca *find_issuer(const struct fx *fx, const char *name)
{
    const struct revocation *revocation = fx->state;

    return x509_ca_find(revocation->issuers, revocation->issuer_count, name);
}

enum rc sign_list_act(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const Trien__SignList *intent = in;
    const struct x509_ca *issuer = find_issuer(fx, intent->request->issuer);
    Trien__SignedList *list = ARENA_NEW(fx->arena, Trien__SignedList);
    Trien__SignCrlReply *reply = NULL;
    struct bytes crl;

    CHECK(issuer, &fx->err, TRIEN__ERROR__PEER_UNAVAILABLE,
          "this process does not know the certificate of %s", intent->request->issuer);
    TRY(fx_call(fx, "signer", intent->request, &trien__sign_crl_reply__descriptor,
                SIGNER_DEADLINE_MS, fx->key, &reply));
    TRY(tbs_list_assemble(issuer, bytes_of_pb(intent->request->tbs_der),
                          bytes_of_pb(reply->signature), fx->arena, &fx->err, &crl));
    trien__signed_list__init(list);
    list->crl_der = (ProtobufCBinaryData){crl.n, (uint8_t *)crl.p};
    *ret_result = &list->base;
    return RC_OK;
}

static enum rc say_issued(struct tx *tx, const struct list_row *list)
{
    Trien__CrlIssued event = TRIEN__CRL_ISSUED__INIT;

    event.issuer = (char *)list->issuer;
    event.number = list->number;
    event.this_update = list->this_update;
    event.next_update = list->next_update;
    event.entries = list->entries;
    event.size_bytes = list->size_bytes;
    event.sha256 = (ProtobufCBinaryData){list->sha256.n, (uint8_t *)list->sha256.p};
    return emit(tx, event.issuer, &event);
}

enum rc sign_list_done(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__SignList *intent = in;
    struct bytes crl = bytes_of_pb(((const Trien__SignedList *)result)->crl_der);
    uint8_t *digest = arena_alloc(tx->arena, 32);
    const struct list_row list = {.issuer = intent->request->issuer,
                                  .number = intent->request->number,
                                  .this_update = intent->this_update,
                                  .next_update = intent->next_update,
                                  .entries = intent->entries,
                                  .size_bytes = crl.n,
                                  .sha256 = bytes_of(digest, 32)};

    (void)key;
    bytes_sha256(crl, digest);
    TRY(store_set_list_issued(tx, &list, crl));
    metric_add(&built, 1, METRIC_LABELS(list.issuer, "issued"));
    return say_issued(tx, &list);
}

enum rc sign_list_failed(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    const Trien__SignList *intent = in;

    (void)key;
    metric_add(&built, 1, METRIC_LABELS(intent->request->issuer, "refused"));
    TRY(store_set_list_refused(tx, intent->request->issuer, intent->request->number, why));
    return store_set_number_unknown(tx, intent->request->issuer);
}

/* --- the number
 * -------------------------------------------------------------------------------------- */

enum rc ask_number_act(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const Trien__AskNumber *intent = in;
    const Trien__ListIssuers call = TRIEN__LIST_ISSUERS__INIT;
    Trien__NumberKnown *known = ARENA_NEW(fx->arena, Trien__NumberKnown);
    Trien__ListIssuersReply *reply = NULL;

    TRY(fx_call(fx, "signer", &call, &trien__list_issuers_reply__descriptor, SIGNER_DEADLINE_MS,
                NULL, &reply));
    trien__number_known__init(known);
    for (size_t i = 0; i < reply->n_issuers; i++)
        if (strcmp(reply->issuers[i]->issuer, intent->issuer) == 0) {
            known->number = reply->issuers[i]->last_list;
            *ret_result = &known->base;
            return RC_OK;
        }
    FAIL(&fx->err, TRIEN__ERROR__PEER_UNAVAILABLE, "the signer has no key %s", intent->issuer);
}

enum rc ask_number_done(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__AskNumber *intent = in;
    const Trien__NumberKnown *known = result;

    (void)key;
    return store_set_number(tx, intent->issuer, known->number);
}

/* The timer asks again. */
enum rc ask_number_failed(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    const Trien__AskNumber *intent = in;

    (void)key, (void)why;
    return store_set_number_unknown(tx, intent->issuer);
}
