/* An issuing authority of ours, from its certificate: what whoever asks for its signatures, gives
 * them or checks them needs to know. The private key is never here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/ossl.h"
#include "common/x509.h"

struct x509_ca {
    const char *name; /* key label in the token, id in every message: "issuing1" */
    struct bytes certificate_der, subject_der, key_id; /* key_id: SubjectKeyIdentifier */
    EVP_PKEY *public_key;
    const char *key_kind;
    uint8_t key_sha256[32];
    struct bytes algorithm_der; /* AlgorithmIdentifier of its signatures */
    usec not_before, not_after;
    bool signs_lists; /* its key usage has cRLSign */
};

/** Reads an issuing certificate (PEM). FATAL KEY_FILE: unreadable, no CA certificate, no
 *  SubjectKeyIdentifier, or a key that is neither RSA nor P-256. The key is freed with the arena.
 */
enum rc x509_ca_load(struct arena *arena, const char *name, const char *path, struct err *err,
                     struct x509_ca *ret_ca) MUST_USE;

/** The same from DER bytes. */
enum rc x509_ca_read(struct arena *arena, const char *name, struct bytes der, struct err *err,
                     struct x509_ca *ret_ca) MUST_USE;

/** The signature over `tbs` is by the authority's key. Looked at before any answer is released: a
 *  faulty RSA signature would give the key away. */
bool x509_ca_verify(const struct x509_ca *ca, struct bytes tbs, struct bytes signature);

/** The same from the SHA-256 of what was signed. */
bool x509_ca_verify_digest(const struct x509_ca *ca, const uint8_t digest[32],
                           struct bytes signature);

/** The authority with this name; NULL when there is none. */
const struct x509_ca *x509_ca_find(const struct x509_ca *cas, size_t count, const char *name);
