/* The daily files. It never removes one and believes none that is not signed. */
#include "services/audit/witness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/journal_break.h"

#define DAY "dddd-dd-dd"
#define ENDING ".checkpoint"
#define MAX_NAME (sizeof(DAY ".nnnn" ENDING))

static bool begins_with_day(const char *name)
{
    for (size_t i = 0; DAY[i]; i++)
        if (DAY[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != DAY[i])
            return false;
    return true;
}

unsigned witness_number(const char *name)
{
    const char *rest;

    if (!begins_with_day(name))
        return 0;
    rest = name + strlen(DAY);
    if (strcmp(rest, ENDING) == 0)
        return 1;
    return *rest == '.' ? journal_read_number(rest + 1, ENDING) : 0;
}

/* The last name of the newest journal, in the order of the days; number 0 when there is none. */
static enum rc find_newest(const char *directory, struct err *err, unsigned *ret_number,
                           char ret_name[MAX_NAME])
{
    DIR *folder = opendir(directory);
    unsigned newest = 0;
    struct dirent *entry;

    CHECK(folder, err, TRIEN__ERROR__FILE_UNWRITABLE, "%s: %s", directory, strerror(errno));
    while ((entry = readdir(folder))) {
        unsigned number = witness_number(entry->d_name);

        if (number &&
            (number > newest || (number == newest && strcmp(entry->d_name, ret_name) > 0))) {
            newest = number;
            memcpy(ret_name, entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    closedir(folder);
    *ret_number = newest;
    return RC_OK;
}

static enum rc read_note(struct arena *arena, const char *path, struct err *err,
                         struct bytes *ret_note)
{
    uint8_t *note = arena_alloc(arena, CHECKPOINT_MAX_BYTES + 1);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : read(file, note, CHECKPOINT_MAX_BYTES + 1);

    if (file >= 0)
        close(file);
    CHECK(n >= 0, err, TRIEN__ERROR__FILE_UNWRITABLE, "%s: %s", path, strerror(errno));
    *ret_note = bytes_of(note, (size_t)n);
    return RC_OK;
}

enum rc witness_find_last(struct arena *arena, const char *directory, const char *journal,
                          const struct x509_key *key, struct err *err, struct witness *ret_witness)
{
    struct witness witness = {.checkpoint = {.origin = ""}, .note = ""};
    char name[MAX_NAME];
    const char *path;
    struct bytes note;

    TRY(find_newest(directory, err, &witness.number, name));
    if (witness.number) {
        path = arena_printf(arena, "%s/%s", directory, name);
        TRY(read_note(arena, path, err, &note));
        if (checkpoint_open(arena, note, key, err, &witness.checkpoint) != RC_OK) {
            const char *why = arena_strdup(arena, err->detail);
            FAIL(err, TRIEN__ERROR__JOURNAL_FORKED, "%s: %s", path, why);
        }
        CHECK(journal_number(witness.checkpoint.origin, journal) == witness.number, err,
              TRIEN__ERROR__JOURNAL_FORKED, "the daily file %s is one of another journal, %s", name,
              witness.checkpoint.origin);
        witness.note = arena_strndup(arena, (const char *)note.p, note.n);
    }
    *ret_witness = witness;
    return RC_OK;
}

enum rc witness_write(struct arena *arena, int folder, usec now, unsigned number, const char *note,
                      struct err *err)
{
    const char *day = clock_day_text(arena, clock_civil_day(now));
    const char *name = number < 2 ? arena_printf(arena, "%s" ENDING, day)
                                  : arena_printf(arena, "%s.%u" ENDING, day, number);

    return file_write(folder, name, bytes_of_text(note), err);
}
