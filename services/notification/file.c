/* Notices as files, for installations without a mail server or gateway and for tests. Knows names
 * and bytes only; a name is a notice id and so can be no path. */
#include "services/notification/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
    FAIL(err, TRIEN__ERROR__GATEWAY_UNAVAILABLE, "%s: %s", doing, strerror(reason));
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

    /* One name per thread: another replica may be doing the same effect at this moment. */
    snprintf(unfinished, sizeof(unfinished), ".%.200s.%d", name, (int)gettid());
    file = openat(folder, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return refuse(err, "creating");
    if (!write_all(file, content) || fsync(file)) {
        int reason = errno;
        unlinkat(folder, unfinished, 0);
        errno = reason;
        return refuse(err, "writing");
    }
    if (renameat(folder, unfinished, folder, name))
        return refuse(err, "renaming");
    if (fsync(folder))
        return refuse(err, "syncing the folder");
    return RC_OK;
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
    *ret_folder = folder;
    return RC_OK;
}
