/* The manifest of the index. Refuses one whose lines are not those that were written, and one whose
 * runs are not those that it names. */
#include "services/signer/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/bytes.h"

#define MAX_BYTES 8192
#define SUM_CHARS (2 * RUN_SUM_BYTES)

static enum rc fail_io(struct err *err, const char *what)
{
    FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "index: %s: %s", what, strerror(errno));
}

static enum rc fail_damaged(struct err *err)
{
    FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "index: damaged manifest");
}

static const char *sum_of(struct arena *arena, const char *text, size_t length)
{
    uint8_t digest[RUN_SUM_BYTES];

    bytes_sha256(bytes_of(text, length), digest);
    return bytes_to_hex(arena, bytes_of(digest, sizeof(digest)));
}

/* --- writing -------------------------------------------------------------------------------------
 */

static enum rc replace(int dir_fd, const char *text, size_t size, struct err *err)
{
    int fd = openat(dir_fd, "index.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0)
        return fail_io(err, "index.new");
    ok = write(fd, text, size) == (ssize_t)size && fdatasync(fd) == 0;
    close(fd);
    if (!ok || renameat(dir_fd, "index.new", dir_fd, "index") != 0 || fsync(dir_fd) != 0)
        return fail_io(err, "replace manifest");
    return RC_OK;
}

enum rc manifest_write(int dir_fd, const struct index_checkpoint *reached, const struct run *runs,
                       size_t run_count, struct err *err)
{
    autoptr(arena_t) arena = arena_new((size_t)64 * 1024);
    char text[MAX_BYTES];
    size_t n =
        (size_t)snprintf(text, sizeof(text), "trien-index 2 %" PRIu64 " %" PRIu64 " %s %zu\n",
                         reached->position, reached->sequence, reached->hash, run_count);

    for (size_t i = 0; i < run_count; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%" PRIu64 " %u %s\n", runs[i].id,
                              runs[i].level,
                              bytes_to_hex(arena, bytes_of(runs[i].sum, sizeof(runs[i].sum))));
    n += (size_t)snprintf(text + n, sizeof(text) - n, "end %s\n", sum_of(arena, text, n));
    return replace(dir_fd, text, n, err);
}

enum rc manifest_remove(int dir_fd, struct err *err)
{
    if ((unlinkat(dir_fd, "index", 0) != 0 && errno != ENOENT) || fsync(dir_fd) != 0)
        return fail_io(err, "remove manifest");
    return RC_OK;
}

/* --- reading -------------------------------------------------------------------------------------
 */

/* The whole text into `room`, checked against its last line, which is cut off. */
static enum rc read_text(int dir_fd, char room[MAX_BYTES + 1], struct arena *arena, struct err *err)
{
    int fd = openat(dir_fd, "index", O_RDONLY | O_CLOEXEC);
    ssize_t n;
    char *end;

    room[0] = '\0';
    if (fd < 0)
        return errno == ENOENT ? RC_OK : fail_io(err, "open manifest");
    n = read(fd, room, MAX_BYTES);
    close(fd);
    if (n < 0)
        return fail_io(err, "read manifest");
    room[n] = '\0';
    end = n > SUM_CHARS + 5 ? room + n - SUM_CHARS - 5 : NULL;
    if (!end || strcmp(end, arena_printf(arena, "end %s\n",
                                         sum_of(arena, room, (size_t)(end - room)))) != 0)
        return fail_damaged(err);
    *end = '\0';
    return RC_OK;
}

static enum rc open_run(int dir_fd, const char *line, struct arena *arena, struct err *err,
                        struct run *ret_run, int *ret_used)
{
    char hex[SUM_CHARS + 1] = "";
    struct bytes sum;
    uint64_t id;
    unsigned level;

    if (sscanf(line, "%" SCNu64 " %u %64s\n%n", &id, &level, hex, ret_used) != 3 ||
        !bytes_from_hex(arena, hex, &sum) || sum.n != RUN_SUM_BYTES)
        return fail_damaged(err);
    return run_open(dir_fd, id, level, sum.p, err, ret_run);
}

static enum rc open_runs(int dir_fd, const char *text, struct arena *arena, struct err *err,
                         struct manifest *manifest)
{
    size_t count = 0;
    int used = 0;

    if (sscanf(text, "trien-index 2 %" SCNu64 " %" SCNu64 " %64s %zu\n%n",
               &manifest->reached.position, &manifest->reached.sequence, manifest->reached.hash,
               &count, &used) != 4 ||
        count > MANIFEST_MAX_RUNS)
        return fail_damaged(err);
    for (text += used; manifest->run_count < count; text += used) {
        TRY(open_run(dir_fd, text, arena, err, &manifest->runs[manifest->run_count], &used));
        manifest->run_count++;
    }
    return RC_OK;
}

enum rc manifest_read(int dir_fd, struct err *err, struct manifest *ret_manifest)
{
    autoptr(arena_t) arena = arena_new((size_t)64 * 1024);
    struct manifest manifest = {.reached.hash = RECORD_FIRST_HASH};
    char text[MAX_BYTES + 1];
    enum rc rc = read_text(dir_fd, text, arena, err);

    if (rc == RC_OK && *text)
        rc = open_runs(dir_fd, text, arena, err, &manifest);
    if (rc == RC_OK)
        *ret_manifest = manifest;
    for (size_t i = 0; rc != RC_OK && i < manifest.run_count; i++)
        close(manifest.runs[i].fd);
    return rc;
}
