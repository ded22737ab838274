/* Configuration of the frame: the keys every service has, and what follows from them (ports, peers,
 * names). Keys of a part stand with the part; keys of a service in its main.c. */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "common/own_address.h"
#include "common/svc_parts.h"

#define AT(member) offsetof(struct svc, core.member)

const struct conf_row svc_core_rows[] = {
    {"instance", CONF_TEXT, AT(instance), "",
     "Name of this process among replicas, in logs and leases; default: the host's name.", 0, 0, 0},
    {"base_port", CONF_INT, AT(base_port), "8080",
     "Moves all default ports together: HTTP +0, bus +20, admin +40, plus the service's number.",
     1024, 65000, 0},
    {"bus/bind", CONF_ADDRESS, AT(bus_bind), "",
     "Where the service answers calls and serves its feed (CURVE), host:port or network/bits:port; "
     "default from base_port.",
     0, 0, 0},
    {"bus/secret_key", CONF_SECRET, AT(bus_secret_key), NULL, "File with the own CURVE secret key.",
     0, 0, 0},
    {"bus/public_key", CONF_FILE, AT(bus_public_key), NULL, "File with the own CURVE public key.",
     0, 0, 0},
    {"bus/peer_keys", CONF_FILE, AT(bus_peer_keys), NULL,
     "File with the public keys of all principals; read again on SIGHUP.", 0, 0, 0},
    {"bus/workers", CONF_INT, AT(bus_workers), "2", "Threads that work calls.", 1, 64, 0},
    {"peers", CONF_TREE, AT(peers), "",
     "Addresses of other services: `intake = \"tcp://host:port …\"`; default: the port plan on "
     "127.0.0.1.",
     0, 0, 0},
    {"log/level", CONF_CHOICE, AT(log_level), "info", "Lowest level that is written.", 0, 0,
     "debug info notice warning error"},
    {"log/messages", CONF_CHOICE, AT(log_messages), "all",
     "Which handled messages get a line: all, failures only, none.", 0, 0, "all failures none"},
    {0},
};

/* The port plan; see svc_port(). */
struct place {
    const char *name;
    unsigned number;
};
static const struct place plan[] = {{"intake", 0},  {"status", 1},       {"validation", 2},
                                    {"courier", 3}, {"notification", 4}, {"audit", 5},
                                    {"signing", 6}, {"signer", 7},       {"revocation", 8}};

int svc_port(int base_port, const char *kind, unsigned number)
{
    int offset = !strcmp(kind, "bus") ? 20 : !strcmp(kind, "admin") ? 40 : 0;

    return base_port + offset + (int)number;
}

const char *svc_default_bind(const struct svc *svc, const char *kind)
{
    return arena_printf(svc->arena, "%s127.0.0.1:%d", !strcmp(kind, "bus") ? "tcp://" : "",
                        svc_port((int)svc->core.base_port, kind, svc->service->number));
}

static enum rc add_peer(struct svc *svc, const char *name, const char *addresses, struct err *err)
{
    CHECK(svc->peer_count < SVC_MAX_PEERS, err, TRIEN__ERROR__CONFIG_INVALID, "peers: more than %d",
          SVC_MAX_PEERS);
    svc->peers[svc->peer_count++] = (struct bus_peer){name, addresses};
    return RC_OK;
}

const char *svc_peer_addresses(const struct svc *svc, const char *name)
{
    for (size_t i = 0; i < svc->peer_count; i++)
        if (!strcmp(svc->peers[i].name, name))
            return svc->peers[i].addresses;
    return NULL;
}

static enum rc read_peers(struct svc *svc, struct err *err)
{
    const struct conf_node *node = svc->core.peers ? svc->core.peers->child : NULL;

    for (; node; node = node->next) {
        err_field(err, "peers/%s", node->name);
        CHECK(!strncmp(node->value, "tcp://", 6), err, TRIEN__ERROR__CONFIG_INVALID,
              "line %d: peers/%s: `%s` is not tcp://host:port", node->line, node->name,
              node->value);
        CHECK(!svc_peer_addresses(svc, node->name), err, TRIEN__ERROR__CONFIG_INVALID,
              "line %d: peers/%s: stands twice", node->line, node->name);
        TRY(add_peer(svc, node->name, node->value, err));
    }
    for (size_t i = 0; i < COUNT_OF(plan); i++)
        if (!svc_peer_addresses(svc, plan[i].name))
            TRY(add_peer(svc, plan[i].name,
                         arena_printf(svc->arena, "tcp://127.0.0.1:%d",
                                      svc_port((int)svc->core.base_port, "bus", plan[i].number)),
                         err));
    return RC_OK;
}

static void set_log(const struct svc *svc)
{
    static const char *const levels[] = {"debug", "info", "notice", "warning", "error"};

    log_open(svc->service->name, svc->core.instance);
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (!strcmp(levels[i], svc->core.log_level))
            log_set_level((enum log_level)i);
}

/* "tcp://10.73.1.0/24:8100" becomes this host's own address in that network. */
static enum rc choose_own_address(struct svc *svc, struct err *err)
{
    const char *host = svc->core.bus_bind + strlen("tcp://"), *port = strrchr(host, ':');
    char own[OWN_ADDRESS_MAX];

    err_field(err, "bus/bind");
    CHECK(port, err, TRIEN__ERROR__CONFIG_INVALID, "`%s` has no port", svc->core.bus_bind);
    host = arena_printf(svc->arena, "%.*s", (int)(port - host), host);
    if (own_address_is_network(host)) {
        TRY(own_address_in(host, err, own));
        svc->core.bus_bind =
            arena_printf(svc->arena, strchr(own, ':') ? "tcp://[%s]%s" : "tcp://%s%s", own, port);
    }
    err_clear(err);
    return RC_OK;
}

static enum rc derive(struct svc *svc, struct err *err)
{
    char host[256] = "";

    if (!*svc->core.instance) {
        gethostname(host, sizeof(host) - 1);
        svc->core.instance = arena_strdup(svc->arena, host);
    }
    if (!*svc->core.bus_bind)
        svc->core.bus_bind = svc_default_bind(svc, "bus");
    if (strncmp(svc->core.bus_bind, "tcp://", 6))
        svc->core.bus_bind = arena_printf(svc->arena, "tcp://%s", svc->core.bus_bind);
    TRY(choose_own_address(svc, err));
    svc->keys = (struct bus_keys){svc->core.bus_secret_key, svc->core.bus_public_key,
                                  svc->core.bus_peer_keys};
    return read_peers(svc, err);
}

enum rc svc_configure(struct svc *svc, const char *path, struct err *err)
{
    const struct service *service = svc->service;

    TRY(conf_load(path, err, &svc->conf));
    TRY(conf_fill(svc->conf, svc_core_rows, svc, err));
    for (const struct svc_part *const *part = service->parts; part && *part; part++)
        if ((*part)->conf_rows)
            TRY(conf_fill(svc->conf, (*part)->conf_rows, svc, err));
    svc->own_conf = arena_alloc(svc->arena, service->conf_size + 1);
    if (service->conf_rows)
        TRY(conf_fill(svc->conf, service->conf_rows, svc->own_conf, err));
    TRY(conf_no_strangers(svc->conf, err));
    TRY(derive(svc, err));
    set_log(svc);
    for (const struct svc_part *const *part = service->parts; part && *part; part++)
        if ((*part)->configure)
            TRY((*part)->configure(svc, err));
    return RC_OK;
}
