/* The bus server among its files: bus_server.c owns the ROUTER, bus_work.c works calls, the feed
 * (outbox's side) answers fetches. They meet in two queues: jobs in, frames out. Inside the bus
 * only. */
#pragma once

#include <pthread.h>
#include <zmq.h>

#include "common/bus_wire.h"
#include "common/bus_zap.h"
#include "common/svc_internal.h"

#define ROUTE_SIZE 5 /* libzmq makes routing ids of five bytes; own ones are refused */

/* Whom to answer. */
struct route {
    uint8_t id[ROUTE_SIZE];
};

/* One message that came in, judged by its key but not unpacked. */
struct job {
    struct job *next;
    struct route route;
    char principal[PRINCIPAL_MAX];
    usec arrived; /* monotonic */
    zmq_msg_t frame;
};

struct job_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, **last;
    size_t count, limit;
    bool closed;
};

void jobs_init(struct job_queue *queue, size_t limit);
void jobs_done(struct job_queue *queue);
/** False when the queue is full or closed: the caller keeps the job. */
bool jobs_put(struct job_queue *queue, struct job *job);
/** Waits for a job; NULL once the queue is closed and empty. */
struct job *jobs_take(struct job_queue *queue);
/** Takes everything without waiting. */
struct job *jobs_take_all(struct job_queue *queue);
void jobs_close(struct job_queue *queue);
void job_free(struct job *job);
static inline struct bytes job_bytes(struct job *job)
{
    return bytes_of(zmq_msg_data(&job->frame), zmq_msg_size(&job->frame));
}

struct feed;

/* How FETCH is answered; set by the database part. */
struct feed_ops {
    /** Starts the feed's thread. */
    enum rc (*start)(struct svc *svc, struct err *err, struct feed **ret_feed);
    /** Hands a FETCH over; the feed owns the job from now on. */
    void (*fetch)(struct feed *feed, struct job *job);
    void (*stop)(struct feed **feed);
};

struct feed;

struct bus_server {
    struct svc *svc;
    void *context, *router;
    struct zap *zap;
    struct feed *feed;
    pthread_t thread;
    struct job_queue calls;
    pthread_t *workers;
    size_t worker_count;
    char secret_z85[KEY_Z85 + 1];
    atomic_bool bound, closing;
    /* Frames on their way out, from any thread. */
    pthread_mutex_t out_lock;
    struct outbound *out_first, **out_last;
    int out_fd;
    /* Peers that broke the protocol: not heard any more. */
    struct route banned[32];
    size_t banned_count;
};

/** Queues one frame for a peer; takes over `frame`. From any thread. */
void bus_server_answer(struct bus_server *server, const struct route *route, zmq_msg_t *frame);
/** The same with a copy of the bytes. */
void bus_server_answer_bytes(struct bus_server *server, const struct route *route,
                             struct bytes frame);

/** A refusal of a call: counted, logged, answered. */
void bus_server_refuse_call(struct bus_server *server, const struct job *job, uint64_t call_id,
                            const struct err *why, int retry_after_ms);

/* bus_work.c */
void work_start(struct bus_server *server);
/** Finishes the calls that run and those that wait. */
void work_stop(struct bus_server *server);

/** Is the word one of the space-separated words? */
bool work_may(const char *words, const char *word);
/** The principal is an officer: "officer1" to "officer999". */
bool work_is_officer(const char *principal);

/* operator.c (without a database) and operator_letters.c (with one): calls every service answers;
 * each ends with an all-zero row. */
extern const struct on_call operator_calls[];
/* Set when the feed starts; NULL without a database. */
extern const struct on_call *operator_database_calls;
extern const struct on_call operator_letter_calls[];
