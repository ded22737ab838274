/* A decision of norms and criteria as data: what an audit costs and what it looks at. Compiled in,
 * one folder of services/audit/data/ a decision. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

#define DECISION_MAX_ITEMS 64
#define DECISION_MAX_SECTIONS 9
#define DECISION_MAX_GRADE 9
#define DECISION_MAX_CRITERIA 512
#define DECISION_MAX_ODD 64
/* All figures of a decision together, so that any choice of items at any price fits 64 bits. */
#define DECISION_MAX_UNITS 900

/* What one item uses up. */
enum cost {
    COST_LABOUR,
    COST_PAPER,
    COST_TONER,
    COST_NOTEBOOKS,
    COST_PENS,
    COST_LAPTOP,
    COST_PRINTER,
    COSTS
};

/* How a cost is called: in files, by people, and how precisely it is printed. */
struct cost_name {
    const char *name;       /* "labour_days", the column of norms.csv */
    const char *heading_vi; /* "Công" */
    const char *title_vi;   /* "Nhân công" */
    const char *unit_vi;    /* "công" */
    unsigned places;
};
extern const struct cost_name cost_names[COSTS];

/* A printed figure that contradicts the table it stands in. */
struct odd_figure {
    enum cost cost;
    int64_t likely; /* ten-thousandths; for the reader, never reckoned with */
    const char *why_vi;
    const struct odd_figure *next; /* of the same item */
};

struct norm {
    const char *code; /* "11.11" */
    unsigned section; /* 1 to 9 */
    const char *title_vi;
    unsigned grade;         /* engineer n/9 */
    int64_t figures[COSTS]; /* ten-thousandths, for one authority; see decimal.h */
    bool is_empty[COSTS];   /* nothing is printed; the figure is 0 */
    const struct odd_figure *odd;
};

enum criterion_kind { CRITERION_AUTOMATIC, CRITERION_DOCUMENT, CRITERION_MANUAL };

struct criterion {
    const char *id;     /* "16.18-4a" */
    const char *code;   /* "16.18" */
    const char *number; /* "4a" */
    const char *text_vi;
    enum criterion_kind kind;
};
extern const char *const criterion_kind_names[];

struct decision {
    const char *version;                             /* "2433-2017" */
    const char *number;                              /* "2433/QĐ-BTTTT" */
    const char *sections[DECISION_MAX_SECTIONS + 1]; /* titles by number, from 1; NULL: none */
    struct norm norms[DECISION_MAX_ITEMS];           /* in the decision's order */
    size_t norm_count;
    struct criterion *criteria; /* in the decision's order */
    size_t criterion_count, odd_count;
};

/* The files of one decision. */
struct decision_files {
    struct bytes sections, norms, odd, criteria;
};

/** Reads the files into *decision, whose texts and rows live in the arena. Refuses (REJECT
 *  FIELD_INVALID, with the file and line) whatever is not exactly in order: a code twice or out of
 *  order, a section without a title, a figure that is no plain decimal, an empty cell that odd.csv
 *  does not name, an odd figure that is not the printed one, a criterion of an unknown item. */
MUST_USE enum rc decision_parse(struct arena *arena, const struct decision_files *files,
                                struct err *err, struct decision *decision);

/** Decision 2433/QĐ-BTTTT of 2017, read once. Ends the program when the compiled-in files are not
 * in order, which a test excludes. */
const struct decision *decision_2433(void);

/** The item with this code, or NULL. */
const struct norm *decision_find_norm(const struct decision *decision, const char *code);

/** What is odd about one figure of the item, or NULL. */
const struct odd_figure *decision_find_odd(const struct norm *norm, enum cost cost);

/** The cost with this column name; COSTS when there is none. */
enum cost cost_of_name(const char *name);
