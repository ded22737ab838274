/* The linear scan: every byte belongs to something, no object stands twice in a revision. */
#include "common/pdf_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define END "startxref\n9\n%%EOF\n"

static void assert_sound(const char *text, size_t objects, uint32_t revisions)
{
    struct pdf_scan scan;
    bool sound = pdf_scan_file(bytes_of_text(text), &scan);

    if (!sound)
        print_error("%s at %zu\n", scan.fault ? scan.fault : "?", scan.fault_at);
    assert_true(sound);
    assert_int_equal(scan.object_count, objects);
    assert_int_equal(scan.revisions, revisions);
    pdf_scan_done(&scan);
}

static void assert_refused(const char *text, const char *why)
{
    struct pdf_scan scan;

    if (pdf_scan_file(bytes_of_text(text), &scan))
        fail_msg("accepted: %s", text);
    assert_string_equal(scan.fault, why);
    pdf_scan_done(&scan);
}

static void test_sound_files(void **state)
{
    (void)state;
    assert_sound("%PDF-1.7\n1 0 obj\n<< /A (x(y)\\)z) /B <0a> /C [1 2 (>>)] >>\nendobj\n" END, 1,
                 1);
    assert_sound("1 0 obj<</Length 3>>stream\nendendstream endobj 2 0 obj 5 endobj\n" END, 2, 1);
    assert_sound(
        "1 0 obj<</Length 2 0 R>>stream\r\nendstream x\nendstream endobj\n2 0 obj 5 endobj\n" END,
        2, 1);
    assert_sound("1 0 obj 1 endobj\n" END "1 0 obj 2 endobj\n" END, 2, 2);
    assert_sound(
        "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n<< /Size 2 >>\n" END, 0, 1);
    assert_sound("1 0 obj (%) % endobj\nendobj", 1, 0);
}

static void test_refused_files(void **state)
{
    (void)state;
    assert_refused("1 0 obj 1 endobj 1 0 obj 2 endobj",
                   "an object number stands twice in one revision");
    assert_refused("1 0 obj 1 endobj %%EOF\n1 0 obj 2 endobj",
                   "an object number stands twice in one revision");
    assert_refused("1 0 obj 1 2 0 obj 2 endobj endobj", "object inside an object");
    assert_refused("1 0 obj << endobj >>", "object inside an object");
    assert_refused("1 0 obj 1 endobj hello", "bytes that belong to no object");
    assert_refused("1 0 obj << ] endobj", "brackets do not match");
    assert_refused("1 0 obj (abc\\", "string without an end");
    assert_refused("1 0 obj <abc", "hexadecimal string without an end");
    assert_refused("1 0 obj << /A 1", "stray character in an object");
    assert_refused("1 0 obj<</Length 900>>stream\nabc\nendstream endobj",
                   "stream longer than the file");
    assert_refused("1 0 obj<</Length 2>>stream\nabc\nendstream endobj",
                   "stream does not end where its length says");
    assert_refused("1 0 obj<<>>stream\nabc", "stream without an end");
    assert_refused("99999999999 0 obj 1 endobj", "object number too large");
    assert_refused("xref\n0 1\n0000000000 65535 x \ntrailer <<>>",
                   "malformed cross-reference entry");
    assert_refused("xref\n0 99999999\n", "malformed cross-reference table");
}

/* A document of one string with so many digits, the last replaced; how many long ones were noted.
 */
static size_t long_strings(size_t digits, char last, struct pdf_scan_long *ret_first)
{
    static const char head[] = "1 0 obj << /A (<", tail[] = "> endobj\n";
    char text[4096];
    size_t at = (size_t)snprintf(text, sizeof(text), "%s00>) /B <", head), count;
    struct pdf_scan scan;

    memset(text + at, 'c', digits);
    text[at + digits - 1] = last;
    snprintf(text + at + digits, sizeof(text) - at - digits, "> >%s", tail);
    assert_true(pdf_scan_file(bytes_of_text(text), &scan));
    count = scan.long_count;
    if (count > 0) {
        *ret_first = scan.longs[0];
        assert_int_equal(ret_first->start, at);
    }
    pdf_scan_done(&scan);
    return count;
}

static void test_long_strings_are_noted(void **state)
{
    struct pdf_scan_long first = {0};

    (void)state;
    assert_int_equal(long_strings(2000, 'F', &first), 1);
    assert_int_equal(first.end - first.start, 2000);
    assert_int_equal(long_strings(100, '0', &first), 0);
    assert_int_equal(long_strings(2000, 'g', &first), 0);
    assert_int_equal(long_strings(2000, ' ', &first), 0);
    assert_int_equal(long_strings(2000, '/', &first), 0);
    assert_int_equal(long_strings(2000, '@', &first), 0);
}

static void test_nesting_is_bounded(void **state)
{
    char text[4096] = "1 0 obj ";

    (void)state;
    memset(text + 8, '[', 300);
    assert_refused(text, "nesting too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_files),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_long_strings_are_noted),
        cmocka_unit_test(test_nesting_is_bounded),
    };

    return cmocka_run_group_tests_name("pdf_scan", tests, NULL, NULL);
}
