/* Names of policy documents, and a folder of them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/status/policies.h"

static char folder[] = "/tmp/policies-XXXXXX";
static struct arena *arena;

static void test_names(void **state)
{
    static const char *const bad[] = {
        "",          "cp",        "cp-",       "cp-0.txt",     "cp-01.txt",     "cp-1",
        "cp-1.html", "cp-1.txt~", ".cp-1.txt", "cp-10000.txt", "cps-1.txt.pdf", "CP-1.txt",
        "cpx-1.txt", "cp-1a.txt", "-1.txt",    "cp--1.txt",    "cp-1/../x.txt", "cp- 1.txt"};
    const char *kind = NULL, *content_type = NULL;
    unsigned version = 0;

    (void)state;
    assert_true(policy_name_read("cps-9999.pdf", &kind, &version, &content_type));
    assert_string_equal(kind, "cps");
    assert_int_equal(version, 9999);
    assert_string_equal(content_type, "application/pdf");
    assert_true(policy_name_read("cp-1.txt", &kind, &version, &content_type));
    assert_string_equal(kind, "cp");
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(policy_name_read(bad[i], &kind, &version, &content_type));
}

static const char *path_of(const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

static void put(const char *name, size_t size)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    close(fd);
}

static void assert_not_loaded(const char *name, size_t size)
{
    struct policies policies;
    struct err err = {0};

    put(name, size);
    assert_int_not_equal(policies_load(arena, folder, &err, &policies), RC_OK);
    assert_int_equal(unlink(path_of(name)), 0);
}

static void test_a_folder(void **state)
{
    struct policies policies;
    struct err err = {0};

    (void)state;
    put("cps-10.txt", 3);
    put("cps-2.pdf", 2);
    put("cp-1.txt", 1);
    put("README", 5);
    assert_int_equal(policies_load(arena, folder, &err, &policies), RC_OK);
    assert_int_equal(policies.count, 3);
    assert_string_equal(policies.list[0].kind, "cp");
    assert_int_equal(policies.list[1].version, 2);
    assert_int_equal(policies.list[2].version, 10);
    assert_int_equal(policies_find(&policies, "cps", "10")->document.n, 3);
    assert_int_equal(strlen(policies.list[0].etag), POLICY_ETAG_CHARS);
    assert_null(policies_find(&policies, "cps", "1"));
    assert_null(policies_find(&policies, "cp", "1.txt"));
    assert_null(policies_find(&policies, "cp", ""));
    assert_null(policies_find(&policies, "cp", "01"));
    assert_null(policies_find(&policies, "../cp", "1"));
    assert_not_loaded("cp-1.pdf", 1);                    /* one version twice */
    assert_not_loaded("cp-2.txt", 0);                    /* empty */
    assert_not_loaded("cp-2.txt", POLICY_MAX_BYTES + 1); /* too large */
    assert_int_equal(mkdir(path_of("cp-2.txt"), 0700), 0);
    assert_int_not_equal(policies_load(arena, folder, &err, &policies), RC_OK);
    assert_int_equal(rmdir(path_of("cp-2.txt")), 0);
}

static void test_no_folder(void **state)
{
    struct policies policies;
    struct err err = {0};

    (void)state;
    assert_int_equal(policies_load(arena, "", &err, &policies), RC_OK);
    assert_true(bytes_equal(policies.index, bytes_of_text("{\"policies\":[]}\n")));
    assert_null(policies_find(&policies, "cps", "1"));
    assert_int_not_equal(policies_load(arena, "/nowhere", &err, &policies), RC_OK);
    assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)64 << 20);
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"cps-10.txt", "cps-2.pdf", "cp-1.txt", "README"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(path_of(names[i]));
    rmdir(folder);
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_folder),
        cmocka_unit_test(test_no_folder),
    };

    return cmocka_run_group_tests_name("policies", tests, set_up, tear_down);
}
