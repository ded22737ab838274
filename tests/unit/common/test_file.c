/* Notices as files: whole or not at all, and nothing half written stays for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"

static char folder[] = "/tmp/test_file.XXXXXX";
static struct err err;

static int up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int down(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static int open_folder(void)
{
    int fd = -1;

    assert_int_equal(file_open_folder(folder, "email/directory", &err, &fd), RC_OK);
    return fd;
}

static size_t count_files(void)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    size_t n = 0;

    while ((entry = readdir(entries)))
        n += entry->d_type == DT_REG;
    closedir(entries);
    return n;
}

/* A file that was last written so many seconds ago. */
static void leave(int fd, const char *name, int seconds_ago)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds_ago},
                                {.tv_sec = time(NULL) - seconds_ago}};
    int file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(file >= 0);
    futimens(file, times);
    close(file);
}

static bool is_there(int fd, const char *name)
{
    return faccessat(fd, name, F_OK, 0) == 0;
}

static void a_repeat_writes_the_same_file(void **state)
{
    int fd = open_folder();
    char text[16] = "";
    int file;

    (void)state;
    assert_int_equal(file_write(fd, "n-1.eml", bytes_of_text("first"), &err), RC_OK);
    assert_int_equal(file_write(fd, "n-1.eml", bytes_of_text("again"), &err), RC_OK);
    assert_int_equal(count_files(), 1);
    file = openat(fd, "n-1.eml", O_RDONLY);
    assert_int_equal(read(file, text, sizeof(text)), 5);
    assert_string_equal(text, "again");
    close(file);
    close(fd);
}

static void what_a_crash_left_goes_at_the_next_start(void **state)
{
    int fd = open_folder();

    (void)state;
    leave(fd, ".n-2.eml.0123abcd", FILE_UNFINISHED_SECONDS + 60);
    leave(fd, ".n-3.eml.0123abcd", 5); /* another replica is writing it */
    leave(fd, ".somebody-elses", FILE_UNFINISHED_SECONDS + 60);
    leave(fd, "n-4.eml.0123abcd", FILE_UNFINISHED_SECONDS + 60);
    assert_int_equal(symlinkat("/etc/passwd", fd, ".n-5.eml.0123abcd"), 0);
    close(fd);
    fd = open_folder();
    assert_false(is_there(fd, ".n-2.eml.0123abcd"));
    assert_true(is_there(fd, ".n-3.eml.0123abcd"));
    assert_true(is_there(fd, ".somebody-elses"));
    assert_true(is_there(fd, "n-4.eml.0123abcd"));
    assert_true(is_there(fd, ".n-5.eml.0123abcd"));
    close(fd);
}

/* The real temporary name, kept by a kill while the file is written: a limit on the size of files
 * ends the child there. */
static void a_killed_writer_leaves_what_the_sweep_knows(void **state)
{
    struct rlimit small = {100, 100};
    static const char text[1000] = "";
    int fd = open_folder(), status;
    size_t before = count_files();
    pid_t child = fork();
    DIR *entries;
    struct dirent *entry;

    (void)state;
    if (child == 0) {
        setrlimit(RLIMIT_FSIZE, &small); /* SIGXFSZ */
        _exit(file_write(fd, "n-6.eml", bytes_of(text, sizeof(text)), &err) == RC_OK);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(count_files(), before + 1);
    entries = opendir(folder);
    while ((entry = readdir(entries)))
        if (strncmp(entry->d_name, ".n-6.eml.", 9) == 0)
            utimensat(fd, entry->d_name, (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}, 0);
    closedir(entries);
    close(fd);
    close(open_folder());
    assert_int_equal(count_files(), before);
}

static void a_refusal_leaves_nothing(void **state)
{
    int fd = open_folder();
    size_t before = count_files();

    (void)state;
    assert_int_equal(mkdirat(fd, "n-7.eml", 0700), 0); /* in the way of the rename */
    assert_int_equal(file_write(fd, "n-7.eml", bytes_of_text("x"), &err), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__FILE_UNWRITABLE);
    assert_int_equal(count_files(), before);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_writes_the_same_file),
        cmocka_unit_test(what_a_crash_left_goes_at_the_next_start),
        cmocka_unit_test(a_killed_writer_leaves_what_the_sweep_knows),
        cmocka_unit_test(a_refusal_leaves_nothing),
    };

    return cmocka_run_group_tests_name("file", tests, up, down);
}
