/* The head of the journal: two lines in a file, written in turns. Refuses a file in which neither
 * can be read, and a journal that ends before its head or has another record there. */
#include "services/signer/head.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "services/signer/segment.h"

#define PLACES 2
#define PLACE_BYTES 4096
#define LINE_BYTES 256
#define SUM_CHARS 64

static enum rc fail_io(struct err *err, const char *what)
{
    FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "journal head: %s: %s", what, strerror(errno));
}

static void sum_of(const char *text, size_t length, char ret_sum[SUM_CHARS + 1])
{
    uint8_t digest[32];

    bytes_sha256(bytes_of(text, length), digest);
    bytes_put_hex(bytes_of(digest, sizeof(digest)), ret_sum);
}

bool head_write(struct head_file *file, const struct head *head)
{
    char line[LINE_BYTES] = "", sum[SUM_CHARS + 1];
    off_t at = (off_t)(file->turn++ % PLACES) * PLACE_BYTES;
    int n = snprintf(line, sizeof(line), "head %" PRIu64 " %" PRIu64 " %s ", head->sequence,
                     head->position, head->hash);

    sum_of(line, (size_t)n, sum);
    snprintf(line + n, sizeof(line) - (size_t)n, "%s\n", sum);
    return pwrite(file->fd, line, sizeof(line), at) == (ssize_t)sizeof(line);
}

static bool parse(char *line, struct head *ret_head)
{
    struct head head = {0};
    char sum[SUM_CHARS + 1], *end = memchr(line, '\n', LINE_BYTES), *last;
    int used = 0;

    if (!end)
        return false;
    *end = '\0';
    last = strrchr(line, ' ');
    if (!last)
        return false;
    sum_of(line, (size_t)(last + 1 - line), sum);
    if (strcmp(last + 1, sum) != 0)
        return false;
    if (sscanf(line, "head %" SCNu64 " %" SCNu64 " %64s %n", &head.sequence, &head.position,
               head.hash, &used) != 3)
        return false;
    *ret_head = head;
    return used == last + 1 - line;
}

/* The later of the two places that can be read. */
static enum rc read_places(int fd, struct err *err, struct head *ret_head, bool *ret_found)
{
    bool empty = true, found = false;

    for (int i = 0; i < PLACES; i++) {
        char line[LINE_BYTES];
        struct head head;
        ssize_t n = pread(fd, line, sizeof(line), (off_t)i * PLACE_BYTES);

        if (n < 0)
            return fail_io(err, "read");
        empty &= n == 0;
        if (n != sizeof(line) || !parse(line, &head) ||
            (found && head.sequence < ret_head->sequence))
            continue;
        *ret_head = head;
        found = true;
    }
    CHECK(found || empty, err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "journal head: neither of its places can be read");
    *ret_found = found;
    return RC_OK;
}

static enum rc open_places(int dir_fd, int flags, struct err *err, int *ret_fd,
                           struct head *ret_head, bool *ret_found)
{
    int fd = openat(dir_fd, "head", flags | O_CLOEXEC);
    enum rc rc;

    *ret_found = false;
    *ret_fd = -1;
    if (fd < 0)
        return errno == ENOENT ? RC_OK : fail_io(err, "open");
    rc = read_places(fd, err, ret_head, ret_found);
    if (rc == RC_OK && *ret_found)
        *ret_fd = fd;
    else
        close(fd);
    return rc;
}

enum rc head_open(int dir_fd, struct err *err, struct head_file *ret_file, struct head *ret_head,
                  bool *ret_found)
{
    *ret_file = (struct head_file){-1, 0};
    return open_places(dir_fd, O_RDWR, err, &ret_file->fd, ret_head, ret_found);
}

enum rc head_begin(int dir_fd, const struct head *head, struct err *err, struct head_file *ret_file)
{
    struct head_file file = {openat(dir_fd, "head", O_RDWR | O_CREAT | O_CLOEXEC, 0600), 0};

    if (file.fd < 0)
        return fail_io(err, "create");
    for (int i = 0; i < PLACES; i++)
        if (!head_write(&file, head)) {
            close(file.fd);
            return fail_io(err, "write");
        }
    if (fsync(file.fd) != 0) {
        close(file.fd);
        return fail_io(err, "sync");
    }
    *ret_file = file;
    return RC_OK;
}

enum rc head_read(int dir_fd, struct err *err, struct head *ret_head, bool *ret_found)
{
    int fd;

    TRY(open_places(dir_fd, O_RDONLY, err, &fd, ret_head, ret_found));
    if (fd >= 0)
        close(fd);
    return RC_OK;
}

enum rc head_check(int dir_fd, const struct head *head, uint64_t last_sequence, struct err *err)
{
    char room[RECORD_MAX_BYTES];
    struct record record;

    CHECK(last_sequence >= head->sequence, err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "the journal is in order up to record %" PRIu64 " only, but record %" PRIu64
          " was acknowledged: its end was cut off or changed; put it back from a copy",
          last_sequence, head->sequence);
    if (head->sequence == 0)
        return RC_OK;
    CHECK(segment_read_at(dir_fd, head->position, room, &record) &&
              record.sequence == head->sequence && strcmp(record.hash, head->hash) == 0,
          err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "record %" PRIu64 " of the journal is not the one that was acknowledged", head->sequence);
    return RC_OK;
}
