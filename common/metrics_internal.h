/* metrics.c hands its figures to metrics_text.c. */
#pragma once

#include "common/arena.h"
#include "common/metrics.h"

#define METRIC_BOUNDS 16

struct metric_sample {
    const struct metric *metric;
    const char *values; /* label values in order, each with its NUL */
    double value;       /* counter, gauge */
    double sum_seconds; /* histogram */
    uint64_t counts[METRIC_BOUNDS + 1];
    const double *bounds;
};

/** The families of this program, by name; *ret_count of them, in the arena. */
struct metric **metrics_families(struct arena *arena, size_t *ret_count);

/** Calls fn for each label set of the family. */
void metrics_each(struct metric *metric, void (*fn)(const struct metric_sample *, void *),
                  void *arg);
