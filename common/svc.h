/* The frame: what every service is made of.
 *
 * A service is tables. The frame reads its configuration, opens its database, serves its feed and
 * its calls, pulls the feeds it reads, runs one transaction per message, works its effects, keeps
 * its timers, answers /metrics and /healthz, and logs one line per handled message. Handlers read,
 * decide, store and emit; they never talk to the outside, look at the clock, log, or commit.
 *
 *     services/<name>/main.c:  const struct service service = {...};
 *                              int main(int argc, char **argv) { return svc_main(&service, argc,
 * argv); }
 *
 * Command line of every service: --config FILE [--check | --flow | --states | --metrics |
 * --help-config |
 * --version]. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/guard.h"
#include "common/http.h"

struct svc;          /* one running process */
struct Trien__Event; /* proto/bus.proto */

/* The transaction a handler works in. */
struct tx {
    struct arena *arena;     /* lives until the message is done */
    struct db *db;           /* NULL in a service without a database */
    struct err err;          /* why, when the handler does not return RC_OK */
    usec now;                /* the one clock of this message */
    const char *principal;   /* who sent the call; the publisher of an event; "" for HTTP */
    const char *traceparent; /* W3C, or "" */
    const char *doing;       /* step name for failure lines, set by long handlers */
    const void *conf;        /* the service's own configuration struct */
    void *state;             /* what .start made, or NULL */
    struct svc *svc;
    struct tx_frame *frame; /* the frame's own: what was emitted, which row runs */
};

/** Adds an event to this transaction's outbox. The handler's row must name the message
 * (UNDECLARED_MESSAGE otherwise). The partition is bus_partition(key). Size limit 256 KiB. */
MUST_USE enum rc emit(struct tx *tx, const char *key, const void *event);

/** What the person behind this call did, as an event: OperatorActed by tx->principal. The handler's
 * row names it. `reason` may be NULL. */
MUST_USE enum rc emit_operator_act(struct tx *tx, const char *act, const char *subject,
                                   const char *reason);

/** Records the intent of an effect, unique by (kind, key): a second one with the same key is
 * ignored. It is done after the commit, outside any transaction; not before `not_before` (0: at
 * once). */
MUST_USE enum rc effect_add(struct tx *tx, const char *kind, const char *key, const void *intent,
                            usec not_before);

/** Runs body(tx, arg) with a memory of its own of limit_bytes, which is gone afterwards: for work
 * on more rows than a message should hold, part by part. The body emits nothing and adds no effect
 *  and no row (db_row). */
MUST_USE enum rc tx_apart(struct tx *tx, size_t limit_bytes,
                          enum rc (*body)(struct tx *tx, void *arg), void *arg);

/* What an effect has in its hands: no transaction, no database. */
struct fx {
    struct arena *arena;
    struct err err;
    usec now;
    const char *key;
    unsigned attempt; /* 1 for the first try */
    const char *traceparent;
    const void *conf;
    void *state;
    struct svc *svc;
    struct bus_caller *caller; /* this thread's own sockets */
};

/** Calls another service and waits: CALL/REPLY with deadline and idempotency key (NULL: none). The
 *  peer's address is configuration (peers/<service>). `request` is the method; *ret_reply is
 * unpacked into the arena by `reply`. The peer's error comes back as this err with its code. */
MUST_USE enum rc fx_call(struct fx *fx, const char *peer, const void *request,
                         const ProtobufCMessageDescriptor *reply, int deadline_ms,
                         const char *idempotency_key, void *ret_reply);

/* --- the tables of a service
 * ------------------------------------------------------------------------ */

#define MAX_OUT 8

/* An event of another service's feed. RC_RETRY with NOT_YET parks the event behind its key until
 * that key moves; RC_REJECT makes it a dead letter. */
struct on_event {
    const char *feed;                     /* publisher: "validation" */
    const ProtobufCMessageDescriptor *in; /* types a feed carries but no row names are skipped */
    enum rc (*fn)(struct tx *tx, const void *in);
    const ProtobufCMessageDescriptor *out[MAX_OUT];
};

/* A whole feed: every event as its publisher wrote it, those of one transaction together, the
 * offsets of a partition in their order. What fails is tried again as it is until it succeeds: such
 * a feed has no dead letters and no gaps. No row of `events` names it. */
struct on_feed {
    const char *feed;
    enum rc (*fn)(struct tx *tx, struct Trien__Event *const *events, size_t count);
    const ProtobufCMessageDescriptor *out[MAX_OUT];
};

/* A call. *reply is a message of type `reply`, initialised, to be filled (pointers into tx->arena).
 */
