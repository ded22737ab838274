/* The reckoning of an estimate. Odd figures are counted, never corrected; costs outside the norm
 * have a sum of their own. */
#include "services/trienctl/estimate.h"

#include <string.h>

void choice_all(const struct decision *decision, struct choice *choice)
{
    for (size_t i = 0; i < decision->norm_count; i++)
        choice->items[i] = true;
}

/* "16.*" takes "16.11"; the first `length` letters of the pattern count. */
static bool takes(const char *pattern, size_t length, const char *code)
{
    if (length && pattern[length - 1] == '*')
        return (length == 1 || pattern[length - 2] == '.') &&
               strncmp(pattern, code, length - 1) == 0;
    return strlen(code) == length && strncmp(pattern, code, length) == 0;
}

enum rc choice_parse(const struct decision *decision, const char *text, struct err *err,
                     struct choice *choice)
{
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ","), found = 0;

        for (size_t i = 0; i < decision->norm_count; i++)
            if (takes(at, length, decision->norms[i].code)) {
                choice->items[i] = true;
                found++;
            }
        CHECK(found, err, TRIEN__ERROR__FIELD_INVALID, "%s has no item \"%.*s\"", decision->number,
              (int)(length < 40 ? length : 40), at);
        at += length;
        if (!*at)
            return RC_OK;
    }
}

static void reckon_item(const struct norm *norm, unsigned authorities, const struct prices *prices,
                        struct cost_sum *sum)
{
    sum->items = 1;
    for (const struct odd_figure *odd = norm->odd; odd; odd = odd->next)
        sum->odd++;
    for (enum cost c = 0; c < COSTS; c++) {
        sum->empty += norm->is_empty[c];
        sum->quantities[c] = norm->figures[c] * authorities;
        if (prices)
            sum->amounts[c] =
                sum->quantities[c] *
                (c == COST_LABOUR ? prices->labour_vnd[norm->grade] : prices->unit_vnd[c]);
        sum->amount += sum->amounts[c];
    }
    sum->labour_by_grade[norm->grade] = sum->quantities[COST_LABOUR];
}

static void add(struct cost_sum *to, const struct cost_sum *sum)
{
    to->items += sum->items;
    to->odd += sum->odd;
    to->empty += sum->empty;
    to->amount += sum->amount;
    for (enum cost c = 0; c < COSTS; c++) {
        to->quantities[c] += sum->quantities[c];
        to->amounts[c] += sum->amounts[c];
    }
    for (size_t i = 0; i < COUNT_OF(to->labour_by_grade); i++)
        to->labour_by_grade[i] += sum->labour_by_grade[i];
}

static void reckon_outside(struct estimate *estimate)
{
    const struct prices *prices = estimate->prices;

    for (size_t i = 0; prices && i < prices->outside_count; i++) {
        const struct outside_cost *row = &prices->outside[i];

        estimate->outside[i] = row->quantity * row->price_vnd *
                               (row->per_authority ? estimate->choice.authorities : 1);
        estimate->outside_amount += estimate->outside[i];
    }
}

void estimate_reckon(const struct decision *decision, const struct choice *choice,
                     const struct prices *prices, struct estimate *ret_estimate)
{
    memset(ret_estimate, 0, sizeof(*ret_estimate));
    ret_estimate->decision = decision;
    ret_estimate->prices = prices;
    ret_estimate->choice = *choice;
    for (size_t i = 0; i < decision->norm_count; i++) {
        if (!choice->items[i])
            continue;
        reckon_item(&decision->norms[i], choice->authorities, prices, &ret_estimate->items[i]);
        add(&ret_estimate->sections[decision->norms[i].section], &ret_estimate->items[i]);
        add(&ret_estimate->total, &ret_estimate->items[i]);
    }
    reckon_outside(ret_estimate);
}
