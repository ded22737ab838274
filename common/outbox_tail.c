/* The newest events in memory: read from the database once, packed once, served to every consumer
 * group. A ring per partition, one budget of bytes for all; the oldest of all leaves first. */
#include <stdlib.h>
#include <string.h>

#include "common/outbox.h"

struct ring {
    struct packed **slots; /* room is a power of two */
    size_t room, count;
    int64_t first; /* offset of the oldest */
};

struct tail {
    struct ring rings[BUS_PARTITIONS];
    size_t bytes, budget;
    /* Partitions in order of arrival, so that the oldest event of all is found at once. */
    uint8_t *order;
    size_t order_room, order_head, order_count;
};

static void *need(void *p)
{
    if (!p)
        abort();
    return p;
}

struct tail *tail_new(size_t budget_bytes)
{
    struct tail *tail = need(calloc(1, sizeof(*tail)));

    tail->budget = budget_bytes;
    for (unsigned p = 0; p < BUS_PARTITIONS; p++)
        tail->rings[p].first = 1;
    return tail;
}

void tail_free(struct tail **tail)
{
    if (!*tail)
        return;
    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        tail_reset(*tail, p, 1);
        free((*tail)->rings[p].slots);
    }
    free((*tail)->order);
    free(*tail);
    *tail = NULL;
}

static size_t weight(const struct packed *event)
{
    return event->bytes.n + sizeof(*event) + 32;
}

static struct packed **slot(const struct ring *ring, int64_t offset)
{
    return &ring->slots[(size_t)offset & (ring->room - 1)];
}

static void drop_first(struct tail *tail, struct ring *ring)
{
    struct packed **oldest = slot(ring, ring->first);

    tail->bytes -= weight(*oldest);
    free(*oldest);
    *oldest = NULL;
    ring->first++;
    ring->count--;
}

void tail_reset(struct tail *tail, unsigned partition, int64_t next_offset)
{
    struct ring *ring = &tail->rings[partition];

    while (ring->count)
        drop_first(tail, ring); /* its places in `order` find the ring empty and are skipped */
    ring->first = next_offset;
}

static void grow_ring(struct ring *ring)
{
    struct ring larger = {
        .room = ring->room ? ring->room * 2 : 16, .count = ring->count, .first = ring->first};

    larger.slots = need(calloc(larger.room, sizeof(struct packed *)));
    for (int64_t o = ring->first; o < ring->first + (int64_t)ring->count; o++)
        *slot(&larger, o) = *slot(ring, o);
    free(ring->slots);
    *ring = larger;
}

static void note_order(struct tail *tail, unsigned partition)
{
    if (tail->order_count == tail->order_room) {
        size_t room = tail->order_room ? tail->order_room * 2 : 1024;
        uint8_t *larger = need(malloc(room));

        for (size_t i = 0; i < tail->order_count; i++)
            larger[i] = tail->order[(tail->order_head + i) % tail->order_room];
        free(tail->order);
        tail->order = larger;
        tail->order_room = room;
        tail->order_head = 0;
    }
    tail->order[(tail->order_head + tail->order_count++) % tail->order_room] = (uint8_t)partition;
}

static void make_room(struct tail *tail)
{
    while (tail->bytes > tail->budget && tail->order_count > 1) {
        struct ring *ring = &tail->rings[tail->order[tail->order_head]];

        tail->order_head = (tail->order_head + 1) % tail->order_room;
        tail->order_count--;
        if (ring->count)
            drop_first(tail, ring);
    }
}

void tail_add(struct tail *tail, const struct packed *event)
{
    struct packed *copy = need(malloc(sizeof(*copy) + event->bytes.n));

    *copy = *event;
    copy->bytes.p = memcpy(copy + 1, event->bytes.p, event->bytes.n);
    tail_take(tail, copy);
}

void tail_take(struct tail *tail, struct packed *event)
{
    struct ring *ring = &tail->rings[event->partition];

    if (ring->count == ring->room)
        grow_ring(ring);
    *slot(ring, event->offset) = event;
    ring->count++;
    tail->bytes += weight(event);
    note_order(tail, event->partition);
    make_room(tail);
}

int64_t tail_first(const struct tail *tail, unsigned partition)
{
    return tail->rings[partition].first;
}

int64_t tail_next(const struct tail *tail, unsigned partition)
{
    return tail->rings[partition].first + (int64_t)tail->rings[partition].count;
}

const struct packed *tail_at(const struct tail *tail, unsigned partition, int64_t offset)
{
    return *slot(&tail->rings[partition], offset);
}
