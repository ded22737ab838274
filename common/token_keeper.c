/* The keeper: one thread that starts workers one after the other, looks whether their token is the
 * right one, buries the dead, and waits longer after each failure. Refuses to start another worker
 * once the token refused the PIN. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/token_internal.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 5000

METRIC_FAMILY(up) = {
    .kind = METRIC_GAUGE,
    .name = "trien_token_up",
    .help = "1 while a worker of the token can sign.",
    .labels = "token",
};
METRIC_FAMILY(workers_ready) = {
    .kind = METRIC_GAUGE,
    .name = "trien_token_workers_ready",
    .help = "Workers of the token that are logged in.",
    .labels = "token",
};
METRIC_FAMILY(pin_refused) = {
    .kind = METRIC_GAUGE,
    .name = "trien_token_pin_refused",
    .help = "1 after the token refused the PIN: nothing is tried again before a restart.",
    .labels = "token",
};

static bool receive_birth(int socket, struct token_birth *ret_birth, int ret_fds[2])
{
    struct iovec iov = {ret_birth, sizeof(*ret_birth)};
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    struct cmsghdr *header;

    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*ret_birth))
        return false;
    header = CMSG_FIRSTHDR(&message);
    if (ret_birth->pid > 0 && header && header->cmsg_len == CMSG_LEN(2 * sizeof(int)))
        memcpy(ret_fds, CMSG_DATA(header), 2 * sizeof(int));
    return true;
}

static enum rc bear(struct token *token, struct err *err, struct worker *ret_worker)
{
    struct token_birth birth = {0};
    int fds[2] = {-1, -1};

    CHECK(send(token->nursery, "w", 1, MSG_NOSIGNAL) == 1 &&
              token_readable(token->nursery, 10000) && receive_birth(token->nursery, &birth, fds),
          err, TRIEN__ERROR__INTERNAL, "the nursery of the token workers is gone");
    CHECK(birth.pid > 0 && fds[0] >= 0, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "no token worker: %s",
          strerror(-birth.pid));
    *ret_worker = (struct worker){WORKER_BUSY, fds[0], fds[1], birth.pid, 0};
    return RC_OK;
}

static enum rc check_key(struct worker *worker, const struct token_key *key, int timeout_ms,
                         struct err *err)
{
    struct token_request request = {.op = TOKEN_PUBLIC};
    struct token_reply reply;

    snprintf(request.label, sizeof(request.label), "%s", key->label);
    CHECK(token_ask(worker, &request, timeout_ms, &reply) == HEARD, err,
          TRIEN__ERROR__TOKEN_UNAVAILABLE, "a new token worker died or hung");
    if (reply.code)
        return token_reply_error(&reply, err);
    if (key->make_kind)
        return RC_OK;
    CHECK(reply.size == 32 && memcmp(reply.content, key->key_sha256, 32) == 0, err,
          TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "the token's key %s is not the key of the issuer's certificate", key->label);
    return RC_OK;
}

static enum rc meet(struct token *token, struct worker *worker, struct err *err)
{
    struct token_reply hello;

    CHECK(token_readable(worker->socket, token->config.start_timeout_ms) &&
              recv(worker->socket, &hello, sizeof(hello), 0) == (ssize_t)sizeof(hello),
          err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "the module died or hung while it was opened");
    if (hello.code)
        return token_reply_error(&hello, err);
    for (size_t i = 0; i < token->config.key_count; i++)
        TRY(check_key(worker, &token->config.keys[i], token->config.start_timeout_ms, err));
    return RC_OK;
}

/* Puts the outcome of a start into the table. Lock held. */
static void settle_start(struct token *token, struct worker *place, struct worker born, enum rc rc,
                         const struct err *err)
{
    if (rc == RC_OK) {
        *place = born;
        place->state = WORKER_IDLE;
        token->started++;
        token->backoff_ms = 0;
        token->why = (struct err){0};
        log_event(LOG_INFO, "token_worker_started", LOG_INT("pid", born.pid));
    } else {
        token->pin_refused = err->code == TRIEN__ERROR__PIN_REFUSED;
        token->backoff_ms = token->backoff_ms ? token->backoff_ms * 2 : BACKOFF_FIRST_MS;
        if (token->backoff_ms > BACKOFF_MAX_MS)
            token->backoff_ms = BACKOFF_MAX_MS;
        token->retry_at = clock_monotonic() + token->backoff_ms * USEC_PER_MS;
        if (token->why.code != err->code || strcmp(token->why.detail, err->detail) != 0)
            log_error(LOG_ERROR, "token_unavailable", err);
        token->why = *err;
    }
    pthread_cond_broadcast(&token->changed);
}

