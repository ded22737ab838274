/* Metrics: counters, gauges and histograms in Prometheus' text format. A metric is declared once at
 * file scope and used from any thread; the registry prints all of them. */
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
    _Atomic(void *) values;
    struct metric *_Atomic next;
    atomic_int registered;
};

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

/** Makes a family visible in metrics_text() before its first use (families register themselves
 * then). */
void metric_register(struct metric *metric);
