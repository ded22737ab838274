/* Making and using ZeroMQ sockets. It refuses to hand out a server socket whose ZAP domain is not
 * enforced: libzmq 4.3.4 lets unknown keys in when the handler is away, unless option 93 is 1, and
 * czmq's setter of that option does nothing. */
#include "common/bus_socket.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define ZAP_ENFORCE_DOMAIN                                                                         \
    93 /* ZMQ_ZAP_ENFORCE_DOMAIN: behind DRAFT in the header, real inside                          \
        */
#define HANDSHAKE_MS 2500
#define HEARTBEAT_MS 1000
#define HEARTBEAT_TIMEOUT_MS 3000
#define ROUTER_HWM 64 /* messages a peer; a stalled one is not fed any more, it asks again */
#define DEALER_RCVHWM 16
/* None: a caller has one message on its way, so there is nothing to hold back. With one (16 here),
 * libzmq 4.3.4 now and then left a call lying that was written right after the I/O thread had told
 * of the mark: on a loaded machine one in some 3,000 ran into its deadline, always the first behind
 * a multiple of half the mark. Without: none. */
#define DEALER_SNDHWM 0

static void *client_context;
static pthread_once_t client_once = PTHREAD_ONCE_INIT;

static void make_client_context(void)
{
    client_context = zmq_ctx_new();
    zmq_ctx_set(client_context, ZMQ_MAX_SOCKETS, 4096);
    zmq_ctx_set(client_context, ZMQ_THREAD_NAME_PREFIX, 1);
}

void *socket_client_context(void)
{
    pthread_once(&client_once, make_client_context);
    return client_context;
}

static const struct {
    int option, value;
} common_options[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
    {ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
    {ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS},
    {ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS},
    {ZMQ_TCP_KEEPALIVE, 1},
    {ZMQ_TCP_KEEPALIVE_IDLE, 60},
    {ZMQ_TCP_KEEPALIVE_INTVL, 10},
    {ZMQ_TCP_KEEPALIVE_CNT, 3},
    {ZMQ_TCP_MAXRT, 15000},
    {ZMQ_IPV6, 1},
};

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool set_text(void *socket, int option, const char *value)
{
    return zmq_setsockopt(socket, option, value, strlen(value)) == 0;
}

static bool set_common(void *socket, int send_hwm, int receive_hwm)
{
    int64_t max_bytes = (int64_t)BUS_MAX_FRAME;
    bool good = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof(max_bytes)) == 0 &&
                set_int(socket, ZMQ_SNDHWM, send_hwm) && set_int(socket, ZMQ_RCVHWM, receive_hwm);

    for (size_t i = 0; i < COUNT_OF(common_options); i++)
        good = good && set_int(socket, common_options[i].option, common_options[i].value);
    return good;
}

static bool domain_is_enforced(void *socket, const char *domain)
{
    char seen[PRINCIPAL_MAX] = "";
    size_t seen_size = sizeof(seen), value_size = sizeof(int);
    int value = 0;

    return *domain && set_text(socket, ZMQ_ZAP_DOMAIN, domain) &&
           set_int(socket, ZAP_ENFORCE_DOMAIN, 1) &&
           zmq_getsockopt(socket, ZAP_ENFORCE_DOMAIN, &value, &value_size) == 0 && value == 1 &&
           zmq_getsockopt(socket, ZMQ_ZAP_DOMAIN, seen, &seen_size) == 0 && !strcmp(seen, domain);
}

enum rc socket_router(void *context, const char *domain, const char *secret_z85, struct err *err,
                      void **ret_socket)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    bool good;

    CHECK(socket, err, TRIEN__ERROR__INTERNAL, "no ROUTER socket: %s", zmq_strerror(errno));
    good = set_common(socket, ROUTER_HWM, ROUTER_HWM) && set_int(socket, ZMQ_ROUTER_MANDATORY, 1) &&
           set_int(socket, ZMQ_BACKLOG, 512) && set_int(socket, ZMQ_CURVE_SERVER, 1) &&
           set_text(socket, ZMQ_CURVE_SECRETKEY, secret_z85) && domain_is_enforced(socket, domain);
    if (!good) {
        socket_close(&socket);
        FAIL(err, TRIEN__ERROR__INTERNAL,
             "libzmq does not take the options of a server; it stays closed");
    }
    *ret_socket = socket;
    return RC_OK;
}

enum rc socket_dealer(const char *own_public_z85, const char *own_secret_z85,
                      const char *server_z85, struct err *err, void **ret_socket)
{
    void *socket = zmq_socket(socket_client_context(), ZMQ_DEALER);
    bool good;

    CHECK(socket, err, TRIEN__ERROR__INTERNAL, "no DEALER socket: %s", zmq_strerror(errno));
    good = set_common(socket, DEALER_SNDHWM, DEALER_RCVHWM) && set_int(socket, ZMQ_IMMEDIATE, 1) &&
           set_int(socket, ZMQ_RECONNECT_IVL, -1) && set_int(socket, ZMQ_CONNECT_TIMEOUT, 3000) &&
           set_text(socket, ZMQ_CURVE_SERVERKEY, server_z85) &&
           set_text(socket, ZMQ_CURVE_PUBLICKEY, own_public_z85) &&
           set_text(socket, ZMQ_CURVE_SECRETKEY, own_secret_z85);
    if (!good) {
        socket_close(&socket);
        FAIL(err, TRIEN__ERROR__INTERNAL, "libzmq does not take the options of a caller");
    }
    *ret_socket = socket;
    return RC_OK;
}

bool socket_send(void *socket, struct bytes frame)
{
    return zmq_send(socket, frame.p, frame.n, ZMQ_DONTWAIT) >= 0;
}

static int receive_frame(void *socket, zmq_msg_t *frame)
{
    int n;

    do
        n = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

static int skip_rest(void *socket)
{
    zmq_msg_t frame;
    int skipped = 0, more = 1;

    while (more) {
        zmq_msg_init(&frame);
        if (receive_frame(socket, &frame) < 0)
            more = 0;
        else
            more = zmq_msg_more(&frame), skipped++;
        zmq_msg_close(&frame);
    }
    return skipped;
}

int socket_receive(void *socket, zmq_msg_t *frames, int max)
{
    int count = 0, more = 1;

    while (more && count < max) {
        zmq_msg_init(&frames[count]);
        if (receive_frame(socket, &frames[count]) < 0) {
            zmq_msg_close(&frames[count]);
            break;
        }
        more = zmq_msg_more(&frames[count++]);
    }
    if (count == max && more)
        count += skip_rest(socket);
    return count;
}

void socket_close(void **socket)
{
    if (*socket)
        zmq_close(*socket);
    *socket = NULL;
}
