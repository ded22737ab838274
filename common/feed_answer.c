/* EVENTS frames. Events come packed from the tail, or straight from the database for a reader that
 * is far behind; either way the frame is written once, into the message that is sent. */
#define DB_STATEMENTS_ELSEWHERE
#include <stdlib.h>
#include <string.h>

#include "common/feed.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

#define REFRESH_EVENTS 512
#define REFRESH_BYTES ((int64_t)1024 * 1024)

/* Field numbers of proto/bus.proto. */
enum { ENVELOPE_EVENTS = 2, EVENTS_FETCH_ID = 1, EVENTS_EVENTS = 2, EVENTS_HEADS = 3 };

METRIC_FAMILY(served) = {
    .kind = METRIC_COUNTER,
    .name = "trien_feed_events_served_total",
    .help = "Events sent to consumer groups, by where they were read.",
    .labels = "group,from",
};

/* An answer being put together. */
struct answer {
    const struct packed **events;
    size_t count, room, bytes;
};

static void take(struct answer *answer, const struct packed *event)
{
    answer->events[answer->count++] = event;
    answer->bytes += wire_block_size(EVENTS_EVENTS, event->bytes.n);
}

static bool is_full(const struct answer *answer, const struct session *s)
{
    return answer->count >= s->max_events || answer->bytes >= s->max_bytes;
}

static size_t heads_size(const struct feed *feed, const struct session *s, uint8_t *ret_heads)
{
    uint8_t *at = ret_heads;

    for (size_t i = 0; i < s->count; i++) {
        unsigned p = s->positions[i].partition;
        int64_t head = tail_next(feed->tail, p);
        size_t n = 2 + wire_varint_size(p) + wire_varint_size((uint64_t)head);

        if (head <= s->sent[p])
            continue; /* nothing is left behind this answer */
        at = wire_put_varint(wire_put_block(at, EVENTS_HEADS, n), 1 << 3);
        at = wire_put_varint(at, p);
        at = wire_put_varint(wire_put_varint(at, 2 << 3), (uint64_t)head);
    }
    return (size_t)(at - ret_heads);
}

static void send_answer(struct feed *feed, struct session *s, const struct answer *answer)
{
    uint8_t heads[BUS_PARTITIONS * 24], *at;
    size_t heads_n = heads_size(feed, s, heads);
    size_t inner = 1 + wire_varint_size(s->fetch_id) + answer->bytes + heads_n;
    zmq_msg_t frame;

    if (zmq_msg_init_size(&frame, wire_block_size(ENVELOPE_EVENTS, inner)))
        abort();
    at = wire_put_block(zmq_msg_data(&frame), ENVELOPE_EVENTS, inner);
    at = wire_put_varint(wire_put_varint(at, EVENTS_FETCH_ID << 3), s->fetch_id);
    for (size_t i = 0; i < answer->count; i++) {
        const struct packed *event = answer->events[i];
        at = wire_put_block(at, EVENTS_EVENTS, event->bytes.n);
        at = (uint8_t *)mempcpy(at, event->bytes.p, event->bytes.n);
    }
    memcpy(at, heads, heads_n);
    bus_server_answer(feed->svc->server, &s->route, &frame);
    zmq_msg_close(&frame);
    s->waiting = false;
    s->turn++;
}

/* All that is new after this position and lies in memory. */
static void take_from_tail(const struct feed *feed, struct session *s, size_t at,
                           struct answer *answer)
{
    unsigned p = s->positions[at].partition;
    int64_t offset = s->positions[at].next, next = tail_next(feed->tail, p);

    for (; offset < next && !is_full(answer, s); offset++)
        take(answer, tail_at(feed->tail, p, offset));
    s->sent[p] = offset;
}

static void serve_from_tail(struct feed *feed, struct session *s, struct answer *answer)
{
    for (size_t i = 0; i < s->count && !is_full(answer, s); i++)
        take_from_tail(feed, s, (i + s->turn) % s->count, answer);
    if (!answer->count)
        return;
    metric_add(&served, (double)answer->count, METRIC_LABELS(s->group, "memory"));
    send_answer(feed, s, answer);
}

