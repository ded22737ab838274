/* Metrics: counting from many threads, label sets, buckets, the text Prometheus reads. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <pthread.h>

#include "common/arena.h"
#include "common/metrics.h"

METRIC_FAMILY(counter) = {
    .kind = METRIC_COUNTER,
    .name = "test_total",
    .help = "A counter.",
    .labels = "kind,name",
};
METRIC_FAMILY(gauge) = {
    .kind = METRIC_GAUGE,
    .name = "test_gauge",
    .help = "A gauge.",
};
METRIC_FAMILY(histogram) = {
    .kind = METRIC_HISTOGRAM,
    .name = "test_seconds",
    .help = "A histogram.",
    .labels = "name",
};
METRIC_FAMILY(many) = {
    .kind = METRIC_COUNTER,
    .name = "test_many_total",
    .help = "Too many.",
    .labels = "id",
};

METRIC_FAMILY(untouched) = {
    .kind = METRIC_COUNTER,
    .name = "test_untouched_total",
    .help = "Never counted.",
};
METRIC_FAMILY(fresh) = {
    .kind = METRIC_GAUGE,
    .name = "test_fresh",
    .help = "A gauge that goes.",
    .labels = "of",
    .stale_after_s = 1,
};

static void has(const char *line)
{
    struct arena *arena = arena_new(1 << 24);
    const char *text = metrics_text(arena);

    if (!strstr(text, line))
        fail_msg("`%s` is not in\n%s", line, text);
    arena_free(&arena);
}

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++) {
        metric_add(&counter, 1, METRIC_LABELS("event", i % 2 ? "odd" : "even"));
        metric_observe(&histogram, i % 2 ? 0.002 : 100, METRIC_LABELS("x"));
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    has("# HELP test_total A counter.\n# TYPE test_total counter\n");
    has("test_total{kind=\"event\",name=\"odd\"} 200000\n");
    has("test_total{kind=\"event\",name=\"even\"} 200000\n");
    has("test_seconds_bucket{name=\"x\",le=\"0.001\"} 0\n");
    has("test_seconds_bucket{name=\"x\",le=\"0.0025\"} 200000\n");
    has("test_seconds_bucket{name=\"x\",le=\"60\"} 200000\n");
    has("test_seconds_bucket{name=\"x\",le=\"+Inf\"} 400000\n");
    has("test_seconds_count{name=\"x\"} 400000\n");
}

static void gauges_and_escapes(void **state)
{
    (void)state;
    has("# TYPE test_gauge gauge\n");
    metric_set(&gauge, -1.5, NULL);
    has("test_gauge -1.5\n");
    metric_add(&gauge, 2, NULL);
    has("test_gauge 0.5\n");
    metric_add(&counter, 1, METRIC_LABELS("a\"b\\c\nd", ""));
    has("test_total{kind=\"a\\\"b\\\\c\\nd\",name=\"\"} 1\n");
}

static void a_hostile_label_cannot_eat_the_memory(void **state)
{
    char id[16];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof(id), "%d", i);
        metric_add(&many, 1, METRIC_LABELS(id));
    }
    has("test_many_total{id=\"other\"} 904\n");
}

static void label_less_counters_start_at_zero(void **state)
{
    (void)state;
    has("test_untouched_total 0\n");
}

static void a_gauge_nobody_sets_goes(void **state)
{
    struct arena *arena = arena_new(1 << 24);

    (void)state;
    metric_set(&fresh, 1, METRIC_LABELS("a"));
    has("test_fresh{of=\"a\"} 1\n");
    poll(NULL, 0, 1100); /* its own limit is what is tested */
    metric_set(&fresh, 1, METRIC_LABELS("b"));
    has("test_fresh{of=\"b\"} 1\n");
    assert_null(strstr(metrics_text(arena), "test_fresh{of=\"a\"}"));
    metric_set(&fresh, 2, METRIC_LABELS("a"));
    has("test_fresh{of=\"a\"} 2\n");
    arena_free(&arena);
}

static void the_table_is_sorted_and_complete(void **state)
{
    struct arena *arena = arena_new(1 << 24);
    const char *table = metrics_table(arena);
    const char *first = strstr(table, "| `test_fresh` | gauge | of | A gauge that goes. |\n");
    const char *second = strstr(table, "| `test_seconds` | histogram | name | A histogram. |\n");

    (void)state;
    assert_true(first && second && first < second);
    assert_non_null(strstr(table, "| `test_untouched_total` | counter |  | Never counted. |\n"));
    arena_free(&arena);
}

static void the_process_itself(void **state)
{
    struct arena *arena = arena_new(1 << 24);
    const char *text = metrics_text(arena), *at;

    (void)state;
    at = strstr(text, "\nprocess_resident_memory_bytes ");
    assert_non_null(at);
    assert_true(strtod(strchr(at + 1, ' '), NULL) > 1e6);
    assert_non_null(strstr(text, "process_cpu_seconds_total"));
    at = strstr(text, "\nprocess_start_time_seconds ");
    assert_true(strtod(strchr(at + 1, ' '), NULL) > 1.5e9);
    assert_non_null(strstr(text, "\nprocess_threads 1\n"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(gauges_and_escapes),
        cmocka_unit_test(a_hostile_label_cannot_eat_the_memory),
        cmocka_unit_test(label_less_counters_start_at_zero),
        cmocka_unit_test(a_gauge_nobody_sets_goes),
        cmocka_unit_test(the_table_is_sorted_and_complete),
        cmocka_unit_test(the_process_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
