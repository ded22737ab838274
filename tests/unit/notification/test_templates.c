/* The texts: every field a template names is known, values stay values, mails and short messages
 * come out right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/notification/mime.h"
#include "services/notification/sms.h"
#include "services/notification/templates.h"
#include "tests/unit/common/scratch.h"

static void test_fields_are_replaced_once(void **state)
{
    const struct template_field fields[] = {
        {"a", "{b}", false},
        {"b", "x\r\nBcc: y", false},
        {"c", "1\n2\n", true},
        {NULL, NULL, false},
    };

    (void)state;
    assert_string_equal(template_render(arena, "<{a}|{b}|{c}|{d}|{}|{A}|{", fields),
                        "<{b}|x  Bcc: y|1\n2\n||{}|{A}|{");
    assert_string_equal(template_render(arena, "", fields), "");
}

static void test_lines_are_cleaned_and_cut(void **state)
{
    (void)state;
    assert_string_equal(template_one_line(arena, "Sở\tKH&CN\x01", 100), "Sở KH&CN ");
    assert_string_equal(template_one_line(arena, "ữữữữ", 3), "ữữữ…");
    assert_string_equal(template_one_line(arena, "ữữữ", 3), "ữữữ");
    assert_string_equal(template_one_line(arena, "\xe1\xbb", 3), "");
    assert_string_equal(template_day(arena, "2026-11-25"), "25/11/2026");
    assert_string_equal(template_day(arena, "x"), "x");
    assert_string_equal(template_form("99"), "99");
}

static const struct notice_template *const templates[] = {&template_accepted, &template_rejected,
                                                          &template_issued};

static void test_templates_have_no_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        const char *texts[] = {templates[i]->subject, templates[i]->body, templates[i]->sms};
        for (size_t t = 0; t < COUNT_OF(texts); t++)
            assert_null(strstr(texts[t], "://"));
    }
}

static void test_short_messages_fit_one_segment(void **state)
{
    const struct template_field fields[] = {
        {"receipt", "TR-20261122-000123", false},
        {"due", "25/11/2026", false},
        {"document", "12345/UBND-VPĐKĐĐ-CNTT", false},
        {"reason_count", "12", false},
        {"issued", "1000", false},
        {"items", "1000", false},
        {"failed", "1000", false},
        {NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        const char *text = sms_unaccented(arena, template_render(arena, templates[i]->sms, fields));
        struct sms_size size = sms_measure(text);
        assert_null(strchr(text, '?'));
        assert_false(size.ucs2);
        assert_in_range(size.units, 40, SMS_SEPTETS);
    }
}

static void test_header_words(void **state)
{
    const char *words;

    (void)state;
    assert_string_equal(mime_header_text(arena, "plain text"), "plain text");
    assert_string_equal(mime_header_text(arena, "Đã"), "=?UTF-8?B?xJDDow==?=");
    assert_string_equal(mime_header_text(arena, "=?x"), "=?UTF-8?B?PT94?=");
    words = mime_header_text(arena, "Kết quả yêu cầu chứng thực TR-20261122-000123: đã cấp 1/1");
    for (const char *line = words; line; line = strstr(line, "\r\n ")) {
        line += line == words ? 0 : 3;
        assert_in_range(strcspn(line, "\r"), 10, 75);
        assert_memory_equal(line, "=?UTF-8?B?", 10);
    }
}

static void test_quoted_printable(void **state)
{
    const char *text;

    (void)state;
    assert_string_equal(mime_quoted_printable(arena, "a=b \nữ\n.\n"),
                        "a=3Db=20\r\n=E1=BB=AF\r\n=2E\r\n");
    text = mime_quoted_printable(
        arena, "ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ ữ");
    for (const char *line = text; line; line = strstr(line, "\r\n")) {
        line += line == text ? 0 : 2;
        assert_in_range(strcspn(line, "\r"), 0, 76);
    }
}

static void test_message(void **state)
{
    static const char *const to[] = {"a@example.gov.vn", "b@example.gov.vn", NULL};
    const struct mime_mail mail = {
        .from_address = "thong-bao@trien.invalid",
        .from_name = "Hệ thống",
        .to = to,
        .subject = "Test",
        .body = "Xin chào\n",
        .message_id = "n-1@trien.invalid",
        .date = INT64_C(1795317302) * USEC_PER_SECOND,
    };

    (void)state;
    assert_string_equal((const char *)mime_message(arena, &mail).p,
                        "From: =?UTF-8?B?SOG7hyB0aOG7kW5n?=\r\n"
                        " <thong-bao@trien.invalid>\r\n"
                        "To: a@example.gov.vn,\r\n"
                        " b@example.gov.vn\r\n"
                        "Subject: Test\r\n"
                        "Date: Sun, 22 Nov 2026 10:15:02 +0700\r\n"
                        "Message-ID: <n-1@trien.invalid>\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "Content-Language: vi\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n"
                        "\r\n"
                        "Xin ch=C3=A0o\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_replaced_once),
        cmocka_unit_test(test_lines_are_cleaned_and_cut),
        cmocka_unit_test(test_templates_have_no_links),
        cmocka_unit_test(test_short_messages_fit_one_segment),
        cmocka_unit_test(test_header_words),
        cmocka_unit_test(test_quoted_printable),
        cmocka_unit_test(test_message),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
