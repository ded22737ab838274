/* Figures of several services, summed up. It asks nobody. */
#include "services/trienctl/status_figures.h"

#include <string.h>

/* Dead letters and what stands behind them, or those that wait for another feed. */
static void count_letters(const struct scrape *figures, double *dead, double *parked)
{
    *dead += scrape_sum(figures, "trien_dead_letters", "state", "dead") +
             scrape_sum(figures, "trien_dead_letters", "state", "behind");
    *parked += scrape_sum(figures, "trien_dead_letters", "state", "parked");
}

void status_row_of(const struct service_status *service, struct status_row *ret_row)
{
    const struct scrape *figures = &service->figures;
    const struct scrape_sample *slowest = NULL;
    struct status_row row = {.slowest = ""};

    row.lag = scrape_max(figures, "trien_feed_group_lag_events", 0, &slowest);
    if (slowest && row.lag > 0)
        row.slowest = scrape_label(slowest, "group");
    count_letters(figures, &row.dead, &row.parked);
    row.pending = scrape_sum(figures, "trien_effects_pending", NULL, NULL);
    row.oldest_seconds = scrape_max(figures, "trien_effects_oldest_seconds", 0, NULL);
    row.memory_bytes = scrape_max(figures, "process_resident_memory_bytes", 0, NULL);
    for (const struct scrape_sample *s = NULL; (s = scrape_next(figures, "trien_token_up", s));) {
        row.tokens++;
        row.tokens_up += s->value > 0;
    }
    *ret_row = row;
}

static struct crl_figures *crl_of(struct status_summary *summary, const char *issuer)
{
    struct crl_figures *crl = summary->crls;

    for (; crl < summary->crls + summary->crl_count; crl++)
        if (strcmp(crl->issuer, issuer) == 0)
            return crl;
    if (summary->crl_count == COUNT_OF(summary->crls))
        return NULL;
    summary->crl_count++;
    *crl = (struct crl_figures){.issuer = issuer, .age_seconds = 1e18};
    return crl;
}

/* How old the newest is says revocation, which makes it; how long what the public gets holds,
 * status. */
static void add_lists(const struct scrape *figures, struct status_summary *summary)
{
    for (const struct scrape_sample *s = NULL;
         (s = scrape_next(figures, "trien_crl_age_seconds", s));) {
        struct crl_figures *crl = crl_of(summary, scrape_label(s, "issuer"));

        if (crl && s->value < crl->age_seconds)
            crl->age_seconds = s->value;
    }
    for (const struct scrape_sample *s = NULL;
         (s = scrape_next(figures, "trien_crl_served_seconds_left", s));) {
        struct crl_figures *crl = crl_of(summary, scrape_label(s, "issuer"));

        if (crl && s->value > crl->left_seconds)
            crl->left_seconds = s->value;
    }
}

static void add_requests(const struct scrape *figures, struct status_summary *summary)
{
    if (scrape_next(figures, "trien_requests_overdue", NULL))
        summary->has_requests = true;
    summary->overdue += scrape_sum(figures, "trien_requests_overdue", NULL, NULL);
    summary->due_soon += scrape_sum(figures, "trien_requests_due_soon", NULL, NULL);
    summary->undecided += scrape_sum(figures, "trien_requests_undecided", NULL, NULL);
    summary->undecided_seconds =
        scrape_max(figures, "trien_requests_undecided_seconds", summary->undecided_seconds, NULL);
    summary->waiting_for_lists +=
        scrape_sum(figures, "trien_validation_waiting_requests", NULL, NULL);
    summary->waiting_for_officers +=
        scrape_sum(figures, "trien_validation_reviews_open", NULL, NULL);
    summary->review_seconds =
        scrape_max(figures, "trien_validation_reviews_open_seconds", summary->review_seconds, NULL);
}

static void add_devices(const struct scrape *figures, struct status_summary *summary)
{
    if (scrape_next(figures, "trien_courier_devices_in_stock", NULL))
        summary->has_devices = true;
    summary->in_stock += scrape_sum(figures, "trien_courier_devices_in_stock", NULL, NULL);
    summary->orders_waiting +=
        scrape_sum(figures, "trien_courier_orders_waiting_for_device", NULL, NULL);
    summary->recalls_overdue += scrape_sum(figures, "trien_courier_recalls_overdue", NULL, NULL);
}

/* Of several replicas who has seen most. */
static void add_journal(const struct scrape *figures, struct status_summary *summary)
{
    if (scrape_next(figures, "trien_journal_entries", NULL))
        summary->has_journal = true;
    summary->journal_number =
        scrape_max(figures, "trien_journal_number", summary->journal_number, NULL);
    summary->entries = scrape_max(figures, "trien_journal_entries", summary->entries, NULL);
    summary->signed_entries =
        scrape_max(figures, "trien_journal_signed_entries", summary->signed_entries, NULL);
    summary->unsigned_seconds =
        scrape_max(figures, "trien_journal_unsigned_seconds", summary->unsigned_seconds, NULL);
    if (scrape_max(figures, "trien_journal_alarm", 0, NULL) > 0)
        summary->journal_alarm = true;
}

void status_sum_up(const struct installation_status *status, struct status_summary *ret_summary)
{
    memset(ret_summary, 0, sizeof(*ret_summary));
    for (size_t i = 0; i < status->count; i++) {
        const struct scrape *figures = &status->services[i].figures;

        add_requests(figures, ret_summary);
        add_lists(figures, ret_summary);
        add_devices(figures, ret_summary);
        add_journal(figures, ret_summary);
        count_letters(figures, &ret_summary->dead, &ret_summary->parked);
    }
}

const char *status_duration(double seconds)
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{86400, "ngày"}, {3600, "giờ"}, {60, "phút"}, {1, "giây"}};
    const char *sign = seconds < 0 ? "-" : "";
    size_t i = 0;

    seconds = seconds < 0 ? -seconds : seconds;
    while (i + 1 < COUNT_OF(units) && seconds < 2 * units[i].seconds)
        i++;
    return arena_printf(ctl_arena(), "%s%.0f %s", sign, seconds / units[i].seconds, units[i].name);
}
