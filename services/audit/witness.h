/* Checkpoints outside the database: one file a day, the newest of that day, for somebody else to
 * carry away; and what this process compares the database with before it signs again. */
#pragma once

#include "common/checkpoint.h"
#include "common/clock.h"

/* What a daily file says. */
struct witness {
    unsigned number; /* of the journal; 0: there is no file */
    struct checkpoint checkpoint;
    const char *note;
};

/** The newest file of the newest of this journal and those that followed it, texts in the arena.
 *  REJECT JOURNAL_FORKED when it is not signed by the key, or is of another journal than its name
 *  says: such a file is no ground for anything. */
enum rc witness_find_last(struct arena *arena, const char *directory, const char *journal,
                          const struct x509_key *key, struct err *err,
                          struct witness *ret_witness) MUST_USE;

/** Puts the note into the file of its day and journal (YYYY-MM-DD.checkpoint, from the second
 * journal on YYYY-MM-DD.2.checkpoint; Vietnamese time): whole, durable. RETRY FILE_UNWRITABLE. */
enum rc witness_write(struct arena *arena, int folder, usec now, unsigned number, const char *note,
                      struct err *err) MUST_USE;

/** Journal of a daily file by its name; 0: it is none. */
unsigned witness_number(const char *name);
