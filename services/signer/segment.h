/* The files of the journal: names, positions, reading lines back. Used by journal.c and verify.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/guard.h"
#include "services/signer/record.h"

/* A position is the number of a file (from 1) and an offset in it; never 0. */
#define SEGMENT_POSITION(segment, offset) ((uint64_t)(segment) << 32 | (uint32_t)(offset))
#define SEGMENT_OF(position) ((unsigned)((position) >> 32))
#define SEGMENT_OFFSET(position) ((uint32_t)(position))

/** Opens journal-<segment>.log with open(2) flags; -1 and errno. */
int segment_open(int dir_fd, unsigned segment, int flags);

/** Reads one record at a position, line in `room` (RECORD_MAX_BYTES), chain not checked. False when
 *  there is none. */
bool segment_read_at(int dir_fd, uint64_t position, char *room, struct record *ret_record);

/* Reads a file's lines one after the other, checking the chain. */
struct segment_reader {
    int fd;
    uint64_t offset; /* of the next line */
    char previous[RECORD_HASH_CHARS + 1];
    uint64_t sequence; /* of the last record */
    char line[RECORD_MAX_BYTES];
    char buffer[64 * 1024];
    size_t at, held;
};

enum segment_step {
    SEGMENT_RECORD, /* *ret_record is the next one; reader->offset stands behind it */
    SEGMENT_END,    /* nothing follows */
    SEGMENT_BROKEN, /* what follows is no record of this chain; reader->offset stands before it */
    SEGMENT_IO,     /* errno */
};

/** Begins at an offset; previous and sequence are those of the record before it. */
void segment_reader_begin(struct segment_reader *reader, int fd, uint64_t offset,
                          const char *previous, uint64_t sequence);
enum segment_step segment_next(struct segment_reader *reader, struct record *ret_record);
