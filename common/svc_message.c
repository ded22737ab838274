/* One handled message: its log line, its count, its duration. The same for events, calls, HTTP,
 * effects and timers, so that one query finds a request's way through all services by its trace. */
#include "common/log.h"
#include "common/metrics.h"
#include "common/svc_parts.h"

METRIC_FAMILY(messages_total) = {.kind = METRIC_COUNTER,
                                 .name = "trien_messages_total",
                                 .help = "Messages handled, by outcome.",
                                 .labels = "kind,name,outcome"};
METRIC_FAMILY(message_seconds) = {.kind = METRIC_HISTOGRAM,
                                  .name = "trien_message_seconds",
                                  .help = "Time from the start of a message's work to its end.",
                                  .labels = "kind,name"};

const char *svc_message_name(const ProtobufCMessageDescriptor *descriptor)
{
    return descriptor->short_name;
}

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static void write_line(const struct svc_message *m, usec took)
{
    static const enum log_level levels[] = {LOG_INFO, LOG_NOTICE, LOG_NOTICE, LOG_ERROR};
    static const struct err none;
    const struct err *err = m->rc != RC_OK && m->err ? m->err : &none;
    const struct log_field fields[] = {
        LOG_TEXT("kind", m->kind),
        LOG_TEXT("name", m->name),
        LOG_TEXT("peer", or_null(m->peer)),
        LOG_TEXT("key", or_null(m->key)),
        LOG_TEXT("trace", or_null(m->traceparent)),
        LOG_TEXT("outcome", rc_name(m->rc)),
        LOG_INT("duration_us", took),
        LOG_TEXT("code", err->code ? err_entry(err->code)->name : NULL),
        LOG_TEXT("detail", or_null(err->detail)),
        LOG_TEXT("field", or_null(err->field)),
        LOG_TEXT("native", or_null(err->native)),
        LOG_TEXT("doing", m->rc != RC_OK ? or_null(m->doing) : NULL),
        LOG_TEXT("at", err->code ? err->file : NULL),
        m->number ? LOG_INT("number", m->number) : LOG_TEXT("number", NULL),
        LOG_END,
    };

    log_write(m->is_quiet ? LOG_DEBUG : levels[m->rc], "handled", fields);
}

/* Errors of the message itself do not end the process, however bad: the event is counted and
 * becomes a dead letter, the caller gets a 500. */
static bool ends_process(const struct svc_message *m)
{
    return m->rc == RC_FATAL && m->err && m->err->code != TRIEN__ERROR__INTERNAL &&
           m->err->code != TRIEN__ERROR__UNDECLARED_MESSAGE;
}

void svc_handled(struct svc *svc, const struct svc_message *message)
{
    usec took = clock_monotonic() - message->started;
    char which = svc->core.log_messages[0]; /* all, failures, none */

    metric_add(&messages_total, 1,
               METRIC_LABELS(message->kind, message->name, rc_name(message->rc)));
    metric_observe(&message_seconds, (double)took / (double)USEC_PER_SECOND,
                   METRIC_LABELS(message->kind, message->name));
    if ((which == 'a' && log_wants(message->is_quiet ? LOG_DEBUG : LOG_INFO)) ||
        (which == 'f' && message->rc != RC_OK))
        write_line(message, took);
    if (ends_process(message))
        svc_fatal(svc, message->err);
}
