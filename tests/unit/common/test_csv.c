/* Small strict CSV: what it takes, what it refuses, and that writing and reading agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/csv.h"

static struct arena *arena;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 22);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* Rows as "a|b;c|d"; NULL when the file is refused. */
static const char *rows_of(const char *text, struct err *err)
{
    const char *fields[CSV_MAX_COLUMNS], *all = "";
    struct csv csv;
    bool more;

    err_clear(err);
    if (csv_open(arena, bytes_of_text(text), "a,b", 1000, err, &csv) != RC_OK)
        return NULL;
    for (;;) {
        if (csv_next(&csv, err, fields, &more) != RC_OK)
            return NULL;
        if (!more)
            return all;
        all = arena_printf(arena, "%s%s|%s;", all, fields[0], fields[1]);
    }
}

static void what_is_read(void **state)
{
    struct err err = {0};

    (void)state;
    assert_string_equal(rows_of("a,b\n", &err), "");
    assert_string_equal(rows_of("a,b", &err), "");
    assert_string_equal(rows_of("\xef\xbb\xbf"
                                "a,b\r\n1,2\r\n\r\n3,4",
                                &err),
                        "1|2;3|4;");
    assert_string_equal(rows_of("a,b\n\"1,2\",\"say \"\"so\"\"\"\n,\n", &err), "1,2|say \"so\";|;");
    assert_string_equal(rows_of("a,b\nđồng,\"\"\n", &err), "đồng|;");
}

static void what_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "b,a\n1,2\n",
        "a,b\n1\n",
        "a,b\n1,2,3\n",
        "a,b\n\"1,2\n",
        "a,b\n\"1\"x,2\n",
        "a,b\n1\"1,2\n",
        "a,b\n\xff,2\n",
        " a,b\n1,2\n",
    };
    struct err err = {0};
    char *large = arena_alloc(arena, 2000);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_null(rows_of(wrong[i], &err));
        assert_int_equal(err.code, TRIEN__ERROR__FIELD_INVALID);
    }
    assert_null(rows_of("a,b\n1,2\n\n3\n", &err));
    assert_string_equal(err.field, "line 4");
    memset(large, 'x', 1999);
    assert_null(rows_of(large, &err));
    assert_int_equal(err.code, TRIEN__ERROR__TOO_LARGE);
}

static void what_is_written_is_read_again(void **state)
{
    static const char *const fields[] = {"plain", "1,5 \"công\""};
    struct err err = {0};
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    (void)state;
    fputs("a,b\n", out);
    csv_put_row(out, fields, 2);
    csv_put_row(out, (const char *const[]){NULL, ""}, 2);
    fclose(out);
    assert_string_equal(rows_of(text, &err), "plain|1,5 \"công\";|;");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(what_is_written_is_read_again),
    };

    return cmocka_run_group_tests(tests, up, down);
}
