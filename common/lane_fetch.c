/* Pulling: one FETCH out per feed, its answer checked against what was asked. The next fetch goes
 * out before the batch is applied. Refused with an alarm: events that do not continue the cursor
 * without a gap, histories that differ; that partition is asked again later, never guessed. */
#include "common/lane.h"

#include <string.h>

#include "common/log.h"
#include "common/metrics.h"

#define ANSWER_GRACE (3 * USEC_PER_SECOND)
#define STOPPED_FOR (10 * USEC_PER_SECOND)
#define COMPANY_WAIT (10 * USEC_PER_MS) /* events wait as long after a small batch, ... */
#define COMPANY 32                      /* ... when at least as many are to be expected */
#define TELL_AFTER (500 * USEC_PER_MS)
#define MISSED_AFTER (2 * USEC_PER_SECOND)

METRIC_FAMILY(refused) = {
    .kind = METRIC_COUNTER,
    .name = "trien_consumer_answers_refused_total",
    .help = "Answers to fetches that were not believed.",
    .labels = "feed,why",
};
METRIC_FAMILY(stopped) = {
    .kind = METRIC_GAUGE,
    .name = "trien_consumer_partition_stopped",
    .help = "1 while a partition of a feed stands still because histories differ.",
    .labels = "feed,partition",
};

enum rc fetch_open(struct lane *lane, struct err *err)
{
    TRY(identity_new(&lane->svc->keys, err, &lane->identity));
    for (size_t f = 0; f < lane->feed_count; f++) {
        struct lane_feed *feed = &lane->feeds[f];
        const char *addresses = svc_peer_addresses(lane->svc, feed->name);

        CHECK(addresses, err, TRIEN__ERROR__CONFIG_INVALID, "no address for peer %s", feed->name);
        feed->link = link_new(lane->identity, feed->name, addresses);
    }
    return RC_OK;
}

void fetch_close(struct lane *lane)
{
    for (size_t f = 0; f < lane->feed_count; f++)
        link_free(&lane->feeds[f].link);
    identity_free(&lane->identity);
}

void fetch_again(struct lane_feed *feed)
{
    feed->asked = false;
    feed->fetch_id++; /* an answer to the old one is not for us any more */
    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        feed->cursors[p].asked = feed->cursors[p].next;
        memcpy(feed->cursors[p].asked_id, feed->cursors[p].last_id, 16);
    }
}

/* --- out ------------------------------------------------------------------------------------- */

static void fill_position(const struct cursor *c, unsigned p, Trien__FetchPosition *out)
{
    trien__fetch_position__init(out);
    out->partition = p;
    out->next_offset = c->asked;
    out->committed_offset = c->next;
    out->has_last_id = c->asked > 1;
    out->last_id = (ProtobufCBinaryData){16, (uint8_t *)c->asked_id};
}

static size_t fill_positions(const struct lane *lane, struct lane_feed *feed, usec now,
                             Trien__FetchPosition *room, Trien__FetchPosition **out)
{
    size_t n = 0;

    feed->retried = 0;
    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (!lane_holds(lane, p) || feed->cursors[p].stopped_until > now)
            continue;
        if (feed->cursors[p].stopped_until)
            feed->retried |= UINT64_C(1) << p;
        fill_position(&feed->cursors[p], p, &room[n]);
        out[n] = &room[n];
        n++;
    }
    return n;
}

void fetch_send(struct lane *lane, struct lane_feed *feed, usec now)
{
    Trien__FetchPosition room[BUS_PARTITIONS], *positions[BUS_PARTITIONS];
    Trien__Fetch fetch = TRIEN__FETCH__INIT;
    uint8_t buffer[BUS_PARTITIONS * 80 + 256], *at;
    size_t n;

    fetch.n_positions = fill_positions(lane, feed, now, room, positions);
    if (!fetch.n_positions)
        return;
    fetch.fetch_id = ++feed->fetch_id;
    fetch.group = (char *)lane->svc->service->name;
    fetch.positions = positions;
    fetch.max_events = (uint32_t)lane->svc->database.batch_events;
    fetch.max_bytes = (uint32_t)lane->svc->database.batch_bytes;
    fetch.wait_ms = heard_wait_ms(lane, feed);
    n = trien__fetch__get_packed_size(&fetch);
    at = wire_put_block(buffer, 1, n);
    trien__fetch__pack(&fetch, at);
    feed->asked = link_send(feed->link, bytes_of(buffer, (size_t)(at - buffer) + n));
    feed->answer_by = now + lane->svc->database.fetch_wait_ms * USEC_PER_MS + ANSWER_GRACE;
    feed->tell_at = LANE_NEVER;
}

