/* OCSP over HTTP, between its two halves: http_ocsp.c (what is asked, and which path answers) and
 * http_ocsp_answer.c (signing, keeping, sending). */
#pragma once

#include "services/status/status.h"
#include "services/status/store.h"

/* One request on its way to its answer. */
struct question {
    struct ocsp_request request;
    unsigned issuer;
    struct cache_key key; /* of the first certificate */
};

/** An answer without a status; never kept by anybody. `name` is the metric's. Always true. */
bool ocsp_refuse(struct http_response *response, enum ocsp_refusal refusal, const char *name);

/** One answer may be signed for one client alone: ocsp/signed_per_second. */
bool ocsp_take_permit(struct status_state *state, usec now);

/** Sends what is in memory, or 304; takes over the reference. Always true. */
bool ocsp_answer_kept(const struct http_request *request, struct http_response *response,
                      const struct cached *entry);

/** With nonce: the fact from memory, signed for this client. Beyond the permitted rate the kept
 *  answer goes out without nonce (RFC 9654 3.2 lets a responder). Gives the reference back or takes
 *  it over. Always true. */
bool ocsp_answer_nonce(struct tx *tx, const struct http_request *request,
                       const struct question *question, const struct cached *entry,
                       struct http_response *response);

/** Signs what the database said, keeps what others may ask for as well (`shared`), and sends it.
 *  `epoch` is sync.epoch from before the database was read. */
void ocsp_answer_cold(struct tx *tx, const struct http_request *request,
                      const struct question *question, const struct status_row *rows, bool shared,
                      unsigned epoch, struct http_response *response);
