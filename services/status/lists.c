/* Revocation lists: revocation says that there is one, an effect gets its bytes, what is given out
 * is checked first. Makes none. */
#include <string.h>

#include "common/metrics.h"
#include "services/status/status.h"
#include "services/status/store.h"

#define CHUNK_BYTES (1024 * 1024)
#define CALL_DEADLINE_MS 15000

METRIC_FAMILY(served_age) = {
    .kind = METRIC_GAUGE,
    .name = "trien_crl_served_age_seconds",
    .help = "Age (since thisUpdate) of the list the public is given.",
    .labels = "issuer",
    .stale_after_s = 60,
};
METRIC_FAMILY(served_left) = {
    .kind = METRIC_GAUGE,
    .name = "trien_crl_served_seconds_left",
    .help = "Time until nextUpdate of the list the public is given; negative: stale.",
    .labels = "issuer",
    .stale_after_s = 60,
};

enum rc on_list_figures(struct tx *tx)
{
    const struct status_state *state = tx->state;

    for (size_t i = 0; i < state->issuer_count; i++) {
        const char *issuer = state->issuers[i]->id;
        struct list_row list;
        bool found;

        TRY(store_find_list(tx, issuer, &found, &list));
        if (!found)
            continue;
        metric_set(&served_age, (double)(tx->now - list.this_update) / 1e6, METRIC_LABELS(issuer));
        metric_set(&served_left, (double)(list.next_update - tx->now) / 1e6, METRIC_LABELS(issuer));
    }
    return RC_OK;
}

enum rc on_crl_issued(struct tx *tx, const void *in)
{
    const Trien__CrlIssued *event = in;
    Trien__FetchList fetch = TRIEN__FETCH_LIST__INIT;

    CHECK(event->sha256.len == 32 && event->size_bytes > 0 &&
              event->size_bytes <= AUTHORITY_MAX_CRL_BYTES,
          &tx->err, TRIEN__ERROR__MALFORMED, "list %llu", (unsigned long long)event->number);
    fetch.issuer = event->issuer;
    fetch.number = event->number;
    fetch.size_bytes = event->size_bytes;
    fetch.sha256 = event->sha256;
    return effect_add(
        tx, "fetch_list",
        arena_printf(tx->arena, "%s/%llu", event->issuer, (unsigned long long)event->number),
        &fetch, 0);
}

static enum rc fetch_chunk(struct fx *fx, const Trien__FetchList *intent, uint64_t offset,
                           struct bytes *ret_chunk)
{
    Trien__GetCrl ask = TRIEN__GET_CRL__INIT;
    Trien__GetCrlReply *reply = NULL;

    ask.issuer = intent->issuer;
    ask.has_number = true;
    ask.number = intent->number;
    ask.offset = offset;
    ask.max_bytes = CHUNK_BYTES;
    TRY(fx_call(fx, "revocation", &ask, &trien__get_crl_reply__descriptor, CALL_DEADLINE_MS, NULL,
                &reply));
    CHECK(reply->chunk.len > 0 && reply->chunk.len <= intent->size_bytes - offset, &fx->err,
          TRIEN__ERROR__PEER_UNAVAILABLE, "revocation has another list");
    *ret_chunk = bytes_of(reply->chunk.data, reply->chunk.len);
    return RC_OK;
}

static enum rc fetch(struct fx *fx, const Trien__FetchList *intent, struct bytes *ret_crl)
{
    uint8_t *crl = arena_alloc(fx->arena, (size_t)intent->size_bytes), digest[32];

    for (uint64_t offset = 0; offset < intent->size_bytes;) {
        struct bytes chunk = {NULL, 0};

        TRY(fetch_chunk(fx, intent, offset, &chunk));
        memcpy(crl + offset, chunk.p, chunk.n);
        offset += chunk.n;
    }
    bytes_sha256(bytes_of(crl, (size_t)intent->size_bytes), digest);
    CHECK(memcmp(digest, intent->sha256.data, 32) == 0, &fx->err, TRIEN__ERROR__PEER_UNAVAILABLE,
          "the list's digest is another");
    *ret_crl = bytes_of(crl, (size_t)intent->size_bytes);
    return RC_OK;
}

enum rc act_fetch_list(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const struct status_state *state = fx->state;
    const Trien__FetchList *intent = in;
    const struct authority *authority = authorities_find(&state->authorities, intent->issuer);
    Trien__FetchedList *fetched = ARENA_NEW(fx->arena, Trien__FetchedList);
    struct bytes crl;

    CHECK(authority, &fx->err, TRIEN__ERROR__NOT_FOUND, "no authority %.40s here", intent->issuer);
    TRY(fetch(fx, intent, &crl));
    trien__fetched_list__init(fetched);
    TRY(authority_check_list(authority, crl, &fx->err, &fetched->this_update,
                             &fetched->next_update));
    fetched->crl_der = (ProtobufCBinaryData){crl.n, (uint8_t *)crl.p};
    *ret_result = &fetched->base;
    return RC_OK;
}

enum rc done_fetch_list(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__FetchList *intent = in;
    const Trien__FetchedList *fetched = result;
    const struct list_row list = {
        .issuer = intent->issuer,
        .number = (int64_t)intent->number,
        .this_update = fetched->this_update,
        .next_update = fetched->next_update,
        .sha256 = bytes_of(intent->sha256.data, intent->sha256.len),
        .crl_der = bytes_of(fetched->crl_der.data, fetched->crl_der.len),
    };

    (void)key;
    return store_set_list(tx, &list);
}

/* The frame has logged it; the next list comes in time. */
enum rc failed_fetch_list(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    (void)tx, (void)key, (void)in, (void)why;
    return RC_OK;
}
