/* The daily files. It never removes one and believes none that is not signed. */
#include "services/audit/witness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

#define PATTERN "dddd-dd-dd.checkpoint"

static bool is_name(const char *name)
{
    size_t i = 0;

    for (; PATTERN[i] && name[i]; i++)
        if (PATTERN[i] == 'd' && i < 10 ? name[i] < '0' || name[i] > '9' : name[i] != PATTERN[i])
            return false;
    return PATTERN[i] == name[i];
}

/* The last name in the order of the days; "" when there is none. */
static enum rc find_newest(const char *directory, struct err *err, char ret_name[sizeof(PATTERN)])
{
    DIR *folder = opendir(directory);
    struct dirent *entry;

    CHECK(folder, err, TRIEN__ERROR__FILE_UNWRITABLE, "%s: %s", directory, strerror(errno));
    ret_name[0] = 0;
    while ((entry = readdir(folder)))
        if (is_name(entry->d_name) && strcmp(entry->d_name, ret_name) > 0)
            memcpy(ret_name, entry->d_name, sizeof(PATTERN));
    closedir(folder);
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

enum rc witness_find_last(struct arena *arena, const char *directory, const struct x509_key *key,
                          struct err *err, struct checkpoint *ret_checkpoint)
{
    char name[sizeof(PATTERN)];
    const char *path;
    struct bytes note;

    TRY(find_newest(directory, err, name));
    *ret_checkpoint = (struct checkpoint){.origin = ""};
    if (!*name)
        return RC_OK;
    path = arena_printf(arena, "%s/%s", directory, name);
    TRY(read_note(arena, path, err, &note));
    if (checkpoint_open(arena, note, key, err, ret_checkpoint) != RC_OK) {
        const char *why = arena_strdup(arena, err->detail);
        FAIL(err, TRIEN__ERROR__JOURNAL_FORKED, "%s: %s", path, why);
    }
    return RC_OK;
}

enum rc witness_write(struct arena *arena, int folder, usec now, const char *note, struct err *err)
{
    const char *name =
        arena_printf(arena, "%s.checkpoint", clock_day_text(arena, clock_civil_day(now)));

    return file_write(folder, name, bytes_of_text(note), err);
}
