/* The effect threads: each takes an intent, acts outside any transaction with sockets of its own,
 * and gives the result back to the lane. No thread ever sees a database. One kind may not take all
 * threads where a service has several: a slow gateway does not stop the calls. */
#include <stdlib.h>
#include <string.h>

#include "common/lane.h"
#include "common/log.h"

#define ARENA_BYTES ((size_t)96 * 1024 * 1024)

struct effect_pool {
    struct svc *svc;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct effect_job *first, **last;
    size_t *running; /* by place of the kind in the service's table */
    size_t kinds, threads, per_kind;
    bool closed;
    pthread_t *thread;
};

enum rc fx_call(struct fx *fx, const char *peer, const void *request,
                const ProtobufCMessageDescriptor *reply, int deadline_ms,
                const char *idempotency_key, void *ret_reply)
{
    enum rc rc = bus_call(fx->caller, peer, request, reply, deadline_ms, idempotency_key,
                          fx->traceparent, fx->arena, &fx->err, ret_reply);
    bool away = rc != RC_OK && (fx->err.code == TRIEN__ERROR__PEER_UNAVAILABLE ||
                                fx->err.code == TRIEN__ERROR__DEADLINE_PASSED);

    if (away)
        svc_misses(fx->svc, peer, &fx->err);
    else
        svc_waits(fx->svc, peer, NULL);
    return rc;
}

static size_t kind_of(const struct effect_pool *pool, const struct effect_job *job)
{
    return (size_t)(job->row - pool->svc->service->effects);
}

/* The first one whose kind may run now; NULL when there is none. Under the lock. */
static struct effect_job *take_runnable(struct effect_pool *pool)
{
    for (struct effect_job **at = &pool->first; *at; at = &(*at)->next) {
        struct effect_job *job = *at;

        if (pool->running[kind_of(pool, job)] >= pool->per_kind)
            continue;
        *at = job->next;
        if (pool->last == &job->next)
            pool->last = at;
        pool->running[kind_of(pool, job)]++;
        return job;
    }
    return NULL;
}

static struct effect_job *wait_for_job(struct effect_pool *pool)
{
    struct effect_job *job = NULL;

    pthread_mutex_lock(&pool->lock);
    while (!pool->closed && !(job = take_runnable(pool)))
        pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void job_ended(struct effect_pool *pool, size_t kind)
{
    pthread_mutex_lock(&pool->lock);
    pool->running[kind]--;
    if (pool->first)
        pthread_cond_signal(&pool->wake); /* one of this kind may have waited */
    pthread_mutex_unlock(&pool->lock);
}

static void keep_result(struct effect_job *job, const ProtobufCMessage *result)
{
    size_t n = protobuf_c_message_get_packed_size(result);
    uint8_t *p = malloc(n + 1);

    if (!p)
        abort();
    protobuf_c_message_pack(result, p);
    job->result = bytes_of(p, n);
    job->has_result = true;
}

static void act(struct fx *fx, struct effect_job *job)
{
    ProtobufCMessage *result = NULL;
    const ProtobufCMessage *intent;

    arena_reset(fx->arena);
    err_clear(&fx->err);
    fx->now = clock_now();
    fx->key = job->key;
    fx->attempt = job->attempt;
    fx->traceparent = job->traceparent;
    job->started = clock_monotonic();
    intent = protobuf_c_message_unpack(job->row->intent, arena_allocator(fx->arena), job->intent.n,
                                       job->intent.p);
    if (intent)
        job->rc = job->row->act(fx, intent, &result);
    else
        job->rc = err_set(&fx->err, TRIEN__ERROR__MALFORMED, __FILE__, __LINE__,
                          "intent of %s does not parse", job->row->kind);
    job->err = fx->err;
    if (job->rc == RC_OK && result)
        keep_result(job, result);
}

static void *run(void *arg)
{
    struct effect_pool *pool = arg;
    struct svc *svc = pool->svc;
    struct fx fx = {
        .arena = arena_new(ARENA_BYTES), .conf = svc->own_conf, .state = svc->state, .svc = svc};
    struct effect_job *job;

    if (bus_caller_new(&svc->keys, svc->peers, svc->peer_count, &fx.err, &fx.caller) != RC_OK)
        svc_fatal(svc, &fx.err);
    while (fx.caller && (job = wait_for_job(pool))) {
        size_t kind = kind_of(pool, job);

        act(&fx, job);
        effects_done(job);
        job_ended(pool, kind);
    }
    bus_caller_free(&fx.caller);
    arena_free(&fx.arena);
    return NULL;
}

enum rc pool_start(struct svc *svc, struct err *err, struct effect_pool **ret_pool)
{
    struct effect_pool *pool = calloc(1, sizeof(*pool));

    CHECK(pool, err, TRIEN__ERROR__INTERNAL, "out of memory");
    pool->svc = svc;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (const struct on_effect *row = svc->service->effects; row && row->kind; row++)
        pool->kinds++;
    pool->threads = pool->kinds ? (size_t)svc->database.effect_threads : 0;
    pool->per_kind = pool->kinds > 1 && pool->threads > 1 ? pool->threads - 1 : pool->threads;
    pool->running = calloc(pool->kinds + 1, sizeof(size_t));
    pool->thread = calloc(pool->threads + 1, sizeof(pthread_t));
    CHECK(pool->running && pool->thread, err, TRIEN__ERROR__INTERNAL, "out of memory");
    for (size_t i = 0; i < pool->threads; i++)
        pool->thread[i] = svc_thread("effect", run, pool);
    *ret_pool = pool;
    return RC_OK;
}

void pool_put(struct effect_pool *pool, struct effect_job *job)
{
    pthread_mutex_lock(&pool->lock);
    job->next = NULL;
    *pool->last = job;
    pool->last = &job->next;
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

void pool_stop(struct effect_pool **pool)
{
    struct effect_pool *old = *pool;

    if (!old)
        return;
    pthread_mutex_lock(&old->lock);
    old->closed = true;
    pthread_cond_broadcast(&old->wake);
    pthread_mutex_unlock(&old->lock);
    for (size_t i = 0; i < old->threads; i++)
        pthread_join(old->thread[i], NULL);
    pthread_cond_destroy(&old->wake);
    pthread_mutex_destroy(&old->lock);
    free(old->thread);
    free(old->running);
    free(old); /* jobs that waited belong to their lanes, and stand in the table */
    *pool = NULL;
}
