/* The transaction around a handler: lazily begun, events and effects collected, flushed last,
 * committed, and only then told to the feed server and the lanes. It knows neither libpq nor
 * ZeroMQ: what needs them is behind svc->tx_ops. */
#include "common/tx.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/bus.h"
#include "common/log.h"
#include "common/svc_internal.h"
#include "proto/bus.pb-c.h"

#define MAX_REPEATS 3

struct tx *tx_new(struct svc *svc, struct db *db, const char *application, size_t arena_limit_bytes)
{
    struct tx *tx = calloc(1, sizeof(*tx));
    struct tx_frame *frame = calloc(1, sizeof(*frame));

    if (!tx || !frame)
        abort();
    snprintf(frame->application, sizeof(frame->application), "%s", application);
    tx->arena = arena_new(arena_limit_bytes);
    tx->frame = frame;
    tx->db = frame->db = db;
    tx->svc = svc;
    tx->conf = svc->own_conf;
    tx->state = svc->state;
    tx->principal = tx->traceparent = "";
    return tx;
}

void tx_free(struct tx **tx)
{
    struct tx *old = *tx;

    if (!old)
        return;
    tx_reset(old);
    if (old->frame->db)
        old->svc->tx_ops->close(&old->frame->db);
    arena_free(&old->arena);
    free(old->frame);
    free(old);
    *tx = NULL;
}

static void forget_collected(struct tx_frame *frame)
{
    frame->event_count = frame->effect_count = 0;
    frame->event_room = frame->effect_room = 0; /* the arrays lie in the arena */
    frame->events = NULL;
    frame->effects = NULL;
    frame->gathered = NULL;
}

void tx_reset(struct tx *tx)
{
    if (tx->frame->begun)
        tx_rollback(tx);
    forget_collected(tx->frame);
    err_clear(&tx->err);
    tx->principal = tx->traceparent = "";
    tx->doing = NULL;
    tx->frame->out = NULL;
    tx->frame->in_doubt = false;
    arena_reset(tx->arena);
}

enum rc tx_apart(struct tx *tx, size_t limit_bytes, enum rc (*body)(struct tx *tx, void *arg),
                 void *arg)
{
    struct arena *own = tx->arena;
    autoptr(arena_t) apart = arena_new(limit_bytes);
    enum rc rc;

    tx->arena = apart;
    rc = body(tx, arg);
    tx->arena = own;
    return rc;
}

/* --- the connection ------------------------------------------------------------------------------
 */

static enum rc connect_again(struct tx *tx)
{
    struct tx_frame *frame = tx->frame;
    usec now = clock_monotonic();
    enum rc rc;

    CHECK(now >= frame->reconnect_at, &tx->err, TRIEN__ERROR__DATABASE_UNAVAILABLE,
          "no connection; the next attempt is not due yet");
    rc = tx->svc->tx_ops->connect(tx->svc, frame->application, &tx->err, &frame->db);
    if (rc == RC_OK) {
        frame->connect_failures = 0;
        frame->reconnect_at = 0;
        svc_waits(tx->svc, "database", NULL);
        return RC_OK;
    }
    if (rc == RC_FATAL)
        svc_fatal(tx->svc, &tx->err);
    else
        svc_waits(tx->svc, "database", &tx->err);
    frame->reconnect_at = now + svc_backoff_ms(++frame->connect_failures, 100, 5000) * USEC_PER_MS;
    return rc;
}

/* A handler is never begun on a connection that is known to be dead. */
static enum rc need_connection(struct tx *tx)
{
    const struct tx_ops *ops = tx->svc->tx_ops;

    if (tx->frame->db && !ops->alive(tx->frame->db))
        ops->close(&tx->frame->db);
    if (!tx->frame->db)
        TRY(connect_again(tx));
    tx->db = tx->frame->db;
    return RC_OK;
}

/* --- begin, enter, end ---------------------------------------------------------------------------
 */

void tx_begin_without_database(struct tx *tx, usec now, const char *principal,
                               const char *traceparent)
{
    tx->db = NULL;
    tx->now = now;
    tx->principal = principal;
    tx_enter(tx, traceparent, NULL);
}

enum rc tx_begin(struct tx *tx, usec now, const char *principal, const char *traceparent,
                 const ProtobufCMessageDescriptor *const *out)
{
    tx_begin_without_database(tx, now, principal, traceparent);
    tx->frame->out = out;
    tx->frame->in_doubt = false;
    if (!tx->svc->tx_ops)
        return RC_OK;
    TRY(need_connection(tx));
    TRY(tx->svc->tx_ops->begin(tx->db, &tx->err));
    tx->frame->begun = true;
    return RC_OK;
}

enum rc tx_begin_reading(struct tx *tx, usec now, const char *principal, const char *traceparent)
{
    tx_begin_without_database(tx, now, principal, traceparent);
    tx->frame->in_doubt = false;
    return tx->svc->tx_ops ? need_connection(tx) : RC_OK;
}

void tx_enter(struct tx *tx, const char *traceparent, const ProtobufCMessageDescriptor *const *out)
{
    tx->traceparent = traceparent ? traceparent : "";
    tx->doing = NULL;
    tx->frame->out = out;
}

void tx_rollback(struct tx *tx)
{
    if (tx->frame->begun)
        tx->svc->tx_ops->rollback(tx->frame->db);
    tx->frame->begun = false;
    forget_collected(tx->frame);
}

enum rc tx_commit(struct tx *tx)
{
    struct tx_frame *frame = tx->frame;
    const struct tx_ops *ops = tx->svc->tx_ops;
    enum rc rc = RC_OK;

