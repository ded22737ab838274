/* The journal's files, read back line by line with the chain checked. Never writes. */
#include "services/signer/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int segment_open(int dir_fd, unsigned segment, int flags)
{
    char name[32];

    snprintf(name, sizeof(name), "journal-%06u.log", segment);
    return openat(dir_fd, name, flags | O_CLOEXEC, 0600);
}

bool segment_read_at(int dir_fd, uint64_t position, char *room, struct record *ret_record)
{
    int fd = segment_open(dir_fd, SEGMENT_OF(position), O_RDONLY);
    ssize_t n = fd < 0 ? -1 : pread(fd, room, RECORD_MAX_BYTES, SEGMENT_OFFSET(position));
    char *newline = n > 0 ? memchr(room, '\n', (size_t)n) : NULL;

    if (fd >= 0)
        close(fd);
    if (!newline)
        return false;
    *newline = '\0';
    return record_read(room, (size_t)(newline - room), NULL, ret_record);
}

void segment_reader_begin(struct segment_reader *reader, int fd, uint64_t offset,
                          const char *previous, uint64_t sequence)
{
    reader->fd = fd;
    reader->offset = offset;
    reader->sequence = sequence;
    reader->at = reader->held = 0;
    memcpy(reader->previous, previous, sizeof(reader->previous));
}

/* Makes sure that a whole line is in the buffer, if the file has one. False: errno. */
static bool fill(struct segment_reader *reader, char **ret_newline)
{
    for (;;) {
        size_t left = reader->held - reader->at;
        ssize_t n;

        *ret_newline = memchr(reader->buffer + reader->at, '\n', left);
        if (*ret_newline || left >= RECORD_MAX_BYTES)
            return true;
        memmove(reader->buffer, reader->buffer + reader->at, left);
        reader->at = 0;
        reader->held = left;
        n = pread(reader->fd, reader->buffer + left, sizeof(reader->buffer) - left,
                  (off_t)(reader->offset + left));
        if (n < 0 && errno != EINTR)
            return false;
        if (n == 0)
            return true;
        reader->held += n > 0 ? (size_t)n : 0;
    }
}

enum segment_step segment_next(struct segment_reader *reader, struct record *ret_record)
{
    char *newline;
    size_t length;

    if (!fill(reader, &newline))
        return SEGMENT_IO;
    if (!newline)
        return reader->held == reader->at ? SEGMENT_END : SEGMENT_BROKEN;
    length = (size_t)(newline - (reader->buffer + reader->at));
    if (length >= RECORD_MAX_BYTES)
        return SEGMENT_BROKEN;
    memcpy(reader->line, reader->buffer + reader->at, length);
    reader->line[length] = '\0';
    if (!record_read(reader->line, length, reader->previous, ret_record) ||
        ret_record->sequence != reader->sequence + 1)
        return SEGMENT_BROKEN;
    reader->at += length + 1;
    reader->offset += length + 1;
    reader->sequence = ret_record->sequence;
    memcpy(reader->previous, ret_record->hash, sizeof(reader->previous));
    return SEGMENT_RECORD;
}
