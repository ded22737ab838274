/* The thread that answers FETCH: long polls over the event log. Commits of this process poke it;
 * those of other replicas are found by a look every few milliseconds, only while a fetch waits. It
 * has one connection and runs single statements that commit by themselves. It never blocks the
 * bus server, and never answers a group that may not read. */
#include "common/feed.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define TAIL_BYTES ((size_t)2 * 1024 * 1024)
#define JOBS_WAITING 1024
#define SESSION_IDLE (120 * USEC_PER_SECOND)
#define HOUSEKEEPING_MS 1000

/* --- connection ------------------------------------------------------------------------------ */

static void forget_the_log(struct feed *feed)
{
    feed->tail_known = false;
    for (size_t i = 0; i < FEED_MAX_SESSIONS; i++) {
        feed->sessions[i].unsure = true;
        memset(feed->sessions[i].sent, 0, sizeof(feed->sessions[i].sent));
    }
}

bool feed_connected(struct feed *feed)
{
    struct tx *tx = feed->tx;

    if (tx->db && feed->svc->tx_ops->alive(tx->db))
        return true;
    forget_the_log(feed);
    if (tx_begin(tx, clock_now(), "", "", NULL) != RC_OK)
        return false;
    tx_rollback(tx); /* nothing was begun: from here each statement is a transaction */
    return feed_groups_expect(feed);
}

/* --- sessions -------------------------------------------------------------------------------- */

static struct session *find_session(struct feed *feed, const struct route *route)
{
    struct session *free_one = NULL, *idle = NULL;

    for (size_t i = 0; i < FEED_MAX_SESSIONS; i++) {
        struct session *s = &feed->sessions[i];

        if (s->used && !memcmp(&s->route, route, sizeof(*route)))
            return s;
        if (!s->used && !free_one)
            free_one = s;
        if (s->used && (!idle || s->heard < idle->heard))
            idle = s;
    }
    if (!free_one)
        free_one = idle; /* the one that was silent longest */
    *free_one = (struct session){.route = *route, .used = true, .unsure = true};
    return free_one;
}

static void take_positions(struct session *s, const Trien__Fetch *fetch)
{
    s->count = fetch->n_positions;
    for (size_t i = 0; i < s->count; i++) {
        const Trien__FetchPosition *from = fetch->positions[i];

        s->positions[i].partition = (uint8_t)from->partition;
        s->positions[i].next = from->next_offset;
        s->positions[i].has_id = from->has_last_id;
        if (from->has_last_id)
            memcpy(s->positions[i].last_id, from->last_id.data, 16);
        /* What follows our own answer needs no proof. */
        if (s->sent[from->partition] != from->next_offset)
            s->unsure = true;
    }
}

static uint32_t at_most(uint32_t asked, uint32_t limit)
{
    return asked < limit ? asked : limit;
}

static void accept_fetch(struct feed *feed, const struct job *job, const Trien__Fetch *fetch)
{
    struct session *s = find_session(feed, &job->route);
    usec now = clock_monotonic();

    snprintf(s->group, sizeof(s->group), "%s", fetch->group);
    s->fetch_id = fetch->fetch_id; /* a new fetch supersedes the one that waits */
    s->waiting = true;
    s->heard = now;
    s->max_events = at_most(fetch->max_events, WIRE_MAX_EVENTS);
    s->max_bytes = at_most(fetch->max_bytes, 4 * 1024 * 1024);
    s->until = now + at_most(fetch->wait_ms, WIRE_MAX_WAIT_MS) * USEC_PER_MS;
    take_positions(s, fetch);
    feed_group_heard(feed, s->group, fetch, now);
}

static void refuse_fetch(struct feed *feed, const struct job *job, uint64_t fetch_id)
{
    struct session stranger = {.route = job->route, .fetch_id = fetch_id};
    struct err err = {0};
    enum rc rc = err_set(&err, TRIEN__ERROR__FORBIDDEN, __FILE__, __LINE__,
                         "%s may not read this feed", job->principal);

    (void)rc;
    log_event(LOG_WARNING, "fetch_refused", LOG_TEXT("principal", job->principal));
    feed_answer_empty(feed, &stranger, &err);
}

static void on_job(struct feed *feed, struct job *job)
{
    const Trien__Fetch *fetch;
    struct tx *tx = feed->tx;

    tx_reset(tx);
    if (wire_unpack_fetch(tx->arena, job_bytes(job), &tx->err, &fetch) != RC_OK)
        log_error(LOG_WARNING, "fetch_malformed", &tx->err);
    else if (!feed_may_read(feed, job->principal, fetch->group))
        refuse_fetch(feed, job, fetch->fetch_id);
    else
        accept_fetch(feed, job, fetch);
    job_free(job);
}

