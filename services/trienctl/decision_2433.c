/* The compiled-in data of Decision 2433/QĐ-BTTTT (29 December 2017); its source and its slips are
 * told in services/audit/data/README.md. */
#include "services/trienctl/decision.h"
#include "services/trienctl/trienctl.h"

static const char sections_csv[] =
#include "gen/services/audit/data/2433-2017/sections.csv.inc"
    ;
static const char norms_csv[] =
#include "gen/services/audit/data/2433-2017/norms.csv.inc"
    ;
static const char odd_csv[] =
#include "gen/services/audit/data/2433-2017/odd.csv.inc"
    ;
static const char criteria_csv[] =
#include "gen/services/audit/data/2433-2017/criteria.csv.inc"
    ;

const struct decision *decision_2433(void)
{
    static struct decision decision = {.version = "2433-2017", .number = "2433/QĐ-BTTTT"};
    struct err err = {0};

    if (decision.norm_count)
        return &decision;
    const struct decision_files files = {
        .sections = bytes_of_text(sections_csv),
        .norms = bytes_of_text(norms_csv),
        .odd = bytes_of_text(odd_csv),
        .criteria = bytes_of_text(criteria_csv),
    };
    if (decision_parse(ctl_arena(), &files, &err, &decision) != RC_OK)
        ctl_die(&err);
    return &decision;
}
