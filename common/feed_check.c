/* Who may read, and whether reader and log tell the same story. A publisher that was restored to an
 * earlier moment has other ids at the offsets its consumers know; that partition is answered with a
 * divergence, never with events. */
#define DB_STATEMENTS_ELSEWHERE
#include <string.h>

#include "common/feed.h"
#include "gen/common/frame.inc"

bool feed_may_read(const struct feed *feed, const char *principal, const char *group)
{
    size_t n = strlen(principal);

    /* A principal reads as itself or as a part of itself: nobody moves another's group. */
    if (strncmp(group, principal, n) || (group[n] && group[n] != '/'))
        return false;
    for (const char *const *r = feed->svc->service->feed_readers; r && *r; r++) {
        if (!strcmp(*r, principal))
            return true;
    }
    return false;
}

/* Row of outbox_history: partition, head, first offset kept, id before the asked offset. */
static const char *disagreement(const struct db_rows *rows, size_t row, int64_t next,
                                const uint8_t *last_id)
{
    int64_t head = db_get_int(rows, row, 1), first = db_get_int(rows, row, 2);

    if (next > head)
        return "the log ends before this offset: it was restored to an earlier moment";
    if (next < first)
        return "the log begins after this offset: the events are not kept any more";
    if (next == 1 || next == first)
        return NULL; /* nothing before it to compare with */
    if (!last_id)
        return "no id was given for the event before this offset";
    if (db_is_null(rows, row, 3) || memcmp(db_get_uuid(rows, row, 3), last_id, 16))
        return "the event before this offset has another id: the histories differ";
    return NULL;
}

static Trien__Divergence *diverged(struct arena *arena, const struct db_rows *rows, size_t row,
                                   const char *why)
{
    Trien__Divergence *d = ARENA_NEW(arena, Trien__Divergence);

    trien__divergence__init(d);
    d->partition = (uint32_t)db_get_int(rows, row, 0);
    d->head_offset = db_get_int(rows, row, 1);
    d->first_offset = db_get_int(rows, row, 2);
    d->why = (char *)why;
    return d;
}

static void agree(struct feed *feed, struct session *s, size_t at)
{
    unsigned p = s->positions[at].partition;

    s->sent[p] = s->positions[at].next;
    /* What nobody needs any more is not read into memory. */
    if (s->positions[at].next > tail_next(feed->tail, p))
        tail_reset(feed->tail, p, s->positions[at].next);
}

bool feed_check(struct feed *feed, struct session *s)
{
    struct tx *tx = feed->tx;
    int16_t partitions[BUS_PARTITIONS];
    int64_t offsets[BUS_PARTITIONS];
    Trien__Divergence *found[BUS_PARTITIONS];
    size_t found_count = 0;
    struct db_rows *rows;

    for (size_t i = 0; i < s->count; i++) {
        partitions[i] = s->positions[i].partition;
        offsets[i] = s->positions[i].next;
    }
    if (DB_RUN(tx, outbox_history, &rows, db_int2s(partitions, s->count),
               db_int8s(offsets, s->count)) != RC_OK)
        return false;
    for (size_t row = 0; row < db_count(rows); row++) {
        for (size_t i = 0; i < s->count; i++) {
            const char *why;

            if (s->positions[i].partition != db_get_int(rows, row, 0))
                continue;
            why = disagreement(rows, row, s->positions[i].next,
                               s->positions[i].has_id ? s->positions[i].last_id : NULL);
            if (why)
                found[found_count++] = diverged(tx->arena, rows, row, why);
            else
                agree(feed, s, i);
        }
    }
    s->unsure = found_count > 0;
    if (found_count)
        feed_answer_diverged(feed, s, found, found_count);
    return true;
}
