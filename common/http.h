/* HTTP server: the only user of libmicrohttpd. A table of routes, a pool of threads with a database
 * connection each, hard limits, problem+json (RFC 9457) for every refusal.
 *
 * A listener binds loopback only, unless the configuration says that a TLS proxy stands in front.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/guard.h"

struct tx;

/* One part of a multipart/form-data body, in order. */
struct http_part {
    const char *name, *filename, *content_type; /* filename and content_type may be NULL */
    struct bytes body;
};

struct http_request {
    const char *method, *path;
    struct bytes body;             /* whole body unless multipart */
    const struct http_part *parts; /* multipart/form-data only */
    size_t part_count;
    void *connection; /* for the functions below */
};

struct http_response {
    int status;               /* 0 is taken as 200 */
    const char *content_type; /* NULL: application/json */
    struct bytes body;        /* in the arena, or static, or held by `owner` */
    const char *headers[16][2];
    size_t header_count;
    /* When has_file, the first file_bytes of file_fd instead of `body`; the descriptor is closed
     * once they were sent. */
    bool has_file;
    int file_fd;
    uint64_t file_bytes;
    /* When set, `body` belongs to this object and release(owner) is called once it was sent. */
    void *owner;
    void (*release)(void *owner);
};

/** Value of {name} in the route's path; never NULL for a name the route has. */
const char *http_path_value(const struct http_request *request, const char *name);
/** Query value or NULL when it was not given. Decoded; a request with one that cannot be decoded is
 *  refused before (400, the name is the field). */
const char *http_query_value(const struct http_request *request, const char *name);
/** Header or NULL. */
const char *http_header(const struct http_request *request, const char *name);
/** Adds a response header; texts live in the arena or for ever. */
void http_add_header(struct http_response *response, const char *name, const char *value);
/** JSON body from a text in the arena. */
void http_json(struct http_response *response, int status, const char *json);

/** Route handler: runs in a transaction like any message. RC_OK commits and sends *response; any
 *  other outcome rolls back and sends problem+json made from tx->err (status from the code:
 *  2001/2007/2008 → 400, 2002/2502 → 401, 2003/2503 → 403, 2004 → 404, 2005 → 413, 2006/2010/2011 →
 * 409, 2009 → 405, 2012 → 415, 2015 → 429, 1xxx → 503 with Retry-After, 3xxx → 500, other 2xxx →
 * 422). */
typedef enum rc (*http_fn)(struct tx *tx, const struct http_request *request,
                           struct http_response *response);

/* One of several requests that are worked in one transaction. */
struct http_item {
    const struct http_request *request;
    const char *traceparent; /* becomes tx->traceparent while this one's events are emitted */
    struct http_response response;
    enum rc rc; /* not RC_OK: refused because of `err`; that is this request's own affair */
    struct err err;
    bool alone; /* to be worked by the route's `fn`, in a transaction of its own */
};

/** Works requests that came at the same time in one transaction: RC_OK commits what was done for
 *  those that are neither refused nor left `alone`. After any other outcome, or when the commit
 *  fails, each is worked by `fn` as if it had come alone; a commit whose end is not known may have
 *  done it already, so for routes whose requests may come twice. It may be called again with the
 *  same items, as they were at first. */
typedef enum rc (*http_together_fn)(struct tx *tx, struct http_item *items, size_t count);

struct http_route {
    const char *method; /* "GET", "POST" */
    const char *path; /* "/v1/requests/{id}"; a last segment "{name+}" takes the rest of the path */
    http_fn fn;
    size_t max_body_bytes;                    /* beyond: 413, nothing kept */
    bool multipart;                           /* parse multipart/form-data into parts */
    const ProtobufCMessageDescriptor *out[8]; /* events it may emit */
    bool no_transaction; /* never touches the database: tx->db is NULL (hot public answers) */
    /* Tried first when set, without a transaction (tx->db is NULL): true when *response is the
     * answer; false and nothing changed when `fn` must do it, in a transaction. For answers that
     * are usually in memory. */
    bool (*hot)(struct tx *tx, const struct http_request *request, struct http_response *response);
    /* Requests that wait while others are worked are worked together: one transaction, one
     * statement of each kind, one commit for all of them. Nobody waits for company. */
    http_together_fn together;
    /* For a protocol that has words of its own for failure: *response instead of problem+json when
     * `fn` or its transaction failed, the database being away included. tx->err says why; tx->db is
     * not to be used. */
    void (*failed)(struct tx *tx, enum rc rc, const struct http_request *request,
                   struct http_response *response);
};

/** problem+json with code, title, field pointer, Vietnamese and English texts; in the arena. */
const char *http_problem(struct arena *arena, const struct err *err, int *ret_status);
