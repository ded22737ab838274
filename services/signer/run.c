/* Runs of the index: writing, merging, searching sorted files. Refuses a file whose size does not
 * fit its header, or whose bytes are not those that were written. */
#include "services/signer/run.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "common/ossl.h"

#define HEADER_BYTES 16
#define ENTRY_BYTES ((size_t)24)
#define BUFFER_ENTRIES 1024
#define WINDOW_ENTRIES 128

static const char magic[8] = {'T', 'R', 'I', 'E', 'N', 'R', 'U', 'N'};

static enum rc fail_io(struct err *err, const char *what, uint64_t id)
{
    FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "index run %" PRIu64 ": %s: %s", id, what,
         strerror(errno));
}

static void run_name(uint64_t id, char ret_name[40])
{
    snprintf(ret_name, 40, "index-%" PRIu64 ".run", id);
}

int run_compare(const void *a, const void *b)
{
    return memcmp(((const struct run_entry *)a)->key, ((const struct run_entry *)b)->key,
                  INDEX_KEY_BYTES);
}

void run_remove(int dir_fd, uint64_t id)
{
    char name[40];

    run_name(id, name);
    unlinkat(dir_fd, name, 0);
}

static bool sum_matches(int fd, uint64_t count, const uint8_t header[HEADER_BYTES],
                        const uint8_t expected[RUN_SUM_BYTES])
{
    autoptr(EVP_MD_CTX) digest = EVP_MD_CTX_new();
    uint8_t buffer[BUFFER_ENTRIES * ENTRY_BYTES], sum[RUN_SUM_BYTES];
    uint64_t left = count * ENTRY_BYTES, at = HEADER_BYTES;

    if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
        return false;
    while (left > 0) {
        size_t size = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
        if (pread(fd, buffer, size, (off_t)at) != (ssize_t)size ||
            EVP_DigestUpdate(digest, buffer, size) != 1)
            return false;
        left -= size;
        at += size;
    }
    return EVP_DigestUpdate(digest, header, HEADER_BYTES) == 1 &&
           EVP_DigestFinal_ex(digest, sum, NULL) == 1 && memcmp(sum, expected, sizeof(sum)) == 0;
}

static enum rc check_run(int fd, uint64_t id, const uint8_t sum[RUN_SUM_BYTES], struct err *err,
                         uint64_t *ret_count)
{
    uint8_t header[HEADER_BYTES];
    struct stat st;
    uint64_t count;

    CHECK(pread(fd, header, sizeof(header), 0) == HEADER_BYTES &&
              memcmp(header, magic, sizeof(magic)) == 0 && fstat(fd, &st) == 0,
          err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "index run %" PRIu64 " is damaged", id);
    memcpy(&count, header + sizeof(magic), sizeof(count));
    count = le64toh(count);
    CHECK(count <= UINT32_MAX && (uint64_t)st.st_size == HEADER_BYTES + count * ENTRY_BYTES, err,
          TRIEN__ERROR__JOURNAL_UNWRITABLE, "index run %" PRIu64 " has a wrong size", id);
    CHECK(sum_matches(fd, count, header, sum), err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "index run %" PRIu64 " is damaged: its checksum is not the manifest's", id);
    *ret_count = count;
    return RC_OK;
}

enum rc run_open(int dir_fd, uint64_t id, unsigned level, const uint8_t sum[RUN_SUM_BYTES],
                 struct err *err, struct run *ret_run)
{
    struct run run = {.id = id, .level = level};
    char name[40];
    enum rc rc;

    run_name(id, name);
    run.fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (run.fd < 0)
        return fail_io(err, "open", id);
    rc = check_run(run.fd, id, sum, err, &run.count);
    if (rc != RC_OK) {
        close(run.fd);
        return rc;
    }
    memcpy(run.sum, sum, sizeof(run.sum));
    *ret_run = run;
    return RC_OK;
}

/* --- writing -------------------------------------------------------------------------------------
 */

