/* OCSP answers as bytes (RFC 6960 4.2). Made in two halves, so that the key can be elsewhere:
 * response data → digest → (token) signature → complete answer. */
#pragma once

#include "services/status/ocsp_request.h"

#include "common/clock.h"

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

/* Answers that carry nothing else (OCSPResponseStatus). */
enum ocsp_refusal {
    OCSP_MALFORMED_REQUEST = 1,
    OCSP_INTERNAL_ERROR = 2,
    OCSP_TRY_LATER = 3,
    OCSP_UNAUTHORIZED = 6,
};

/* What is known about one certificate. */
struct ocsp_fact {
    enum ocsp_status status;
    usec revoked_at;
    int reason; /* CRLReason; -1 or 0: not said (RFC 5280 5.3.1) */
};

struct ocsp_response_data {
    struct bytes responder_key_hash; /* SHA-1 of the responder's public key: ResponderID byKey */
    usec produced_at, this_update;
    usec next_update; /* 0: none */
    size_t count;
    const struct ocsp_certid *ids;
    const struct ocsp_fact *facts;
    struct bytes nonce; /* p NULL: none */
};

/** DER ResponseData: what is signed. In the arena. */
struct bytes ocsp_response_data(struct arena *arena, const struct ocsp_response_data *in);

/** The complete OCSPResponse. `algorithm` is the signature's DER AlgorithmIdentifier, `certificate`
 *  the responder's. */
struct bytes ocsp_response(struct arena *arena, struct bytes response_data, struct bytes algorithm,
                           struct bytes signature, struct bytes certificate);

/** An answer without a status; static. */
struct bytes ocsp_refusal(enum ocsp_refusal refusal);
