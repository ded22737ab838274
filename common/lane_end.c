/* Ends of effects: `done`, `failed`, or another attempt, many in one transaction. The fence comes
 * first: whoever finished or counted an intent before us makes the whole transaction fail, and what
 * we bring is discarded. */
#define DB_STATEMENTS_ELSEWHERE
#include <string.h>

#include "common/lane.h"
#include "common/log.h"
#include "gen/common/frame.inc"

#define FIRST_RETRY_MS 200
#define LAST_RETRY_MS (60 * 1000)

/* What an end means: the service's `done`, its `failed`, or another attempt. */
enum end { END_DONE, END_FAILED, END_AGAIN };

static enum end end_of(const struct effect_job *job)
{
    if (job->rc == RC_OK)
        return END_DONE;
    if (job->rc == RC_REJECT || (job->row->max_attempts && job->attempt >= job->row->max_attempts))
        return END_FAILED;
    return END_AGAIN;
}

static enum rc call_end(struct lane *lane, struct effect_job *job)
{
    struct tx *tx = lane->tx;
    const struct on_effect *row = job->row;
    const ProtobufCMessage *intent = protobuf_c_message_unpack(
        row->intent, arena_allocator(tx->arena), job->intent.n, job->intent.p);
    const ProtobufCMessage *result = NULL;

    tx_enter(tx, job->traceparent, row->out);
    CHECK(intent, &tx->err, TRIEN__ERROR__INTERNAL, "intent of %s does not parse", row->kind);
    if (end_of(job) == END_FAILED)
        return row->failed ? row->failed(tx, job->key, intent, &job->err) : RC_OK;
    if (job->has_result && row->result) {
        result = protobuf_c_message_unpack(row->result, arena_allocator(tx->arena), job->result.n,
                                           job->result.p);
        CHECK(result, &tx->err, TRIEN__ERROR__INTERNAL, "result of %s does not parse", row->kind);
    }
    return row->done ? row->done(tx, job->key, intent, result) : RC_OK;
}

static enum rc push_again(struct lane *lane, const struct effect_job *job, const struct err *why,
                          usec retry_at)
{
    return DB_PUSH(
        lane->tx, effect_again, db_text(job->row->kind), db_text(job->key), db_int4(job->counted),
        db_int4((int32_t)job->attempt), db_time(retry_at),
        db_text(arena_printf(lane->tx->arena, "%s: %s", err_entry(why->code)->name, why->detail)));
}

static usec retry_at(const struct lane *lane, const struct effect_job *job)
{
    (void)lane;
    return clock_now() + svc_backoff_ms(job->attempt, FIRST_RETRY_MS, LAST_RETRY_MS) * USEC_PER_MS;
}

static enum rc finish(struct lane *lane, struct effect_job **jobs, size_t count)
{
    struct tx *tx = lane->tx;
    const char **kinds = ARENA_ARRAY(tx->arena, const char *, count);
    const char **keys = ARENA_ARRAY(tx->arena, const char *, count);
    int32_t *counted = ARENA_ARRAY(tx->arena, int32_t, count);
    int16_t *fails = ARENA_ARRAY(tx->arena, int16_t, count);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (end_of(jobs[i]) == END_AGAIN) {
            TRY(push_again(lane, jobs[i], &jobs[i]->err, retry_at(lane, jobs[i])));
            continue;
        }
        kinds[n] = jobs[i]->row->kind;
        keys[n] = jobs[i]->key;
        fails[n] = end_of(jobs[i]) == END_FAILED;
        counted[n++] = jobs[i]->counted;
    }
    return n ? DB_PUSH(tx, effect_finish, db_texts(kinds, n), db_texts(keys, n),
                       db_int4s(counted, n), db_int2s(fails, n))
             : RC_OK;
}

static enum rc end_together(struct lane *lane, struct effect_job **jobs, size_t count)
{
    struct tx *tx = lane->tx;

    tx_reset(tx);
    TRY(tx_begin(tx, clock_now(), lane->svc->service->name, "", NULL));
    TRY(finish(lane, jobs, count)); /* the fence first */
    for (size_t i = 0; i < count; i++) {
        if (end_of(jobs[i]) != END_AGAIN)
            TRY(call_end(lane, jobs[i]));
    }
    return tx_commit(tx);
}

