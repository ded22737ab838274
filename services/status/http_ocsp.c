/* OCSP over HTTP (RFC 6960 appendix A, RFC 9919). What is in memory is answered at once; what is
 * not is looked up in a transaction and signed. Every refusal is an OCSP answer. */
#include <stdio.h>
#include <string.h>

#include "common/metrics.h"
#include "services/status/status.h"
#include "services/status/store.h"

static struct metric answers_metric = {
    .kind = METRIC_COUNTER,
    .name = "trien_ocsp_answers_total",
    .help = "OCSP answers by what they were and where they came from.",
    .labels = "answer,source",
};

/* One request on its way to its answer. */
struct question {
    struct ocsp_request request;
    unsigned issuer;
    struct cache_key key; /* of the first certificate */
};

static bool answer_with(struct http_response *response, struct bytes body)
{
    response->status = 200;
    response->content_type = "application/ocsp-response";
    response->body = body;
    return true;
}

static bool refuse(struct http_response *response, enum ocsp_refusal refusal, const char *name)
{
    metric_add(&answers_metric, 1, METRIC_LABELS(name, "refusal"));
    http_add_header(response, "Cache-Control", "no-store");
    return answer_with(response, ocsp_refusal(refusal));
}

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

/* False when *response has the refusal already. */
static bool read_question(struct tx *tx, struct bytes der, struct question *question,
                          struct http_response *response)
{
    switch (ocsp_request_read(tx->arena, der, &question->request)) {
    case OCSP_REQUEST_MALFORMED:
        refuse(response, OCSP_MALFORMED_REQUEST, "malformed");
        return false;
    case OCSP_REQUEST_FOREIGN:
        refuse(response, OCSP_UNAUTHORIZED, "unauthorized");
        return false;
    case OCSP_REQUEST_FINE:
        break;
    }
    if (!find_issuer(tx->state, &question->request, &question->issuer) ||
        !cache_key_of(question->issuer, question->request.ids[0].hash,
                      question->request.ids[0].serial, &question->key)) {
        refuse(response, OCSP_UNAUTHORIZED, "unauthorized");
        return false;
    }
    return true;
}

/* --- signing -------------------------------------------------------------------------------------
 */

static bool take_permit(struct status_state *state, usec now)
{
    double rate = (double)state->conf->signed_per_second;
    bool taken;

    pthread_mutex_lock(&state->permits_lock);
    taken = rule_take_permit(&state->permits, rate, rate, now);
    pthread_mutex_unlock(&state->permits_lock);
    return taken;
}

static struct answer_times times_for(struct tx *tx, unsigned issuer, const struct ocsp_fact *facts,
                                     size_t count)
{
    const struct status_state *state = tx->state;
    const struct status_conf *conf = state->conf;
    usec not_before, not_after, validity = conf->validity_ms * USEC_PER_MS;

    for (size_t i = 0; i < count; i++)
        if (facts[i].status == OCSP_REVOKED)
            validity = conf->revoked_validity_ms * USEC_PER_MS;
    if (!responder_validity(state->responder, issuer, &not_before, &not_after))
        not_after = tx->now;
    return rule_answer_times(tx->now, validity, conf->max_age_ms * USEC_PER_MS, not_after);
}

static enum rc sign(struct tx *tx, const struct question *question, const struct ocsp_fact *facts,
                    struct bytes nonce, const struct answer_times *times, struct bytes *ret_answer)
{
    const struct status_state *state = tx->state;
    struct ocsp_response_data data = {
        .produced_at = times->this_update,
        .this_update = times->this_update,
        .next_update = times->next_update,
        .count = question->request.count,
        .ids = question->request.ids,
        .facts = facts,
        .nonce = nonce,
    };

    CHECK(times->next_update > tx->now, &tx->err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "the responder waits for its certificate");
    return responder_answer(state->responder, question->issuer, &data, tx->arena, &tx->err,
                            ret_answer);
}

/* An answer for one client alone: no proxy may keep it. */
static bool answer_fresh(struct http_response *response, struct bytes answer)
{
    metric_add(&answers_metric, 1, METRIC_LABELS("status", "signed"));
    http_add_header(response, "Cache-Control", "no-store");
    return answer_with(response, answer);
}

/* --- answers that are kept -----------------------------------------------------------------------
 */

static void fill_headers(struct arena *arena, const struct answer_times *times,
                         struct cached *entry)
{
    uint8_t digest[32];

