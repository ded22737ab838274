/* One running service from the inside: shared by svc*.c, http's glue, the bus server, the lanes.
 * Services never include this. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/bus.h"
#include "common/db.h"
#include "common/svc.h"
#include "common/tx.h"

/* --- configuration of the frame ------------------------------------------------------------------
 * Rows in svc_conf.c. */

struct svc_core_conf {
    const char *instance;                 /* default: host name */
    const char *log_level, *log_messages; /* "all", "failures", "none" */
    int64_t base_port;
    const char *bus_bind; /* "tcp://127.0.0.1:8102"; default from base_port and number */
    const char *bus_secret_key, *bus_public_key, *bus_peer_keys;
    int64_t bus_workers; /* threads that work calls */
    const struct conf_node *peers;
};

struct svc_database_conf {
    struct db_conf db;
    int64_t lanes;         /* lane threads */
    int64_t batch_events;  /* 256 */
    int64_t batch_bytes;   /* 4 MiB */
    int64_t fetch_wait_ms; /* long poll at the publisher */
    int64_t feed_poll_ms;  /* safety look at outbox_head while a fetch waits */
    int64_t rebalance_ms;  /* leases */
    int64_t max_attempts;  /* of an event before it is a dead letter */
    int64_t effect_threads;
    int64_t retention_ms; /* outbox segments older than this may be dropped; 0: kept for ever */
};

struct svc_http_conf {
    const char *bind; /* "127.0.0.1:8080"; default from base_port and number */
    bool behind_tls_proxy;
    int64_t threads, max_connections, max_connections_per_address, timeout_ms, body_memory_bytes;
    const char *admin_bind;
    bool admin_remote;
};

/* --- the process ---------------------------------------------------------------------------------
 */

#define SVC_MAX_PEERS 16

/* Events committed by this process on their way into the feed's memory; outbox_fresh.c. */
struct fresh {
    pthread_mutex_t lock;
    struct packed *first, *last;
    size_t bytes;
    atomic_bool lost; /* too many came: the feed reads the log */
};

struct bus_server;  /* bus session: ROUTER, ZAP, call workers */
struct lanes;       /* bus session: leases, lanes, effects, timers */
struct feed_ops;    /* bus session: how the bus server answers FETCH; NULL without a database */
struct svc_waiting; /* svc_health.c: dependencies that are missed */

struct svc {
    const struct service *service;
    struct arena *arena; /* lives as long as the process; for the main thread, before others start
                          */
    struct conf *conf;
    struct svc_core_conf core;
    struct svc_database_conf database; /* filled when the part is there */
    struct svc_http_conf http;
    void *own_conf; /* tx->conf */
    void *state;    /* tx->state */

    struct bus_keys keys;
    struct bus_peer peers[SVC_MAX_PEERS]; /* configured, and the port plan's for the rest */
    size_t peer_count;

    const struct tx_ops *tx_ops;     /* set by the database part before any thread */
    const struct feed_ops *feed_ops; /* likewise */

    struct bus_server *server;
    struct lanes *lanes;
    struct svc_waiting *waiting;

    struct fresh fresh;
    int poke_fd; /* eventfd: events were committed here; read by the feed's thread */
    int stop_fd; /* eventfd: readable for ever once the process stops; nobody reads it, all poll it
                  */
    atomic_bool stopping;
    atomic_int exit_status; /* set by svc_fatal() */
    usec started;
};

/* A part of a service. The database part and the HTTP part are the two there are. */
struct svc_part {
    const char *name;
    const struct conf_row *conf_rows; /* fill struct svc itself: offsetof(struct svc, …) */
    enum rc (*configure)(struct svc *svc, struct err *err); /* derived defaults, checks */
    enum rc (*check)(struct svc *svc, struct err *err);     /* --check: asks the real thing */
    enum rc (*start)(struct svc *svc, struct err *err);     /* threads; never waits for others */
    void (*stop)(struct svc *svc); /* stops taking work, finishes what runs; svc->stopping is set */
    /* Adds members to /healthz; false when not healthy. */
    bool (*health)(struct svc *svc, struct arena *arena, const char **ret_json_members);
};

/* --- services of svc*.c
 * ---------------------------------------------------------------------------
 */

/** Wakes the feed's thread: events were committed. From any thread. */
void svc_poke(struct svc *svc);

