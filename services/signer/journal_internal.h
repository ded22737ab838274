/* What journal.c (writing, finding) and journal_open.c (starting) share. */
#pragma once

#include <pthread.h>

#include "services/signer/head.h"
#include "services/signer/index.h"
#include "services/signer/journal.h"
#include "services/signer/segment.h"

/* Entries one record can add to the index: order, serial, ground. */
#define JOURNAL_ENTRIES_A_RECORD 3

struct journal {
    struct arena *arena;
    struct index *index;
    int dir_fd, lock_fd, fd; /* fd: the file that is written */
    uint64_t segment_bytes;

    pthread_mutex_t lock;        /* everything below, and the index */
    pthread_cond_t synced_by[2]; /* by the parity of the sync that one waits for */
    unsigned segment;
    uint64_t offset;   /* where the next record will stand in the file */
    uint64_t sequence; /* of the last record */
    uint64_t position; /* of the last record */
    char hash[RECORD_HASH_CHARS + 1];
    struct head_file head; /* written by who syncs */
    uint64_t synced;       /* sequence up to which all is durable */
    uint64_t syncs;        /* done; the one that runs has this number */
    uint64_t writing_to;   /* sequence up to which the running one writes */
    bool syncing, dead;
    char *pending; /* written by the next sync; JOURNAL_GROUP_BYTES large */
    char *writing; /* being written by the running one */
    size_t pending_bytes;
};

/** Appends one record to `pending` and its keys to the index. Lock held. Makes room first, which
 *  may wait for a sync; begins the next file when this one is full. */
enum rc journal_append(struct journal *journal, const char *body, usec now, struct err *err,
                       uint64_t *ret_sequence) MUST_USE;

/** Waits until everything up to `sequence` is durable; syncs itself when nobody does. Lock held. */
enum rc journal_sync(struct journal *journal, uint64_t sequence, struct err *err) MUST_USE;

/** Puts what a record says into the index. `room` may be changed. */
void journal_index_record(struct journal *journal, const struct record *record, uint64_t position);

/** Hands a full index table to its writer. Lock held, everything synced. */
enum rc journal_checkpoint(struct journal *journal, struct err *err) MUST_USE;
