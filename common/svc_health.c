/* Health: which dependencies are missed, since when and why; and the whole answer of /healthz. A
 * missing dependency is a state that people and machines can read, never a crash. */
#include <stdlib.h>

#include "common/json_text.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/svc_parts.h"

#define MAX_WAITING 32

struct missed {
    const char *name; /* NULL: free */
    struct err why;
    usec since;
    bool is_missed;
    bool is_neighbour; /* another service: this one is well without it */
};

struct svc_waiting {
    pthread_mutex_t lock;
    struct missed missed[MAX_WAITING];
};

METRIC_FAMILY(waiting_metric) = {.kind = METRIC_GAUGE,
                                 .name = "trien_waiting",
                                 .help = "1 while the dependency is missed.",
                                 .labels = "dependency"};

struct svc_waiting *svc_waiting_new(void)
{
    struct svc_waiting *waiting = calloc(1, sizeof(*waiting));

    if (!waiting)
        abort();
    pthread_mutex_init(&waiting->lock, NULL);
    return waiting;
}

void svc_waiting_free(struct svc_waiting **waiting)
{
    free(*waiting);
    *waiting = NULL;
}

static struct missed *find(struct svc_waiting *waiting, const char *name)
{
    struct missed *m = waiting->missed;

    for (; m < waiting->missed + MAX_WAITING && m->name; m++)
        if (!strcmp(m->name, name))
            return m;
    if (m == waiting->missed + MAX_WAITING)
        return NULL;
    m->name = name;
    return m;
}

/* True when this is news. */
static bool note(struct svc_waiting *waiting, const char *name, const struct err *why,
                 bool is_neighbour)
{
    struct missed *m;
    bool news;

    pthread_mutex_lock(&waiting->lock);
    m = find(waiting, name);
    news = m && m->is_missed != (why != NULL);
    if (news) {
        m->is_missed = why != NULL;
        m->since = clock_now();
    }
    if (m && why) {
        m->why = *why;
        m->is_neighbour = is_neighbour;
    }
    pthread_mutex_unlock(&waiting->lock);
    return news;
}

static void waits(struct svc *svc, const char *name, const struct err *why, bool is_neighbour)
{
    if (!note(svc->waiting, name, why, is_neighbour))
        return;
    metric_set(&waiting_metric, why ? 1 : 0, METRIC_LABELS(name));
    if (why)
        log_event(LOG_WARNING, "waiting", LOG_TEXT("for", name),
                  LOG_TEXT("code", err_entry(why->code)->name), LOG_TEXT("detail", why->detail),
                  LOG_TEXT("native", *why->native ? why->native : NULL));
    else
        log_event(LOG_NOTICE, "there_again", LOG_TEXT("what", name));
}

void svc_waits(struct svc *svc, const char *name, const struct err *why)
{
    waits(svc, name, why, false);
}

void svc_misses(struct svc *svc, const char *name, const struct err *why)
{
    waits(svc, name, why, true);
}

/* "waiting":[{"for":…,"since":…,"code":…,"detail":…}] */
static bool put_waiting(struct svc_waiting *waiting, struct arena *arena, const char **ret_json)
{
    const char *list = "";
    bool well = true;

    pthread_mutex_lock(&waiting->lock);
    for (struct missed *m = waiting->missed; m < waiting->missed + MAX_WAITING && m->name; m++) {
        if (!m->is_missed)
            continue;
        list = arena_printf(
            arena, "%s%s{\"for\":%s,\"since\":\"%s\",\"code\":\"%s\",\"detail\":%s}", list,
            *list ? "," : "", json_quote(arena, m->name), clock_utc_text(arena, m->since),
            err_entry(m->why.code)->name, json_quote(arena, m->why.detail));
        well &= m->is_neighbour;
    }
    pthread_mutex_unlock(&waiting->lock);
    *ret_json = arena_printf(arena, "\"waiting\":[%s]", list);
    return well;
}

static void add(struct arena *arena, const char **text, const char *members)
{
    if (members && *members)
        *text = arena_printf(arena, "%s,%s", *text, members);
}

bool svc_health(struct svc *svc, struct arena *arena, const char **ret_json)
{
    const struct service *service = svc->service;
    const char *members = "", *more = NULL;
    bool bound = bus_server_bound(svc), well = bound && !atomic_load(&svc->stopping);

    add(arena, &members,
        arena_printf(arena, "\"bus\":{\"ok\":%s,\"bind\":%s}", bound ? "true" : "false",
                     json_quote(arena, svc->core.bus_bind)));
    for (const struct svc_part *const *part = service->parts; part && *part; part++) {
        more = NULL;
        if ((*part)->health)
            well &= (*part)->health(svc, arena, &more);
        add(arena, &members, more);
    }
    more = NULL;
    if (service->health)
        well &= service->health(svc->state, arena, &more);
    add(arena, &members, more);
    well &= put_waiting(svc->waiting, arena, &more);
    add(arena, &members, more);
    *ret_json = arena_printf(
        arena,
        "{\"ok\":%s,\"service\":\"%s\",\"instance\":%s,\"version\":\"%s\","
        "\"uptime_seconds\":%lld%s}",
        well ? "true" : "false", service->name, json_quote(arena, svc->core.instance),
        TRIEN_VERSION, (long long)((clock_monotonic() - svc->started) / USEC_PER_SECOND), members);
    return well;
}