static size_t behind_positions(const struct feed *feed, const struct session *s,
                               int16_t *partitions, int64_t *offsets)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++) {
        size_t at = (i + s->turn) % s->count;
        unsigned p = s->positions[at].partition;

        if (s->positions[at].next >= tail_next(feed->tail, p))
            continue;
        partitions[n] = (int16_t)p;
        offsets[n++] = s->positions[at].next;
    }
    return n;
}

static void serve_from_database(struct feed *feed, struct session *s, struct answer *answer)
{
    struct tx *tx = feed->tx;
    int16_t partitions[BUS_PARTITIONS];
    int64_t offsets[BUS_PARTITIONS];
    int64_t expected[BUS_PARTITIONS] = {0};
    size_t n = behind_positions(feed, s, partitions, offsets);
    struct db_rows *rows;

    for (size_t i = 0; i < n; i++)
        expected[partitions[i]] = offsets[i];
    if (DB_RUN(tx, outbox_read, &rows, db_int2s(partitions, n), db_int8s(offsets, n),
               db_int4((int32_t)s->max_events), db_int8(s->max_bytes)) != RC_OK)
        return; /* noticed when the connection is looked at */
    for (size_t row = 0; row < db_count(rows) && !is_full(answer, s); row++) {
        struct packed *event = ARENA_NEW(tx->arena, struct packed);

        *event = outbox_pack_row(tx->arena, rows, row);
        if (event->offset != expected[event->partition] ||
            event->offset >= tail_next(feed->tail, event->partition))
            continue; /* the tail will have it: everybody reads that once */
        take(answer, event);
        s->sent[event->partition] = expected[event->partition] = event->offset + 1;
    }
    if (!answer->count)
        return;
    metric_add(&served, (double)answer->count, METRIC_LABELS(s->group, "database"));
    send_answer(feed, s, answer);
}

void feed_serve(struct feed *feed, struct session *s)
{
    struct answer answer = {.room = s->max_events};
    bool news = false, old = false;

    for (size_t i = 0; i < s->count; i++) {
        unsigned p = s->positions[i].partition;
        int64_t next = s->positions[i].next;

        news |= next < tail_next(feed->tail, p);
        old |= next < tail_first(feed->tail, p);
    }
    if (!news)
        return;
    answer.events = ARENA_ARRAY(feed->tx->arena, const struct packed *, answer.room);
    if (old)
        serve_from_database(feed, s, &answer);
    else
        serve_from_tail(feed, s, &answer);
}

static bool learn_heads(struct feed *feed)
{
    struct db_rows *rows;

    if (DB_RUN(feed->tx, outbox_heads, &rows) != RC_OK)
        return false;
    for (size_t i = 0; i < db_count(rows); i++)
        tail_reset(feed->tail, (unsigned)db_get_int(rows, i, 0), db_get_int(rows, i, 1));
    feed->tail_known = true;
    feed->log = db_log(feed->tx->db);
    feed->gaps = 0;
    return true;
}

/* An event that another thread of this process has committed: into the tail where it continues it.
 * Between two threads, or behind another replica's event, it may not: that partition is read. Of a
 * log that is not (or not any more) the one this thread looks at nothing is believed. */
static void take_one(struct feed *feed, struct packed *event)
{
    int64_t next = tail_next(feed->tail, event->partition);
    bool same_log = event->log.server_started == feed->log.server_started &&
                    event->log.database == feed->log.database;

    if (same_log && event->offset == next) {
        tail_take(feed->tail, event);
        return;
    }
    if (!same_log || event->offset > next)
        feed->gaps |= UINT64_C(1) << event->partition;
    event->next = NULL;
    packed_free_all(event);
}

static void take_fresh(struct feed *feed)
{
    bool lost;
    struct packed *event = fresh_take(&feed->svc->fresh, &lost), *next;

    for (; event; event = next) {
        next = event->next;
        take_one(feed, event);
    }
    if (lost)
        feed->gaps = ~UINT64_C(0);
}

