/* Certificate profiles as data: what stands in a certificate of each kind, and why. tbs.c writes by
 * this table, lint.c reads by it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/subscriber.h"

/* Bits of KeyUsage as OpenSSL numbers them (X509v3_KU_…). */
#include <openssl/x509v3.h>

/* Kinds of subjectAltName. */
enum {
    SAN_EMAIL = 1,
    SAN_DNS = 2,
    SAN_IP = 4,
    SAN_HOST = SAN_DNS | SAN_IP,
};

#define PROFILE_MAX_USAGES 4

struct profile {
    const char *name;                                    /* PROFILE_… of common/subscriber.h */
    unsigned key_usage_rsa;                              /* KU_…; critical (RFC 5280 4.2.1.3) */
    unsigned key_usage_ec;                               /* no keyEncipherment: RFC 8813 3 */
    const char *extended_usages[PROFILE_MAX_USAGES + 1]; /* dotted OIDs (RFC 5280 4.2.1.12) */
    unsigned san_allowed, san_needed; /* SAN_…; of the needed kinds at least one */
    const char *policy_suffix;        /* appended to the policy arc of the installation */
    const char *notice; /* Decree 68/2024 Điều 7 (7): limits of purpose and scope; RFC 6818 3 */
    unsigned max_days;  /* Decree 68/2024 Điều 9 */
    const char *key_kinds;       /* words of x509_key_kind(): " rsa2048 p256 " */
    const char *device_key_kind; /* what the station makes */
    bool ocsp_no_check;          /* RFC 6960 4.2.2.2.1; then without CRL and OCSP pointers */
    bool needs_organisation;     /* O in the subject */
};

/** The profile of that name; NULL when there is none. */
const struct profile *profile_find(const char *name);

/** Every profile, ended by a row without a name. */
extern const struct profile profiles[];

/** The profile accepts keys of this kind ("rsa3072"). */
bool profile_accepts_key(const struct profile *profile, const char *key_kind);

/** Key kind the station makes for an order: the profile's, but P-256 for a SIM. */
const char *profile_device_key_kind(const struct profile *profile, const char *device_kind);

/** KeyUsage bits for a key of this kind. */
unsigned profile_key_usage(const struct profile *profile, const char *key_kind);
