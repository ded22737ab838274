/* A copy of the journal as files:
 *
 *     DIR/checkpoints.jsonl        {"note":"…"} a line, by size
 *     DIR/entries/000000000000.jsonl 65,536 entries a file, named by the first one
 *
 * It writes into a fresh folder only, and reads one line at a time. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/trienctl/audit.h"

#define ENTRIES_A_FILE 65536
#define LINE_MAX_BYTES ((size_t)2 * 1024 * 1024)
#define LINE_ARENA_BYTES ((size_t)16 * 1024 * 1024)

typedef FILE file_t;
DEFINE_AUTOPTR(file_t, fclose)

struct audit_copy {
    struct arena *arena, *line; /* of the copy; of one line */
    const char *dir;
    bool is_public;
    FILE *notes, *entries;
};

/* --- writing -----------------------------------------------------------------------------------
 */

static enum rc open_new(const char *path, struct err *err, FILE **ret_file)
{
    FILE *file = fopen(path, "wxe");

    CHECK(file, err, errno == EEXIST ? TRIEN__ERROR__ALREADY_EXISTS : TRIEN__ERROR__KEY_FILE,
          "%s: %s", path, strerror(errno));
    *ret_file = file;
    return RC_OK;
}

static enum rc make_folder(const char *path, struct err *err)
{
    CHECK(mkdir(path, 0750) == 0 || errno == EEXIST, err, TRIEN__ERROR__KEY_FILE, "%s: %s", path,
          strerror(errno));
    return RC_OK;
}

/* Closes a file whose bytes must have reached the disk. */
static enum rc close_file(FILE **file, struct err *err)
{
    FILE *old = TAKE(*file);
    bool is_good;

    if (!old)
        return RC_OK;
    is_good = fflush(old) == 0 && fsync(fileno(old)) == 0;
    is_good = fclose(old) == 0 && is_good;
    CHECK(is_good, err, TRIEN__ERROR__KEY_FILE, "the copy cannot be written: %s", strerror(errno));
    return RC_OK;
}

enum rc audit_copy_open(struct arena *arena, const char *dir, bool is_public, struct err *err,
                        struct audit_copy **ret_copy)
{
    struct audit_copy *copy = ARENA_NEW(arena, struct audit_copy);

    copy->arena = arena;
    copy->dir = dir;
    copy->is_public = is_public;
    TRY(make_folder(dir, err));
    TRY(make_folder(arena_printf(arena, "%s/entries", dir), err));
    TRY(open_new(arena_printf(arena, "%s/checkpoints.jsonl", dir), err, &copy->notes));
    copy->line = arena_new(LINE_ARENA_BYTES);
    *ret_copy = copy;
    return RC_OK;
}

static enum rc write_note(void *arg, const char *name, struct bytes note, struct err *err)
{
    struct audit_copy *copy = arg;
    autoptr(json_t) line = json_pack("{s:s%}", "note", (const char *)note.p, note.n);

    (void)name;
    CHECK(line && json_dumpf(line, copy->notes, JSON_COMPACT) == 0 && fputc('\n', copy->notes) > 0,
          err, TRIEN__ERROR__KEY_FILE, "the copy cannot be written: %s", strerror(errno));
    return RC_OK;
}

/* Who may not see contents must still see why a new journal begins. */
static bool begins_journal(struct arena *arena, struct bytes leaf)
{
    const Trien__JournalLeaf *read =
        trien__journal_leaf__unpack(arena_allocator(arena), leaf.n, leaf.p);

    return read && audit_begins_journal(read);
}

static enum rc write_entry(void *arg, const struct audit_entry *entry, struct err *err)
{
    struct audit_copy *copy = arg;
    struct audit_entry written = *entry;
    struct bytes line;

    arena_reset(copy->line);
    if (!copy->entries || entry->sequence % ENTRIES_A_FILE == 0) {
        TRY(close_file(&copy->entries, err));
        TRY(open_new(arena_printf(copy->arena, "%s/entries/%012llu.jsonl", copy->dir,
                                  (unsigned long long)entry->sequence),
                     err, &copy->entries));
    }
    written.has_content =
        entry->has_content && (!copy->is_public || begins_journal(copy->line, entry->leaf));
    line = audit_line_write(copy->line, &written);
    CHECK(fwrite(line.p, 1, line.n, copy->entries) == line.n, err, TRIEN__ERROR__KEY_FILE,
          "the copy cannot be written: %s", strerror(errno));
    return RC_OK;
}

