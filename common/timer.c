/* Work at intervals. One replica at a time does it: a session lock of this thread's connection says
 * who. The frame's own work is here too: the log moves to a new segment and old ones are dropped,
 * finished effects are forgotten, what waits is counted. */
#define DB_STATEMENTS_ELSEWHERE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/lane.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define LOCK_EVERY_MS 500
#define UPKEEP_MS 15000
#define STALE_S (4 * UPKEEP_MS / 1000)
#define SEGMENT_EVENTS 4000000
#define SEGMENT_AGE (30 * USEC_PER_DAY)
#define EFFECT_MEMORY (30 * USEC_PER_DAY)

struct timers {
    struct svc *svc;
    struct tx *tx;
    pthread_t thread;
    int wake_fd;
    atomic_bool stopping;
    bool ours; /* the lock */
    size_t count;
    usec *due; /* monotonic, by place in the service's table */
    usec upkeep_due;
};

METRIC_FAMILY(letters) = {
    .kind = METRIC_GAUGE,
    .name = "trien_dead_letters",
    .help = "Open letters of this service: parked, dead, behind another.",
    .labels = "feed,state",
    .stale_after_s = STALE_S,
};
METRIC_FAMILY(pending) = {
    .kind = METRIC_GAUGE,
    .name = "trien_effects_pending",
    .help = "Intents that are not finished.",
    .labels = "kind",
    .stale_after_s = STALE_S,
};
METRIC_FAMILY(oldest) = {
    .kind = METRIC_GAUGE,
    .name = "trien_effects_oldest_seconds",
    .help = "Age of the oldest intent that is not finished.",
    .labels = "kind",
    .stale_after_s = STALE_S,
};
METRIC_FAMILY(said) = {
    .kind = METRIC_GAUGE,
    .name = "trien_outbox_events",
    .help = "Events this service has said since its beginning: the heads of its log together.",
    .stale_after_s = STALE_S,
};

/* --- upkeep of the frame's tables --------------------------------------------------------------
 */

static enum rc measure_letters(struct tx *tx)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, letter_counts, &rows));
    for (size_t i = 0; i < db_count(rows); i++)
        metric_set(&letters, (double)db_get_int(rows, i, 2),
                   METRIC_LABELS(db_get_text(rows, i, 0), db_get_text(rows, i, 1)));
    return RC_OK;
}

static enum rc measure_effects(struct tx *tx)
{
    struct db_rows *rows;
    usec now = clock_now();

    TRY(DB_RUN(tx, effect_pending, &rows));
    for (const struct on_effect *row = tx->svc->service->effects; row && row->kind; row++) {
        int64_t count = 0;
        usec first = now;

        for (size_t i = 0; i < db_count(rows); i++) {
            if (strcmp(db_get_text(rows, i, 0), row->kind))
                continue;
            count = db_get_int(rows, i, 1);
            first = db_get_time(rows, i, 2);
        }
        metric_set(&pending, (double)count, METRIC_LABELS(row->kind));
        metric_set(&oldest, (double)(now - first) / 1e6, METRIC_LABELS(row->kind));
    }
    return RC_OK;
}

static enum rc measure_outbox(struct tx *tx)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, outbox_events, &rows));
    metric_set(&said, (double)db_get_int(rows, 0, 0), NULL);
    return RC_OK;
}

/* Segments are about an eighth of what is kept, so that old events leave in good time. */
static bool segment_is_full(const struct svc *svc, usec begun, int64_t events)
{
    usec kept = svc->database.retention_ms * USEC_PER_MS;
    usec age = kept && kept / 8 < SEGMENT_AGE ? kept / 8 : SEGMENT_AGE;

    return events >= SEGMENT_EVENTS || (events > 0 && clock_now() - begun >= age);
}

static enum rc keep_segments(struct tx *tx)
{
    struct db_rows *rows;
    usec kept = tx->svc->database.retention_ms * USEC_PER_MS;

    TRY(DB_RUN(tx, outbox_segments, &rows));
    if (segment_is_full(tx->svc, db_get_time(rows, 0, 2), db_get_int(rows, 0, 3))) {
        TRY(DB_RUN(tx, outbox_rotate, &rows));
        log_event(LOG_NOTICE, "segment_begun", LOG_INT("segment", db_get_int(rows, 0, 0)));
    }
    if (!kept)
        return RC_OK;
    TRY(DB_RUN(tx, outbox_drop_oldest, &rows, db_time(clock_now() - kept)));
    if (!db_is_null(rows, 0, 0))
        log_event(LOG_NOTICE, "segment_dropped", LOG_INT("segment", db_get_int(rows, 0, 0)));
    return RC_OK;
}

