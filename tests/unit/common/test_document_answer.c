/* What the parent believes of a child that may be captured. */
#include "common/document_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define REQUEST "{\"version\": 1}"

static const struct pdf_child_signature verified[] = {{100, 150, 190, 0, 0}, {300, 350, 390, 1, 0}};

struct said {
    struct pdf_child_answer answer;
    char request[sizeof(REQUEST) - 1];
};

static struct said honest(void)
{
    struct said said = {.answer = {.magic = PDF_CHILD_MAGIC,
                                   .signature_count = 2,
                                   .request_size = sizeof(REQUEST) - 1}};

    memcpy(said.answer.signatures, verified, sizeof(verified));
    memcpy(said.request, REQUEST, sizeof(said.request));
    return said;
}

static struct document_answer read_bytes(struct arena *arena, const struct said *said, size_t size)
{
    struct document_answer answer;

    arena_reset(arena);
    document_answer_read(bytes_of(said, size), verified, 2, arena, &answer);
    return answer;
}

static void assert_refused(struct arena *arena, const struct said *said, size_t size,
                           const char *detail)
{
    struct document_answer answer = read_bytes(arena, said, size);

    assert_int_equal(answer.finding_count, 1);
    assert_int_equal(answer.findings[0].code, TRIEN__ERROR__DOCUMENT_STRUCTURE);
    assert_string_equal(answer.findings[0].detail, detail);
    assert_int_equal(answer.request_json.n, 0);
}

static int set_up(void **state)
{
    *state = arena_new((size_t)1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_free((struct arena **)state);
    return 0;
}

#define SIZE (sizeof(struct pdf_child_answer) + sizeof(REQUEST) - 1)

static void test_honest(void **state)
{
    struct said said = honest();
    struct document_answer answer = read_bytes(*state, &said, SIZE);

    assert_int_equal(answer.finding_count, 0);
    assert_true(bytes_equal(answer.request_json, bytes_of_text(REQUEST)));
}

static void test_no_answer_is_a_finding(void **state)
{
    struct said said = honest();

    assert_refused(*state, NULL, 0, "the examination broke off");
    for (size_t size = 0; size < SIZE; size++)
        assert_refused(*state, &said, size, "the examination broke off");
    said.answer.request_size = UINT32_MAX;
    assert_refused(*state, &said, SIZE, "the examination broke off");
    said = honest();
    said.answer.magic++;
    assert_refused(*state, &said, SIZE, "the examination broke off");
    said = honest();
    said.answer.findings = 1u << PDF_CHILD_FINDINGS; /* a bit that nobody knows */
    assert_refused(*state, &said, SIZE, "the examination broke off");
}

/* Each number of each signature counts, and so does how many there are. */
static void test_other_signatures(void **state)
{
    for (size_t change = 0; change < 10; change++) {
        struct said said = honest();
        struct pdf_child_signature *seen = &said.answer.signatures[change % 2];

        switch (change / 2) {
        case 0:
            seen->gap_start++;
            break;
        case 1:
            seen->gap_end--;
            break;
        case 2:
            seen->covered_end++;
            break;
        case 3:
            seen->is_time_stamp = !seen->is_time_stamp;
            break;
        default:
            said.answer.signature_count = change % 2 ? 1 : UINT32_MAX;
        }
        assert_refused(*state, &said, SIZE, "the parser sees other signatures than the bytes show");
    }
}

static void test_findings(void **state)
{
    struct said said = honest();
    struct document_answer answer;

    said.answer.findings = PDF_CHILD_BOMB | PDF_CHILD_SIGNATURE | 1u << 31;
    memset(said.answer.details, 0xC3, sizeof(said.answer.details)); /* nowhere a NUL, no UTF-8 */
    memcpy(said.answer.details[1], "a\nb\x1b[2J\x7f", sizeof("a\nb\x1b[2J\x7f"));
    answer = read_bytes(*state, &said, SIZE);
    assert_int_equal(answer.finding_count, 2);
    assert_int_equal(answer.findings[0].code, TRIEN__ERROR__DOCUMENT_BOMB);
    assert_string_equal(answer.findings[0].detail, "a?b?[2J?");
    assert_int_equal(answer.findings[1].code, TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(strlen(answer.findings[1].detail), PDF_CHILD_DETAIL_BYTES - 1);
    assert_int_equal(strspn(answer.findings[1].detail, "?"), PDF_CHILD_DETAIL_BYTES - 1);
    assert_int_equal(answer.request_json.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_no_answer_is_a_finding),
        cmocka_unit_test(test_other_signatures),
        cmocka_unit_test(test_findings),
    };

    return cmocka_run_group_tests_name("document_answer", tests, set_up, tear_down);
}
