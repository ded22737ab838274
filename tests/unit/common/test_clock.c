/* Civil days against libc and against dates that calendars get wrong; texts for machines and
 * people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <time.h>

#include "common/arena.h"
#include "common/clock.h"

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

static void every_day_of_eight_centuries_agrees_with_libc(void **state)
{
    (void)state;
    for (civil_day day = -146097; day <= 146097; day++) {
        time_t at = (time_t)day * 86400;
        struct tm tm;
        int y, m, d;

        gmtime_r(&at, &tm);
        clock_day_parts(day, &y, &m, &d);
        assert_int_equal(y, tm.tm_year + 1900);
        assert_int_equal(m, tm.tm_mon + 1);
        assert_int_equal(d, tm.tm_mday);
        assert_int_equal(clock_day_of(y, m, d), day);
        assert_int_equal(clock_weekday(day), tm.tm_wday);
    }
}

static void days_are_strict(void **state)
{
    static const char *const wrong[] = {"2026-02-29", "2100-02-29",  "2026-04-31", "2026-13-01",
                                        "2026-00-10", "2026-1-1",    "2026/01/01", "26-01-01",
                                        "",           "2026-01-011", "0000-01-01", "2026-01-0x"};
    civil_day day = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(clock_parse_day(wrong[i], &day));
    assert_int_equal(day, 42);
    assert_true(clock_parse_day("2024-02-29", &day));
    assert_string_equal(clock_day_text(arena, day), "2024-02-29");
    assert_true(clock_parse_day("1970-01-01", &day));
    assert_int_equal(day, 0);
}

static void a_vietnamese_day_begins_at_17_utc(void **state)
{
    civil_day day = clock_day_of(2026, 11, 20);
    usec start = clock_day_start(day);

    (void)state;
    assert_string_equal(clock_utc_text(arena, start), "2026-11-19T17:00:00.000000Z");
    assert_int_equal(clock_civil_day(start), day);
    assert_int_equal(clock_civil_day(start - 1), day - 1);
    assert_int_equal(clock_civil_day(start + USEC_PER_DAY - 1), day);
    assert_int_equal(clock_civil_day(-1), 0);
    assert_int_equal(clock_civil_day(-VIETNAM_OFFSET - 1), -1);
}

static void texts(void **state)
{
    usec at = clock_day_start(clock_day_of(2026, 11, 20)) + INT64_C(33302123456);

    (void)state;
    assert_string_equal(clock_utc_text(arena, at), "2026-11-20T02:15:02.123456Z");
    assert_string_equal(clock_vietnamese_text(arena, at), "09:15 ngày 20/11/2026");
    assert_string_equal(clock_utc_text(arena, -1), "1969-12-31T23:59:59.999999Z");
}

static void instants_are_strict(void **state)
{
    static const char *const wrong[] = {
        "2026-11-20",
        "2026-11-20T09:15:02",
        "2026-11-20 09:15:02Z",
        "2026-11-20T09:15:60Z",
        "2026-11-20T24:00:00Z",
        "2026-02-29T09:15:02Z",
        "2026-11-20T09:15:02z",
        "2026-11-20T09:15:02+0700",
        "2026-11-20T09:15:02+07:00 ",
        "2026-11-20T9:15:02Z",
        "2026-11-20T09:15:02.Z",
        "2026-11-20T09:15:02+07:60",
        "",
        "2026-11-20T09:15:02.1",
        "2026-11-20T09:15:02.1234567890Z",
        "-026-11-20T09:15:02Z",
        "2026-11-20T09:15:02+24:00",
        "2026-11-20T-9:15:02Z",
    };
    const usec right = clock_day_start(clock_day_of(2026, 11, 20)) + INT64_C(33302) * 1000000;
    usec at = 0;

    (void)state;
    assert_true(clock_parse_time("2026-11-20T09:15:02+07:00", &at));
    assert_int_equal(at, right);
    assert_true(clock_parse_time("2026-11-20T02:15:02Z", &at));
    assert_int_equal(at, right);
    assert_true(clock_parse_time("2026-11-19T22:45:02.123456789-03:30", &at));
    assert_int_equal(at, right + 123456);
    assert_true(clock_parse_time(clock_utc_text(arena, right + 7), &at));
    assert_int_equal(at, right + 7);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(clock_parse_time(wrong[i], &at));
}

static void clocks_go_forward(void **state)
{
    usec a = clock_monotonic(), b = clock_monotonic();

    (void)state;
    assert_true(b >= a);
    assert_true(clock_now() > clock_day_start(clock_day_of(2020, 1, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_eight_centuries_agrees_with_libc),
        cmocka_unit_test(days_are_strict),
        cmocka_unit_test(a_vietnamese_day_begins_at_17_utc),
        cmocka_unit_test(texts),
        cmocka_unit_test(instants_are_strict),
        cmocka_unit_test(clocks_go_forward),
    };

    return cmocka_run_group_tests(tests, up, down);
}
