/* The ZAP actor: one REP socket, one thread, one table. 200 for a key in the table, 400 for any
 * other (an explicit no: that peer does not come back by itself), 300 while the table cannot be
 * had. The User-Id it gives out is the key, not the name: names are looked up for every message, so
 * a key that leaves the file is without rights at once although its connection lives on. */
#include "common/bus_zap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/bus_socket.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/svc_internal.h"

#define ZAP_FRAMES 7 /* version, request id, domain, address, identity, mechanism, key */
#define LOOK_MS 1000

struct zap {
    void *socket;
    pthread_t thread;
    pthread_mutex_t lock; /* of table */
    struct key_table *table;
    int stop_fd;
    char *path, *domain;
    struct stat seen;
};

METRIC_FAMILY(refusals) = {
    .kind = METRIC_COUNTER,
    .name = "trien_bus_handshakes_refused_total",
    .help = "Connections refused because their key is nobody's.",
};

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_dev == b->st_dev &&
           !memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim));
}

/* Only the actor's thread and zap_start() look at `seen`. */
static void read_table(struct zap *zap)
{
    struct key_table *fresh = NULL, *old;
    struct err err = {0};

    if (keys_read_table(zap->path, &err, &fresh) != RC_OK) {
        log_error(LOG_ERROR, "peer_keys_unreadable", &err);
        return;
    }
    pthread_mutex_lock(&zap->lock);
    old = zap->table;
    zap->table = fresh;
    pthread_mutex_unlock(&zap->lock);
    keys_changed();
    log_event(LOG_INFO, "peer_keys_read", LOG_INT("keys", fresh->count));
    free(old);
}

static void look_at_file(struct zap *zap)
{
    struct stat now;

    if (stat(zap->path, &now) || same_file(&now, &zap->seen))
        return;
    zap->seen = now;
    read_table(zap);
}

void zap_reload(struct zap *zap)
{
    uint64_t one = 1; /* an odd wake: the thread looks at the file */

    if (write(zap->stop_fd, &one, sizeof(one)) < 0)
        log_event(LOG_WARNING, "peer_keys_not_reread", LOG_TEXT("path", zap->path));
}

static const char *judge(struct zap *zap, const zmq_msg_t *frames, int count, char *ret_user_id)
{
    const zmq_msg_t *domain = &frames[2], *mechanism = &frames[5], *key = &frames[6];
    const char *principal, *answer = "400";

    if (count != ZAP_FRAMES || zmq_msg_size(mechanism) != 5 ||
        memcmp(zmq_msg_data((zmq_msg_t *)mechanism), "CURVE", 5) || zmq_msg_size(key) != KEY_RAW ||
        zmq_msg_size(domain) != strlen(zap->domain) ||
        memcmp(zmq_msg_data((zmq_msg_t *)domain), zap->domain, strlen(zap->domain)))
        return "400";
    pthread_mutex_lock(&zap->lock);
    principal = zap->table ? keys_find(zap->table, zmq_msg_data((zmq_msg_t *)key)) : NULL;
    if (!zap->table)
        answer = "300";
    else if (principal && zmq_z85_encode(ret_user_id, zmq_msg_data((zmq_msg_t *)key), KEY_RAW))
        answer = "200";
    pthread_mutex_unlock(&zap->lock);
    return answer;
}

static void log_refusal(const zmq_msg_t *frames, int count, const char *code)
{
    char address[64] = "", key[KEY_Z85 + 1] = "";

    if (count > 3)
        snprintf(address, sizeof(address), "%.*s", (int)zmq_msg_size(&frames[3]),
                 (const char *)zmq_msg_data((zmq_msg_t *)&frames[3]));
    if (count == ZAP_FRAMES && zmq_msg_size(&frames[6]) == KEY_RAW)
        zmq_z85_encode(key, zmq_msg_data((zmq_msg_t *)&frames[6]), KEY_RAW);
    metric_add(&refusals, 1, NULL);
    log_event(LOG_WARNING, "handshake_refused", LOG_TEXT("address", address), LOG_TEXT("key", key),
              LOG_TEXT("zap", code));
}

