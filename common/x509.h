/* X.509 as the services share it: names, keys of the registration authority, stations and officers,
 * certificate signing requests, the facts of a certificate.
 *
 * Pure but for the functions that name a file. Nothing here knows a database, a bus or a token.
 * Every function that reads foreign DER limits its size first (X509_MAX_DER_BYTES). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"
#include "common/ossl.h"
#include "proto/types.pb-c.h"

/* The largest certificate or signing request that is looked at. */
#define X509_MAX_DER_BYTES ((size_t)16 * 1024)

/* --- names (x509_name.c) ---------------------------------------------------------------------- */

/* Upper bounds of RFC 5280 appendix A.1, in characters after NFC. */
enum {
    X509_UB_COMMON_NAME = 64,
    X509_UB_ORGANISATION = 64,
    X509_UB_UNIT = 64,
    X509_UB_TITLE = 64,
    X509_UB_LOCALITY = 128,
    X509_UB_UID = 256, /* RFC 4524 2.10 */
};

/* The attributes of a subject; NULL or "" leaves one out. Order in the certificate as below. */
struct x509_name {
    const char *locality;         /* L: province or centrally run city */
    const char *organisation;     /* O */
    const char *unit;             /* OU */
    const char *title;            /* title */
    const char *common_name;      /* CN; required */
    const char *uid;              /* UID: "CCCD:001190012346", "MST:0100109106", "MQHNS:1234567" */
    bool common_name_is_official; /* CN is an agency's, service's name: may be shortened like O */
};

/** DER Name (RFC 5280 4.1.2.4): C=VN first, then the attributes in the order of the struct;
 *  PrintableString for C, UTF8String for all others. Values are brought to NFC, white space runs
 *  become one space. O, OU, title, L and an official CN that exceed their bound are shortened by
 *  x509_name_shorten(); a person's name never is.
 *  REJECT NAME_TOO_LONG when a value does not fit; REJECT FIELD_INVALID when one is not text;
 *  REJECT FIELD_MISSING without a CN. err->field is "locality", "organisation" … */
enum rc x509_name_build(struct arena *arena, const struct x509_name *name, struct err *err,
                        struct bytes *ret_der) MUST_USE;

/** The rule for long official names: the substitutions of the table in x509_name.c ("Ủy ban nhân
 *  dân" → "UBND", "Khoa học và Công nghệ" → "KH&CN" …) one after the other, in the table's order,
 *  each on every occurrence of whole words, until the text has at most limit_characters. Nothing is
 *  ever cut off. Text must be NFC. NULL when it still does not fit. */
const char *x509_name_shorten(struct arena *arena, const char *text, size_t limit_characters);

/** The DER Name as RFC 4514 text for people (UTF-8 not escaped); NULL when it is no DER Name. */
const char *x509_name_text(struct arena *arena, struct bytes name_der);

/** First value of an attribute (NID_commonName …) as UTF-8; NULL when absent or no DER Name. */
const char *x509_name_find(struct arena *arena, struct bytes name_der, int nid);

/* --- keys that sign statements (x509_key.c) -----------------------------------------------------
 */

/* A P-256 key of the registration authority, a station or an officer; private or public. */
struct x509_key;

/** Private key from a PEM file (PKCS#8 or SEC1). FATAL KEY_FILE when it cannot be read, is not
 * P-256, or others may read the file. Free with x509_key_free(). */
enum rc x509_key_load(const char *path, struct err *err, struct x509_key **ret_key) MUST_USE;

/** Public half from DER SubjectPublicKeyInfo. REJECT KEY_WEAK when it is not a P-256 key. */
enum rc x509_key_from_spki(struct bytes spki_der, struct err *err,
                           struct x509_key **ret_key) MUST_USE;

void x509_key_free(struct x509_key **key);

/** Lower-case hex SHA-256 of the SubjectPublicKeyInfo (KeySignature.key_id). Lives with the key. */
const char *x509_key_id(const struct x509_key *key);

/** DER SubjectPublicKeyInfo. Lives with the key. */
struct bytes x509_key_spki(const struct x509_key *key);

/** ECDSA P-256 over SHA-256 of the message, DER, in the arena; what KeySignature carries.
 *  FATAL INTERNAL when OpenSSL fails. */
enum rc x509_sign_p256(const struct x509_key *key, struct arena *arena, struct bytes message,
                       struct err *err, Trien__KeySignature *ret_signature) MUST_USE;

/** The signature is by this key over exactly these bytes. */
bool x509_verify_p256(const struct x509_key *key, struct bytes message, struct bytes signature);

/* Enrolled public keys, found by key id. */
struct x509_ring;

