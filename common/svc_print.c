/* What a service prints about itself: its tables, as Markdown, so that the diagrams of docs/ are
 * made from the program and cannot lie. */
#include "common/metrics.h"
#include "common/svc_parts.h"

static void put_names(FILE *out, const ProtobufCMessageDescriptor *const *list)
{
    for (size_t i = 0; i < MAX_OUT && list[i]; i++)
        fprintf(out, "%s%s", i ? ", " : "", svc_message_name(list[i]));
}

static void put_row(FILE *out, const char *kind, const char *name, const char *from,
                    const ProtobufCMessageDescriptor *const *list)
{
    fprintf(out, "| %s | %s | %s | ", kind, name, from);
    put_names(out, list);
    fprintf(out, " |\n");
}

static void put_call(FILE *out, const struct on_call *row)
{
    fprintf(out, "| call | %s → %s | %s | ", svc_message_name(row->in),
            svc_message_name(row->reply), row->from);
    put_names(out, row->out);
    fprintf(out, " |\n");
}

static void put_readers(FILE *out, const struct service *service)
{
    if (!service->feed_readers || !*service->feed_readers)
        return;
    fprintf(out, "\nFeed read by:");
    for (const char *const *reader = service->feed_readers; *reader; reader++)
        fprintf(out, "%s %s", reader == service->feed_readers ? "" : ",", *reader);
    fprintf(out, "\n");
}

void svc_print_flow(FILE *out, const struct service *service)
{
    fprintf(out, "## %s\n\n%s\n\n| what | in | from | out |\n|---|---|---|---|\n", service->name,
            service->sentence);
    for (const struct http_route *row = service->routes; row && row->path; row++) {
        fprintf(out, "| http | %s %s | the public | ", row->method, row->path);
        put_names(out, row->out);
        fprintf(out, " |\n");
    }
    for (const struct on_event *row = service->events; row && row->in; row++)
        put_row(out, "event", svc_message_name(row->in), row->feed, row->out);
    for (const struct on_feed *row = service->feeds; row && row->feed; row++)
        put_row(out, "feed", "every event", row->feed, row->out);
    for (const struct on_call *row = service->calls; row && row->in; row++)
        put_call(out, row);
    for (const struct on_effect *row = service->effects; row && row->kind; row++)
        put_row(out, "effect", row->kind, "itself", row->out);
    for (const struct on_timer *row = service->timers; row && row->name; row++)
        put_row(out, "timer", row->name, "the clock", row->out);
    put_readers(out, service);
}

void svc_print_states(FILE *out, const struct service *service)
{
    for (const struct state_table *table = service->states; table && table->name; table++) {
        fprintf(out, "## %s: %s\n\n| from | event | to | why |\n|---|---|---|---|\n", service->name,
                table->name);
        for (const struct state_step *step = table->steps; step->from; step++)
            fprintf(out, "| %s | %s | %s | %s |\n", step->from, step->event, step->to, step->why);
        fprintf(out, "\n");
    }
}

void svc_print_metrics(FILE *out)
{
    struct arena *arena = arena_new((size_t)1 << 20);

    fputs(metrics_table(arena), out);
    arena_free(&arena);
}

void svc_print_config(FILE *out, const struct service *service)
{
    fprintf(out, "# %s: %s\n\n", service->name, service->sentence);
    conf_print_rows(out, svc_core_rows);
    for (const struct svc_part *const *part = service->parts; part && *part; part++)
        if ((*part)->conf_rows)
            conf_print_rows(out, (*part)->conf_rows);
    if (service->conf_rows)
        conf_print_rows(out, service->conf_rows);
}
