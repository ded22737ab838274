/* A run: one sorted, immutable file of the index. Header of 16 bytes ("TRIENRUN", entries as
 * little-endian 64 bit), then entries of 24 bytes: key, position. The SHA-256 of entries and header
 * stands in the manifest and is looked at when the run is opened. Only the index uses it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/signer/index.h"

#define RUN_MERGE 4
#define RUN_SUM_BYTES 32

struct run_entry {
    uint8_t key[INDEX_KEY_BYTES];
    uint64_t position;
};

struct run {
    uint64_t id; /* file name: index-<id>.run */
    unsigned level;
    uint64_t count;
    int fd;
    uint8_t sum[RUN_SUM_BYTES];
};

/** Opens an existing run and reads it whole, against its sum: about 0.1 s for a million orders.
 *  FATAL JOURNAL_UNWRITABLE; errno is told in err. */
enum rc run_open(int dir_fd, uint64_t id, unsigned level, const uint8_t sum[RUN_SUM_BYTES],
                 struct err *err, struct run *ret_run) MUST_USE;

/** Writes sorted entries as a new run, synced. */
enum rc run_write(int dir_fd, uint64_t id, const struct run_entry *entries, size_t count,
                  struct err *err, struct run *ret_run) MUST_USE;

/** Merges RUN_MERGE runs into a new one of the next level, synced. Memory: a few buffers of 24 KiB
 *  on the stack. */
enum rc run_merge(int dir_fd, uint64_t id, const struct run inputs[RUN_MERGE], struct err *err,
                  struct run *ret_run) MUST_USE;

/** *ret_position is 0 when the key is not in it. */
enum rc run_find(const struct run *run, const uint8_t key[INDEX_KEY_BYTES], struct err *err,
                 uint64_t *ret_position) MUST_USE;

/** Order of keys, for qsort(). */
int run_compare(const void *a, const void *b);

/** Removes the file of a run that no manifest names any more. */
void run_remove(int dir_fd, uint64_t id);
