/* The HTTP part of a service: the public listener when the service has routes, and the admin
 * listener with /metrics and /healthz. */
#include <stddef.h>

#include "common/http_internal.h"
#include "common/json_text.h"
#include "common/metrics.h"
#include "common/svc_parts.h"

#define AT(member) offsetof(struct svc, http.member)
#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

static const struct conf_row rows[] = {
    {"http/bind", CONF_ADDRESS, AT(bind), "",
     "Public listener, host:port or network/bits:port; default from base_port.", 0, 0, 0},
    {"http/behind_tls_proxy", CONF_BOOL, AT(behind_tls_proxy), "false",
     "A TLS proxy stands in front: addresses other than loopback may be bound.", 0, 0, 0},
    {"http/threads", CONF_INT, AT(threads), "2",
     "Threads that work requests, each with a database connection; what shares a transaction "
     "has one more.",
     1, 64, 0},
    {"http/max_connections", CONF_INT, AT(max_connections), "1000", "Open connections at most.", 1,
     60000, 0},
    {"http/max_connections_per_address", CONF_INT, AT(max_connections_per_address), "0",
     "Open connections of one address at most; 0: no limit (behind a proxy).", 0, 60000, 0},
    {"http/timeout", CONF_MS, AT(timeout_ms), "30s", "How long a client may be silent.", 1000,
     600000, 0},
    {"http/body_memory", CONF_BYTES, AT(body_memory_bytes), "256M",
     "What all bodies being received may take together; beyond: 503.", 1048576, 0x1000000000, 0},
    {"admin/bind", CONF_ADDRESS, AT(admin_bind), "",
     "Listener of /metrics and /healthz, host:port or network/bits:port; default from base_port.",
     0, 0, 0},
    {"admin/remote", CONF_BOOL, AT(admin_remote), "false",
     "The admin listener may bind an address other than loopback.", 0, 0, 0},
    {0},
};

static struct http_listener *public_listener, *admin_listener;

/* --- /metrics and /healthz -----------------------------------------------------------------------
 */

static enum rc get_metrics(struct tx *tx, const struct http_request *request,
                           struct http_response *response)
{
    (void)request;
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    response->body = bytes_of_text(metrics_text(tx->arena));
    return RC_OK;
}

static enum rc get_health(struct tx *tx, const struct http_request *request,
                          struct http_response *response)
{
    const char *json = NULL;
    bool well = svc_health(tx->svc, tx->arena, &json);

    (void)request;
    http_json(response, well ? 200 : 503, json);
    return RC_OK;
}

static const struct http_route admin_routes[] = {
    {.method = "GET", .path = "/metrics", .fn = get_metrics, .no_transaction = true},
    {.method = "GET", .path = "/healthz", .fn = get_health, .no_transaction = true},
    {0},
};

/* --- the part ------------------------------------------------------------------------------------
 */

static bool has_routes(const struct svc *svc)
{
    return svc->service->routes && svc->service->routes->path;
}

static struct http_options public_options(const struct svc *svc)
{
    return (struct http_options){
        .bind = svc->http.bind,
        .any_address = svc->http.behind_tls_proxy,
        .threads = (unsigned)svc->http.threads,
        .max_connections = (unsigned)svc->http.max_connections,
        .max_connections_per_address = (unsigned)svc->http.max_connections_per_address,
        .timeout_ms = (int)svc->http.timeout_ms,
        .body_memory_bytes = (size_t)svc->http.body_memory_bytes,
        .arena_bytes = ARENA_BYTES,
        .waiting_for = "http address",
        .routes = svc->service->routes,
    };
}

static struct http_options admin_options(const struct svc *svc)
{
    return (struct http_options){
        .bind = svc->http.admin_bind,
        .any_address = svc->http.admin_remote,
        .threads = 1,
        .max_connections = 32,
        .timeout_ms = 10000,
        .body_memory_bytes = 0,
        .arena_bytes = ARENA_BYTES,
        .waiting_for = "admin address",
        .routes = admin_routes,
    };
}

static enum rc configure(struct svc *svc, struct err *err)
{
    struct http_options options;

    if (!*svc->http.bind)
        svc->http.bind = svc_default_bind(svc, "http");
    if (!*svc->http.admin_bind)
        svc->http.admin_bind = svc_default_bind(svc, "admin");
    err_field(err, "http/bind");
    options = public_options(svc);
    if (has_routes(svc))
        TRY(http_check_bind(&options, err));
    err_field(err, "admin/bind");
    options = admin_options(svc);
    TRY(http_check_bind(&options, err));
    err_clear(err);
    return RC_OK;
}

static enum rc start(struct svc *svc, struct err *err)
{
    struct http_options options = admin_options(svc);

    TRY(http_listen(svc, &options, err, &admin_listener));
    if (!has_routes(svc))
        return RC_OK;
    options = public_options(svc);
    return http_listen(svc, &options, err, &public_listener);
}

static void stop(struct svc *svc)
{
    (void)svc;
    http_stop(&public_listener);
    http_stop(&admin_listener);
}

static bool health(struct svc *svc, struct arena *arena, const char **ret_json_members)
{
    bool bound = http_is_bound(public_listener);

    if (!has_routes(svc))
        return true;
    *ret_json_members = arena_printf(arena, "\"http\":{\"ok\":%s,\"bind\":%s}",
                                     bound ? "true" : "false", json_quote(arena, svc->http.bind));
    return bound;
}

const struct svc_part svc_part_http = {
    .name = "http",
    .conf_rows = rows,
    .configure = configure,
    .start = start,
    .stop = stop,
    .health = health,
};
