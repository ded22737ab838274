/* From an authorisation to the bytes that the CA key will sign, and from its signature to the
 * certificate. Pure but for the random serial. */
#pragma once

#include "services/signing/issuer.h"

#define TBS_MAX_NAMES 16
#define TBS_SERIAL_BYTES 16 /* one of prefix, fifteen random */

/* What a certificate is made of. */
struct tbs_order {
    const struct profile *profile;
    struct bytes subject_der;
    struct bytes spki_der;
    const char *key_kind;
    const char *const *emails, *const *dns_names, *const *ip_addresses;
    size_t email_count, dns_count, ip_count;
    struct bytes serial;                 /* positive, big endian */
    int64_t not_before_us, not_after_us; /* whole seconds */
};

/** A fresh serial: prefix (1..127, the installation's own), then 120 bits from OpenSSL's CSPRNG.
 *  RETRY OVERLOADED when no randomness is to be had. */
enum rc tbs_random_serial(struct arena *arena, uint8_t prefix, struct err *err,
                          struct bytes *ret_serial) MUST_USE;

/** Validity of an order: from `now` cut to the second, for `days` at most, never beyond the issuer
 * or the profile. REJECT SIGNER_LIMIT when less than a day would be left. */
enum rc tbs_validity(const struct issuer *issuer, const struct profile *profile, int64_t now_us,
                     unsigned days, struct err *err, struct tbs_order *order) MUST_USE;

/** The certificate with the issuer's throw-away signature, DER: what is linted. Extensions in the
 *  order of RFC 5280 4.2.1. REJECT FIELD_INVALID when a name cannot stand in subjectAltName; FATAL
 * INTERNAL when OpenSSL fails. */
enum rc tbs_build(const struct issuer *issuer, const struct tbs_order *order, struct arena *arena,
                  struct err *err, struct bytes *ret_throwaway_der) MUST_USE;

/** The TBSCertificate inside a certificate, as it stands; n is 0 when the bytes are no certificate.
 */
struct bytes tbs_of(struct bytes certificate_der);

/** SEQUENCE {tbs, algorithm, signature}: the signature is verified with the issuer's key, what was
 * put together is taken apart again and compared. The to-be-signed bytes are those that were
 * linted, so they are not parsed once more. REJECT ANSWER_MISMATCH when the signature does not
 * verify. */
enum rc tbs_assemble(const struct issuer *issuer, struct bytes tbs_der, struct bytes signature,
                     struct arena *arena, struct err *err,
                     struct bytes *ret_certificate_der) MUST_USE;
