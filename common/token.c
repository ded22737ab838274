/* The service's side of the workers: hands out digests, kills what hangs, keeps the number up.
 * Refuses to start a worker again after the token refused the PIN. */
#include "common/token.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/threads.h"
#include "common/token_internal.h"

bool token_readable(int fd, int timeout_ms)
{
    usec until = clock_monotonic() + timeout_ms * USEC_PER_MS;

    for (;;) {
        struct pollfd wanted = {fd, POLLIN, 0};
        usec left = until - clock_monotonic();
        int n = poll(&wanted, 1, left > 0 ? (int)(left / USEC_PER_MS) + 1 : 0);

        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

/* --- one request to one worker -------------------------------------------------------------------
 */

enum heard token_ask(struct worker *worker, struct token_request *request, int timeout_ms,
                     struct token_reply *ret_reply)
{
    request->id = ++worker->next_id;
    if (send(worker->socket, request, sizeof(*request), MSG_NOSIGNAL) != (ssize_t)sizeof(*request))
        return SILENT;
    if (!token_readable(worker->socket, timeout_ms) ||
        recv(worker->socket, ret_reply, sizeof(*ret_reply), 0) != (ssize_t)sizeof(*ret_reply))
        return SILENT;
    return ret_reply->id == request->id && ret_reply->size <= sizeof(ret_reply->content) ? HEARD
                                                                                         : SILENT;
}

enum rc token_reply_error(const struct token_reply *reply, struct err *err)
{
    err_native(err, "%.63s", reply->native);
    FAIL(err, (Trien__Error)reply->code, "%.191s", reply->detail);
}

/* Lock held. */
void token_lose(struct token *token, struct worker *worker)
{
    uint64_t one = 1;

    syscall(SYS_pidfd_send_signal, worker->pidfd, SIGKILL, NULL, 0);
    close(worker->pidfd);
    close(worker->socket);
    *worker = (struct worker){.state = WORKER_DOWN};
    token->killed++;
    if (write(token->wake, &one, sizeof(one)) < 0) {
        /* the counter is full: the keeper is awake anyway */
    }
}

/* --- signing -------------------------------------------------------------------------------------
 */

static void deadline_after(int timeout_ms, struct timespec *ret_until)
{
    clock_gettime(CLOCK_MONOTONIC, ret_until);
    ret_until->tv_sec += timeout_ms / 1000;
    ret_until->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (ret_until->tv_nsec >= 1000000000) {
        ret_until->tv_sec++;
        ret_until->tv_nsec -= 1000000000;
    }
}

/* An idle worker, now busy. Lock held. */
static enum rc take_worker(struct token *token, const struct timespec *until, struct err *err,
                           struct worker **ret_worker)
{
    for (;;) {
        if (token->pin_refused) {
            err_native(err, "%s", token->why.native);
            FAIL(err, TRIEN__ERROR__PIN_REFUSED, "%s", token->why.detail);
        }
        for (unsigned i = 0; i < token->config.workers; i++)
            if (token->workers[i].state == WORKER_IDLE) {
                token->workers[i].state = WORKER_BUSY;
                *ret_worker = &token->workers[i];
                return RC_OK;
            }
        if (pthread_cond_timedwait(&token->changed, &token->lock, until) == ETIMEDOUT)
            FAIL(err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "no token worker is free: %s",
                 token->why.code ? token->why.detail : "all are busy");
    }
}

/* One try. SILENT and device faults lose the worker. */
static enum rc try_once(struct token *token, struct token_request *request,
                        const struct timespec *until, struct err *err, struct token_reply *reply)
{
    struct worker *worker = NULL;
    enum heard heard;
    enum rc rc;

    pthread_mutex_lock(&token->lock);
    rc = take_worker(token, until, err, &worker);
    pthread_mutex_unlock(&token->lock);
    if (rc != RC_OK)
        return rc;
    heard = token_ask(worker, request, token->config.sign_timeout_ms, reply);
    pthread_mutex_lock(&token->lock);
    if (heard == HEARD && reply->code == 0) {
        worker->state = WORKER_IDLE;
    } else if (heard == HEARD) {
        rc = token_reply_error(reply, err);
        if (rc == RC_REJECT)
            worker->state = WORKER_IDLE;
        else
            token_lose(token, worker);
    } else {
        token_lose(token, worker);
        rc = err_set(err, TRIEN__ERROR__TOKEN_UNAVAILABLE, __FILE__, __LINE__,
                     "a token worker died or hung");
    }
    pthread_cond_broadcast(&token->changed);
    pthread_mutex_unlock(&token->lock);
    return rc;
}

/* One answer from whichever worker is free; a second one when the first was lost. */
static enum rc ask_any(struct token *token, struct token_request *request, const char *label,
                       struct arena *arena, struct err *err, struct bytes *ret_content)
{
    struct token_reply reply;
    struct timespec until;
    enum rc rc = RC_RETRY;

    CHECK(strlen(label) < sizeof(request->label), err, TRIEN__ERROR__FIELD_INVALID,
          "key label too long");
    strcpy(request->label, label);
    deadline_after(token->config.sign_timeout_ms, &until);
    for (int attempt = 0; attempt < 2 && rc == RC_RETRY; attempt++)
        rc = try_once(token, request, &until, err, &reply);
    if (rc == RC_OK)
        *ret_content = arena_bytes(arena, bytes_of(reply.content, reply.size));
    return rc;
}

enum rc token_sign(struct token *token, const char *label, const uint8_t digest[32],
                   struct arena *arena, struct err *err, struct bytes *ret_signature)
{
    struct token_request request = {.op = TOKEN_SIGN};

    memcpy(request.digest, digest, 32);
    return ask_any(token, &request, label, arena, err, ret_signature);
}

enum rc token_spki(struct token *token, const char *label, struct arena *arena, struct err *err,
                   struct bytes *ret_spki)
{
    struct token_request request = {.op = TOKEN_SPKI};

    return ask_any(token, &request, label, arena, err, ret_spki);
}

/* --- life ----------------------------------------------------------------------------------------
 */

enum rc token_new(const struct token_config *config, struct err *err, struct token **ret_token)
{
    struct arena *arena = arena_new((size_t)64 * 1024);
    struct token *token = ARENA_NEW(arena, struct token);
    pthread_condattr_t attributes;
    int pair[2];

    CHECK(config->workers >= 1 && config->workers <= MAX_WORKERS, err, TRIEN__ERROR__CONFIG_INVALID,
          "1 to %d token workers", MAX_WORKERS);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, err,
          TRIEN__ERROR__INTERNAL, "socketpair: %s", strerror(errno));
    token->arena = arena;
    token->config = *config;
    token->nursery_pid = fork();
    if (token->nursery_pid == 0) {
        close(pair[0]);
        token_nursery(&token->config, pair[1]);
    }
    close(pair[1]);
    CHECK(token->nursery_pid > 0, err, TRIEN__ERROR__INTERNAL, "fork: %s", strerror(errno));
    token->nursery = pair[0];
    token->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&token->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&token->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret_token = token;
    return RC_OK;
}

enum rc token_start(struct token *token, struct err *err)
{
    return threads_start("token-keeper", token_keeper, token, err, &token->keeper);
}

void token_free(struct token **token)
{
    struct token *p = *token;
    struct arena *arena;
    uint64_t one = 1;

    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    if (write(p->wake, &one, sizeof(one)) < 0) {
        /* the keeper wakes by itself within a second */
    }
    if (p->keeper)
        pthread_join(p->keeper, NULL);
    for (unsigned i = 0; i < p->config.workers; i++)
        if (p->workers[i].state != WORKER_DOWN)
            token_lose(p, &p->workers[i]);
    close(p->nursery);
    waitpid(p->nursery_pid, NULL, 0);
    close(p->wake);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    arena = p->arena;
    arena_free(&arena);
    *token = NULL;
}

void token_look(struct token *token, struct token_state *ret_state)
{
    pthread_mutex_lock(&token->lock);
    *ret_state = (struct token_state){.workers = token->config.workers,
                                      .started = token->started,
                                      .killed = token->killed,
                                      .pin_refused = token->pin_refused,
                                      .why = token->why};
    for (unsigned i = 0; i < token->config.workers; i++)
        ret_state->ready += token->workers[i].state != WORKER_DOWN;
    pthread_mutex_unlock(&token->lock);
}

unsigned token_worker_pids(struct token *token, int *ret_pids, unsigned max)
{
    unsigned n = 0;

    pthread_mutex_lock(&token->lock);
    for (unsigned i = 0; i < token->config.workers && n < max; i++)
        if (token->workers[i].state != WORKER_DOWN)
            ret_pids[n++] = token->workers[i].pid;
    pthread_mutex_unlock(&token->lock);
    return n;
}

bool token_wait_ready(struct token *token, unsigned ready, int timeout_ms)
{
    struct timespec until;
    unsigned n = 0;
    int waited = 0;

    deadline_after(timeout_ms, &until);
    pthread_mutex_lock(&token->lock);
    while (waited == 0) {
        n = 0;
        for (unsigned i = 0; i < token->config.workers; i++)
            n += token->workers[i].state != WORKER_DOWN;
        if (n >= ready || token->pin_refused)
            break;
        waited = pthread_cond_timedwait(&token->changed, &token->lock, &until);
    }
    pthread_mutex_unlock(&token->lock);
    return n >= ready;
}