struct writer {
    int fd;
    bool failed;
    EVP_MD_CTX *digest; /* of the entries so far */
    size_t used;
    uint64_t count;
    uint8_t buffer[BUFFER_ENTRIES * ENTRY_BYTES];
};

static void writer_flush(struct writer *w)
{
    w->failed |= EVP_DigestUpdate(w->digest, w->buffer, w->used) != 1;
    for (size_t at = 0; at < w->used && !w->failed;) {
        ssize_t n = write(w->fd, w->buffer + at, w->used - at);
        if (n <= 0)
            w->failed = !(n < 0 && errno == EINTR);
        else
            at += (size_t)n;
    }
    w->used = 0;
}

static void writer_put(struct writer *w, const struct run_entry *entry)
{
    uint64_t position = htole64(entry->position);

    if (w->used == sizeof(w->buffer))
        writer_flush(w);
    memcpy(w->buffer + w->used, entry->key, INDEX_KEY_BYTES);
    memcpy(w->buffer + w->used + INDEX_KEY_BYTES, &position, sizeof(position));
    w->used += ENTRY_BYTES;
    w->count++;
}

static enum rc writer_begin(int dir_fd, uint64_t id, struct err *err, struct writer *w)
{
    char name[40];
    static const uint8_t room[HEADER_BYTES];

    run_name(id, name);
    w->fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    w->failed = false;
    w->used = 0;
    w->count = 0;
    w->digest = EVP_MD_CTX_new();
    if (w->fd < 0 || write(w->fd, room, sizeof(room)) != HEADER_BYTES || !w->digest ||
        EVP_DigestInit_ex(w->digest, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(w->digest);
        return fail_io(err, "create", id);
    }
    return RC_OK;
}

/* Entries, then the header: what sum_matches() reads. */
static bool writer_sum(struct writer *w, const uint8_t header[HEADER_BYTES],
                       uint8_t ret_sum[RUN_SUM_BYTES])
{
    bool ok = EVP_DigestUpdate(w->digest, header, HEADER_BYTES) == 1 &&
              EVP_DigestFinal_ex(w->digest, ret_sum, NULL) == 1;

    EVP_MD_CTX_free(w->digest);
    return ok;
}

static enum rc writer_end(struct writer *w, uint64_t id, unsigned level, struct err *err,
                          struct run *ret_run)
{
    uint8_t header[HEADER_BYTES];
    uint64_t count = htole64(w->count);
    struct run run = {.id = id, .level = level, .count = w->count, .fd = w->fd};

    writer_flush(w);
    memcpy(header, magic, sizeof(magic));
    memcpy(header + sizeof(magic), &count, sizeof(count));
    w->failed |= !writer_sum(w, header, run.sum);
    if (w->failed || pwrite(w->fd, header, sizeof(header), 0) != HEADER_BYTES ||
        fdatasync(w->fd) != 0) {
        close(w->fd);
        return fail_io(err, "write", id);
    }
    *ret_run = run;
    return RC_OK;
}

enum rc run_write(int dir_fd, uint64_t id, const struct run_entry *entries, size_t count,
                  struct err *err, struct run *ret_run)
{
    struct writer w;

    TRY(writer_begin(dir_fd, id, err, &w));
    for (size_t i = 0; i < count; i++)
        writer_put(&w, &entries[i]);
    return writer_end(&w, id, 0, err, ret_run);
}

/* --- reading -------------------------------------------------------------------------------------
 */

static bool read_entries(const struct run *run, uint64_t from, size_t count,
                         struct run_entry *ret_entries)
{
    uint8_t raw[BUFFER_ENTRIES * ENTRY_BYTES];
    size_t size = count * ENTRY_BYTES;

