/* A link's life: idle → connecting → ready → lost → idle. libzmq's own reconnection is off, because
 * it would keep to the first address, resolve in the I/O thread and never tell us that a fetch was
 * lost. Each connection is a new DEALER, so nothing of an old one can be mistaken for an answer. */
#include "common/bus_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bus_resolve.h"
#include "common/log.h"
#include "common/svc_internal.h"

#define CONNECT_PATIENCE (4 * USEC_PER_SECOND)
#define NEVER INT64_MAX

struct identity {
    char public_z85[KEY_Z85 + 1], secret_z85[KEY_Z85 + 1];
    char *keys_path;
    struct key_table *table;
    unsigned edition; /* of the table */
};

enum link_state { IDLE, CONNECTING, READY };

struct link {
    struct identity *identity;
    const char *name, *addresses;
    enum link_state state;
    void *socket, *monitor;
    usec due;              /* monotonic */
    unsigned failures;     /* in a row */
    unsigned turn;         /* which address and key is next */
    char key[KEY_Z85 + 1]; /* that the peer has proved, or is asked to */
    unsigned edition;      /* of the keys it was judged by */
};

enum rc identity_new(const struct bus_keys *keys, struct err *err, struct identity **ret_identity)
{
    struct identity *identity = calloc(1, sizeof(*identity));
    enum rc rc;

    CHECK(identity, err, TRIEN__ERROR__INTERNAL, "out of memory");
    identity->keys_path = strdup(keys->peer_keys_file);
    identity->edition = keys_edition();
    rc = keys_read_public(keys->own_public_file, err, identity->public_z85);
    if (rc == RC_OK)
        rc = keys_read_secret(keys->own_secret_file, err, identity->secret_z85);
    if (rc == RC_OK)
        rc = keys_read_table(identity->keys_path, err, &identity->table);
    if (rc != RC_OK) {
        identity_free(&identity);
        return rc;
    }
    *ret_identity = identity;
    return RC_OK;
}

void identity_free(struct identity **identity)
{
    if (!*identity)
        return;
    explicit_bzero((*identity)->secret_z85, sizeof((*identity)->secret_z85));
    free((*identity)->keys_path);
    free((*identity)->table);
    free(*identity);
    *identity = NULL;
}

/* A peer that does not answer may have a new key; one that does may have lost it. */
static void read_keys_again(struct identity *identity)
{
    struct key_table *fresh = NULL;
    struct err ignored = {0};

    if (keys_read_table(identity->keys_path, &ignored, &fresh) != RC_OK)
        return; /* the old ones are as good as before */
    free(identity->table);
    identity->table = fresh;
}

struct link *link_new(struct identity *identity, const char *name, const char *addresses)
{
    static atomic_uint spread;
    struct link *link = calloc(1, sizeof(*link));

    if (!link)
        abort();
    *link = (struct link){.identity = identity,
                          .name = name,
                          .addresses = addresses,
                          /* replicas of a caller do not all begin with the same address */
                          .turn = (unsigned)getpid() + atomic_fetch_add(&spread, 1)};
    return link;
}

static void close_sockets(struct link *link)
{
    if (link->monitor)
        zmq_socket_monitor(link->socket, NULL, 0);
    socket_close(&link->monitor);
    socket_close(&link->socket);
    link->state = IDLE;
}

void link_free(struct link **link)
{
    if (!*link)
        return;
    close_sockets(*link);
    free(*link);
    *link = NULL;
}

const char *link_name(const struct link *link)
{
    return link->name;
}

bool link_ready(const struct link *link)
{
    return link->state == READY;
}

int link_poll(const struct link *link, zmq_pollitem_t *items)
{
    int n = 0;

    if (link->state == READY)
        items[n++] = (zmq_pollitem_t){link->socket, 0, ZMQ_POLLIN, 0};
    if (link->monitor)
        items[n++] = (zmq_pollitem_t){link->monitor, 0, ZMQ_POLLIN, 0};
    return n;
}

usec link_due(const struct link *link)
{
    return link->due;
}

static void fail_connection(struct link *link, usec now)
{
    close_sockets(link);
    link->failures++;
    link->turn++;
    link->due = now + svc_backoff_ms(link->failures, 20, 1000) * USEC_PER_MS;
}

void link_drop(struct link *link, usec now)
{
    close_sockets(link);
    link->turn++;
    link->due = now;
}

