/* When a service is started again, and after what pause. */
#include "services/trienctl/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void pauses_grow_within_bounds(void **state)
{
    (void)state;
    for (unsigned failures = 0; failures < 100; failures++)
        for (uint32_t random = 0; random < 20000; random += 97)
            assert_in_range(keeper_delay_ms(failures, random), 200, 10000);
    assert_int_equal(keeper_delay_ms(1, 0), 200);
    assert_int_equal(keeper_delay_ms(2, 0), 400);
    assert_int_equal(keeper_delay_ms(4, 0), 1600);
    assert_int_equal(keeper_delay_ms(50, 0), 5000);
    assert_int_equal(keeper_delay_ms(50, 5000), 10000);
    assert_int_not_equal(keeper_delay_ms(1, 1), keeper_delay_ms(1, 2));
}

static void what_repeating_cannot_change_is_not_repeated(void **state)
{
    (void)state;
    assert_false(keeper_restarts(0));
    assert_false(keeper_restarts(64 << 8));
    assert_false(keeper_restarts(78 << 8));
    assert_true(keeper_restarts(70 << 8));
    assert_true(keeper_restarts(1 << 8));
    assert_true(keeper_restarts(9));   /* SIGKILL */
    assert_true(keeper_restarts(134)); /* SIGABRT, core dumped */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow_within_bounds),
        cmocka_unit_test(what_repeating_cannot_change_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
