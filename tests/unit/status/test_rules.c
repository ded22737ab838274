/* status' rules: when nothing may be answered, times of answers, permits, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/serial.h"
#include "services/status/rules.h"

#define SECOND USEC_PER_SECOND

static void test_old_knowledge_is_no_ground(void **state)
{
    const struct trust_ages fine = {5 * SECOND, 30 * SECOND, 10 * SECOND, 60 * SECOND};
    struct trust_ages ages = fine;

    (void)state;
    assert_true(rule_may_answer(ages));
    ages.synced = 11 * SECOND;
    assert_false(rule_may_answer(ages));
    ages.synced = INT64_MAX;
    assert_false(rule_may_answer(ages));
    ages = fine;
    ages.feed = 61 * SECOND;
    assert_false(rule_may_answer(ages));
}

static void test_times_of_an_answer(void **state)
{
    const usec now = INT64_C(1795317302) * SECOND + 123456;
    struct answer_times times =
        rule_answer_times(now, 12 * 3600 * SECOND, 3600 * SECOND, now + 90 * USEC_PER_DAY);

    (void)state;
    assert_int_equal(times.this_update, now - 123456);
    assert_int_equal(times.next_update, times.this_update + 12 * 3600 * SECOND);
    assert_int_equal(times.max_age_seconds, 3600);
    assert_int_equal(times.fresh_until, times.next_update - 3600 * SECOND);

    /* The responder's certificate ends first: the answer never outlives it. */
    times = rule_answer_times(now, 12 * 3600 * SECOND, 3600 * SECOND, now + 600 * SECOND);
    assert_true(times.next_update <= now + 600 * SECOND);
    assert_true(times.max_age_seconds <= 300);
    assert_true(times.fresh_until + times.max_age_seconds * SECOND <= times.next_update);

    times = rule_answer_times(now, 3600 * SECOND, 0, now);
    assert_true(times.next_update <= now);
}

static void test_renewal_after_two_thirds(void **state)
{
    (void)state;
    assert_false(rule_renew(19 * SECOND, 0, 30 * SECOND));
    assert_true(rule_renew(20 * SECOND, 0, 30 * SECOND));
}

static void test_permits_come_back_with_time(void **state)
{
    struct bucket bucket = {2, 0};

    (void)state;
    assert_true(rule_take_permit(&bucket, 10, 2, 0));
    assert_true(rule_take_permit(&bucket, 10, 2, 0));
    assert_false(rule_take_permit(&bucket, 10, 2, 0));
    assert_false(rule_take_permit(&bucket, 10, 2, SECOND / 20));
    assert_true(rule_take_permit(&bucket, 10, 2, SECOND / 10));
    assert_false(rule_take_permit(&bucket, 10, 2, SECOND / 20)); /* a clock that went back */
    for (int i = 0; i < 2; i++)
        assert_true(rule_take_permit(&bucket, 10, 2, 100 * SECOND));
    assert_false(rule_take_permit(&bucket, 10, 2, 100 * SECOND)); /* no more than the burst */
}

static void test_file_names(void **state)
{
    static const char *const bad[] = {
        "",         ".cer",    "../root.cer",  "a/b.cer", "ROOT",
        "issuing1", "%2e.cer", "root\x01.cer", " .a",     "abcdefghijklmnopqrstuvwxyz0123456.cer"};
    const char *suffix;
    char id[33];

    (void)state;
    assert_true(rule_file_name("issuing1.cer", id, &suffix));
    assert_string_equal(id, "issuing1");
    assert_string_equal(suffix, ".cer");
    assert_true(rule_file_name("root.cer.exe", id, &suffix));
    assert_string_equal(suffix, ".cer.exe");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(rule_file_name(bad[i], id, &suffix));
}

static void test_serials(void **state)
{
    (void)state;
    assert_true(serial_is("1a2b"));
    assert_true(serial_is("7fffffffffffffffffffffffffffffffffffffff"));
    assert_false(serial_is(""));
    assert_false(serial_is("0a"));
    assert_false(serial_is("1A"));
    assert_false(serial_is("1g"));
    assert_false(serial_is("17fffffffffffffffffffffffffffffffffffffff"));
}

static void test_http_dates(void **state)
{
    char text[32];

    (void)state;
    rule_http_date(INT64_C(784111777) * SECOND, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 5.6.7's own */
    rule_http_date(INT64_C(1795391999) * SECOND, text);
    assert_string_equal(text, "Sun, 22 Nov 2026 23:59:59 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_knowledge_is_no_ground),
        cmocka_unit_test(test_times_of_an_answer),
        cmocka_unit_test(test_renewal_after_two_thirds),
        cmocka_unit_test(test_permits_come_back_with_time),
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_serials),
        cmocka_unit_test(test_http_dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
