/* Exact decimals: what is read, what is refused, how it is written for programs and for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/trienctl/decimal.h"

#define MAX ((int64_t)1000000 * DECIMAL_ONE)

static struct arena *arena;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void plain_decimals_only(void **state)
{
    static const char *const wrong[] = {
        "",      ".",       "1.", ".5",   "-1", "+1", "1,5",          "1e3",
        "0x1",   "1.00001", "01", "00.1", " 1", "1 ", "1000000.0001", "99999999999999",
        "1.2.3", "\xd9\xa1"};
    int64_t value = 7;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(decimal_parse(wrong[i], 4, MAX, &value));
    assert_false(decimal_parse("1.5", 0, MAX, &value));
    assert_int_equal(value, 7);
}

static void values_are_exact(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"0", 0},       {"0.0002", 2},    {"3.97", 39700},    {"4.6", 46000},
                {"0.10", 1000}, {"1000000", MAX}, {"102.6", 1026000}, {"0.6330", 6330}};
    int64_t value;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(decimal_parse(rows[i].text, 4, MAX, &value));
        assert_int_equal(value, rows[i].value);
    }
}

static void text_is_read_again(void **state)
{
    (void)state;
    for (int64_t v = 0; v < 30000; v += 7) {
        int64_t again;

        assert_true(decimal_parse(decimal_text(arena, v), 4, MAX, &again));
        assert_int_equal(again, v);
    }
    assert_string_equal(decimal_text(arena, 10000), "1");
    assert_string_equal(decimal_text(arena, 100000), "10");
    assert_string_equal(decimal_text(arena, 1026000), "102.6");
}

static void people_read_commas(void **state)
{
    (void)state;
    assert_string_equal(decimal_text_vi(arena, 1026000, 2), "102,60");
    assert_string_equal(decimal_text_vi(arena, 6330, 4), "0,6330");
    assert_string_equal(decimal_text_vi(arena, 12345678905000, 0), "1.234.567.891");
    assert_string_equal(decimal_text_vi(arena, 12345678904999, 0), "1.234.567.890");
    assert_string_equal(decimal_text_vi(arena, 9999999, 0), "1.000");
    assert_string_equal(decimal_text_vi(arena, 9999, 2), "1,00");
    assert_int_equal(decimal_round(14999), 1);
    assert_int_equal(decimal_round(15000), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_decimals_only),
        cmocka_unit_test(values_are_exact),
        cmocka_unit_test(text_is_read_again),
        cmocka_unit_test(people_read_commas),
    };

    return cmocka_run_group_tests(tests, up, down);
}
