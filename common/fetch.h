/* Going out: the only user of libcurl. HTTP(S) GET/POST and SMTP, with hard limits; redirects are
 * not followed. Called from effects only, never inside a transaction. Thread-safe; one handle per
 * thread is kept alive. */
#pragma once

#include <stdbool.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

struct fetch_request {
    const char *method;     /* "GET", "POST" */
    const char *url;        /* http, https; file too when allow_file */
    bool allow_file;        /* only where the configuration, not a message, names the URL */
    const char *headers[8]; /* "Name: value", NULL-terminated when fewer */
    struct bytes body;      /* of a POST */
    const char *user, *password_file; /* basic authentication, or NULL */
    const char *ca_file;              /* extra trust anchor for https, or NULL */
    int timeout_ms;                   /* whole exchange; 0: 30 s */
    size_t max_bytes;                 /* of the answer; 0: 16 MiB */
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

/** Closes this thread's kept connections; a later exchange opens new ones. */
void fetch_forget(void);
