/* What the figures of several services say together, and how people read durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/trienctl/status_figures.h"

static struct installation_status status_of(const char *const texts[3])
{
    struct installation_status status = {.count = 3};

    for (size_t i = 0; i < 3; i++) {
        struct err err = {0};

        status.services[i] = (struct service_status){.name = "x", .has_figures = true};
        if (scrape_parse(ctl_arena(), bytes_of_text(texts[i]), &err, &status.services[i].figures) !=
            RC_OK)
            fail_msg("%s", err.detail);
    }
    return status;
}

static void everything_together(void **state)
{
    static const char *const texts[3] = {
        "trien_requests_overdue 2\ntrien_requests_due_soon 3\ntrien_requests_undecided 1\n"
        "trien_requests_undecided_seconds 90\ntrien_validation_reviews_open 3\n"
        "trien_validation_reviews_open_seconds "
        "7201\ntrien_dead_letters{feed=\"a\",state=\"parked\"} 4\n",
        "trien_crl_age_seconds{issuer=\"issuing1\"} "
        "40\ntrien_crl_served_seconds_left{issuer=\"issuing1\"} "
        "500\ntrien_dead_letters{feed=\"a\",state=\"dead\"} 1\n"
        "trien_dead_letters{feed=\"a\",state=\"behind\"} 2\n",
        "trien_crl_age_seconds{issuer=\"issuing1\"} "
        "30\ntrien_crl_served_seconds_left{issuer=\"issuing1\"} "
        "510\ntrien_crl_age_seconds{issuer=\"root1\"} 9\n"
        "trien_courier_devices_in_stock{device_kind=\"pki_token\"} 5\n"
        "trien_courier_devices_in_stock{device_kind=\"sim_pki\"} 1\n"
        "trien_journal_number 2\n"
        "trien_journal_entries 320\n"
        "trien_journal_signed_entries 318\n"
        "trien_journal_unsigned_seconds 12\n"
        "trien_journal_alarm 1\n"
        "trien_courier_orders_waiting_for_device{device_kind=\"sim_pki\"} 2\n",
    };
    struct installation_status status = status_of(texts);
    struct status_summary summary;

    (void)state;
    status_sum_up(&status, &summary);
    assert_true(summary.has_requests && summary.overdue == 2 && summary.due_soon == 3);
    assert_true(summary.undecided == 1 && summary.undecided_seconds == 90);
    assert_true(summary.waiting_for_officers == 3 && summary.review_seconds == 7201);
    assert_true(summary.dead == 3 && summary.parked == 4);
    assert_int_equal(summary.crl_count, 2);
    assert_string_equal(summary.crls[0].issuer, "issuing1");
    assert_true(summary.crls[0].age_seconds == 30 && summary.crls[0].left_seconds == 510);
    assert_true(summary.has_journal && summary.journal_alarm && summary.journal_number == 2);
    assert_true(summary.entries == 320 && summary.signed_entries == 318);
    assert_true(summary.unsigned_seconds == 12);
    assert_true(summary.has_devices && summary.in_stock == 6 && summary.orders_waiting == 2);
}

static void nothing_is_not_zero(void **state)
{
    static const char *const texts[3] = {"", "", ""};
    struct installation_status status = status_of(texts);
    struct status_summary summary;

    (void)state;
    status_sum_up(&status, &summary);
    assert_false(summary.has_requests || summary.has_devices || summary.has_journal);
    assert_false(summary.journal_alarm);
    assert_int_equal(summary.crl_count, 0);
}

static void one_service(void **state)
{
    static const char *const texts[3] = {
        "trien_feed_group_lag_events{group=\"a\"} 3\ntrien_feed_group_lag_events{group=\"b\"} 70\n"
        "trien_effects_pending{kind=\"email\"} 2\ntrien_effects_oldest_seconds{kind=\"email\"} 61\n"
        "trien_token_up{token=\"t\"} 0\ntrien_token_up{token=\"u\"} 1\n",
        "trien_feed_group_lag_events{group=\"a\"} 0\n", ""};
    struct installation_status status = status_of(texts);
    struct status_row row;

    (void)state;
    status_row_of(&status.services[0], &row);
    assert_true(row.lag == 70 && row.pending == 2 && row.oldest_seconds == 61);
    assert_string_equal(row.slowest, "b");
    assert_true(row.tokens == 2 && row.tokens_up == 1);
    status_row_of(&status.services[1], &row);
    assert_string_equal(row.slowest, "");
}

static void durations(void **state)
{
    (void)state;
    assert_string_equal(status_duration(0), "0 giây");
    assert_string_equal(status_duration(119), "119 giây");
    assert_string_equal(status_duration(120), "2 phút");
    assert_string_equal(status_duration(7200), "2 giờ");
    assert_string_equal(status_duration(86400 * 6.0), "6 ngày");
    assert_string_equal(status_duration(-300), "-5 phút");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_together),
        cmocka_unit_test(nothing_is_not_zero),
        cmocka_unit_test(one_service),
        cmocka_unit_test(durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
