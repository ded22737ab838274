/* The head of the signer's journal as it lies in its folder after a crash, or after somebody's
 * hand. What is read as a head is, to the byte, what the signer would have written; and it only
 * fits a journal that has its record. An input is the file (r), or the texts of its two places,
 * between which stands a line's end and behind each of which its sum is put (s). */
// links: services/signer
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "services/signer/head.h"
#include "services/signer/segment.h"

#define PLACE_BYTES 4096
#define LINE_BYTES 256
#define RECORDS 3

static char folder[] = "/tmp/fuzz-head-XXXXXX";
static int dir_fd;
static struct head acknowledged[RECORDS + 1]; /* [0]: nothing */

static void clear(void)
{
    unlinkat(dir_fd, "head", 0);
    unlinkat(dir_fd, "journal-000001.log", 0);
    rmdir(folder);
}

/* A journal of a few records. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char line[RECORD_MAX_BYTES];
    size_t offset = 0;
    int fd;

    (void)argc;
    (void)argv;
    if (!mkdtemp(folder) || (dir_fd = open(folder, O_DIRECTORY | O_CLOEXEC)) < 0 ||
        atexit(clear) != 0 || (fd = segment_open(dir_fd, 1, O_RDWR | O_CREAT)) < 0)
        abort();
    memcpy(acknowledged[0].hash, RECORD_FIRST_HASH, sizeof(acknowledged[0].hash));
    for (uint64_t i = 1; i <= RECORDS; i++) {
        size_t size =
            record_write(i, 1, "start x", acknowledged[i - 1].hash, line, acknowledged[i].hash);

        acknowledged[i].sequence = i;
        acknowledged[i].position = SEGMENT_POSITION(1, offset);
        if (size == 0 || write(fd, line, size) != (ssize_t)size)
            abort();
        offset += size;
    }
    close(fd);
    return 0;
}

/* The text of a place and the sum that belongs to it. */
static void put_summed(int fd, off_t at, struct bytes text)
{
    char line[LINE_BYTES] = "";
    uint8_t sum[32];

    if (text.n + 2 * sizeof(sum) + 2 > sizeof(line))
        return;
    memcpy(line, text.p, text.n);
    bytes_sha256(text, sum);
    bytes_put_hex(bytes_of(sum, sizeof(sum)), line + text.n);
    line[text.n + 2 * sizeof(sum)] = '\n';
    if (pwrite(fd, line, sizeof(line), at) != (ssize_t)sizeof(line))
        abort();
}

static void put_file(int fd, char kind, struct bytes input)
{
    const uint8_t *end = memchr(input.p, '\n', input.n);
    size_t first = end ? (size_t)(end - input.p) : input.n;

    if (kind == 's') {
        put_summed(fd, 0, bytes_of(input.p, first));
        if (end)
            put_summed(fd, PLACE_BYTES, bytes_of(end + 1, input.n - first - 1));
    } else if (write(fd, input.p, input.n) != (ssize_t)input.n)
        abort();
}

/* One of the places holds what the signer writes for this head. */
static void check_found(int fd, const struct head *head)
{
    int written_fd = memfd_create("written", MFD_CLOEXEC);
    char wanted[LINE_BYTES], line[LINE_BYTES];
    bool same = false;

    if (!head_write(&(struct head_file){written_fd, 0}, head) ||
        pread(written_fd, wanted, sizeof(wanted), 0) != (ssize_t)sizeof(wanted))
        abort();
    for (off_t at = 0; at <= PLACE_BYTES; at += PLACE_BYTES)
        same |= pread(fd, line, sizeof(line), at) == (ssize_t)sizeof(line) &&
                memcmp(line, wanted, sizeof(line)) == 0;
    close(written_fd);
    if (!same)
        abort();
}

static void check_fits(const struct head *head)
{
    struct err err = {0};

    if (head_check(dir_fd, head, RECORDS, &err) != RC_OK)
        return;
    if (head->sequence > RECORDS)
        abort();
    if (head->sequence > 0 && (head->position != acknowledged[head->sequence].position ||
                               strcmp(head->hash, acknowledged[head->sequence].hash) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct err err = {0};
    struct head head;
    bool found;
    int fd;

    if (size == 0)
        return 0;
    fd = openat(dir_fd, "head", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    put_file(fd, (char)input[0], bytes_of(input + 1, size - 1));
    if (head_read(dir_fd, &err, &head, &found) != RC_OK) {
        if (err.code != TRIEN__ERROR__JOURNAL_UNWRITABLE)
            abort();
    } else if (found) {
        check_found(fd, &head);
        check_fits(&head);
    }
    close(fd);
    return 0;
}
