/* One request on its way through http.c and its answer through http_answer.c. */
#pragma once

#include <microhttpd.h>

#include "common/http_internal.h"

#define HTTP_HEADER_BYTES ((size_t)32 * 1024) /* request line and headers of a connection */

/* A connection that is open; swept when its client is too slow. */
struct http_peer {
    struct http_peer *next, *previous;
    int fd;
    _Atomic usec waiting_since; /* monotonic: for a whole request; 0: one is being worked */
    _Atomic size_t received;    /* body bytes of the request under way */
};

struct http_gather;

struct http_listener {
    struct svc *svc;
    struct http_options options;
    struct MHD_Daemon *daemon;
    pthread_t keeper;
    int wake_fd; /* tells the keeper to stop */
    atomic_bool bound, stopping;
    _Atomic size_t body_memory; /* held by bodies that are being received */
    struct http_gather *gather; /* NULL: no route has its requests worked together */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t idle;  /* no exchange is open */
    size_t exchanges;
    struct http_peer *peers;
    struct tx *workers[256]; /* one a thread, made on first use */
    size_t worker_count;
};

struct http_exchange {
    struct http_request request;
    struct http_listener *listener;
    struct MHD_Connection *connection;
    struct http_peer *peer;
    const struct http_route *route; /* NULL: none fits */
    struct http_capture captures[HTTP_MAX_CAPTURES];
    struct arena *arena; /* of the thread, while the request is worked */
    uint8_t *body;
    size_t length, room;
    Trien__Error refusal; /* NONE, or why the request is not worked */
    const char *why;
    bool closes; /* a body was left unread: the connection cannot go on */
    usec started;
    bool is_worked;
    struct MHD_Response *wire; /* the answer, while it is not sent */
    unsigned status;
    struct http_exchange *next; /* in the queue of http_gather.c */
};

/** The calling thread's transaction object. */
struct tx *http_worker(struct http_listener *listener);

/** Works the request, which is wholly there; its answer is in exchange->wire. */
void http_work(struct http_exchange *exchange, struct tx *tx);

/** Queues the answer; in a thread of libmicrohttpd's. */
enum MHD_Result http_send(struct http_exchange *exchange);

/** Queues problem+json for a request that is not worked at all. */
enum MHD_Result http_refuse(struct http_exchange *exchange, Trien__Error code, const char *why);

/* What http_gather.c needs of the way of one request. `prepare` gives the handler what it sees of
 * the request, `settle` makes the answer out of what became of it and writes the log line. */
MUST_USE enum rc http_prepare(struct http_exchange *exchange, struct tx *tx);
const char *http_trace(struct http_exchange *exchange, struct arena *arena);
void http_settle(struct http_exchange *exchange, struct tx *tx, enum rc rc,
                 struct http_response *response, bool quiet);

/* --- http_gather.c --- */

/** Starts the thread that works requests together; *ret_gather NULL when no route wants it. */
void http_gather_start(struct http_listener *listener, struct http_gather **ret_gather);

/** Ends the thread when all that it was given is answered; it takes nothing more. NULL is fine. */
void http_gather_stop(struct http_gather *gather);

/** Frees a stopped one. NULL is fine. */
void http_gather_free(struct http_gather **gather);

/** Gives it a request, which is wholly there. The connection sleeps until the answer is in
 * exchange->wire; libmicrohttpd then asks for it again. False: it is stopping. */
bool http_gather_put(struct http_gather *gather, struct http_exchange *exchange);

/* libmicrohttpd's callbacks; the first argument is the listener. */
enum MHD_Result http_on_request(void *listener, struct MHD_Connection *connection, const char *path,
                                const char *method, const char *version, const char *piece,
                                size_t *piece_size, void **state);
void http_on_completed(void *listener, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode how);
