/* intake's rules: the shape of a post, headers, receipt numbers, ids, states, sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/bus.h"
#include "services/intake/intake.h"
#include "tests/unit/common/scratch.h"

static struct http_part part(const char *name, const char *filename, const char *body)
{
    return (struct http_part){name, filename, "application/pdf", bytes_of_text(body)};
}

static enum rc split(const struct http_part *parts, size_t count, struct err *err,
                     struct post *ret_post)
{
    const struct http_request request = {.parts = parts, .part_count = count};
    err_clear(err);
    return rule_split_post(arena, &request, err, ret_post);
}

static void test_a_good_post_is_sorted(void **state)
{
    const struct http_part parts[] = {part("attachment", "C:\\tmp\\a.pdf", "A"),
                                      part("document", "/etc/công văn.pdf", "D"),
                                      part("attachment", NULL, "B")};
    struct post post;
    struct err err;
    (void)state;
    assert_int_equal(split(parts, 3, &err, &post), RC_OK);
    assert_int_equal(post.count, 3);
    assert_string_equal(post.parts[0].name, "công văn.pdf");
    assert_string_equal(post.parts[1].name, "a.pdf");
    assert_string_equal(post.parts[2].name, "attachment");
    assert_memory_equal(post.parts[2].content.p, "B", 1);
}

static void refuse(const struct http_part *parts, size_t count, Trien__Error code,
                   const char *field)
{
    struct post post;
    struct err err;
    assert_int_equal(split(parts, count, &err, &post), RC_REJECT);
    assert_int_equal(err.code, code);
    assert_string_equal(err.field, field);
}

static void test_a_bad_post_names_the_field(void **state)
{
    (void)state;
    const struct http_part twice[] = {part("document", "a", "1"), part("document", "b", "2")};
    const struct http_part empty[] = {part("document", "a", "")};
    const struct http_part strange[] = {part("document", "a", "1"), part("form", "b", "2")};
    const struct http_part lonely[] = {part("attachment", "a", "1")};
    const struct http_part control[] = {part("document", "a\nb", "1")};
    struct http_part many[MAX_ATTACHMENTS + 2];
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = part(i == 0 ? "document" : "attachment", "a", "1");
    refuse(NULL, 0, TRIEN__ERROR__FIELD_MISSING, "/document");
    refuse(lonely, 1, TRIEN__ERROR__FIELD_MISSING, "/document");
    refuse(twice, 2, TRIEN__ERROR__FIELD_INVALID, "/document");
    refuse(empty, 1, TRIEN__ERROR__FIELD_INVALID, "/document");
    refuse(control, 1, TRIEN__ERROR__FIELD_INVALID, "/document");
    refuse(strange, 2, TRIEN__ERROR__FIELD_INVALID, "/form");
    refuse(many, COUNT_OF(many), TRIEN__ERROR__FIELD_INVALID, "/attachment");
}

static void test_bearer(void **state)
{
    static const struct {
        const char *header;
        bool good;
    } rows[] = {
        {"Bearer 0123456789abcdef", true},
        {"bearer 0123456789abcdef", true},
        {"Bearer 0123456789abcde", false},
        {"Basic 0123456789abcdef", false},
        {"Bearer 0123456789 abcdef", false},
        {"Bearer", false},
        {NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};
        struct bytes token = {0};
        enum rc rc = rule_bearer(rows[i].header, &err, &token);
        assert_int_equal(rc, rows[i].good ? RC_OK : RC_REJECT);
        assert_int_equal(token.n, rows[i].good ? 16 : 0);
        assert_int_equal(err.code, rows[i].good ? 0 : TRIEN__ERROR__UNAUTHENTICATED);
    }
}

static void test_idempotency_key(void **state)
{
    char long_key[257];
    struct err err = {0};
    (void)state;
    memset(long_key, 'k', 256);
    long_key[256] = '\0';
    assert_int_equal(rule_idempotency_key(long_key, &err), RC_REJECT);
    assert_string_equal(err.field, "Idempotency-Key");
    long_key[255] = '\0';
    assert_int_equal(rule_idempotency_key(long_key, &err), RC_OK);
    assert_int_equal(rule_idempotency_key(NULL, &err), RC_OK);
    assert_int_equal(rule_idempotency_key("", &err), RC_REJECT);
    assert_int_equal(rule_idempotency_key("a\x80", &err), RC_REJECT);
}

static void test_receipt_number_and_back(void **state)
{
    civil_day day, parsed_day;
    int64_t number = 0;
    (void)state;
    assert_true(clock_parse_day("2026-11-23", &day));
    /* 17:30 UTC is the next day in Vietnam. */
    usec at = clock_day_start(day) + 30 * 60 * USEC_PER_SECOND;
    assert_string_equal(rule_receipt_text(arena, at, 123), "TR-20261123-000123");
    assert_string_equal(rule_receipt_text(arena, at, 12345678), "TR-20261123-12345678");
    assert_true(rule_receipt_parse("TR-20261123-000123", &parsed_day, &number));
    assert_int_equal(parsed_day, day);
    assert_int_equal(number, 123);
    static const char *const bad[] = {"",
                                      "TR-",
                                      "TR-20261131-000123",
                                      "TR-20261123-123",
                                      "TR-20261123-000123x",
                                      "tr-20261123-000123",
                                      "TR-20261123-9999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rule_receipt_parse(bad[i], &parsed_day, &number));
}

