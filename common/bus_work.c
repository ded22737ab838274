/* Workers of calls: unpack, authorise by principal and method, run the handler in its transaction,
 * answer. A call past its deadline is not worked for; a method nobody named is refused. */
#include <stdlib.h>
#include <string.h>

#include "common/bus_server.h"
#include "common/metrics.h"

#define CALL_ARENA_BYTES ((size_t)32 * 1024 * 1024)

/* Field numbers of proto/bus.proto. */
enum { ENVELOPE_REPLY = 4, REPLY_CALL_ID = 1, REPLY_CODE = 2, REPLY_PAYLOAD = 6 };

const struct on_call *operator_database_calls;

METRIC_FAMILY(late) = {
    .kind = METRIC_COUNTER,
    .name = "trien_bus_late_calls_total",
    .help =
        "Calls that were past their deadline when their turn came: nobody waited for an answer. "
        "Many at rest: this clock is ahead of the caller's.",
    .labels = "peer,method",
};

/* One call being worked. */
struct work {
    struct svc *svc;
    const Trien__Call *call;
    const struct on_call *row;
    const ProtobufCMessage *request;
    ProtobufCMessage *reply;
};

struct worker {
    struct bus_server *server;
    size_t number;
};

bool work_may(const char *words, const char *word)
{
    size_t length = strlen(word);

    while (words && *words) {
        size_t n = strcspn(words, " ");
        if (n == length && !strncmp(words, word, n))
            return true;
        words += n;
        words += strspn(words, " ");
    }
    return false;
}

static const struct on_call *find_in(const struct on_call *rows, const char *method)
{
    for (; rows && rows->in; rows++) {
        if (!strcmp(svc_message_name(rows->in), method))
            return rows;
    }
    return NULL;
}

static const struct on_call *find_row(const struct svc *svc, const char *method)
{
    const struct on_call *row = find_in(svc->service->calls, method);

    if (!row)
        row = find_in(operator_calls, method);
    return row ? row : find_in(operator_database_calls, method);
}

bool work_is_officer(const char *principal)
{
    size_t prefix = strlen("officer");

    return !strncmp(principal, "officer", prefix) && principal[prefix] >= '1' &&
           principal[prefix] <= '9' && strspn(principal + prefix, "0123456789") <= 3 &&
           !principal[prefix + strspn(principal + prefix, "0123456789")];
}

/* Among those who may: "@self" is the service's own key, "officers" every officer there is. No
 * principal is called so. */
static bool may_call(const struct svc *svc, const struct on_call *row, const char *principal)
{
    return work_may(row->from, principal) ||
           (work_is_officer(principal) && work_may(row->from, "officers")) ||
           (!strcmp(principal, svc->service->name) && work_may(row->from, "@self"));
}

static enum rc authorise(struct svc *svc, const struct job *job, struct work *work, struct err *err)
{
    work->row = find_row(svc, work->call->method);
    /* The same answer for an unknown method and for one that is somebody else's. */
    CHECK(work->row && may_call(svc, work->row, job->principal), err, TRIEN__ERROR__FORBIDDEN,
          "%s may not call %s here", job->principal, work->call->method);
    return RC_OK;
}

static enum rc unpack_request(struct arena *arena, struct work *work, struct err *err)
{
    work->request = wire_unpack(arena, work->row->in,
                                bytes_of(work->call->payload.data, work->call->payload.len));
    CHECK(work->request, err, TRIEN__ERROR__MALFORMED, "payload is no %s", work->call->method);
    return RC_OK;
}

static enum rc body(struct tx *tx, void *arg)
{
    struct work *work = arg;

    work->reply = arena_alloc(tx->arena, work->row->reply->sizeof_message);
    protobuf_c_message_init(work->row->reply, work->reply);
    return work->row->fn(tx, work->request, work->reply);
}

static enum rc run_handler(struct tx *tx, const struct job *job, struct work *work)
{
    struct tx_start start = {
        .now = clock_now(),
        .principal = job->principal,
        .traceparent = work->call->traceparent ? work->call->traceparent : "",
        .out = work->row->out,
        .no_transaction = work->row->no_transaction || !work->svc->tx_ops,
        .reads = work->row->reads,
    };

    TRY(tx_work(tx, &start, body, work));
    CHECK(protobuf_c_message_get_packed_size(work->reply) <= BUS_MAX_CALL, &tx->err,
          TRIEN__ERROR__TOO_LARGE, "reply of more than %zu bytes", BUS_MAX_CALL);
    return RC_OK;
}

