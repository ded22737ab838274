/* Effects, the lane's side: intents of committed transactions go straight to the effect threads,
 * those of the past are loaded when a lease is taken and when they are due. Ends are committed
 * here, many in one transaction, together with what `done` changes. A result that comes after the
 * lease went is discarded by the compare-and-set on the count of attempts. */
#define DB_STATEMENTS_ELSEWHERE
#include "common/lane.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

#define FLYING_MAX 1024
#define CROWD 128
#define CROWD_GONE 64
#define CROWD_MOVES (USEC_PER_SECOND / 2)
/* With so many in the air an end has company soon, and nobody waits for it alone. */
#define COMPANY 16
#define COMPANY_MS 10

void effects_init(struct lane_effects *effects)
{
    pthread_mutex_init(&effects->lock, NULL);
    effects->fresh_last = &effects->fresh;
    effects->done_last = &effects->done;
    effects->due = effects->end_due = LANE_NEVER;
}

void effects_look_now(struct lane *lane)
{
    lane->effects.due = 0;
}

/* --- what is in the air ------------------------------------------------------------------------
 */

static struct effect_job **flying_at(struct lane_effects *effects, const char *kind,
                                     const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct effect_job **at;

    for (const char *c = key; *c; c++)
        hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    at = &effects->flying[hash % EFFECT_BUCKETS];
    while (*at && (strcmp((*at)->key, key) || strcmp((*at)->row->kind, kind)))
        at = &(*at)->bucket;
    return at;
}

void effects_land(struct lane_effects *effects, struct effect_job *job)
{
    struct effect_job **at = flying_at(effects, job->row->kind, job->key);

    if (*at != job)
        return;
    *at = job->bucket;
    effects->count--;
    if (effects->busy[job->partition])
        effects->busy[job->partition]--;
}

bool effects_crowded(struct lane_effects *effects, usec now)
{
    size_t count = atomic_load(&effects->count);
    usec ended_at;

    effects->crowded = count >= CROWD || (effects->crowded && count >= CROWD_GONE);
    if (!effects->crowded)
        return false;
    pthread_mutex_lock(&effects->lock);
    ended_at = effects->ended_at;
    pthread_mutex_unlock(&effects->lock);
    return now - ended_at < CROWD_MOVES;
}

/* False when there is no room: it is found in the table later. */
static bool fly(struct lane *lane, struct effect_job *job)
{
    struct lane_effects *effects = &lane->effects;
    struct effect_job **at = flying_at(effects, job->row->kind, job->key);

    if (*at || effects->count >= FLYING_MAX || !lane_holds(lane, job->partition)) {
        if (!*at)
            effects_look_now(lane);
        return false;
    }
    *at = job;
    job->bucket = NULL;
    effects->count++;
    if (effects->busy[job->partition] < UINT8_MAX)
        effects->busy[job->partition]++;
    pool_put(lane->svc->lanes->pool, job);
    return true;
}

static const struct on_effect *row_of(const struct svc *svc, const char *kind)
{
    for (const struct on_effect *row = svc->service->effects; row && row->kind; row++) {
        if (!strcmp(row->kind, kind))
            return row;
    }
    return NULL;
}

static struct bytes copy_bytes(struct bytes from)
{
    uint8_t *p = malloc(from.n + 1);

    if (!p)
        abort();
    if (from.n)
        memcpy(p, from.p, from.n);
    return bytes_of(p, from.n);
}

static struct effect_job *job_new(struct lane *lane, const struct on_effect *row, const char *key,
                                  const char *traceparent, struct bytes intent)
{
    struct effect_job *job = calloc(1, sizeof(*job));

    if (!job)
        abort();
    job->lane = lane;
    job->row = row;
    job->key = strdup(key);
    job->traceparent = strdup(traceparent);
    job->partition = bus_partition(key);
    job->intent = copy_bytes(intent);
    return job;
}

void job_done_free(struct effect_job *job)
{
    free(job->key);
    free(job->traceparent);
    free((void *)job->intent.p);
    free((void *)job->result.p);
    free(job);
}

/* --- fresh ones, from the threads that committed them -------------------------------------------
 */

static struct lane *holder(struct lanes *lanes, unsigned partition)
{
    for (size_t i = 0; lanes && i < lanes->count; i++) {
        if (lane_holds(&lanes->lane[i], partition))
            return &lanes->lane[i];
    }
    return NULL;
}

static void hand_over(struct lane *lane, struct effect_job *job)
{
    struct lane_effects *effects = &lane->effects;

    pthread_mutex_lock(&effects->lock);
    *effects->fresh_last = job;
    effects->fresh_last = &job->next;
    pthread_mutex_unlock(&effects->lock);
    lane_wake(lane);
}

void lanes_effects_added(struct tx *tx)
{
    for (size_t i = 0; i < tx->frame->effect_count; i++) {
        const struct tx_effect *effect = &tx->frame->effects[i];
        struct lane *lane = holder(tx->svc->lanes, bus_partition(effect->key));
        const struct on_effect *row = row_of(tx->svc, effect->kind);
        struct effect_job *job;

        if (!lane || !row)
            continue; /* another replica's lane finds it in the table */
        if (effect->not_before > tx->now)
            continue; /* found when it is due */
        job = job_new(lane, row, effect->key, effect->traceparent, effect->intent);
        job->attempt = 1;
        hand_over(lane, job);
    }
}

static struct effect_job *take_list(struct lane_effects *effects, struct effect_job **first,
                                    struct effect_job ***last)
{
    struct effect_job *list;

    pthread_mutex_lock(&effects->lock);
    list = *first;
    *first = NULL;
    *last = first;
    pthread_mutex_unlock(&effects->lock);
    return list;
}

