/* Starting the journal: lock, index, tail, head, cut. Reads only what lies behind the index's
 * checkpoint. Refuses to start when anything but the last unsynced bytes is not a record of the
 * chain, and when a record that was acknowledged is not there. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/signer/journal_internal.h"

static enum rc fail_io(struct err *err, const char *what)
{
    FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "journal: %s: %s", what, strerror(errno));
}

static enum rc open_folder(struct journal *journal, const char *folder, struct err *err)
{
    journal->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->dir_fd < 0)
        return fail_io(err, folder);
    journal->lock_fd = openat(journal->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->lock_fd < 0)
        return fail_io(err, "lock");
    CHECK(flock(journal->lock_fd, LOCK_EX | LOCK_NB) == 0, err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "another process holds the journal in %s", folder);
    return RC_OK;
}

/* --- the tail ------------------------------------------------------------------------------------
 */

static enum rc take_record(struct journal *journal, const struct segment_reader *reader,
                           const struct record *record, uint64_t position, struct err *err)
{
    if (index_is_full(journal->index, JOURNAL_ENTRIES_A_RECORD))
        TRY(journal_checkpoint(journal, err));
    journal_index_record(journal, record, position);
    journal->offset = reader->offset;
    journal->sequence = record->sequence;
    journal->position = position;
    memcpy(journal->hash, record->hash, sizeof(journal->hash));
    return RC_OK;
}

static enum rc read_segment(struct journal *journal, struct segment_reader *reader, struct err *err,
                            bool *ret_broken)
{
    for (;;) {
        struct record record;
        uint64_t position = SEGMENT_POSITION(journal->segment, reader->offset);

        switch (segment_next(reader, &record)) {
        case SEGMENT_RECORD:
            TRY(take_record(journal, reader, &record, position, err));
            break;
        case SEGMENT_IO:
            return fail_io(err, "read");
        case SEGMENT_BROKEN:
            *ret_broken = true;
            return RC_OK;
        case SEGMENT_END:
            *ret_broken = false;
            return RC_OK;
        }
    }
}

/* Reads one file from journal->offset on, then says whether there is a next one. */
static enum rc follow_segment(struct journal *journal, struct arena *arena, struct err *err,
                              bool *ret_broken, bool *ret_more)
{
    struct segment_reader *reader = ARENA_NEW(arena, struct segment_reader);
    struct stat st;
    int next;

    CHECK(fstat(journal->fd, &st) == 0 && (uint64_t)st.st_size >= journal->offset, err,
          TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "journal file %u is shorter than the index knows it: it was cut or replaced",
          journal->segment);
    segment_reader_begin(reader, journal->fd, journal->offset, journal->hash, journal->sequence);
    TRY(read_segment(journal, reader, err, ret_broken));
    next = segment_open(journal->dir_fd, journal->segment + 1, O_RDWR);
    *ret_more = next >= 0;
    if (next < 0)
        return errno == ENOENT ? RC_OK : fail_io(err, "next file");
    CHECK(!*ret_broken, err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "journal file %u is damaged at byte %" PRIu64, journal->segment, journal->offset);
    close(journal->fd);
    journal->fd = next;
    journal->segment++;
    journal->offset = 0;
    return RC_OK;
}

static enum rc read_tail(struct journal *journal, const struct index_checkpoint *from,
                         struct arena *arena, struct err *err, bool *ret_broken)
{
    bool more = true;

    journal->segment = from->position ? SEGMENT_OF(from->position) : 1;
    journal->offset = from->position ? SEGMENT_OFFSET(from->position) : 0;
    journal->sequence = from->sequence;
    memcpy(journal->hash, from->hash, sizeof(journal->hash));
    journal->fd =
        segment_open(journal->dir_fd, journal->segment, O_RDWR | (from->position ? 0 : O_CREAT));
    if (journal->fd < 0)
        return fail_io(err, "open the file the index ends in");
    while (more)
        TRY(follow_segment(journal, arena, err, ret_broken, &more));
    return RC_OK;
}

