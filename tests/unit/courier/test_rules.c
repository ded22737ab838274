/* courier's rules about devices and tracking numbers: the table of steps, reports of agencies, S10.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/courier/rules.h"

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

static void a_device_lives_by_the_table(void **state)
{
    static const char *const life[][2] = {
        {"AddDevices", "in_stock"},
        {"KeyAwaited", "assigned"},
        {"CertificateIssued", "personalised"},
        {"DispatchDevices", "dispatched"},
        {"ShipmentDelivered", "delivered"},
        {"HandoverReported", "handed_over"},
        {"CertificateRevoked", "recalled"},
        {"ReturnReported", "returned"},
        {"RetireDevice", "destroyed"},
    };
    const char *now = "-";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(life); i++) {
        now = rule_device_next(now, life[i][0]);
        assert_non_null(now);
        assert_string_equal(now, life[i][1]);
    }
    for (size_t i = 0; i < COUNT_OF(life); i++)
        assert_null(rule_device_next("destroyed", life[i][0]));
    assert_null(rule_device_next("in_stock", "DispatchDevices"));
    assert_null(rule_device_next("assigned", "DispatchDevices"));
    assert_null(rule_device_next("personalised", "HandoverReported"));
    assert_null(rule_device_next("recalled", "HandoverReported"));
    assert_null(rule_device_next("handed_over", "RetireDevice"));
}

/* An event leads from a state to one state only, and every state can be reached. */
static void the_table_is_a_function(void **state)
{
    const struct state_step *steps = courier_states[0].steps;

    (void)state;
    for (const struct state_step *a = steps; a->from; a++) {
        bool reached = strcmp(a->from, "-") == 0;
        for (const struct state_step *b = steps; b->from; b++) {
            assert_true(a == b || strcmp(a->from, b->from) != 0 || strcmp(a->event, b->event) != 0);
            reached = reached || strcmp(b->to, a->from) == 0;
        }
        assert_true(reached);
    }
}

static void kinds_methods(void **state)
{
    (void)state;
    assert_true(rule_is_stock_kind("sim_pki"));
    assert_false(rule_is_stock_kind("hsm"));
    assert_true(rule_is_method("cipher_organisation"));
    assert_false(rule_is_method(""));
}

static Trien__DeviceReported report_of(const char *form, const char *certificate)
{
    Trien__DeviceReported report = TRIEN__DEVICE_REPORTED__INIT;

    report.form = (char *)form;
    report.item_id = (char *)"0193a5c0-0000-7000-8000-000000000001/3";
    report.organ_id = (char *)"H26.14";
    report.device_serial = (char *)"VN-1";
    report.certificate_serial = (char *)certificate;
    return report;
}

static void a_report_that_holds(void **state)
{
    const struct device_facts delivered = {"delivered", "H26.14", "54aa"};
    const struct device_facts recalled = {"recalled", "H26.14", "54aa"};
    Trien__DeviceReported report = report_of("07", "54AA");
    size_t count = 9;

    (void)state;
    rule_report_reasons(arena, &report, &delivered, &count);
    assert_int_equal(count, 0);
    report = report_of("08", NULL);
    rule_report_reasons(arena, &report, &recalled, &count);
    assert_int_equal(count, 0);
}

static void a_report_that_does_not(void **state)
{
    const struct device_facts stock = {"recalled", "H26.14", "54aa"};
    const struct device_facts foreign = {"delivered", "H26.15", "54aa"};
    const struct device_facts nobodys = {"in_stock", NULL, NULL};
    Trien__DeviceReported report = report_of("07", "54ab");
    Trien__Reason **reasons;
    size_t count;

    (void)state;
    reasons = rule_report_reasons(arena, &report, &stock, &count);
    assert_int_equal(count, 2);
    assert_int_equal(reasons[0]->code, TRIEN__ERROR__DEVICE_STATE);
    assert_string_equal(reasons[0]->field, "/subscribers/2/device_serial");
    assert_int_equal(reasons[1]->code, TRIEN__ERROR__DEVICE_UNKNOWN);
    assert_string_equal(reasons[1]->field, "/subscribers/2/certificate_serial");
    /* Of a device of somebody else nothing is said, not even that it is there. */
    reasons = rule_report_reasons(arena, &report, &foreign, &count);
    assert_int_equal(count, 1);
    assert_int_equal(reasons[0]->code, TRIEN__ERROR__DEVICE_UNKNOWN);
    reasons = rule_report_reasons(arena, &report, &nobodys, &count);
    assert_int_equal(reasons[0]->code, TRIEN__ERROR__DEVICE_UNKNOWN);
    reasons = rule_report_reasons(arena, &report, NULL, &count);
    assert_int_equal(count, 1);
}

static void s10_check_digits_of_the_union(void **state)
{
    FILE *vectors = fopen("tests/unit/courier/data/s10-vectors.csv", "r");
    char serial[16], digit, number[16];
    int seen = 0;

    (void)state;
    assert_non_null(vectors);
    assert_int_equal(fscanf(vectors, "serial,check_digit\n"), 0);
    while (fscanf(vectors, "%15[0-9],%c\n", serial, &digit) == 2) {
        assert_int_equal(rule_s10_check_digit(serial), digit);
        snprintf(number, sizeof(number), "EE%.8s%cVN", serial, digit);
        assert_true(rule_s10_is_ours(number));
        number[10] = digit == '9' ? '0' : (char)(digit + 1);
        assert_false(rule_s10_is_valid(number));
        seen++;
    }
    fclose(vectors);
    assert_int_equal(seen, 7);
}

static void s10_forms(void **state)
{
    (void)state;
    assert_true(rule_s10_is_ours("RR473124829VN"));
    assert_true(rule_s10_is_valid("EE473124829DE"));
    assert_false(rule_s10_is_ours("EE473124829DE"));
    assert_false(rule_s10_is_ours("LE473124829VN")); /* an untracked service */
    assert_false(rule_s10_is_valid("ee473124829vn"));
    assert_false(rule_s10_is_valid("EE473124829V"));
    assert_false(rule_s10_is_valid("EE473124829VNN"));
    assert_false(rule_s10_is_valid("E1473124829VN"));
    assert_false(rule_s10_is_valid("EE47312482AVN"));
    assert_false(rule_s10_is_valid(""));
}

/* Any one digit wrong, and any two neighbours swapped, is seen. */
static void s10_sees_what_people_mistype(void **state)
{
    char number[] = "EE473124829VN";

    (void)state;
    for (int at = 2; at < 10; at++) {
        char right = number[at];
        for (char digit = '0'; digit <= '9'; digit++) {
            number[at] = digit;
            assert_true(rule_s10_is_valid(number) == (digit == right));
        }
        number[at] = right;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_lives_by_the_table),
        cmocka_unit_test(the_table_is_a_function),
        cmocka_unit_test(kinds_methods),
        cmocka_unit_test(a_report_that_holds),
        cmocka_unit_test(a_report_that_does_not),
        cmocka_unit_test(s10_check_digits_of_the_union),
        cmocka_unit_test(s10_forms),
        cmocka_unit_test(s10_sees_what_people_mistype),
    };

    return cmocka_run_group_tests(tests, up, down);
}
