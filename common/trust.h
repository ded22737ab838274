/* Whom we believe: trust anchors and intermediate CAs of several generations, and the CRLs they
 * issue.
 *
 * Real chains in Vietnam mix generations and documents often carry only the leaf, so intermediates
 * come from the local store, and from there alone: what a document brings along is not looked at.
 * Paths are validated by OpenSSL at a given time (RFC 5280 6.1); revocation of every certificate
 * below the anchor is judged from full CRLs at the same time (6.3). Nothing here fetches anything
 * or looks at a clock. Any number of threads may use one trust. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/ossl.h"

#define TRUST_MAX_CRL_BYTES ((size_t)16 * 1024 * 1024)
#define TRUST_MAX_CHAIN 6

struct trust;

/** Reads every *.pem, *.crt, *.cer, *.der of directory/anchors (self-signed, believed) and
 *  directory/intermediates (CA certificates; may be missing). Several PEM blocks a file are fine.
 *  FATAL KEY_FILE when a file cannot be used, there is no anchor, an anchor is not self-signed or a
 *  certificate is no CA. Old anchors may be SHA-1 self-signed: an anchor's own signature says
 * nothing. Free with trust_free(). */
enum rc trust_new(const char *directory, struct err *err, struct trust **ret_trust) MUST_USE;
void trust_free(struct trust **trust);

/** Number of anchors and of intermediates read. */
void trust_count(const struct trust *trust, size_t *ret_anchors, size_t *ret_intermediates);

/* --- CRLs: somebody else fetches and stores them --- */

struct trust_crl {
    uint8_t sha256[32];        /* of the DER */
    uint8_t issuer_sha256[32]; /* of the CA certificate that verified it */
    usec this_update;
    usec next_update;
    const char *number; /* cRLNumber, lower-case hex; "" when absent */
    size_t revoked_count;
};

/** Checks a CRL before it may be stored or used: v2 DER, full and direct (no delta, no indirect
 * CRL, no partition by reason or kind), issued and signed (SHA-2) by a CA of this trust that may
 * sign CRLs, nextUpdate present and after thisUpdate. Pure. REJECT MALFORMED, SIGNER_UNTRUSTED,
 * SIGNATURE_INVALID, SIGNATURE_WEAK, UNSUPPORTED_TYPE, TOO_LARGE. */
enum rc trust_check_crl(const struct trust *trust, struct bytes crl_der, struct arena *arena,
                        struct err *err, struct trust_crl *ret_crl) MUST_USE;

/** trust_check_crl(), then keeps the parsed CRL for judging. The newest by thisUpdate stays, an
 * older one changes nothing (RC_OK); the same bytes again cost a digest only. Put a process' stored
 * CRLs in at start and each new one as it comes. Caller keeps crl_der. */
enum rc trust_put_crl(struct trust *trust, struct bytes crl_der, struct arena *arena,
                      struct err *err, struct trust_crl *ret_crl) MUST_USE;

/** True when a CRL with this SHA-256 was put in (even if a newer one has replaced it since), so
 * that a caller can compare digests with its database and load only what is new. */
bool trust_has_crl(struct trust *trust, const uint8_t sha256[32]);

/* A CRL that judging wanted and did not have, or had only stale. */
struct trust_crl_need {
    uint8_t issuer_sha256[32]; /* the CA certificate whose CRL it is */
    const char *issuer;        /* its subject, RFC 4514 */
    const char *url;  /* first http(s) URL of the certificate's distribution points, "" without:
                         then an operator has to bring the CRL */
    usec stale_since; /* nextUpdate of the one we have; 0 when there is none */
};

/* --- judging --- */

enum trust_purpose {
    TRUST_SIGNS_DOCUMENTS, /* keyUsage digitalSignature or nonRepudiation when present (it must be)
                            */
    TRUST_STAMPS_TIME,     /* critical extendedKeyUsage timeStamping alone (RFC 3161 2.3) */
};

struct trust_reason {
    Trien__Error
        code; /* SIGNER_UNTRUSTED, _EXPIRED, _NOT_YET_VALID, _REVOKED, _USAGE, SIGNATURE_WEAK */
    const char *detail;
};

/* What is to be said of one certificate at one moment. Nothing in both lists: believe it. */
struct trust_judgement {
    size_t reason_count;
    struct trust_reason *reasons; /* in the order of the codes' numbers */
    size_t need_count;
    struct trust_crl_need *needs; /* CRLs missing or stale; wait, never accept */
};

/** Path, usage, strength (RSA from 2048, EC from 256 bits, digests of SHA-2 or SHA-3 below the
 * anchor) and revocation of a signer at `at`. Revoked at or before `at` is revoked; a CRL counts
 * when its nextUpdate is not before `at` (one issued after `at` counts too: it says since when).
 * Accepted paths are remembered by the signer's digest. FATAL INTERNAL only when OpenSSL itself
 * fails. Result in the arena. */
enum rc trust_judge(struct trust *trust, X509 *signer, enum trust_purpose purpose, usec at,
                    struct arena *arena, struct err *err,
                    struct trust_judgement *ret_judgement) MUST_USE;

/* Revocation of one certificate by one CRL. */
enum trust_status { TRUST_GOOD, TRUST_REVOKED, TRUST_STALE };

/** Pure: the status of `certificate` at `at` by a CRL that trust_check_crl() has passed. A hold
 * counts as revoked. */
enum trust_status trust_status_by_crl(X509 *certificate, X509_CRL *crl, usec at);
