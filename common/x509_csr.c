/* PKCS#10 signing requests (RFC 2986): the key, and the proof that the sender has its private half.
 * Subject, attributes and requested extensions are never read: the CA certifies what was
 * authorised. */
#include "common/x509.h"

#include <openssl/pem.h>
#include <string.h>

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

/* SHA-2 with RSA (PKCS#1 v1.5 or PSS) or ECDSA. */
static bool digest_accepted(const X509_REQ *request)
{
    const X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;
    int nid;

    X509_REQ_get0_signature(request, NULL, &algorithm);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    nid = OBJ_obj2nid(object);
    return nid == NID_sha256WithRSAEncryption || nid == NID_sha384WithRSAEncryption ||
           nid == NID_sha512WithRSAEncryption || nid == NID_rsassaPss ||
           nid == NID_ecdsa_with_SHA256 || nid == NID_ecdsa_with_SHA384 ||
           nid == NID_ecdsa_with_SHA512;
}

static enum rc check_request(struct arena *arena, X509_REQ *request, struct err *err,
                             struct x509_csr *csr)
{
    X509_PUBKEY *field = X509_REQ_get_X509_PUBKEY(request);
    EVP_PKEY *key = field ? X509_PUBKEY_get0(field) : NULL;

    CHECK(key, err, TRIEN__ERROR__KEY_WEAK, "the public key cannot be used: %s",
          x509_openssl_error(arena));
    TRY(x509_key_check(key, err));
    CHECK(digest_accepted(request), err, TRIEN__ERROR__POSSESSION_NOT_PROVED,
          "the request is signed with an algorithm that is not accepted");
    if (X509_REQ_verify(request, key) != 1)
        FAIL(err, TRIEN__ERROR__POSSESSION_NOT_PROVED, "self-signature: %s",
             x509_openssl_error(arena));
    csr->spki_der = x509_der(arena, field, i2d_X509_PUBKEY);
    csr->key_kind = x509_key_kind(arena, key);
    bytes_sha256(csr->spki_der, csr->key_sha256);
    return RC_OK;
}

enum rc x509_csr_check(struct arena *arena, struct bytes csr_der, struct err *err,
                       struct x509_csr *ret_csr)
{
    const unsigned char *p = csr_der.p;
    struct x509_csr csr = {.der = csr_der};
    autoptr(X509_REQ) request = NULL;

    CHECK(csr_der.n && csr_der.n <= X509_MAX_DER_BYTES, err, TRIEN__ERROR__CSR_MALFORMED,
          "%zu bytes", csr_der.n);
    request = d2i_X509_REQ(NULL, &p, (long)csr_der.n);
    if (!request || p != csr_der.p + csr_der.n)
        FAIL(err, TRIEN__ERROR__CSR_MALFORMED, "not one PKCS#10 request: %s",
             x509_openssl_error(arena));
    TRY(check_request(arena, request, err, &csr));
    ERR_clear_error();
    *ret_csr = csr;
    return RC_OK;
}
