/* audit's rules: when a head is signed, what a query's number is, what goes on from what was
 * signed, which head may be signed after which; names of daily files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/audit/rules.h"
#include "services/audit/witness.h"

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

static void what_begins_a_journal(void **state)
{
    (void)state;
    assert_true(rule_begins_journal("audit", "JournalBegun"));
    assert_false(rule_begins_journal("intake", "JournalBegun")); /* nobody else's word */
    assert_false(rule_begins_journal("audit", "CheckpointSigned"));
    assert_true(rule_is_notable("audit", "JournalBegun"));
}

static void how_far_was_signed(void **state)
{
    (void)state;
    assert_true(rule_is_beyond((struct signed_mark){1, 6}, (struct signed_mark){1, 5}));
    assert_false(rule_is_beyond((struct signed_mark){1, 5}, (struct signed_mark){1, 5}));
    assert_true(rule_is_beyond((struct signed_mark){2, 1}, (struct signed_mark){1, 500}));
    assert_false(rule_is_beyond((struct signed_mark){1, 500}, (struct signed_mark){2, 1}));
}

static void which_head_may_follow(void **state)
{
    static const struct {
        struct signed_mark head, newest, lost;
        bool may;
    } cases[] = {
        {{1, 9}, {0, 0}, {0, 0}, true}, /* the first one */
        {{1, 9}, {1, 9}, {0, 0}, true},
        {{1, 10}, {1, 9}, {0, 0}, true},
        {{1, 8}, {1, 9}, {0, 0}, false}, /* an intent from before the restore */
        {{1, 99}, {2, 9}, {0, 0}, false},
        {{2, 9}, {1, 99}, {0, 0}, false}, /* nobody gave anything up */
        {{2, 9}, {1, 99}, {1, 98}, false},
        {{2, 9}, {1, 99}, {1, 99}, true},
        {{2, 9}, {1, 99}, {1, 120}, true}, /* more was known to them than the daily file says */
        {{2, 9}, {1, 99}, {2, 120}, false},
        {{3, 9}, {1, 99}, {2, 120}, true},
        {{2, 10}, {2, 9}, {0, 0}, true}, /* later ones ask nobody */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(rule_may_follow(cases[i].head, cases[i].newest, cases[i].lost),
                         cases[i].may);
}

static void names_of_daily_files(void **state)
{
    static const char *const none[] = {"",
                                       "2026-11-22",
                                       "2026-11-22.",
                                       "2026-11-22.1.checkpoint",
                                       "2026-11-22.0.checkpoint",
                                       "2026-11-22.02.checkpoint",
                                       "2026-11-22.10000.checkpoint",
                                       "2026-11-22.2checkpoint",
                                       "2026-11-22.2.checkpoint~",
                                       "2026-11-22.checkpoint.new",
                                       "2026-1-022.checkpoint"};

    (void)state;
    assert_int_equal(witness_number("2026-11-22.checkpoint"), 1);
    assert_int_equal(witness_number("2026-11-22.2.checkpoint"), 2);
    assert_int_equal(witness_number("2026-11-22.9999.checkpoint"), 9999);
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_int_equal(witness_number(none[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own_word_is_not_notable), cmocka_unit_test(when_a_head_is_signed),
        cmocka_unit_test(numbers_of_a_query),          cmocka_unit_test(what_goes_on),
        cmocka_unit_test(what_begins_a_journal),       cmocka_unit_test(how_far_was_signed),
        cmocka_unit_test(which_head_may_follow),       cmocka_unit_test(names_of_daily_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
