/* Verifying a whole journal, and accepting it as it stands. Uses nothing of the index and nothing
 * of journal.c, so that a mistake there cannot hide itself. Keeps one table: order → (intent,
 * answered), serial → seen. */
#include "services/signer/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "services/signer/head.h"
#include "services/signer/segment.h"

/* Open-addressed table that doubles; memory by mmap, since only the arena may malloc. */
struct seen {
    uint8_t key[16];
    uint64_t intent; /* sequence; 0: free slot */
    bool answered;
};
struct seen_table {
    struct seen *slots;
    size_t size, used;
};

static struct seen *slots_new(size_t size)
{
    void *p = mmap(NULL, size * sizeof(struct seen), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        abort();
    return p;
}

static struct seen *slot_of(const struct seen_table *table, const uint8_t key[16])
{
    uint64_t start;

    memcpy(&start, key, sizeof(start));
    for (size_t i = start & (table->size - 1);; i = (i + 1) & (table->size - 1))
        if (!table->slots[i].intent || memcmp(table->slots[i].key, key, 16) == 0)
            return &table->slots[i];
}

static void grow(struct seen_table *table)
{
    struct seen_table bigger = {slots_new(table->size * 2), table->size * 2, table->used};

    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i].intent)
            *slot_of(&bigger, table->slots[i].key) = table->slots[i];
    munmap(table->slots, table->size * sizeof(struct seen));
    *table = bigger;
}

static struct seen *seen_find(struct seen_table *table, const char *space, const char *name)
{
    char text[512];
    uint8_t digest[32];

    if (table->used * 2 > table->size)
        grow(table);
    snprintf(text, sizeof(text), "%s %s", space, name);
    bytes_sha256(bytes_of_text(text), digest);
    return slot_of(table, digest);
}

static void seen_take(struct seen_table *table, struct seen *slot, const char *space,
                      const char *name, uint64_t sequence)
{
    char text[512];
    uint8_t digest[32];

    snprintf(text, sizeof(text), "%s %s", space, name);
    bytes_sha256(bytes_of_text(text), digest);
    memcpy(slot->key, digest, sizeof(slot->key));
    slot->intent = sequence;
    table->used++;
}

static enum rc once(struct seen_table *table, const char *space, const char *name,
                    const struct record *record, struct err *err)
{
    struct seen *slot = seen_find(table, space, name);

    CHECK(!slot->intent, err, TRIEN__ERROR__MALFORMED,
          "record %" PRIu64 ": %s %s was there before, in record %" PRIu64, record->sequence, space,
          name, slot->intent);
    seen_take(table, slot, space, name, record->sequence);
    return RC_OK;
}

static enum rc check_intent(struct seen_table *table, const struct record *record, struct err *err)
{
    char serial[256];

    CHECK(record->field_count == 8, err, TRIEN__ERROR__MALFORMED,
          "record %" PRIu64 ": not an intent", record->sequence);
    snprintf(serial, sizeof(serial), "%s/%s", record->fields[1], record->fields[3]);
    TRY(once(table, "order", record->fields[0], record, err));
    TRY(once(table, "serial", serial, record, err));
    if (strcmp(record->fields[5], "subscriber") == 0)
        TRY(once(table, "ground", record->fields[6], record, err));
    return RC_OK;
}

static enum rc check_answer(struct seen_table *table, const struct record *record, struct err *err)
{
    struct seen *slot;

    CHECK(record->field_count == 3, err, TRIEN__ERROR__MALFORMED,
          "record %" PRIu64 ": not an answer", record->sequence);
    slot = seen_find(table, "order", record->fields[0]);
    CHECK(slot->intent && slot->intent == strtoull(record->fields[1], NULL, 10), err,
          TRIEN__ERROR__MALFORMED, "record %" PRIu64 ": answers an order without that intent",
          record->sequence);
    CHECK(!slot->answered, err, TRIEN__ERROR__MALFORMED,
          "record %" PRIu64 ": order %s is answered twice", record->sequence, record->fields[0]);
    slot->answered = true;
    return RC_OK;
}

static enum rc check_record(struct seen_table *table, const struct record *record,
                            struct verify_result *result, struct err *err)
{
    result->records++;
    memcpy(result->hash, record->hash, sizeof(result->hash));
    if (strcmp(record->kind, "intent") == 0) {
        result->intents++;
        return check_intent(table, record, err);
    }
    if (strcmp(record->kind, "answer") == 0) {
        result->answers++;
        return check_answer(table, record, err);
    }
    if (strcmp(record->kind, "open") == 0)
        result->opens++;
    else
        CHECK(strcmp(record->kind, "segment") == 0, err, TRIEN__ERROR__MALFORMED,
              "record %" PRIu64 ": unknown kind %s", record->sequence, record->kind);
    return RC_OK;
}

