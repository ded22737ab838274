/* audit's rules: values in, verdict out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/merkle.h"

/** The entry alone is worth a new signature: anything but the journal's own word that it has
 *  signed, which would otherwise call for the next one for ever. */
bool rule_is_notable(const char *feed, const char *type);

struct checkpoint_facts {
    uint64_t size, notable; /* of the journal */
    uint64_t signed_size;   /* of the last checkpoint; 0: none */
    usec signed_at, now;
    usec every;             /* longest time that something notable stays unsigned */
    uint64_t every_entries; /* most entries that stay unsigned */
};

/** It is time for a checkpoint. */
bool rule_checkpoint_due(const struct checkpoint_facts *facts);

/** A decimal number of a query: digits only, no sign, no leading zeros, at most the largest tree.
 */
bool rule_number(const char *text, uint64_t *ret_number);

/* A head that was signed, and the head of the present tree at the same size. */
struct signed_past {
    uint64_t size;
    struct merkle_hash root, now_root; /* now_root is looked at when the tree is large enough */
};

/** The present tree of `size` entries goes on from what was signed. */
bool rule_goes_on(const struct signed_past *past, uint64_t size);