    bytes_sha256(bytes_of(entry->body, entry->size), digest);
    snprintf(entry->etag, sizeof(entry->etag), "\"%s\"", bytes_to_hex(arena, bytes_of(digest, 8)));
    rule_http_date(times->this_update, entry->last_modified);
    rule_http_date(times->next_update, entry->expires);
    snprintf(entry->cache_control, sizeof(entry->cache_control),
             "max-age=%lld, public, no-transform, must-revalidate",
             (long long)times->max_age_seconds);
}

/* `epoch` is from before the database was read: what was changed since then may have left memory
 * already, so it must not come back. */
static void keep(struct tx *tx, const struct question *question, const struct status_row *row,
                 const struct answer_times *times, unsigned epoch, struct bytes answer)
{
    struct status_state *state = tx->state;
    struct cached *entry = ARENA_NEW(tx->arena, struct cached);

    if (answer.n > sizeof(entry->body))
        return;
    entry->fact = row->fact;
    entry->lineage = cache_hash(bytes_of_text(row->lineage_id));
    entry->fresh_until = times->fresh_until;
    entry->size = answer.n;
    if (answer.n) {
        memcpy(entry->body, answer.p, answer.n);
        fill_headers(tx->arena, times, entry);
    }
    cache_put(state->cache, &question->key, entry);
    if (atomic_load(&state->sync.epoch) != epoch)
        cache_drop(state->cache, question->issuer, question->request.ids[0].serial);
}

/* RFC 9919 6.2: headers that let proxies keep the answer. The reference goes with the response. */
static bool answer_kept(const struct http_request *request, struct http_response *response,
                        const struct cached *entry)
{
    const char *known = http_header(request, "If-None-Match");

    metric_add(&answers_metric, 1, METRIC_LABELS("status", "memory"));
    http_add_header(response, "ETag", entry->etag);
    http_add_header(response, "Last-Modified", entry->last_modified);
    http_add_header(response, "Expires", entry->expires);
    http_add_header(response, "Cache-Control", entry->cache_control);
    answer_with(response, bytes_of(entry->body, entry->size));
    if (known && strcmp(known, entry->etag) == 0 && strcmp(request->method, "GET") == 0) {
        response->status = 304;
        response->body = bytes_of(NULL, 0);
    }
    response->owner = (void *)entry;
    response->release = cache_release;
    return true;
}

/* With nonce: the fact from memory, signed for this client. Beyond the permitted rate the kept
 * answer goes out without nonce (RFC 9654 3.2 lets a responder), or the database path decides. */
static bool answer_nonce(struct tx *tx, const struct http_request *request,
                         const struct question *question, const struct cached *entry,
                         struct http_response *response)
{
    struct ocsp_fact fact = entry->fact;
    const struct answer_times times = times_for(tx, question->issuer, &fact, 1);
    struct bytes answer;

    if (!take_permit(tx->state, tx->now)) {
        if (entry->size)
            return answer_kept(request, response, entry);
        cache_release((void *)entry);
        return refuse(response, OCSP_TRY_LATER, "busy");
    }
    cache_release((void *)entry);
    if (sign(tx, question, &fact, question->request.nonce, &times, &answer) != RC_OK)
        return refuse(response, OCSP_TRY_LATER, "token");
    return answer_fresh(response, answer);
}

/* --- the two paths -------------------------------------------------------------------------------
 */

static bool hot(struct tx *tx, struct bytes der, const struct http_request *request,
                struct http_response *response)
{
    struct status_state *state = tx->state;
    struct question question;
    const struct cached *entry;

    if (!read_question(tx, der, &question, response))
        return true;
    switch (sync_look(state, tx->now)) {
    case SYNC_DUE:
        return false;
    case SYNC_STALE:
        return refuse(response, OCSP_TRY_LATER, "stale");
    case SYNC_FINE:
        break;
    }
    if (question.request.count != 1)
        return false;
    entry = cache_find(state->cache, &question.key, tx->now);
    if (!entry)
        return false;
    if (sync_is_blocked(state, entry->lineage)) {
        cache_release((void *)entry);
        return false; /* the database says whether it still is */
    }
    if (question.request.nonce.p)
        return answer_nonce(tx, request, &question, entry, response);
    if (entry->size)
        return answer_kept(request, response, entry);
    cache_release((void *)entry);
    return false;
}

