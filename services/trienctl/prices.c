/* The price file. It refuses a file that lacks a price, has one twice, or says an amount in any way
 * but plain digits: an estimate must not rest on a misread figure. */
#include "services/trienctl/prices.h"

#include <string.h>

#include "common/csv.h"
#include "services/trienctl/decimal.h"

enum { PART, COST, DESCRIPTION, UNIT, PRICE, QUANTITY, PER };

#define HEADER "part,cost,description,unit,unit_price_vnd,quantity,per"
#define MAX_QUANTITY ((int64_t)1000 * DECIMAL_ONE)

/* Where the price of a norm's cost belongs; NULL when there is no such cost. */
static int64_t *price_place(struct prices *prices, const char *name)
{
    enum cost cost = cost_of_name(name);

    if (strncmp(name, "labour_", 7) == 0 && name[7] >= '1' && name[7] <= '9' && name[8] == 0)
        return &prices->labour_vnd[name[7] - '0'];
    return cost == COST_LABOUR || cost == COSTS ? NULL : &prices->unit_vnd[cost];
}

static enum rc read_norm_price(struct prices *prices, const char *const *fields, int64_t vnd,
                               struct err *err)
{
    int64_t *place = price_place(prices, fields[COST]);

    CHECK(place, err, TRIEN__ERROR__FIELD_INVALID, "the norm has no cost \"%s\"", fields[COST]);
    CHECK(*place < 0, err, TRIEN__ERROR__FIELD_INVALID, "%s stands twice", fields[COST]);
    CHECK(!*fields[QUANTITY] && !*fields[PER], err, TRIEN__ERROR__FIELD_INVALID,
          "%s: the norm has the quantity", fields[COST]);
    *place = vnd;
    return RC_OK;
}

static bool is_outside_kind(const char *kind)
{
    static const char *const kinds[] = {"travel", "expert", "equipment", "other"};

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

static enum rc read_outside(struct prices *prices, const char *const *fields, int64_t vnd,
                            struct err *err)
{
    struct outside_cost *row = &prices->outside[prices->outside_count];
    bool per_authority = strcmp(fields[PER], "authority") == 0;

    CHECK(prices->outside_count < PRICES_MAX_OUTSIDE, err, TRIEN__ERROR__TOO_LARGE,
          "more than %d costs outside the norm", PRICES_MAX_OUTSIDE);
    CHECK(is_outside_kind(fields[COST]), err, TRIEN__ERROR__FIELD_INVALID,
          "\"%s\" is none of travel, expert, equipment, other", fields[COST]);
    CHECK(per_authority || strcmp(fields[PER], "assessment") == 0, err, TRIEN__ERROR__FIELD_INVALID,
          "per \"%s\" is neither authority nor assessment", fields[PER]);
    *row = (struct outside_cost){.kind = fields[COST],
                                 .description = fields[DESCRIPTION],
                                 .unit = fields[UNIT],
                                 .price_vnd = vnd,
                                 .per_authority = per_authority};
    CHECK(decimal_parse(fields[QUANTITY], DECIMAL_PLACES, MAX_QUANTITY, &row->quantity), err,
          TRIEN__ERROR__FIELD_INVALID, "quantity \"%s\"", fields[QUANTITY]);
    prices->outside_count++;
    return RC_OK;
}

static enum rc read_price(struct prices *prices, const char *const *fields, struct err *err)
{
    int64_t price;

    CHECK(decimal_parse(fields[PRICE], 0, (int64_t)PRICES_MAX_VND * DECIMAL_ONE, &price), err,
          TRIEN__ERROR__FIELD_INVALID, "unit_price_vnd \"%s\"", fields[PRICE]);
    CHECK(*fields[DESCRIPTION] && *fields[UNIT], err, TRIEN__ERROR__FIELD_INVALID,
          "%s: description and unit are needed", fields[COST]);
    if (strcmp(fields[PART], "norm") == 0)
        return read_norm_price(prices, fields, price / DECIMAL_ONE, err);
    CHECK(strcmp(fields[PART], "outside") == 0, err, TRIEN__ERROR__FIELD_INVALID,
          "part \"%s\" is neither norm nor outside", fields[PART]);
    return read_outside(prices, fields, price / DECIMAL_ONE, err);
}

static enum rc check_complete(const struct decision *decision, const struct prices *prices,
                              struct err *err)
{
    int64_t outside = 0;

    for (size_t i = 0; i < prices->outside_count; i++)
        outside += prices->outside[i].quantity * prices->outside[i].price_vnd;
    CHECK(outside <= PRICES_MAX_OUTSIDE_VND * DECIMAL_ONE, err, TRIEN__ERROR__TOO_LARGE,
          "costs outside the norm are more than %lld VND for one authority",
          (long long)PRICES_MAX_OUTSIDE_VND);
    for (enum cost c = COST_LABOUR + 1; c < COSTS; c++)
        CHECK(prices->unit_vnd[c] >= 0, err, TRIEN__ERROR__FIELD_INVALID, "%s has no price",
              cost_names[c].name);
    for (size_t i = 0; i < decision->norm_count; i++)
        CHECK(prices->labour_vnd[decision->norms[i].grade] >= 0, err, TRIEN__ERROR__FIELD_INVALID,
              "labour_%u has no price", decision->norms[i].grade);
    return RC_OK;
}

enum rc prices_parse(struct arena *arena, const struct decision *decision, struct bytes file,
                     struct err *err, struct prices *ret_prices)
{
    struct prices prices = {.outside = ARENA_ARRAY(arena, struct outside_cost, PRICES_MAX_OUTSIDE)};
    const char *fields[CSV_MAX_COLUMNS];
    struct csv csv;
    bool more;

    for (size_t i = 0; i < COUNT_OF(prices.labour_vnd); i++)
        prices.labour_vnd[i] = -1;
    for (enum cost c = 0; c < COSTS; c++)
        prices.unit_vnd[c] = -1;
    TRY(csv_open(arena, file, HEADER, PRICES_MAX_BYTES, err, &csv));
    TRY(csv_next(&csv, err, fields, &more));
    while (more) {
        TRY(read_price(&prices, fields, err));
        TRY(csv_next(&csv, err, fields, &more));
    }
    err_clear(err);
    TRY(check_complete(decision, &prices, err));
    *ret_prices = prices;
    return RC_OK;
}
