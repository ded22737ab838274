/* Serial numbers: the form, and what people copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/serial.h"

#define LONGEST "7fffffffffffffffffffffffffffffffffffffff"

static void the_form(void **state)
{
    (void)state;
    assert_true(serial_is("3ab"));
    assert_true(serial_is(LONGEST));
    assert_false(serial_is(LONGEST "0"));
    assert_false(serial_is(""));
    assert_false(serial_is("0"));
    assert_false(serial_is("03ab"));
    assert_false(serial_is("3AB"));
    assert_false(serial_is("3ag"));
}

static void what_people_copy(void **state)
{
    static const char *const written[] = {"3ab",     "03AB",  "serial=03AB", "03:AB",
                                          "03:ab: ", "0x3ab", "00 00 03 ab", "SERIAL=0x03aB"};
    struct arena *arena = arena_new(1 << 16);

    (void)state;
    for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
        assert_string_equal(serial_from_people(arena, written[i]), "3ab");
    assert_string_equal(serial_from_people(arena, "00" LONGEST), LONGEST);
    assert_null(serial_from_people(arena, LONGEST "0"));
    assert_null(serial_from_people(arena, "serial="));
    assert_null(serial_from_people(arena, "00:00"));
    assert_null(serial_from_people(arena, "3ab'"));
    arena_free(&arena);
}

static void devices(void **state)
{
    (void)state;
    assert_true(serial_is_device("VN-2026.000_1"));
    assert_true(serial_is_device("5a4f-00.12_B"));
    assert_true(serial_is_device("D-1"));
    assert_true(serial_is_device(LONGEST "abcdefghijklmnopqrstuvwx"));
    assert_false(serial_is_device(LONGEST "abcdefghijklmnopqrstuvwxy"));
    assert_false(serial_is_device(""));
    assert_false(serial_is_device("ab"));
    assert_false(serial_is_device("-ab"));
    assert_false(serial_is_device("a b c"));
    assert_false(serial_is_device("thiết-bị"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form),
        cmocka_unit_test(what_people_copy),
        cmocka_unit_test(devices),
    };

    return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