/* --- the cut -------------------------------------------------------------------------------------
 */

/* What was acknowledged must be there before anything is cut; a new journal gets its head before
 * its first line. */
static enum rc check_head(struct journal *journal, struct err *err)
{
    struct head head = {0, 0, RECORD_FIRST_HASH};
    bool found;

    TRY(head_open(journal->dir_fd, err, &journal->head, &head, &found));
    if (found)
        return head_check(journal->dir_fd, &head, journal->sequence, err);
    CHECK(journal->sequence == 0, err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "the journal has records, but no head that says how many were acknowledged; put it back "
          "from a copy, or look at --journal-verify and then --journal-accept");
    return head_begin(journal->dir_fd, &head, err, &journal->head);
}

/* Keeps a copy of what is cut beside the journal, for whoever wants to know what it was. */
static enum rc keep_copy(struct journal *journal, struct bytes cut, struct err *err)
{
    char name[48];
    int fd;
    bool ok;

    snprintf(name, sizeof(name), "cut-after-%" PRIu64 ".bin", journal->sequence);
    fd = openat(journal->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ok = fd >= 0 && write(fd, cut.p, cut.n) == (ssize_t)cut.n && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? RC_OK : fail_io(err, "keep what is cut");
}

/* Up to which sequence number a record proves that all was durable before it was written: an answer
 * the intent it names; a start all that it found, which is what stands before it, but for the
 * `segment` it may have written itself at the beginning of a file. */
static uint64_t proves_durable(const struct record *record, uint64_t damaged_at)
{
    uint64_t own = record->sequence, own_lines = damaged_at == 0 ? 2 : 1, named = 0;

    if (strcmp(record->kind, "answer") == 0 && record->field_count == 3)
        named = strtoull(record->fields[1], NULL, 10);
    else if (strcmp(record->kind, "open") == 0 && own > own_lines)
        named = own - own_lines;
    return named < own ? named : 0;
}

/* No crash damages what was durable: when a record behind the first wrong byte proves that the
 * place was, somebody or something changed it, and what stands there must not be forgotten. The
 * lines' chain cannot be checked here, and need not be: an unsynced group has no such record. */
static enum rc check_never_durable(const struct journal *journal, struct bytes tail,
                                   struct arena *arena, struct err *err)
{
    const uint8_t *at = tail.p, *end = tail.p + tail.n, *newline;

    for (; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
        struct record record;
        char *line = arena_strndup(arena, (const char *)at, (size_t)(newline - at));

        if (record_read(line, (size_t)(newline - at), NULL, &record))
            CHECK(proves_durable(&record, journal->offset) <= journal->sequence, err,
                  TRIEN__ERROR__JOURNAL_UNWRITABLE,
                  "journal file %u is damaged at byte %" PRIu64
                  ", and no crash did it: record %" PRIu64 " was written when that was synced",
                  journal->segment, journal->offset, record.sequence);
    }
    return RC_OK;
}

/* What stands behind the last record: small enough, and nothing in it was ever durable. */
static enum rc read_torn(struct journal *journal, struct arena *arena, struct err *err,
                         struct bytes *ret_torn)
{
    struct stat st;
    uint8_t *torn;
    size_t size;

    if (fstat(journal->fd, &st) != 0)
        return fail_io(err, "stat");
    CHECK((uint64_t)st.st_size - journal->offset <= JOURNAL_GROUP_BYTES, err,
          TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "journal file %u is damaged at byte %" PRIu64 ", too far from its end for a crash",
          journal->segment, journal->offset);
    size = (size_t)((uint64_t)st.st_size - journal->offset);
    torn = arena_alloc(arena, size + 1);
    if (pread(journal->fd, torn, size, (off_t)journal->offset) != (ssize_t)size)
        return fail_io(err, "read what is torn");
    *ret_torn = bytes_of(torn, size);
    return check_never_durable(journal, *ret_torn, arena, err);
}

static enum rc cut_torn(struct journal *journal, struct bytes torn, struct arena *arena,
                        struct err *err, const char **ret_said)
{
    uint8_t digest[32];