static bool watch(struct link *link)
{
    static atomic_uint serial;
    char endpoint[48];
    int none = 0;

    snprintf(endpoint, sizeof(endpoint), "inproc://link-%u", atomic_fetch_add(&serial, 1));
    if (zmq_socket_monitor(link->socket, endpoint,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL))
        return false;
    link->monitor = zmq_socket(socket_client_context(), ZMQ_PAIR);
    return link->monitor && zmq_setsockopt(link->monitor, ZMQ_LINGER, &none, sizeof(none)) == 0 &&
           zmq_connect(link->monitor, endpoint) == 0;
}

/* Picks one of address × key; false when there is none yet. */
static bool choose(struct link *link, struct endpoints *endpoints, const char **ret_endpoint,
                   const char **ret_key)
{
    unsigned keys = 0;

    while (keys_of(link->identity->table, link->name, keys))
        keys++;
    resolve_endpoints(link->addresses, endpoints);
    if (!keys || !endpoints->count)
        return false;
    *ret_endpoint = endpoints->at[link->turn % endpoints->count];
    *ret_key =
        keys_of(link->identity->table, link->name, link->turn / (unsigned)endpoints->count % keys)
            ->z85;
    return true;
}

static void begin_connection(struct link *link, usec now)
{
    struct endpoints endpoints;
    const char *endpoint, *key;
    struct err err = {0};

    if (link->failures && link->failures % 4 == 0)
        read_keys_again(link->identity);
    if (!choose(link, &endpoints, &endpoint, &key) ||
        socket_dealer(link->identity->public_z85, link->identity->secret_z85, key, &err,
                      &link->socket) != RC_OK ||
        !watch(link) || zmq_connect(link->socket, endpoint)) {
        fail_connection(link, now);
        return;
    }
    memcpy(link->key, key, sizeof(link->key));
    link->edition = link->identity->edition;
    link->state = CONNECTING;
    link->due = now + CONNECT_PATIENCE;
}

/* A key that was taken from its peer ends the connection: a server whose key is known to others is
 * neither asked nor believed. */
static enum link_news judge_again(struct link *link, usec now)
{
    struct identity *identity = link->identity;
    const struct key_entry *entry;
    bool was_ready = link->state == READY;

    if (identity->edition != keys_edition()) {
        identity->edition = keys_edition();
        read_keys_again(identity);
    }
    if (link->state == IDLE || link->edition == identity->edition)
        return LINK_QUIET;
    link->edition = identity->edition;
    for (unsigned n = 0; (entry = keys_of(identity->table, link->name, n)); n++)
        if (strcmp(entry->z85, link->key) == 0)
            return LINK_QUIET;
    log_event(LOG_WARNING, "peer_key_withdrawn", LOG_TEXT("peer", link->name));
    link_drop(link, now);
    return was_ready ? LINK_LOST : LINK_QUIET;
}

/* The next event of the monitor, 0 when there is none. */
static unsigned next_event(void *monitor)
{
    zmq_msg_t frames[2];
    uint16_t event = 0;
    int n = socket_receive(monitor, frames, 2);

    if (n > 0 && zmq_msg_size(&frames[0]) >= sizeof(event))
        memcpy(&event, zmq_msg_data(&frames[0]), sizeof(event));
    for (int i = 0; i < n && i < 2; i++)
        zmq_msg_close(&frames[i]);
    return event;
}

static enum link_news look_at_monitor(struct link *link, usec now)
{
    enum link_news news = LINK_QUIET;
    unsigned event;

    while (link->monitor && (event = next_event(link->monitor))) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            link->state = READY;
            link->failures = 0;
            link->due = NEVER;
            news = LINK_READY;
        } else {
            news = news == LINK_READY || link->state == READY ? LINK_LOST : news;
            fail_connection(link, now);
        }
    }
    return news;
}

enum link_news link_turn(struct link *link, usec now)
{
    enum link_news news = look_at_monitor(link, now), judged = judge_again(link, now);

    if (judged == LINK_LOST)
        news = LINK_LOST;
    if (link->state == CONNECTING && now >= link->due)
        fail_connection(link, now);
    if (link->state == IDLE && now >= link->due)
        begin_connection(link, now);
    return news;
}

bool link_send(struct link *link, struct bytes frame)
{
    return link->state == READY && socket_send(link->socket, frame);
}

bool link_receive(struct link *link, zmq_msg_t *ret_frame)
{
    int n = link->state == READY ? socket_receive(link->socket, ret_frame, 1) : 0;

    if (n <= 1)
        return n == 1;
    zmq_msg_close(ret_frame);
    fail_connection(link, clock_monotonic());
    return false;
}
