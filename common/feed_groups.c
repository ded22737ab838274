/* How far each consumer group has come: told in its fetches, kept in memory, written every two
 * seconds. Retention and the lag metric look at the table. */
#define DB_STATEMENTS_ELSEWHERE
#include <string.h>

#include "common/feed.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

#define SAVE_EVERY (2 * USEC_PER_SECOND)
#define SEEN_EVERY (60 * USEC_PER_SECOND)
#define MEASURE_EVERY (10 * USEC_PER_SECOND)

METRIC_FAMILY(lag) = {
    .kind = METRIC_GAUGE,
    .name = "trien_feed_group_lag_events",
    .help = "Events of this service a consumer group has not committed yet.",
    .labels = "group",
    .stale_after_s = 60,
};

static struct group *find_group(struct feed *feed, const char *name)
{
    for (size_t i = 0; i < feed->group_count; i++) {
        if (!strcmp(feed->groups[i].name, name))
            return &feed->groups[i];
    }
    if (feed->group_count == FEED_MAX_GROUPS)
        return NULL;
    snprintf(feed->groups[feed->group_count].name, sizeof(feed->groups[0].name), "%s", name);
    return &feed->groups[feed->group_count++];
}

void feed_group_heard(struct feed *feed, const char *name, const Trien__Fetch *fetch, usec now)
{
    struct group *group = find_group(feed, name);
    bool refresh;

    if (!group)
        return;
    refresh = now - group->seen > SEEN_EVERY;
    for (size_t i = 0; i < fetch->n_positions; i++) {
        unsigned p = fetch->positions[i]->partition;

        if (fetch->positions[i]->committed_offset > group->committed[p])
            group->committed[p] = fetch->positions[i]->committed_offset;
        else if (!refresh)
            continue;
        group->dirty |= UINT64_C(1) << p;
    }
    if (refresh)
        group->seen = now;
}

static enum rc save_group(struct tx *tx, struct group *group)
{
    const char *names[BUS_PARTITIONS];
    int16_t partitions[BUS_PARTITIONS];
    int64_t committed[BUS_PARTITIONS];
    size_t n = 0;

    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (!(group->dirty >> p & 1))
            continue;
        names[n] = group->name;
        partitions[n] = (int16_t)p;
        committed[n++] = group->committed[p];
    }
    TRY(DB_RUN(tx, feed_group_seen, NULL, db_texts(names, n), db_int2s(partitions, n),
               db_int8s(committed, n), db_time(clock_now())));
    group->dirty = 0;
    return RC_OK;
}

static enum rc measure(struct tx *tx)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, feed_group_lag, &rows));
    for (size_t i = 0; i < db_count(rows); i++)
        metric_set(&lag, (double)db_get_int(rows, i, 1), METRIC_LABELS(db_get_text(rows, i, 0)));
    return RC_OK;
}

void feed_groups_save(struct feed *feed, usec now)
{
    if (now - feed->groups_saved < SAVE_EVERY || !feed_connected(feed))
        return;
    feed->groups_saved = now;
    tx_reset(feed->tx);
    for (size_t i = 0; i < feed->group_count; i++) {
        if (feed->groups[i].dirty && save_group(feed->tx, &feed->groups[i]) != RC_OK)
            return;
    }
    if (now - feed->lag_measured < MEASURE_EVERY)
        return;
    feed->lag_measured = now;
    if (measure(feed->tx) != RC_OK)
        svc_waits(feed->svc, "database", &feed->tx->err);
}

bool feed_groups_expect(struct feed *feed)
{
    const char *const *readers = feed->svc->service->feed_readers;
    size_t n = 0;

    while (readers && readers[n])
        n++;
    return n == 0 || DB_RUN(feed->tx, feed_group_expect, NULL, db_texts(readers, n),
                            db_time(clock_now())) == RC_OK;
}
