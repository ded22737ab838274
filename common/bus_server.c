/* The one door of a service on the bus: a ROUTER, its ZAP actor, and a thread that passes messages
 * on. Every message is judged by the key of its connection as the key file says *now*. It unpacks
 * nothing but what it must refuse itself; it never waits for a database. Who breaks the protocol
 * (frames, sizes, verbs, routing ids of his own) is not heard any more on that connection. */
#include "common/bus_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/bus_socket.h"
#include "common/log.h"
#include "common/metrics.h"

#define MESSAGES_A_TURN 64
#define CALLS_WAITING_PER_WORKER 64
#define RETRY_AFTER_MS 200

struct outbound {
    struct outbound *next;
    struct route route;
    zmq_msg_t frame;
};

METRIC_FAMILY(refused) = {
    .kind = METRIC_COUNTER,
    .name = "trien_bus_refused_total",
    .help = "Messages refused by the bus server.",
    .labels = "principal,why",
};
METRIC_FAMILY(unsent) = {
    .kind = METRIC_COUNTER,
    .name = "trien_bus_unsent_total",
    .help = "Answers that could not be sent because the peer was gone or did not read.",
};

static void note_refusal(const char *principal, const char *why)
{
    metric_add(&refused, 1, METRIC_LABELS(principal, why));
    log_event(LOG_WARNING, "message_refused", LOG_TEXT("principal", principal),
              LOG_TEXT("why", why));
}

/* --- out ------------------------------------------------------------------------------------- */

void bus_server_answer(struct bus_server *server, const struct route *route, zmq_msg_t *frame)
{
    struct outbound *out = calloc(1, sizeof(*out));
    uint64_t one = 1;
    bool was_empty;

    if (!out)
        abort();
    out->route = *route;
    zmq_msg_init(&out->frame);
    zmq_msg_move(&out->frame, frame);
    pthread_mutex_lock(&server->out_lock);
    was_empty = !server->out_first;
    *server->out_last = out;
    server->out_last = &out->next;
    pthread_mutex_unlock(&server->out_lock);
    if (was_empty && write(server->out_fd, &one, sizeof(one)) != sizeof(one))
        abort(); /* an eventfd takes every write of 1 */
}

void bus_server_answer_bytes(struct bus_server *server, const struct route *route,
                             struct bytes bytes)
{
    zmq_msg_t frame;

    if (zmq_msg_init_size(&frame, bytes.n))
        abort();
    memcpy(zmq_msg_data(&frame), bytes.p, bytes.n);
    bus_server_answer(server, route, &frame);
    zmq_msg_close(&frame);
}

