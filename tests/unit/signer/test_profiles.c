/* Two hands must agree before a certificate is: what signing's profiles make, the signer's limits
 * let pass. A profile that goes beyond them fails every order of its kind, for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "services/signer/rules.h"
#include "services/signing/profile.c" /* the other hand's table; nothing else of its program */

static bool may_be_extended(const struct limits *limits, const char *oid)
{
    for (size_t i = 0; i < COUNT_OF(limits->extended) && limits->extended[i]; i++)
        if (!strcmp(limits->extended[i], oid))
            return true;
    return false;
}

static void expect_usage(const struct limits *limits, const struct profile *profile, unsigned bits)
{
    if ((bits & ~limits->usage_all) || !(bits & limits->usage_some))
        fail_msg("%s: key usage %#x", profile->name, bits);
}

static void expect_keys(const struct limits *limits, const struct profile *profile)
{
    static const char *const kinds[] = {"rsa1024", "rsa2048", "rsa3072", "rsa4096",
                                        "rsa8192", "p256",    "p384",    "p521"};

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (profile_accepts_key(profile, kinds[i]) && !strstr(limits->key_kinds, kinds[i]))
            fail_msg("%s: the signer takes no %s key", profile->name, kinds[i]);
}

static void expect_names(const struct limits *limits, const struct profile *profile)
{
    if (((profile->san_allowed & SAN_EMAIL) && !limits->email) ||
        ((profile->san_allowed & SAN_DNS) && !limits->dns_name) ||
        ((profile->san_allowed & SAN_IP) && !limits->ip_address))
        fail_msg("%s: alternative names", profile->name);
}

static void test_every_profile_stays_within_the_limits(void **state)
{
    size_t limits_count, profile_count = 0;

    (void)state;
    limits_all(&limits_count);
    for (const struct profile *profile = profiles; profile->name; profile++, profile_count++) {
        const struct limits *limits = limits_find(profile->name);

        assert_non_null(limits);
        expect_usage(limits, profile, profile->key_usage_rsa);
        expect_usage(limits, profile, profile->key_usage_ec);
        for (const char *const *oid = profile->extended_usages; *oid; oid++)
            if (!may_be_extended(limits, *oid))
                fail_msg("%s: extended key usage %s", profile->name, *oid);
        expect_keys(limits, profile);
        expect_names(limits, profile);
        assert_true(profile->max_days <= limits->max_days);
        assert_int_equal(profile->ocsp_no_check, limits->no_check == MUST);
    }
    assert_int_equal(profile_count, limits_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_profile_stays_within_the_limits),
    };

    return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