static void test_item_ids(void **state)
{
    uint8_t request_id[16];
    int32_t number = 0;
    (void)state;
    assert_true(rule_item_parse("0193b2f0-0000-7000-8000-000000000001/12", request_id, &number));
    assert_int_equal(number, 12);
    assert_int_equal(request_id[15], 1);
    static const char *const bad[] = {"",
                                      "0193b2f0-0000-7000-8000-000000000001",
                                      "0193b2f0-0000-7000-8000-000000000001/",
                                      "0193b2f0-0000-7000-8000-000000000001/0",
                                      "0193b2f0-0000-7000-8000-000000000001/1x",
                                      "0193b2f0-0000-7000-8000-00000000000x/1",
                                      "0193b2f0-0000-7000-8000-000000000001/1234567"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rule_item_parse(bad[i], request_id, &number));
}

static void test_smallest_id_of_an_instant(void **state)
{
    uint8_t lowest[16], made[16];
    usec at = INT64_C(1763780000123000);
    (void)state;
    rule_id_floor(at, lowest);
    bus_uuid(at, made);
    assert_memory_equal(lowest, made, 6);
    assert_true(memcmp(lowest, made, 16) < 0);
}

static void test_post_digest(void **state)
{
    uint8_t parts[2][32] = {{1}, {2}}, one[32], both[32], swapped[32];
    (void)state;
    rule_post_digest(parts, 1, one);
    assert_memory_equal(one, parts[0], 32);
    rule_post_digest(parts, 2, both);
    parts[0][0] = 2;
    parts[1][0] = 1;
    rule_post_digest(parts, 2, swapped);
    assert_memory_not_equal(both, swapped, 32);
}

static void test_page_limit(void **state)
{
    struct err err = {0};
    int32_t limit = 0;
    (void)state;
    assert_int_equal(rule_page_limit(NULL, &err, &limit), RC_OK);
    assert_int_equal(limit, 50);
    assert_int_equal(rule_page_limit("200", &err, &limit), RC_OK);
    assert_int_equal(limit, 200);
    static const char *const bad[] = {"", "0", "201", "-1", "1e2", "00000001"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(rule_page_limit(bad[i], &err, &limit), RC_REJECT);
    assert_string_equal(err.field, "limit");
}

/* An event may follow every state its rows name and no final one. */
static void test_states_before(void **state)
{
    const char *states[8];
    (void)state;
    assert_int_equal(rule_states_before(request_steps, "RequestAccepted", states), 1);
    assert_string_equal(states[0], "received");
    assert_int_equal(rule_states_before(item_steps, "CertificateIssued", states), 3);
    assert_int_equal(rule_states_before(item_steps, "RequestAccepted", states), 0);
    for (const struct state_step *step = item_steps; step->from; step++) {
        assert_string_not_equal(step->from, "issued");
        assert_string_not_equal(step->from, "failed");
    }
    assert_true(rule_is_request_state("completed"));
    assert_false(rule_is_request_state("issued"));
}

static void test_sentences(void **state)
{
    (void)state;
    assert_string_equal(text_of_event(arena, "CertificateIssued", "Trần Thị Bình", "1f"),
                        "Đã cấp chứng thư cho Trần Thị Bình, số hiệu 1f.");
    assert_string_equal(text_of_event(arena, "NoticeDelivered", "+84…678", "sms issued"),
                        "Đã gửi thông báo qua tin nhắn tới +84…678.");
    assert_string_equal(text_of_event(arena, "RequestSubmitted", "", "100%s%d"),
                        "Đã tiếp nhận văn bản, số biên nhận 100%s%d.");
    assert_string_equal(text_of_event(arena, "SomethingNew", "", ""), "SomethingNew");
    for (const struct state_table *table = intake_states; table->name; table++)
        for (const struct state_step *step = table->steps; step->from; step++)
            assert_string_not_equal(text_of_state(step->to), step->to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_post_is_sorted),
        cmocka_unit_test(test_a_bad_post_names_the_field),
        cmocka_unit_test(test_bearer),
        cmocka_unit_test(test_idempotency_key),
        cmocka_unit_test(test_receipt_number_and_back),
        cmocka_unit_test(test_item_ids),
        cmocka_unit_test(test_smallest_id_of_an_instant),
        cmocka_unit_test(test_post_digest),
        cmocka_unit_test(test_page_limit),
        cmocka_unit_test(test_states_before),
        cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