/** Ends the process in an orderly way with the error's exit status (78 for configuration and
 * schema, 70 else); logs it. From any thread; the caller goes on and sees svc->stopping. */
void svc_fatal(struct svc *svc, const struct err *err);

/** A dependency is missed (`why`) or there again (`why` NULL). Known to /healthz until it is back;
 * logged when it changes only. `name` is static or lives as long as svc: "database",
 * "validation". From any thread. */
void svc_waits(struct svc *svc, const char *name, const struct err *why);
/** The same of another service that is away: listed in /healthz, but this one is as well as before
 *  (its health check must not fall with its neighbour's). svc_waits() with NULL ends it. */
void svc_misses(struct svc *svc, const char *name, const struct err *why);

/** The whole /healthz answer: {"ok":…,"service":…,<parts' and service's members>}; true when well.
 * Also what GetHealth answers. */
bool svc_health(struct svc *svc, struct arena *arena, const char **ret_json);

/** Milliseconds to wait before attempt n (1, 2, …): doubling from base_ms to max_ms, ±25 % jitter.
 */
int svc_backoff_ms(unsigned attempt, int base_ms, int max_ms);

/** Starts a named thread (15 characters) with all signals blocked. Dies when it cannot. */
pthread_t svc_thread(const char *name, void *(*fn)(void *), void *arg);

/** The configured addresses of a service, or the port plan's: "tcp://127.0.0.1:8102"; NULL for a
 * name that is neither configured nor in the plan. */
const char *svc_peer_addresses(const struct svc *svc, const char *name);

/** Event or call name: the descriptor's name without its package. */
const char *svc_message_name(const ProtobufCMessageDescriptor *descriptor);

/* One handled message, for its log line and the metrics trien_messages_total{kind,name,outcome} and
 * trien_message_seconds{kind,name}. */
struct svc_message {
    const char *kind; /* "event", "call", "http", "effect", "timer" */
    const char *name; /* type, method, route, effect kind, timer */
    const char *peer; /* feed or principal, "" when none */
    const char *key;  /* "" when none */
    const char *traceparent;
    const char *doing; /* tx->doing, or NULL */
    int64_t number;    /* offset of an event, HTTP status; 0: none */
    usec started;      /* clock_monotonic() */
    enum rc rc;
    const struct err *err; /* looked at unless rc is RC_OK */
    bool is_quiet;         /* succeeded and not worth a line (public answers, timers): debug only */
};

/** Counts and logs it (as log/messages says; buffered between log_hold() and log_release()). Ends
 * the process (svc_fatal) for an error that is not the message's own: any 3xxx but INTERNAL and
 * UNDECLARED_MESSAGE. */
void svc_handled(struct svc *svc, const struct svc_message *message);

/* --- provided by the bus
 * -------------------------------------------------------------------------- bus_server.c: always
 * linked; works no_transaction calls without a database. */

/** Starts ZAP actor, ROUTER and call workers; BUS cannot bind yet: waits and tries again in its
 * own thread (svc_waits "bus"). Fails for unusable keys only. */
MUST_USE enum rc bus_server_start(struct svc *svc, struct err *err);
/** Takes no more calls, finishes those that run. */
void bus_server_stop(struct svc *svc);
bool bus_server_bound(const struct svc *svc);
/** SIGHUP: reads the peer keys again; keeps the old ones when the file is bad. */
void bus_server_reload_keys(struct svc *svc);
/** --check: key files can be read and parsed. */
MUST_USE enum rc bus_server_check(struct svc *svc, struct err *err);

/* outbox.c, lane*.c: linked by the database part only. */
extern const struct feed_ops feed_ops_outbox;
MUST_USE enum rc outbox_flush(struct tx *tx);
void outbox_events_added(struct tx *tx);
void lanes_effects_added(struct tx *tx);
/** Starts maintenance, lanes, effect threads and timers; all wait for the database by themselves.
 */
MUST_USE enum rc lanes_start(struct svc *svc, struct err *err);
void lanes_stop(struct svc *svc);
/** Members for /healthz: lag, leases, dead letters. */
bool lanes_health(struct svc *svc, struct arena *arena, const char **ret_json_members);

/* gen/common/frame.inc, included by outbox.c; ends with a row whose name is NULL. */
extern const struct db_statement frame_statements[];
