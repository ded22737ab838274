/* OCSP over HTTP (RFC 6960 appendix A, RFC 9919): what is asked, and which way it is answered. What
 * is in memory goes out at once; what is not is looked up in a transaction. Every refusal is an
 * OCSP answer. */
#include "services/status/http_ocsp.h"

#include <string.h>

/* --- what is asked -------------------------------------------------------------------------------
 */

/* All certificates must be of one issuer of ours: the answer has one signer. */
static bool find_issuer(const struct status_state *state, const struct ocsp_request *request,
                        unsigned *ret_issuer)
{
    for (unsigned issuer = 0; issuer < state->issuer_count; issuer++) {
        size_t matching = 0;
        while (matching < request->count &&
               authority_is_issuer(state->issuers[issuer], &request->ids[matching]))
            matching++;
        if (matching == request->count) {
            *ret_issuer = issuer;
            return true;
        }
    }
    return false;
}

/* GET has the request in its path (RFC 6960 A.1). */
static bool request_der(struct tx *tx, const struct http_request *request, struct bytes *ret_der)
{
    if (strcmp(request->method, "GET") == 0)
        return ocsp_path_decode(tx->arena, http_path_value(request, "request"), ret_der);
    *ret_der = request->body;
    return true;
}

/* False when *response has the refusal already. */
static bool read_question(struct tx *tx, const struct http_request *request,
                          struct question *question, struct http_response *response)
{
    struct bytes der;

    if (!request_der(tx, request, &der))
        return !ocsp_refuse(response, OCSP_MALFORMED_REQUEST, "malformed");
    switch (ocsp_request_read(tx->arena, der, &question->request)) {
    case OCSP_REQUEST_MALFORMED:
        ocsp_refuse(response, OCSP_MALFORMED_REQUEST, "malformed");
        return false;
    case OCSP_REQUEST_FOREIGN:
        ocsp_refuse(response, OCSP_UNAUTHORIZED, "unauthorized");
        return false;
    case OCSP_REQUEST_FINE:
        break;
    }
    if (!find_issuer(tx->state, &question->request, &question->issuer) ||
        !cache_key_of(question->issuer, question->request.ids[0].hash,
                      question->request.ids[0].serial, &question->key)) {
        ocsp_refuse(response, OCSP_UNAUTHORIZED, "unauthorized");
        return false;
    }
    return true;
}

/* --- the two ways -------------------------------------------------------------------------------
 */

/* False when memory cannot say: not there, or only the database knows whether its lineage is still
 * blocked. */
static bool answer_from_memory(struct tx *tx, const struct question *question,
                               const struct http_request *request, struct http_response *response)
{
    struct status_state *state = tx->state;
    const struct cached *entry;

    if (question->request.count != 1)
        return false;
    entry = cache_find(state->cache, &question->key, tx->now);
    if (!entry)
        return false;
    if (!sync_is_blocked(state, entry->lineage)) {
        if (question->request.nonce.p)
            return ocsp_answer_nonce(tx, request, question, entry, response);
        if (entry->size)
            return ocsp_answer_kept(request, response, entry);
    }
    cache_release((void *)entry);
    return false;
}

bool hot_ocsp(struct tx *tx, const struct http_request *request, struct http_response *response)
{
    struct question question;

    if (!read_question(tx, request, &question, response))
        return true;
    if (sync_claim(tx->state, tx))
        return false;
    if (!sync_is_trusted(tx->state, tx->now))
        return ocsp_refuse(response, OCSP_TRY_LATER, "stale");
    return answer_from_memory(tx, &question, request, response);
}

/* What the database knows about all that is asked. */
static enum rc find_rows(struct tx *tx, const struct question *question, struct status_row *rows,
                         bool *ret_blocked, bool *ret_unknown)
{
    const struct status_state *state = tx->state;
    struct bytes serials[OCSP_MAX_CERTIFICATES];

    for (size_t i = 0; i < question->request.count; i++)
        serials[i] = question->request.ids[i].serial;
    TRY(store_list_status(tx, state->issuers[question->issuer]->id, serials,
                          question->request.count, rows));
    *ret_blocked = *ret_unknown = false;
    for (size_t i = 0; i < question->request.count; i++) {
        *ret_blocked = *ret_blocked || rows[i].blocked;
        *ret_unknown = *ret_unknown || !rows[i].known;
    }
    return RC_OK;
}

enum rc http_ocsp(struct tx *tx, const struct http_request *request, struct http_response *response)
{
    struct status_state *state = tx->state;
    unsigned epoch = atomic_load(&state->sync.epoch);
    struct status_row rows[OCSP_MAX_CERTIFICATES];
    struct question question;
    bool blocked, unknown, shared;

    TRY(sync_run(tx));
    if (!read_question(tx, request, &question, response))
        return RC_OK;
    if (!sync_is_trusted(state, tx->now)) {
        ocsp_refuse(response, OCSP_TRY_LATER, "stale");
        return RC_OK;
    }
    /* Whoever brought memory up to date is answered from it as well, token or no token. */
    if (answer_from_memory(tx, &question, request, response))
        return RC_OK;
    TRY(find_rows(tx, &question, rows, &blocked, &unknown));
    /* Only a known certificate's answer without nonce is worth keeping; the number of those is
     * bounded, so they need no permit. */
    shared = question.request.count == 1 && !unknown && !question.request.nonce.p;
    if (blocked || (!shared && !ocsp_take_permit(state, tx->now))) {
        ocsp_refuse(response, OCSP_TRY_LATER, blocked ? "blocked" : "busy");
        return RC_OK;
    }
    ocsp_answer_cold(tx, request, &question, rows, shared, epoch, response);
    return RC_OK;
}

void http_ocsp_failed(struct tx *tx, enum rc rc, const struct http_request *request,
                      struct http_response *response)
{
    struct question question;

    sync_give_up(tx->state, tx);
    if (rc == RC_REJECT)
        ocsp_refuse(response, OCSP_MALFORMED_REQUEST, "malformed");
    else if (rc != RC_RETRY)
        ocsp_refuse(response, OCSP_INTERNAL_ERROR, "failed");
    else if (read_question(tx, request, &question, response) &&
             !(sync_is_trusted(tx->state, tx->now) &&
               answer_from_memory(tx, &question, request, response)))
        ocsp_refuse(response, OCSP_TRY_LATER, "unavailable");
}