static void upkeep(struct timers *timers)
{
    struct tx *tx = timers->tx;

    tx_reset(tx);
    if (keep_segments(tx) != RC_OK || measure_letters(tx) != RC_OK ||
        measure_effects(tx) != RC_OK || measure_outbox(tx) != RC_OK ||
        DB_RUN(tx, effect_forget, NULL, db_time(clock_now() - EFFECT_MEMORY)) != RC_OK)
        log_error(LOG_WARNING, "upkeep_failed", &tx->err);
}

/* --- the service's timers ----------------------------------------------------------------------
 */

static enum rc body(struct tx *tx, void *arg)
{
    const struct on_timer *row = arg;

    tx->frame->again = false;
    return row->fn(tx);
}

void timer_again(struct tx *tx)
{
    tx->frame->again = true;
}

/* Is there more to do at once? */
static bool fire(struct timers *timers, const struct on_timer *row)
{
    struct tx *tx = timers->tx;
    struct tx_start start = {
        .now = clock_now(), .principal = "", .traceparent = "", .out = row->out};
    struct svc_message message = {.kind = "timer",
                                  .name = row->name,
                                  .peer = "",
                                  .key = "",
                                  .traceparent = "",
                                  .started = clock_monotonic()};

    tx_reset(tx);
    message.rc = tx_work(tx, &start, body, (void *)row);
    message.err = &tx->err;
    message.is_quiet = message.rc == RC_OK;
    message.doing = tx->doing;
    svc_handled(timers->svc, &message);
    return message.rc == RC_OK && tx->frame->again;
}

static void fire_due(struct timers *timers)
{
    const struct on_timer *rows = timers->svc->service->timers;

    for (size_t i = 0; i < timers->count && !atomic_load(&timers->stopping); i++) {
        usec now = clock_monotonic();

        if (now < timers->due[i])
            continue;
        timers->due[i] = fire(timers, &rows[i]) ? now : now + rows[i].period_ms * USEC_PER_MS;
    }
    if (clock_monotonic() >= timers->upkeep_due) {
        timers->upkeep_due = clock_monotonic() + UPKEEP_MS * USEC_PER_MS;
        upkeep(timers);
    }
}

static bool has_lock(struct timers *timers)
{
    struct tx *tx = timers->tx;
    struct db_rows *rows;

    if (!tx->db || !timers->svc->tx_ops->alive(tx->db)) {
        timers->ours = false;
        tx_reset(tx);
        if (tx_begin(tx, clock_now(), "", "", NULL) != RC_OK)
            return false;
        tx_rollback(tx);
    }
    if (timers->ours)
        return true;
    tx_reset(tx);
    timers->ours = DB_RUN(tx, timers_lock, &rows) == RC_OK && db_get_bool(rows, 0, 0);
    return timers->ours;
}

static int wait_ms(const struct timers *timers)
{
    usec due = timers->upkeep_due, now = clock_monotonic();

    if (!timers->ours)
        return LOCK_EVERY_MS;
    for (size_t i = 0; i < timers->count; i++)
        due = timers->due[i] < due ? timers->due[i] : due;
    /* Never asleep for long: a lost connection means that another replica has the lock. */
    if (due > now + 1000 * USEC_PER_MS)
        due = now + 1000 * USEC_PER_MS;
    return due <= now ? 0 : (int)((due - now + USEC_PER_MS - 1) / USEC_PER_MS);
}

static void *run(void *arg)
{
    struct timers *timers = arg;
    struct pollfd fd = {timers->wake_fd, POLLIN, 0};

    while (!atomic_load(&timers->stopping)) {
        if (has_lock(timers))
            fire_due(timers);
        poll(&fd, 1, wait_ms(timers));
    }
    return NULL;
}

struct timers *timers_start(struct svc *svc)
{
    struct timers *timers = calloc(1, sizeof(*timers));

    if (!timers)
        abort();
    timers->svc = svc;
    while (svc->service->timers && svc->service->timers[timers->count].name)
        timers->count++;
    timers->due = calloc(timers->count + 1, sizeof(usec));
    timers->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    timers->tx = tx_new(svc, NULL, "timers", ARENA_BYTES);
    timers->thread = svc_thread("timers", run, timers);
    return timers;
}

void timers_stop(struct timers **timers)
{
    struct timers *old = *timers;
    uint64_t one = 1;

    if (!old)
        return;
    atomic_store(&old->stopping, true);
    if (write(old->wake_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(old->thread, NULL);
    tx_free(&old->tx);
    free(old->due);
    close(old->wake_fd);
    free(old);
    *timers = NULL;
}
