/* Checkpoints outside the database: one file a day, the newest of that day, for somebody else to
 * carry away; and what this process compares the database with before it signs again. */
#pragma once

#include "common/checkpoint.h"
#include "common/clock.h"

/** The newest file's checkpoint, texts in the arena; size 0 when there is no file. REJECT
 *  JOURNAL_FORKED when it is not signed by the key: such a file is no ground for anything. */
enum rc witness_find_last(struct arena *arena, const char *directory, const struct x509_key *key,
                          struct err *err, struct checkpoint *ret_checkpoint) MUST_USE;

/** Puts the note into the file of its day (YYYY-MM-DD.checkpoint, Vietnamese time): whole, durable.
 *  RETRY FILE_UNWRITABLE. */
enum rc witness_write(struct arena *arena, int folder, usec now, const char *note,
                      struct err *err) MUST_USE;
