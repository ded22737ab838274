/* Envelope packing and checking. Refuses anything whose counts or lengths go beyond the limits of
 * bus_wire.h; knows nothing of sockets. No message of ours is recursive, so protobuf-c's missing
 * recursion limit cannot be reached. */
#include "common/bus_wire.h"

#include <string.h>

static const struct {
    uint8_t key;
    enum wire_verb verb;
} verbs[] = {{0x0a, WIRE_FETCH}, {0x12, WIRE_EVENTS}, {0x1a, WIRE_CALL}, {0x22, WIRE_REPLY}};

enum wire_verb wire_verb(struct bytes frame)
{
    for (size_t i = 0; frame.n && i < COUNT_OF(verbs); i++) {
        if (frame.p[0] == verbs[i].key)
            return verbs[i].verb;
    }
    return WIRE_NONE;
}

static enum rc unpack(struct arena *arena, struct bytes frame, Trien__Envelope__BodyCase want,
                      struct err *err, const Trien__Envelope **ret_envelope)
{
    const Trien__Envelope *envelope;

    CHECK(frame.n <= BUS_MAX_FRAME, err, TRIEN__ERROR__TOO_LARGE, "envelope of %zu bytes", frame.n);
    envelope = (const void *)wire_unpack(arena, &trien__envelope__descriptor, frame);
    CHECK(envelope, err, TRIEN__ERROR__MALFORMED, "envelope does not parse");
    CHECK(envelope->body_case == want, err, TRIEN__ERROR__MALFORMED, "envelope carries body %d",
          (int)envelope->body_case);
    *ret_envelope = envelope;
    return RC_OK;
}

static enum rc check_positions(const Trien__Fetch *fetch, struct err *err)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < fetch->n_positions; i++) {
        const Trien__FetchPosition *p = fetch->positions[i];
        CHECK(p->partition < BUS_PARTITIONS, err, TRIEN__ERROR__MALFORMED, "partition %u",
              p->partition);
        CHECK(!(seen >> p->partition & 1), err, TRIEN__ERROR__MALFORMED, "partition %u twice",
              p->partition);
        CHECK(p->next_offset >= 1 && p->committed_offset >= 1, err, TRIEN__ERROR__MALFORMED,
              "offset below 1");
        CHECK(!p->has_last_id || p->last_id.len == 16, err, TRIEN__ERROR__MALFORMED,
              "last id of %zu bytes", p->last_id.len);
        seen |= UINT64_C(1) << p->partition;
    }
    return RC_OK;
}

enum rc wire_unpack_fetch(struct arena *arena, struct bytes frame, struct err *err,
                          const Trien__Fetch **ret_fetch)
{
    const Trien__Envelope *envelope = NULL;
    const Trien__Fetch *fetch;

    CHECK(frame.n <= WIRE_MAX_FETCH, err, TRIEN__ERROR__TOO_LARGE, "fetch of %zu bytes", frame.n);
    TRY(unpack(arena, frame, TRIEN__ENVELOPE__BODY_FETCH, err, &envelope));
    fetch = envelope->fetch;
    CHECK(fetch->n_positions <= WIRE_MAX_POSITIONS, err, TRIEN__ERROR__MALFORMED, "%zu positions",
          fetch->n_positions);
    CHECK(*fetch->group && strlen(fetch->group) <= WIRE_MAX_TYPE, err, TRIEN__ERROR__MALFORMED,
          "group name");
    CHECK(fetch->max_events >= 1 && fetch->max_bytes >= 1, err, TRIEN__ERROR__MALFORMED,
          "a fetch of nothing");
    TRY(check_positions(fetch, err));
    *ret_fetch = fetch;
    return RC_OK;
}

static enum rc check_event(const Trien__Event *event, struct err *err)
{
    CHECK(event->partition < BUS_PARTITIONS && event->offset >= 1, err, TRIEN__ERROR__MALFORMED,
          "event at partition %u", event->partition);
    CHECK(event->id.len == 16, err, TRIEN__ERROR__MALFORMED, "event id of %zu bytes",
          event->id.len);
    CHECK(*event->type && strlen(event->type) <= WIRE_MAX_TYPE, err, TRIEN__ERROR__MALFORMED,
          "type of an event");
    CHECK(strlen(event->key) <= WIRE_MAX_KEY, err, TRIEN__ERROR__MALFORMED, "key of an event");
    CHECK(event->payload.len <= BUS_MAX_EVENT, err, TRIEN__ERROR__TOO_LARGE, "event of %zu bytes",
          event->payload.len);
    return RC_OK;
}

