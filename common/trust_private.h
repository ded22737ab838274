/* The inside of a trust: for trust*.c alone. */
#pragma once

#include <pthread.h>

#include "common/trust.h"

#define TRUST_PATH_SLOTS 512
#define TRUST_DIGESTS_KEPT 4096

/* A CRL that was checked. It speaks for every CA certificate with the same name and key. */
struct trust_list {
    struct trust_crl facts;
    char number[48];
    uint8_t authority[32]; /* trust_authority() of the CA that verified it */
    uint8_t scope[32];     /* SHA-256 of issuingDistributionPoint; zeros without */
    X509_CRL *crl;
};

/* A path that OpenSSL accepted, and the time within which all of it is valid. */
struct trust_path {
    uint8_t leaf_sha256[32];
    enum trust_purpose purpose;
    usec not_before, not_after;
    STACK_OF(X509) * chain; /* leaf first, anchor last; NULL: empty slot */
};

struct trust {
    STACK_OF(X509) * anchors, *intermediates;
    X509_STORE *store;
    pthread_rwlock_t lock; /* of everything below */
    struct trust_list *lists;
    size_t list_count, list_room;
    uint8_t (*seen)[32]; /* digests of CRLs that were put in, a ring */
    size_t seen_count;
    struct trust_path paths[TRUST_PATH_SLOTS];
};

/** Who signs: SHA-256 over subject name and SubjectPublicKeyInfo; equal for re-issued CA
 * certificates. */
void trust_authority(X509 *certificate, uint8_t ret_authority[32]);

/** OpenSSL's digest of the whole certificate. */
void trust_sha256(X509 *certificate, uint8_t ret_sha256[32]);

/** RFC 4514 text of a name, in the arena. */
const char *trust_name_text(struct arena *arena, const X509_NAME *name);

/** The list of this authority that speaks for the certificate: covers its distribution point when
 * the list is partitioned. NULL when there is none. Caller holds the lock. */
const struct trust_list *trust_find_list(struct trust *trust, const uint8_t authority[32],
                                         X509 *certificate);

/** First http(s) URL of the certificate's cRLDistributionPoints, in the arena; "" without. */
const char *trust_crl_url(struct arena *arena, X509 *certificate);

/** Builds and checks the path of a leaf at `at`. RC_OK with *ret_chain (a new reference, free with
 *  ossl_stack_free()) and no reasons, or with reasons and *ret_chain NULL when it breaks off. */
enum rc trust_build_path(struct trust *trust, X509 *leaf, enum trust_purpose purpose, usec at,
                         struct arena *arena, struct err *err, struct trust_judgement *judgement,
                         X509_stack **ret_chain) MUST_USE;

/** Adds a reason unless its code is there already; keeps the order of the codes' numbers. */
void trust_add_reason(struct arena *arena, struct trust_judgement *judgement, Trien__Error code,
                      const char *detail);
