/* Leases: session advisory locks of the lane's own connection, so that they end with it. Members
 * are counted by a lock of their own; the share is fair to within one partition. A member whose
 * process hangs (it holds leases but its session has not spoken for seconds) is ended. The cursors'
 * compare-and-set is the fence: a lease is only a promise not to disturb. */
#define DB_STATEMENTS_ELSEWHERE
#include <string.h>

#include "common/lane.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

#define HUNG_AFTER_MS 4000
#define LOOK_FOR_HUNG (USEC_PER_SECOND)

METRIC_FAMILY(moves) = {
    .kind = METRIC_COUNTER,
    .name = "trien_lease_moves_total",
    .help = "Partitions taken, given back, or lost with the connection.",
    .labels = "how",
};

static void note_moves(const struct lane *lane, const char *how, uint64_t partitions)
{
    int n = __builtin_popcountll(partitions);

    if (!n)
        return;
    metric_add(&moves, n, METRIC_LABELS(how));
    log_event(LOG_INFO, "leases", LOG_TEXT("how", how), LOG_INT("partitions", n),
              LOG_INT("lane", lane->number),
              LOG_INT("held", __builtin_popcountll(atomic_load(&lane->held))));
}

/* What is known of partitions that are not ours any more. */
static void drop_partitions(struct lane *lane, uint64_t partitions, const char *how)
{
    atomic_fetch_and(&lane->held, ~partitions);
    letters_forget(&lane->letters, partitions);
    for (size_t f = 0; f < lane->feed_count; f++)
        fetch_again(&lane->feeds[f]);
    note_moves(lane, how, partitions);
}

void lease_forget(struct lane *lane)
{
    lane->joined = false;
    lane->lease_due = 0;
    drop_partitions(lane, atomic_load(&lane->held), "lost");
}

static size_t list(uint64_t mask, size_t at_most, int16_t *out)
{
    size_t n = 0;

    for (unsigned p = 0; p < BUS_PARTITIONS && n < at_most; p++) {
        if (mask >> p & 1)
            out[n++] = (int16_t)p;
    }
    return n;
}

static uint64_t mask_of_rows(const struct db_rows *rows)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < db_count(rows); i++)
        mask |= UINT64_C(1) << db_get_int(rows, i, 0);
    return mask;
}

static void set_cursor(struct lane *lane, const struct db_rows *rows, size_t row)
{
    const char *feed = db_get_text(rows, row, 0);
    unsigned p = (unsigned)db_get_int(rows, row, 1);

    for (size_t f = 0; f < lane->feed_count; f++) {
        struct cursor *c = &lane->feeds[f].cursors[p];

        if (strcmp(lane->feeds[f].name, feed))
            continue;
        *c = (struct cursor){.next = db_get_int(rows, row, 2),
                             .asked = db_get_int(rows, row, 2),
                             .attempts = (int32_t)db_get_int(rows, row, 4),
                             .fresh = true};
        if (!db_is_null(rows, row, 3))
            memcpy(c->last_id, db_get_uuid(rows, row, 3), 16);
        memcpy(c->asked_id, c->last_id, 16);
    }
}

enum rc lease_load_cursors(struct lane *lane, uint64_t partitions)
{
    const char *feeds[LANE_MAX_FEEDS];
    int16_t ids[BUS_PARTITIONS];
    size_t n = list(partitions, BUS_PARTITIONS, ids);
    struct db_rows *rows;

    for (size_t f = 0; f < lane->feed_count; f++)
        feeds[f] = lane->feeds[f].name;
    TRY(DB_RUN(lane->tx, cursor_load, &rows, db_texts(feeds, lane->feed_count), db_int2s(ids, n)));
    for (size_t i = 0; i < db_count(rows); i++)
        set_cursor(lane, rows, i);
    for (size_t f = 0; f < lane->feed_count; f++)
        fetch_again(&lane->feeds[f]);
    return RC_OK;
}

static enum rc join(struct lane *lane)
{
    struct db_rows *rows;

