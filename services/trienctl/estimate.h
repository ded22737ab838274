/* What an assessment costs: items of a decision, for n authorities, at given unit prices. Pure and
 * exact: whole ten-thousandths of units and of đồng, no floating point, nothing rounded. */
#pragma once

#include "services/trienctl/prices.h"

#define ESTIMATE_MAX_AUTHORITIES 1000

/* Which items, for how many. */
struct choice {
    bool items[DECISION_MAX_ITEMS]; /* by place in the decision */
    unsigned authorities;           /* 1 to ESTIMATE_MAX_AUTHORITIES */
};

/* Quantities and amounts of one item or of several together, for all authorities. */
struct cost_sum {
    size_t items, odd, empty;                        /* counts; odd includes empty cells */
    int64_t quantities[COSTS];                       /* ten-thousandths of the unit */
    int64_t labour_by_grade[DECISION_MAX_GRADE + 1]; /* ten-thousandths of a công */
    int64_t amounts[COSTS], amount;                  /* ten-thousandths of a đồng; 0 unpriced */
};

struct estimate {
    const struct decision *decision;
    const struct prices *prices; /* NULL: quantities only */
    struct choice choice;
    struct cost_sum items[DECISION_MAX_ITEMS]; /* of those chosen */
    struct cost_sum sections[DECISION_MAX_SECTIONS + 1];
    struct cost_sum total;
    int64_t outside[PRICES_MAX_OUTSIDE], outside_amount; /* apart: never part of `total` */
};

/** Reads "11.11,16.*,14.12": codes and whole groups, separated by commas; "*" is all. What is named
 *  twice counts once. REJECT FIELD_INVALID for a code or group the decision does not have. */
MUST_USE enum rc choice_parse(const struct decision *decision, const char *text, struct err *err,
                              struct choice *choice);

/** Every item. */
void choice_all(const struct decision *decision, struct choice *choice);

/** Reckons. Limits of figures, prices and authorities exclude an overflow of 64 bits. */
void estimate_reckon(const struct decision *decision, const struct choice *choice,
                     const struct prices *prices, struct estimate *ret_estimate);
