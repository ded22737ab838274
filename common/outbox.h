/* The event log of this service: appending (outbox.c), its newest part in memory (outbox_tail.c),
 * answering fetches (feed*.c). Frame only. */
#pragma once

#include <stddef.h>

#include "common/bus.h"
#include "common/bytes.h"
#include "common/db.h"

/* An event packed as it goes into EVENTS (an Event message, without field key and length). */
struct packed {
    unsigned partition;
    int64_t offset;
    uint8_t id[16];
    struct bytes bytes;
    /* Of events that come from the transaction that committed them. */
    struct packed *next;
    struct db_log log; /* in which they stand */
};

/** Packs row `row` of an outbox_read; the bytes lie in the arena. */
struct packed outbox_pack_row(struct arena *arena, const struct db_rows *rows, size_t row);

/** The events committed by this process since the last call, each in one piece of memory that now
 *  belongs to the caller (tail_take() or packed_free_all()); *ret_lost: some were dropped. They
 * come in no order: two threads that commit one after the other may hand over the other way round.
 */
struct fresh;
struct packed *fresh_take(struct fresh *fresh, bool *ret_lost);
void packed_free_all(struct packed *events);

/* The newest events of every partition, packed once for all readers. One thread. */
struct tail;

struct tail *tail_new(size_t budget_bytes);
void tail_free(struct tail **tail);
/** Forgets the events of a partition; it goes on at next_offset. */
void tail_reset(struct tail *tail, unsigned partition, int64_t next_offset);
/** Adds a copy of the next event (its offset must be tail_next()); old ones leave when the budget
 * is spent. */
void tail_add(struct tail *tail, const struct packed *event);
/** The same, taking over the event, which is one piece of memory. */
void tail_take(struct tail *tail, struct packed *event);
/** The oldest offset in memory (tail_next() when there is none), and the one after the newest. */
int64_t tail_first(const struct tail *tail, unsigned partition);
int64_t tail_next(const struct tail *tail, unsigned partition);
/** The event at an offset between the two; valid until the next tail_add() or tail_reset(). */
const struct packed *tail_at(const struct tail *tail, unsigned partition, int64_t offset);
