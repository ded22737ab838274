/* Prometheus text read again: what the services print, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/metrics.h"
#include "services/trienctl/scrape.h"

METRIC_FAMILY(probe) = {
    .kind = METRIC_GAUGE,
    .name = "test_scrape",
    .help = "A gauge.",
    .labels = "feed,why",
};

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

static enum rc read(const char *text, struct scrape *ret_scrape)
{
    struct err err = {0};

    return scrape_parse(arena, bytes_of_text(text), &err, ret_scrape);
}

static void a_nul_is_refused(void **state)
{
    static const char *const texts[] = {"ka{f=\"x\0\0\x15\"\n", "a 1\nb \0 2\n", "# a\0b\n"};
    static const size_t sizes[] = {12, 10, 6};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct scrape scrape;
        struct err err = {0};

        assert_int_equal(scrape_parse(arena, bytes_of(texts[i], sizes[i]), &err, &scrape),
                         RC_REJECT);
        assert_int_equal(err.code, TRIEN__ERROR__MALFORMED);
    }
}

static void our_own_text_is_read(void **state)
{
    const struct scrape_sample *sample;
    struct scrape scrape;

    (void)state;
    metric_set(&probe, 2.5, METRIC_LABELS("intake", "a \"b\" \\ c\nd, e}"));
    metric_set(&probe, -1, METRIC_LABELS("signing", ""));
    assert_int_equal(read(metrics_text(arena), &scrape), RC_OK);
    assert_true(scrape_sum(&scrape, "test_scrape", NULL, NULL) == 1.5);
    assert_true(scrape_sum(&scrape, "test_scrape", "feed", "signing") == -1);
    assert_true(scrape_max(&scrape, "test_scrape", 0, &sample) == 2.5);
    assert_string_equal(scrape_label(sample, "feed"), "intake");
    assert_string_equal(scrape_label(sample, "why"), "a \"b\" \\ c\nd, e}");
    assert_string_equal(scrape_label(sample, "none"), "");
    assert_true(scrape_max(&scrape, "process_resident_memory_bytes", 0, NULL) > 1e6);
    assert_true(scrape_max(&scrape, "test_none", 7, NULL) == 7);
    assert_null(scrape_next(&scrape, "test_none", NULL));
}

static void odd_values(void **state)
{
    struct scrape scrape;

    (void)state;
    assert_int_equal(read("# HELP x y\n\na 1\na{} 2\na{b=\"\",} +Inf\nnan NaN\n", &scrape), RC_OK);
    assert_int_equal(scrape.count, 4);
    assert_true(isinf(scrape_max(&scrape, "a", 0, NULL)));
    assert_int_equal(read("", &scrape), RC_OK);
    assert_int_equal(scrape.count, 0);
}

static void what_is_refused(void **state)
{
    static const char *const wrong[] = {
        "a 1",
        "a\n",
        "a \n",
        "a 1 2\n",
        "{a=\"b\"} 1\n",
        "a{b} 1\n",
        "a{b=c} 1\n",
        "a{b=\"c} 1\n",
        "a{b=\"c\" 1\n",
        "a{b=\"c\"}1\n",
        "a{b=\"\\q\"} 1\n",
        "a{b=\"c\n\"} 1\n",
        "\"a\" 1\n",
        "a{=\"c\"} 1\n",
        "a{a=\"\",b=\"\",c=\"\",d=\"\",e=\"\",f=\"\",g=\"\",h=\"\",i=\"\"} 1\n",
    };
    struct scrape scrape = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (read(wrong[i], &scrape) != RC_REJECT)
            fail_msg("taken: %s", wrong[i]);
    assert_null(scrape.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_text_is_read),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(what_is_refused),
    };

    return cmocka_run_group_tests(tests, up, down);
}
