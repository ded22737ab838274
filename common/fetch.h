/* Going out: the only user of libcurl. HTTP(S) GET/POST and SMTP, with hard limits. Called from
 * effects only, never inside a transaction. Thread-safe; one handle per thread is kept alive. */
#pragma once

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

struct fetch_request {
    const char *method;     /* "GET", "POST" */
    const char *url;        /* http, https or file */
    const char *headers[8]; /* "Name: value", NULL-terminated when fewer */
    struct bytes body;
    const char *user, *password_file; /* basic authentication, or NULL */
    const char *ca_file;              /* extra trust anchor for https, or NULL */
    int timeout_ms;                   /* whole exchange */
    size_t max_bytes;                 /* of the answer */
};

/** Does the exchange. RC_OK with the HTTP status (200 for file:) and body in the arena for any
 * answered request; PEER_UNAVAILABLE / DEADLINE_PASSED / TOO_LARGE otherwise, native code "curl N".
 */
MUST_USE enum rc fetch_http(const struct fetch_request *request, struct arena *arena,
                            struct err *err, int *ret_status, struct bytes *ret_body);

struct fetch_mail {
    const char *url; /* smtp://host:port or smtps:// */
    const char *user, *password_file, *ca_file;
    const char *require_tls; /* "never", "try", "always" */
    const char *from;        /* envelope sender */
    const char *const *to;   /* envelope recipients, NULL-terminated */
    struct bytes message;    /* RFC 5322, CRLF line ends */
    int timeout_ms;
};

/** Hands a mail to the MTA. RECIPIENT_REFUSED for a permanent (5xx) answer, GATEWAY_UNAVAILABLE for
 *  anything that may pass. */
MUST_USE enum rc fetch_mail(const struct fetch_mail *mail, struct arena *arena, struct err *err);