/* A publisher that is away for longer than a restart takes is told to people. */
static void note_absence(struct lane *lane, struct lane_feed *feed, usec now)
{
    struct err err = {0};
    enum rc rc;

    if (link_ready(feed->link))
        feed->missed_since = 0;
    else if (!feed->missed_since)
        feed->missed_since = now;
    if (!feed->missed_since || now - feed->missed_since < MISSED_AFTER)
        return;
    rc = err_set(&err, TRIEN__ERROR__PEER_UNAVAILABLE, __FILE__, __LINE__, "no connection");
    (void)rc;
    svc_misses(lane->svc, feed->name, &err);
}

static void look_after(struct lane *lane, struct lane_feed *feed, usec now)
{
    switch (link_turn(feed->link, now)) {
    case LINK_READY:
        svc_waits(lane->svc, feed->name, NULL);
        fetch_again(feed);
        break;
    case LINK_LOST:
        fetch_again(feed);
        break;
    case LINK_QUIET:
        break;
    }
    if (feed->asked && now >= feed->answer_by) {
        log_event(LOG_WARNING, "feed_silent", LOG_TEXT("feed", feed->name));
        link_drop(feed->link, now);
        fetch_again(feed);
    }
    note_absence(lane, feed, now);
    if (!feed->asked && now >= feed->ask_at && link_ready(feed->link) &&
        !effects_crowded(&lane->effects, now))
        fetch_send(lane, feed, now);
    if (feed->asked && now >= feed->tell_at)
        fetch_send(lane, feed, now); /* instead of the one that waits */
}

void fetch_turn(struct lane *lane, usec now)
{
    for (size_t f = 0; f < lane->feed_count; f++)
        look_after(lane, &lane->feeds[f], now);
}

usec fetch_due(struct lane *lane)
{
    bool crowded = effects_crowded(&lane->effects, clock_monotonic());
    usec due = LANE_NEVER;

    for (size_t f = 0; f < lane->feed_count; f++) {
        const struct lane_feed *feed = &lane->feeds[f];
        usec at = link_due(feed->link);

        if (feed->asked && feed->answer_by < at)
            at = feed->answer_by;
        if (!feed->asked && link_ready(feed->link) && atomic_load(&lane->held) &&
            feed->ask_at < at && !crowded)
            at = feed->ask_at;
        if (feed->asked && feed->tell_at < at)
            at = feed->tell_at;
        due = at < due ? at : due;
    }
    return due;
}

/* --- in -------------------------------------------------------------------------------------- */

static void wait_before_asking(struct lane_feed *feed)
{
    feed->ask_at = clock_monotonic() + svc_backoff_ms(++feed->failures, 50, 5000) * USEC_PER_MS;
}

static void refuse_answer(struct lane_feed *feed, const char *why, const char *detail)
{
    metric_add(&refused, 1, METRIC_LABELS(feed->name, why));
    log_event(LOG_ERROR, "answer_refused", LOG_TEXT("feed", feed->name), LOG_TEXT("why", why),
              LOG_TEXT("detail", detail));
    fetch_again(feed);
    wait_before_asking(feed);
}

static void stop_partition(struct lane *lane, struct lane_feed *feed, const Trien__Divergence *d,
                           usec now)
{
    struct cursor *c = &feed->cursors[d->partition];
    char number[16];

    snprintf(number, sizeof(number), "%u", d->partition);
    if (!c->stopped_until)
        atomic_fetch_add(&lane->stopped, 1);
    c->stopped_until = now + STOPPED_FOR;
    feed->retried &= ~(UINT64_C(1) << d->partition);
    metric_set(&stopped, 1, METRIC_LABELS(feed->name, number));
    log_event(LOG_ERROR, "histories_differ", LOG_TEXT("feed", feed->name),
              LOG_INT("partition", d->partition), LOG_INT("cursor", c->next),
              LOG_INT("head", d->head_offset), LOG_INT("first", d->first_offset),
              LOG_TEXT("why", d->why));
}

/* Histories agree again, or events of a stopped partition have come: it goes on. */
static void go_on(struct lane *lane, struct lane_feed *feed, unsigned p)
{
    char number[16];

    if (!feed->cursors[p].stopped_until)
        return;
    snprintf(number, sizeof(number), "%u", p);
    feed->cursors[p].stopped_until = 0;
    atomic_fetch_sub(&lane->stopped, 1);
    metric_set(&stopped, 0, METRIC_LABELS(feed->name, number));
    log_event(LOG_NOTICE, "histories_agree", LOG_TEXT("feed", feed->name), LOG_INT("partition", p));
}

