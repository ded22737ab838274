/* How true a copy is: for each partition, the last moment at which everything the publisher had was
 * applied here. Written once a second, and only by services that answer from their copies. */
#define DB_STATEMENTS_ELSEWHERE
#include "common/lane.h"

#include "gen/common/frame.inc"

#define UNHEARD_WAIT_MS 200 /* an empty answer tells that a partition is at its end */

void heard_note(const struct lane *lane, struct lane_feed *feed, usec wall)
{
    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        struct cursor *c = &feed->cursors[p];

        if (!lane_holds(lane, p) || c->stopped_until || !c->head || c->next < c->head)
            continue;
        c->heard_at = wall;
        feed->heard |= UINT64_C(1) << p;
    }
}

uint32_t heard_wait_ms(const struct lane *lane, struct lane_feed *feed)
{
    uint64_t held = atomic_load(&lane->held);
    int64_t wait_ms = lane->svc->database.fetch_wait_ms;

    feed->heard &= held;
    if (lane->svc->service->notes_hearing && feed->heard != held && wait_ms > UNHEARD_WAIT_MS)
        wait_ms = UNHEARD_WAIT_MS;
    return (uint32_t)wait_ms;
}

static enum rc write_feed(struct lane *lane, struct lane_feed *feed)
{
    int16_t partitions[BUS_PARTITIONS];
    usec times[BUS_PARTITIONS];
    struct db_rows *rows;
    size_t n = 0;

    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (!lane_holds(lane, p) || !feed->cursors[p].heard_at)
            continue;
        partitions[n] = (int16_t)p;
        times[n++] = feed->cursors[p].heard_at;
        feed->cursors[p].heard_at = 0;
    }
    if (!n)
        return RC_OK;
    tx_reset(lane->tx);
    return DB_RUN(lane->tx, cursor_heard, &rows, db_text(feed->name), db_int2s(partitions, n),
                  db_times(times, n));
}

enum rc heard_turn(struct lane *lane)
{
    if (lane->svc->service->notes_hearing)
        for (size_t f = 0; f < lane->feed_count; f++)
            TRY(write_feed(lane, &lane->feeds[f]));
    return RC_OK;
}
