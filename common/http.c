/* The HTTP listener on libmicrohttpd: its threads, its connections and their deadlines, a graceful
 * stop. An address that is in use is waited for. Requests are received in http_receive.c and worked
 * in http_answer.c. */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http_exchange.h"
#include "common/log.h"

#define STOP_WAIT_MS 5000
#define SWEEP_MS 1000
#define SLOWEST_BYTES_PER_MS 20 /* a body that comes slower than 20 KB/s is given up */

/* --- connections ---------------------------------------------------------------------------------
 */

static struct http_peer *peer_open(struct http_listener *listener, int fd)
{
    struct http_peer *peer = calloc(1, sizeof(*peer));

    if (!peer)
        abort();
    peer->fd = fd;
    peer->waiting_since = clock_monotonic();
    peer->next = listener->peers;
    if (peer->next)
        peer->next->previous = peer;
    listener->peers = peer;
    return peer;
}

static void peer_close(struct http_listener *listener, struct http_peer *peer)
{
    if (peer->next)
        peer->next->previous = peer->previous;
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        listener->peers = peer->next;
    free(peer);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_listener *listener = arg;
    const union MHD_ConnectionInfo *known =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    pthread_mutex_lock(&listener->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = peer_open(listener, known->connect_fd);
    } else if (*context) {
        peer_close(listener, *context);
        *context = NULL;
    }
    pthread_mutex_unlock(&listener->lock);
}

/* libmicrohttpd's time-out counts silence; one byte now and then would hold a connection for ever.
 */
static void sweep(struct http_listener *listener)
{
    usec now = clock_monotonic();

    pthread_mutex_lock(&listener->lock);
    for (struct http_peer *peer = listener->peers; peer; peer = peer->next) {
        usec since = atomic_load(&peer->waiting_since);
        usec allowed_ms = 2 * (usec)listener->options.timeout_ms +
                          (usec)(atomic_load(&peer->received) / SLOWEST_BYTES_PER_MS);

        if (since && now - since > allowed_ms * USEC_PER_MS)
            shutdown(peer->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&listener->lock);
}

/* --- the listener --------------------------------------------------------------------------------
 */

/* Escapes are decoded by http_decode(), which knows what a malformed one is. */
static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static void log_daemon(void *arg, const char *format, va_list args)
{
    char text[256];

    (void)arg;
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = 0;
    log_event(LOG_DEBUG, "http_daemon", LOG_TEXT("text", text));
}

static enum rc start_daemon(struct http_listener *listener, struct err *err)
{
    const struct http_options *o = &listener->options;
    unsigned pool = o->threads > 1 ? o->threads : 0;
    int fd;

    TRY(http_socket_open(o, err, &fd));
    listener->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ITC | MHD_USE_ERROR_LOG |
            (listener->gather ? MHD_ALLOW_SUSPEND_RESUME : 0),
        0, NULL, NULL, http_on_request, listener, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, pool,
        MHD_OPTION_CONNECTION_LIMIT, o->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        o->max_connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(o->timeout_ms + 999) / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        HTTP_HEADER_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        http_on_completed, listener, MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
        MHD_OPTION_END);
    if (!listener->daemon) {
        close(fd);
        FAIL(err, TRIEN__ERROR__OVERLOADED, "%s: the listener did not start", o->bind);
    }
    return RC_OK;
}

static bool try_start(struct http_listener *listener)
{
    struct err err = {0};

    if (start_daemon(listener, &err) != RC_OK) {
        svc_waits(listener->svc, listener->options.waiting_for, &err);
        return false;
    }
    atomic_store(&listener->bound, true);
    svc_waits(listener->svc, listener->options.waiting_for, NULL);
    return true;
}

static void *keep(void *arg)
{
    struct http_listener *listener = arg;
    struct pollfd wake = {.fd = listener->wake_fd, .events = POLLIN};
    unsigned attempt = 0;

    while (poll(&wake, 1, listener->daemon ? SWEEP_MS : svc_backoff_ms(++attempt, 100, 2000)) == 0)
        if (listener->daemon)
            sweep(listener);
        else
            try_start(listener);
    return NULL;
}

enum rc http_listen(struct svc *svc, const struct http_options *options, struct err *err,
                    struct http_listener **ret_listener)
{
    struct http_listener *listener;

    TRY(http_check_bind(options, err));
    listener = calloc(1, sizeof(*listener));
    if (!listener)
        abort();
    listener->svc = svc;
    listener->options = *options;
    listener->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&listener->lock, NULL);
    pthread_cond_init(&listener->idle, NULL);
    http_gather_start(listener, &listener->gather);
    try_start(listener);
    listener->keeper = svc_thread("http-keeper", keep, listener);
    *ret_listener = listener;
    return RC_OK;
}

bool http_is_bound(const struct http_listener *listener)
{
    return listener && atomic_load(&listener->bound);
}

uint16_t http_port(const struct http_listener *listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    const union MHD_DaemonInfo *known =
        listener->daemon ? MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_LISTEN_FD) : NULL;

    if (!known || getsockname(known->listen_fd, (struct sockaddr *)&address, &length))
        return 0;
    return ntohs(((const struct sockaddr_in *)&address)->sin_port); /* the same place in IPv6 */
}

static void wait_until_idle(struct http_listener *listener)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_WAIT_MS / 1000;
    pthread_mutex_lock(&listener->lock);
    while (listener->exchanges &&
           pthread_cond_timedwait(&listener->idle, &listener->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&listener->lock);
}

void http_stop(struct http_listener **listener)
{
    struct http_listener *old = *listener;
    uint64_t one = 1;

    if (!old)
        return;
    atomic_store(&old->stopping, true);
    if (write(old->wake_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(old->keeper, NULL);
    if (old->daemon) {
        int fd = MHD_quiesce_daemon(old->daemon);

        if (fd >= 0)
            close(fd);
        wait_until_idle(old);
    }
    http_gather_stop(old->gather); /* no connection may sleep when its daemon ends */
    if (old->daemon)
        MHD_stop_daemon(old->daemon);
    http_gather_free(&old->gather);
    for (size_t i = 0; i < old->worker_count; i++)
        tx_free(&old->workers[i]);
    close(old->wake_fd);
    free(old);
    *listener = NULL;
}
