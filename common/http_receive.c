/* Receiving a request within its limits: what can be refused before the body is refused before it,
 * a body beyond its limit (or beyond what all bodies may take) is forgotten at once, and only whole
 * requests are worked. */
#include <stdlib.h>

#include "common/http_exchange.h"

#define MAX_PATH ((size_t)8 * 1024)
/* What a body is given before any of it came: most need no more, and who announces much and sends
 * nothing holds no more. */
#define FIRST_ROOM ((size_t)64 * 1024)

struct tx *http_worker(struct http_listener *listener)
{
    static _Thread_local struct tx *own; /* a thread of the pool serves one listener only */

    if (own)
        return own;
    own = tx_new(listener->svc, NULL, "trien http", listener->options.arena_bytes);
    pthread_mutex_lock(&listener->lock);
    if (listener->worker_count == COUNT_OF(listener->workers))
        abort(); /* more threads than http/threads allows */
    listener->workers[listener->worker_count++] = own;
    pthread_mutex_unlock(&listener->lock);
    return own;
}

/* --- the body ------------------------------------------------------------------------------------
 */

static void drop_body(struct http_exchange *exchange)
{
    atomic_fetch_sub(&exchange->listener->body_memory, exchange->room);
    free(exchange->body);
    exchange->body = NULL;
    exchange->room = exchange->length = 0;
}

/* Room for `need` bytes, counted against what all bodies together may take. */
static bool make_room(struct http_exchange *exchange, size_t need)
{
    struct http_listener *listener = exchange->listener;
    size_t more = need - exchange->room;
    uint8_t *larger;

    if (atomic_fetch_add(&listener->body_memory, more) + more >
        listener->options.body_memory_bytes) {
        atomic_fetch_sub(&listener->body_memory, more);
        return false;
    }
    larger = realloc(exchange->body, need);
    if (!larger)
        abort();
    exchange->body = larger;
    exchange->room = need;
    return true;
}

static void refuse_later(struct http_exchange *exchange, Trien__Error code, const char *why)
{
    drop_body(exchange);
    exchange->refusal = code;
    exchange->why = why;
    exchange->closes = true;
}

/* Beyond its limit nothing is kept, the rest is read and forgotten. False: not worth reading. */
static bool receive(struct http_exchange *exchange, const char *piece, size_t size)
{
    size_t limit = exchange->route->max_body_bytes, need = exchange->length + size;

    if (exchange->refusal) {
        exchange->length = need;
        return need <= 2 * limit + HTTP_HEADER_BYTES;
    }
    if (need > limit) {
        refuse_later(exchange, TRIEN__ERROR__TOO_LARGE, "the body went beyond the limit");
        return true;
    }
    if (need > exchange->room) {
        size_t room = 2 * exchange->room > need ? 2 * exchange->room : need;

        if (!make_room(exchange, room < limit ? room : limit)) {
            refuse_later(exchange, TRIEN__ERROR__OVERLOADED, "bodies take all their memory");
            return true;
        }
    }
    memcpy(exchange->body + exchange->length, piece, size);
    exchange->length = need;
    return true;
}

/* --- a request's way -----------------------------------------------------------------------------
 */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct http_exchange *exchange_new(struct http_listener *listener,
                                          struct MHD_Connection *connection, const char *path,
                                          const char *method)
{
    struct http_exchange *exchange = calloc(1, sizeof(*exchange));
    const union MHD_ConnectionInfo *known =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (!exchange)
        abort();
    exchange->listener = listener;
    exchange->connection = connection;
    exchange->peer = known ? known->socket_context : NULL;
    exchange->request.method = method;
    exchange->request.path = path;
    exchange->request.connection = exchange;
    exchange->started = clock_monotonic();
    pthread_mutex_lock(&listener->lock);
    listener->exchanges++;
    pthread_mutex_unlock(&listener->lock);
    return exchange;
}

/* What can be told before the body is read: NONE, or why it need not be. */
static Trien__Error look(struct http_exchange *exchange, size_t announced)
{
    enum http_match match;

    if (strlen(exchange->request.path) > MAX_PATH)
        return TRIEN__ERROR__NOT_FOUND;
    match = http_route_find(exchange->listener->options.routes, exchange->request.method,
                            exchange->request.path, NULL, NULL, &exchange->route);
    if (match != HTTP_MATCHED)
        return match == HTTP_NO_PATH ? TRIEN__ERROR__NOT_FOUND : TRIEN__ERROR__METHOD_NOT_ALLOWED;
    if (announced > exchange->route->max_body_bytes)
        return TRIEN__ERROR__TOO_LARGE;
    if (announced && !make_room(exchange, announced < FIRST_ROOM ? announced : FIRST_ROOM))
        return TRIEN__ERROR__OVERLOADED;
    return TRIEN__ERROR__NONE;
}

/* A refusal that spares reading a body is sent at once, and libmicrohttpd then closes the
 * connection; without a body the answer waits for finish(), so that the connection is kept. */
static enum MHD_Result begin(struct http_exchange *exchange)
{
    const char *length = header(exchange->connection, "Content-Length");
    size_t announced = length ? strtoull(length, NULL, 10) : 0;

    exchange->refusal = look(exchange, announced);
    exchange->why = "before its body was read";
    if (!exchange->refusal || (!announced && !header(exchange->connection, "Transfer-Encoding")))
        return MHD_YES;
    exchange->closes = true;
    return http_refuse(exchange, exchange->refusal, exchange->why);
}

static void set_waiting(struct http_exchange *exchange, bool waiting)
{
    if (exchange->peer)
        atomic_store_explicit(&exchange->peer->waiting_since, waiting ? clock_monotonic() : 0,
                              memory_order_relaxed);
}

static enum MHD_Result finish(struct http_exchange *exchange)
{
    struct http_listener *listener = exchange->listener;

    if (exchange->is_worked)
        return http_send(exchange); /* by http_gather.c */
    set_waiting(exchange, false);
    if (exchange->refusal)
        return http_refuse(exchange, exchange->refusal, exchange->why);
    if (exchange->route->together)
        return http_gather_put(listener->gather, exchange)
                   ? MHD_YES
                   : http_refuse(exchange, TRIEN__ERROR__OVERLOADED, "the service is stopping");
    http_work(exchange, http_worker(listener));
    return http_send(exchange);
}

enum MHD_Result http_on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                const char *method, const char *version, const char *piece,
                                size_t *piece_size, void **state)
{
    struct http_exchange *exchange = *state;

    (void)version;
    if (!exchange) {
        *state = exchange = exchange_new(arg, connection, path, method);
        return begin(exchange);
    }
    if (*piece_size == 0)
        return finish(exchange);
    if (exchange->peer)
        atomic_fetch_add_explicit(&exchange->peer->received, *piece_size, memory_order_relaxed);
    if (!receive(exchange, piece, *piece_size))
        return MHD_NO;
    *piece_size = 0;
    return MHD_YES;
}

void http_on_completed(void *arg, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode how)
{
    struct http_listener *listener = arg;
    struct http_exchange *exchange = *state;

    (void)connection;
    (void)how;
    if (!exchange)
        return;
    if (exchange->peer)
        atomic_store_explicit(&exchange->peer->received, 0, memory_order_relaxed);
    set_waiting(exchange, true);
    drop_body(exchange);
    if (exchange->wire)
        MHD_destroy_response(exchange->wire);
    free(exchange);
    *state = NULL;
    pthread_mutex_lock(&listener->lock);
    if (--listener->exchanges == 0)
        pthread_cond_broadcast(&listener->idle);
    pthread_mutex_unlock(&listener->lock);
}