/* Starts one worker. Lock held at call and return, not in between. */
static void start_one(struct token *token, struct worker *place)
{
    struct worker born = {0};
    struct err err = {0};
    enum rc rc;

    pthread_mutex_unlock(&token->lock);
    rc = bear(token, &err, &born);
    if (rc == RC_OK) {
        rc = meet(token, &born, &err);
        if (rc != RC_OK) {
            syscall(SYS_pidfd_send_signal, born.pidfd, SIGKILL, NULL, 0);
            close(born.pidfd);
            close(born.socket);
        }
    }
    pthread_mutex_lock(&token->lock);
    settle_start(token, place, born, rc, &err);
}

/* Idle workers whose socket was closed are dead. Lock held. */
static void bury_dead(struct token *token)
{
    for (unsigned i = 0; i < token->config.workers; i++) {
        struct worker *worker = &token->workers[i];
        struct pollfd state = {worker->socket, 0, 0};

        if (worker->state == WORKER_IDLE && poll(&state, 1, 0) > 0)
            token_lose(token, worker);
    }
}

/* Waits until a worker dies, one is lost, or it is time to try again. Lock held at call and
 * return. A busy worker's death is seen by who asked it. */
static void wait_for_work(struct token *token, int timeout_ms)
{
    struct pollfd wanted[MAX_WORKERS + 1] = {{token->wake, POLLIN, 0}};
    nfds_t count = 1;
    uint64_t counter;

    for (unsigned i = 0; i < token->config.workers; i++)
        if (token->workers[i].state == WORKER_IDLE)
            wanted[count++] = (struct pollfd){token->workers[i].socket, 0, 0};
    pthread_mutex_unlock(&token->lock);
    poll(wanted, count, timeout_ms);
    if (wanted[0].revents && read(token->wake, &counter, sizeof(counter)) < 0) {
        /* nothing was there after all */
    }
    pthread_mutex_lock(&token->lock);
}

/* Lock held. */
static void show(const struct token *token)
{
    const char *const *labels = METRIC_LABELS(token->config.p11.token_label);
    unsigned ready = 0;

    for (unsigned i = 0; i < token->config.workers; i++)
        ready += token->workers[i].state != WORKER_DOWN;
    metric_set(&up, ready > 0 && !token->pin_refused, labels);
    metric_set(&workers_ready, ready, labels);
    metric_set(&pin_refused, token->pin_refused, labels);
}

static struct worker *find_down(struct token *token)
{
    for (unsigned i = 0; i < token->config.workers; i++)
        if (token->workers[i].state == WORKER_DOWN)
            return &token->workers[i];
    return NULL;
}

void *token_keeper(void *arg)
{
    struct token *token = arg;

    pthread_mutex_lock(&token->lock);
    while (!token->stopping) {
        struct worker *down = token->pin_refused ? NULL : find_down(token);
        usec wait = token->retry_at - clock_monotonic();

        show(token);
        if (down && wait <= 0)
            start_one(token, down);
        else
            wait_for_work(token, down ? (int)(wait / USEC_PER_MS) + 1 : 1000);
        bury_dead(token);
    }
    pthread_mutex_unlock(&token->lock);
    return NULL;
}