static void report(struct lane *lane, const struct effect_job *job)
{
    struct svc_message message = {
        .kind = "effect",
        .name = job->row->kind,
        .peer = "",
        .key = job->key,
        .traceparent = job->traceparent,
        .number = job->attempt,
        .started = job->started,
        .rc = job->rc,
        .err = &job->err,
    };

    svc_handled(lane->svc, &message);
}

static void settle(struct lane *lane, struct effect_job *job)
{
    effects_land(&lane->effects, job);
    report(lane, job);
    if (end_of(job) == END_AGAIN)
        effects_look_now(lane);
    else
        letters_key_moved(lane, job->key);
    job_done_free(job);
}

/* Its end cannot be committed as it is: `done` refuses it → failed; else the act is done again. */
static enum rc end_badly(struct lane *lane, struct effect_job *job)
{
    struct tx *tx = lane->tx;
    struct err why = tx->err;
    enum rc rc;

    log_error(LOG_ERROR, "effect_end_failed", &why);
    tx_rollback(tx);
    if (end_of(job) == END_DONE && err_rc(why.code) == RC_REJECT) {
        job->rc = RC_REJECT;
        job->err = why;
        rc = end_together(lane, &job, 1);
        if (rc == RC_OK || batch_is_outage(&tx->err))
            return rc;
        why = tx->err;
    }
    tx_reset(tx);
    TRY(tx_begin(tx, clock_now(), lane->svc->service->name, "", NULL));
    TRY(push_again(lane, job, &why, retry_at(lane, job)));
    return tx_commit(tx);
}

static enum rc end_alone(struct lane *lane, struct effect_job *job)
{
    enum rc rc = end_together(lane, &job, 1);

    if (rc != RC_OK && !batch_is_outage(&lane->tx->err))
        rc = end_badly(lane, job);
    if (rc != RC_OK && lane->tx->err.code == TRIEN__ERROR__DATABASE_CONFLICT) {
        /* Once more; then it is somebody else's. */
        rc = end_together(lane, &job, 1);
        if (rc != RC_OK && lane->tx->err.code == TRIEN__ERROR__DATABASE_CONFLICT) {
            log_error(LOG_NOTICE, "effect_discarded", &lane->tx->err);
            tx_rollback(lane->tx);
            rc = RC_OK;
        }
    }
    if (rc == RC_OK)
        settle(lane, job);
    return rc;
}

/* Back to the front of the queue of ends: the database is away. */
static void put_back(struct lane_effects *effects, struct effect_job **jobs, size_t count)
{
    pthread_mutex_lock(&effects->lock);
    effects->ended += count;
    effects->end_due = 0;
    for (size_t i = count; i-- > 0;) {
        jobs[i]->next = effects->done;
        if (!effects->done)
            effects->done_last = &jobs[i]->next;
        effects->done = jobs[i];
    }
    pthread_mutex_unlock(&effects->lock);
}

enum rc effects_end(struct lane *lane, struct effect_job **jobs, size_t count)
{
    enum rc rc = end_together(lane, jobs, count);

    if (rc == RC_OK) {
        for (size_t i = 0; i < count; i++)
            settle(lane, jobs[i]);
        return RC_OK;
    }
    tx_rollback(lane->tx);
    for (size_t i = 0; i < count; i++) {
        if (lane->tx->err.code != TRIEN__ERROR__DATABASE_UNAVAILABLE)
            rc = end_alone(lane, jobs[i]);
        if (rc != RC_OK) {
            tx_rollback(lane->tx);
            put_back(&lane->effects, jobs + i, count - i);
            return rc;
        }
    }
    return RC_OK;
}

usec effects_end_due(struct lane_effects *effects)
{
    usec due;

    pthread_mutex_lock(&effects->lock);
    due = effects->end_due;
    pthread_mutex_unlock(&effects->lock);
    return due;
}

size_t effects_take_ends(struct lane_effects *effects, struct effect_job **jobs)
{
    size_t n = 0;

    pthread_mutex_lock(&effects->lock);
    while (n < EFFECT_ENDS_A_TURN && effects->done) {
        jobs[n] = effects->done;
        effects->done = jobs[n++]->next;
    }
    effects->ended -= n;
    if (!effects->done) {
        effects->done_last = &effects->done;
        effects->end_due = LANE_NEVER;
    }
    pthread_mutex_unlock(&effects->lock);
    return n;
}
