/* An OCSP request as it is read: which certificates, and the nonce. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"

#define OCSP_MAX_REQUEST_BYTES ((size_t)8 * 1024)
#define OCSP_MAX_CERTIFICATES 16
#define OCSP_MAX_NONCE_BYTES 128 /* RFC 9654 2.1 */
#define OCSP_MAX_SERIAL_BYTES 20 /* RFC 5280 4.1.2.2 */

enum ocsp_hash { OCSP_SHA1, OCSP_SHA256 };

/* One certificate that is asked about (RFC 6960 4.1.1). */
struct ocsp_certid {
    enum ocsp_hash hash;
    struct bytes name_hash, key_hash; /* 20 or 32 octets, as `hash` says */
    struct bytes serial;              /* big-endian magnitude without leading zeros */
};

struct ocsp_request {
    size_t count;
    struct ocsp_certid ids[OCSP_MAX_CERTIFICATES];
    struct bytes nonce; /* p NULL: none */
};

enum ocsp_request_verdict {
    OCSP_REQUEST_FINE,
    OCSP_REQUEST_MALFORMED, /* not DER, a nonce of 0 or more than 128 octets (RFC 9654 2.1), an
                               unknown critical extension, no or too many certificates, a serial
                               number that cannot exist */
    OCSP_REQUEST_FOREIGN,   /* an identifier by another hash: no issuer of ours can be meant */
};

/** Reads one request; everything is copied into the arena. A signature over it is not looked at
 *  (RFC 6960 4.1.2: optional, and anybody may ask). Pure but for OpenSSL's error queue. */
enum ocsp_request_verdict ocsp_request_read(struct arena *arena, struct bytes der,
                                            struct ocsp_request *ret_request);

/** The request in the path of a GET (RFC 6960 A.1): percent-encoding where a client left it, then
 *  base64 with or without padding. False when it is neither or too large. */
bool ocsp_path_decode(struct arena *arena, const char *path, struct bytes *ret_der);
