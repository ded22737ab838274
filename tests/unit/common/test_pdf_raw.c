/* The raw scan for signatures, on files a few lines long. The whole gate is tried on real and
 * hostile documents by tests/flow/test_documents.py. */
#include "common/pdf_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A file with one signature; `ranges` is a format of the three numbers a, b, c. */
static struct bytes file_with(char *room, size_t size, const char *ranges, const char *contents,
                              const char *tail)
{
    char numbers[200];
    int head = snprintf(room, size, "%%PDF-1.7\n1 0 obj\n<< /Type /Sig /Contents ");
    int gap = (int)strlen(contents), rest;

    rest = (int)strlen(" /ByteRange [") + 60 + (int)strlen("] >>\nendobj\n%%EOF\n");
    snprintf(numbers, sizeof(numbers), ranges, head, head + gap, rest);
    snprintf(room + head, size - (size_t)head, "%s /ByteRange [%-60s] >>\nendobj\n%%%%EOF\n%s",
             contents, numbers, tail);
    return bytes_of_text(room);
}

static Trien__Error only_reason(struct bytes file)
{
    struct pdf_raw raw;

    pdf_raw_scan(file, &raw);
    if (raw.reason_count == 0)
        return TRIEN__ERROR__NONE;
    assert_int_equal(raw.reason_count, 1);
    return raw.reasons[0].code;
}

static void test_honest_signature(void **state)
{
    char room[1000];
    struct pdf_raw raw;
    struct bytes file = file_with(room, sizeof(room), "0 %d %d %d", "<30820aFF>", "");
    uint8_t contents[4];

    (void)state;
    pdf_raw_scan(file, &raw);
    assert_int_equal(raw.reason_count, 0);
    assert_int_equal(raw.signature_count, 1);
    assert_int_equal(raw.signatures[0].covered_end, file.n);
    assert_int_equal(file.p[raw.signatures[0].gap_start], '<');
    assert_int_equal(file.p[raw.signatures[0].gap_end - 1], '>');
    pdf_raw_contents(file, &raw.signatures[0], contents);
    assert_memory_equal(contents, "\x30\x82\x0a\xff", 4);
}

static void test_coverage(void **state)
{
    static const char *const ranges[] = {
        "1 %d %d %d",  "0 %d %d -%d",      "0 %d %d %d 5",  "0 %d %d %d99999999999999999999",
        "%d %d %d",    "0 %2$d %1$d %3$d", "0 %d %d 4 0 R", "0x0 %d %d %d",
        "0 %d. %d %d", "-0 %d %d %d",      "0 %d %d 1%d"};
    char room[1000];

    (void)state;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        assert_int_equal(only_reason(file_with(room, sizeof(room), ranges[i], "<30>", "")),
                         TRIEN__ERROR__SIGNATURE_COVERAGE);
    assert_int_equal(only_reason(file_with(room, sizeof(room), "0 %d %d %d", "(30)", "")),
                     TRIEN__ERROR__SIGNATURE_COVERAGE);
    assert_int_equal(only_reason(file_with(room, sizeof(room), "0 %d %d %d", "<3 >", "")),
                     TRIEN__ERROR__SIGNATURE_COVERAGE);
    assert_int_equal(only_reason(file_with(room, sizeof(room), "0 %d %d %d", "<301>", "")),
                     TRIEN__ERROR__SIGNATURE_COVERAGE);
}

static void test_bytes_after(void **state)
{
    char room[1000];

    (void)state;
    assert_int_equal(only_reason(file_with(room, sizeof(room), "0 %d %d %d", "<30>", " ")),
                     TRIEN__ERROR__DOCUMENT_CHANGED_AFTER_SIGNING);
    assert_int_equal(only_reason(file_with(room, sizeof(room), "0 %d %d %d", "<0000>", "")),
                     TRIEN__ERROR__SIGNATURE_INVALID);
}

static void test_no_signature(void **state)
{
    (void)state;
    assert_int_equal(only_reason(bytes_of_text("%PDF-1.7\n1 0 obj\nnull\nendobj\n%%EOF\n")),
                     TRIEN__ERROR__DOCUMENT_NOT_SIGNED);
    assert_int_equal(only_reason(bytes_of_text("%PDF-3.7\n1 0 obj\nnull\nendobj\n%%EOF\n")),
                     TRIEN__ERROR__DOCUMENT_NOT_PDF);
    assert_int_equal(only_reason(bytes_of_text("")), TRIEN__ERROR__DOCUMENT_NOT_PDF);
}

static void test_encryption_is_seen(void **state)
{
    char room[1000];
    struct pdf_raw raw;

    (void)state;
    pdf_raw_scan(
        file_with(room, sizeof(room), "0 %d %d %d", "<30>", "trailer << /Encrypt 5 0 R >>"), &raw);
    assert_int_equal(raw.reason_count, 2);
    assert_int_equal(raw.reasons[1].code, TRIEN__ERROR__DOCUMENT_ENCRYPTED);
    pdf_raw_scan(file_with(room, sizeof(room), "0 %d %d %d", "<30>", "/EncryptMetadata true"),
                 &raw);
    assert_int_equal(raw.reason_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest_signature),   cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_bytes_after),        cmocka_unit_test(test_no_signature),
        cmocka_unit_test(test_encryption_is_seen),
    };

    return cmocka_run_group_tests_name("pdf_raw", tests, NULL, NULL);
}
