/* Working one request and answering it: the handler in its transaction, problem+json for every
 * refusal, the log line. What a handler sees of a request is here as well. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/http_exchange.h"
#include "common/log.h"

/* --- what handlers ask ---------------------------------------------------------------------------
 */

const char *http_path_value(const struct http_request *request, const char *name)
{
    const struct http_exchange *exchange = request->connection;
    size_t length = strlen(name);

    for (size_t i = 0; i < HTTP_MAX_CAPTURES && exchange->captures[i].name; i++)
        if (exchange->captures[i].name_length == length &&
            !memcmp(exchange->captures[i].name, name, length))
            return exchange->captures[i].value;
    return "";
}

const char *http_query_value(const struct http_request *request, const char *name)
{
    const struct http_exchange *exchange = request->connection;
    const char *raw =
        MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);

    return raw ? http_decode(exchange->arena, raw, strlen(raw)) : NULL;
}

const char *http_header(const struct http_request *request, const char *name)
{
    const struct http_exchange *exchange = request->connection;

    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

void http_add_header(struct http_response *response, const char *name, const char *value)
{
    if (response->header_count == COUNT_OF(response->headers))
        abort(); /* a handler's headers are counted by its programmer */
    response->headers[response->header_count][0] = name;
    response->headers[response->header_count++][1] = value;
}

void http_json(struct http_response *response, int status, const char *json)
{
    response->status = status;
    response->content_type = "application/json";
    response->body = bytes_of_text(json);
}

/* --- sending -------------------------------------------------------------------------------------
 */

static struct MHD_Response *make_response(const struct http_response *response)
{
    if (response->has_file)
        return MHD_create_response_from_fd64(response->file_bytes, response->file_fd);
    if (response->owner)
        return MHD_create_response_from_buffer_with_free_callback_cls(
            response->body.n, (void *)(uintptr_t)response->body.p, response->release,
            response->owner);
    return MHD_create_response_from_buffer(response->body.n, (void *)(uintptr_t)response->body.p,
                                           MHD_RESPMEM_MUST_COPY);
}

/* What an answer holds that is not sent. */
static void let_go(const struct http_response *response)
{
    if (response->has_file)
        close(response->file_fd);
    if (response->owner)
        response->release(response->owner);
}

static void make_wire(struct http_exchange *exchange, const struct http_response *response)
{
    struct MHD_Response *wire = make_response(response);

    exchange->is_worked = true;
    if (!wire) {
        let_go(response);
        return;
    }
    MHD_add_response_header(wire, "Content-Type",
                            response->content_type ? response->content_type : "application/json");
    for (size_t i = 0; i < response->header_count; i++)
        MHD_add_response_header(wire, response->headers[i][0], response->headers[i][1]);
    if (atomic_load_explicit(&exchange->listener->stopping, memory_order_relaxed))
        MHD_add_response_header(wire, "Connection", "close");
    exchange->wire = wire;
    exchange->status = response->status ? (unsigned)response->status : 200;
}

enum MHD_Result http_send(struct http_exchange *exchange)
{
    enum MHD_Result result;

    if (!exchange->wire)
        return MHD_NO; /* no memory for it */
    result = MHD_queue_response(exchange->connection, exchange->status, exchange->wire);
    MHD_destroy_response(exchange->wire);
    exchange->wire = NULL;
    return result;
}

static void make_problem(struct http_exchange *exchange, struct arena *arena, const struct err *err,
                         struct http_response *response)
{
    const char *json = http_problem(arena, err, &response->status);

    response->content_type = "application/problem+json";
    response->body = bytes_of_text(json);
    if (response->status == 503)
        http_add_header(response, "Retry-After", "2");
    if (response->status == 401)
        http_add_header(response, "WWW-Authenticate", "Bearer");
    if (response->status == 405)
        http_add_header(
            response, "Allow",
            http_route_methods(exchange->listener->options.routes, exchange->request.path, arena));
    if (exchange->closes)
        http_add_header(response, "Connection", "close");
}

static void note(struct http_exchange *exchange, struct tx *tx, enum rc rc, int status, bool quiet)
{
    const struct svc_message message = {
        .kind = "http",
        .name = exchange->route ? exchange->route->path : "(none)",
        .peer = exchange->request.method,
        .key = "",
        .traceparent = tx->traceparent,
        .doing = tx->doing,
        .number = status,
        .started = exchange->started,
        .rc = rc,
        .err = &tx->err,
        .is_quiet = quiet,
    };

    svc_handled(exchange->listener->svc, &message);
}

enum MHD_Result http_refuse(struct http_exchange *exchange, Trien__Error code, const char *why)
{
    struct tx *tx = http_worker(exchange->listener);
    struct http_response response = {0};
    enum rc rc;

    tx_reset(tx);
    tx_begin_without_database(tx, clock_now(), "", "");
    rc = err_set(&tx->err, code, __FILE__, __LINE__, "%s", why);
    make_problem(exchange, tx->arena, &tx->err, &response);
    note(exchange, tx, rc, response.status, false);
    make_wire(exchange, &response);
    return http_send(exchange);
}

/* --- working -------------------------------------------------------------------------------------
 */

/* W3C trace context: the caller's, or a new one. Random once a thread, counted from there. */
const char *http_trace(struct http_exchange *exchange, struct arena *arena)
{
    static _Thread_local uint64_t seed[3];
    const char *given = http_header(&exchange->request, "traceparent");

    if (given && strlen(given) == 55 && !strncmp(given, "00-", 3) &&
        strspn(given, "0123456789abcdef-") == 55 && given[35] == '-' && given[52] == '-')
        return given;
    if (!seed[0] && getrandom(seed, sizeof(seed), 0) != sizeof(seed))
        return "";
    seed[1]++;
    seed[2] += 0x9e3779b97f4a7c15u;
    return arena_printf(arena, "00-%016llx%016llx-%016llx-01", (unsigned long long)seed[0],
                        (unsigned long long)seed[1], (unsigned long long)seed[2]);
}

struct arguments {
    struct tx *tx;
    bool is_bad;
};

static enum MHD_Result check_argument(void *arg, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct arguments *arguments = arg;

    (void)kind;
    arguments->is_bad = value && !http_decode(arguments->tx->arena, value, strlen(value));
    if (arguments->is_bad && bytes_are_text(bytes_of_text(name)))
        err_field(&arguments->tx->err, "%.64s", name);
    return arguments->is_bad ? MHD_NO : MHD_YES;
}

/* A filter that cannot be read must not look like one that was not given. */
static enum rc check_query(struct http_exchange *exchange, struct tx *tx)
{
    struct arguments arguments = {tx, false};

    MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, check_argument,
                              &arguments);
    CHECK(!arguments.is_bad, &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "the query is not well encoded");
    return RC_OK;
}

