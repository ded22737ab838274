/* The index: found in table, frozen table and runs; merged; opened again; believes no damage. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "services/signer/index.h"

static char folder[64];
static int dir_fd;

static int up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/trien-index-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir_fd = open(folder, O_RDONLY | O_DIRECTORY);
    log_set_level(LOG_ERROR); /* each damage is a warning */
    return dir_fd < 0;
}

static int down(void **state)
{
    char command[96];

    (void)state;
    close(dir_fd);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static struct index *open_index(bool rebuild, struct index_checkpoint *ret_checkpoint)
{
    struct err err = {0};
    struct index *index = NULL;

    if (index_open(dir_fd, rebuild, &err, &index, ret_checkpoint) != RC_OK)
        fail_msg("%s", err.detail);
    return index;
}

static uint64_t find(struct index *index, unsigned number)
{
    uint8_t key[INDEX_KEY_BYTES];
    char name[32];
    struct err err = {0};
    uint64_t position = 0;

    snprintf(name, sizeof(name), "order-%u", number);
    index_key("intent", name, key);
    assert_int_equal(index_find(index, key, &err, &position), RC_OK);
    return position;
}

static void put(struct index *index, unsigned number)
{
    uint8_t key[INDEX_KEY_BYTES];
    char name[32];

    if (index_is_full(index, 1)) {
        struct index_checkpoint reached = {number + 1, number, RECORD_FIRST_HASH};
        struct err err = {0};
        assert_int_equal(index_freeze(index, &reached, &err), RC_OK);
    }
    snprintf(name, sizeof(name), "order-%u", number);
    index_key("intent", name, key);
    index_put(index, key, number + 1);
}

#define MANY (INDEX_TABLE_ENTRIES * 21 + 100)

static void finds_all_of_many(void **state)
{
    struct index_checkpoint checkpoint;
    struct index *index = open_index(true, &checkpoint);
    uint64_t entries;
    size_t runs;

    (void)state;
    assert_int_equal(checkpoint.position, 0);
    for (unsigned i = 0; i < MANY; i++)
        put(index, i);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(find(index, i), i + 1);
    for (unsigned i = MANY; i < MANY + 20000; i++)
        assert_int_equal(find(index, i), 0);
    index_settle(index);
    index_close(&index);

    index = open_index(false, &checkpoint); /* the last table was in memory only */
    assert_int_equal(checkpoint.position, INDEX_TABLE_ENTRIES * 21 + 1);
    index_size(index, &entries, &runs);
    assert_int_equal(entries, INDEX_TABLE_ENTRIES * 21);
    assert_int_equal(runs, 3); /* 21 tables: 1 of sixteen, 1 of four, 1 of one */
    for (unsigned i = 0; i < INDEX_TABLE_ENTRIES * 21; i += 7)
        assert_int_equal(find(index, i), i + 1);
    assert_int_equal(find(index, MANY - 1), 0);
    index_close(&index);
}

/* Puts until it is killed, telling how far it is at every full table. */
static _Noreturn void put_for_ever(unsigned from, int progress)
{
    struct index_checkpoint checkpoint;
    struct index *index = open_index(false, &checkpoint);

    for (unsigned i = from;; i++) {
        if (index_is_full(index, 1) && write(progress, &i, sizeof(i)) != sizeof(i))
            _exit(1);
        put(index, i);
    }
}

/* Whatever the moment of a kill: what the checkpoint promises is found. Tables are written and runs
 * are merged all the time, so that kills fall between manifest and files. */
static void a_checkpoint_keeps_its_word(void **state)
{
    struct index_checkpoint checkpoint;
    struct index *index;
    unsigned next = 0, told;

    (void)state;
    srand(68);
    for (int round = 0; round < 10; round++) {
        unsigned wanted = 1 + (unsigned)rand() % 6;
        int progress[2], status;
        pid_t pid;

        assert_int_equal(pipe(progress), 0);
        pid = fork();
        if (pid == 0)
            put_for_ever(next, progress[1]);
        for (unsigned i = 0; i < wanted; i++)
            assert_int_equal(read(progress[0], &told, sizeof(told)), sizeof(told));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(progress[0]);
        close(progress[1]);
        index = open_index(false, &checkpoint);
        next = checkpoint.position ? (unsigned)checkpoint.position - 1 : 0;
        for (unsigned i = 0; i < next; i += 3)
            assert_int_equal(find(index, i), i + 1);
        index_close(&index);
    }
    assert_true(next > INDEX_TABLE_ENTRIES * 8);
}

/* --- damage --------------------------------------------------------------------------------------
 */

static size_t read_file(const char *name, uint8_t *ret_bytes, size_t max)
{
    int fd = openat(dir_fd, name, O_RDONLY);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, ret_bytes, max);
    close(fd);
    assert_true(n > 0 && (size_t)n < max);
    return (size_t)n;
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

#define FEW 40

/* An index of one small run: manifest and index-<n>.run. */
static void begin_small(void)
{
    struct index_checkpoint checkpoint, reached = {FEW + 1, FEW, RECORD_FIRST_HASH};
    struct index *index = open_index(true, &checkpoint);
    struct err err = {0};

    assert_int_equal(checkpoint.position, 0);
    for (unsigned i = 0; i < FEW; i++)
        put(index, i);
    assert_int_equal(index_freeze(index, &reached, &err), RC_OK);
    index_settle(index);
    index_close(&index);
}

/* Whether the index is what it was; else it is empty, and the journal is read from its beginning.
 */
static bool stands(void)
{
    struct index_checkpoint checkpoint;
    struct index *index = open_index(false, &checkpoint);
    bool whole = checkpoint.position == FEW + 1;

    assert_true(whole || (checkpoint.position == 0 && checkpoint.sequence == 0));
    for (unsigned i = 0; i < FEW; i++)
        assert_int_equal(find(index, i), whole ? i + 1 : 0);
    index_close(&index);
    return whole;
}

/* One wrong byte anywhere, in either file, and one byte too few: nothing of it is believed. */
static void no_wrong_byte_is_believed(void **state)
{
    static const char *const names[] = {"index", "index-1.run"};
    static uint8_t whole[2][8192];
    size_t size[2];

    (void)state;
    begin_small();
    for (int i = 0; i < 2; i++)
        size[i] = read_file(names[i], whole[i], sizeof(whole[i]));
    assert_true(stands());
    for (int i = 0; i < 2; i++)
        for (size_t at = 0; at < size[i]; at++) {
            whole[i][at] ^= 1;
            write_file(names[i], whole[i], size[i]);
            assert_false(stands());
            whole[i][at] ^= 1;
            write_file(names[i], whole[i], size[i] - 1);
            write_file(names[1 - i], whole[1 - i], size[1 - i]);
            assert_false(stands());
            for (int k = 0; k < 2; k++)
                write_file(names[k], whole[k], size[k]);
        }
    assert_true(stands());
    assert_int_equal(unlinkat(dir_fd, names[1], 0), 0);
    assert_false(stands());
}

/* Files of an index from before lie there when it is made anew: the manifest does not name them. */
static void another_indexs_run_is_not_ours(void **state)
{
    static uint8_t manifest[8192], run[8192];
    size_t manifest_size, run_size;

    (void)state;
    begin_small();
    manifest_size = read_file("index", manifest, sizeof(manifest));
    run_size = read_file("index-1.run", run, sizeof(run));
    run[16 + INDEX_KEY_BYTES] ^= 1; /* another position, a run in order otherwise */
    write_file("index-1.run", run, run_size);
    write_file("index", manifest, manifest_size);
    assert_false(stands());
    assert_int_equal(faccessat(dir_fd, "index", F_OK, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_keeps_its_word),
        cmocka_unit_test(finds_all_of_many),
        cmocka_unit_test(no_wrong_byte_is_believed),
        cmocka_unit_test(another_indexs_run_is_not_ours),
    };

    return cmocka_run_group_tests_name("index", tests, up, down);
}