static void send_out(struct bus_server *server, struct outbound *out)
{
    if (zmq_send(server->router, out->route.id, ROUTE_SIZE, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(&out->frame, server->router, ZMQ_DONTWAIT) < 0)
        metric_add(&unsent, 1, NULL);
    zmq_msg_close(&out->frame);
    free(out);
}

static void send_all_out(struct bus_server *server)
{
    struct outbound *out, *next;
    uint64_t count;

    if (read(server->out_fd, &count, sizeof(count)) < 0)
        return;
    pthread_mutex_lock(&server->out_lock);
    out = server->out_first;
    server->out_first = NULL;
    server->out_last = &server->out_first;
    pthread_mutex_unlock(&server->out_lock);
    for (; out; out = next) {
        next = out->next;
        send_out(server, out);
    }
}

void bus_server_refuse_call(struct bus_server *server, const struct job *job, uint64_t call_id,
                            const struct err *why, int retry_after_ms)
{
    struct arena *arena = arena_new((size_t)64 * 1024);
    Trien__Reply reply = TRIEN__REPLY__INIT;

    note_refusal(job->principal, err_entry(why->code)->name);
    reply.call_id = call_id;
    reply.code = why->code;
    reply.detail = (char *)why->detail;
    reply.has_retry_after_ms = retry_after_ms > 0;
    reply.retry_after_ms = (uint32_t)retry_after_ms;
    bus_server_answer_bytes(server, &job->route, wire_pack_reply(arena, &reply));
    arena_free(&arena);
}

/* --- in -------------------------------------------------------------------------------------- */

static bool is_banned(const struct bus_server *server, const uint8_t *id)
{
    size_t count = server->banned_count < COUNT_OF(server->banned) ? server->banned_count
                                                                   : COUNT_OF(server->banned);

    for (size_t i = 0; i < count; i++) {
        if (!memcmp(server->banned[i].id, id, ROUTE_SIZE))
            return true;
    }
    return false;
}

static void ban(struct bus_server *server, const zmq_msg_t *id, const char *principal,
                const char *why)
{
    note_refusal(principal, why);
    if (zmq_msg_size(id) != ROUTE_SIZE)
        return;
    memcpy(server->banned[server->banned_count++ % COUNT_OF(server->banned)].id,
           zmq_msg_data((zmq_msg_t *)id), ROUTE_SIZE);
}

static void overloaded(struct bus_server *server, struct job *job)
{
    struct arena *arena = arena_new(2 * BUS_MAX_FRAME);
    const Trien__Call *call = NULL;
    struct err err = {0};

    if (wire_unpack_call(arena, job_bytes(job), &err, &call) == RC_OK) {
        enum rc rc = err_set(&err, TRIEN__ERROR__OVERLOADED, __FILE__, __LINE__,
                             "%zu calls are waiting", server->calls.limit);
        (void)rc;
        bus_server_refuse_call(server, job, call->call_id, &err, RETRY_AFTER_MS);
    }
    arena_free(&arena);
    job_free(job);
}

static void pass_on(struct bus_server *server, struct job *job, enum wire_verb verb)
{
    if (verb == WIRE_FETCH && server->feed) {
        server->svc->feed_ops->fetch(server->feed, job);
    } else if (verb == WIRE_CALL) {
        if (!jobs_put(&server->calls, job))
            overloaded(server, job);
    } else {
        note_refusal(job->principal, verb == WIRE_FETCH ? "no_feed" : "verb");
        job_free(job);
    }
}

static bool is_route(const zmq_msg_t *id)
{
    return zmq_msg_size(id) == ROUTE_SIZE && *(uint8_t *)zmq_msg_data((zmq_msg_t *)id) == 0;
}

/* What is wrong with the message as such, or NULL. */
static const char *complaint(struct bus_server *server, zmq_msg_t *frames, int count,
                             char *ret_principal)
{
    /* The last frame: on 4.3.4 the routing id's metadata is lost once the socket was polled. */
    const char *user_id = count == 2 ? zmq_msg_gets(&frames[1], "User-Id") : NULL;

    snprintf(ret_principal, PRINCIPAL_MAX, "?");
    if (count != 2)
        return "frames";
    if (!is_route(&frames[0]))
        return "routing_id";
    if (!zap_principal(server->zap, user_id, ret_principal))
        return "key_revoked";
    return NULL;
}

static void on_message(struct bus_server *server, zmq_msg_t *frames, int count)
{
    char principal[PRINCIPAL_MAX];
    const char *why;
    struct job *job;

    if (is_route(&frames[0]) && is_banned(server, zmq_msg_data(&frames[0])))
        return;
    why = complaint(server, frames, count, principal);
    if (why) {
        ban(server, &frames[0], principal, why);
        return;
    }
    job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    memcpy(job->route.id, zmq_msg_data(&frames[0]), ROUTE_SIZE);
    memcpy(job->principal, principal, sizeof(principal));
    job->arrived = clock_monotonic();
    zmq_msg_init(&job->frame);
    zmq_msg_move(&job->frame, &frames[1]);
    pass_on(server, job, wire_verb(job_bytes(job)));
}

static void receive_some(struct bus_server *server)
{
    zmq_msg_t frames[2];
    int count;

    for (int turn = 0; turn < MESSAGES_A_TURN; turn++) {
        count = socket_receive(server->router, frames, 2);
        if (count <= 0)
            return;
        on_message(server, frames, count);
        for (int i = 0; i < count && i < 2; i++)
            zmq_msg_close(&frames[i]);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

static bool try_bind(struct bus_server *server)
{
    struct err err = {0};
    enum rc rc;

    if (zmq_bind(server->router, server->svc->core.bus_bind) == 0) {
        log_event(LOG_INFO, "bus_bound", LOG_TEXT("address", server->svc->core.bus_bind));
        svc_waits(server->svc, "bus", NULL);
        return true;
    }
    rc = err_set(&err, TRIEN__ERROR__PEER_UNAVAILABLE, __FILE__, __LINE__, "bind %s: %s",
                 server->svc->core.bus_bind, zmq_strerror(errno));
    (void)rc;
    svc_waits(server->svc, "bus", &err);
    return false;
}

static void *run(void *arg)
{
    struct bus_server *server = arg;
    zmq_pollitem_t items[] = {{server->router, 0, ZMQ_POLLIN, 0},
                              {NULL, server->out_fd, ZMQ_POLLIN, 0}};

    while (!atomic_load(&server->closing)) {
        if (!atomic_load(&server->bound))
            atomic_store(&server->bound, try_bind(server));
        zmq_poll(items, 2, atomic_load(&server->bound) ? -1 : 200);
        if (items[1].revents & ZMQ_POLLIN)
            send_all_out(server);
        if (items[0].revents & ZMQ_POLLIN)
            receive_some(server);
    }
    send_all_out(server);
    socket_close(&server->router);
    return NULL;
}

static enum rc open_server(struct bus_server *server, struct svc *svc, struct err *err)
{
    TRY(keys_read_secret(svc->keys.own_secret_file, err, server->secret_z85));
    server->context = zmq_ctx_new();
    CHECK(server->context, err, TRIEN__ERROR__INTERNAL, "no ZeroMQ context");
    zmq_ctx_set(server->context, ZMQ_MAX_SOCKETS, 4096);
    TRY(zap_start(server->context, svc->service->name, svc->keys.peer_keys_file, err,
                  &server->zap));
    TRY(socket_router(server->context, svc->service->name, server->secret_z85, err,
                      &server->router));
    explicit_bzero(server->secret_z85, sizeof(server->secret_z85));
    svc->server = server;
    if (svc->feed_ops)
        TRY(svc->feed_ops->start(svc, err, &server->feed));
    return RC_OK;
}

enum rc bus_server_start(struct svc *svc, struct err *err)
{
    struct bus_server *server = calloc(1, sizeof(*server));
    enum rc rc;

    CHECK(server, err, TRIEN__ERROR__INTERNAL, "out of memory");
    server->svc = svc;
    server->worker_count = (size_t)(svc->core.bus_workers > 0 ? svc->core.bus_workers : 1);
    jobs_init(&server->calls, server->worker_count * CALLS_WAITING_PER_WORKER);
    pthread_mutex_init(&server->out_lock, NULL);
    server->out_last = &server->out_first;
    server->out_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = open_server(server, svc, err);
    if (rc != RC_OK)
        return rc; /* the process ends: nothing to tidy */
    work_start(server);
    server->thread = svc_thread("bus-server", run, server);
    return RC_OK;
}

void bus_server_stop(struct svc *svc)
{
    struct bus_server *server = svc->server;
    uint64_t one = 1;

    if (!server)
        return;
    work_stop(server); /* their answers are queued before the socket closes */
    if (server->feed)
        svc->feed_ops->stop(&server->feed);
    atomic_store(&server->closing, true);
    if (write(server->out_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(server->thread, NULL);
    zap_stop(&server->zap);
    zmq_ctx_term(server->context);
    jobs_done(&server->calls);
    close(server->out_fd);
    free(server);
    svc->server = NULL;
}

bool bus_server_bound(const struct svc *svc)
{
    return svc->server && atomic_load(&svc->server->bound);
}

void bus_server_reload_keys(struct svc *svc)
{
    if (svc->server)
        zap_reload(svc->server->zap);
}

enum rc bus_server_check(struct svc *svc, struct err *err)
{
    char z85[KEY_Z85 + 1];
    struct key_table *table = NULL;
    enum rc rc = keys_read_secret(svc->keys.own_secret_file, err, z85);

    explicit_bzero(z85, sizeof(z85));
    TRY(rc);
    TRY(keys_read_public(svc->keys.own_public_file, err, z85));
    TRY(keys_read_table(svc->keys.peer_keys_file, err, &table));
    free(table);
    return RC_OK;
}
