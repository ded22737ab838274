/* A batch in one transaction: cursors first (compare-and-set), then every event through its
 * handler, what they say last, commit. When a handler fails the batch is done again with a
 * savepoint before each event, so that those that must wait become letters and the rest stands.
 * When the database refuses, one event at a time, each attempt counted in a commit of its own
 * before it is made: what kills the process is counted too. Nothing is skipped, nothing dropped. */
#define DB_STATEMENTS_ELSEWHERE
#include "common/lane_batch.h"

#include <string.h>

#include "common/log.h"
#include "gen/common/frame.inc"

#define GUARD_FOR 16 /* batches after one that needed it */
#define CONFLICTS_BORNE 5

bool batch_is_outage(const struct err *err)
{
    return err->code == TRIEN__ERROR__DATABASE_UNAVAILABLE ||
           err->code == TRIEN__ERROR__DATABASE_CONFLICT;
}

const struct on_event *batch_row(const struct lane *lane, const char *feed, const char *type)
{
    for (const struct on_event *row = lane->svc->service->events; row && row->feed; row++) {
        if (!strcmp(row->feed, feed) && !strcmp(svc_message_name(row->in), type))
            return row;
    }
    return NULL;
}

/* The row that takes everything of this feed, or NULL. */
static const struct on_feed *row_for_all(const struct lane *lane, const char *feed)
{
    for (const struct on_feed *row = lane->svc->service->feeds; row && row->feed; row++) {
        if (!strcmp(row->feed, feed))
            return row;
    }
    return NULL;
}

/* --- cursors --------------------------------------------------------------------------------- */

struct moves {
    int16_t partitions[BUS_PARTITIONS];
    int64_t from[BUS_PARTITIONS], to[BUS_PARTITIONS];
    uint8_t ids[BUS_PARTITIONS][16];
    size_t count;
};

/* Partitions ascending; a partition's place is the number of those before it. */
static void plan_moves(const struct batch *batch, size_t first, size_t count, struct moves *moves)
{
    uint64_t all = 0, seen = 0;

    for (size_t i = first; i < first + count; i++)
        all |= UINT64_C(1) << batch->items[i].event->partition;
    moves->count = (size_t)__builtin_popcountll(all);
    for (size_t i = first; i < first + count; i++) {
        const Trien__Event *event = batch->items[i].event;
        uint64_t bit = UINT64_C(1) << event->partition;
        int m = __builtin_popcountll(all & (bit - 1));

        if (!(seen & bit)) {
            moves->partitions[m] = (int16_t)event->partition;
            moves->from[m] = event->offset;
        }
        seen |= bit;
        moves->to[m] = event->offset + 1;
        memcpy(moves->ids[m], event->id.data, 16);
    }
}

static enum rc push_moves(struct lane *lane, const struct lane_feed *feed,
                          const struct moves *moves)
{
    return DB_PUSH(lane->tx, cursor_move, db_text(feed->name),
                   db_int2s(moves->partitions, moves->count), db_int8s(moves->from, moves->count),
                   db_int8s(moves->to, moves->count),
                   db_uuids((const uint8_t(*)[16])moves->ids, moves->count));
}

static void moves_done(struct lane_feed *feed, const struct moves *moves)
{
    for (size_t m = 0; m < moves->count; m++) {
        struct cursor *c = &feed->cursors[moves->partitions[m]];

        c->next = moves->to[m];
        memcpy(c->last_id, moves->ids[m], 16);
        c->attempts = 0;
        c->fresh = false;
    }
}

/* An attempt at what stands at these cursors is counted before it is made. */
static enum rc count_attempt(struct lane *lane, struct lane_feed *feed, const struct moves *moves)
{
    TRY(DB_RUN(lane->tx, cursor_count, NULL, db_text(feed->name),
               db_int2s(moves->partitions, moves->count), db_int8s(moves->from, moves->count)));
    for (size_t m = 0; m < moves->count; m++)
        feed->cursors[moves->partitions[m]].attempts++;
    return RC_OK;
}

/* --- transactions ------------------------------------------------------------------------------
 */

static enum rc handle_all(struct batch *batch)
{
    usec started = clock_monotonic();

    tx_enter(batch->lane->tx, "", batch->all->out);
    TRY(batch->all->fn(batch->lane->tx, batch->events, batch->count));
    for (size_t i = 0; i < batch->count; i++) {
        batch->items[i].fate = APPLIED;
        batch->items[i].took = (clock_monotonic() - started) / (usec)batch->count;
    }
    return RC_OK;
}

static enum rc handle_each(struct batch *batch, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        TRY(batch->guarded ? event_handle_guarded(batch, &batch->items[i])
                           : event_handle(batch, &batch->items[i]));
    return RC_OK;
}

static enum rc run_transaction(struct batch *batch, size_t first, size_t count)
{
    struct tx *tx = batch->lane->tx;
    struct moves moves;

    plan_moves(batch, first, count, &moves);
    TRY(tx_begin(tx, clock_now(), batch->feed->name, "", NULL));
    TRY(push_moves(batch->lane, batch->feed, &moves));
    TRY(batch->all ? handle_all(batch) : handle_each(batch, first, count));
    TRY(tx_commit(tx));
    moves_done(batch->feed, &moves);
    return RC_OK;
}

static enum rc transact(struct batch *batch, size_t first, size_t count)
{
    enum rc rc;

    tx_reset(batch->lane->tx);
    rc = run_transaction(batch, first, count);
    if (rc == RC_OK)
        batch_settle(batch, first, count);
    else
        tx_rollback(batch->lane->tx);
    return rc;
}

/* The event alone, as a letter, its handler not called. */
static enum rc transact_letter(struct batch *batch, size_t at, const struct err *why)
{
    struct tx *tx = batch->lane->tx;
    struct moves moves;

