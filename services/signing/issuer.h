/* One generation of the issuing CA as signing knows it: its certificate, what every certificate
 * from it carries, and the signature that stands in what is linted. Made once per process, read by
 * many threads. The CA's private key is never here. */
#pragma once

#include "common/x509.h"
#include "services/signing/profile.h"

/* Addresses and policies of the installation. Texts are borrowed for the issuer's life. */
struct issuer_places {
    const char *public_url; /* status as the public sees it, without a slash at the end */
    const char *policy_oid; /* arc the profiles' suffixes are appended to */
    const char *cps_url;
};

#define ISSUER_MAX_PROFILES 8
#define ISSUER_MAX_EXTENSIONS 10

/* Extensions that are the same in every certificate of a profile, ready made. */
struct issuer_profile {
    const struct profile *profile;
    X509_EXTENSION *extended_usage, *policies;
};

struct issuer {
    const char *id; /* "issuing1" */
    X509 *certificate;
    struct bytes certificate_der, subject_der, key_id; /* key_id: subjectKeyIdentifier */
    const char *key_kind;
    int64_t not_after_us;
    const struct issuer_places *places;
    const EVP_MD *digest;
    X509_ALGOR *algorithm;      /* of its signatures */
    struct bytes algorithm_der; /* the same */
    /* Fits the algorithm and verifies nothing: by a key that was thrown away when it had signed. */
    struct bytes throwaway_signature;
    X509_EXTENSION *basic_constraints, *authority_key_id, *crl_points, *authority_access,
        *issuers_access, *no_check;
    struct issuer_profile by_profile[ISSUER_MAX_PROFILES];
    const char *crl_url, *certificate_url, *ocsp_url;
};

/** Makes an issuer from its certificate. `arena` is the process' own. FATAL KEY_FILE when the
 *  certificate is no CA certificate that may sign certificates, or its key is neither RSA ≥ 2048
 * nor P-256 or P-384; FATAL CONFIG_INVALID when a place cannot stand in a certificate. */
enum rc issuer_init(struct issuer *issuer, struct arena *arena, const char *id, X509 *certificate,
                    const struct issuer_places *places, struct err *err) MUST_USE;

/** Frees what issuer_init() made, also when it failed; the arena keeps the rest. */
void issuer_done(struct issuer *issuer);

/** Ready-made extensions of a profile. Never NULL for a row of profiles[]. */
const struct issuer_profile *issuer_profile_of(const struct issuer *issuer,
                                               const struct profile *profile);

/** The dotted policy OID of a profile. */
const char *issuer_policy(struct arena *arena, const struct issuer *issuer,
                          const struct profile *profile);
