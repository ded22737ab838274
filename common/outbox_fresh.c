/* Events on their way out: packed as they go on the wire, either from a row of the log or, by the
 * thread that has just committed them, from its own transaction. The latter wait here for the feed,
 * which then need not read them. It hands over nothing that is not committed; what is too much is
 * dropped as a whole, because the log has it. */
#include <stdlib.h>
#include <string.h>

#include "common/bus_wire.h"
#include "common/outbox.h"
#include "common/svc_internal.h"

#define FRESH_BYTES ((size_t)1024 * 1024)

/* Fields of an Event (proto/bus.proto) as they are packed. */
struct parts {
    unsigned partition;
    int64_t offset;
    const uint8_t *id;
    struct bytes texts[3]; /* type, key, traceparent */
    usec created_at;
    struct bytes payload;
};

static size_t room_for(const struct parts *p)
{
    return 64 + 16 + p->texts[0].n + p->texts[1].n + p->texts[2].n + p->payload.n;
}

/* Into room_for() bytes at `start`. */
static struct packed pack(const struct parts *p, uint8_t *start)
{
    struct packed out = {.partition = p->partition, .offset = p->offset};
    uint8_t *at = wire_put_varint(start, 1 << 3);

    at = wire_put_varint(at, p->partition);
    at = wire_put_varint(wire_put_varint(at, 2 << 3), (uint64_t)p->offset);
    at = (uint8_t *)mempcpy(wire_put_block(at, 3, 16), p->id, 16);
    for (unsigned i = 0; i < COUNT_OF(p->texts); i++) {
        if (i < 2 || p->texts[i].n) /* the traceparent is optional */
            at = (uint8_t *)mempcpy(wire_put_block(at, 4 + i, p->texts[i].n), p->texts[i].p,
                                    p->texts[i].n);
    }
    at = wire_put_varint(wire_put_varint(at, 7 << 3), (uint64_t)p->created_at);
    at = (uint8_t *)mempcpy(wire_put_block(at, 8, p->payload.n), p->payload.p, p->payload.n);
    memcpy(out.id, p->id, 16);
    out.bytes = bytes_of(start, (size_t)(at - start));
    return out;
}

struct packed outbox_pack_row(struct arena *arena, const struct db_rows *rows, size_t row)
{
    struct parts parts = {.partition = (unsigned)db_get_int(rows, row, 0),
                          .offset = db_get_int(rows, row, 1),
                          .id = db_get_uuid(rows, row, 2),
                          .texts = {bytes_of_text(db_get_text(rows, row, 3)),
                                    bytes_of_text(db_get_text(rows, row, 4)),
                                    bytes_of_text(db_get_text(rows, row, 5))},
                          .created_at = db_get_time(rows, row, 6),
                          .payload = db_get_bytes(rows, row, 7)};

    return pack(&parts, arena_alloc(arena, room_for(&parts)));
}

/* --- from the transaction that committed them ---------------------------------------------------
 */

static struct packed *pack_event(const struct tx *tx, size_t at, int64_t *offsets)
{
    const struct tx_event *event = &tx->frame->events[at];
    unsigned partition = bus_partition(event->key);
    struct parts parts = {.partition = partition,
                          .offset = offsets[partition]++,
                          .id = tx->frame->event_ids[at],
                          .texts = {bytes_of_text(event->type), bytes_of_text(event->key),
                                    bytes_of_text(event->traceparent)},
                          .created_at = tx->now,
                          .payload = event->payload};
    struct packed *packed = malloc(sizeof(*packed) + room_for(&parts));

    if (!packed)
        abort();
    *packed = pack(&parts, (uint8_t *)(packed + 1));
    packed->log = db_log(tx->frame->db);
    return packed;
}

/* All events of the transaction, linked in their order. */
static struct packed *pack_all(const struct tx *tx, struct packed **ret_last, size_t *ret_bytes)
{
    const struct db_rows *places = tx->frame->event_places;
    int64_t offsets[BUS_PARTITIONS] = {0};
    struct packed *first = NULL, **end = &first;

    for (size_t i = 0; i < db_count(places); i++)
        offsets[db_get_int(places, i, 0)] = db_get_int(places, i, 1);
    for (size_t i = 0; i < tx->frame->event_count; i++) {
        *ret_last = *end = pack_event(tx, i, offsets);
        *ret_bytes += (*end)->bytes.n;
        end = &(*end)->next;
    }
    return first;
}

void packed_free_all(struct packed *events)
{
    for (struct packed *next; events; events = next) {
        next = events->next;
        free(events);
    }
}

void outbox_events_added(struct tx *tx)
{
    struct fresh *fresh = &tx->svc->fresh;
    struct packed *events, *last = NULL, *dropped = NULL;
    size_t bytes = 0;
    bool was_empty;

    if (!tx->svc->service->feed_readers || atomic_load(&fresh->lost))
        return; /* nobody will ask, or the feed was told to look into the log */
    events = pack_all(tx, &last, &bytes);
    pthread_mutex_lock(&fresh->lock);
    was_empty = !fresh->first;
    fresh->bytes += bytes;
    if (was_empty)
        fresh->first = events;
    else
        fresh->last->next = events;
    fresh->last = last;
    if (fresh->bytes > FRESH_BYTES) {
        dropped = fresh->first;
        fresh->first = NULL;
        fresh->bytes = 0;
        atomic_store(&fresh->lost, true);
    }
    pthread_mutex_unlock(&fresh->lock);
    packed_free_all(dropped);
    if (was_empty)
        svc_poke(tx->svc);
}

struct packed *fresh_take(struct fresh *fresh, bool *ret_lost)
{
    struct packed *first;

    pthread_mutex_lock(&fresh->lock);
    first = fresh->first;
    fresh->first = NULL;
    fresh->bytes = 0;
    *ret_lost = atomic_exchange(&fresh->lost, false);
    pthread_mutex_unlock(&fresh->lock);
    return first;
}
