/* Revocation lists: revocation says that there is one, an effect gets its bytes part by part, what
 * is given out is checked first. Makes none, and never has a whole one in memory. */
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/pb_bytes.h"
#include "services/status/list_check.h"
#include "services/status/status.h"
#include "services/status/store.h"

#define PART_BYTES ((size_t)1024 * 1024)
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

/* Parts have names of their own; the first one's is the list's. */
static enum rc ask_for_part(struct tx *tx, const Trien__FetchList *fetch)
{
    const char *list =
        arena_printf(tx->arena, "%s/%llu", fetch->issuer, (unsigned long long)fetch->number);

    return effect_add(
        tx, "fetch_list",
        fetch->offset ? arena_printf(tx->arena, "%s/%llu", list, (unsigned long long)fetch->offset)
                      : list,
        fetch, 0);
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
    return ask_for_part(tx, &fetch);
}

static enum rc fetch_piece(struct fx *fx, const Trien__FetchList *intent, uint64_t offset,
                           size_t room, struct bytes *ret_piece)
{
    Trien__GetCrl ask = TRIEN__GET_CRL__INIT;
    Trien__GetCrlReply *reply = NULL;

    ask.issuer = intent->issuer;
    ask.has_number = true;
    ask.number = intent->number;
    ask.offset = offset;
    ask.max_bytes = (uint32_t)room;
    TRY(fx_call(fx, "revocation", &ask, &trien__get_crl_reply__descriptor, CALL_DEADLINE_MS, NULL,
                &reply));
    CHECK(reply->chunk.len > 0 && reply->chunk.len <= room, &fx->err,
          TRIEN__ERROR__PEER_UNAVAILABLE, "revocation has another list");
    *ret_piece = bytes_of_pb(reply->chunk);
    return RC_OK;
}

/* A part is PART_BYTES long, or the rest. */
enum rc act_fetch_list(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const struct status_state *state = fx->state;
    const Trien__FetchList *intent = in;
    Trien__FetchedList *fetched = ARENA_NEW(fx->arena, Trien__FetchedList);
    uint64_t rest = intent->size_bytes - intent->offset;
    size_t size = rest < PART_BYTES ? (size_t)rest : PART_BYTES;
    uint8_t *part = arena_alloc(fx->arena, size);

    CHECK(authorities_find(&state->authorities, intent->issuer), &fx->err, TRIEN__ERROR__NOT_FOUND,
          "no authority %.40s here", intent->issuer);
    for (size_t at = 0; at < size;) {
        struct bytes piece = {NULL, 0};

        TRY(fetch_piece(fx, intent, intent->offset + at, size - at, &piece));
        memcpy(part + at, piece.p, piece.n);
        at += piece.n;
    }
    trien__fetched_list__init(fetched);
    fetched->part = pb_of_bytes(bytes_of(part, size));
    *ret_result = &fetched->base;
    return RC_OK;
}

/* --- all parts are here
 * ---------------------------------------------------------------------------
 */

/* A list being checked from the database. */
struct checking {
    struct list_check check;
    const Trien__FetchList *list;
};

static enum rc check_part(struct tx *tx, void *arg)
{
    struct checking *checking = arg;
    struct bytes part = {NULL, 0};

    TRY(store_get_part(tx, checking->list->issuer, (int64_t)checking->list->number,
                       checking->check.at, &part));
    return list_check_add(&checking->check, part, &tx->err);
}

static enum rc check_list(struct tx *tx, struct checking *checking)
{
    while (checking->check.at < checking->check.size)
        TRY(tx_apart(tx, STORE_PART_ARENA_BYTES, check_part, checking));
    return list_check_end(&checking->check, bytes_of_pb(checking->list->sha256), &tx->err);
}

/* What is given out is checked first. A list that is not what was announced is dropped; the next
 * one comes in time. */
static enum rc take_over(struct tx *tx, const Trien__FetchList *intent)
{
    const struct status_state *state = tx->state;
    struct checking checking = {.list = intent};
    struct list_row list = {.issuer = intent->issuer,
                            .number = (int64_t)intent->number,
                            .sha256 = bytes_of_pb(intent->sha256),
                            .size_bytes = intent->size_bytes};
    enum rc rc;

    list_check_init(&checking.check, authorities_find(&state->authorities, intent->issuer),
                    intent->size_bytes);
    rc = check_list(tx, &checking);
    list_check_done(&checking.check);
    if (rc == RC_REJECT) {
        log_error(LOG_ERROR, "list_dropped", &tx->err);
        err_clear(&tx->err);
        return store_delete_parts(tx, intent->issuer, list.number);
    }
    TRY(rc);
    list.this_update = checking.check.this_update;
    list.next_update = checking.check.next_update;
    TRY(store_set_list(tx, &list));
    return store_delete_parts(tx, intent->issuer, list.number);
}

enum rc done_fetch_list(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__FetchList *intent = in;
    struct bytes part = bytes_of_pb(((const Trien__FetchedList *)result)->part);
    Trien__FetchList next = *intent;

    (void)key;
    TRY(store_insert_part(tx, intent->issuer, (int64_t)intent->number, intent->offset, part));
    next.has_offset = true;
    next.offset += part.n;
    return next.offset < intent->size_bytes ? ask_for_part(tx, &next) : take_over(tx, intent);
}

/* The frame has logged it; the next list comes in time. */
enum rc failed_fetch_list(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    (void)tx, (void)key, (void)in, (void)why;
    return RC_OK;
}