/* A partition whose head is not named has nothing left behind this answer. */
static void note_heads(const struct lane *lane, struct lane_feed *feed, const Trien__Events *events)
{
    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (lane_holds(lane, p))
            feed->cursors[p].head = feed->cursors[p].asked;
    }
    for (size_t i = 0; i < events->n_heads; i++)
        feed->cursors[events->heads[i]->partition].head = events->heads[i]->next_offset;
}

/* Moves `asked` along the events; false when they do not continue it. */
static bool follow(struct lane *lane, struct lane_feed *feed, const Trien__Events *events)
{
    for (size_t i = 0; i < events->n_events; i++) {
        const Trien__Event *event = events->events[i];
        struct cursor *c = &feed->cursors[event->partition];

        if (!lane_holds(lane, event->partition) || event->offset != c->asked)
            return false;
        c->asked++;
        memcpy(c->asked_id, event->id.data, 16);
        go_on(lane, feed, event->partition);
    }
    note_heads(lane, feed, events);
    return true;
}

/* How long the next events wait for company: small batches cost as much as large ones, and take the
 * time from those who write. Where events are rare nobody waits. */
static usec company_wait(const struct lane *lane, struct lane_feed *feed, size_t events, usec now)
{
    usec since = now - feed->answered_at;

    feed->answered_at = now;
    if (lane->svc->service->linger_ms)
        return lane->svc->service->linger_ms * USEC_PER_MS;
    return (usec)events * COMPANY_WAIT >= COMPANY * since ? COMPANY_WAIT : 0;
}

/* The next fetch travels while this batch is applied when events were left behind; else it waits
 * until they are worth one. */
static void plan_next(struct lane *lane, struct lane_feed *feed, const Trien__Events *events,
                      usec now)
{
    usec wait = company_wait(lane, feed, events->n_events, now);
    bool more = events->n_heads > 0;

    feed->ask_at = more ? now : now + wait;
    if (more && !effects_crowded(&lane->effects, now))
        fetch_send(lane, feed, now);
}

static void on_events(struct lane *lane, struct lane_feed *feed, const Trien__Events *events)
{
    usec now = clock_monotonic(), wall = clock_now();
    struct err err = {0};

    feed->asked = false;
    if (events->has_error) {
        enum rc rc = err_set(&err, events->error, __FILE__, __LINE__, "the feed refuses");
        (void)rc;
        svc_waits(lane->svc, feed->name, &err);
        fetch_again(feed);
        wait_before_asking(feed);
        return;
    }
    for (size_t i = 0; i < events->n_divergences; i++)
        stop_partition(lane, feed, events->divergences[i], now);
    for (unsigned p = 0; p < BUS_PARTITIONS; p++)
        if (feed->retried & UINT64_C(1) << p)
            go_on(lane, feed, p);
    if (!follow(lane, feed, events)) {
        refuse_answer(feed, "gap", "events do not continue the cursor");
        return;
    }
    svc_waits(lane->svc, feed->name, NULL);
    feed->failures = 0;
    plan_next(lane, feed, events, now);
    if (events->n_events && batch_apply(lane, feed, events->events, events->n_events) != RC_OK)
        fetch_again(feed);
    else if (events->n_events)
        feed->tell_at = now + TELL_AFTER; /* what the prefetch could not say: it is committed */
    heard_note(lane, feed, wall);
}

static void receive_one(struct lane *lane, struct lane_feed *feed)
{
    const Trien__Events *events;
    struct err err = {0};
    zmq_msg_t frame;
    enum rc rc;

    if (!link_receive(feed->link, &frame))
        return;
    arena_reset(lane->arena);
    rc = wire_unpack_events(lane->arena, bytes_of(zmq_msg_data(&frame), zmq_msg_size(&frame)), &err,
                            &events);
    zmq_msg_close(&frame);
    if (rc != RC_OK)
        refuse_answer(feed, "malformed", err.detail);
    else if (feed->asked && events->fetch_id == feed->fetch_id)
        on_events(lane, feed, events);
}

void fetch_receive(struct lane *lane)
{
    for (size_t f = 0; f < lane->feed_count; f++)
        receive_one(lane, &lane->feeds[f]);
}
