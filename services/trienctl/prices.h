/* Unit prices for an estimate: a CSV file with two parts that are never mixed, the prices of what
 * the norm counts, and costs outside it. The format is described in services/audit/data/README.md.
 */
#pragma once

#include "services/trienctl/decision.h"

#define PRICES_MAX_BYTES ((size_t)64 * 1024)
#define PRICES_MAX_OUTSIDE 256
#define PRICES_MAX_VND 1000000000           /* one billion đồng a unit */
#define PRICES_MAX_OUTSIDE_VND 900000000000 /* all costs outside, for one authority */

/* A cost the norm does not cover (Chương I, 4 of the decision). */
struct outside_cost {
    const char *kind; /* travel, expert, equipment, other */
    const char *description, *unit;
    int64_t price_vnd;
    int64_t quantity; /* ten-thousandths */
    bool per_authority;
};

struct prices {
    int64_t labour_vnd[DECISION_MAX_GRADE + 1]; /* one công by grade; -1: none is given */
    int64_t unit_vnd[COSTS];                    /* COST_LABOUR unused */
    struct outside_cost *outside;               /* in the file's order */
    size_t outside_count;
};

/** Reads a price file; every price of the norm must be there once, with labour of the grades the
 *  decision has. Texts lie in the arena. REJECT FIELD_INVALID naming the line, TOO_LARGE. */
MUST_USE enum rc prices_parse(struct arena *arena, const struct decision *decision,
                              struct bytes file, struct err *err, struct prices *ret_prices);
