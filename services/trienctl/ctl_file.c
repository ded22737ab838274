/* Files of the operator's tool: read whole, write whole or not at all. It refuses files that are
 * larger than the caller expects. */
#include "services/trienctl/trienctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int file_descriptor;

static void close_descriptor(file_descriptor *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define AUTO_FD __attribute__((cleanup(close_descriptor))) file_descriptor

enum rc ctl_read_file(const char *path, size_t limit_bytes, struct err *err,
                      struct bytes *ret_bytes)
{
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    CHECK(fd >= 0 && fstat(fd, &status) == 0, err, TRIEN__ERROR__NOT_FOUND, "%s: %s", path,
          strerror(errno));
    CHECK((size_t)status.st_size <= limit_bytes, err, TRIEN__ERROR__TOO_LARGE,
          "%s is larger than %zu bytes", path, limit_bytes);
    size_t size = (size_t)status.st_size, got = 0;
    uint8_t *content = arena_alloc(ctl_arena(), size + 1);
    while (got < size) {
        ssize_t n = read(fd, content + got, size - got);
        CHECK(n > 0, err, TRIEN__ERROR__NOT_FOUND, "%s cannot be read", path);
        got += (size_t)n;
    }
    *ret_bytes = bytes_of(content, size);
    return RC_OK;
}

enum rc ctl_sign(const char *key_file, struct bytes statement, struct err *err,
                 Trien__KeySignature *ret_signature)
{
    autoptr(x509_key_t) key = NULL;

    TRY(x509_key_load(key_file, err, &key));
    return x509_sign_p256(key, ctl_arena(), statement, err, ret_signature);
}

/* All bytes and their way to the disk; 0 or an errno. */
static int write_all(int fd, struct bytes content)
{
    for (size_t done = 0; done < content.n;) {
        ssize_t n = write(fd, content.p + done, content.n - done);
        if (n < 0)
            return errno;
        done += (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

enum rc ctl_write_file(const char *path, unsigned mode, struct bytes content, struct err *err)
{
    const char *temporary = arena_printf(ctl_arena(), "%s.new", path);
    unlink(temporary);
    AUTO_FD fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    CHECK(fd >= 0, err, TRIEN__ERROR__KEY_FILE, "%s: %s", temporary, strerror(errno));
    int failed = write_all(fd, content);
    CHECK(failed == 0, err, TRIEN__ERROR__KEY_FILE, "%s: %s", temporary, strerror(failed));
    CHECK(rename(temporary, path) == 0, err, TRIEN__ERROR__KEY_FILE, "%s: %s", path,
          strerror(errno));
    return RC_OK;
}
