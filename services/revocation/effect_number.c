/* Asking the signer for the number of an issuer's newest list: numbers are its own (decision 17).
 */
#include <string.h>

#include "common/log.h"
#include "services/revocation/revocation.h"

#define SIGNER_DEADLINE_MS 20000

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

    bool behind = false;

    (void)key;
    TRY(store_set_signers_number(tx, intent->issuer, known->number, &behind));
    if (behind)
        log_event(LOG_ERROR, "lists_unknown_here", LOG_TEXT("issuer", intent->issuer),
                  LOG_INT("signed", (int64_t)known->number),
                  LOG_TEXT("what", "the signer has signed lists that this database does not know: "
                                   "it was put back to an earlier time and may have forgotten "
                                   "revocations; no list is made"),
                  LOG_TEXT("do", "docs/operations.md, When revocation's lists stand still"));
    return RC_OK;
}

/* The timer asks again. */
enum rc ask_number_failed(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    const Trien__AskNumber *intent = in;

    (void)key, (void)why;
    return store_set_number_unknown(tx, intent->issuer, ISSUER_ANY_NUMBER);
}
