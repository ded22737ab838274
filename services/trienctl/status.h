/* What an operator sees on one screen: gathered over the bus, shown as a table or JSON. */
#pragma once

#include <stdio.h>

#include "services/trienctl/scrape.h"
#include "services/trienctl/trienctl.h"

#define STATUS_MAX_SERVICES 16

enum service_word {
    SERVICE_WELL,
    SERVICE_WAITING,
    SERVICE_SILENT,
    SERVICE_STARTING,
    SERVICE_STOPPED,
    SERVICE_UNREACHED /* of another machine, or closed to this one: only others can say */
};

struct service_status {
    const char *name;
    enum service_word word;
    int pid; /* 0: nobody keeps it on this machine */
    unsigned restarts;
    const char *health_json; /* NULL when it does not answer */
    const char *why;         /* "" when well: dependencies missed, or why it does not answer */
    const char *missed_by;   /* of an unreached one: who waits for it; "" when nobody does */
    bool has_figures;
    struct scrape figures;
};

struct installation_status {
    usec at;
    struct service_status services[STATUS_MAX_SERVICES];
    size_t count;
    size_t not_well;
};

/** Asks every service named (ends with NULL) for health and figures; never fails: who does not
 *  answer is said to be silent. In ctl_arena(). */
void status_gather(const char *const *names, struct installation_status *ret_status);

/** One screen in Vietnamese, for people. */
void status_print(FILE *out, const struct installation_status *status);

/** A member for every service, and "summary". To be freed by the caller. */
json_t *status_json(const struct installation_status *status);

/** Shows the screen again and again, every so many seconds, until q or Ctrl-C. On a terminal it is
 *  drawn over the last one; else, and with --json (one line each), they follow each other. `names`
 *  is what status_gather() wants. Exit status of the last screen. (status_watch.c) */
int status_watch(const char *const *names, long seconds);