    if (pread(run->fd, raw, size, (off_t)(HEADER_BYTES + from * ENTRY_BYTES)) != (ssize_t)size)
        return false;
    for (size_t i = 0; i < count; i++) {
        memcpy(ret_entries[i].key, raw + i * ENTRY_BYTES, INDEX_KEY_BYTES);
        memcpy(&ret_entries[i].position, raw + i * ENTRY_BYTES + INDEX_KEY_BYTES, 8);
        ret_entries[i].position = le64toh(ret_entries[i].position);
    }
    return true;
}

struct reader {
    const struct run *run;
    uint64_t next; /* not yet read */
    size_t at, held;
    struct run_entry entries[BUFFER_ENTRIES];
};

/* The reader's first entry, or NULL at the end; false when the file cannot be read. */
static bool reader_peek(struct reader *r, const struct run_entry **ret_entry)
{
    uint64_t left = r->run->count - r->next;

    if (r->at == r->held) {
        r->held = left < BUFFER_ENTRIES ? (size_t)left : BUFFER_ENTRIES;
        r->at = 0;
        if (r->held > 0 && !read_entries(r->run, r->next, r->held, r->entries))
            return false;
        r->next += r->held;
    }
    *ret_entry = r->held > 0 ? &r->entries[r->at] : NULL;
    return true;
}

static bool merge_all(struct reader readers[RUN_MERGE], struct writer *w)
{
    for (;;) {
        struct reader *least = NULL;
        const struct run_entry *best = NULL, *entry;

        for (size_t i = 0; i < RUN_MERGE; i++) {
            if (!reader_peek(&readers[i], &entry))
                return false;
            if (entry && (!best || run_compare(entry, best) < 0)) {
                best = entry;
                least = &readers[i];
            }
        }
        if (!best)
            return true;
        writer_put(w, best);
        least->at++;
    }
}

enum rc run_merge(int dir_fd, uint64_t id, const struct run inputs[RUN_MERGE], struct err *err,
                  struct run *ret_run)
{
    struct reader readers[RUN_MERGE];
    struct writer w;

    for (size_t i = 0; i < RUN_MERGE; i++) {
        readers[i].run = &inputs[i];
        readers[i].next = readers[i].at = readers[i].held = 0;
    }
    TRY(writer_begin(dir_fd, id, err, &w));
    if (!merge_all(readers, &w)) {
        EVP_MD_CTX_free(w.digest);
        close(w.fd);
        return fail_io(err, "read", id);
    }
    return writer_end(&w, id, inputs[0].level + 1, err, ret_run);
}

/* Where a key would stand if keys were spread evenly, which hashes are. */
static uint64_t estimate(const uint8_t key[INDEX_KEY_BYTES], uint64_t count)
{
    uint64_t high = 0;

    for (size_t i = 0; i < 8; i++)
        high = high << 8 | key[i];
    return (uint64_t)((unsigned __int128)high * count >> 64);
}

enum rc run_find(const struct run *run, const uint8_t key[INDEX_KEY_BYTES], struct err *err,
                 uint64_t *ret_position)
{
    struct run_entry window[WINDOW_ENTRIES], wanted;
    uint64_t low = 0, high = run->count; /* the key stands in [low, high) if anywhere */
    uint64_t guess = estimate(key, run->count);

    memcpy(wanted.key, key, INDEX_KEY_BYTES);
    *ret_position = 0;
    while (low < high) {
        uint64_t from = guess > low + WINDOW_ENTRIES / 2 ? guess - WINDOW_ENTRIES / 2 : low;
        size_t n;

        if (from + WINDOW_ENTRIES > high)
            from = high - low > WINDOW_ENTRIES ? high - WINDOW_ENTRIES : low;
        n = (size_t)(high - from < WINDOW_ENTRIES ? high - from : WINDOW_ENTRIES);
        if (!read_entries(run, from, n, window))
            return fail_io(err, "read", run->id);
        if (run_compare(&wanted, &window[0]) < 0) {
            high = from;
        } else if (run_compare(&wanted, &window[n - 1]) > 0) {
            low = from + n;
        } else {
            const struct run_entry *found =
                bsearch(&wanted, window, n, sizeof(window[0]), run_compare);
            *ret_position = found ? found->position : 0;
            return RC_OK;
        }
        guess = low + (high - low) / 2; /* after a bad estimate: bisect */
    }
    return RC_OK;
}
