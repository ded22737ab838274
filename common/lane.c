/* The lane's thread: one loop over its sockets, its wake-up and its clocks. Lost database: leases
 * are forgotten, sockets kept, everything is read again once there is a connection. It decides
 * nothing itself; every turn is idempotent. */
#include "common/lane.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define WITHOUT_DATABASE_MS 50
#define AFTER_FAILURE_MS 50

METRIC_FAMILY(lag) = {
    .kind = METRIC_GAUGE,
    .name = "trien_consumer_lag_events",
    .help = "Events of a feed this process has not applied, in the partitions it holds.",
    .labels = "feed,lane",
};
METRIC_FAMILY(held) = {
    .kind = METRIC_GAUGE,
    .name = "trien_lane_partitions",
    .help = "Partitions a lane holds.",
    .labels = "lane",
};

void lane_wake(struct lane *lane)
{
    uint64_t one = 1;

    if (write(lane->wake_fd, &one, sizeof(one)) < 0)
        abort();
}

static bool is_connected(struct lane *lane)
{
    struct tx *tx = lane->tx;

    if (tx->db && lane->svc->tx_ops->alive(tx->db))
        return true;
    if (lane->joined)
        lease_forget(lane);
    tx_reset(tx);
    if (tx_begin(tx, clock_now(), "", "", NULL) != RC_OK)
        return false;
    tx_rollback(tx); /* only the connection was wanted */
    return true;
}

static void measure(struct lane *lane)
{
    char number[16];
    int64_t total = 0;

    snprintf(number, sizeof(number), "%u", lane->number);
    for (size_t f = 0; f < lane->feed_count; f++) {
        int64_t sum = 0;

        for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
            const struct cursor *c = &lane->feeds[f].cursors[p];
            if (lane_holds(lane, p) && c->head > c->next)
                sum += c->head - c->next;
        }
        metric_set(&lag, (double)sum, METRIC_LABELS(lane->feeds[f].name, number));
        total += sum;
    }
    atomic_store(&lane->lag, total);
    metric_set(&held, __builtin_popcountll(atomic_load(&lane->held)), METRIC_LABELS(number));
}

/* Everything that waits for its time and not for a socket. */
static enum rc do_what_is_due(struct lane *lane, usec now)
{
    if (now >= lane->lease_due) {
        lane->lease_due = now + lane->svc->database.rebalance_ms * USEC_PER_MS;
        TRY(lease_turn(lane));
        measure(lane);
    }
    if (now >= lane->table_due) {
        lane->table_due = now + USEC_PER_SECOND;
        if (atomic_load(&lane->held)) {
            TRY(letters_look(lane));
            TRY(heard_turn(lane));
            effects_look_now(lane);
        }
    }
    letters_turn(lane, now);
    return effects_turn(lane, now);
}

static usec earliest(usec a, usec b)
{
    return a < b ? a : b;
}

static long wait_ms(struct lane *lane, usec now)
{
    usec due = earliest(earliest(lane->lease_due, lane->table_due),
                        earliest(lane->letters.due, lane->effects.due));

    due = earliest(due, fetch_due(lane));
    due = earliest(due, effects_end_due(&lane->effects));
    return due <= now ? 0 : (long)((due - now + USEC_PER_MS - 1) / USEC_PER_MS);
}

/* Of the feeds only those are listened to that are read afterwards: an answer that stays where it
 * lies would end every wait at once. */
static void wait_for_something(struct lane *lane, size_t feed_count, long ms)
{
    zmq_pollitem_t items[2 + 2 * LANE_MAX_FEEDS];
    uint64_t count;
    int n = 0;

    items[n++] = (zmq_pollitem_t){NULL, lane->wake_fd, ZMQ_POLLIN, 0};
    items[n++] = (zmq_pollitem_t){NULL, lane->svc->stop_fd, ZMQ_POLLIN, 0};
    for (size_t f = 0; f < feed_count; f++)
        n += link_poll(lane->feeds[f].link, items + n);
    zmq_poll(items, n, ms);
    if (items[0].revents && read(lane->wake_fd, &count, sizeof(count)) < 0)
        return;
}