static void take_jobs(struct feed *feed)
{
    struct job *job = jobs_take_all(&feed->jobs), *next;

    for (; job; job = next) {
        next = job->next;
        on_job(feed, job);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

static bool anybody_waits(const struct feed *feed)
{
    for (size_t i = 0; i < FEED_MAX_SESSIONS; i++) {
        if (feed->sessions[i].waiting)
            return true;
    }
    return false;
}

static void look_after(struct feed *feed, struct session *s, bool connected, usec now)
{
    if (s->used && !s->waiting && now - s->heard > SESSION_IDLE)
        s->used = false;
    if (!s->waiting)
        return;
    tx_reset(feed->tx);
    if (connected && (!s->unsure || feed_check(feed, s)) && s->waiting)
        feed_serve(feed, s);
    if (s->waiting && now >= s->until)
        feed_answer_empty(feed, s, connected ? NULL : &feed->tx->err);
}

static void answer_all(struct feed *feed)
{
    bool connected = feed_connected(feed);
    usec now = clock_monotonic();
    bool look = feed->more || !feed->tail_known ||
                now - feed->polled >= feed->svc->database.feed_poll_ms * USEC_PER_MS;

    if (connected && (look || feed->poked)) {
        feed->poked = false;
        connected = feed_refresh(feed, look);
        if (look)
            feed->polled = now;
    }
    for (size_t i = 0; i < FEED_MAX_SESSIONS; i++) {
        if (feed->sessions[i].used)
            look_after(feed, &feed->sessions[i], connected, now);
    }
}

static bool drain(int fd)
{
    uint64_t count;

    return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void *run(void *arg)
{
    struct feed *feed = arg;
    struct pollfd fds[] = {{feed->wake_fd, POLLIN, 0}, {feed->svc->poke_fd, POLLIN, 0}};
    int poll_ms = (int)feed->svc->database.feed_poll_ms;

    while (!atomic_load(&feed->closing)) {
        bool waiting = anybody_waits(feed);

        fds[1].fd = waiting ? feed->svc->poke_fd : -1; /* nobody to tell of a commit */
        poll(fds, 2, waiting ? poll_ms : HOUSEKEEPING_MS);
        drain(feed->wake_fd);
        feed->poked |= drain(feed->svc->poke_fd);
        take_jobs(feed);
        if (anybody_waits(feed))
            answer_all(feed);
        feed_groups_save(feed, clock_monotonic());
    }
    return NULL;
}

static enum rc start(struct svc *svc, struct err *err, struct feed **ret_feed)
{
    struct feed *feed = calloc(1, sizeof(*feed));

    CHECK(feed, err, TRIEN__ERROR__INTERNAL, "out of memory");
    feed->svc = svc;
    operator_database_calls = operator_letter_calls;
    feed->sessions = calloc(FEED_MAX_SESSIONS, sizeof(struct session));
    CHECK(feed->sessions, err, TRIEN__ERROR__INTERNAL, "out of memory");
    jobs_init(&feed->jobs, JOBS_WAITING);
    feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    feed->tail = tail_new(TAIL_BYTES);
    feed->tx = tx_new(svc, NULL, "feed", ARENA_BYTES);
    feed->thread = svc_thread("feed", run, feed);
    *ret_feed = feed;
    return RC_OK;
}

static void wake(struct feed *feed)
{
    uint64_t one = 1;

    if (write(feed->wake_fd, &one, sizeof(one)) < 0)
        abort();
}

static void fetch(struct feed *feed, struct job *job)
{
    if (!jobs_put(&feed->jobs, job))
        job_free(job); /* the consumer asks again */
    else
        wake(feed);
}

static void stop(struct feed **feed)
{
    struct feed *old = *feed;
    bool lost;

    if (!old)
        return;
    atomic_store(&old->closing, true);
    wake(old);
    pthread_join(old->thread, NULL);
    tx_free(&old->tx);
    packed_free_all(fresh_take(&old->svc->fresh, &lost));
    tail_free(&old->tail);
    jobs_done(&old->jobs);
    close(old->wake_fd);
    free(old->sessions);
    free(old);
    *feed = NULL;
}

const struct feed_ops feed_ops_outbox = {.start = start, .fetch = fetch, .stop = stop};
