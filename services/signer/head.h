/* The head: up to where the journal was acknowledged. A small file beside it, `head`, written after
 * every sync and before anybody is told that a record is durable; so what a start may cut as torn
 * is only what nobody was told of.
 *
 * It is not synced with the journal (that would be a third sync an order): killed processes lose
 * nothing of it, and after a power cut it may lag behind the journal by what the kernel had not
 * written yet, never be ahead of it. Two places 4096 bytes apart are written in turns, so that a
 * torn one leaves the other. A place is one line:
 *
 *     head <sequence> <position> <hash of that record> <SHA-256 of the line so far, hex>\n
 *
 * It shows mistakes and whoever can write to the journal only. Who puts back an older copy of the
 * whole folder is found by the copies kept elsewhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/guard.h"
#include "services/signer/record.h"

struct head {
    uint64_t sequence; /* of the last acknowledged record; 0: none yet */
    uint64_t position; /* where it stands (segment.h) */
    char hash[RECORD_HASH_CHARS + 1];
};

struct head_file {
    int fd;
    unsigned turn;
};

/** Opens the head of a folder (an open descriptor, borrowed) for writing. *ret_found is false when
 *  there is none or one that was never written: head_begin() makes it. FATAL JOURNAL_UNWRITABLE,
 *  also when neither place can be read. */
enum rc head_open(int dir_fd, struct err *err, struct head_file *ret_file, struct head *ret_head,
                  bool *ret_found) MUST_USE;

/** Both places, synced; the folder is the caller's to sync. */
enum rc head_begin(int dir_fd, const struct head *head, struct err *err,
                   struct head_file *ret_file) MUST_USE;

/** The next place; not synced. False: errno. */
bool head_write(struct head_file *file, const struct head *head);

/** Reads only, for the verifier. As head_open(). */
enum rc head_read(int dir_fd, struct err *err, struct head *ret_head, bool *ret_found) MUST_USE;

/** The journal, read up to `last_sequence`, has what the head says was acknowledged. FATAL
 *  JOURNAL_UNWRITABLE, in words for the operator. */
enum rc head_check(int dir_fd, const struct head *head, uint64_t last_sequence,
                   struct err *err) MUST_USE;
