/* What the commands share: options of every command, the installation's configuration, calls over
 * the bus as a principal. It decides nothing. */
#include "services/trienctl/ctl.h"
#include "services/trienctl/trienctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/svc.h"

#define ARENA_LIMIT ((size_t)256 * 1024 * 1024)
#define CALL_DEADLINE_MS 10000
#define PAUSE_MS 200
#define MAX_PEERS 16

static struct options {
    const char *config, *principal, *usage;
    bool json;
} options = {.principal = "operator", .usage = ""};

/* The port plan of common/svc.h: who listens where unless `peers` says otherwise. */
const struct ctl_service ctl_services[] = {
    {"intake", 0}, {"status", 1},  {"validation", 2}, {"courier", 3},    {"notification", 4},
    {"audit", 5},  {"signing", 6}, {"signer", 7},     {"revocation", 8}, {0},
};

bool ctl_has_log(const char *service)
{
    const char *program = arena_printf(ctl_arena(), "%s/trien-%s", ctl_bin_dir(), service);

    return strcmp(service, "signer") != 0 && access(program, X_OK) == 0;
}

void ctl_set_usage(const char *usage)
{
    options.usage = usage;
}

const char *ctl_usage(void)
{
    return options.usage;
}

static const struct conf_row conf_rows[] = {
    {"dir", CONF_DIR, offsetof(struct ctl_conf, dir), NULL, "folder of the installation", 0, 0,
     NULL},
    {"keys", CONF_DIR, offsetof(struct ctl_conf, keys), NULL, "CURVE keys of the principals", 0, 0,
     NULL},
    {"peer_keys", CONF_FILE, offsetof(struct ctl_conf, peer_keys), NULL,
     "public keys of all principals", 0, 0, NULL},
    {"base_port", CONF_INT, offsetof(struct ctl_conf, base_port), "8080",
     "moves all default ports together", 1024, 65000, NULL},
    {0},
};

/* The next argument of an option that must have one. */
static const char *option_value(int argc, char **argv, int i)
{
    if (i + 1 >= argc) {
        fprintf(stderr, "trienctl: %s needs a value\n", argv[i]);
        exit(64);
    }
    return argv[i + 1];
}

int ctl_take_options(int argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0)
            options.config = option_value(argc, argv, i++);
        else if (strcmp(argv[i], "--as") == 0)
            options.principal = option_value(argc, argv, i++);
        else if (strcmp(argv[i], "--json") == 0)
            options.json = true;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    return kept;
}

struct arena *ctl_arena(void)
{
    static struct arena *arena;
    if (!arena)
        arena = arena_new(ARENA_LIMIT);
    return arena;
}

bool ctl_json(void)
{
    return options.json;
}

static const char *config_path(void)
{
    const char *from_environment = getenv("TRIEN_CONFIG");
    if (options.config)
        return options.config;
    return from_environment ? from_environment : "var/demo/etc/trienctl.conf";
}

const struct ctl_conf *ctl_conf(void)
{
    static struct ctl_conf filled;
    static struct conf *file;
    struct err err = {0};
    if (file)
        return &filled;
    if (conf_load(config_path(), &err, &file) != RC_OK ||
        conf_fill(file, conf_rows, &filled, &err) != RC_OK) {
        fprintf(stderr, "trienctl: %s\n", err.detail);
        exit(78);
    }
    filled.root = conf_root(file);
    filled.peers = conf_find(filled.root, "peers");
    return &filled;
}

const char *ctl_path(const char *format, ...)
{
    char below[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(below, sizeof(below), format, arguments);
    va_end(arguments);
    return arena_printf(ctl_arena(), "%s/%s", ctl_conf()->dir, below);
}

const char *ctl_url(const char *service, const char *path)
{
    const struct ctl_conf *conf = ctl_conf();
    const struct conf_node *urls = conf_find(conf->root, "urls");
    const struct conf_node *url = urls ? conf_find(urls, service) : NULL;
    const struct ctl_service *s = ctl_services;
    while (strcmp(s->name, service) != 0)
        s++;
    return url ? arena_printf(ctl_arena(), "%s%s", url->value, path)
               : arena_printf(ctl_arena(), "http://127.0.0.1:%d%s",
                              svc_port((int)conf->base_port, "http", s->number), path);
}

static const char *peer_addresses(const struct ctl_service *service)
{
    const struct ctl_conf *conf = ctl_conf();
    const struct conf_node *node = conf->peers ? conf_find(conf->peers, service->name) : NULL;
    int port = svc_port((int)conf->base_port, "bus", service->number);
    return node ? node->value : arena_printf(ctl_arena(), "tcp://127.0.0.1:%d", port);
}

enum rc ctl_open_caller(const char *principal, struct err *err, struct bus_caller **ret_caller)
{
    const struct ctl_conf *conf = ctl_conf();
    const char *name = principal ? principal : options.principal;
    struct bus_peer peers[MAX_PEERS];
    size_t count = 0;
    for (const struct ctl_service *s = ctl_services; s->name && count < MAX_PEERS; s++)
        peers[count++] = (struct bus_peer){s->name, peer_addresses(s)};
    const struct bus_keys keys = {
        .own_secret_file = arena_printf(ctl_arena(), "%s/%s.secret", conf->keys, name),
        .own_public_file = arena_printf(ctl_arena(), "%s/%s.public", conf->keys, name),
        .peer_keys_file = conf->peer_keys,
    };
    return bus_caller_new(&keys, peers, count, err, ret_caller);
}

/* "Not now" is an answer that changes nothing: people would only type the command again. False when
 * the deadline leaves no room for another try. */
static bool pause_before(usec deadline)
{
    if (clock_monotonic() + 2 * PAUSE_MS * USEC_PER_MS > deadline)
        return false;
    poll(NULL, 0, PAUSE_MS);
    return true;
}

enum rc ctl_call(const char *principal, const char *peer, const ProtobufCMessage *request,
                 const ProtobufCMessageDescriptor *reply, int deadline_ms, struct err *err,
                 ProtobufCMessage **ret_reply)
{
    struct bus_caller *caller = NULL;
    usec deadline = clock_monotonic() + deadline_ms * USEC_PER_MS;
    TRY(ctl_open_caller(principal, err, &caller)); /* tools make few calls: one for each */
    enum rc rc;
    do {
        int left_ms = (int)((deadline - clock_monotonic()) / USEC_PER_MS);
        err_clear(err);
        rc = bus_call(caller, peer, request, reply, left_ms, NULL, "", ctl_arena(), err, ret_reply);
    } while (rc == RC_RETRY && err->code != TRIEN__ERROR__DEADLINE_PASSED &&
             pause_before(deadline));
    bus_caller_free(&caller);
    return rc;
}

ProtobufCMessage *ctl_ask(const char *principal, const char *peer, const ProtobufCMessage *request,
                          const ProtobufCMessageDescriptor *reply)
{
    struct err err = {0};
    ProtobufCMessage *answer = NULL;
    if (ctl_call(principal, peer, request, reply, CALL_DEADLINE_MS, &err, &answer) != RC_OK)
        ctl_die(&err);
    return answer;
}