static void *run(void *arg)
{
    struct lane *lane = arg;
    struct lanes *lanes = lane->svc->lanes;

    while (!atomic_load(&lanes->stopping)) {
        usec now = clock_monotonic();

        if (!is_connected(lane)) {
            wait_for_something(lane, 0, WITHOUT_DATABASE_MS);
            continue;
        }
        if (do_what_is_due(lane, now) != RC_OK) {
            log_error(LOG_WARNING, "lane_turn_failed", &lane->tx->err);
            wait_for_something(lane, 0, AFTER_FAILURE_MS);
            continue;
        }
        fetch_turn(lane, now);
        wait_for_something(lane, lane->feed_count, wait_ms(lane, clock_monotonic()));
        fetch_receive(lane);
    }
    return NULL;
}

/* --- start and stop -------------------------------------------------------------------------- */

static void name_feed(struct lane *lane, const char *name)
{
    size_t f = 0;

    while (f < lane->feed_count && strcmp(lane->feeds[f].name, name))
        f++;
    if (f < lane->feed_count || f == LANE_MAX_FEEDS)
        return;
    lane->feeds[f].name = name;
    lane->feeds[f].tell_at = LANE_NEVER;
    lane->feed_count++;
}

static void name_feeds(struct lane *lane)
{
    const struct service *service = lane->svc->service;

    for (const struct on_event *row = service->events; row && row->feed; row++)
        name_feed(lane, row->feed);
    for (const struct on_feed *row = service->feeds; row && row->feed; row++)
        name_feed(lane, row->feed);
}

static enum rc lane_open(struct lane *lane, struct svc *svc, unsigned number, struct err *err)
{
    char name[32];

    snprintf(name, sizeof(name), "lane %u", number);
    lane->svc = svc;
    lane->number = number;
    lane->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    lane->arena = arena_new(ARENA_BYTES);
    lane->tx = tx_new(svc, NULL, name, ARENA_BYTES);
    lane->letters.due = LANE_NEVER;
    effects_init(&lane->effects);
    name_feeds(lane);
    return fetch_open(lane, err);
}

enum rc lanes_start(struct svc *svc, struct err *err)
{
    struct lanes *lanes = calloc(1, sizeof(*lanes));
    const struct service *service = svc->service;
    bool work = (service->events && service->events->feed) ||
                (service->feeds && service->feeds->feed) ||
                (service->effects && service->effects->kind);

    CHECK(lanes, err, TRIEN__ERROR__INTERNAL, "out of memory");
    lanes->svc = svc;
    svc->lanes = lanes;
    lanes->count = work ? (size_t)svc->database.lanes : 0;
    lanes->lane = calloc(lanes->count + 1, sizeof(struct lane));
    CHECK(lanes->lane, err, TRIEN__ERROR__INTERNAL, "out of memory");
    TRY(pool_start(svc, err, &lanes->pool));
    for (unsigned i = 0; i < lanes->count; i++)
        TRY(lane_open(&lanes->lane[i], svc, i, err));
    for (unsigned i = 0; i < lanes->count; i++)
        lanes->lane[i].thread = svc_thread("lane", run, &lanes->lane[i]);
    lanes->timers = timers_start(svc);
    return RC_OK;
}

void lanes_stop(struct svc *svc)
{
    struct lanes *lanes = svc->lanes;

    if (!lanes)
        return;
    timers_stop(&lanes->timers);
    atomic_store(&lanes->stopping, true);
    for (size_t i = 0; i < lanes->count; i++) {
        lane_wake(&lanes->lane[i]);
        pthread_join(lanes->lane[i].thread, NULL);
    }
    pool_stop(&lanes->pool);
    for (size_t i = 0; i < lanes->count; i++) {
        fetch_close(&lanes->lane[i]);
        tx_free(&lanes->lane[i].tx); /* the connection ends, and with it the leases */
    }
    /* The rest is left to the end of the process. */
}

bool lanes_health(struct svc *svc, struct arena *arena, const char **ret_json_members)
{
    const struct lanes *lanes = svc->lanes;
    long long behind = 0;
    int partitions = 0, stopped = 0;
    size_t letters = 0;

    if (!lanes)
        return true;
    for (size_t i = 0; i < lanes->count; i++) {
        behind += atomic_load(&lanes->lane[i].lag);
        partitions += __builtin_popcountll(atomic_load(&lanes->lane[i].held));
        stopped += atomic_load(&lanes->lane[i].stopped);
        letters += lanes->lane[i].letters.count;
    }
    *ret_json_members = arena_printf(
        arena,
        "\"lanes\":{\"ok\":%s,\"partitions\":%d,\"lag\":%lld,\"blocked_keys\":%zu,\"stopped\":%d}",
        stopped ? "false" : "true", partitions, behind, letters, stopped);
    return stopped == 0;
}
