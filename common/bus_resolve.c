/* The resolver's thread and its memory of names. Refuses nothing: an address that cannot be parsed
 * or resolved simply has no endpoint (the peer is then missed, and said to be). */
#include "common/bus_resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/svc_internal.h"

#define NAMES_MAX 64
#define FRESH_FOR (5 * USEC_PER_SECOND)

struct name {
    char host[256], port[8];
    struct endpoints found;
    usec looked_at; /* monotonic; 0: never */
    bool wanted;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct name names[NAMES_MAX];
    size_t count;
    bool started;
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void add_endpoint(struct endpoints *out, const struct addrinfo *found)
{
    char host[NI_MAXHOST], port[NI_MAXSERV], text[NI_MAXHOST + NI_MAXSERV + 12];
    const char *format = found->ai_family == AF_INET6 ? "tcp://[%s]:%s" : "tcp://%s:%s";

    if (out->count == RESOLVE_MAX ||
        getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    snprintf(text, sizeof(text), format, host, port);
    for (size_t i = 0; i < out->count; i++) {
        if (!strcmp(out->at[i], text))
            return;
    }
    if (strlen(text) < ENDPOINT_MAX)
        memcpy(out->at[out->count++], text, strlen(text) + 1);
}

/* False when the resolver knows nothing. */
static bool ask(const char *host, const char *port, int flags, struct endpoints *out)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;

    if (getaddrinfo(host, port, &hints, &found))
        return false;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        add_endpoint(out, a);
    freeaddrinfo(found);
    return out->count > 0;
}

static struct name *next_wanted(void)
{
    for (size_t i = 0; i < resolver.count; i++) {
        if (resolver.names[i].wanted)
            return &resolver.names[i];
    }
    return NULL;
}

static void *run(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&resolver.lock);
    for (;;) {
        struct name *name = next_wanted(); /* names are never removed: the pointer stays good */
        struct endpoints found = {0};
        bool good;

        if (!name) {
            pthread_cond_wait(&resolver.wake, &resolver.lock);
            continue;
        }
        pthread_mutex_unlock(&resolver.lock);
        good = ask(name->host, name->port, 0, &found);
        if (!good)
            log_event(LOG_WARNING, "name_not_resolved", LOG_TEXT("host", name->host));
        pthread_mutex_lock(&resolver.lock);
        if (good)
            name->found = found;
        name->looked_at = clock_monotonic();
        name->wanted = false;
    }
    return NULL;
}

static struct name *find_name(const char *host, const char *port)
{
    struct name *name;

    for (size_t i = 0; i < resolver.count; i++) {
        name = &resolver.names[i];
        if (!strcmp(name->host, host) && !strcmp(name->port, port))
            return name;
    }
    if (resolver.count == NAMES_MAX)
        return NULL;
    name = &resolver.names[resolver.count++];
    snprintf(name->host, sizeof(name->host), "%s", host);
    snprintf(name->port, sizeof(name->port), "%s", port);
    return name;
}

static void from_memory(const char *host, const char *port, struct endpoints *out)
{
    struct name *name;

    pthread_mutex_lock(&resolver.lock);
    if (!resolver.started) {
        resolver.started = true;
        pthread_detach(svc_thread("bus-resolver", run, NULL));
    }
    name = find_name(host, port);
    if (name) {
        for (size_t i = 0; i < name->found.count && out->count < RESOLVE_MAX; i++)
            memcpy(out->at[out->count++], name->found.at[i], ENDPOINT_MAX);
        if (!name->looked_at || clock_monotonic() - name->looked_at > FRESH_FOR) {
            name->wanted = true;
            pthread_cond_signal(&resolver.wake);
        }
    }
    pthread_mutex_unlock(&resolver.lock);
}

/* "tcp://host:port", "tcp://[::1]:port" or without "tcp://". */
static bool split(const char *address, size_t length, char host[256], char port[8])
{
    const char *end = address + length, *colon = end;
    size_t n;

    if (length > 6 && !strncmp(address, "tcp://", 6))
        address += 6;
    while (colon > address && *colon != ':')
        colon--;
    n = (size_t)(colon - address);
    if (*colon != ':' || n == 0 || n >= 256 || end - colon - 1 < 1 || end - colon - 1 > 5)
        return false;
    if (*address == '[' && colon[-1] == ']')
        address++, n -= 2;
    snprintf(host, 256, "%.*s", (int)n, address);
    snprintf(port, 8, "%.*s", (int)(end - colon - 1), colon + 1);
    return true;
}

void resolve_endpoints(const char *addresses, struct endpoints *ret_endpoints)
{
    char host[256], port[8];

    ret_endpoints->count = 0;
    while (*addresses) {
        size_t length = strcspn(addresses, " \t,");

        if (length && split(addresses, length, host, port) &&
            !ask(host, port, AI_NUMERICHOST, ret_endpoints))
            from_memory(host, port, ret_endpoints);
        addresses += length;
        addresses += strspn(addresses, " \t,");
    }
}