/* What the database knows about all that is asked. False: nothing may be said. */
static enum rc find_facts(struct tx *tx, const struct question *question, struct status_row *rows,
                          struct ocsp_fact *facts, bool *ret_blocked, bool *ret_unknown)
{
    const struct status_state *state = tx->state;
    struct bytes serials[OCSP_MAX_CERTIFICATES];

    for (size_t i = 0; i < question->request.count; i++)
        serials[i] = question->request.ids[i].serial;
    TRY(store_list_status(tx, state->issuers[question->issuer]->id, serials,
                          question->request.count, rows));
    *ret_blocked = *ret_unknown = false;
    for (size_t i = 0; i < question->request.count; i++) {
        facts[i] = rows[i].fact;
        *ret_blocked = *ret_blocked || rows[i].blocked;
        *ret_unknown = *ret_unknown || !rows[i].known;
    }
    return RC_OK;
}

/* Signs what the database said and keeps what others may ask for as well. */
static enum rc answer_cold(struct tx *tx, const struct http_request *request,
                           const struct question *question, const struct status_row *rows,
                           const struct ocsp_fact *facts, bool shared, unsigned epoch,
                           struct http_response *response)
{
    struct status_state *state = tx->state;
    const struct answer_times times =
        times_for(tx, question->issuer, facts, question->request.count);
    const struct cached *entry = NULL;
    struct bytes answer = {NULL, 0};

    if (sign(tx, question, facts, question->request.nonce, &times, &answer) != RC_OK) {
        err_clear(&tx->err);
        refuse(response, OCSP_TRY_LATER, "token");
        return RC_OK;
    }
    if (question->request.count == 1 && rows[0].known)
        keep(tx, question, &rows[0], &times, epoch, shared ? answer : bytes_of(NULL, 0));
    if (shared)
        entry = cache_find(state->cache, &question->key, tx->now);
    if (entry && bytes_equal(bytes_of(entry->body, entry->size), answer))
        answer_kept(request, response, entry);
    else if (entry)
        cache_release((void *)entry);
    if (!response->body.p)
        answer_fresh(response, answer);
    return RC_OK;
}

static enum rc cold(struct tx *tx, struct bytes der, const struct http_request *request,
                    struct http_response *response)
{
    struct status_state *state = tx->state;
    unsigned epoch = atomic_load(&state->sync.epoch);
    struct status_row rows[OCSP_MAX_CERTIFICATES];
    struct ocsp_fact facts[OCSP_MAX_CERTIFICATES];
    struct question question;
    bool blocked, unknown, shared;

    if (sync_claim(state))
        TRY(sync_run(tx));
    if (!read_question(tx, der, &question, response))
        return RC_OK;
    if (sync_look(state, tx->now) == SYNC_STALE) {
        refuse(response, OCSP_TRY_LATER, "stale");
        return RC_OK;
    }
    TRY(find_facts(tx, &question, rows, facts, &blocked, &unknown));
    /* Only a known certificate's answer without nonce is worth keeping; the number of those is
     * bounded, so they need no permit. */
    shared = question.request.count == 1 && !unknown && !question.request.nonce.p;
    if (blocked || (!shared && !take_permit(state, tx->now))) {
        refuse(response, OCSP_TRY_LATER, blocked ? "blocked" : "busy");
        return RC_OK;
    }
    return answer_cold(tx, request, &question, rows, facts, shared, epoch, response);
}

/* --- GET and POST ------------------------------------------------------------------------------
 */

bool hot_ocsp_get(struct tx *tx, const struct http_request *request, struct http_response *response)
{
    struct bytes der;

    if (!ocsp_path_decode(tx->arena, http_path_value(request, "request"), &der))
        return refuse(response, OCSP_MALFORMED_REQUEST, "malformed");
    return hot(tx, der, request, response);
}

enum rc http_ocsp_get(struct tx *tx, const struct http_request *request,
                      struct http_response *response)
{
    struct bytes der;

    if (ocsp_path_decode(tx->arena, http_path_value(request, "request"), &der))
        return cold(tx, der, request, response);
    refuse(response, OCSP_MALFORMED_REQUEST, "malformed");
    return RC_OK;
}

bool hot_ocsp_post(struct tx *tx, const struct http_request *request,
                   struct http_response *response)
{
    return hot(tx, request->body, request, response);
}

enum rc http_ocsp_post(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    return cold(tx, request->body, request, response);
}
