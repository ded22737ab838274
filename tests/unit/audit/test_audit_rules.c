/* audit's rules: when a head is signed, what a query's number is, what goes on from what was
 * signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/audit/rules.h"

#define SECOND USEC_PER_SECOND

static void its_own_word_is_not_notable(void **state)
{
    (void)state;
    assert_true(rule_is_notable("signing", "CertificateIssued"));
    assert_true(rule_is_notable("audit", "OperatorActed"));
    assert_false(rule_is_notable("audit", "CheckpointSigned"));
    assert_true(rule_is_notable("signing", "CheckpointSigned"));
}

static void when_a_head_is_signed(void **state)
{
    struct checkpoint_facts facts = {.size = 10,
                                     .notable = 10,
                                     .signed_size = 9,
                                     .signed_at = 100 * SECOND,
                                     .now = 104 * SECOND,
                                     .every = 5 * SECOND,
                                     .every_entries = 3};

    (void)state;
    assert_false(rule_checkpoint_due(&facts));
    facts.now = 105 * SECOND;
    assert_true(rule_checkpoint_due(&facts));
    facts.notable = 9; /* only the word that 9 were signed */
    assert_false(rule_checkpoint_due(&facts));
    facts.now = 101 * SECOND;
    facts.size = facts.notable = 12;
    assert_true(rule_checkpoint_due(&facts));
    facts.signed_size = 0;
    facts.signed_at = 0;
    facts.size = facts.notable = 1;
    assert_true(rule_checkpoint_due(&facts)); /* the first one at once */
    facts.size = facts.notable = 0;
    assert_false(rule_checkpoint_due(&facts));
}

static void numbers_of_a_query(void **state)
{
    static const char *const none[] = {"",
                                       "-1",
                                       "+1",
                                       "01",
                                       "1 ",
                                       " 1",
                                       "0x1",
                                       "1e3",
                                       "4611686018427387905",
                                       "99999999999999999999",
                                       "18446744073709551616"};
    uint64_t number = 77;

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_false(rule_number(none[i], &number));
    assert_int_equal(number, 77);
    assert_true(rule_number("0", &number));
    assert_int_equal(number, 0);
    assert_true(rule_number("4611686018427387904", &number));
    assert_true(number == MERKLE_MAX_SIZE);
}

static void what_goes_on(void **state)
{
    struct signed_past past = {.size = 5, .root = {{1}}, .now_root = {{1}}};

    (void)state;
    assert_true(rule_goes_on(&past, 5));
    assert_true(rule_goes_on(&past, 9));
    assert_false(rule_goes_on(&past, 4));
    past.now_root.b[0] = 2;
    assert_false(rule_goes_on(&past, 9));
    past.size = 0;
    assert_true(rule_goes_on(&past, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own_word_is_not_notable),
        cmocka_unit_test(when_a_head_is_signed),
        cmocka_unit_test(numbers_of_a_query),
        cmocka_unit_test(what_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
