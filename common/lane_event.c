/* One event in the transaction of its batch, and what is told about it after the commit. It refuses
 * nothing itself: a payload that does not parse is the handler's refusal. */
#define DB_STATEMENTS_ELSEWHERE
#include <string.h>

#include "common/lane_batch.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

METRIC_FAMILY(applied) = {
    .kind = METRIC_COUNTER,
    .name = "trien_consumer_events_total",
    .help = "Events behind the cursor, by what became of them.",
    .labels = "feed,how",
};
METRIC_FAMILY(seconds) = {
    .kind = METRIC_HISTOGRAM,
    .name = "trien_event_age_seconds",
    .help = "From the publisher's commit to ours.",
    .labels = "feed",
};

/* --- one event in the running transaction ------------------------------------------------------
 */

static enum rc unpack(struct tx *tx, const struct on_event *row, const Trien__Event *event,
                      ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message =
        wire_unpack(tx->arena, row->in, bytes_of(event->payload.data, event->payload.len));

    CHECK(message, &tx->err, TRIEN__ERROR__MALFORMED, "payload is no %s", event->type);
    *ret_message = message;
    return RC_OK;
}

/* Its key has an open letter: one that is committed, or one of this batch. */
static bool is_behind(const struct batch *batch, const struct item *item)
{
    for (const struct item *i = batch->items; batch->guarded && i < item; i++)
        if (i->fate == LETTER && !strcmp(i->event->key, item->event->key))
            return true;
    return letters_block(&batch->lane->letters, batch->feed, item->event->key);
}

static enum rc handle(struct batch *batch, struct item *item)
{
    struct lane *lane = batch->lane;
    const Trien__Event *event = item->event;
    const struct on_event *row = batch_row(lane, batch->feed->name, event->type);
    ProtobufCMessage *message = NULL;

    item->fate = SKIPPED;
    if (!row)
        return RC_OK;
    item->fate = BEHIND;
    if (is_behind(batch, item))
        return letters_add(lane, batch->feed, event, NULL);
    item->fate = APPLIED;
    tx_enter(lane->tx, event->traceparent, row->out);
    TRY(unpack(lane->tx, row, event, &message));
    return row->fn(lane->tx, message);
}

enum rc event_handle(struct batch *batch, struct item *item)
{
    usec started = clock_monotonic();
    enum rc rc = handle(batch, item);

    item->took = clock_monotonic() - started;
    return rc;
}

/* The event becomes a letter, unless the failure says nothing about it. */
enum rc event_make_letter(struct batch *batch, struct item *item)
{
    struct tx *tx = batch->lane->tx;

    item->why = tx->err;
    item->fate = LETTER;
    err_clear(&tx->err);
    return letters_add(batch->lane, batch->feed, item->event, &item->why);
}

/* The database has seen nothing of it that may not stand beside a letter. */
bool event_can_be_undone(const struct err *err)
{
    return !batch_is_outage(err) && !*err->native;
}

enum rc event_handle_guarded(struct batch *batch, struct item *item)
{
    struct tx *tx = batch->lane->tx;
    size_t events = tx->frame->event_count, effects = tx->frame->effect_count;
    enum rc rc;

    if (!batch_row(batch->lane, batch->feed->name, item->event->type))
        return event_handle(batch, item);
    db_block(tx);
    TRY(DB_PUSH(tx, event_begin));
    rc = event_handle(batch, item);
    if (rc == RC_OK)
        return DB_PUSH(tx, event_keep);
    if (!event_can_be_undone(&tx->err))
        return rc;
    tx->frame->event_count = events;
    tx->frame->effect_count = effects;
    tx->frame->gathered = NULL;   /* its own: those before it went with the savepoint */
    TRY(DB_PUSH(tx, event_undo)); /* leaves tx->err as it is when it succeeds */
    TRY(DB_PUSH(tx, event_keep));
    return event_make_letter(batch, item);
}

/* --- after the commit --------------------------------------------------------------------------
 */

static void report(struct batch *batch, const struct item *item, usec wall)
{
    static const char *const hows[] = {"applied", "skipped", "behind", "letter"};
    const Trien__Event *event = item->event;
    struct svc_message message = {
        .kind = "event",
        .name = event->type,
        .peer = batch->feed->name,
        .key = event->key,
        .traceparent = event->traceparent ? event->traceparent : "",
        .number = event->offset,
        .started = clock_monotonic() - item->took,
        .rc = item->fate == LETTER ? err_rc(item->why.code) : RC_OK,
        .err = &item->why,
        .is_quiet = batch->all != NULL,
    };

    metric_add(&applied, 1, METRIC_LABELS(batch->feed->name, hows[item->fate]));
    metric_observe(&seconds, (double)(wall - event->created_at) / 1e6,
                   METRIC_LABELS(batch->feed->name));
    if (item->fate == APPLIED || item->fate == LETTER)
        svc_handled(batch->lane->svc, &message);
}

void batch_settle(struct batch *batch, size_t first, size_t count)
{
    usec wall = clock_now();

    for (size_t i = first; i < first + count; i++) {
        const struct item *item = &batch->items[i];

        report(batch, item, wall);
        if (item->fate == LETTER)
            letters_note(batch->lane, batch->feed, item->event, &item->why);
        else if (item->fate == APPLIED && batch->lane->letters.count)
            letters_key_moved(batch->lane, item->event->key);
    }
}
