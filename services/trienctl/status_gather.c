/* Asks the services how they are: the keeper's file for the process, the bus for health and
 * figures. It judges nothing. */
#include <string.h>

#include "proto/bus.pb-c.h"
#include "services/trienctl/processes.h"
#include "services/trienctl/status.h"

#define KEPT_DEADLINE_MS 2000
/* Nobody keeps it here: it may run on another host, or not at all. Long enough for a host with much
 * to do, short enough for nine that are away. */
#define STRANGER_DEADLINE_MS 500

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

static enum service_word silent_word(const char *name, bool kept, pid_t process)
{
    if (kept)
        return process == 0 ? SERVICE_STARTING : SERVICE_SILENT;
    return process_is_configured(name) ? SERVICE_STOPPED : SERVICE_UNREACHED;
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
    status->why = status->missed_by = "";
    if (rc != RC_OK) {
        status->word = silent_word(name, kept, process.service);
        status->health_json = NULL;
        status->why = kept ? arena_strdup(ctl_arena(), err.detail) : "";
        return;
    }
    status->word = ok ? SERVICE_WELL : SERVICE_WAITING;
    status->has_figures = get_figures(name, &err, &status->figures) == RC_OK;
    if (!ok && status->has_figures)
        status->why = missed(&status->figures);
}

/* "signing, revocation": who says that it waits for this one. *ret_asked: anybody answered. */
static const char *missed_by(const struct installation_status *status, const char *name,
                             bool *ret_asked)
{
    const char *names = "";

    *ret_asked = false;
    for (size_t i = 0; i < status->count; i++) {
        const struct service_status *other = &status->services[i];

        if (!other->has_figures)
            continue;
        *ret_asked = true;
        if (scrape_sum(&other->figures, "trien_waiting", "dependency", name) > 0)
            names = arena_printf(ctl_arena(), "%s%s%s", names, *names ? ", " : "", other->name);
    }
    return names;
}

/* The signer's host answers signing and revocation alone: that it is not reached from here says
 * nothing, that they wait for it says all. Of others, not to be reached is not to be well. */
static void judge_unreached(struct installation_status *status, struct service_status *service)
{
    bool asked;

    service->missed_by = missed_by(status, service->name, &asked);
    if (strcmp(service->name, "signer") == 0 && asked && !*service->missed_by)
        status->not_well--;
}

void status_gather(const char *const *names, struct installation_status *ret_status)
{
    struct installation_status status = {.at = clock_now()};

    for (; *names && status.count < STATUS_MAX_SERVICES; names++) {
        struct service_status *service = &status.services[status.count++];

        gather(*names, service);
        status.not_well += service->word != SERVICE_WELL;
    }
    for (size_t i = 0; i < status.count; i++)
        if (status.services[i].word == SERVICE_UNREACHED)
            judge_unreached(&status, &status.services[i]);
    *ret_status = status;
}
