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
#define SHA256_BYTES 32

static enum rc fail_io(struct err *err, const char *what)
{
    FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "journal head: %s: %s", what, strerror(errno));
}

/* The one line that says this, with zeros behind it. */
static void write_line(const struct head *head, char ret_line[LINE_BYTES])
{
    char sum[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    int n;

    memset(ret_line, 0, LINE_BYTES);
    n = snprintf(ret_line, LINE_BYTES, "head %" PRIu64 " %" PRIu64 " %s ", head->sequence,
                 head->position, head->hash);
    bytes_sha256(bytes_of(ret_line, (size_t)n), digest);
    bytes_put_hex(bytes_of(digest, sizeof(digest)), sum);
    snprintf(ret_line + n, LINE_BYTES - (size_t)n, "%s\n", sum);
}

bool head_write(struct head_file *file, const struct head *head)
{
    off_t at = (off_t)(file->turn++ % PLACES) * PLACE_BYTES;
    char line[LINE_BYTES];

    write_line(head, line);
    return pwrite(file->fd, line, sizeof(line), at) == (ssize_t)sizeof(line);
}

/* A head is only what head_write() writes, to the byte. */
static bool read_line(const char line[LINE_BYTES + 1], struct head *ret_head)
{
    char wanted[LINE_BYTES];
    struct head head = {0};

    if (sscanf(line, "head %" SCNu64 " %" SCNu64 " %64s ", &head.sequence, &head.position,
               head.hash) != 3)
        return false;
    write_line(&head, wanted);
    if (memcmp(line, wanted, sizeof(wanted)) != 0)
        return false;
    *ret_head = head;
    return true;
}

/* The later of the two places that can be read. */
static enum rc read_places(int fd, struct err *err, struct head *ret_head, bool *ret_found)
{
    bool empty = true, found = false;

    for (int i = 0; i < PLACES; i++) {
        char line[LINE_BYTES + 1] = "";
        struct head head;
        ssize_t n = pread(fd, line, LINE_BYTES, (off_t)i * PLACE_BYTES);

        if (n < 0)
            return fail_io(err, "read");
        empty &= n == 0;
        if (n != LINE_BYTES || !read_line(line, &head) ||
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