    if (lane->joined)
        return RC_OK;
    TRY(DB_RUN(lane->tx, lease_join, &rows));
    lane->joined = db_count(rows) == 1 && db_get_bool(rows, 0, 0);
    return RC_OK;
}

static enum rc end_hung(struct lane *lane)
{
    usec now = clock_monotonic();
    struct db_rows *rows;

    if (now < lane->hung_due)
        return RC_OK;
    lane->hung_due = now + LOOK_FOR_HUNG;
    TRY(DB_RUN(lane->tx, lease_end_hung, &rows, db_int8(HUNG_AFTER_MS)));
    for (size_t i = 0; i < db_count(rows); i++)
        log_event(LOG_WARNING, "hung_member_ended", LOG_INT("backend", db_get_int(rows, i, 0)));
    return RC_OK;
}

/* Begins to work partitions whose locks we hold. */
static enum rc adopt(struct lane *lane, uint64_t partitions)
{
    if (!partitions)
        return RC_OK;
    TRY(lease_load_cursors(lane, partitions));
    TRY(letters_load(lane, partitions));
    atomic_fetch_or(&lane->held, partitions);
    note_moves(lane, "taken", partitions);
    effects_look_now(lane);
    return RC_OK;
}

static enum rc take(struct lane *lane, uint64_t unowned, size_t wanted)
{
    int16_t ids[BUS_PARTITIONS];
    size_t n = list(unowned, wanted, ids);
    struct db_rows *rows;

    /* Only ids nobody owns: an owned one would be taken twice and never be free again. */
    TRY(DB_RUN(lane->tx, lease_take, &rows, db_int2s(ids, n)));
    return adopt(lane, mask_of_rows(rows));
}

/* Those without an effect in the air first: theirs would be done twice. */
static uint64_t choose_to_give(const struct lane *lane, uint64_t mine, size_t count)
{
    uint64_t chosen = 0;

    for (unsigned p = BUS_PARTITIONS; p-- > 0 && count;) {
        if ((mine >> p & 1) && !lane->effects.busy[p]) {
            chosen |= UINT64_C(1) << p;
            count--;
        }
    }
    return chosen;
}

static enum rc give(struct lane *lane, uint64_t mine, size_t count)
{
    uint64_t chosen = choose_to_give(lane, mine, count);
    int16_t ids[BUS_PARTITIONS];
    size_t n = list(chosen, BUS_PARTITIONS, ids);
    struct db_rows *rows;

    if (!n)
        return RC_OK; /* busy everywhere: next time */
    drop_partitions(lane, chosen, "given");
    return DB_RUN(lane->tx, lease_give, &rows, db_int2s(ids, n));
}

/* An equal share; the first members by rank have one more where it does not come out even. */
static size_t fair_share(size_t members, size_t rank)
{
    if (!members)
        return BUS_PARTITIONS;
    return BUS_PARTITIONS / members + (rank < BUS_PARTITIONS % members);
}

enum rc lease_turn(struct lane *lane)
{
    struct db_rows *rows;
    uint64_t mine, unowned, known;
    size_t members, fair, have;

    tx_reset(lane->tx);
    TRY(join(lane));
    TRY(DB_RUN(lane->tx, lease_look, &rows));
    members = (size_t)db_get_int(rows, 0, 0);
    fair = fair_share(members, (size_t)db_get_int(rows, 0, 1));
    mine = (uint64_t)db_get_int(rows, 0, 2);
    unowned = (uint64_t)db_get_int(rows, 0, 3);
    if (members > 1)
        TRY(end_hung(lane));
    /* The table of locks is the truth about what is ours. */
    known = atomic_load(&lane->held);
    if (known & ~mine)
        drop_partitions(lane, known & ~mine, "lost");
    TRY(adopt(lane, mine & ~known));
    have = (size_t)__builtin_popcountll(mine);
    if (have > fair)
        return give(lane, mine, have - fair);
    if (have < fair && unowned)
        return take(lane, unowned, fair - have);
    return RC_OK;
}
