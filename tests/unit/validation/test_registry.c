/* What the registry says about agency, signers and earlier documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/validation/rules_registry.h"

static struct arena *arena;
static Trien__ExaminedDocument examined = TRIEN__EXAMINED_DOCUMENT__INIT;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    examined.organ_id = (char *)"H26.14";
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct facts known(const char *roles)
{
    return (struct facts){.agency_known = true, .agency_name = "Sở", .roles = roles};
}

static struct reasons judge(struct facts facts)
{
    struct reasons reasons;

    reasons_init(&reasons, arena);
    rule_registry(&facts, &examined, clock_day_of(2026, 11, 22), &reasons);
    return reasons;
}

static void signers(void **state)
{
    static const struct {
        const char *roles;
        size_t reasons;
        bool proved;
    } cases[] = {
        {"s", 0, true},   {"os", 0, true},  {"ss", 0, true},  {"oos", 0, true},
        {"o", 1, false},  {"-", 1, false},  {"-s", 1, true},  {"so", 1, false},
        {"s-", 1, false}, {"--", 2, false}, {"--s", 2, true}, {"", 1, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct facts facts = known(cases[i].roles);
        struct reasons reasons = judge(facts);

        assert_int_equal(reasons.count, cases[i].reasons);
        assert_int_equal(rule_agency_proved(&facts), cases[i].proved);
        for (size_t r = 0; r < reasons.count; r++)
            assert_int_equal(reasons.rows[r].code, TRIEN__ERROR__SIGNER_UNAUTHORISED);
    }
}

static void unknown_agency(void **state)
{
    struct facts facts = {.roles = "-"};
    struct reasons reasons = judge(facts);

    (void)state;
    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__AGENCY_UNKNOWN);
    assert_string_equal(reasons.rows[0].pointer, "/agency/organ_id");
    assert_non_null(strstr(reasons.rows[0].text_vi, "H26.14"));
    assert_false(rule_agency_proved(&facts));
}

static void code_in_force(void **state)
{
    struct facts facts = known("s");

    (void)state;
    facts.has_valid_from = facts.has_valid_to = true;
    facts.valid_from = facts.valid_to = clock_day_of(2026, 11, 22);
    assert_int_equal(judge(facts).count, 0);
    facts.valid_from++;
    facts.valid_to++;
    assert_int_equal(judge(facts).count, 1);
    facts.valid_from = facts.valid_to = clock_day_of(2026, 11, 21);
    assert_int_equal(judge(facts).rows[0].code, TRIEN__ERROR__AGENCY_UNKNOWN);
    facts.has_valid_to = false;
    assert_int_equal(judge(facts).count, 0);
}

static void first_receipt_is_cited(void **state)
{
    struct facts facts = known("s");
    struct reasons reasons;

    (void)state;
    facts.first_receipt = "TR-20261122-000123";
    reasons = judge(facts);
    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__DOCUMENT_REPEATED);
    assert_non_null(strstr(reasons.rows[0].text_vi, "TR-20261122-000123"));
    assert_non_null(strstr(reasons.rows[0].text_en, "TR-20261122-000123"));
    facts.roles = "-o";
    assert_int_equal(judge(facts).count, 3);
}

static void no_agency_no_question(void **state)
{
    (void)state;
    examined.organ_id = NULL;
    assert_int_equal(judge((struct facts){.roles = ""}).count, 0);
    examined.organ_id = (char *)"H26.14";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signers),
        cmocka_unit_test(unknown_agency),
        cmocka_unit_test(code_in_force),
        cmocka_unit_test(first_receipt_is_cited),
        cmocka_unit_test(no_agency_no_question),
    };

    return cmocka_run_group_tests_name("validation/registry", tests, up, down);
}