static enum rc check_segment(struct segment_reader *reader, unsigned segment,
                             struct seen_table *table, bool is_last, struct verify_result *result,
                             struct err *err)
{
    for (;;) {
        struct record record;
        uint64_t position = SEGMENT_POSITION(segment, reader->offset);

        switch (segment_next(reader, &record)) {
        case SEGMENT_RECORD:
            result->sequence = record.sequence;
            result->position = position;
            TRY(check_record(table, &record, result, err));
            break;
        case SEGMENT_IO:
            FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "read: %s", strerror(errno));
        case SEGMENT_END:
            return RC_OK;
        case SEGMENT_BROKEN:
            if (is_last && !memchr(reader->buffer + reader->at, '\n', reader->held - reader->at))
                return RC_OK; /* the signer is just writing it */
            FAIL(err, TRIEN__ERROR__MALFORMED,
                 "file %u, byte %" PRIu64 ": no record of this chain (after record %" PRIu64 ")",
                 segment, reader->offset, reader->sequence);
        }
    }
}

static enum rc check_all(int dir_fd, struct seen_table *table, struct err *err,
                         struct verify_result *result)
{
    static struct segment_reader reader;
    char hash[RECORD_HASH_CHARS + 1] = RECORD_FIRST_HASH;
    uint64_t sequence = 0;
    int fd = segment_open(dir_fd, 1, O_RDONLY), next;
    enum rc rc = RC_OK;

    CHECK(fd >= 0, err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "journal-000001.log: %s",
          strerror(errno));
    for (unsigned segment = 1; rc == RC_OK && fd >= 0; segment++) {
        next = segment_open(dir_fd, segment + 1, O_RDONLY);
        result->segments = segment;
        segment_reader_begin(&reader, fd, 0, hash, sequence);
        rc = check_segment(&reader, segment, table, next < 0, result, err);
        memcpy(hash, reader.previous, sizeof(hash));
        sequence = reader.sequence;
        close(fd);
        fd = next;
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* The chain alone. */
static enum rc check_chain(int dir_fd, struct err *err, struct verify_result *ret_result)
{
    struct seen_table table = {slots_new(1024), 1024, 0};
    struct verify_result result = {.hash = RECORD_FIRST_HASH};
    enum rc rc = check_all(dir_fd, &table, err, &result);

    munmap(table.slots, table.size * sizeof(struct seen));
    if (rc == RC_OK)
        *ret_result = result;
    return rc;
}

/* The head first: a signer that is running goes on while the files are read. */
static enum rc check_folder(int dir_fd, struct err *err, struct verify_result *ret_result)
{
    struct verify_result result;
    struct head head;
    bool has_head;

    TRY(head_read(dir_fd, err, &head, &has_head));
    TRY(check_chain(dir_fd, err, &result));
    if (has_head)
        TRY(head_check(dir_fd, &head, result.sequence, err));
    result.has_head = has_head;
    *ret_result = result;
    return RC_OK;
}

enum rc verify_journal(const char *folder, struct err *err, struct verify_result *ret_result)
{
    int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum rc rc;

    CHECK(dir_fd >= 0, err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "%s: %s", folder, strerror(errno));
    rc = check_folder(dir_fd, err, ret_result);
    close(dir_fd);
    return rc;
}

int verify_main(const char *folder)
{
    autoptr(arena_t) arena = arena_new((size_t)64 * 1024);
    struct err err = {0};
    struct verify_result result;

    if (verify_journal(folder, &err, &result) != RC_OK) {
        fputs(arena_printf(arena, "%s: NOT in order: %s\n", folder, err.detail), stdout);
        return 1;
    }
    fputs(arena_printf(arena,
                       "%s: in order: %" PRIu64 " records in %u files, %" PRIu64
                       " intents, %" PRIu64 " answers, %" PRIu64 " starts; %slast hash %s\n",
                       folder, result.records, result.segments, result.intents, result.answers,
                       result.opens, result.has_head ? "" : "no head beside it; ", result.hash),
          stdout);
    return 0;
}

static enum rc accept_as_is(int dir_fd, struct err *err, struct head *ret_before,
                            struct head *ret_now)
{
    int lock = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct verify_result result;
    struct head_file file;
    bool found;

    CHECK(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0, err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "a signer has this journal open");
    *ret_before = (struct head){0};
    if (head_read(dir_fd, err, ret_before, &found) != RC_OK)
        *err = (struct err){0}; /* an unreadable one is what is replaced */
    TRY(check_chain(dir_fd, err, &result));
    *ret_now = (struct head){result.sequence, result.position, ""};
    memcpy(ret_now->hash, result.hash, sizeof(ret_now->hash));
    TRY(head_begin(dir_fd, ret_now, err, &file));
    close(file.fd);
    close(lock);
    CHECK(fsync(dir_fd) == 0, err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "sync: %s", strerror(errno));
    return RC_OK;
}

int verify_accept_main(const char *folder)
{
    autoptr(arena_t) arena = arena_new((size_t)64 * 1024);
    int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct head before, now;
    struct err err = {0};

    if (dir_fd < 0) {
        fputs(arena_printf(arena, "%s: %s\n", folder, strerror(errno)), stdout);
        return 1;
    }
    if (accept_as_is(dir_fd, &err, &before, &now) != RC_OK) {
        fputs(arena_printf(arena, "%s: not accepted: %s\n", folder, err.detail), stdout);
        return 1;
    }
    fputs(arena_printf(arena,
                       "%s: record %" PRIu64 " is now the last acknowledged one (before: %" PRIu64
                       "); hash %s\n",
                       folder, now.sequence, before.sequence, now.hash),
          stdout);
    return 0;
}
