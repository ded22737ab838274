/* Whatever a peer may send: the envelope of the bus, every verb. Nothing may be believed that is
 * beyond the limits, and nothing may crash. */
#include "common/bus_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fetch(const Trien__Fetch *fetch)
{
    uint64_t seen = 0;

    if (fetch->n_positions > WIRE_MAX_POSITIONS)
        __builtin_trap();
    for (size_t i = 0; i < fetch->n_positions; i++) {
        uint32_t partition = fetch->positions[i]->partition;
        if (partition >= BUS_PARTITIONS || (seen >> partition & 1))
            __builtin_trap();
        seen |= UINT64_C(1) << partition;
    }
}

static void check_events(const Trien__Events *events)
{
    for (size_t i = 0; i < events->n_events; i++) {
        if (events->events[i]->partition >= BUS_PARTITIONS || events->events[i]->id.len != 16 ||
            events->events[i]->payload.len > BUS_MAX_EVENT)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct bytes frame = bytes_of(data, size);
    struct err err = {0};
    const Trien__Fetch *fetch;
    const Trien__Events *events;
    const Trien__Call *call;
    const Trien__Reply *reply;

    if (wire_verb(frame) == WIRE_NONE && size && data[0] == 0x0a)
        __builtin_trap();
    if (wire_unpack_fetch(arena, frame, &err, &fetch) == RC_OK)
        check_fetch(fetch);
    if (wire_unpack_events(arena, frame, &err, &events) == RC_OK)
        check_events(events);
    if (wire_unpack_call(arena, frame, &err, &call) == RC_OK && call->payload.len > BUS_MAX_CALL)
        __builtin_trap();
    if (wire_unpack_reply(arena, frame, &err, &reply) == RC_OK && reply->call_id == 1)
        (void)wire_message(arena, &reply->base);
    arena_free(&arena);
    return 0;
}
