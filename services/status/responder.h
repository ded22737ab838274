/* The OCSP responder: its key in a token that is kept at arm's length, its certificates (one per
 * issuer, the same key), and answers that it signs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/token_conf.h"
#include "services/status/ocsp_answer.h"

#define RESPONDER_MAX_ISSUERS 8
#define RESPONDER_MAX_CERTIFICATE 4096

struct responder;

/* Rows in conf.c. */
struct responder_conf {
    struct token_conf token;
    const char *organisation, *common_name; /* of the certificate that is asked for */
    const char *request_file;               /* where the signing request is written, or "" */
};

/** Forks what holds the token; before any thread. `max_signing` threads may wait for the token at
 *  one time, so that a hanging one never takes all threads. */
enum rc responder_new(const struct responder_conf *conf, int64_t max_signing, struct arena *arena,
                      struct err *err, struct responder **ret_responder) MUST_USE;

/** On a clean stop. */
void responder_free(struct responder **responder);

/** SHA-256 of the key's SubjectPublicKeyInfo; asks the token until it is known. RETRY
 *  TOKEN_UNAVAILABLE at once when no worker is ready. */
enum rc responder_key_sha256(struct responder *responder, struct err *err,
                             uint8_t ret_digest[32]) MUST_USE;

/** The signing request (RFC 2986), made once, in the arena. `ret_subject` is its DER Name. Waits
 * for a token worker as long as for a signature. */
enum rc responder_request(struct responder *responder, struct arena *arena, struct err *err,
                          struct bytes *ret_csr, struct bytes *ret_subject) MUST_USE;

/* One certificate of the responder. */
struct responder_certificate {
    struct bytes der;
    usec not_before, not_after;
};

/** Checks what signing gave: it is for our key, by this authority, may sign OCSP answers
 *  (RFC 6960 4.2.2.2), is valid at `now`. REJECT ANSWER_MISMATCH says what is wrong. */
enum rc responder_check(struct responder *responder, struct bytes certificate_der,
                        struct bytes issuer_der, usec now, struct err *err,
                        struct responder_certificate *ret_certificate) MUST_USE;

/** Takes a certificate into use for the issuer; true when it is another one than before. */
bool responder_use(struct responder *responder, unsigned issuer,
                   const struct responder_certificate *certificate);

/** Validity of the certificate in use; false when there is none. */
bool responder_validity(struct responder *responder, unsigned issuer, usec *ret_not_before,
                        usec *ret_not_after);

/** Signs: fills in the responder and gives the complete OCSPResponse, in the arena. RETRY
 *  TOKEN_UNAVAILABLE without token, without certificate, or when enough threads wait already. */
enum rc responder_answer(struct responder *responder, unsigned issuer,
                         struct ocsp_response_data *response, struct arena *arena, struct err *err,
                         struct bytes *ret_answer) MUST_USE;

/** Workers of the token that are ready. */
unsigned responder_workers(struct responder *responder);
