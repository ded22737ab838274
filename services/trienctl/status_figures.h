/* What the figures of several services say together: pure. */
#pragma once

#include "services/trienctl/status.h"

/* One list of an authority, as whoever knows most about it says. */
struct crl_figures {
    const char *issuer;
    double age_seconds, left_seconds;
};

struct status_summary {
    bool has_requests; /* somebody measures due dates */
    double overdue, due_soon, undecided, undecided_seconds;
    double waiting_for_lists, waiting_for_officers, review_seconds;
    struct crl_figures crls[8]; /* newest of each issuer */
    size_t crl_count;
    bool has_devices;
    double in_stock, orders_waiting, recalls_overdue;
    bool has_journal;
    double journal_number, entries, signed_entries, unsigned_seconds;
    bool journal_alarm;  /* it is not what was signed before */
    double dead, parked; /* letters of all services */
};

/** What the services say together. Names lie where the figures do. */
void status_sum_up(const struct installation_status *status, struct status_summary *ret_summary);

/* One service's figures in a row. */
struct status_row {
    double lag; /* events the slowest reader has before it */
    const char *slowest;
    double dead, parked, pending, oldest_seconds, memory_bytes;
    size_t tokens, tokens_up;
};
void status_row_of(const struct service_status *service, struct status_row *ret_row);

/** "45 giây", "12 phút", "3 giờ", "6 ngày"; "-" below zero is kept. In ctl_arena(). */
const char *status_duration(double seconds);
