/* What revocation decides: who may be revoked, when a list is due, what leaves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/guard.h"
#include "common/serial.h"
#include "services/revocation/rules.h"

#define NOW (INT64_C(1795500000) * USEC_PER_SECOND)
#define MINUTE (60 * USEC_PER_SECOND)

static void who_may_be_revoked(void **state)
{
    (void)state;
    assert_int_equal(rule_may_revoke("valid", NOW + 1, NOW), TRIEN__ERROR__NONE);
    /* not_after is the last second of validity */
    assert_int_equal(rule_may_revoke("valid", NOW, NOW + USEC_PER_SECOND - 1), TRIEN__ERROR__NONE);
    assert_int_equal(rule_may_revoke("valid", NOW, NOW + USEC_PER_SECOND),
                     TRIEN__ERROR__CERTIFICATE_EXPIRED);
    assert_int_equal(rule_may_revoke("expired", NOW + 1, NOW), TRIEN__ERROR__CERTIFICATE_EXPIRED);
    assert_int_equal(rule_may_revoke("revoked", NOW + 1, NOW), TRIEN__ERROR__CERTIFICATE_REVOKED);
    assert_int_equal(rule_may_revoke("revoked", NOW - MINUTE, NOW),
                     TRIEN__ERROR__CERTIFICATE_REVOKED);
}

static void when_a_list_is_due(void **state)
{
    struct list_times times = {.planned_at = NOW, .interval = 60 * MINUTE, .pause = MINUTE};

    (void)state;
    assert_false(rule_list_due(&times, NOW + 59 * MINUTE));
    assert_true(rule_list_due(&times, NOW + 60 * MINUTE));
    times.unlisted = true;
    assert_false(rule_list_due(&times, NOW + MINUTE - 1)); /* they are gathered */
    assert_true(rule_list_due(&times, NOW + MINUTE));
    times.unlisted = false;
    times.refused = true;
    assert_true(rule_list_due(&times, NOW + MINUTE));
    times = (struct list_times){.interval = 60 * MINUTE, .pause = MINUTE};
    assert_true(rule_list_due(&times, NOW)); /* the first one */
}

static void times_of_a_list(void **state)
{
    (void)state;
    assert_int_equal(rule_next_update(NOW, MINUTE, NOW + 60 * MINUTE), NOW + MINUTE);
    assert_int_equal(rule_next_update(NOW, 2 * MINUTE, NOW + MINUTE + 5), NOW + MINUTE);
    assert_int_equal(rule_listed_from(0), 0); /* the first list leaves nobody out */
    assert_int_equal(rule_listed_from(NOW), NOW - 60 * MINUTE);
}

/* One entry that the signer refuses would keep every list back. */
static void moments_of_a_loss(void **state)
{
    (void)state;
    assert_int_equal(rule_invalidity(NOW - 1, NOW), NOW - 1);
    assert_int_equal(rule_invalidity(NOW, NOW), NOW);
    assert_int_equal(rule_invalidity(USEC_PER_SECOND, NOW), USEC_PER_SECOND);
    assert_int_equal(rule_invalidity(NOW + 1, NOW), 0);
    assert_int_equal(rule_invalidity(USEC_PER_SECOND - 1, NOW), 0);
    assert_int_equal(rule_invalidity(-NOW, NOW), 0);
}

/* Large lists follow each other more slowly, so that they do not take all there is. */
static void the_pause_grows_with_the_list(void **state)
{
    (void)state;
    assert_int_equal(rule_pause(USEC_PER_SECOND, 0), USEC_PER_SECOND);
    assert_int_equal(rule_pause(USEC_PER_SECOND, 400 * 1024), USEC_PER_SECOND);
    assert_int_equal(rule_pause(0, 10 * 1024 * 1024), 5 * USEC_PER_SECOND);
    assert_int_equal(rule_pause(2 * USEC_PER_SECOND, 50 * 1024 * 1024), 27 * USEC_PER_SECOND);
}

static void how_a_list_is(void **state)
{
    const usec limit = 120 * MINUTE;
    struct list_watch watch = {.update = NOW, .until = NOW + 48 * 60 * MINUTE};

    (void)state;
    assert_int_equal(rule_list_health(&watch, limit, NOW + limit), LIST_FRESH);
    assert_int_equal(rule_list_health(&watch, limit, NOW + limit + 1), LIST_OLD);
    assert_int_equal(rule_list_health(&watch, limit, watch.until), LIST_OVER);
    watch.forgotten = true;
    assert_int_equal(rule_list_health(&watch, limit, NOW), LIST_FORGOTTEN);
    assert_int_equal(rule_list_health(&(struct list_watch){0}, limit, NOW), LIST_NONE);
    assert_string_equal(rule_list_health_name(LIST_FORGOTTEN), "forgotten");
}

static void serial_numbers(void **state)
{
    static const char *const wrong[] = {
        "", "0", "0a", "A1", "g", "12 ", "12345678901234567890123456789012345678901"};

    (void)state;
    assert_true(serial_is("540abc"));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(serial_is(wrong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_be_revoked),
        cmocka_unit_test(when_a_list_is_due),
        cmocka_unit_test(times_of_a_list),
        cmocka_unit_test(moments_of_a_loss),
        cmocka_unit_test(serial_numbers),
        cmocka_unit_test(how_a_list_is),
        cmocka_unit_test(the_pause_grows_with_the_list),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
