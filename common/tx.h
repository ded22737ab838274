/* The transaction from the inside: what the frame does around a handler. Frame only; services see
 * struct tx of common/svc.h.
 *
 * One struct tx belongs to one thread and serves one message (or one batch) after the other:
 *
 *     tx_reset → [unpack into tx->arena] → tx_begin → tx_enter, handler (per event) → tx_commit
 *                                                                                   → tx_rollback
 *
 * Events and effects are only collected while handlers run. tx_commit hands them to the database
 * part as ONE statement for all events and ONE for all effects, always last, so that the outbox's
 * row locks are held as short as can be. What waits for no answer travels with the commit; a
 * handler that touches nothing costs no round trip. This file and tx.c know neither libpq nor
 * ZeroMQ: a service without a database has no tx_ops and never links them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/svc.h"

/* An event waiting for the end of the transaction; everything lies in the transaction's arena. */
struct tx_event {
    const char *type; /* message name without package */
    const char *key;
    const char *traceparent; /* of the message that caused it */
    struct bytes payload;
};

/* The intent of an effect, likewise. */
struct tx_effect {
    const char *kind, *key;
    const char *traceparent;
    struct bytes intent;
    usec not_before; /* 0: at once */
};

struct tx_frame {
    struct db *db; /* the thread's connection, kept while tx->db is NULL for a row without one */
    const ProtobufCMessageDescriptor *const *out; /* what the running row may emit, NULL-ended or
                                                     MAX_OUT long; NULL: nothing */
    struct tx_event *events;
    size_t event_count, event_room;
    const uint8_t (*event_ids)[16]; /* given by the flush */
    struct db_rows *event_places;   /* there after the commit: partition, first offset in it */
    struct tx_effect *effects;
    size_t effect_count, effect_room;
    struct db_gather *gathered; /* rows of statements not sent yet; db_gather.c */
    char application[64];       /* name of the connection in pg_stat_activity */
    usec reconnect_at;          /* monotonic; no attempt to connect before */
    unsigned connect_failures;  /* in a row */
    bool begun;                 /* between tx_begin and commit or rollback, with a database */
    bool again;                 /* the timer has more to do */
    bool in_doubt;              /* COMMIT was sent and its answer never came */
};

/* What the database part puts under a transaction. */
struct tx_ops {
    /* Opens a connection, prepares the frame's and the service's statements. */
    enum rc (*connect)(struct svc *svc, const char *application, struct err *err,
                       struct db **ret_db);
    void (*close)(struct db **db);
    bool (*alive)(const struct db *db);
    enum rc (*begin)(struct db *db, struct err *err);
    /* Queues the statements for tx->frame's events and effects. outbox.c. */
    enum rc (*flush)(struct tx *tx);
    enum rc (*commit)(struct db *db, struct err *err);
    void (*rollback)(struct db *db);
    /* After a commit that added events: tell the feed. May be NULL. */
    void (*events_added)(struct tx *tx);
    /* After a commit that added effects: wake the lane that will do them. May be NULL. */
    void (*effects_added)(struct tx *tx);
};

/** A transaction object for the calling thread. `db` is a connection it takes over, or NULL: with a
 * database part one is opened (and re-opened after a loss) by tx_begin. The arena may hold
 * arena_limit_bytes. Never fails (memory aside). */
struct tx *tx_new(struct svc *svc, struct db *db, const char *application,
                  size_t arena_limit_bytes);

/** Rolls back what is open, closes the connection, sets *tx to NULL. NULL is fine. */
void tx_free(struct tx **tx);

/** Forgets the last message: arena, error, collected events. Rolls back if still begun. */
void tx_reset(struct tx *tx);

/** Makes sure of a live connection (DATABASE_UNAVAILABLE while there is none; attempts are spaced
 * by a jittered back-off) and starts a transaction lazily. `out` as in struct tx_frame. Texts are
 * borrowed until the next tx_reset. Does not reset the arena. */
MUST_USE enum rc tx_begin(struct tx *tx, usec now, const char *principal, const char *traceparent,
                          const ProtobufCMessageDescriptor *const *out);

/** The same without a transaction: each db_run commits by itself; no db_push, no events. */
MUST_USE enum rc tx_begin_reading(struct tx *tx, usec now, const char *principal,
                                  const char *traceparent);

/** The same for a row that touches no database: tx->db is NULL until the next tx_begin. */
void tx_begin_without_database(struct tx *tx, usec now, const char *principal,
                               const char *traceparent);

/** Next event of a batch in the same transaction. */
void tx_enter(struct tx *tx, const char *traceparent, const ProtobufCMessageDescriptor *const *out);

/** Flushes events and effects, commits, pokes the feed server, wakes the lane. On failure
 * everything is rolled back and tx->err says why; tx->frame->in_doubt when the commit may have
 * happened. */
MUST_USE enum rc tx_commit(struct tx *tx);

/** Rolls back and forgets collected events and effects; keeps arena and tx->err. */
void tx_rollback(struct tx *tx);

/* What tx_work() needs to know. */
struct tx_start {
    usec now;
    const char *principal, *traceparent;
    const ProtobufCMessageDescriptor *const *out;
    bool no_transaction, reads;
};

/** begin, body, commit; body again after a serialisation failure, a deadlock, or when the
 * connection turned out to be lost before COMMIT was sent (3 times at most). For HTTP, calls,
 * timers, ends of effects. The outcome; tx->err says why. */
MUST_USE enum rc tx_work(struct tx *tx, const struct tx_start *start,
                         enum rc (*body)(struct tx *tx, void *arg), void *arg);

/** The list names the message. */
bool tx_may_emit(const ProtobufCMessageDescriptor *const *out,
                 const ProtobufCMessageDescriptor *type);