struct audit_sink audit_copy_sink(struct audit_copy *copy)
{
    return (struct audit_sink){copy, write_note, write_entry};
}

enum rc audit_copy_close(struct audit_copy *copy, struct err *err)
{
    enum rc notes = close_file(&copy->notes, err), entries = close_file(&copy->entries, err);

    arena_free(&copy->line);
    return notes != RC_OK ? notes : entries;
}

/* --- reading -----------------------------------------------------------------------------------
 */

struct reading {
    const struct audit_sink *sink;
    struct arena *arena; /* of one line */
};

static enum rc take_note(struct reading *reading, struct bytes line, struct err *err)
{
    struct bytes note;

    TRY(audit_note_read(reading->arena, line, err, &note));
    return reading->sink->note(reading->sink->arg, NULL, note, err);
}

static enum rc take_entry(struct reading *reading, struct bytes line, struct err *err)
{
    struct audit_entry entry;

    TRY(audit_line_read(reading->arena, line, err, &entry));
    return reading->sink->entry(reading->sink->arg, &entry, err);
}

/* Every line of a file through `take`; errors name file and line. */
static enum rc read_lines(struct reading *reading, const char *path,
                          enum rc (*take)(struct reading *, struct bytes, struct err *),
                          struct err *err)
{
    autoptr(file_t) file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    enum rc rc = RC_OK;
    ssize_t n;

    CHECK(file, err, TRIEN__ERROR__NOT_FOUND, "%s: %s", path, strerror(errno));
    for (unsigned long number = 1; rc == RC_OK && (n = getline(&line, &room, file)) > 0; number++) {
        struct err why = {0};

        arena_reset(reading->arena);
        rc = (size_t)n > LINE_MAX_BYTES
                 ? err_set(&why, TRIEN__ERROR__TOO_LARGE, __FILE__, __LINE__, "too long")
                 : take(reading, bytes_of(line, (size_t)n), &why);
        if (rc != RC_OK)
            rc = err_set(err, why.code, __FILE__, __LINE__, "%s:%lu: %s", path, number, why.detail);
    }
    free(line);
    return rc;
}

static int is_part(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return n > 6 && strcmp(entry->d_name + n - 6, ".jsonl") == 0;
}

static int is_checkpoint(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return n > 11 && strcmp(entry->d_name + n - 11, ".checkpoint") == 0;
}

/* The names of a folder that pass, sorted, in ctl_arena(). */
static enum rc list(const char *dir, int (*passes)(const struct dirent *), struct err *err,
                    const char ***ret_paths, size_t *ret_count)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, passes, alphasort);
    const char **paths;

    CHECK(n >= 0, err, TRIEN__ERROR__NOT_FOUND, "%s: %s", dir, strerror(errno));
    paths = ARENA_ARRAY(ctl_arena(), const char *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        paths[i] = arena_printf(ctl_arena(), "%s/%s", dir, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    *ret_paths = paths;
    *ret_count = (size_t)n;
    return RC_OK;
}

static enum rc pour(struct reading *reading, const char *dir, struct err *err)
{
    const char **parts;
    size_t count;

    TRY(read_lines(reading, arena_printf(ctl_arena(), "%s/checkpoints.jsonl", dir), take_note,
                   err));
    TRY(list(arena_printf(ctl_arena(), "%s/entries", dir), is_part, err, &parts, &count));
    for (size_t i = 0; i < count; i++)
        TRY(read_lines(reading, parts[i], take_entry, err));
    return RC_OK;
}

enum rc audit_pour_copy(const char *dir, const struct audit_sink *sink, struct err *err)
{
    struct reading reading = {sink, arena_new(LINE_ARENA_BYTES)};
    enum rc rc = pour(&reading, dir, err);

    arena_free(&reading.arena);
    return rc;
}

enum rc audit_pour_witness(const char *path, const struct audit_sink *sink, struct err *err)
{
    const char **notes = &path;
    struct stat status;
    size_t count = 1;

    CHECK(stat(path, &status) == 0, err, TRIEN__ERROR__NOT_FOUND, "%s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        TRY(list(path, is_checkpoint, err, &notes, &count));
    for (size_t i = 0; i < count; i++) {
        struct bytes note;

        TRY(ctl_read_file(notes[i], CHECKPOINT_MAX_BYTES, err, &note));
        TRY(sink->note(sink->arg, notes[i], note, err));
    }
    return RC_OK;
}