/* Those of the partitions somebody waits for at the end of what is in memory. */
static size_t wanted(struct feed *feed, uint64_t among, int16_t *partitions, int64_t *offsets)
{
    uint64_t mask = 0;
    size_t n = 0;

    for (size_t i = 0; i < FEED_MAX_SESSIONS; i++) {
        const struct session *s = &feed->sessions[i];

        for (size_t k = 0; s->waiting && k < s->count; k++) {
            if (s->positions[k].next >= tail_next(feed->tail, s->positions[k].partition))
                mask |= UINT64_C(1) << s->positions[k].partition;
        }
    }
    feed->turn++; /* another one is first each time: a busy partition starves nobody */
    for (unsigned i = 0; i < BUS_PARTITIONS; i++) {
        unsigned p = (i + feed->turn) % BUS_PARTITIONS;

        if (!((mask & among) >> p & 1))
            continue;
        partitions[n] = (int16_t)p;
        offsets[n++] = tail_next(feed->tail, p);
    }
    return n;
}

/* Keeps of the wanted partitions those that have something new. */
static bool keep_news(struct feed *feed, int16_t *partitions, int64_t *offsets, size_t *count)
{
    struct db_rows *rows;

    if (*count && DB_RUN(feed->tx, outbox_news, &rows, db_int2s(partitions, *count),
                         db_int8s(offsets, *count)) != RC_OK)
        return false;
    *count = *count ? db_count(rows) : 0;
    for (size_t i = 0; i < *count; i++) {
        partitions[i] = (int16_t)db_get_int(rows, i, 0);
        offsets[i] = tail_next(feed->tail, (unsigned)partitions[i]);
    }
    return true;
}

/* Reads of these partitions what is behind the tail into it. */
static bool read_log(struct feed *feed, const int16_t *partitions, const int64_t *offsets, size_t n)
{
    struct tx *tx = feed->tx;
    int64_t bytes = 0;
    struct db_rows *rows;

    if (DB_RUN(tx, outbox_read, &rows, db_int2s(partitions, n), db_int8s(offsets, n),
               db_int4(REFRESH_EVENTS), db_int8(REFRESH_BYTES)) != RC_OK)
        return false;
    for (size_t row = 0; row < db_count(rows); row++) {
        struct packed event = outbox_pack_row(tx->arena, rows, row);

        bytes += (int64_t)db_get_bytes(rows, row, 7).n + 256;
        if (event.offset == tail_next(feed->tail, event.partition))
            tail_add(feed->tail, &event);
    }
    feed->more = db_count(rows) >= REFRESH_EVENTS || bytes + 256 > REFRESH_BYTES;
    return true;
}

bool feed_refresh(struct feed *feed, bool look)
{
    int16_t partitions[BUS_PARTITIONS];
    int64_t offsets[BUS_PARTITIONS];
    uint64_t asked = 0;
    size_t n;

    tx_reset(feed->tx);
    feed->more = false;
    if (!feed->tail_known && !learn_heads(feed))
        return false;
    take_fresh(feed);
    n = wanted(feed, look ? ~UINT64_C(0) : feed->gaps, partitions, offsets);
    for (size_t i = 0; i < n; i++)
        asked |= UINT64_C(1) << partitions[i];
    if (!keep_news(feed, partitions, offsets, &n))
        return false;
    feed->gaps &= ~asked;
    return !n || read_log(feed, partitions, offsets, n);
}

static void send_message(struct feed *feed, struct session *s, Trien__Events *events)
{
    Trien__Envelope envelope = TRIEN__ENVELOPE__INIT;

    envelope.body_case = TRIEN__ENVELOPE__BODY_EVENTS;
    envelope.events = events;
    events->fetch_id = s->fetch_id;
    bus_server_answer_bytes(feed->svc->server, &s->route, wire_pack(feed->tx->arena, &envelope));
    s->waiting = false;
}

void feed_answer_empty(struct feed *feed, struct session *s, const struct err *err)
{
    Trien__Events events = TRIEN__EVENTS__INIT;

    if (err) {
        events.has_error = true;
        events.error = err->code ? err->code : TRIEN__ERROR__DATABASE_UNAVAILABLE;
    }
    send_message(feed, s, &events);
}

void feed_answer_diverged(struct feed *feed, struct session *s, Trien__Divergence **divergences,
                          size_t count)
{
    Trien__Events events = TRIEN__EVENTS__INIT;

    events.divergences = divergences;
    events.n_divergences = count;
    send_message(feed, s, &events);
}
