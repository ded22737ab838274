/* What token.c (asking workers) and token_keeper.c (starting and burying them) share. */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "common/token_wire.h"

#define MAX_WORKERS 16

enum worker_state { WORKER_DOWN, WORKER_IDLE, WORKER_BUSY };

struct worker {
    enum worker_state state;
    int socket, pidfd, pid;
    uint64_t next_id;
};

struct token {
    struct arena *arena;
    struct token_config config;
    int nursery; /* socket; used by the keeper alone */
    pid_t nursery_pid;
    int wake; /* eventfd: a worker was lost, or the end */

    pthread_mutex_t lock; /* everything below */
    pthread_cond_t changed;
    pthread_t keeper;
    bool stopping, pin_refused;
    struct worker workers[MAX_WORKERS];
    uint64_t started, killed;
    unsigned backoff_ms;
    usec retry_at; /* monotonic; no worker is started before */
    struct err why;
};

enum heard { HEARD, SILENT };

/** One request to one worker, which is the caller's for now. SILENT: it died, hung or talks
 *  nonsense. */
enum heard token_ask(struct worker *worker, struct token_request *request, int timeout_ms,
                     struct token_reply *ret_reply);

/** What a worker said went wrong. */
enum rc token_reply_error(const struct token_reply *reply, struct err *err) MUST_USE;

/** Kills a worker and frees its place. Lock held. */
void token_lose(struct token *token, struct worker *worker);

/** Something can be read within the time. */
bool token_readable(int fd, int timeout_ms);

/** The keeper's thread. */
void *token_keeper(void *token);