/** Reads every PUBLIC KEY block of one PEM file (text between the blocks is comment).
 *  FATAL KEY_FILE when the file cannot be read, holds no key or a key that is not P-256. */
enum rc x509_ring_load(const char *path, struct err *err, struct x509_ring **ret_ring) MUST_USE;
void x509_ring_free(struct x509_ring **ring);
size_t x509_ring_count(const struct x509_ring *ring);

/** The key at a place from 0. Lives with the ring, and until the next x509_ring_swap(). */
const struct x509_key *x509_ring_at(const struct x509_ring *ring, size_t at);

/** The enrolled key with this id; NULL when there is none. Lives as long. */
const struct x509_key *x509_ring_find(const struct x509_ring *ring, const char *key_id);

/** The signature was made by a key of the ring over exactly these bytes. Any number of threads. */
bool x509_ring_verify(const struct x509_ring *ring, struct bytes message,
                      const Trien__KeySignature *signature);

/** Exchanges the keys of a ring that others are using and of one that nobody else has. */
void x509_ring_swap(struct x509_ring *ring, struct x509_ring *own);

/* --- who may vouch (x509_enrolled.c) ------------------------------------------------------------
 */

/* The roles' PEM files. */
struct x509_enrolled_files {
    const char *registration_authority, *station, *officer;
};

/* Their rings. A key stands in one of them only: nobody may vouch for himself. */
struct x509_enrolled {
    struct x509_ring *registration_authority, *station, *officer;
};

/** Reads the three rings. FATAL KEY_FILE, or CONFIG_INVALID when a key is enrolled in two roles. */
enum rc x509_enrolled_load(const struct x509_enrolled_files *files, struct err *err,
                           struct x509_enrolled *ret_enrolled) MUST_USE;
void x509_enrolled_free(struct x509_enrolled *enrolled);

/** Reads the files again; what they say now holds from the next signature on, and a key that is not
 *  there any more is refused. Other threads may be using the rings. On failure nothing has changed.
 */
enum rc x509_enrolled_reread(const struct x509_enrolled_files *files,
                             struct x509_enrolled *enrolled, struct err *err) MUST_USE;

/** "keys":{"registration_authority":1,"station":2,"officer":2}: how many of each, for /healthz. */
const char *x509_enrolled_json(const struct x509_enrolled *enrolled, struct arena *arena);

typedef struct x509_key x509_key_t;
typedef struct x509_ring x509_ring_t;
static inline void autoptr_free_x509_key_t(x509_key_t **key)
{
    x509_key_free(key);
}
static inline void autoptr_free_x509_ring_t(x509_ring_t **ring)
{
    x509_ring_free(ring);
}

/* --- public keys as others write them (x509_public.c)
 * -------------------------------------- */

/** The key in DER SubjectPublicKeyInfo when it has the one form nearly all have, read without
 * OpenSSL's decoders (0.11 ms each with OpenSSL 3.0): rsaEncryption with NULL and DER numbers of at
 * most 8192 bits, or an uncompressed point on P-256 or P-384 (OpenSSL sees that it is on the
 * curve). NULL for any other form: that is no verdict. The caller's, EVP_PKEY_free(). */
EVP_PKEY *x509_plain_key(struct bytes spki_der);

/** The key in DER SubjectPublicKeyInfo, of whatever kind OpenSSL can read; NULL when it cannot. The
 * caller's. Whether anybody should certify it is x509_key_check()'s. */
EVP_PKEY *x509_public_key(struct bytes spki_der);

/* --- subscribers' public keys (x509_weak.c)
 * ------------------------------------------ */

/** SHA-256 of the DER SubjectPublicKeyInfo: key_sha256 everywhere. */
void x509_spki_sha256(struct bytes spki_der, uint8_t ret_digest[32]);

/** What a public key is: "rsa2048", "rsa3072", "rsa4096", "p256", "p384"; "rsa<bits>" for another
 *  RSA key, "" for anything else. In the arena. */
const char *x509_key_kind(struct arena *arena, const EVP_PKEY *key);

/** Refuses keys nobody should certify (the table in x509_weak.c: other algorithms, RSA below 2048
 * or above 8192 bits, modulus even or with small factors, small, even or huge exponents, ROCA,
 * factors close together, keys on the list of x509_weak_list_load(), curves other than P-256 and
 * P-384, a point off its curve). REJECT KEY_WEAK; err->detail says which row. Sources: NIST SP
 * 800-89 5.3.3, SP 800-56A 5.6.2.3, CVE-2017-15361, CVE-2022-26320, CVE-2008-0166. */
enum rc x509_key_check(const EVP_PKEY *key, struct err *err) MUST_USE;

