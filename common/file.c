/* Files written whole or not at all, or read whole. Knows names and bytes only; a name is made by
 * the caller and never comes from outside, so it can be no path. */
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define AUTOCLOSE __attribute__((cleanup(close_fd))) int

static enum rc refuse(struct err *err, const char *doing)
{
    int reason = errno;

    err_native(err, "errno %d", reason);
    FAIL(err, TRIEN__ERROR__FILE_UNWRITABLE, "%s: %s", doing, strerror(reason));
}

static bool write_all(int fd, struct bytes content)
{
    while (content.n) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        content.p += n;
        content.n -= (size_t)n;
    }
    return true;
}

enum rc file_write(int folder, const char *name, struct bytes content, struct err *err)
{
    char unfinished[NAME_MAX + 1];
    AUTOCLOSE file = -1;

    /* A name of its own: another replica may be doing the same effect at this moment. */
    snprintf(unfinished, sizeof(unfinished), ".%.200s.%08x", name, (unsigned)arc4random());
    file = openat(folder, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return refuse(err, "creating");
    if (!write_all(file, content) || fsync(file) || renameat(folder, unfinished, folder, name)) {
        int reason = errno;
        unlinkat(folder, unfinished, 0);
        errno = reason;
        return refuse(err, "writing");
    }
    if (fsync(folder))
        return refuse(err, "syncing the folder");
    return RC_OK;
}

/* ".<name>.<8 hex digits>": what file_write() calls a file that is not finished. */
static bool is_unfinished(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] == '.' && dot > name + 1 && strlen(dot) == 9 &&
           strspn(dot + 1, "0123456789abcdef") == 8;
}

/* What a crash left. Younger ones may be another replica's, which shares the folder. */
static void sweep(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;
    struct stat st;
    time_t now = time(NULL);

    if (!entries) {
        close_fd(&copy);
        return;
    }
    while ((entry = readdir(entries)))
        if (is_unfinished(entry->d_name) &&
            fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            now - st.st_mtime > FILE_UNFINISHED_SECONDS)
            unlinkat(folder, entry->d_name, 0);
    closedir(entries);
}

enum rc file_open_folder(const char *directory, const char *key, struct err *err, int *ret_folder)
{
    int folder;

    err_field(err, "%s", key);
    CHECK(mkdir(directory, 0700) == 0 || errno == EEXIST, err, TRIEN__ERROR__CONFIG_INVALID,
          "%s: %s: %s", key, directory, strerror(errno));
    folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder >= 0, err, TRIEN__ERROR__CONFIG_INVALID, "%s: %s: %s", key, directory,
          strerror(errno));
    err_field(err, "%s", "");
    sweep(folder);
    *ret_folder = folder;
    return RC_OK;
}

enum rc file_read(const char *path, size_t limit_bytes, struct arena *arena, struct err *err,
                  struct bytes *ret_content)
{
    AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *content;
    size_t size = 0;

    *ret_content = bytes_of(NULL, 0);
    if (fd < 0 && errno == ENOENT)
        return RC_OK;
    CHECK(fd >= 0 && fstat(fd, &st) == 0, err, TRIEN__ERROR__OVERLOADED, "%s: %s", path,
          strerror(errno));
    CHECK(S_ISREG(st.st_mode) && (size_t)st.st_size <= limit_bytes, err, TRIEN__ERROR__INTERNAL,
          "%s is no file of %zu bytes at most", path, limit_bytes);
    content = arena_alloc(arena, (size_t)st.st_size + 1);
    while (size < (size_t)st.st_size) {
        ssize_t n = read(fd, content + size, (size_t)st.st_size - size);
        if (n == 0)
            break;
        CHECK(n > 0 || errno == EINTR, err, TRIEN__ERROR__OVERLOADED, "%s: %s", path,
              strerror(errno));
        size += n > 0 ? (size_t)n : 0;
    }
    *ret_content = bytes_of(content, size);
    return RC_OK;
}
