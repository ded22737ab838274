/* PKCS#10 signing requests (RFC 2986): the key, and the proof that the sender has its private half.
 * Subject, attributes and requested extensions are never read: the CA certifies what was
 * authorised. */
#include "common/x509.h"

#include <openssl/pem.h>

#include "common/der.h"

enum rc x509_csr_decode(struct arena *arena, struct bytes pem_or_der, struct err *err,
                        struct bytes *ret_der)
{
    autoptr(BIO) in = NULL;
    unsigned char *der = NULL;
    char *name = NULL;
    long length;
    int found;

    CHECK(pem_or_der.n && pem_or_der.n <= 2 * X509_MAX_DER_BYTES, err, TRIEN__ERROR__CSR_MALFORMED,
          "%zu bytes", pem_or_der.n);
    if (pem_or_der.p[0] == 0x30) {
        *ret_der = pem_or_der;
        return RC_OK;
    }
    in = BIO_new_mem_buf(pem_or_der.p, (int)pem_or_der.n);
    found = in ? PEM_bytes_read_bio(&der, &length, &name, PEM_STRING_X509_REQ, in, NULL, NULL) : 0;
    if (!found) {
        ERR_clear_error();
        FAIL(err, TRIEN__ERROR__CSR_MALFORMED, "no CERTIFICATE REQUEST block");
    }
    *ret_der = arena_bytes(arena, bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    OPENSSL_free(name);
    return RC_OK;
}

/* Signature algorithms that prove possession: SHA-2 with RSA (PKCS#1 v1.5 or PSS) or ECDSA. */
static const struct {
    int nid;
    const EVP_MD *(*digest)(void); /* NULL: in the algorithm's own parameters */
    const char *key;               /* OpenSSL's name of the kind */
} algorithms[] = {
    {NID_ecdsa_with_SHA256, EVP_sha256, "EC"},
    {NID_ecdsa_with_SHA384, EVP_sha384, "EC"},
    {NID_ecdsa_with_SHA512, EVP_sha512, "EC"},
    {NID_sha256WithRSAEncryption, EVP_sha256, "RSA"},
    {NID_sha384WithRSAEncryption, EVP_sha384, "RSA"},
    {NID_sha512WithRSAEncryption, EVP_sha512, "RSA"},
    {NID_rsassaPss, NULL, "RSA"},
};

static int algorithm_row(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object;

    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (algorithms[i].nid == OBJ_obj2nid(object))
            return (int)i;
    return -1;
}

/* --- the common case: a plain key, and a signature without parameters of its own ----------------
 */

struct parts {
    struct bytes signed_der, spki_der, algorithm_der, signature;
};

/* CertificationRequest (RFC 2986 4.2) taken apart; false for anything else. */
static bool take_apart(struct bytes der, struct parts *ret_parts)
{
    struct bytes request, content, rest, ignored;
    struct parts parts = {0};

    if (!der_take(&der, DER_SEQUENCE, &request).p || der.n)
        return false;
    parts.signed_der = der_take(&request, DER_SEQUENCE, &content);
    parts.algorithm_der = der_take(&request, DER_SEQUENCE, &ignored);
    rest = request;
    if (!parts.signed_der.p || !parts.algorithm_der.p ||
        !der_take(&rest, DER_BIT_STRING, &parts.signature).p || rest.n || parts.signature.n < 2 ||
        parts.signature.p[0] != 0)
        return false;
    parts.signature = bytes_of(parts.signature.p + 1, parts.signature.n - 1);
    if (!der_take(&content, DER_INTEGER, &ignored).p ||
        !der_take(&content, DER_SEQUENCE, &ignored).p)
        return false;
    parts.spki_der = der_take(&content, DER_SEQUENCE, &ignored);
    if (!parts.spki_der.p || !der_take(&content, DER_CONTEXT_CONSTRUCTED, &ignored).p || content.n)
        return false;
    *ret_parts = parts;
    return true;
}

/* The row of the signature's algorithm when it says everything that verifying needs; else -1. */
static int plain_row(const struct parts *parts)
{
    const unsigned char *p = parts->algorithm_der.p;
    autoptr(X509_ALGOR) algorithm = d2i_X509_ALGOR(NULL, &p, (long)parts->algorithm_der.n);
    int row = algorithm ? algorithm_row(algorithm) : -1;

    return row >= 0 && algorithms[row].digest ? row : -1;
}

static bool proves_possession(const struct parts *parts, int row, EVP_PKEY *key)
{
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

    return context && EVP_PKEY_is_a(key, algorithms[row].key) &&
           EVP_DigestVerifyInit(context, NULL, algorithms[row].digest(), NULL, key) == 1 &&
           EVP_DigestVerify(context, parts->signature.p, parts->signature.n, parts->signed_der.p,
                            parts->signed_der.n) == 1;
}

/* --- every other request -------------------------------------------------------------------------
 */

static enum rc check_any(struct arena *arena, struct err *err, struct x509_csr *csr)
{
    const unsigned char *p = csr->der.p;
    autoptr(X509_REQ) request = d2i_X509_REQ(NULL, &p, (long)csr->der.n);
    X509_PUBKEY *field = request ? X509_REQ_get_X509_PUBKEY(request) : NULL;
    EVP_PKEY *key = field ? X509_PUBKEY_get0(field) : NULL;
    const X509_ALGOR *algorithm;

    if (!request || p != csr->der.p + csr->der.n)
        FAIL(err, TRIEN__ERROR__CSR_MALFORMED, "not one PKCS#10 request: %s",
             x509_openssl_error(arena));
    CHECK(key, err, TRIEN__ERROR__KEY_WEAK, "the public key cannot be used: %s",
          x509_openssl_error(arena));
    TRY(x509_key_check(key, err));
    X509_REQ_get0_signature(request, NULL, &algorithm);
    CHECK(algorithm_row(algorithm) >= 0, err, TRIEN__ERROR__POSSESSION_NOT_PROVED,
          "the request is signed with an algorithm that is not accepted");
    if (X509_REQ_verify(request, key) != 1)
        FAIL(err, TRIEN__ERROR__POSSESSION_NOT_PROVED, "self-signature: %s",
             x509_openssl_error(arena));
    csr->spki_der = x509_der(arena, field, i2d_X509_PUBKEY);
    csr->key_kind = x509_key_kind(arena, key);
    return RC_OK;
}

enum rc x509_csr_check(struct arena *arena, struct bytes csr_der, struct err *err,
                       struct x509_csr *ret_csr)
{
    struct x509_csr csr = {.der = csr_der};
    autoptr(EVP_PKEY) key = NULL;
    struct parts parts;
    int row = -1;

    CHECK(csr_der.n && csr_der.n <= X509_MAX_DER_BYTES, err, TRIEN__ERROR__CSR_MALFORMED,
          "%zu bytes", csr_der.n);
    if (take_apart(csr_der, &parts) && (row = plain_row(&parts)) >= 0)
        key = x509_plain_key(parts.spki_der);
    if (key) {
        TRY(x509_key_check(key, err));
        if (!proves_possession(&parts, row, key))
            FAIL(err, TRIEN__ERROR__POSSESSION_NOT_PROVED, "self-signature: %s",
                 x509_openssl_error(arena));
        csr.spki_der = parts.spki_der;
        csr.key_kind = x509_key_kind(arena, key);
    } else {
        TRY(check_any(arena, err, &csr));
    }
    bytes_sha256(csr.spki_der, csr.key_sha256);
    ERR_clear_error();
    *ret_csr = csr;
    return RC_OK;
}
