/* What is late, for operators: one count of what is open, at intervals. Decides nothing. */
#include "common/metrics.h"
#include "services/intake/intake.h"

#define STALE_S 60

METRIC_FAMILY(overdue) = {
    .kind = METRIC_GAUGE,
    .name = "trien_requests_overdue",
    .help = "Accepted requests that are not finished and whose due day has passed.",
    .stale_after_s = STALE_S,
};
METRIC_FAMILY(due_soon) = {
    .kind = METRIC_GAUGE,
    .name = "trien_requests_due_soon",
    .help = "Accepted requests that are not finished and due today or tomorrow.",
    .stale_after_s = STALE_S,
};
METRIC_FAMILY(undecided) = {
    .kind = METRIC_GAUGE,
    .name = "trien_requests_undecided",
    .help = "Requests received and neither accepted nor rejected yet.",
    .stale_after_s = STALE_S,
};
METRIC_FAMILY(undecided_seconds) = {
    .kind = METRIC_GAUGE,
    .name = "trien_requests_undecided_seconds",
    .help = "How long the oldest undecided request has waited.",
    .stale_after_s = STALE_S,
};

enum rc on_due_timer(struct tx *tx)
{
    civil_day today = clock_civil_day(tx->now);
    struct open_requests open;

    TRY(store_count_open(tx, clock_day_text(tx->arena, today), clock_day_text(tx->arena, today + 1),
                         &open));
    metric_set(&overdue, (double)open.overdue, NULL);
    metric_set(&due_soon, (double)open.due_soon, NULL);
    metric_set(&undecided, (double)open.undecided, NULL);
    metric_set(&undecided_seconds,
               open.undecided ? (double)(tx->now - open.undecided_since) / 1e6 : 0.0, NULL);
    return RC_OK;
}