    tx_reset(tx);
    tx->err = *why;
    plan_moves(batch, at, 1, &moves);
    TRY(tx_begin(tx, clock_now(), batch->feed->name, "", NULL));
    TRY(push_moves(batch->lane, batch->feed, &moves));
    TRY(event_make_letter(batch, &batch->items[at]));
    TRY(tx_commit(tx));
    moves_done(batch->feed, &moves);
    batch_settle(batch, at, 1);
    return RC_OK;
}

/* A failure that ends the process: the supervisor starts it again, the attempt stays counted. */
static bool ends_process(const struct err *err)
{
    return err_rc(err->code) == RC_FATAL && err->code != TRIEN__ERROR__INTERNAL &&
           err->code != TRIEN__ERROR__UNDECLARED_MESSAGE;
}

static enum rc apply_alone(struct batch *batch, size_t at)
{
    struct lane *lane = batch->lane;
    struct moves moves;
    struct err why = {0};
    enum rc rc = RC_OK;

    plan_moves(batch, at, 1, &moves);
    if (batch->feed->cursors[moves.partitions[0]].attempts >= lane->svc->database.max_attempts) {
        rc = err_set(&why, TRIEN__ERROR__HANDLER_DIED, __FILE__, __LINE__,
                     "begun %d times, never ended",
                     batch->feed->cursors[moves.partitions[0]].attempts);
        return transact_letter(batch, at, &why);
    }
    TRY(count_attempt(lane, batch->feed, &moves));
    for (int i = 0; i < CONFLICTS_BORNE; i++) {
        rc = transact(batch, at, 1);
        if (rc == RC_OK || lane->tx->err.code != TRIEN__ERROR__DATABASE_CONFLICT)
            break;
    }
    if (rc == RC_OK || batch_is_outage(&lane->tx->err))
        return rc;
    why = lane->tx->err;
    if (ends_process(&why)) {
        svc_fatal(lane->svc, &why);
        return RC_FATAL;
    }
    return transact_letter(batch, at, &why);
}

static enum rc apply_one_by_one(struct batch *batch)
{
    batch->guarded = false;
    for (size_t i = 0; i < batch->count; i++)
        TRY(apply_alone(batch, i));
    return RC_OK;
}

/* Somebody died at one of these places before. */
static bool is_suspect(const struct lane_feed *feed, const struct moves *moves)
{
    for (size_t m = 0; m < moves->count; m++) {
        if (feed->cursors[moves->partitions[m]].attempts > 0)
            return true;
    }
    return false;
}

static bool is_fresh(const struct lane_feed *feed, const struct moves *moves)
{
    for (size_t m = 0; m < moves->count; m++) {
        if (feed->cursors[moves->partitions[m]].fresh)
            return true;
    }
    return false;
}

static enum rc apply_together(struct batch *batch, const struct moves *moves)
{
    struct lane *lane = batch->lane;
    struct lane_feed *feed = batch->feed;
    enum rc rc;

    /* The first batch after a lease was taken is counted: it may be what killed its last holder. */
    if (is_fresh(feed, moves))
        TRY(count_attempt(lane, feed, moves));
    batch->guarded = feed->guarded > 0;
    feed->guarded -= feed->guarded > 0;
    rc = transact(batch, 0, batch->count);
    if (rc == RC_OK || batch_is_outage(&lane->tx->err) || batch->guarded)
        return rc;
    if (event_can_be_undone(&lane->tx->err)) {
        batch->guarded = true;
        feed->guarded = GUARD_FOR;
        rc = transact(batch, 0, batch->count);
    }
    return rc;
}

/* After a conflict: the cursors as they are now decide whether we still are where we were. */
static enum rc after_outage(struct batch *batch)
{
    struct lane *lane = batch->lane;

    if (lane->tx->err.code == TRIEN__ERROR__DATABASE_CONFLICT) {
        log_error(LOG_NOTICE, "batch_repeated", &lane->tx->err);
        tx_reset(lane->tx);
        TRY(lease_load_cursors(lane, atomic_load(&lane->held)));
    }
    return RC_RETRY;
}

/* The batch as it is, now or a little later: nothing of such a feed is ever put aside. */
static enum rc apply_all(struct batch *batch)
{
    struct lane *lane = batch->lane;
    enum rc rc = transact(batch, 0, batch->count);

    if (rc == RC_OK)
        return RC_OK;
    if (batch_is_outage(&lane->tx->err))
        return after_outage(batch);
    log_error(LOG_ERROR, "batch_failed", &lane->tx->err);
    batch->feed->ask_at = clock_monotonic() + svc_backoff_ms(4, 50, 5000) * USEC_PER_MS;
    return RC_RETRY;
}

enum rc batch_apply(struct lane *lane, struct lane_feed *feed, Trien__Event **events, size_t count)
{
    struct batch batch = {.lane = lane,
                          .feed = feed,
                          .count = count,
                          .all = row_for_all(lane, feed->name),
                          .events = events};
    struct moves moves;
    enum rc rc = RC_RETRY;

    tx_reset(lane->tx);
    batch.items = ARENA_ARRAY(lane->arena, struct item, count);
    for (size_t i = 0; i < count; i++)
        batch.items[i].event = events[i];
    if (batch.all)
        return apply_all(&batch);
    plan_moves(&batch, 0, count, &moves);
    if (!is_suspect(feed, &moves))
        rc = apply_together(&batch, &moves);
    if (rc != RC_OK && !batch_is_outage(&lane->tx->err))
        rc = apply_one_by_one(&batch);
    if (rc != RC_OK && batch_is_outage(&lane->tx->err))
        return after_outage(&batch);
    return rc;
}
