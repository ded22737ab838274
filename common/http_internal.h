/* http*.c among themselves, and what svc_http.c asks of them. The pure half (paths, queries,
 * multipart, problems) knows no libmicrohttpd, so that tests and fuzz targets reach it directly. */
#pragma once

#include "common/http.h"
#include "common/svc_internal.h"

#define HTTP_MAX_CAPTURES 8
#define HTTP_MAX_PARTS 64

/* --- http_route.c: pure
 * ---------------------------------------------------------------------------
 */

struct http_capture {
    const char *name;
    size_t name_length;
    const char *value;
};

enum http_match { HTTP_MATCHED, HTTP_NO_PATH, HTTP_NO_METHOD };

/** Finds the route of a request by its raw (still encoded) path; HEAD is served by GET's. With an
 * arena the captures are decoded into `captures` (HTTP_MAX_CAPTURES, ended by name NULL). */
enum http_match http_route_find(const struct http_route *routes, const char *method,
                                const char *path, struct arena *arena,
                                struct http_capture *captures, const struct http_route **ret_route);

/** "GET, POST": the methods of all routes that fit the path; for the Allow header. */
const char *http_route_methods(const struct http_route *routes, const char *path,
                               struct arena *arena);

/** Percent-decoding into the arena. NULL for a malformed escape, a NUL, or what is not UTF-8. */
const char *http_decode(struct arena *arena, const char *raw, size_t length);

/* --- http_multipart.c: pure
 * -----------------------------------------------------------------------
 */

/** Splits a multipart/form-data body (RFC 7578, RFC 2046 5.1). Bodies of parts point into `body`,
 * names lie in the arena. MALFORMED with a reason; TOO_LARGE beyond HTTP_MAX_PARTS parts;
 * UNSUPPORTED_TYPE when the content type is another. */
MUST_USE enum rc http_multipart(struct arena *arena, const char *content_type, struct bytes body,
                                struct err *err, const struct http_part **ret_parts,
                                size_t *ret_count);

/* --- http.c: the listener
 * -------------------------------------------------------------------------
 */

struct http_options {
    const char *bind; /* "127.0.0.1:8080"; port 0 or "*": any */
    bool any_address; /* others than loopback are allowed */
    unsigned threads, max_connections, max_connections_per_address;
    int timeout_ms;           /* a connection may be silent that long */
    size_t body_memory_bytes; /* of all bodies that are being received together */
    size_t arena_bytes;       /* of one request's work */
    const char *waiting_for;  /* name in /healthz while the address cannot be bound */
    const struct http_route *routes;
};

struct http_listener;

/** CONFIG_INVALID when the address is malformed or not loopback though it must be. */
MUST_USE enum rc http_check_bind(const struct http_options *options, struct err *err);

/** Starts a listener. An address that is in use is waited for (svc_waits). Texts of options are
 * borrowed. */
MUST_USE enum rc http_listen(struct svc *svc, const struct http_options *options, struct err *err,
                             struct http_listener **ret_listener);

/** Takes no new connections, lets running requests finish (5 s), frees everything. NULL is fine. */
void http_stop(struct http_listener **listener);

bool http_is_bound(const struct http_listener *listener);

/** The port it listens on; 0 while it is not bound. */
uint16_t http_port(const struct http_listener *listener);

/* --- http_socket.c
 * --------------------------------------------------------------------------------
 */

/** A listening socket, or RETRY while the address is in use. */
MUST_USE enum rc http_socket_open(const struct http_options *options, struct err *err, int *ret_fd);