/* Written once, into the message that is sent: a reply may carry a document. */
static void answer_with(struct bus_server *server, const struct job *job, uint64_t call_id,
                        const ProtobufCMessage *payload)
{
    size_t n = protobuf_c_message_get_packed_size(payload);
    size_t inner = 1 + wire_varint_size(call_id) + 1 + wire_varint_size(TRIEN__ERROR__NONE) +
                   wire_block_size(REPLY_PAYLOAD, n);
    zmq_msg_t frame;
    uint8_t *at;

    if (zmq_msg_init_size(&frame, wire_block_size(ENVELOPE_REPLY, inner)))
        abort();
    at = wire_put_block(zmq_msg_data(&frame), ENVELOPE_REPLY, inner);
    at = wire_put_varint(wire_put_varint(at, REPLY_CALL_ID << 3), call_id);
    at = wire_put_varint(wire_put_varint(at, REPLY_CODE << 3), TRIEN__ERROR__NONE);
    protobuf_c_message_pack(payload, wire_put_block(at, REPLY_PAYLOAD, n));
    bus_server_answer(server, &job->route, &frame);
    zmq_msg_close(&frame);
}

static void answer(struct bus_server *server, const struct job *job, struct tx *tx,
                   const struct work *work, enum rc rc)
{
    Trien__Reply reply = TRIEN__REPLY__INIT;

    if (rc == RC_OK) {
        answer_with(server, job, work->call->call_id, work->reply);
        return;
    }
    reply.call_id = work->call->call_id;
    reply.code = tx->err.code;
    reply.detail = tx->err.detail;
    reply.field = *tx->err.field ? tx->err.field : NULL;
    bus_server_answer_bytes(server, &job->route, wire_pack_reply(tx->arena, &reply));
}

static void log_call(struct svc *svc, const struct job *job, struct tx *tx, const struct work *work,
                     enum rc rc)
{
    struct svc_message message = {
        .kind = "call",
        .name = work->call->method,
        .peer = job->principal,
        .key = "",
        .traceparent = work->call->traceparent ? work->call->traceparent : "",
        .doing = tx->doing,
        .started = job->arrived,
        .rc = rc,
        .err = &tx->err,
    };

    svc_handled(svc, &message);
}

static void work_one(struct bus_server *server, struct job *job, struct tx *tx)
{
    struct work work = {.svc = server->svc};
    enum rc rc;

    tx_reset(tx);
    if (wire_unpack_call(tx->arena, job_bytes(job), &tx->err, &work.call) != RC_OK) {
        bus_server_refuse_call(server, job, 0, &tx->err, 0);
        return;
    }
    if (work.call->deadline <= clock_now()) { /* nobody waits for it any more */
        const struct on_call *row = find_row(server->svc, work.call->method);

        metric_add(&late, 1, METRIC_LABELS(job->principal, row ? work.call->method : ""));
        return;
    }
    if (authorise(server->svc, job, &work, &tx->err) != RC_OK ||
        unpack_request(tx->arena, &work, &tx->err) != RC_OK) {
        bus_server_refuse_call(server, job, work.call->call_id, &tx->err, 0);
        return;
    }
    rc = run_handler(tx, job, &work);
    answer(server, job, tx, &work, rc);
    log_call(server->svc, job, tx, &work, rc);
}

static void *run(void *arg)
{
    struct worker worker = *(struct worker *)arg;
    char name[32];
    struct tx *tx;
    struct job *job;

    free(arg);
    snprintf(name, sizeof(name), "call %zu", worker.number);
    tx = tx_new(worker.server->svc, NULL, name, CALL_ARENA_BYTES);
    while ((job = jobs_take(&worker.server->calls))) {
        work_one(worker.server, job, tx);
        job_free(job);
    }
    tx_free(&tx);
    return NULL;
}

void work_start(struct bus_server *server)
{
    server->workers = calloc(server->worker_count, sizeof(pthread_t));
    for (size_t i = 0; i < server->worker_count; i++) {
        struct worker *worker = malloc(sizeof(*worker));

        if (!server->workers || !worker)
            abort();
        *worker = (struct worker){server, i};
        server->workers[i] = svc_thread("bus-call", run, worker);
    }
}

void work_stop(struct bus_server *server)
{
    jobs_close(&server->calls);
    for (size_t i = 0; i < server->worker_count; i++)
        pthread_join(server->workers[i], NULL);
    free(server->workers);
    server->workers = NULL;
}
