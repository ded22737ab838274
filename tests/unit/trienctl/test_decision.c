/* The data of Decision 2433 against what it prints, and the strictness of its reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/trienctl/decimal.h"
#include "services/trienctl/decision.h"

#define PRINTED_FILE "tests/unit/trienctl/data/norms-2433-printed.txt"

static struct arena *arena;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 24);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* "3,97" or "0.07" as printed; "-" where nothing is. */
static int64_t printed_value(char *word, bool *ret_empty)
{
    char *comma = strchr(word, ',');
    int64_t value = 0;

    *ret_empty = strcmp(word, "-") == 0;
    if (comma)
        *comma = '.';
    assert_true(*ret_empty || decimal_parse(word, 4, 1 << 30, &value));
    return value;
}

static void every_figure_as_printed(void **state)
{
    const struct decision *decision = decision_2433();
    FILE *in = fopen(PRINTED_FILE, "r");
    char line[200];
    size_t row = 0;

    (void)state;
    if (!in)
        fail_msg("%s: run from the top of the project", PRINTED_FILE);
    while (fgets(line, sizeof(line), in)) {
        const struct norm *norm = &decision->norms[row];
        char *rest = line;

        if (*line == '#')
            continue;
        line[strcspn(line, "\n")] = 0;
        assert_string_equal(norm->code, strsep(&rest, " "));
        assert_int_equal(norm->grade, atoi(strsep(&rest, " ")));
        for (enum cost c = 0; c < COSTS; c++) {
            bool empty;

            assert_int_equal(norm->figures[c], printed_value(strsep(&rest, " "), &empty));
            assert_int_equal(norm->is_empty[c], empty);
        }
        assert_null(rest);
        row++;
    }
    fclose(in);
    assert_int_equal(row, 35);
    assert_int_equal(decision->norm_count, 35);
}

static void counts(void **state)
{
    const struct decision *decision = decision_2433();
    size_t kinds[3] = {0}, sub = 0, per_section[7] = {0};
    static const size_t in_section[7] = {0, 2, 3, 10, 8, 4, 8};

    (void)state;
    assert_int_equal(decision->criterion_count, 183);
    for (size_t i = 0; i < decision->criterion_count; i++) {
        const char *number = decision->criteria[i].number;

        kinds[decision->criteria[i].kind]++;
        sub += number[strlen(number) - 1] > '9';
    }
    assert_int_equal(kinds[CRITERION_AUTOMATIC], 59);
    assert_int_equal(kinds[CRITERION_DOCUMENT], 81);
    assert_int_equal(kinds[CRITERION_MANUAL], 43);
    assert_int_equal(sub, 35);
    assert_int_equal(decision->odd_count, 10);
    for (size_t i = 0; i < decision->norm_count; i++)
        per_section[decision->norms[i].section]++;
    assert_memory_equal(per_section, in_section, sizeof(in_section));
}

#define SECTIONS "section,title_vi\n1,Một\n"
#define HEAD                                                                                       \
    "code,section,title_vi,engineer_grade,labour_days,paper_reams,toner_boxes,notebooks,pens,"     \
    "laptop_hours,printer_hours\n"
#define NORM "11.11,1,Tên,3/9,3.97,0.006,0.0024,0.04,0.2,3.17,0.22\n"
#define ODD "code,cost,printed,likely,why_vi\n"
#define CRITERIA "code,criterion_no,text_vi,kind\n"
#define CRITERION "11.11,1,Kiểm tra,automatic\n"

static bool takes(const char *sections, const char *norms, const char *odd, const char *criteria)
{
    struct decision *decision = ARENA_NEW(arena, struct decision);
    struct err err = {0};

    return decision_parse(arena,
                          &(struct decision_files){bytes_of_text(sections), bytes_of_text(norms),
                                                   bytes_of_text(odd), bytes_of_text(criteria)},
                          &err, decision) == RC_OK;
}

static void strict_norms(void **state)
{
    static const char *const wrong[] = {
        NORM NORM,                                                    /* twice */
        "11.11,2,Tên,3/9,3.97,0.006,0.0024,0.04,0.2,3.17,0.22\n",     /* other section */
        "1111,1,Tên,3/9,3.97,0.006,0.0024,0.04,0.2,3.17,0.22\n",      /* no code */
        "11.11,1,,3/9,3.97,0.006,0.0024,0.04,0.2,3.17,0.22\n",        /* no title */
        "11.11,1,Tên,3/8,3.97,0.006,0.0024,0.04,0.2,3.17,0.22\n",     /* no grade */
        "11.11,1,Tên,3/9,,0.006,0.0024,0.04,0.2,3.17,0.22\n",         /* unexplained cell */
        "11.11,1,Tên,3/9,\"3,97\",0.006,0.0024,0.04,0.2,3.17,0.22\n", /* comma */
        "11.11,1,Tên,3/9,3.97,0.00651,0.0024,0.04,0.2,3.17,0.22\n",   /* too exact */
        "11.11,1,Tên,3/9,-1,0.006,0.0024,0.04,0.2,3.17,0.22\n",       /* negative */
        "11.11,1,Tên,3/9,899,0.006,0.0024,0.04,0.2,3.17,0.22\n",      /* too much together */
    };

    (void)state;
    assert_true(takes(SECTIONS, HEAD NORM, ODD, CRITERIA CRITERION));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(
            takes(SECTIONS, arena_printf(arena, "%s%s", HEAD, wrong[i]), ODD, CRITERIA CRITERION));
    assert_false(takes("section,title_vi\n2,Hai\n", HEAD NORM, ODD, CRITERIA CRITERION));
    assert_false(takes(SECTIONS "1,Lại\n", HEAD NORM, ODD, CRITERIA CRITERION));
}

static void strict_odd_figures_and_criteria(void **state)
{
    (void)state;
    assert_true(takes(SECTIONS, HEAD NORM, ODD "11.11,pens,0.2,0.02,vì\n", CRITERIA CRITERION));
    assert_false(takes(SECTIONS, HEAD NORM, ODD "11.11,pens,0.3,0.02,vì\n", CRITERIA CRITERION));
    assert_false(takes(SECTIONS, HEAD NORM, ODD "11.11,pencils,0.2,0.02,vì\n", CRITERIA CRITERION));
    assert_false(takes(SECTIONS, HEAD NORM, ODD "11.12,pens,0.2,0.02,vì\n", CRITERIA CRITERION));
    assert_false(takes(SECTIONS, HEAD NORM, ODD "11.11,pens,,0.02,vì\n", CRITERIA CRITERION));
    assert_false(takes(SECTIONS, HEAD NORM, ODD, CRITERIA CRITERION CRITERION));
    assert_false(takes(SECTIONS, HEAD NORM, ODD, CRITERIA "11.12,1,Kiểm tra,automatic\n"));
    assert_false(takes(SECTIONS, HEAD NORM, ODD, CRITERIA "11.11,a,Kiểm tra,automatic\n"));
    assert_false(takes(SECTIONS, HEAD NORM, ODD, CRITERIA "11.11,1,Kiểm tra,maybe\n"));
    assert_false(takes(SECTIONS, HEAD NORM, ODD, CRITERIA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_as_printed),
        cmocka_unit_test(counts),
        cmocka_unit_test(strict_norms),
        cmocka_unit_test(strict_odd_figures_and_criteria),
    };

    return cmocka_run_group_tests(tests, up, down);
}