    if (!frame->begun)
        return RC_OK;
    if (frame->event_count || frame->effect_count || frame->gathered)
        rc = ops->flush(tx);
    if (rc == RC_OK) {
        rc = ops->commit(tx->db, &tx->err);
        frame->in_doubt = rc != RC_OK && tx->err.code == TRIEN__ERROR__DATABASE_UNAVAILABLE;
    }
    if (rc != RC_OK) {
        tx_rollback(tx);
        return rc;
    }
    frame->begun = false;
    if (frame->event_count && ops->events_added)
        ops->events_added(tx);
    if (frame->effect_count && ops->effects_added)
        ops->effects_added(tx);
    forget_collected(frame);
    return RC_OK;
}

/* --- what handlers say ---------------------------------------------------------------------------
 */

bool tx_may_emit(const ProtobufCMessageDescriptor *const *out,
                 const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; out && i < MAX_OUT && out[i]; i++)
        if (out[i] == type)
            return true;
    return false;
}

static struct bytes pack(struct arena *arena, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *p = arena_alloc(arena, n + 1);

    protobuf_c_message_pack(message, p);
    return bytes_of(p, n);
}

/* The array with room for one more; it doubles. */
static void *grow(struct arena *arena, void *array, size_t count, size_t *room, size_t size)
{
    void *larger;

    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 4;
    larger = arena_array(arena, *room, size);
    if (count)
        memcpy(larger, array, count * size);
    return larger;
}

enum rc emit(struct tx *tx, const char *key, const void *event)
{
    struct tx_frame *frame = tx->frame;
    const ProtobufCMessageDescriptor *type = ((const ProtobufCMessage *)event)->descriptor;
    struct bytes payload;

    CHECK(tx_may_emit(frame->out, type), &tx->err, TRIEN__ERROR__UNDECLARED_MESSAGE,
          "the row does not name %s", type->name);
    payload = pack(tx->arena, event);
    CHECK(payload.n <= BUS_MAX_EVENT, &tx->err, TRIEN__ERROR__TOO_LARGE,
          "%s of %zu bytes is more than an event may have", type->name, payload.n);
    frame->events = grow(tx->arena, frame->events, frame->event_count, &frame->event_room,
                         sizeof(*frame->events));
    frame->events[frame->event_count++] =
        (struct tx_event){svc_message_name(type), arena_strdup(tx->arena, key),
                          arena_strdup(tx->arena, tx->traceparent), payload};
    return RC_OK;
}

enum rc emit_operator_act(struct tx *tx, const char *act, const char *subject, const char *reason)
{
    Trien__OperatorActed event = TRIEN__OPERATOR_ACTED__INIT;

    event.principal = (char *)tx->principal;
    event.act = (char *)act;
    event.subject = (char *)subject;
    event.reason = (char *)reason;
    return emit(tx, "operator", &event);
}

static bool has_effect(const struct service *service, const char *kind)
{
    for (const struct on_effect *row = service->effects; row && row->kind; row++)
        if (!strcmp(row->kind, kind))
            return true;
    return false;
}

enum rc effect_add(struct tx *tx, const char *kind, const char *key, const void *intent,
                   usec not_before)
{
    struct tx_frame *frame = tx->frame;

    CHECK(has_effect(tx->svc->service, kind), &tx->err, TRIEN__ERROR__UNDECLARED_MESSAGE,
          "no row for an effect of kind %s", kind);
    frame->effects = grow(tx->arena, frame->effects, frame->effect_count, &frame->effect_room,
                          sizeof(*frame->effects));
    frame->effects[frame->effect_count++] = (struct tx_effect){
        arena_strdup(tx->arena, kind), arena_strdup(tx->arena, key),
        arena_strdup(tx->arena, tx->traceparent), pack(tx->arena, intent), not_before};
    return RC_OK;
}

/* --- the whole of it -----------------------------------------------------------------------------
 */

static enum rc work_once(struct tx *tx, const struct tx_start *start,
                         enum rc (*body)(struct tx *tx, void *arg), void *arg)
{
    enum rc rc;

    if (start->no_transaction) {
        tx_begin_without_database(tx, start->now, start->principal, start->traceparent);
        return body(tx, arg);
    }
    if (start->reads) {
        TRY(tx_begin_reading(tx, start->now, start->principal, start->traceparent));
        return body(tx, arg);
    }
    TRY(tx_begin(tx, start->now, start->principal, start->traceparent, start->out));
    rc = body(tx, arg);
    if (rc != RC_OK) {
        tx_rollback(tx);
        return rc;
    }
    return tx_commit(tx);
}

/* Nothing was committed for certain, and the same again may well succeed at once. */
static bool worth_repeating(const struct tx *tx, enum rc rc)
{
    if (rc != RC_RETRY || tx->frame->in_doubt)
        return false;
    if (tx->err.code == TRIEN__ERROR__DATABASE_CONFLICT)
        return true;
    return tx->err.code == TRIEN__ERROR__DATABASE_UNAVAILABLE && tx->frame->db &&
           !tx->svc->tx_ops->alive(tx->frame->db);
}

enum rc tx_work(struct tx *tx, const struct tx_start *start,
                enum rc (*body)(struct tx *tx, void *arg), void *arg)
{
    enum rc rc = work_once(tx, start, body, arg);

    for (int i = 1; i < MAX_REPEATS && worth_repeating(tx, rc); i++) {
        err_clear(&tx->err);
        rc = work_once(tx, start, body, arg);
    }
    return rc;
}