static void answer(struct zap *zap, zmq_msg_t *frames, int count)
{
    char user_id[KEY_Z85 + 1] = "";
    const char *code = judge(zap, frames, count, user_id);
    zmq_msg_t *id = &frames[count > 1 ? 1 : 0];

    zmq_send(zap->socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(zap->socket, zmq_msg_data(id), zmq_msg_size(id), ZMQ_SNDMORE);
    zmq_send(zap->socket, code, 3, ZMQ_SNDMORE);
    zmq_send(zap->socket, "", 0, ZMQ_SNDMORE);
    zmq_send(zap->socket, user_id, strlen(user_id), ZMQ_SNDMORE);
    zmq_send(zap->socket, "", 0, 0);
    if (strcmp(code, "200"))
        log_refusal(frames, count, code);
}

static void serve(struct zap *zap)
{
    zmq_msg_t frames[ZAP_FRAMES];
    int count;

    while ((count = socket_receive(zap->socket, frames, ZAP_FRAMES)) > 0) {
        answer(zap, frames, count);
        for (int i = 0; i < count && i < ZAP_FRAMES; i++)
            zmq_msg_close(&frames[i]);
    }
}

static void *run(void *arg)
{
    struct zap *zap = arg;
    zmq_pollitem_t items[] = {{zap->socket, 0, ZMQ_POLLIN, 0}, {NULL, zap->stop_fd, ZMQ_POLLIN, 0}};
    uint64_t wake = 0;

    for (;;) {
        zmq_poll(items, 2, LOOK_MS);
        if (items[1].revents & ZMQ_POLLIN && read(zap->stop_fd, &wake, sizeof(wake)) > 0 &&
            wake >= UINT32_MAX)
            break;
        look_at_file(zap);
        if (items[0].revents & ZMQ_POLLIN)
            serve(zap);
    }
    socket_close(&zap->socket);
    return NULL;
}

static void zap_free(struct zap *zap)
{
    socket_close(&zap->socket);
    if (zap->stop_fd >= 0)
        close(zap->stop_fd);
    free(zap->table);
    free(zap->path);
    free(zap->domain);
    pthread_mutex_destroy(&zap->lock);
    free(zap);
}

enum rc zap_start(void *context, const char *domain, const char *keys_path, struct err *err,
                  struct zap **ret_zap)
{
    struct zap *zap = calloc(1, sizeof(*zap));
    int none = 0;

    CHECK(zap, err, TRIEN__ERROR__INTERNAL, "out of memory");
    pthread_mutex_init(&zap->lock, NULL);
    zap->path = strdup(keys_path);
    zap->domain = strdup(domain);
    zap->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stat(keys_path, &zap->seen) || keys_read_table(keys_path, err, &zap->table) != RC_OK) {
        zap_free(zap);
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s: no list of peer keys", keys_path);
    }
    zap->socket = zmq_socket(context, ZMQ_REP);
    zmq_setsockopt(zap->socket, ZMQ_LINGER, &none, sizeof(none));
    if (zmq_bind(zap->socket, "inproc://zeromq.zap.01")) {
        zap_free(zap);
        FAIL(err, TRIEN__ERROR__INTERNAL, "ZAP handler cannot be bound: %s", zmq_strerror(errno));
    }
    zap->thread = svc_thread("bus-zap", run, zap);
    *ret_zap = zap;
    return RC_OK;
}

void zap_stop(struct zap **zap)
{
    uint64_t stop = UINT32_MAX;

    if (!*zap)
        return;
    if (write((*zap)->stop_fd, &stop, sizeof(stop)) == sizeof(stop))
        pthread_join((*zap)->thread, NULL);
    zap_free(*zap);
    *zap = NULL;
}

bool zap_principal(struct zap *zap, const char *user_id, char ret_principal[PRINCIPAL_MAX])
{
    uint8_t raw[KEY_RAW];
    const char *principal;

    if (!user_id || strlen(user_id) != KEY_Z85 || !zmq_z85_decode(raw, user_id))
        return false;
    pthread_mutex_lock(&zap->lock);
    principal = zap->table ? keys_find(zap->table, raw) : NULL;
    if (principal)
        snprintf(ret_principal, PRINCIPAL_MAX, "%s", principal);
    pthread_mutex_unlock(&zap->lock);
    return principal != NULL;
}