enum rc wire_unpack_events(struct arena *arena, struct bytes frame, struct err *err,
                           const Trien__Events **ret_events)
{
    const Trien__Envelope *envelope = NULL;
    const Trien__Events *events;

    TRY(unpack(arena, frame, TRIEN__ENVELOPE__BODY_EVENTS, err, &envelope));
    events = envelope->events;
    CHECK(events->n_events <= WIRE_MAX_EVENTS && events->n_heads <= BUS_PARTITIONS &&
              events->n_divergences <= BUS_PARTITIONS,
          err, TRIEN__ERROR__MALFORMED, "%zu events", events->n_events);
    for (size_t i = 0; i < events->n_events; i++)
        TRY(check_event(events->events[i], err));
    for (size_t i = 0; i < events->n_heads; i++)
        CHECK(events->heads[i]->partition < BUS_PARTITIONS, err, TRIEN__ERROR__MALFORMED,
              "head of partition %u", events->heads[i]->partition);
    for (size_t i = 0; i < events->n_divergences; i++)
        CHECK(events->divergences[i]->partition < BUS_PARTITIONS, err, TRIEN__ERROR__MALFORMED,
              "divergence of partition %u", events->divergences[i]->partition);
    *ret_events = events;
    return RC_OK;
}

enum rc wire_unpack_call(struct arena *arena, struct bytes frame, struct err *err,
                         const Trien__Call **ret_call)
{
    const Trien__Envelope *envelope = NULL;
    const Trien__Call *call;

    TRY(unpack(arena, frame, TRIEN__ENVELOPE__BODY_CALL, err, &envelope));
    call = envelope->call;
    CHECK(*call->method && strlen(call->method) <= WIRE_MAX_TYPE, err, TRIEN__ERROR__MALFORMED,
          "method name");
    CHECK(call->payload.len <= BUS_MAX_CALL, err, TRIEN__ERROR__TOO_LARGE, "call of %zu bytes",
          call->payload.len);
    CHECK(!call->traceparent || strlen(call->traceparent) <= WIRE_MAX_TYPE, err,
          TRIEN__ERROR__MALFORMED, "traceparent of a call");
    *ret_call = call;
    return RC_OK;
}

enum rc wire_unpack_reply(struct arena *arena, struct bytes frame, struct err *err,
                          const Trien__Reply **ret_reply)
{
    const Trien__Envelope *envelope = NULL;

    TRY(unpack(arena, frame, TRIEN__ENVELOPE__BODY_REPLY, err, &envelope));
    *ret_reply = envelope->reply;
    return RC_OK;
}

struct bytes wire_message(struct arena *arena, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *p = arena_room(arena, n + 1);

    protobuf_c_message_pack(message, p);
    return bytes_of(p, n);
}

struct bytes wire_pack(struct arena *arena, const Trien__Envelope *envelope)
{
    return wire_message(arena, &envelope->base);
}

struct bytes wire_pack_fetch(struct arena *arena, Trien__Fetch *fetch)
{
    Trien__Envelope envelope = TRIEN__ENVELOPE__INIT;

    envelope.body_case = TRIEN__ENVELOPE__BODY_FETCH;
    envelope.fetch = fetch;
    return wire_pack(arena, &envelope);
}

struct bytes wire_pack_call(struct arena *arena, Trien__Call *call)
{
    Trien__Envelope envelope = TRIEN__ENVELOPE__INIT;

    envelope.body_case = TRIEN__ENVELOPE__BODY_CALL;
    envelope.call = call;
    return wire_pack(arena, &envelope);
}

struct bytes wire_pack_reply(struct arena *arena, Trien__Reply *reply)
{
    Trien__Envelope envelope = TRIEN__ENVELOPE__INIT;

    envelope.body_case = TRIEN__ENVELOPE__BODY_REPLY;
    envelope.reply = reply;
    return wire_pack(arena, &envelope);
}

size_t wire_varint_size(uint64_t value)
{
    size_t n = 1;

    while (value >>= 7)
        n++;
    return n;
}

uint8_t *wire_put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

size_t wire_block_size(unsigned field, size_t n)
{
    return wire_varint_size((uint64_t)field << 3 | 2) + wire_varint_size(n) + n;
}

uint8_t *wire_put_block(uint8_t *at, unsigned field, size_t n)
{
    return wire_put_varint(wire_put_varint(at, (uint64_t)field << 3 | 2), n);
}
