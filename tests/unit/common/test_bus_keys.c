/* Key files: made once, read strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "common/bus_keys.h"

static char folder[] = "/tmp/test_bus_keys.XXXXXX";

static const char *path(const char *name)
{
    static char paths[4][256];
    static int next;
    char *p = paths[next++ % 4];

    snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);
    return p;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path(name), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[300];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void test_made_once(void **state)
{
    struct err err = {0};
    struct stat st;
    char secret[KEY_Z85 + 1], public[KEY_Z85 + 1];

    (void)state;
    assert_int_equal(bus_make_keys(path("a.secret"), path("a.public"), &err), RC_OK);
    assert_int_equal(stat(path("a.secret"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(keys_read_secret(path("a.secret"), &err, secret), RC_OK);
    assert_int_equal(keys_read_public(path("a.public"), &err, public), RC_OK);
    assert_string_not_equal(secret, public);
    assert_int_equal(bus_make_keys(path("a.secret"), path("b.public"), &err), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_FILE);
    assert_int_not_equal(access(path("b.public"), F_OK), 0);
    /* The secret is not left behind when the public file cannot be made. */
    assert_int_equal(bus_make_keys(path("b.secret"), path("a.public"), &err), RC_FATAL);
    assert_int_not_equal(access(path("b.secret"), F_OK), 0);
}

static void test_secret_that_everybody_reads_is_refused(void **state)
{
    struct err err = {0};
    char secret[KEY_Z85 + 1];

    (void)state;
    assert_int_equal(bus_make_keys(path("c.secret"), path("c.public"), &err), RC_OK);
    assert_int_equal(chmod(path("c.secret"), 0644), 0);
    assert_int_equal(keys_read_secret(path("c.secret"), &err, secret), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_FILE);
}

#define KEY_1 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY_2 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static enum rc read_table(const char *text, struct key_table **table)
{
    struct err err = {0};

    write_file("peers", text);
    return keys_read_table(path("peers"), &err, table);
}

static void test_table(void **state)
{
    struct key_table *table = NULL;

    (void)state;
    assert_int_equal(read_table("alpha = \"" KEY_1 "\"\nalpha = \"" KEY_2 "\"\n", &table), RC_OK);
    assert_int_equal(table->count, 2);
    assert_string_equal(keys_of(table, "alpha", 1)->z85, KEY_2);
    assert_null(keys_of(table, "alpha", 2));
    assert_null(keys_of(table, "beta", 0));
    assert_string_equal(keys_find(table, table->entries[1].raw), "alpha");
    table->entries[1].raw[0] ^= 1;
    assert_string_equal(keys_find(table, table->entries[0].raw), "alpha");
    free(table);
}

static void test_table_refuses(void **state)
{
    static const char *const bad[] = {
        "alpha = \"short\"\n",
        "alpha = \"" KEY_1 "\"\nbeta = \"" KEY_1 "\"\n",
        "alpha = \"" KEY_1 "x\"\n",
        "alpha\n",
    };
    struct key_table *table = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(read_table(bad[i], &table), RC_FATAL);
    assert_null(table);
    assert_int_equal(read_table("", &table), RC_OK); /* nobody: nobody gets in */
    assert_int_equal(table->count, 0);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once),
        cmocka_unit_test(test_secret_that_everybody_reads_is_refused),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_refuses),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
