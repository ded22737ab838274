/* Secrets: read from a file into locked memory, wiped when freed. It never prints one, never copies
 * one into an arena, and refuses a file that everybody may read. */
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BYTES ((size_t)64 * 1024)

struct secret {
    size_t mapped_bytes, length;
    char text[];
};

/* Pages of our own: locking and leaving out of core dumps work by page. */
static struct secret *secret_new(size_t length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (sizeof(struct secret) + length + 1 + page - 1) / page * page;
    struct secret *secret =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (secret == MAP_FAILED)
        return NULL;
    madvise(secret, size, MADV_DONTDUMP);
    if (mlock(secret, size)) {
        munmap(secret, size);
        return NULL;
    }
    secret->mapped_bytes = size;
    secret->length = length;
    return secret;
}

static bool read_all(int fd, char *text, size_t length)
{
    size_t have = 0;

    while (have < length) {
        ssize_t n = read(fd, text + have, length - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

static enum rc load_open(int fd, const char *path, struct err *err, struct secret **ret_secret)
{
    struct secret *secret;
    struct stat st;

    CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), err, TRIEN__ERROR__KEY_FILE,
          "%s is not a regular file", path);
    CHECK(!(st.st_mode & 07), err, TRIEN__ERROR__KEY_FILE,
          "%s is a secret that others may read (chmod o-rwx)", path);
    CHECK(st.st_size > 0 && (size_t)st.st_size <= MAX_BYTES, err, TRIEN__ERROR__KEY_FILE,
          "%s is empty or larger than 64 KiB", path);
    secret = secret_new((size_t)st.st_size);
    CHECK(secret, err, TRIEN__ERROR__KEY_FILE, "%s: memory cannot be locked (RLIMIT_MEMLOCK)",
          path);
    if (!read_all(fd, secret->text, secret->length)) {
        secret_free(&secret);
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s cannot be read", path);
    }
    if (secret->text[secret->length - 1] == '\n')
        secret->text[--secret->length] = 0;
    *ret_secret = secret;
    return RC_OK;
}

enum rc secret_load(const char *path, struct err *err, struct secret **ret_secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum rc rc;

    CHECK(fd >= 0, err, TRIEN__ERROR__KEY_FILE, "%s: %s", path, strerror(errno));
    rc = load_open(fd, path, err, ret_secret);
    close(fd);
    return rc;
}

void secret_free(struct secret **secret)
{
    size_t size;

    if (!*secret)
        return;
    size = (*secret)->mapped_bytes;
    OPENSSL_cleanse(*secret, size);
    munmap(*secret, size);
    *secret = NULL;
}

const char *secret_text(const struct secret *secret)
{
    return secret->text;
}

size_t secret_length(const struct secret *secret)
{
    return secret->length;
}
