/* Short messages: taking accents away, counting septets and segments, cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/notification/sms.h"
#include "tests/unit/common/scratch.h"

static void test_accents_go(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"Đã tiếp nhận yêu cầu chứng thực", "Da tiep nhan yeu cau chung thuc"},
        {"Ủy ban nhân dân quận Gò Vấp – TP.HCM", "Uy ban nhan dan quan Go Vap - TP.HCM"},
        {"ĂÂÊÔƠƯăâêôơưđ", "AAEOOUaaeooud"},
        {"ắằẳẵặ ấầẩẫậ ốồổỗộ ớờởỡợ ứừửữự", "aaaaa aaaaa ooooo ooooo uuuuu"},
        {"tie\xcc\x82\xcc\x81ng", "tieng"}, /* already taken apart (NFD) */
        {"a\r\n\tb  \xc2\xa0 c ", "a b c"},
        {"“trích” … ‘yếu’", "\"trich\" ... 'yeu'"},
        {"日本 €", "?? ?"},
        {"\xff\xfe", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(sms_unaccented(arena, rows[i].text), rows[i].expected);
}

static char *repeat(const char *text, size_t times)
{
    char *out = arena_alloc(arena, strlen(text) * times + 1), *end = out;

    while (times--)
        end = stpcpy(end, text);
    return out;
}

static void test_counting(void **state)
{
    static const struct {
        const char *unit;
        size_t times;
        bool ucs2;
        size_t units, segments;
    } rows[] = {
        {"a", 160, false, 160, 1}, {"a", 161, false, 161, 2},
        {"a", 306, false, 306, 2}, {"a", 307, false, 307, 3},
        {"{", 80, false, 160, 1},  {"{", 81, false, 162, 2},
        {"{", 153, false, 306, 3}, /* 76 pairs fit a segment of 153, not 76.5 */
        {"à", 160, false, 160, 1}, {"é", 161, false, 161, 2},
        {"ă", 70, true, 70, 1},    {"ữ", 71, true, 71, 2},
        {"ữ", 134, true, 134, 2},  {"ữ", 135, true, 135, 3},
        {"😀", 35, true, 70, 1},    {"😀", 36, true, 72, 2},
        {"😀", 67, true, 134, 3}, /* 33 pairs fit a segment of 67 */
        {"", 0, false, 0, 1},      {"€", 80, false, 160, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sms_size size = sms_measure(repeat(rows[i].unit, rows[i].times));
        assert_int_equal(size.ucs2, rows[i].ucs2);
        assert_int_equal(size.units, rows[i].units);
        assert_int_equal(size.segments, rows[i].segments);
    }
}

static void test_cut_to_one_segment(void **state)
{
    const char *cut;

    (void)state;
    assert_string_equal(sms_one_segment(arena, "Da tiep nhan"), "Da tiep nhan");
    cut = sms_one_segment(arena, repeat("a", 161));
    assert_int_equal(strlen(cut), 160);
    assert_string_equal(cut + 157, "...");
    cut = sms_one_segment(arena, repeat("{", 81));
    assert_int_equal(sms_measure(cut).segments, 1);
    assert_int_equal(strlen(repeat("a", 160)), strlen(sms_one_segment(arena, repeat("a", 160))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accents_go),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_cut_to_one_segment),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
