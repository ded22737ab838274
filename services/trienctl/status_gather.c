/* Asks the services how they are: the keeper's file for the process, the bus for health and
 * figures. It judges nothing. */
#include <string.h>

#include "proto/bus.pb-c.h"
#include "services/trienctl/processes.h"
#include "services/trienctl/status.h"

#define KEPT_DEADLINE_MS 2000
#define STRANGER_DEADLINE_MS                                                                       \
    200 /* nobody keeps it here: it may run on another host, or not at all */

static enum rc get_figures(const char *service, struct err *err, struct scrape *ret_figures)
{
    Trien__GetMetrics call = TRIEN__GET_METRICS__INIT;
    const Trien__GetMetricsReply *reply;
    ProtobufCMessage *message = NULL;

    TRY(ctl_call("operator", service, &call.base, &trien__get_metrics_reply__descriptor,
                 KEPT_DEADLINE_MS, err, &message));
    reply = (const void *)message;
    return scrape_parse(ctl_arena(), bytes_of_text(reply->text), err, ret_figures);
}

/* "database, signer": what a service waits for. */
static const char *missed(const struct scrape *figures)
{
    const char *names = "";

    for (const struct scrape_sample *s = NULL; (s = scrape_next(figures, "trien_waiting", s));)
        if (s->value > 0)
            names = arena_printf(ctl_arena(), "%s%s%s", names, *names ? ", " : "",
                                 scrape_label(s, "dependency"));
    return names;
}

static void gather(const char *name, struct service_status *status)
{
    struct process_state process;
    struct err err = {0};
    bool ok = false, kept = process_find(name, &process);
    enum rc rc = process_health(name, kept ? KEPT_DEADLINE_MS : STRANGER_DEADLINE_MS, &err, &ok,
                                &status->health_json);

    status->name = name;
    status->pid = (int)process.service;
    status->restarts = process.restarts;
    status->why = "";
    if (rc != RC_OK) {
        status->word = !kept                  ? SERVICE_STOPPED
                       : process.service == 0 ? SERVICE_STARTING
                                              : SERVICE_SILENT;
        status->health_json = NULL;
        status->why = kept ? arena_strdup(ctl_arena(), err.detail) : "";
        return;
    }
    status->word = ok ? SERVICE_WELL : SERVICE_WAITING;
    status->has_figures = get_figures(name, &err, &status->figures) == RC_OK;
    if (!ok && status->has_figures)
        status->why = missed(&status->figures);
}

void status_gather(const char *const *names, struct installation_status *ret_status)
{
    struct installation_status status = {.at = clock_now()};

    for (; *names && status.count < STATUS_MAX_SERVICES; names++) {
        struct service_status *service = &status.services[status.count++];

        gather(*names, service);
        status.not_well += service->word != SERVICE_WELL;
    }
    *ret_status = status;
}
