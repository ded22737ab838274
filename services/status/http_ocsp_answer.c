/* OCSP answers on their way out: signed, kept in memory with the headers that let proxies keep
 * them, or refused. Knows nothing of what may be said: that was decided. */
#include "services/status/http_ocsp.h"

#include <stdio.h>
#include <string.h>

#include "common/metrics.h"

METRIC_FAMILY(answers_metric) = {
    .kind = METRIC_COUNTER,
    .name = "trien_ocsp_answers_total",
    .help = "OCSP answers by what they were and where they came from.",
    .labels = "answer,source",
};

static bool answer_with(struct http_response *response, struct bytes body)
{
    response->status = 200;
    response->content_type = "application/ocsp-response";
    response->body = body;
    return true;
}

bool ocsp_refuse(struct http_response *response, enum ocsp_refusal refusal, const char *name)
{
    metric_add(&answers_metric, 1, METRIC_LABELS(name, "refusal"));
    http_add_header(response, "Cache-Control", "no-store");
    return answer_with(response, ocsp_refusal(refusal));
}

/* --- signing -------------------------------------------------------------------------------------
 */

bool ocsp_take_permit(struct status_state *state, usec now)
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

/* A revocation that was applied here so recently may not be committed yet: good is not kept. */
#define COMMIT_PATIENCE (2 * USEC_PER_SECOND)

/* `epoch` is from before the database was read: what was changed since then may have left memory
 * already, so it must not come back. */
static void keep(struct tx *tx, const struct question *question, const struct status_row *row,
                 const struct answer_times *times, unsigned epoch, struct bytes answer)
{
    struct status_state *state = tx->state;
    struct cached *entry = ARENA_NEW(tx->arena, struct cached);

    if (answer.n > sizeof(entry->body) ||
        (row->fact.status == OCSP_GOOD &&
         clock_monotonic() - atomic_load(&state->sync.moved_at) < COMMIT_PATIENCE))
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
bool ocsp_answer_kept(const struct http_request *request, struct http_response *response,
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

bool ocsp_answer_nonce(struct tx *tx, const struct http_request *request,
                       const struct question *question, const struct cached *entry,
                       struct http_response *response)
{
    struct ocsp_fact fact = entry->fact;
    const struct answer_times times = times_for(tx, question->issuer, &fact, 1);
    struct bytes answer;

    if (!ocsp_take_permit(tx->state, tx->now)) {
        if (entry->size)
            return ocsp_answer_kept(request, response, entry);
        cache_release((void *)entry);
        return ocsp_refuse(response, OCSP_TRY_LATER, "busy");
    }
    cache_release((void *)entry);
    if (sign(tx, question, &fact, question->request.nonce, &times, &answer) != RC_OK)
        return ocsp_refuse(response, OCSP_TRY_LATER, "token");
    return answer_fresh(response, answer);
}

void ocsp_answer_cold(struct tx *tx, const struct http_request *request,
                      const struct question *question, const struct status_row *rows, bool shared,
                      unsigned epoch, struct http_response *response)
{
    struct status_state *state = tx->state;
    struct ocsp_fact facts[OCSP_MAX_CERTIFICATES];
    const struct cached *entry = NULL;
    struct bytes answer = {NULL, 0};

    for (size_t i = 0; i < question->request.count; i++)
        facts[i] = rows[i].fact;
    const struct answer_times times =
        times_for(tx, question->issuer, facts, question->request.count);
    if (sign(tx, question, facts, question->request.nonce, &times, &answer) != RC_OK) {
        err_clear(&tx->err);
        ocsp_refuse(response, OCSP_TRY_LATER, "token");
        return;
    }
    if (question->request.count == 1 && rows[0].known)
        keep(tx, question, &rows[0], &times, epoch, shared ? answer : bytes_of(NULL, 0));
    if (shared)
        entry = cache_find(state->cache, &question->key, tx->now);
    if (entry && bytes_equal(bytes_of(entry->body, entry->size), answer)) {
        ocsp_answer_kept(request, response, entry);
        return;
    }
    if (entry)
        cache_release((void *)entry);
    answer_fresh(response, answer);
}
