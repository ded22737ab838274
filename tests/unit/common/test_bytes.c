/* Bytes: hexadecimal and base64 there and back and refused, digests, what counts as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/bytes.h"

static struct arena *arena;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 22);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void there_and_back(void **state)
{
    uint8_t all[256];
    struct bytes back;

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    for (size_t n = 0; n <= 256; n++) {
        struct bytes in = bytes_of(all, n);

        assert_true(bytes_from_hex(arena, bytes_to_hex(arena, in), &back));
        assert_true(bytes_equal(in, back));
        assert_true(bytes_from_base64(arena, bytes_of_text(bytes_to_base64(arena, in)), &back));
        assert_true(bytes_equal(in, back));
    }
    assert_string_equal(bytes_to_base64(arena, bytes_of_text("Mẫu")), "TeG6q3U=");
    assert_true(bytes_from_hex(arena, "AbCd", &back));
    assert_int_equal(back.p[0], 0xab);
}

static void what_is_not_it_is_refused(void **state)
{
    static const char *const not_hex[] = {"a", "zz", "0g", "a b", "0x"};
    static const char *const not_base64[] = {"a",     "ab=",  "a===", "====", "ab c",
                                             "ab\nc", "=abc", "a=bc", "ab-_", "abc=abc="};
    struct bytes back = {NULL, 42};

    (void)state;
    for (size_t i = 0; i < sizeof(not_hex) / sizeof(*not_hex); i++)
        assert_false(bytes_from_hex(arena, not_hex[i], &back));
    for (size_t i = 0; i < sizeof(not_base64) / sizeof(*not_base64); i++)
        if (bytes_from_base64(arena, bytes_of_text(not_base64[i]), &back))
            fail_msg("`%s` is taken for base64", not_base64[i]);
    assert_int_equal(back.n, 42);
}

static void digest(void **state)
{
    uint8_t sum[32];

    (void)state;
    bytes_sha256(bytes_of("abc", 3), sum);
    assert_string_equal(bytes_to_hex(arena, bytes_of(sum, 32)),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void text(void **state)
{
    static const char *const texts[] = {"", "abc", "Đề nghị\tcấp\r\n", "😀"};
    static const char *const others[] = {
        "\x01", "a\x7f", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf8\x88\x80\x80\x80", "\x1b[0m"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_true(bytes_are_text(bytes_of_text(texts[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_false(bytes_are_text(bytes_of_text(others[i])));
    assert_false(bytes_are_text(bytes_of("a\0b", 3)));
}

static void equality(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of("", 0)));
    assert_false(bytes_equal(bytes_of("a", 1), bytes_of("ab", 2)));
    assert_true(bytes_equal_secret(bytes_of("ab", 2), bytes_of("ab", 2)));
    assert_false(bytes_equal_secret(bytes_of("ab", 2), bytes_of("ac", 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(what_is_not_it_is_refused),
        cmocka_unit_test(digest),         cmocka_unit_test(text),
        cmocka_unit_test(equality),
    };

    return cmocka_run_group_tests(tests, up, down);
}
