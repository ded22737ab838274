/* Errors: the registry is whole and ordered, codes stand for outcomes, fields survive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "common/guard.h"

static void the_registry_is_whole(void **state)
{
    size_t count;
    const struct err_entry *registry = err_registry(&count);

    (void)state;
    assert_int_equal(count, trien__error__descriptor.n_values);
    for (size_t i = 0; i < count; i++) {
        assert_true(registry[i].name[0] && registry[i].en[0] && registry[i].vi[0]);
        assert_true(bytes_are_text(bytes_of_text(registry[i].vi)));
        assert_ptr_equal(err_entry(registry[i].code), &registry[i]);
        if (i)
            assert_true(registry[i].code > registry[i - 1].code);
    }
    assert_string_equal(err_entry((Trien__Error)9999)->name, "unknown");
}

static void the_thousands_digit_is_the_outcome(void **state)
{
    (void)state;
    assert_int_equal(err_rc(TRIEN__ERROR__NONE), RC_OK);
    assert_int_equal(err_rc(TRIEN__ERROR__OVERLOADED), RC_RETRY);
    assert_int_equal(err_rc(TRIEN__ERROR__MALFORMED), RC_REJECT);
    assert_int_equal(err_rc(TRIEN__ERROR__INTERNAL), RC_FATAL);
    assert_string_equal(rc_name(RC_REJECT), "reject");
}

static enum rc fails(struct err *err, int how)
{
    err_field(err, "/a/%d", how);
    CHECK(how == 0, err, TRIEN__ERROR__FIELD_INVALID, "how was %d", how);
    err_clear(err);
    return RC_OK;
}

static enum rc passes_on(struct err *err, int how)
{
    TRY(fails(err, how));
    return RC_OK;
}

static void macros_pass_it_on(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(passes_on(&err, 0), RC_OK);
    assert_int_equal(passes_on(&err, 3), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__FIELD_INVALID);
    assert_string_equal(err.field, "/a/3");
    assert_string_equal(err.detail, "how was 3");
    assert_true(err.line > 0);
    err_clear(&err);
    assert_int_equal(err.code, 0);
}

static void long_texts_are_cut_not_overrun(void **state)
{
    struct err err = {0};
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    err_field(&err, "%s", text);
    err_native(&err, "%s", text);
    assert_int_equal(err_set(&err, TRIEN__ERROR__INTERNAL, "f", 1, "%s", text), RC_FATAL);
    assert_int_equal(strlen(err.detail), sizeof(err.detail) - 1);
    assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_registry_is_whole),
        cmocka_unit_test(the_thousands_digit_is_the_outcome),
        cmocka_unit_test(macros_pass_it_on),
        cmocka_unit_test(long_texts_are_cut_not_overrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
