/* Metrics: families with label sets, counted without locks, printed as Prometheus text. Label sets
 * are made on first use and never freed; a family that is asked for too many counts the rest under
 * "other", so that a hostile label cannot eat the memory. */
#include "common/metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/metrics_internal.h"

#define BUCKETS 64
#define MAX_SERIES 4096
#define MAX_LABELS 8

static const double bounds[METRIC_BOUNDS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                             0.25,   0.5,   1,      2.5,   5,    10,    30,   60};

/* One set of label values; a hash chain it is pushed onto once. */
struct series {
    struct series *next;
    uint32_t hash;
    _Atomic uint64_t bits;        /* of the double, for counters and gauges */
    _Atomic uint64_t *counts;     /* histogram: one a bound, then the rest */
    _Atomic uint64_t nanoseconds; /* histogram: sum */
    _Atomic usec set_at;          /* gauges that go stale: monotonic */
    char values[];                /* label values, each with its NUL */
};

struct family {
    size_t label_count;
    _Atomic size_t series_count;
    struct series *_Atomic chains[BUCKETS];
};

/* Filled by METRIC_FAMILY; the linker names the ends. */
extern struct metric *const __start_trien_metrics[] __attribute__((weak));
extern struct metric *const __stop_trien_metrics[] __attribute__((weak));

static void *take_memory(size_t size)
{
    void *p = calloc(1, size);

    if (!p)
        abort();
    return p;
}

static size_t count_labels(const char *labels)
{
    size_t n = labels ? 1 : 0;

    for (; labels && *labels; labels++)
        n += *labels == ',';
    return n;
}

static struct family *family_of(struct metric *metric)
{
    struct family *family = atomic_load_explicit(&metric->values, memory_order_acquire);
    void *none = NULL;

    if (family)
        return family;
    family = take_memory(sizeof(*family));
    family->label_count = count_labels(metric->labels);
    if (!atomic_compare_exchange_strong(&metric->values, &none, family)) {
        free(family);
        return none;
    }
    return family;
}

static uint32_t hash_values(const char *const *values, size_t count)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < count; i++) {
        for (const char *c = values[i]; *c; c++)
            hash = (hash ^ (uint8_t)*c) * 16777619u;
        hash = (hash ^ 0xff) * 16777619u;
    }
    return hash;
}

static bool same_values(const struct series *series, const char *const *values, size_t count)
{
    const char *have = series->values;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(have, values[i]))
            return false;
        have += strlen(have) + 1;
    }
    return true;
}

static struct series *find_series(struct series *from, uint32_t hash, const char *const *values,
                                  size_t count)
{
    for (; from; from = from->next)
        if (from->hash == hash && same_values(from, values, count))
            return from;
    return NULL;
}

static struct series *series_new(enum metric_kind kind, uint32_t hash, const char *const *values,
                                 size_t count)
{
    struct series *series;
    size_t size = 1;
    char *to;

    for (size_t i = 0; i < count; i++)
        size += strlen(values[i]) + 1;
    series = take_memory(sizeof(*series) + size);
    series->hash = hash;
    if (kind == METRIC_HISTOGRAM)
        series->counts = take_memory((METRIC_BOUNDS + 1) * sizeof(*series->counts));
    to = series->values;
    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, values[i]) + 1;
    return series;
}

static void series_free(struct series *series)
{
    free(series->counts);
    free(series);
}

static struct series *series_of(struct metric *metric, const char *const *values)
{
    static const char *const others[MAX_LABELS] = {"other", "other", "other", "other",
                                                   "other", "other", "other", "other"};
    struct family *family = family_of(metric);
    uint32_t hash = hash_values(values, family->label_count);
    struct series *head =
        atomic_load_explicit(&family->chains[hash % BUCKETS], memory_order_acquire);
    struct series *found = find_series(head, hash, values, family->label_count), *made;

    if (found)
        return found;
    if (values != others && atomic_load(&family->series_count) >= MAX_SERIES)
        return series_of(metric, others);
    made = series_new(metric->kind, hash, values, family->label_count);
    do {
        made->next = head;
        if (atomic_compare_exchange_weak(&family->chains[hash % BUCKETS], &head, made)) {
            atomic_fetch_add(&family->series_count, 1);
            return made;
        }
        found = find_series(head, hash, values, family->label_count);
    } while (!found);
    series_free(made);
    return found;
}

static double as_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t as_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

void metric_add(struct metric *metric, double n, const char *const *label_values)
{
    struct series *series = series_of(metric, label_values);
    uint64_t old = atomic_load_explicit(&series->bits, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(&series->bits, &old, as_bits(as_double(old) + n),
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

void metric_set(struct metric *metric, double value, const char *const *label_values)
{
    struct series *series = series_of(metric, label_values);

    atomic_store_explicit(&series->bits, as_bits(value), memory_order_relaxed);
    if (metric->stale_after_s)
        atomic_store_explicit(&series->set_at, clock_monotonic(), memory_order_relaxed);
}

void metric_observe(struct metric *metric, double seconds, const char *const *label_values)
{
    struct series *series = series_of(metric, label_values);
    size_t bound = 0;

    while (bound < METRIC_BOUNDS && seconds > bounds[bound])
        bound++;
    atomic_fetch_add_explicit(&series->counts[bound], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->nanoseconds, (uint64_t)(seconds < 0 ? 0 : seconds * 1e9),
                              memory_order_relaxed);
}

/* --- reading it out ------------------------------------------------------------------------------
 */

static int by_name(const void *left, const void *right)
{
    const struct metric *const *a = left, *const *b = right;

    return strcmp((*a)->name, (*b)->name);
}

struct metric **metrics_families(struct arena *arena, size_t *ret_count)
{
    size_t count = (size_t)(__stop_trien_metrics - __start_trien_metrics);
    struct metric **families = ARENA_ARRAY(arena, struct metric *, count + 1);

    for (size_t i = 0; i < count; i++)
        families[i] = __start_trien_metrics[i];
    qsort(families, count, sizeof(*families), by_name);
    *ret_count = count;
    return families;
}

static bool is_stale(const struct metric *metric, struct series *series)
{
    usec age = clock_monotonic() - atomic_load(&series->set_at);

    return metric->stale_after_s && age > metric->stale_after_s * USEC_PER_SECOND;
}

void metrics_each(struct metric *metric, void (*fn)(const struct metric_sample *, void *),
                  void *arg)
{
    struct family *family = family_of(metric);

    if (metric->kind == METRIC_COUNTER && !metric->labels)
        series_of(metric, NULL); /* counts from the start */
    for (size_t b = 0; b < BUCKETS; b++)
        for (struct series *s = atomic_load(&family->chains[b]); s; s = s->next) {
            struct metric_sample sample = {.metric = metric,
                                           .values = s->values,
                                           .value = as_double(atomic_load(&s->bits)),
                                           .sum_seconds =
                                               (double)atomic_load(&s->nanoseconds) / 1e9,
                                           .bounds = bounds};

            if (is_stale(metric, s))
                continue;
            for (size_t i = 0; s->counts && i <= METRIC_BOUNDS; i++)
                sample.counts[i] = atomic_load(&s->counts[i]);
            fn(&sample, arg);
        }
}
