/* Requests worked together: what waits while a transaction is under way goes into the next one. A
 * post costs PostgreSQL less for each that travels with it, and disks sync once for all. One
 * thread, so nobody waits for company and no two transactions of this process stand in each other's
 * way. A request that cannot share the others' fate is worked alone. */
#include <stdlib.h>

#include "common/http_exchange.h"

#define MAX_ITEMS 32
#define MAX_BODIES ((size_t)2 * 1024 * 1024) /* of one transaction; a larger one goes alone */
#define ARENA_SHARE 2                        /* bodies are copied into the statements' arrays */

struct http_gather {
    struct http_listener *listener;
    struct tx *tx;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t filled;
    struct http_exchange *first, **last;
    bool stopping;
};

/* The requests of one transaction; all of one route. */
struct batch {
    struct http_exchange *exchanges[MAX_ITEMS];
    struct http_item items[MAX_ITEMS];
    size_t count;
    struct http_item *shared; /* those that could be prepared, as they are at first */
    struct http_exchange *owners[MAX_ITEMS];
    size_t shared_count;
};

/* --- the queue -----------------------------------------------------------------------------------
 */

bool http_gather_put(struct http_gather *gather, struct http_exchange *exchange)
{
    bool taken;

    pthread_mutex_lock(&gather->lock);
    taken = !gather->stopping;
    if (taken) {
        MHD_suspend_connection(exchange->connection);
        exchange->next = NULL;
        *gather->last = exchange;
        gather->last = &exchange->next;
        pthread_cond_signal(&gather->filled);
    }
    pthread_mutex_unlock(&gather->lock);
    return taken;
}

/* Waits for requests and takes those of one route, in their order. False: the end. */
static bool take(struct http_gather *gather, struct batch *batch)
{
    size_t bodies = 0;

    batch->count = 0;
    pthread_mutex_lock(&gather->lock);
    while (!gather->first && !gather->stopping)
        pthread_cond_wait(&gather->filled, &gather->lock);
    while (gather->first && batch->count < MAX_ITEMS) {
        struct http_exchange *exchange = gather->first;

        bodies += exchange->length;
        if (batch->count && (bodies > MAX_BODIES || exchange->route != batch->exchanges[0]->route))
            break;
        gather->first = exchange->next;
        if (!gather->first)
            gather->last = &gather->first;
        batch->exchanges[batch->count++] = exchange;
    }
    pthread_mutex_unlock(&gather->lock);
    return batch->count > 0;
}

/* --- working -------------------------------------------------------------------------------------
 */

static void wake(struct http_exchange *exchange)
{
    MHD_resume_connection(exchange->connection);
}

static void work_alone(struct http_gather *gather, struct http_exchange *exchange)
{
    http_work(exchange, gather->tx);
    wake(exchange);
}

/* The answer of a request that was worked with others. */
static void settle(struct tx *tx, struct http_exchange *exchange, struct http_item *item)
{
    tx->err = item->err;
    tx_enter(tx, item->traceparent, NULL);
    http_settle(exchange, tx, item->rc, &item->response, false);
    wake(exchange);
}

/* What is not even a multipart body is left out: it would be refused without a transaction. */
static void prepare(struct batch *batch, struct tx *tx)
{
    batch->shared = ARENA_ARRAY(tx->arena, struct http_item, batch->count);
    batch->shared_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct http_exchange *exchange = batch->exchanges[i];
        enum rc rc = http_prepare(exchange, tx);

        err_clear(&tx->err);
        if (rc != RC_OK)
            continue;
        batch->owners[batch->shared_count] = exchange;
        batch->shared[batch->shared_count++] = (struct http_item){
            .request = &exchange->request, .traceparent = http_trace(exchange, tx->arena)};
    }
}

static enum rc run_together(struct tx *tx, void *arg)
{
    struct batch *batch = arg;

    memcpy(batch->items, batch->shared, batch->shared_count * sizeof(*batch->items));
    return batch->exchanges[0]->route->together(tx, batch->items, batch->shared_count);
}

/* Works what can be worked together and takes it out of the batch; what is left is to go alone. */
static void work_together(struct http_gather *gather, struct batch *batch)
{
    struct tx *tx = gather->tx;
    struct tx_start start = {.now = clock_now(),
                             .principal = "",
                             .traceparent = "",
                             .out = batch->exchanges[0]->route->out};
    size_t left = 0;

    tx_reset(tx);
    prepare(batch, tx);
    if (batch->shared_count < 2 || tx_work(tx, &start, run_together, batch) != RC_OK)
        return;
    for (size_t i = 0, s = 0; i < batch->count; i++) {
        struct http_exchange *exchange = batch->exchanges[i];
        bool is_shared = s < batch->shared_count && batch->owners[s] == exchange;

        if (is_shared && !batch->items[s].alone)
            settle(tx, exchange, &batch->items[s]);
        else
            batch->exchanges[left++] = exchange;
        s += is_shared;
    }
    batch->count = left;
}

static void *run(void *arg)
{
    struct http_gather *gather = arg;
    struct batch *batch = calloc(1, sizeof(*batch));

    if (!batch)
        abort();
    while (take(gather, batch)) {
        if (batch->count > 1)
            work_together(gather, batch);
        for (size_t i = 0; i < batch->count; i++)
            work_alone(gather, batch->exchanges[i]);
    }
    free(batch);
    return NULL;
}

/* --- beginning and end ---------------------------------------------------------------------------
 */

void http_gather_start(struct http_listener *listener, struct http_gather **ret_gather)
{
    const struct http_route *route = listener->options.routes;
    struct http_gather *gather;

    while (route->path && !route->together)
        route++;
    if (!route->path)
        return;
    gather = calloc(1, sizeof(*gather));
    if (!gather)
        abort();
    gather->listener = listener;
    gather->last = &gather->first;
    gather->tx =
        tx_new(listener->svc, NULL, "trien http", ARENA_SHARE * listener->options.arena_bytes);
    pthread_mutex_init(&gather->lock, NULL);
    pthread_cond_init(&gather->filled, NULL);
    gather->thread = svc_thread("http-gather", run, gather);
    *ret_gather = gather;
}

void http_gather_stop(struct http_gather *gather)
{
    if (!gather)
        return;
    pthread_mutex_lock(&gather->lock);
    gather->stopping = true;
    pthread_cond_signal(&gather->filled);
    pthread_mutex_unlock(&gather->lock);
    pthread_join(gather->thread, NULL);
}

void http_gather_free(struct http_gather **gather)
{
    if (!*gather)
        return;
    tx_free(&(*gather)->tx);
    free(*gather);
    *gather = NULL;
}
