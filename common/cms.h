/* One CMS signature of a PDF: is it a sound signature over exactly these bytes, and by which
 * certificate? Whether the certificate is to be believed is trust.h's question. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/ossl.h"

#define CMS_MAX_REASONS 8

struct cms_reason {
    Trien__Error code;  /* SIGNATURE_INVALID or SIGNATURE_WEAK */
    const char *detail; /* static */
};

struct cms_signed {
    X509 *signer;        /* NULL when none could be found; freed with the arena */
    bool is_time_stamp;  /* an RFC 3161 token instead of a detached signature */
    usec claimed_at;     /* signingTime (RFC 5652 11.3), or genTime of a token; 0 when absent */
    const char *digest;  /* OpenSSL's name: "SHA256"; "" when unknown */
    size_t reason_count; /* 0: the signature verifies */
    struct cms_reason reasons[CMS_MAX_REASONS];
};

/* Work that is already done: the SHA-256 of the first range on its way. It is copied, never
 * changed. */
struct cms_begun {
    const EVP_MD_CTX *sha256;
    size_t size; /* how many bytes went in: all of the first range, or it is of no use */
};

/** Checks the DER or BER at the start of `contents` (zeros may follow, ISO 32000-2 12.8.3.3.1) over
 * the concatenation of the ranges (`begun` may be NULL). Demands: SignedData with one SignerInfo
 * whose certificate is embedded; detached id-data (RFC 5652 5), or a TSTInfo whose imprint is of
 * the ranges (RFC 3161 2.4.2); signed attributes with exactly one contentType and messageDigest;
 * signingCertificate (V2), when present, naming the signer first (RFC 5035 3); digests of the SHA-2
 * or SHA-3 families; RSA PKCS#1 v1.5, RSASSA-PSS or ECDSA. */
void cms_check(struct arena *arena, struct bytes contents, const struct bytes *ranges,
               size_t range_count, const struct cms_begun *begun, struct cms_signed *ret_signed);

/** The digest (by NID) is strong enough for a signature made today: SHA-2 from 256 bits up, SHA-3.
 */
bool cms_digest_is_strong(int nid);
