/* The manifest: the file `index`, which names the runs (run.h) that are the index and how far into
 * the journal they reach. Replaced atomically. Text, so that it can be read with nothing:
 *
 *     trien-index 2 <position> <sequence> <hash> <number of runs>
 *     <id> <level> <SHA-256 of the run>            a line a run, levels falling
 *     end <SHA-256 of the lines before> */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "services/signer/index.h"
#include "services/signer/run.h"

#define MANIFEST_MAX_RUNS 64

struct manifest {
    struct index_checkpoint reached;
    struct run runs[MANIFEST_MAX_RUNS];
    size_t run_count;
};

/** Reads it and opens its runs, every byte of them checked. Without one: the empty index. FATAL
 *  JOURNAL_UNWRITABLE, no run left open. */
enum rc manifest_read(int dir_fd, struct err *err, struct manifest *ret_manifest) MUST_USE;

/** Replaces it, synced. FATAL JOURNAL_UNWRITABLE. */
enum rc manifest_write(int dir_fd, const struct index_checkpoint *reached, const struct run *runs,
                       size_t run_count, struct err *err) MUST_USE;

/** Removes it, synced: whatever runs lie there belong to no index any more. */
enum rc manifest_remove(int dir_fd, struct err *err) MUST_USE;
