/* Listening "on a network": loopback is the one network every machine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/own_address.h"

static void test_a_network_has_a_slash(void **state)
{
    (void)state;
    assert_true(own_address_is_network("10.73.1.0/24"));
    assert_true(own_address_is_network("fd00::/8"));
    assert_false(own_address_is_network("10.73.1.7"));
    assert_false(own_address_is_network("*"));
}

static void test_the_address_in_a_network_is_found(void **state)
{
    static const char *const networks[] = {"127.0.0.0/8", "127.0.0.1/32", "127.255.0.0/8"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(networks); i++) {
        char host[OWN_ADDRESS_MAX] = "";
        struct err err = {0};
        enum rc rc = own_address_in(networks[i], &err, host);

        assert_int_equal(rc, RC_OK);
        assert_string_equal(host, "127.0.0.1");
    }
}

static void test_no_leg_is_an_error_and_no_other_address(void **state)
{
    static const char *const networks[] = {
        "203.0.113.0/24", "127.0.0.2/32", "127.128.0.0/9", "127.0.0.0/33", "127.0.0.0/",
        "127.0.0.0/8x",   "/8",           "here/8",        "127.0.0.0/-1"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(networks); i++) {
        char host[OWN_ADDRESS_MAX] = "untouched";
        struct err err = {0};
        enum rc rc = own_address_in(networks[i], &err, host);

        assert_int_not_equal(rc, RC_OK);
        assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
        assert_string_equal(host, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_has_a_slash),
        cmocka_unit_test(test_the_address_in_a_network_is_found),
        cmocka_unit_test(test_no_leg_is_an_error_and_no_other_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
