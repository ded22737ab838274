/* Secrets: read whole, without the newline, only from files that are not for everybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "common/secret.h"

static char path[] = "/tmp/test_secret.XXXXXX";
static int fd;

static int up(void **state)
{
    (void)state;
    fd = mkstemp(path);
    return fd < 0 ? -1 : 0;
}

static int down(void **state)
{
    (void)state;
    close(fd);
    return unlink(path);
}

static void put(const char *text, size_t length)
{
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, text, length, 0), (ssize_t)length);
}

static void one_newline_is_not_part_of_it(void **state)
{
    struct err err = {0};
    struct secret *secret = NULL;

    (void)state;
    put("s3cret\n\n", 8);
    assert_int_equal(secret_load(path, &err, &secret), RC_OK);
    assert_string_equal(secret_text(secret), "s3cret\n");
    assert_int_equal(secret_length(secret), 7);
    secret_free(&secret);
    assert_null(secret);
    secret_free(&secret);
}

static void others_may_not_read_it(void **state)
{
    struct err err = {0};
    struct secret *secret = NULL;

    (void)state;
    put("x", 1);
    assert_int_equal(fchmod(fd, 0604), 0);
    assert_int_equal(secret_load(path, &err, &secret), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_FILE);
    assert_null(strstr(err.detail, "x\n"));
    assert_int_equal(fchmod(fd, 0440), 0);
    assert_int_equal(secret_load(path, &err, &secret), RC_OK);
    secret_free(&secret);
    assert_int_equal(fchmod(fd, 0600), 0);
}

static void empty_huge_and_missing_files(void **state)
{
    struct err err = {0};
    struct secret *secret = NULL;

    (void)state;
    put("", 0);
    assert_int_equal(secret_load(path, &err, &secret), RC_FATAL);
    assert_int_equal(ftruncate(fd, 65537), 0);
    assert_int_equal(secret_load(path, &err, &secret), RC_FATAL);
    assert_int_equal(secret_load("/nonexistent", &err, &secret), RC_FATAL);
    assert_int_equal(secret_load("/tmp", &err, &secret), RC_FATAL);
    assert_null(secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_newline_is_not_part_of_it),
        cmocka_unit_test(others_may_not_read_it),
        cmocka_unit_test(empty_huge_and_missing_files),
    };

    return cmocka_run_group_tests(tests, up, down);
}