enum rc http_prepare(struct http_exchange *exchange, struct tx *tx)
{
    struct http_request *request = &exchange->request;
    const struct http_route *route = exchange->route;

    exchange->arena = tx->arena;
    request->body =
        bytes_of(exchange->body ? exchange->body : (const uint8_t *)"", exchange->length);
    /* Captures are decoded now, because this thread's arena served others while the body came. */
    CHECK(http_route_find(exchange->listener->options.routes, request->method, request->path,
                          tx->arena, exchange->captures, &route) == HTTP_MATCHED,
          &tx->err, TRIEN__ERROR__NOT_FOUND, "the path is not well encoded");
    TRY(check_query(exchange, tx));
    if (!route->multipart)
        return RC_OK;
    return http_multipart(tx->arena, http_header(request, "Content-Type"), request->body, &tx->err,
                          &request->parts, &request->part_count);
}

struct work {
    struct http_exchange *exchange;
    struct http_response *response;
};

static enum rc run_handler(struct tx *tx, void *arg)
{
    const struct work *work = arg;

    let_go(work->response); /* of a transaction that is done again */
    *work->response = (struct http_response){0};
    return work->exchange->route->fn(tx, &work->exchange->request, work->response);
}

static enum rc run_route(struct http_exchange *exchange, struct tx *tx,
                         struct http_response *response, bool *ret_quiet)
{
    const struct http_route *route = exchange->route;
    struct work work = {exchange, response};
    struct tx_start start = {.now = clock_now(),
                             .principal = "",
                             .traceparent = "",
                             .out = route->out,
                             .no_transaction = route->no_transaction};

    TRY(http_prepare(exchange, tx));
    if (route->hot) {
        tx_begin_without_database(tx, start.now, "", "");
        if (route->hot(tx, &exchange->request, response)) {
            *ret_quiet = true;
            return RC_OK;
        }
    }
    if (route->no_transaction)
        *ret_quiet = true;
    else
        start.traceparent = http_trace(exchange, tx->arena);
    return tx_work(tx, &start, run_handler, &work);
}

void http_settle(struct http_exchange *exchange, struct tx *tx, enum rc rc,
                 struct http_response *response, bool quiet)
{
    if (rc != RC_OK) {
        let_go(response);
        *response = (struct http_response){0};
        if (exchange->route->failed)
            exchange->route->failed(tx, rc, &exchange->request, response);
        else
            make_problem(exchange, tx->arena, &tx->err, response);
    }
    note(exchange, tx, rc, response->status ? response->status : 200, quiet && rc == RC_OK);
    make_wire(exchange, response);
}

void http_work(struct http_exchange *exchange, struct tx *tx)
{
    struct http_response response = {0};
    bool quiet = false;
    enum rc rc;

    tx_reset(tx);
    rc = run_route(exchange, tx, &response, &quiet);
    http_settle(exchange, tx, rc, &response, quiet);
}
