/* Figures a service says about itself (Prometheus text, format 0.0.4), read again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

#define SCRAPE_MAX_BYTES ((size_t)8 * 1024 * 1024)
#define SCRAPE_MAX_LABELS 8

struct scrape_sample {
    const char *name;
    size_t label_count;
    struct {
        const char *name, *value;
    } labels[SCRAPE_MAX_LABELS];
    double value;
};

struct scrape {
    const struct scrape_sample *samples;
    size_t count;
};

/** Reads a text; comments are skipped. Everything in the arena. REJECT MALFORMED naming the line,
 *  TOO_LARGE. */
MUST_USE enum rc scrape_parse(struct arena *arena, struct bytes text, struct err *err,
                              struct scrape *ret_scrape);

/** The value of a label, or "". */
const char *scrape_label(const struct scrape_sample *sample, const char *label);

/** The next sample of this name behind `after` (NULL: the first); NULL at the end. */
const struct scrape_sample *scrape_next(const struct scrape *scrape, const char *name,
                                        const struct scrape_sample *after);

/** Sum of the samples of this name whose label has this value (label NULL: of all). */
double scrape_sum(const struct scrape *scrape, const char *name, const char *label,
                  const char *value);

/** Largest value of the samples of this name; `none` without one. *ret_sample (may be NULL) is the
 *  sample. */
double scrape_max(const struct scrape *scrape, const char *name, double none,
                  const struct scrape_sample **ret_sample);
