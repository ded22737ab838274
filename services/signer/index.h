/* Where in the journal a thing stands: 16-byte key → position, for ever, in little memory.
 *
 * Derived from the journal and thrown away without loss. New entries live in a table in memory;
 * when it is full it is frozen together with a checkpoint (how far into the journal the index
 * reaches) and a thread of the index writes it as a sorted file, a "run". Four runs of one level
 * are merged into one of the next, so that N entries lie in about 3·log4(N/8192) files, each
 * searched with one or two reads (keys are uniform: the place is estimated, not bisected). The
 * file `index` names the runs and the checkpoint and is replaced atomically; a start reads it and
 * the tail of the journal behind the checkpoint, whatever the number of entries.
 *
 * Callers serialise index_put(), index_find(), index_freeze() themselves (the journal's lock). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/guard.h"
#include "services/signer/record.h"

#define INDEX_KEY_BYTES 16
#define INDEX_TABLE_ENTRIES 8192

struct index;

/* The journal up to here is in the index. */
struct index_checkpoint {
    uint64_t position; /* of the first byte that is not in it */
    uint64_t sequence; /* of the last record that is; 0: none */
    char hash[RECORD_HASH_CHARS + 1];
};

/** Opens the index in a directory (an open descriptor, borrowed), or begins a new one when there is
 *  none, `rebuild`, or a byte of it is not what was written (the log says `index_rebuilt` and why).
 *  FATAL JOURNAL_UNWRITABLE. */
enum rc index_open(int dir_fd, bool rebuild, struct err *err, struct index **ret_index,
                   struct index_checkpoint *ret_checkpoint) MUST_USE;
void index_close(struct index **index);

/** SHA-256 of "<space> <name>", cut to 16 bytes. Who finds a position reads the record there and
 *  compares, so that a collision is an error and never a wrong answer. */
void index_key(const char *space, const char *name, uint8_t ret_key[INDEX_KEY_BYTES]);

/** Adds an entry. The table must not be full: index_is_full() says so first. */
void index_put(struct index *index, const uint8_t key[INDEX_KEY_BYTES], uint64_t position);

/** There is no room for `entries` more in the table. */
bool index_is_full(const struct index *index, size_t entries);

/** Hands the table to the writer thread; waits while it still writes the one before. Everything in
 *  it must be durable in the journal. FATAL when an earlier write failed. */
enum rc index_freeze(struct index *index, const struct index_checkpoint *reached,
                     struct err *err) MUST_USE;

/** *ret_position is 0 when there is no such key. FATAL JOURNAL_UNWRITABLE when a run cannot be
 *  read. */
enum rc index_find(struct index *index, const uint8_t key[INDEX_KEY_BYTES], struct err *err,
                   uint64_t *ret_position) MUST_USE;

/** Waits until the writer thread has nothing to do. For tests and a clean stop. */
void index_settle(struct index *index);

/** Entries in runs, and the number of runs; for metrics and tests. */
void index_size(struct index *index, uint64_t *ret_entries, size_t *ret_runs);
