/* DER taken apart: one way to write a length, nothing beyond the bytes, nothing moved by a refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/der.h"

static void test_what_was_written_is_taken(void **state)
{
    autoptr(arena_t) arena = arena_new(1 << 20);
    static const size_t sizes[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct bytes content = bytes_of(arena_alloc(arena, sizes[i] + 1), sizes[i]), taken;
        struct bytes element = DER(arena, DER_OCTET_STRING, content);
        struct bytes in = DER(arena, DER_SEQUENCE, element, element), inside;

        assert_true(der_take(&in, DER_SEQUENCE, &inside).p != NULL && in.n == 0);
        assert_true(bytes_equal(der_take(&inside, DER_OCTET_STRING, &taken), element));
        assert_true(bytes_equal(taken, content) && inside.n == element.n);
        assert_true(bytes_equal(der_take(&inside, DER_OCTET_STRING, &taken), element));
        assert_int_equal(inside.n, 0);
    }
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *octets;
        size_t length;
    } cases[] = {
        {"", 0},                                 /* nothing */
        {"\x30", 1},                             /* no length */
        {"\x31\x00", 2},                         /* another tag */
        {"\x30\x01", 2},                         /* longer than the bytes */
        {"\x30\x80\x00\x00", 4},                 /* indefinite */
        {"\x30\x81\x01\x00", 4},                 /* one octet was enough */
        {"\x30\x82\x00\x81\x00", 5},             /* a leading zero */
        {"\x30\x82\x01", 3},                     /* half a length */
        {"\x30\x84\xff\xff\xff\xff", 6},         /* more than there is */
        {"\x30\x85\x01\x00\x00\x00\x00\x00", 8}, /* more than anybody has */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes in = bytes_of(cases[i].octets, cases[i].length), content = {0};

        if (der_take(&in, DER_SEQUENCE, &content).p || in.n != cases[i].length || content.p)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_taken),
        cmocka_unit_test(test_what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
