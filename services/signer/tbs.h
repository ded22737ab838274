/* The to-be-signed certificate: its fields as they stand in the bytes (RFC 5280 4.1.2). */
#pragma once

#include "common/clock.h"
#include "common/x509.h"

/* The largest to-be-signed certificate that is looked at. */
#define RULES_MAX_TBS_BYTES ((size_t)12 * 1024)

typedef struct {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *key;
} TBS_SPKI;

typedef struct {
    ASN1_INTEGER *version; /* NULL: version 1 */
    ASN1_INTEGER *serial;
    X509_ALGOR *algorithm;
    X509_NAME *issuer;
    X509_VAL *validity;
    X509_NAME *subject;
    TBS_SPKI *spki;
    ASN1_BIT_STRING *issuer_uid, *subject_uid; /* NULL: absent */
    STACK_OF(X509_EXTENSION) * extensions;     /* NULL: none */
} TBS_CERTIFICATE;

/* A subscriber's public key. kind: "rsa3072" (any number of bits), "p256", "p384"; "" for another
 * kind, a curve or a form that is not accepted, a point that is not on its curve. */
struct tbs_key {
    const char *kind;
    bool exponent_sane; /* RSA: odd, of 17 to 256 bits (FIPS 186-5 5.4); others: true */
};

struct tbs {
    struct bytes der;
    TBS_CERTIFICATE *fields; /* freed with the arena */
    const char *serial;      /* hex */
    struct bytes issuer_der, subject_der;
    uint8_t key_sha256[32];
    struct tbs_key key;
    usec not_before, not_after;
};

/** Parses a TBSCertificate that is exactly DER. REJECT SIGNER_LIMIT otherwise. */
enum rc tbs_parse(struct bytes der, struct arena *arena, struct err *err,
                  struct tbs *ret_tbs) MUST_USE;
