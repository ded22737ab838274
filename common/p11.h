/* Keys in a PKCS#11 token. The only door to libp11 (p11.c: open, find, sign) and to raw Cryptoki
 * (p11_raw.c: initialise a token, make keys, read attributes, write certificates).
 *
 * Facts of libp11 0.4.12 that this file hides: it cannot make EC keys, has no call for attributes,
 * and finds nothing at all in a token that holds an Ed25519 key (so we never make one), never
 * forgets a key that was removed, and loses about 500 bytes for every token that was open. Of
 * SoftHSM 2.6: it rewrites a token's file at each login, so who opens the token meanwhile may not
 * find it (RETRY means what it says) and a kill in between destroys it; p11_init_token() therefore
 * leaves that file read-only, which holds for all but root with its capabilities.
 *
 * One thread at a time per token. A token that was opened in one process is not used in its
 * children: open it after the fork.
 *
 * Errors are sorted by what can be done about them (PKCS #11 v3.0 5.1):
 *   device, slot, session   RETRY TOKEN_UNAVAILABLE   close, open again
 *   PIN                     FATAL PIN_REFUSED         never tried again (see refusal_path)
 *   the request itself      REJECT TOKEN_REFUSED      will not get better
 * err->native holds the code: "CKR_DEVICE_REMOVED (0x32)". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"
#include "common/ossl.h"

#define P11_MAX_SIGNATURE_BYTES 1024

struct p11;     /* an open token */
struct p11_key; /* a private key in it, with its public half; lives as long as the token is open */

/* Which token, and how it is opened. Texts are borrowed for the call. */
struct p11_config {
    const char *module_path;    /* PKCS#11 module, a shared object */
    const char *token_label;    /* slot numbers change; labels do not */
    const char *pin_path;       /* file with the user PIN; NULL: no login, public objects only */
    const char *softhsm_config; /* put into SOFTHSM2_CONF before loading; NULL: as it is */
    const char *refusal_path;   /* where a refused PIN file is remembered over restarts, so that a
                                   supervisor cannot lock the token by starting again; NULL: not */
    bool writable;              /* read-write session, for making keys */
};

/** Loads the module, finds the token by its label, opens a session and logs in once.
 *  RETRY TOKEN_UNAVAILABLE: no module, no such token, no session. FATAL PIN_REFUSED: wrong or
 *  locked PIN, the token says that the next wrong PIN locks it, or this PIN file was refused before
 *  (it is tried again once its content was replaced). FATAL KEY_FILE: PIN file unusable. */
enum rc p11_open(const struct p11_config *config, struct err *err, struct p11 **ret_token) MUST_USE;
void p11_close(struct p11 **token);

/** Looks for something in the token, whether its session is alive. Call it when idle for long: many
 *  network tokens drop idle sessions without a word. (SoftHSM tells no facts of a token once a
 * login could not write the token's file, see above; the token does everything else.) */
enum rc p11_probe(struct p11 *token, struct err *err) MUST_USE;

/** The private key with this label; NULL when there is none. REJECT TOKEN_REFUSED when two keys
 *  have the label or the public half is missing. Found keys are remembered. */
enum rc p11_find_key(struct p11 *token, const char *label, struct err *err,
                     struct p11_key **ret_key) MUST_USE;

/** "rsa2048", "rsa3072", "rsa4096", "p256"; "" for anything else. */
const char *p11_key_kind(const struct p11_key *key);

/** The public half as an ordinary OpenSSL key (the token has no part in it). Borrowed. */
EVP_PKEY *p11_key_public(const struct p11_key *key);

/** The private key as an OpenSSL key whose operations happen in the token: for X509_sign(),
 *  X509_CRL_sign(), OCSP_basic_sign(), X509_REQ_sign(). Borrowed. When such a call fails, ask
 *  p11_take_error() why. */
EVP_PKEY *p11_key_private(const struct p11_key *key);

/** Sorts what OpenSSL's error queue says about the token, empties the queue, fills *err. */
enum rc p11_take_error(struct err *err, const char *doing) MUST_USE;

/** Signature over a SHA-256 digest: RSASSA-PKCS1-v1_5 (RFC 8017 8.2) or ECDSA, the latter as DER
 *  Ecdsa-Sig-Value (RFC 3279 2.2.3). *ret_size ≤ P11_MAX_SIGNATURE_BYTES. */
enum rc p11_sign_sha256(struct p11_key *key, const uint8_t digest[32], struct err *err,
                        uint8_t ret_signature[P11_MAX_SIGNATURE_BYTES], size_t *ret_size) MUST_USE;

/* One public key object of a token. */
struct p11_key_row {
    const char *label;
    const char *kind;
    struct bytes id;       /* CKA_ID */
    struct bytes spki_der; /* SubjectPublicKeyInfo */
};

/** Every public key of the token, in the arena, in the token's order. */
enum rc p11_list_keys(struct p11 *token, struct arena *arena, struct err *err,
                      struct p11_key_row **ret_rows, size_t *ret_count) MUST_USE;

/* --- raw Cryptoki (p11_raw.c) ------------------------------------------------------------------
 */

/** Initialises a token with this label in the first slot that has none: C_InitToken, C_InitPIN.
 *  config->pin_path is the user PIN to set, so_pin_path the security officer's. REJECT
 *  ALREADY_EXISTS when a token with the label is there; it is never initialised twice. */
enum rc p11_init_token(const struct p11_config *config, const char *so_pin_path,
                       struct err *err) MUST_USE;

/** Makes a key pair that never leaves the token (CKA_SENSITIVE, not CKA_EXTRACTABLE). kind:
 *  "rsa2048", "rsa3072", "rsa4096" (exponent 65537) or "p256". CKA_ID is 20 random octets, the same
 *  on both halves. REJECT ALREADY_EXISTS when the label is taken; REJECT
 *  FIELD_INVALID for another kind. Needs a writable token. */
enum rc p11_generate_key(struct p11 *token, const char *label, const char *kind, struct err *err,
                         struct p11_key **ret_key) MUST_USE;

/* What the token itself says about a private key. */
struct p11_key_facts {
    bool sensitive, always_sensitive; /* its value cannot, could never be read */
    bool extractable, never_extractable;
    bool local; /* made inside the token */
    bool sign, decrypt, unwrap, derive;
};

enum rc p11_read_key_facts(struct p11 *token, const char *label, struct err *err,
                           struct p11_key_facts *ret_facts) MUST_USE;

/** Writes a certificate beside the key with the same label and CKA_ID. A certificate with exactly
 *  these bytes that is there already is success; another one under the label is replaced. Needs a
 *  writable token that holds the key; REJECT NOT_FOUND when it does not. */
enum rc p11_put_certificate(struct p11 *token, const char *label, struct bytes certificate_der,
                            struct err *err) MUST_USE;

/** The certificate with this label, DER in the arena; n is 0 when there is none. */
enum rc p11_find_certificate(struct p11 *token, const char *label, struct arena *arena,
                             struct err *err, struct bytes *ret_der) MUST_USE;

/** Removes private key, public key and certificates with this label; none there is success. For a
 *  device whose order was given up. Needs a writable token. */
enum rc p11_remove(struct p11 *token, const char *label, struct err *err) MUST_USE;

typedef struct p11 p11_t;
static inline void autoptr_free_p11_t(p11_t **token)
{
    p11_close(token);
}
