/* Estimates: the decision's sums, and what must hold for every choice, every number of authorities
 * and every price. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/trienctl/decimal.h"
#include "services/trienctl/estimate.h"

#define HEADER "part,cost,description,unit,unit_price_vnd,quantity,per\n"
#define MATERIALS                                                                                  \
    "norm,paper_reams,giấy,ram,78000,,\nnorm,toner_boxes,mực,hộp,1450000,,\n"                \
    "norm,notebooks,sổ,quyển,35000,,\nnorm,pens,bút,chiếc,5000,,\n"
#define HOURS "norm,laptop_hours,máy,giờ,2000,,\nnorm,printer_hours,máy in,giờ,1000,,\n"
#define LABOUR                                                                                       \
    "norm,labour_2,a,công,284000,,\nnorm,labour_3,b,công,319000,,\nnorm,labour_4,c,công,354000,," \
    "\n"
#define PRICES HEADER LABOUR MATERIALS HOURS

static struct arena *arena;
static struct prices prices;
static struct estimate estimate; /* large */

static enum rc read_prices(const char *text, struct err *err)
{
    return prices_parse(arena, decision_2433(), bytes_of_text(text), err, &prices);
}

static int up(void **state)
{
    struct err err = {0};

    (void)state;
    arena = arena_new(1 << 24);
    return read_prices(PRICES "outside,travel,xe,chuyến,1000001,1.5,authority\n"
                              "outside,equipment,thuê,đợt,7,1,assessment\n",
                       &err) == RC_OK
               ? 0
               : -1;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct cost_sum total_of(const struct choice *choice, const struct prices *with)
{
    estimate_reckon(decision_2433(), choice, with, &estimate);
    return estimate.total;
}

static void sums_of_the_decision(void **state)
{
    static const int64_t sums[COSTS] = {1026000, 18180, 6330, 11000, 49200, 758800, 61382};
    static const int64_t labour[7] = {0, 55000, 41700, 362900, 211200, 102800, 252400};
    struct choice choice = {.authorities = 1};
    struct cost_sum total;

    (void)state;
    choice_all(decision_2433(), &choice);
    total = total_of(&choice, NULL);
    assert_memory_equal(total.quantities, sums, sizeof(sums));
    assert_int_equal(total.items, 35);
    assert_int_equal(total.odd, 10);
    assert_int_equal(total.empty, 1);
    assert_int_equal(total.amount, 0);
    assert_int_equal(total.labour_by_grade[2], 273900);
    assert_int_equal(total.labour_by_grade[3], 613700);
    assert_int_equal(total.labour_by_grade[4], 138400);
    for (unsigned s = 1; s <= 6; s++)
        assert_int_equal(estimate.sections[s].quantities[COST_LABOUR], labour[s]);
}

/* Each item alone costs what its figures say, to the ten-thousandth of a đồng. */
static void every_item_alone(void **state)
{
    const struct decision *decision = decision_2433();

    (void)state;
    for (size_t i = 0; i < decision->norm_count; i++) {
        const int64_t *f = decision->norms[i].figures;
        struct choice choice = {.authorities = 1};
        struct err err = {0};
        static const int64_t day[] = {0, 0, 284000, 319000, 354000};

        assert_int_equal(choice_parse(decision, decision->norms[i].code, &err, &choice), RC_OK);
        assert_int_equal(total_of(&choice, &prices).amount,
                         f[COST_LABOUR] * day[decision->norms[i].grade] + f[COST_PAPER] * 78000 +
                             f[COST_TONER] * 1450000 + f[COST_NOTEBOOKS] * 35000 +
                             f[COST_PENS] * 5000 + f[COST_LAPTOP] * 2000 + f[COST_PRINTER] * 1000);
    }
}

static struct choice random_choice(struct choice *ret_rest)
{
    struct choice choice = {.authorities = 1 + (unsigned)rand() % ESTIMATE_MAX_AUTHORITIES};

    *ret_rest = choice;
    for (size_t i = 0; i < decision_2433()->norm_count; i++)
        if (rand() % 2)
            choice.items[i] = true;
        else
            ret_rest->items[i] = true;
    return choice;
}

static void check_sums(const struct cost_sum *whole, const struct cost_sum *a,
                       const struct cost_sum *b, int64_t times)
{
    assert_int_equal(whole->items, a->items + b->items);
    assert_int_equal(whole->amount * times, a->amount + b->amount);
    for (enum cost c = 0; c < COSTS; c++) {
        assert_int_equal(whole->quantities[c] * times, a->quantities[c] + b->quantities[c]);
        assert_int_equal(whole->amounts[c] * times, a->amounts[c] + b->amounts[c]);
    }
}

/* Any two halves together are the whole; n authorities are exactly n times one. */
static void choices_add_up_and_scale(void **state)
{
    static const struct cost_sum none;
    struct choice all = {0};

    (void)state;
    choice_all(decision_2433(), &all);
    srand(2433);
    for (unsigned round = 0; round < 300; round++) {
        struct choice rest, choice = random_choice(&rest);
        struct cost_sum a = total_of(&choice, &prices), b = total_of(&rest, &prices), whole, one;
        int64_t n = choice.authorities;

        all.authorities = choice.authorities;
        whole = total_of(&all, &prices);
        check_sums(&whole, &a, &b, 1);
        choice.authorities = 1;
        one = total_of(&choice, &prices);
        one.items = a.items;
        check_sums(&one, &a, &none, n);
    }
}

static void sections_are_the_total(void **state)
{
    struct choice rest, choice = random_choice(&rest);
    struct cost_sum total = total_of(&choice, &prices);
    int64_t amount = 0, days = 0;

    (void)state;
    for (unsigned s = 0; s <= DECISION_MAX_SECTIONS; s++) {
        amount += estimate.sections[s].amount;
        days += estimate.sections[s].quantities[COST_LABOUR];
    }
    assert_int_equal(amount, total.amount);
    assert_int_equal(days, total.quantities[COST_LABOUR]);
}

static void outside_stays_outside(void **state)
{
    struct choice choice = {.authorities = 3};
    struct prices without = prices;
    struct cost_sum with_total, without_total;

    (void)state;
    choice_all(decision_2433(), &choice);
    with_total = total_of(&choice, &prices);
    assert_int_equal(estimate.outside[0], (int64_t)1000001 * 15000 * 3);
    assert_int_equal(estimate.outside[1], 7 * DECIMAL_ONE);
    assert_int_equal(estimate.outside_amount, estimate.outside[0] + estimate.outside[1]);
    without.outside_count = 0;
    without_total = total_of(&choice, &without);
    assert_memory_equal(&with_total, &without_total, sizeof(with_total));
}

/* The dearest prices that are allowed, all items, all authorities: no overflow. */
static void limits_fit_64_bits(void **state)
{
    struct choice choice = {.authorities = ESTIMATE_MAX_AUTHORITIES};
    struct prices dear = {0};

    (void)state;
    choice_all(decision_2433(), &choice);
    for (size_t i = 0; i < COUNT_OF(dear.labour_vnd); i++)
        dear.labour_vnd[i] = PRICES_MAX_VND;
    for (enum cost c = 0; c < COSTS; c++)
        dear.unit_vnd[c] = PRICES_MAX_VND;
    assert_int_equal(total_of(&choice, &dear).amount, (int64_t)1930892 * 1000000000 * 1000);
    assert_true((__int128)DECISION_MAX_UNITS * DECIMAL_ONE * PRICES_MAX_VND *
                    ESTIMATE_MAX_AUTHORITIES <
                INT64_MAX);
    assert_true((__int128)PRICES_MAX_OUTSIDE_VND * DECIMAL_ONE * ESTIMATE_MAX_AUTHORITIES <
                INT64_MAX);
}

static size_t count_of(const char *items)
{
    struct choice choice = {.authorities = 1};
    struct err err = {0};

    if (choice_parse(decision_2433(), items, &err, &choice) != RC_OK)
        return 0;
    return total_of(&choice, NULL).items;
}

static void choices(void **state)
{
    (void)state;
    assert_int_equal(count_of("*"), 35);
    assert_int_equal(count_of("16.*"), 8);
    assert_int_equal(count_of("11.11"), 1);
    assert_int_equal(count_of("11.11,16.*,16.18,11.11"), 9);
    assert_int_equal(count_of(""), 0);
    assert_int_equal(count_of("11.11,"), 0);
    assert_int_equal(count_of("17.11"), 0);
    assert_int_equal(count_of("17.*"), 0);
    assert_int_equal(count_of("1*"), 0);
    assert_int_equal(count_of("11.1"), 0);
    assert_int_equal(count_of("11.111"), 0);
    assert_int_equal(count_of("11.11 "), 0);
}

static void strict_prices(void **state)
{
    static const char *const wrong[] = {
        HEADER,
        HEADER LABOUR MATERIALS,                            /* hours missing */
        HEADER MATERIALS HOURS,                             /* labour missing */
        PRICES "norm,pens,bút,chiếc,5000,,\n",              /* twice */
        PRICES "norm,labour_days,a,công,1,,\n",             /* no grade */
        PRICES "norm,travel,a,công,1,,\n",                  /* not of the norm */
        PRICES "outside,pens,a,chiếc,1,1,authority\n",      /* of the norm */
        PRICES "outside,travel,a,chuyến,1,,authority\n",    /* no quantity */
        PRICES "outside,travel,a,chuyến,1,1,\n",            /* per what */
        PRICES "outside,travel,a,chuyến,1.5,1,authority\n", /* half a đồng */
        PRICES "outside,travel,a,chuyến,\"1,000\",1,authority\n",
        PRICES "outside,travel,a,chuyến,-1,1,authority\n",
        PRICES "outside,travel,a,chuyến,1000000001,1,authority\n",
        PRICES "outside,travel,a,chuyến,1000000000,901,authority\n",
        PRICES "outside,travel,,chuyến,1,1,authority\n", /* no description */
        PRICES "both,travel,a,chuyến,1,1,authority\n",
        PRICES "norm,labour_5,a,công,1,1,\n", /* a quantity */
    };
    struct prices kept = prices;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        err_clear(&err);
        assert_int_equal(read_prices(wrong[i], &err), RC_REJECT);
        assert_memory_equal(&prices, &kept, sizeof(kept));
    }
    err_clear(&err);
    assert_int_equal(read_prices(PRICES, &err), RC_OK);
    prices = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_the_decision),
        cmocka_unit_test(every_item_alone),
        cmocka_unit_test(choices_add_up_and_scale),
        cmocka_unit_test(sections_are_the_total),
        cmocka_unit_test(outside_stays_outside),
        cmocka_unit_test(limits_fit_64_bits),
        cmocka_unit_test(choices),
        cmocka_unit_test(strict_prices),
    };

    return cmocka_run_group_tests(tests, up, down);
}
