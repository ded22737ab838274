/* Calls: send, wait, and send again elsewhere when that cannot do harm. One caller belongs to one
 * thread. It never waits beyond the deadline and never queues. */
#include <stdlib.h>
#include <string.h>

#include "common/bus_peer.h"
#include "common/bus_wire.h"
#include "common/metrics.h"
#include "common/svc_internal.h"

struct bus_caller {
    struct identity *identity;
    struct bus_peer *peers;
    struct link **links; /* beside peers; made on first use */
    size_t count;
    uint64_t call_id;
};

/* One call on its way. */
struct outgoing {
    struct link *link;
    struct bytes frame;
    uint64_t id;
    usec until; /* monotonic */
    bool again; /* harmless to send twice */
    bool sent;
};

METRIC_FAMILY(seconds) = {
    .kind = METRIC_HISTOGRAM,
    .name = "trien_bus_call_seconds",
    .help = "Calls to other services, until their answer.",
    .labels = "peer,method,outcome",
};

enum rc bus_caller_new(const struct bus_keys *keys, const struct bus_peer *peers, size_t count,
                       struct err *err, struct bus_caller **ret_caller)
{
    struct bus_caller *caller = calloc(1, sizeof(*caller));
    enum rc rc;

    CHECK(caller, err, TRIEN__ERROR__INTERNAL, "out of memory");
    caller->links = calloc(count + 1, sizeof(struct link *));
    caller->peers = calloc(count + 1, sizeof(*peers));
    if (caller->links && caller->peers) {
        memcpy(caller->peers, peers, count * sizeof(*peers));
        caller->count = count;
        rc = identity_new(keys, err, &caller->identity);
    } else {
        rc = err_set(err, TRIEN__ERROR__INTERNAL, __FILE__, __LINE__, "out of memory");
    }
    if (rc != RC_OK) {
        bus_caller_free(&caller);
        return rc;
    }
    *ret_caller = caller;
    return RC_OK;
}

void bus_caller_free(struct bus_caller **caller)
{
    if (!*caller)
        return;
    for (size_t i = 0; i < (*caller)->count; i++)
        link_free(&(*caller)->links[i]);
    identity_free(&(*caller)->identity);
    free((*caller)->links);
    free((*caller)->peers);
    free(*caller);
    *caller = NULL;
}

static struct link *find_link(struct bus_caller *caller, const char *name)
{
    for (size_t i = 0; i < caller->count; i++) {
        const struct bus_peer *peer = &caller->peers[i];
        if (strcmp(peer->name, name))
            continue;
        if (!caller->links[i])
            caller->links[i] = link_new(caller->identity, peer->name, peer->addresses);
        return caller->links[i];
    }
    return NULL;
}

static int wait_ms(const struct outgoing *call, usec now)
{
    usec due = link_due(call->link) < call->until ? link_due(call->link) : call->until;

    return due <= now ? 0 : (int)((due - now + USEC_PER_MS - 1) / USEC_PER_MS);
}

/* True when a reply to this very call was there. */
static bool take_reply(struct outgoing *call, struct arena *arena, const Trien__Reply **ret_reply)
{
    zmq_msg_t frame;

    while (link_receive(call->link, &frame)) {
        const Trien__Reply *reply = NULL;
        struct err ignored = {0};
        enum rc rc = wire_unpack_reply(arena, bytes_of(zmq_msg_data(&frame), zmq_msg_size(&frame)),
                                       &ignored, &reply);
        zmq_msg_close(&frame);
        if (rc == RC_OK && reply->call_id == call->id) {
            *ret_reply = reply;
            return true;
        }
    }
    return false;
}

static enum rc exchange(struct outgoing *call, struct arena *arena, struct err *err,
                        const Trien__Reply **ret_reply)
{
    for (;;) {
        usec now = clock_monotonic();
        zmq_pollitem_t items[2];

        if (link_turn(call->link, now) == LINK_LOST && call->sent) {
            CHECK(call->again, err, TRIEN__ERROR__PEER_UNAVAILABLE,
                  "%s went away before it answered", link_name(call->link));
            call->sent = false;
        }
        if (!call->sent && link_ready(call->link))
            call->sent = link_send(call->link, call->frame);
        if (call->sent && take_reply(call, arena, ret_reply))
            return RC_OK;
        if (now >= call->until) {
            if (call->sent)
                link_drop(call->link, now);
            FAIL(err, call->sent ? TRIEN__ERROR__DEADLINE_PASSED : TRIEN__ERROR__PEER_UNAVAILABLE,
                 "%s: %s", link_name(call->link),
                 call->sent ? "no answer inside the deadline" : "no connection");
        }
        zmq_poll(items, link_poll(call->link, items), wait_ms(call, now));
    }
}

static enum rc read_reply(const char *peer, const Trien__Reply *reply,
                          const ProtobufCMessageDescriptor *type, struct arena *arena,
                          struct err *err, ProtobufCMessage **ret_reply)
{
    ProtobufCMessage *message;

    if (reply->code != TRIEN__ERROR__NONE) {
        if (reply->field)
            err_field(err, "%s", reply->field);
        FAIL(err, reply->code, "%s: %s", peer, reply->detail ? reply->detail : "");
    }
    message = wire_unpack(arena, type, bytes_of(reply->payload.data, reply->payload.len));
    CHECK(message, err, TRIEN__ERROR__MALFORMED, "%s: reply is no %s", peer, type->name);
    *ret_reply = message;
    return RC_OK;
}

static void pack_call(struct bus_caller *caller, struct outgoing *call,
                      const ProtobufCMessage *request, int deadline_ms, const char *idempotency_key,
                      const char *traceparent, struct arena *arena)
{
    Trien__Call message = TRIEN__CALL__INIT;
    struct bytes payload = wire_message(arena, request);

    call->id = message.call_id = ++caller->call_id;
    message.method = (char *)svc_message_name(request->descriptor);
    message.deadline = clock_now() + deadline_ms * USEC_PER_MS;
    message.idempotency_key = (char *)idempotency_key;
    message.traceparent = traceparent && *traceparent ? (char *)traceparent : NULL;
    message.payload = (ProtobufCBinaryData){payload.n, (uint8_t *)payload.p};
    call->frame = wire_pack_call(arena, &message);
}

enum rc bus_call(struct bus_caller *caller, const char *peer, const ProtobufCMessage *request,
                 const ProtobufCMessageDescriptor *reply_type, int deadline_ms,
                 const char *idempotency_key, const char *traceparent, struct arena *arena,
                 struct err *err, ProtobufCMessage **ret_reply)
{
    usec started = clock_monotonic();
    const Trien__Reply *reply = NULL;
    struct outgoing call = {.link = find_link(caller, peer),
                            .until = started + deadline_ms * USEC_PER_MS,
                            .again = idempotency_key != NULL};
    enum rc rc;

    CHECK(call.link, err, TRIEN__ERROR__CONFIG_INVALID, "no address for peer %s", peer);
    CHECK(protobuf_c_message_get_packed_size(request) <= BUS_MAX_CALL, err, TRIEN__ERROR__TOO_LARGE,
          "call of more than %zu bytes", BUS_MAX_CALL);
    pack_call(caller, &call, request, deadline_ms, idempotency_key, traceparent, arena);
    rc = exchange(&call, arena, err, &reply);
    if (rc == RC_OK)
        rc = read_reply(peer, reply, reply_type, arena, err, ret_reply);
    metric_observe(&seconds, (double)(clock_monotonic() - started) / 1e6,
                   METRIC_LABELS(peer, svc_message_name(request->descriptor), rc_name(rc)));
    return rc;
}