/** Loads a list of known-weak RSA keys in the format of Debian's openssl-blacklist (20 hexadecimal
 *  digits a line: the last ones of SHA-1 over "Modulus=<HEX>\n"; '#' starts a comment); replaces
 * the list of this process. Call before threads start. FATAL KEY_FILE when unreadable or malformed.
 */
enum rc x509_weak_list_load(const char *path, struct err *err) MUST_USE;

/* --- signing requests (x509_csr.c)
 * ----------------------------------------------------------------- */

/* What is believed of a signing request: its key. Subject and extensions are the CA's own business.
 */
struct x509_csr {
    struct bytes der;       /* the request itself */
    struct bytes spki_der;  /* exactly as in the request */
    uint8_t key_sha256[32]; /* of spki_der */
    const char *key_kind;   /* "rsa3072", "p256" … */
};

/** DER of the first CERTIFICATE REQUEST (or NEW CERTIFICATE REQUEST) block; DER passes unchanged.
 *  REJECT CSR_MALFORMED when there is none or it is too large. In the arena. */
enum rc x509_csr_decode(struct arena *arena, struct bytes pem_or_der, struct err *err,
                        struct bytes *ret_der) MUST_USE;

/** Parses a DER PKCS#10 request (RFC 2986), checks the key with x509_key_check() and the
 *  self-signature (proof of possession) with a digest of the SHA-2 family.
 *  REJECT CSR_MALFORMED, KEY_WEAK or POSSESSION_NOT_PROVED. Views of *ret point into csr_der and
 * the arena. Uses no time: about one signature verification. */
enum rc x509_csr_check(struct arena *arena, struct bytes csr_der, struct err *err,
                       struct x509_csr *ret_csr) MUST_USE;

/* --- certificates (x509_cert.c)
 * ---------------------------------------------------------------------- */

/* The facts of one certificate; everything lives in the arena or in the certificate's bytes. */
struct x509_facts {
    struct bytes der;
    const char *serial; /* lower-case hex without leading zeros */
    struct bytes issuer_der;
    struct bytes subject_der;
    const char *subject_text; /* RFC 4514 */
    const char *common_name;  /* "" when absent */
    struct bytes spki_der;
    uint8_t key_sha256[32];
    int64_t not_before_us;
    int64_t not_after_us; /* the last second of validity, RFC 5280 4.1.2.5 */
};

/** Parses one DER certificate and reads its facts. REJECT MALFORMED when it is not exactly one
 *  certificate. */
enum rc x509_facts_read(struct arena *arena, struct bytes der, struct err *err,
                        struct x509_facts *ret_facts) MUST_USE;

/** d2i_X509 that insists on using every byte; NULL when the bytes are not one certificate. */
X509 *x509_parse(struct bytes der);

/** The same for a certificate that is likely to come again: parsed once, kept by its SHA-256 in a
 * bounded cache of the process, and shared by all threads. A reference for the caller, who never
 * changes the certificate. (x509_shared.c) */
X509 *x509_parse_shared(struct bytes der);

/** x509_parse() that leaves the public key alone, at a tenth of the cost: for looking at a
 * certificate that is not relied upon. X509_get0_pubkey() is NULL (x509_public_key() reads
 * X509_get_X509_PUBKEY()); OpenSSL can neither verify with it nor digest it. (x509_public.c) */
X509 *x509_parse_keyless(struct bytes der);

/** Every CERTIFICATE block of a PEM file, in its order. FATAL KEY_FILE when unreadable or empty. */
enum rc x509_certificates_load(const char *path, struct err *err, X509_stack **ret_stack) MUST_USE;

/** DER of an OpenSSL object that has an i2d function, in the arena: x509_der(arena, cert,
 * i2d_X509). */
#define x509_der(arena, object, i2d)                                                               \
    ({                                                                                             \
        unsigned char *der_ = NULL;                                                                \
        int der_length_ = i2d((object), &der_);                                                    \
        struct bytes copy_ = {0};                                                                  \
        if (der_length_ > 0)                                                                       \
            copy_ = arena_bytes((arena), bytes_of(der_, (size_t)der_length_));                     \
        OPENSSL_free(der_);                                                                        \
        copy_;                                                                                     \
    })

/** Microseconds since 1970; INT64_MIN when the time is malformed. */
int64_t x509_time_us(const ASN1_TIME *when);

/** Serial number as the project writes it: lower-case hex without leading zeros. */
const char *x509_serial_hex(struct arena *arena, const ASN1_INTEGER *serial);

/** First message of OpenSSL's error queue, which is emptied; "" when there is none. For
 * err->native. */
const char *x509_openssl_error(struct arena *arena);
