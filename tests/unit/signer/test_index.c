/* The index: found in table, frozen table and runs; merged; opened again; refuses damage. */
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

#include "services/signer/index.h"

static char folder[64];
static int dir_fd;

static int up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/trien-index-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir_fd = open(folder, O_RDONLY | O_DIRECTORY);
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

static void damage(const char *name, off_t at, const char *what)
{
    int fd = openat(dir_fd, name, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, what, strlen(what), at), strlen(what));
    close(fd);
}

static void refuses_a_damaged_one_and_rebuilds(void **state)
{
    struct index_checkpoint checkpoint;
    struct index *index = NULL;
    struct err err = {0};

    (void)state;
    damage("index", 0, "nonsense");
    assert_int_equal(index_open(dir_fd, false, &err, &index, &checkpoint), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__JOURNAL_UNWRITABLE);
    assert_null(index);
    index = open_index(true, &checkpoint);
    assert_int_equal(checkpoint.position, 0);
    for (unsigned i = 0; i < INDEX_TABLE_ENTRIES + 1; i++)
        put(index, i);
    index_settle(index);
    index_close(&index);
    index = open_index(false, &checkpoint);
    assert_int_equal(find(index, 5), 6);
    index_close(&index);
    damage("index-1.run", 0, "x");
    assert_int_equal(index_open(dir_fd, false, &err, &index, &checkpoint), RC_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_keeps_its_word),
        cmocka_unit_test(finds_all_of_many),
        cmocka_unit_test(refuses_a_damaged_one_and_rebuilds),
    };

    return cmocka_run_group_tests_name("index", tests, up, down);
}