static void take_fresh(struct lane *lane)
{
    struct effect_job *job = take_list(&lane->effects, &lane->effects.fresh,
                                       &lane->effects.fresh_last),
                      *next;

    for (; job; job = next) {
        next = job->next;
        job->next = NULL;
        if (!fly(lane, job))
            job_done_free(job);
    }
}

void effects_done(struct effect_job *job)
{
    struct lane *lane = job->lane;
    struct lane_effects *effects = &lane->effects;
    bool company = job->row->gathers && atomic_load(&effects->count) > COMPANY;
    int wait_ms = company ? COMPANY_MS : job->row->linger_ms;
    usec now = clock_monotonic(), due = now + wait_ms * USEC_PER_MS;
    bool news;

    pthread_mutex_lock(&effects->lock);
    effects->ended_at = now;
    job->next = NULL;
    *effects->done_last = job;
    effects->done_last = &job->next;
    if (++effects->ended >= EFFECT_ENDS_A_TURN)
        due = 0;
    news = due < effects->end_due;
    if (news)
        effects->end_due = due;
    pthread_mutex_unlock(&effects->lock);
    if (news)
        lane_wake(lane);
}

/* --- from the table ----------------------------------------------------------------------------
 */

static size_t list_held(const struct lane *lane, int16_t *out)
{
    size_t n = 0;

    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (lane_holds(lane, p))
            out[n++] = (int16_t)p;
    }
    return n;
}

/* Row of effect_load: kind, key, partition, intent, traceparent, attempts, retry_at. */
static struct effect_job *job_from_row(struct lane *lane, const struct db_rows *rows, size_t row)
{
    const struct on_effect *effect = row_of(lane->svc, db_get_text(rows, row, 0));
    struct effect_job *job;

    if (!effect || *flying_at(&lane->effects, db_get_text(rows, row, 0), db_get_text(rows, row, 1)))
        return NULL;
    job = job_new(lane, effect, db_get_text(rows, row, 1), db_get_text(rows, row, 4),
                  db_get_bytes(rows, row, 3));
    job->counted = (int32_t)db_get_int(rows, row, 5) + 1;
    job->attempt = (unsigned)job->counted;
    return job;
}

/* An attempt from the table is counted before it is made: it may have ended a process before. */
static enum rc count_and_fly(struct lane *lane, struct effect_job **jobs, size_t count)
{
    struct tx *tx = lane->tx;
    const char **kinds = ARENA_ARRAY(tx->arena, const char *, count);
    const char **keys = ARENA_ARRAY(tx->arena, const char *, count);
    int32_t *counted = ARENA_ARRAY(tx->arena, int32_t, count);
    struct db_rows *rows;
    enum rc rc;

    for (size_t i = 0; i < count; i++) {
        kinds[i] = jobs[i]->row->kind;
        keys[i] = jobs[i]->key;
        counted[i] = jobs[i]->counted - 1;
    }
    rc = DB_RUN(tx, effect_count, &rows, db_texts(kinds, count), db_texts(keys, count),
                db_int4s(counted, count));
    for (size_t i = 0; i < count; i++) {
        bool ours = false;

        for (size_t r = 0; rc == RC_OK && r < db_count(rows) && !ours; r++)
            ours = !strcmp(db_get_text(rows, r, 1), jobs[i]->key) &&
                   !strcmp(db_get_text(rows, r, 0), jobs[i]->row->kind);
        if (!ours || !fly(lane, jobs[i]))
            job_done_free(jobs[i]);
    }
    return rc;
}

static enum rc next_look(struct lane *lane, const int16_t *ids, size_t n, usec wall)
{
    struct db_rows *rows;

    TRY(DB_RUN(lane->tx, effect_next, &rows, db_int2s(ids, n), db_time(wall)));
    if (db_count(rows))
        lane->effects.due = clock_monotonic() + (db_get_time(rows, 0, 0) - wall) + USEC_PER_MS;
    return RC_OK;
}

static enum rc load_due(struct lane *lane)
{
    struct lane_effects *effects = &lane->effects;
    int16_t ids[BUS_PARTITIONS];
    size_t n = list_held(lane, ids), count = 0, room = FLYING_MAX - effects->count;
    usec wall = clock_now();
    struct effect_job **jobs;
    struct db_rows *rows;

    effects->due = LANE_NEVER;
    if (!n || !lane->svc->service->effects || room == 0)
        return RC_OK; /* an end makes room and looks again */
    tx_reset(lane->tx);
    TRY(DB_RUN(lane->tx, effect_load, &rows, db_int2s(ids, n), db_time(wall),
               db_int4((int32_t)(effects->count + FLYING_MAX / 2))));
    jobs = ARENA_ARRAY(lane->tx->arena, struct effect_job *, room);
    for (size_t i = 0; i < db_count(rows) && count < room; i++) {
        jobs[count] = job_from_row(lane, rows, i);
        count += jobs[count] != NULL;
    }
    if (count)
        TRY(count_and_fly(lane, jobs, count));
    if (db_count(rows) >= effects->count + FLYING_MAX / 2)
        effects->due = clock_monotonic() + 50 * USEC_PER_MS; /* there are more */
    else
        TRY(next_look(lane, ids, n, wall));
    return RC_OK;
}

enum rc effects_turn(struct lane *lane, usec now)
{
    struct effect_job *jobs[EFFECT_ENDS_A_TURN];
    size_t n;

    take_fresh(lane);
    while (effects_end_due(&lane->effects) <= now && (n = effects_take_ends(&lane->effects, jobs)))
        TRY(effects_end(lane, jobs, n));
    return now >= lane->effects.due ? load_due(lane) : RC_OK;
}
