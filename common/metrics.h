/* Metrics: counters, gauges and histograms in Prometheus' text format. A family is declared once at
 * file scope by METRIC_FAMILY and used from any thread; /metrics prints all of them, and --metrics
 * what they mean (docs/metrics.md). */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* One family; values per label set are created on first use and never freed (bounded: 4096 a
 * family). */
struct metric {
    enum metric_kind kind;
    const char *name;   /* "trien_events_handled_total" */
    const char *help;   /* one sentence */
    const char *labels; /* "feed,type" or NULL */
    /* A gauge that was not set for so long is not shown: whoever measured it has stopped (another
     * replica runs the timer now) or there is nothing to measure any more. 0: shown for ever. */
    int stale_after_s;
    _Atomic(void *) values;
};

/* METRIC_FAMILY(letters) = {.kind = METRIC_GAUGE, .name = …}; declares a family of this file and
 * lists it in the program. */
#define METRIC_FAMILY(variable)                                                                    \
    static struct metric variable;                                                                 \
    static struct metric *const variable##_listed                                                  \
        __attribute__((section("trien_metrics"), used)) = &variable;                               \
    static struct metric variable

/** Adds to a counter. `label_values` in the order of `labels`, comma-free texts; NULL without
 * labels. */
void metric_add(struct metric *metric, double n, const char *const *label_values);

/** Sets a gauge. */
void metric_set(struct metric *metric, double value, const char *const *label_values);

/** Notes one duration in seconds in a histogram (buckets 0.5 ms … 60 s). */
void metric_observe(struct metric *metric, double seconds, const char *const *label_values);

#define METRIC_LABELS(...) ((const char *const[]){__VA_ARGS__})

/** The whole registry as Prometheus text, in the arena. Includes process_* (resident memory, CPU,
 *  open files, start time). */
const char *metrics_text(struct arena *arena);

/** What this program measures, as rows of a Markdown table sorted by name: name, kind, labels,
 *  meaning. In the arena. */
const char *metrics_table(struct arena *arena);
