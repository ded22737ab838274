/* Revocation lists of the signers' authorities: fetched as an effect, checked before they are
 * stored, never replaced by an older one. A list that cannot be had makes requests wait; it never
 * makes them pass. */
#include <inttypes.h>
#include <string.h>

#include "common/crl_fetch.h"
#include "common/metrics.h"
#include "services/validation/validation.h"

#define MAX_SOURCES 64

METRIC_FAMILY(fetches) = {
    .kind = METRIC_COUNTER,
    .name = "trien_validation_crl_fetches_total",
    .help = "Revocation lists fetched, by outcome.",
    .labels = "outcome",
};
METRIC_FAMILY(crl_age) = {
    .kind = METRIC_GAUGE,
    .name = "trien_validation_crl_age_seconds",
    .help = "Age (since thisUpdate) of the list from each place.",
    .labels = "url",
    .stale_after_s = 60,
};
METRIC_FAMILY(crl_left) = {
    .kind = METRIC_GAUGE,
    .name = "trien_validation_crl_seconds_left",
    .help = "Time to nextUpdate of the list from each place; negative: stale.",
    .labels = "url",
    .stale_after_s = 60,
};

/* --- fetching
 * --------------------------------------------------------------------------------------- */

enum rc fetch_crl_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result)
{
    const Trien__FetchCrl *ask = intent;
    const struct validation *validation = fx->state;
    Trien__FetchedCrl *fetched = ARENA_NEW(fx->arena, Trien__FetchedCrl);
    const struct validation_conf *conf = fx->conf;
    const struct crl_places places = {conf->crls, (int)conf->crl_timeout_ms};
    struct trust_crl crl;
    struct bytes body = {0};

    TRY(crl_fetch(&places, ask->url, fx->arena, &fx->err, &body));
    TRY(trust_check_crl(validation->trust, body, fx->arena, &fx->err, &crl));
    trien__fetched_crl__init(fetched);
    fetched->crl_der = (ProtobufCBinaryData){body.n, (uint8_t *)body.p};
    fetched->issuer_sha256.data =
        (uint8_t *)arena_bytes(fx->arena, bytes_of(crl.issuer_sha256, 32)).p;
    fetched->sha256.data = (uint8_t *)arena_bytes(fx->arena, bytes_of(crl.sha256, 32)).p;
    fetched->issuer_sha256.len = fetched->sha256.len = 32;
    fetched->number = (char *)crl.number;
    fetched->this_update = crl.this_update;
    fetched->next_update = crl.next_update;
    *ret_result = &fetched->base;
    return RC_OK;
}

/* --- storing
 * ----------------------------------------------------------------------------------------- */

/* Hexadecimal without leading zeros: the longer one is larger. */
static int compare_numbers(const char *left, const char *right)
{
    size_t a = strlen(left), b = strlen(right);

    return a != b ? (a > b) - (a < b) : strcmp(left, right);
}

/* Why the list may not replace the stored one; NULL when it may. */
static const char *goes_back(const struct crl_row *stored, const Trien__FetchedCrl *crl)
{
    if (!stored->found)
        return NULL;
    if (crl->this_update < stored->this_update)
        return "older than the list we have";
    if (compare_numbers(crl->number, stored->number) < 0)
        return "cRLNumber went back";
    return NULL;
}

enum rc fetch_crl_done(struct tx *tx, const char *key, const void *intent, const void *result)
{
    const Trien__FetchCrl *ask = intent;
    const Trien__FetchedCrl *crl = result;
    struct bytes issuer = bytes_of(crl->issuer_sha256.data, crl->issuer_sha256.len);
    struct bytes digest = bytes_of(crl->sha256.data, crl->sha256.len);
    struct crl_row stored;
    const char *refusal;

    (void)key;
    TRY(store_find_crl(tx, issuer, &stored));
    refusal = goes_back(&stored, crl);
    metric_add(&fetches, 1, METRIC_LABELS(refusal ? "refused" : "ok"));
    TRY(store_set_source_fetched(tx, ask->url, issuer, refusal));
    if (refusal || (stored.found && bytes_equal(stored.sha256, digest)))
        return RC_OK;
    TRY(store_set_crl(tx, crl, ask->url));
    return wake_waiting(tx);
}

enum rc fetch_crl_failed(struct tx *tx, const char *key, const void *intent, const struct err *why)
{
    const Trien__FetchCrl *ask = intent;

    (void)key;
    metric_add(&fetches, 1, METRIC_LABELS("failed"));
    return store_set_source_fetched(
        tx, ask->url, (struct bytes){0},
        arena_printf(tx->arena, "%s: %s %s", err_entry(why->code)->name, why->detail, why->native));
}

/* --- planning
 * ---------------------------------------------------------------------------------------- */

static enum rc add_configured(struct tx *tx)
{
    const struct validation_conf *conf = tx->conf;
    const char *urls[MAX_SOURCES];
    size_t count = 0;

    for (const struct conf_node *node = conf->crls ? conf->crls->child : NULL;
         node && count < MAX_SOURCES; node = node->next)
        urls[count++] = node->value;
    return count ? store_insert_sources(tx, urls, count) : RC_OK;
}

static enum rc ask_for(struct tx *tx, const char *url)
{
    Trien__FetchCrl ask = TRIEN__FETCH_CRL__INIT;
    uint8_t digest[32];

    bytes_sha256(bytes_of_text(url), digest);
    ask.url = (char *)url;
    return effect_add(tx, "fetch_crl",
                      arena_printf(tx->arena, "%s/%" PRId64,
                                   bytes_to_hex(tx->arena, bytes_of(digest, 8)),
                                   tx->now / USEC_PER_SECOND),
                      &ask, 0);
}

static enum rc show_ages(struct tx *tx)
{
    struct crl_listed *rows;
    size_t count = 0;

    TRY(store_list_crls(tx, &count, &rows));
    for (size_t i = 0; i < count; i++) {
        if (rows[i].sha256.n == 0)
            continue;
        metric_set(&crl_age, (double)(tx->now - rows[i].this_update) / 1e6,
                   METRIC_LABELS(rows[i].url));
        metric_set(&crl_left, (double)(rows[i].next_update - tx->now) / 1e6,
                   METRIC_LABELS(rows[i].url));
        if (rows[i].next_update <= tx->now)
            TRY(alarm_list_stale(tx, &rows[i]));
    }
    return RC_OK;
}

enum rc on_crl_timer(struct tx *tx)
{
    const struct validation_conf *conf = tx->conf;
    const struct validation *validation = tx->state;
    const char **urls;
    size_t count = 0;

    TRY(add_configured(tx));
    TRY(store_list_due_sources(tx, conf->crl_period_ms * USEC_PER_MS,
                               conf->crl_retry_ms * USEC_PER_MS, &count, &urls));
    for (size_t i = 0; i < count; i++)
        TRY(ask_for(tx, urls[i]));
    TRY(wake_waiting(tx)); /* those that began to wait while a list was being stored */
    TRY(knowledge_refresh(tx, validation->knowledge));
    return show_ages(tx);
}
