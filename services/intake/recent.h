/* The latest posted parts in memory. Every document is asked for within the next moments, once by
 * validation and once by signing; read back from the database each time it costs more than storing
 * it did. A part never changes and its request id is new with every post, so what is here is right
 * or not here at all; what is not here is in the database. */
#pragma once

#include "services/intake/store.h"

struct recent;

/** Room for so many bytes of parts, taken from the system as it fills; 0: nothing is kept. Lives as
 * long as the process. FATAL INTERNAL without address space. */
MUST_USE enum rc recent_new(size_t size_bytes, struct err *err, struct recent **ret_recent);

/** Keeps a copy in the place of the oldest parts. Not kept: what would take more than an eighth of
 * the room. `recent` may be NULL. */
void recent_put(struct recent *recent, const uint8_t request_id[16], int16_t part,
                struct bytes content, const uint8_t sha256[32]);

/** The slice of a part, as store_find_part() gives it, copied into the arena; false when the part
 * is not here. `recent` may be NULL. */
bool recent_find(struct recent *recent, struct arena *arena, const uint8_t request_id[16],
                 int16_t part, size_t offset, size_t max_bytes, struct part_slice *ret_slice);
