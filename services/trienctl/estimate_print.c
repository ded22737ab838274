/* An estimate for programs: CSV and JSON, every decimal exact and written with a point. */
#include <string.h>

#include "common/csv.h"
#include "services/trienctl/decimal.h"
#include "services/trienctl/estimate_print.h"

/* --- what both need ------------------------------------------------------------------------------
 */

static int64_t unit_price(const struct estimate *estimate, const struct norm *norm, enum cost cost)
{
    return cost == COST_LABOUR ? estimate->prices->labour_vnd[norm->grade]
                               : estimate->prices->unit_vnd[cost];
}

static const char *exact(int64_t value)
{
    return decimal_text(ctl_arena(), value);
}

/* --- CSV -----------------------------------------------------------------------------------------
 */

enum { PART, SECTION, CODE, TITLE, COST, UNIT, QUANTITY, PRICE, AMOUNT, ODD, COLUMNS };

static void put_item(FILE *out, const struct estimate *estimate, size_t place)
{
    const struct norm *norm = &estimate->decision->norms[place];
    const struct cost_sum *sum = &estimate->items[place];

    for (enum cost c = 0; c < COSTS; c++) {
        const struct odd_figure *odd = decision_find_odd(norm, c);
        const char *row[COLUMNS] = {
            [PART] = "item",
            [SECTION] = arena_printf(ctl_arena(), "%u", norm->section),
            [CODE] = norm->code,
            [TITLE] = norm->title_vi,
            [COST] = c == COST_LABOUR ? arena_printf(ctl_arena(), "labour_%u", norm->grade)
                                      : cost_names[c].name,
            [UNIT] = cost_names[c].unit_vi,
            [QUANTITY] = norm->is_empty[c] ? "" : exact(sum->quantities[c]),
            [ODD] = odd ? odd->why_vi : "",
        };

        if (estimate->prices) {
            row[PRICE] = exact(unit_price(estimate, norm, c) * DECIMAL_ONE);
            row[AMOUNT] = exact(sum->amounts[c]);
        }
        csv_put_row(out, row, COLUMNS);
    }
}

static void put_sum(FILE *out, const struct estimate *estimate, const char *part,
                    const char *section, const char *title, const struct cost_sum *sum)
{
    const char *row[COLUMNS] = {[PART] = part, [SECTION] = section, [TITLE] = title};

    for (enum cost c = 0; c < COSTS; c++) {
        row[COST] = cost_names[c].name;
        row[UNIT] = cost_names[c].unit_vi;
        row[QUANTITY] = exact(sum->quantities[c]);
        row[AMOUNT] = estimate->prices ? exact(sum->amounts[c]) : "";
        csv_put_row(out, row, COLUMNS);
    }
    row[COST] = row[UNIT] = row[QUANTITY] = "";
    row[AMOUNT] = exact(sum->amount);
    if (estimate->prices)
        csv_put_row(out, row, COLUMNS);
}

static void put_outside(FILE *out, const struct estimate *estimate)
{
    const struct prices *prices = estimate->prices;
    const char *total[COLUMNS] = {[PART] = "outside_total"};

    for (size_t i = 0; prices && i < prices->outside_count; i++) {
        const struct outside_cost *cost = &prices->outside[i];
        int64_t times = cost->per_authority ? (int64_t)estimate->choice.authorities : 1;
        const char *row[COLUMNS] = {
            [PART] = "outside",
            [TITLE] = cost->description,
            [COST] = cost->kind,
            [UNIT] = cost->unit,
            [QUANTITY] = exact(cost->quantity * times),
            [PRICE] = exact(cost->price_vnd * DECIMAL_ONE),
            [AMOUNT] = exact(estimate->outside[i]),
        };

        csv_put_row(out, row, COLUMNS);
    }
    if (!prices)
        return;
    total[AMOUNT] = exact(estimate->outside_amount);
    csv_put_row(out, total, COLUMNS);
}

