/* The key ceremony's parts: what the reviewed file says, the certificates, the transcript. Used by
 * cmd_ceremony.c and ceremony_*.c only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/guard.h"
#include "common/ossl.h"
#include "common/p11.h"

/* --- the reviewed file (ceremony_plan.c) -------------------------------------------------------
 */

struct ceremony_authority {
    const char *id; /* generation: "root1"; label of the key, name of the files */
    const char *common_name, *organisation;
    const char *key_kind;
    int64_t valid_years;
    const char *token_label, *token_pin, *softhsm_config;
    struct bytes subject_der;
};

struct ceremony_plan {
    const char *title, *place;
    const struct conf_node *participants; /* <role> = "<name>", at least two */
    bool allow_production_names;
    const char *module, *output;
    const char *public_url, *cps_url;
    int64_t crl_valid_days;
    struct ceremony_authority root, issuing;
    const char *path;
    uint8_t sha256[32]; /* of the file as it was read */
};

/** Reads and checks the reviewed file. Relative paths in it lie below the installation's folder.
 *  CONFIG_INVALID with the key. */
enum rc ceremony_plan_read(const char *path, struct arena *arena, struct err *err,
                           struct ceremony_plan *ret_plan) MUST_USE;

/* --- certificates (ceremony_cert.c) ------------------------------------------------------------
 */

/** Self-signed root: CA, key usage keyCertSign and cRLSign, subject key identifier (RFC
 * 5280 4.2.1).
 */
enum rc ceremony_root(const struct ceremony_plan *plan, struct p11_key *key, usec now,
                      struct err *err, X509 **ret_cert) MUST_USE;

/** Signing request of the issuing key: proves that its token holds it. */
enum rc ceremony_request(const struct ceremony_plan *plan, struct p11_key *key, struct err *err,
                         X509_REQ **ret_request) MUST_USE;

/** The issuing certificate: path length 0, policies, CRL and issuer addresses. The request's
 *  signature is verified; its name and key are taken. REJECT POSSESSION_NOT_PROVED. */
enum rc ceremony_issuing(const struct ceremony_plan *plan, X509 *root, struct p11_key *root_key,
                         X509_REQ *request, usec now, struct err *err, X509 **ret_cert) MUST_USE;

/** The root's first list of revoked authorities: empty, number 1. */
enum rc ceremony_crl(const struct ceremony_plan *plan, X509 *root, struct p11_key *root_key,
                     usec now, struct err *err, X509_CRL **ret_crl) MUST_USE;

/** The chain as a strict verifier sees it (X509_V_FLAG_X509_STRICT), with the list. */
enum rc ceremony_verify(X509 *root, X509 *issuing, X509_CRL *crl, usec now,
                        struct err *err) MUST_USE;

/* --- transcript (ceremony_transcript.c) --------------------------------------------------------
 */

/* A text file that only grows. After each step stands the SHA-256 of everything above, so that a
 * copy of any one of these lines, kept elsewhere, proves all before it:
 *     head -c <bytes> FILE | sha256sum */
struct transcript;

/** A new file; an existing one is never touched. */
enum rc transcript_open(const char *path, struct arena *arena, struct err *err,
                        struct transcript **ret_transcript) MUST_USE;

/** "Bước 3 · Step 3 · time · title" and the lines that follow it. */
void transcript_step(struct transcript *transcript, usec now, const char *vietnamese,
                     const char *english);
void transcript_say(struct transcript *transcript, const char *format, ...) PRINTF_LIKE(2, 3);
/** Certificate, list or request as OpenSSL prints it, and in PEM. */
void transcript_certificate(struct transcript *transcript, X509 *cert);
void transcript_crl(struct transcript *transcript, X509_CRL *crl);
void transcript_request(struct transcript *transcript, X509_REQ *request);

/** Closes the step: writes the digest line and syncs. FATAL KEY_FILE when it could not be written.
 */
enum rc transcript_seal(struct transcript *transcript, struct err *err) MUST_USE;

/** The digest of the last seal, hex. */
const char *transcript_digest(const struct transcript *transcript);
