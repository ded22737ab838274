/* audit's rules: values in, verdict out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/merkle.h"

/** The entry alone is worth a new signature: anything but the journal's own word that it has
 *  signed, which would otherwise call for the next one for ever. */
bool rule_is_notable(const char *feed, const char *type);

/** The entry begins a new journal. */
bool rule_begins_journal(const char *feed, const char *type);

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

/* How far something was signed: which journal, how many entries. */
struct signed_mark {
    unsigned number; /* 0: nothing was */
    uint64_t size;
};

/** More was signed in `a` than in `b`: in a later journal, or further in the same. */
bool rule_is_beyond(struct signed_mark a, struct signed_mark b);

/** The head to be signed, of this journal and size, hides nothing that the newest daily file says:
 *  it goes on from there, or begins the journal that officers let follow once `lost` was given up
 *  (number 0: they let none). */
bool rule_may_follow(struct signed_mark head, struct signed_mark newest, struct signed_mark lost);