struct on_call {
    const ProtobufCMessageDescriptor *in, *reply;
    const char
        *from; /* principals that may: "signing revocation"; "officers": officer1, officer2 … */
    enum rc (*fn)(struct tx *tx, const void *in, void *reply);
    const ProtobufCMessageDescriptor *out[MAX_OUT];
    bool no_transaction; /* touches no database */
    bool reads;          /* its one statement reads: a transaction by itself */
};

/* Something done outside, in three steps: intent (effect_add), act, done. `act` may be repeated, so
 * it must be harmless to repeat. RC_RETRY: again with back-off; RC_REJECT or too many attempts:
 * `failed`. */
struct on_effect {
    const char *kind;
    const ProtobufCMessageDescriptor *intent, *result; /* result may be NULL */
    enum rc (*act)(struct fx *fx, const void *intent, ProtobufCMessage **ret_result);
    enum rc (*done)(struct tx *tx, const char *key, const void *intent, const void *result);
    enum rc (*failed)(struct tx *tx, const char *key, const void *intent, const struct err *why);
    unsigned max_attempts; /* 0: for ever */
    /* How long an end may wait for others to share its commit; 0: not at all. What ended meanwhile
     * is done again after a kill, so only for acts whose repeat is exact. */
    int linger_ms;
    bool gathers; /* while many are in the air its end waits some milliseconds for company */
    const ProtobufCMessageDescriptor *out[MAX_OUT];
};

/** For a timer that had a full batch: it is run again at once, in a transaction of its own, instead
 * of after its period. */
void timer_again(struct tx *tx);

/* Work at intervals, in a transaction; one replica at a time runs it. */
struct on_timer {
    const char *name;
    int period_ms;
    enum rc (*fn)(struct tx *tx);
    const ProtobufCMessageDescriptor *out[MAX_OUT];
};

/* One allowed step of a state machine; printed by --states, repeated by a CHECK constraint. */
struct state_step {
    const char *from, *event, *to, *why;
};
struct state_table {
    const char *name;
    const struct state_step *steps; /* ends with from NULL */
};

/* What a service may be built from besides calls; a part that is not named is not linked. */
struct svc_part;
extern const struct svc_part svc_part_database; /* database, feed, consumers, effects, timers */
extern const struct svc_part svc_part_http;     /* public HTTP listener and admin listener */

struct service {
    const char *name;
    const char *sentence;                /* what it is for, one sentence */
    unsigned number;                     /* place in the port plan: see svc_port() */
    const struct svc_part *const *parts; /* NULL-terminated */

    const struct conf_row *conf_rows; /* the service's own keys, ends with key NULL */
    size_t conf_size;                 /* of its configuration struct */

    /* Of store.sql: store_statements, ended by a row whose name is NULL; a count is not needed. */
    const struct db_statement *statements;
    size_t statement_count;

    const struct on_event *events; /* each table ends with an all-zero row */
    const struct on_feed *feeds;
    const struct on_call *calls;
    const struct on_effect *effects;
    const struct on_timer *timers;
    const struct http_route *routes;
    const struct state_table *states; /* ends with name NULL */
    const char *const *feed_readers;  /* principals that may FETCH, NULL-terminated */
    /* Keeps consumer_cursor.heard_at: when each partition was last known to be applied to its end.
     * For services whose answers must not rest on a feed that nobody follows. */
    bool notes_hearing;
    /* How long events wait for company after a small batch: where nobody waits for what they
     * change, larger batches cost less. 0: they are applied as they come. */
    int linger_ms;

    /* Called first thing in main, before any thread or ZeroMQ context, after the configuration was
     * read: fork zygotes and token children here, load keys. *ret_state becomes tx->state. */
    enum rc (*early)(const void *conf, struct err *err, void **ret_state);
    /* On SIGHUP: reads again what may change while the process runs, and other threads work with
     * it. On failure nothing has changed and /healthz says so until it goes well. May be NULL. */
    enum rc (*reread)(const void *conf, void *state, struct err *err);
    /* Adds members to /healthz ("\"token\":{\"ok\":true}"); false when not healthy. May be NULL. */
    bool (*health)(void *state, struct arena *arena, const char **ret_json_members);
    void (*late)(void *state); /* on a clean stop only */
};

/** Runs the service; the exit status. 0 after a clean stop, 64 for wrong use, 78 for a bad
 *  configuration, 70 for a fatal error (the supervisor starts it again). */
int svc_main(const struct service *service, int argc, char **argv);

/** This process' service. */
const struct service *svc_service(const struct svc *svc);

/** Default ports on 127.0.0.1, moved together by base_port (default 8080):
 *  HTTP base + number, bus base + 20 + number, admin base + 40 + number; numbers: intake 0, status
 * 1, validation 2, courier 3, notification 4, audit 5, signing 6, signer 7, revocation 8. */
int svc_port(int base_port, const char *kind, unsigned number);
