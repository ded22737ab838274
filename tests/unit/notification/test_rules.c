/* notification's rules: numbers, addresses, masks, receipts, gateway answers, notice ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/notification/rules.h"
#include "tests/unit/common/scratch.h"

static void test_mobile_numbers(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"0912345678", "+84912345678"},
        {"+84912345678", "+84912345678"},
        {"84912345678", "+84912345678"},
        {"091 234 56 78", "+84912345678"},
        {"0912.345.678", "+84912345678"},
        {"(091) 234-5678", "+84912345678"},
        {"0561234567", "+84561234567"},
        {"0541234567", NULL},   /* no such prefix */
        {"0951234567", NULL},   /* no such prefix */
        {"02437738668", NULL},  /* landline */
        {"0243773866", NULL},   /* landline of ten digits */
        {"01201234567", NULL},  /* eleven digits, ended in 2018 */
        {"091234567", NULL},    /* short */
        {"09123456789", NULL},  /* long */
        {"0912345678x1", NULL}, /* extension */
        {"9+12345678", NULL},
        {"", NULL},
        {"012345678901234567890123456789", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *mobile = rule_mobile(arena, rows[i].text);
        if (!rows[i].expected)
            assert_null(mobile);
        else
            assert_string_equal(mobile, rows[i].expected);
    }
}

static void test_email_addresses(void **state)
{
    static const char *const good[] = {"vanthu@example.gov.vn", "a.b+c@x-y.example.vn", "1@a.b"};
    static const char *const bad[] = {
        "",
        "vanthu",
        "@example.vn",
        "a@b",
        "a@@b.vn",
        "a@b.vn\r\nBcc: c@d.vn",
        "a b@c.vn",
        "<a@b.vn>",
        "a@b.vn,c@d.vn",
        "văn@example.vn",
        "a@.vn",
        "a@example.",
        "a@b.vn;",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(rule_email_usable(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rule_email_usable(bad[i]));
}

static void test_masks_show_little(void **state)
{
    (void)state;
    assert_string_equal(rule_mask_email(arena, "vanthu@example.gov.vn"), "v…u@example.gov.vn");
    assert_string_equal(rule_mask_email(arena, "a@b.vn"), "…@b.vn");
    assert_string_equal(rule_mask_email(arena, ""), "");
    assert_string_equal(rule_mask_mobile(arena, "+84912345678"), "+84…678");
    assert_string_equal(rule_mask_mobile(arena, ""), "");
    assert_int_not_equal(rule_recipient_key("a@b.vn"), rule_recipient_key("b@b.vn"));
}

static void test_the_pace_lets_a_burst_go_and_then_one_at_a_time(void **state)
{
    const usec now = 1000 * USEC_PER_SECOND, minute = 60 * USEC_PER_SECOND;
    usec pace = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rule_pace(&pace, now, minute, 3), now);
    assert_int_equal(rule_pace(&pace, now, minute, 3), now + minute);
    assert_int_equal(rule_pace(&pace, now, minute, 3), now + 2 * minute);
    assert_int_equal(rule_pace(&pace, now + 10 * minute, minute, 3), now + 10 * minute);
    for (int i = 0; i < 2; i++) /* a long silence gives one burst, not more */
        assert_int_equal(rule_pace(&pace, now + 100 * minute, minute, 3), now + 100 * minute);
    assert_int_equal(rule_pace(&pace, now + 100 * minute, minute, 3), now + 100 * minute);
    assert_int_equal(rule_pace(&pace, now + 100 * minute, minute, 3), now + 101 * minute);
}

static void test_digest_waits_for_the_last_item(void **state)
{
    (void)state;
    assert_false(rule_digest_is_due(3, 2));
    assert_true(rule_digest_is_due(3, 3));
    assert_true(rule_digest_is_due(1, 1));
}

static void test_receipt_bits(void **state)
{
    (void)state;
    assert_int_equal(rule_receipt("1"), RECEIPT_DELIVERED);
    assert_int_equal(rule_receipt("2"), RECEIPT_FAILED);
    assert_int_equal(rule_receipt("16"), RECEIPT_FAILED);
    assert_int_equal(rule_receipt("4"), RECEIPT_UNDERWAY);
    assert_int_equal(rule_receipt("8"), RECEIPT_UNDERWAY);
    assert_int_equal(rule_receipt("3"), RECEIPT_NONSENSE);
    assert_int_equal(rule_receipt("%d"), RECEIPT_NONSENSE);
    assert_int_equal(rule_receipt(NULL), RECEIPT_NONSENSE);
}

static void test_gateway_answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum gateway_answer expected;
    } rows[] = {
        {202, "0: Accepted for delivery", GATEWAY_TOOK_IT},
        {202, "3: Queued for later delivery", GATEWAY_TOOK_IT},
        {202, "1: strange", GATEWAY_LATER},
        {202, "", GATEWAY_LATER},
        {200, "0: Accepted", GATEWAY_LATER},
        {403, "Authorization failed for sendsms", GATEWAY_LATER},
        {404, "", GATEWAY_LATER},
        {429, "", GATEWAY_LATER},
        {503, "Temporal failure, try again later.", GATEWAY_LATER},
        {400, "Empty receiver number not allowed, rejected", GATEWAY_REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(rule_gateway_answer(rows[i].status, bytes_of_text(rows[i].body)),
                         rows[i].expected);
}

static void test_notice_ids_come_back(void **state)
{
    static const char *const bad[] = {
        "",
        "0193f3c4-1111-7000-8000-000000000001",
        "0193f3c4-1111-7000-8000-000000000001-issued",
        "0193f3c4-1111-7000-8000-000000000001-issued-",
        "0193f3c4-1111-7000-8000-000000000001-other-1",
        "0193f3c4-1111-7000-8000-000000000001-issued-1x",
        "0193f3c4-1111-7000-8000-000000000001-issued-1234567890",
        "0193f3c4-1111-7000-8000-000000000001--1",
        "------------------------------------------",
    };
    const struct notice_name name = {"0193f3c4-1111-7000-8000-000000000001", "issued", 12};
    struct notice_name back;

    (void)state;
    assert_true(rule_notice_id_parse(arena, rule_notice_id(arena, name), &back));
    assert_string_equal(back.request_id, name.request_id);
    assert_string_equal(back.template_name, "issued");
    assert_int_equal(back.number, 12);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rule_notice_id_parse(arena, bad[i], &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mobile_numbers),
        cmocka_unit_test(test_email_addresses),
        cmocka_unit_test(test_masks_show_little),
        cmocka_unit_test(test_the_pace_lets_a_burst_go_and_then_one_at_a_time),
        cmocka_unit_test(test_digest_waits_for_the_last_item),
        cmocka_unit_test(test_receipt_bits),
        cmocka_unit_test(test_gateway_answers),
        cmocka_unit_test(test_notice_ids_come_back),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
