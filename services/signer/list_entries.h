/* The entries of a revocation list (RFC 5280 5.1.2.6, 5.3), read part by part: a list may be of any
 * length, what is kept of it is one serial number. */
#pragma once

#include <stdbool.h>

#include "common/bytes.h"
#include "common/clock.h"

#define LIST_MAX_SERIAL_BYTES 20

/* What the next entry is held against; all zero before the first. */
struct list_entries {
    usec this_update; /* of the list: nothing was revoked after it */
    uint64_t count;
    uint8_t serial[LIST_MAX_SERIAL_BYTES]; /* of the entry before, INTEGER's content */
    size_t serial_bytes;
};

/** Reads whole entries, one after the other, to the last byte. True when each is the one DER
 *  encoding of what revocation writes: serial number, positive and above the one before; time, not
 *  after thisUpdate, UTCTime through 2049; then nothing, or reasonCode, or invalidityDate, or both
 *  in this order. *ret_rule names what does not hold otherwise: entries_in_form, serials_ascend,
 *  revoked_before_now, entry_extensions_known, reasons_may_stand. Pure. */
bool list_entries_read(struct list_entries *entries, struct bytes der, const char **ret_rule);