    TRY(keep_copy(journal, torn, err));
    if (ftruncate(journal->fd, (off_t)journal->offset) != 0 || fsync(journal->fd) != 0)
        return fail_io(err, "cut");
    bytes_sha256(torn, digest);
    *ret_said = arena_printf(arena, "%zu %s", torn.n, bytes_to_hex(arena, bytes_of(digest, 32)));
    return RC_OK;
}

static enum rc note_start(struct journal *journal, const char *cut, usec now, struct arena *arena,
                          struct err *err)
{
    uint64_t sequence;
    enum rc rc = RC_OK;

    if (lseek(journal->fd, (off_t)journal->offset, SEEK_SET) < 0)
        return fail_io(err, "seek");
    journal->synced = journal->sequence;
    pthread_mutex_lock(&journal->lock);
    if (journal->offset == 0)
        rc = journal_append(journal, arena_printf(arena, "segment %u", journal->segment), now, err,
                            &sequence);
    if (rc == RC_OK)
        rc = journal_append(journal, arena_printf(arena, "open %s", cut), now, err, &sequence);
    if (rc == RC_OK)
        rc = journal_sync(journal, sequence, err);
    pthread_mutex_unlock(&journal->lock);
    return rc;
}

static enum rc open_steps(struct journal *journal, const struct journal_config *config, usec now,
                          struct err *err)
{
    autoptr(arena_t) arena = arena_new((size_t)32 * 1024 * 1024);
    struct index_checkpoint from;
    const char *cut = "0 -";
    struct bytes torn = {0};
    bool broken = false;

    TRY(open_folder(journal, config->folder, err));
    TRY(index_open(journal->dir_fd, config->rebuild_index, err, &journal->index, &from));
    TRY(read_tail(journal, &from, arena, err, &broken));
    if (broken)
        TRY(read_torn(journal, arena, err, &torn));
    TRY(check_head(journal, err));
    if (broken)
        TRY(cut_torn(journal, torn, arena, err, &cut));
    if (fsync(journal->dir_fd) != 0)
        return fail_io(err, "sync the folder");
    TRY(note_start(journal, cut, now, arena, err));
    return fdatasync(journal->head.fd) == 0 ? RC_OK : fail_io(err, "sync the head");
}

enum rc journal_open(const struct journal_config *config, usec now, struct err *err,
                     struct journal **ret_journal)
{
    struct arena *arena = arena_new((size_t)2 * 1024 * 1024);
    struct journal *journal = ARENA_NEW(arena, struct journal);
    enum rc rc;

    journal->arena = arena;
    journal->dir_fd = journal->lock_fd = journal->fd = journal->head.fd = -1;
    journal->segment_bytes = config->segment_bytes;
    journal->pending = arena_alloc(arena, JOURNAL_GROUP_BYTES);
    journal->writing = arena_alloc(arena, JOURNAL_GROUP_BYTES);
    pthread_mutex_init(&journal->lock, NULL);
    for (size_t i = 0; i < COUNT_OF(journal->synced_by); i++)
        pthread_cond_init(&journal->synced_by[i], NULL);
    rc = open_steps(journal, config, now, err);
    if (rc != RC_OK) {
        journal_close(&journal);
        return rc;
    }
    *ret_journal = journal;
    return RC_OK;
}

void journal_close(struct journal **journal)
{
    struct journal *p = *journal;
    struct arena *arena;

    if (!p)
        return;
    if (p->index)
        index_settle(p->index); /* so that the next start has less to read */
    index_close(&p->index);
    if (p->fd >= 0)
        close(p->fd);
    if (p->head.fd >= 0)
        close(p->head.fd);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
    if (p->dir_fd >= 0)
        close(p->dir_fd);
    for (size_t i = 0; i < COUNT_OF(p->synced_by); i++)
        pthread_cond_destroy(&p->synced_by[i]);
    pthread_mutex_destroy(&p->lock);
    arena = p->arena;
    arena_free(&arena);
    *journal = NULL;
}
