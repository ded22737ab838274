/* Working days against the published vectors, and the calendar file against its own rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/validation/calendar.h"

#define CALENDAR_FILE "services/validation/data/working-calendar.csv"
#define MIGRATION_FILE "migrations/validation/deploy/calendar_2027.sql"
#define VECTORS_FILE "tests/unit/validation/data/working-days-vectors.csv"

static struct arena *arena;
static struct calendar calendar;

static struct bytes read_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    char *text = arena_alloc(arena, 65536);
    size_t length;

    if (!in)
        fail_msg("%s: run from the top of the project", path);
    length = fread(text, 1, 65535, in);
    fclose(in);
    return bytes_of(text, length);
}

static int up(void **state)
{
    struct err err = {0};

    (void)state;
    arena = arena_new(1 << 24);
    return calendar_parse(arena, read_file(CALENDAR_FILE), &err, &calendar) == RC_OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void published_vectors(void **state)
{
    char *text = arena_strndup(arena, (const char *)read_file(VECTORS_FILE).p, 65535), *line;
    unsigned seen = 0;

    (void)state;
    strsep(&text, "\n");
    while ((line = strsep(&text, "\n")) && *line) {
        const char *start = strsep(&line, ","), *days = strsep(&line, ","), *due = line;
        civil_day from, to;

        assert_true(clock_parse_day(start, &from));
        assert_true(clock_parse_day(due, &to));
        assert_int_equal(rule_due_on(&calendar, from, atoi(days)).on, to);
        seen++;
    }
    assert_int_equal(seen, 12);
}

static void what_the_file_says(void **state)
{
    (void)state;
    assert_int_equal(calendar.last_year, 2027);
    assert_int_equal(strlen(calendar.version), 16);
    assert_true(calendar.count > 50);
    assert_false(calendar_is_working_day(&calendar, clock_day_of(2026, 1, 2)));  /* swapped */
    assert_true(calendar_is_working_day(&calendar, clock_day_of(2026, 1, 10)));  /* Saturday */
    assert_false(calendar_is_working_day(&calendar, clock_day_of(2026, 1, 11))); /* Sunday */
    assert_false(calendar_is_working_day(&calendar, clock_day_of(2026, 1, 17)));
    assert_true(calendar_is_working_day(&calendar, clock_day_of(2026, 1, 12)));
    /* not confirmed at all: the earlier deadline is the safe one */
    assert_true(calendar_is_working_day(&calendar, clock_day_of(2026, 11, 24)));
}

static void provisional_days_are_said(void **state)
{
    struct due due = rule_due_on(&calendar, clock_day_of(2026, 8, 27), 3);

    (void)state;
    assert_true(due.provisional); /* 31/8/2026 is expected, not confirmed */
    assert_false(due.beyond);
    assert_int_equal(due.on, clock_day_of(2026, 9, 4));
    due = rule_due_on(&calendar, clock_day_of(2026, 11, 20), 3);
    assert_true(due.provisional);
    assert_int_equal(due.on, clock_day_of(2026, 11, 25));
    assert_false(rule_due_on(&calendar, clock_day_of(2026, 6, 1), 3).provisional);
}

static void beyond_the_last_year(void **state)
{
    (void)state;
    assert_false(rule_due_on(&calendar, clock_day_of(2027, 12, 28), 3).beyond);
    assert_true(rule_due_on(&calendar, clock_day_of(2027, 12, 29), 3).beyond);
    assert_true(rule_due_on(&(struct calendar){0}, clock_day_of(2026, 6, 1), 3).beyond);
}

static enum rc parse(const char *text, struct err *err, struct calendar *out)
{
    err_clear(err);
    return calendar_parse(arena, bytes_of_text(text), err, out);
}

#define HEADER "date,kind,name_vi,source,status\n"

static void files_that_are_right(void **state)
{
    struct calendar out;
    struct err err = {0};

    (void)state;
    assert_int_equal(parse(HEADER "2026-01-02,holiday,\"a, \"\"b\"\"\",s,confirmed\r\n\n"
                                  "2026-01-01,holiday,b,s,provisional",
                           &err, &out),
                     RC_OK);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.days[0].day, clock_day_of(2026, 1, 1));
    assert_string_equal(out.days[1].name_vi, "a, \"b\"");
    assert_string_equal(calendar_kind_name(out.days[1].kind), "holiday");
    assert_string_equal(calendar_status_name(out.days[0].status), "provisional");
}

static void files_that_are_wrong(void **state)
{
    static const char *const texts[] = {
        "",
        HEADER,
        "date,kind\n2026-01-01,holiday,a,s,confirmed\n",
        HEADER "2026-13-01,holiday,a,s,confirmed\n",
        HEADER "2026-01-01,party,a,s,confirmed\n",
        HEADER "2026-01-01,holiday,a,s,maybe\n",
        HEADER "2026-01-01,holiday,,s,confirmed\n",
        HEADER "2026-01-01,holiday,a,,confirmed\n",
        HEADER "2026-01-01,holiday,a,s\n",
        HEADER "2026-01-01,holiday,a,s,confirmed,x\n",
        HEADER "2026-01-01,holiday,\"a,s,confirmed\n",
        HEADER "2026-01-01,holiday,\"a\"b,s,confirmed\n",
        HEADER "2026-01-01,working_saturday,a,s,confirmed\n",
        HEADER "2026-01-01,holiday,a,s,confirmed\n2026-01-01,holiday,b,s,confirmed\n",
        HEADER "2026-01-01,holiday,\xff,s,confirmed\n",
    };
    struct calendar out = {.last_year = 7};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(parse(texts[i], &err, &out), RC_REJECT);
        assert_int_equal(out.last_year, 7);
    }
    assert_int_equal(parse(HEADER "2026-01-01,holiday,a,s,confirmed\nx\n", &err, &out), RC_REJECT);
    assert_string_equal(err.field, "line 3");
}

/* What a new database begins with is this file, day by day. */
static void migration_says_the_same(void **state)
{
    const char *sql = arena_strndup(arena, (const char *)read_file(MIGRATION_FILE).p, 65535);
    size_t rows = 0;

    (void)state;
    for (const char *at = sql; (at = strstr(at, "\n    ('")); at++)
        rows++;
    assert_int_equal(rows, calendar.count);
    for (size_t i = 0; i < calendar.count; i++) {
        const struct calendar_day *day = &calendar.days[i];

        assert_non_null(strstr(
            sql, arena_printf(arena, "('%s', '%s', '%s', '%s', '%s', '%s')", calendar.version,
                              clock_day_text(arena, day->day), calendar_kind_name(day->kind),
                              calendar_status_name(day->status), day->name_vi, day->source)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),         cmocka_unit_test(what_the_file_says),
        cmocka_unit_test(provisional_days_are_said), cmocka_unit_test(beyond_the_last_year),
        cmocka_unit_test(migration_says_the_same),   cmocka_unit_test(files_that_are_right),
        cmocka_unit_test(files_that_are_wrong),
    };

    return cmocka_run_group_tests_name("validation/calendar", tests, up, down);
}