void estimate_print_csv(FILE *out, const struct estimate *estimate)
{
    const struct decision *decision = estimate->decision;

    fputs("part,section,code,title_vi,cost,unit,quantity,unit_price_vnd,amount_vnd,odd\n", out);
    for (size_t i = 0; i < decision->norm_count; i++)
        if (estimate->choice.items[i])
            put_item(out, estimate, i);
    for (unsigned s = 1; s <= DECISION_MAX_SECTIONS; s++)
        if (estimate->sections[s].items)
            put_sum(out, estimate, "section", arena_printf(ctl_arena(), "%u", s),
                    decision->sections[s], &estimate->sections[s]);
    put_sum(out, estimate, "total", "", "", &estimate->total);
    put_outside(out, estimate);
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

/* Quantities by cost; where nothing is printed, null. */
static json_t *quantities(const struct cost_sum *sum, const struct norm *norm)
{
    json_t *object = json_object();

    for (enum cost c = 0; c < COSTS; c++)
        json_object_set_new(object, cost_names[c].name,
                            norm && norm->is_empty[c] ? json_null()
                                                      : json_string(exact(sum->quantities[c])));
    return object;
}

static void set_sum(json_t *object, const struct estimate *estimate, const struct norm *norm,
                    const struct cost_sum *sum)
{
    json_t *amounts = estimate->prices ? json_object() : NULL;

    json_object_set_new(object, "quantities", quantities(sum, norm));
    if (!amounts)
        return;
    for (enum cost c = 0; c < COSTS; c++)
        set_text(amounts, cost_names[c].name, exact(sum->amounts[c]));
    json_object_set_new(object, "amounts_vnd", amounts);
    set_text(object, "amount_vnd", exact(sum->amount));
    json_object_set_new(object, "amount_rounded_vnd", json_integer(decimal_round(sum->amount)));
}

static json_t *odd_json(const struct norm *norm)
{
    json_t *array = json_array();

    for (const struct odd_figure *odd = norm->odd; odd; odd = odd->next) {
        const char *printed = norm->is_empty[odd->cost] ? NULL : exact(norm->figures[odd->cost]);

        json_array_append_new(
            array, json_pack("{s:s, s:s?, s:s, s:s}", "cost", cost_names[odd->cost].name, "printed",
                             printed, "likely", exact(odd->likely), "why_vi", odd->why_vi));
    }
    return array;
}

static json_t *items_json(const struct estimate *estimate)
{
    json_t *array = json_array();

    for (size_t i = 0; i < estimate->decision->norm_count; i++) {
        const struct norm *norm = &estimate->decision->norms[i];
        json_t *item;

        if (!estimate->choice.items[i])
            continue;
        item = json_pack("{s:s, s:i, s:s, s:s}", "code", norm->code, "section", (int)norm->section,
                         "title_vi", norm->title_vi, "engineer_grade",
                         arena_printf(ctl_arena(), "%u/9", norm->grade));
        set_sum(item, estimate, norm, &estimate->items[i]);
        json_object_set_new(item, "odd", odd_json(norm));
        json_array_append_new(array, item);
    }
    return array;
}

static json_t *sections_json(const struct estimate *estimate)
{
    json_t *array = json_array();

    for (unsigned s = 1; s <= DECISION_MAX_SECTIONS; s++) {
        const struct cost_sum *sum = &estimate->sections[s];
        json_t *section;

        if (!sum->items)
            continue;
        section = json_pack("{s:i, s:s, s:I}", "section", (int)s, "title_vi",
                            estimate->decision->sections[s], "items", (json_int_t)sum->items);
        set_sum(section, estimate, NULL, sum);
        json_array_append_new(array, section);
    }
    return array;
}

static json_t *total_json(const struct estimate *estimate)
{
    const struct cost_sum *sum = &estimate->total;
    json_t *total = json_pack("{s:I, s:I}", "items", (json_int_t)sum->items, "odd_figures",
                              (json_int_t)sum->odd);
    json_t *grades = json_object();

    set_sum(total, estimate, NULL, sum);
    for (unsigned grade = 1; grade <= DECISION_MAX_GRADE; grade++)
        if (sum->labour_by_grade[grade])
            set_text(grades, arena_printf(ctl_arena(), "%u/9", grade),
                     exact(sum->labour_by_grade[grade]));
    json_object_set_new(total, "labour_by_grade", grades);
    return total;
}

static json_t *outside_json(const struct estimate *estimate)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < estimate->prices->outside_count; i++) {
        const struct outside_cost *cost = &estimate->prices->outside[i];

        json_array_append_new(
            rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "cost", cost->kind,
                            "description", cost->description, "unit", cost->unit, "per",
                            cost->per_authority ? "authority" : "assessment", "quantity",
                            exact(cost->quantity), "unit_price_vnd", (json_int_t)cost->price_vnd,
                            "amount_vnd", exact(estimate->outside[i])));
    }
    return json_pack("{s:o, s:s, s:I}", "rows", rows, "amount_vnd", exact(estimate->outside_amount),
                     "amount_rounded_vnd", (json_int_t)decimal_round(estimate->outside_amount));
}

json_t *estimate_json(const struct estimate *estimate)
{
    json_t *document = json_pack(
        "{s:s, s:s, s:i, s:o, s:o, s:o}", "decision", estimate->decision->number, "version",
        estimate->decision->version, "authorities", (int)estimate->choice.authorities, "items",
        items_json(estimate), "sections", sections_json(estimate), "total", total_json(estimate));

    if (estimate->prices)
        json_object_set_new(document, "outside", outside_json(estimate));
    return document;
}
