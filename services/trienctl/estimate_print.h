/* One estimate, three ways of showing it. */
#pragma once

#include <stdio.h>

#include "services/trienctl/estimate.h"
#include "services/trienctl/trienctl.h"

/** Vietnamese table: items, sections, total; what is outside the norm below, with its own total. */
void estimate_print_table(FILE *out, const struct estimate *estimate);

/** One row a quantity: part,section,code,title_vi,cost,unit,quantity,unit_price_vnd,amount_vnd,odd.
 *  Parts: item, section, total, outside, outside_total. Decimals with a point, exact. */
void estimate_print_csv(FILE *out, const struct estimate *estimate);

/** The same as one document; decimals are strings, so that no reader makes binary fractions of
 *  them. To be freed by the caller. */
json_t *estimate_json(const struct estimate *estimate);
