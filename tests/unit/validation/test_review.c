/* What votes say: a refusal decides, else two approvals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/validation/review.h"

static enum review_state of(const char *signs, uint32_t *ret_approvals)
{
    struct review_vote rows[8] = {0};
    struct review_votes votes = {.rows = rows};

    for (; *signs; signs++)
        rows[votes.count++].approves = *signs == '+';
    return rule_review(&votes, ret_approvals);
}

static void votes_are_judged(void **state)
{
    static const struct {
        const char *votes;
        enum review_state state;
        uint32_t approvals;
    } rows[] = {
        {"", REVIEW_OPEN, 0},        {"+", REVIEW_OPEN, 1},      {"++", REVIEW_APPROVED, 2},
        {"+++", REVIEW_APPROVED, 3}, {"-", REVIEW_REFUSED, 0},   {"+-", REVIEW_REFUSED, 1},
        {"-+", REVIEW_REFUSED, 1},   {"++-", REVIEW_REFUSED, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t approvals = 99;

        assert_int_equal(of(rows[i].votes, &approvals), rows[i].state);
        assert_int_equal(approvals, rows[i].approvals);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(votes_are_judged)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
