/* PKCS#10 signing requests (RFC 2986): the key, and the proof that the sender has its private half.
 * Subject, attributes and requested extensions are never read: the CA certifies what was
 * authorised. */
#include "common/x509.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
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

/* Signature algorithms that prove possession: SHA-2 with RSA (PKCS#1 v1.5 or PSS) or ECDSA. */
static const struct {
    int nid;
    const EVP_MD *(*digest)(void); /* NULL: in the algorithm's own parameters */
    bool ec;
} algorithms[] = {
    {NID_ecdsa_with_SHA256, EVP_sha256, true},
    {NID_ecdsa_with_SHA384, EVP_sha384, true},
    {NID_ecdsa_with_SHA512, EVP_sha512, true},
    {NID_sha256WithRSAEncryption, EVP_sha256, false},
    {NID_sha384WithRSAEncryption, EVP_sha384, false},
    {NID_sha512WithRSAEncryption, EVP_sha512, false},
    {NID_rsassaPss, NULL, false},
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

/* --- the common case: an EC key on a named curve ------------------------------------------------
 * OpenSSL 3.0 needs a tenth of a millisecond to decode any public key, twice what the signature
 * costs. A point on P-256 or P-384 can be handed over as it is. */

/* The next element of `in` with this tag, header included; p is NULL when it is not that. In DER a
 * universal type but SEQUENCE is primitive, and what we take of the others is constructed. */
static struct bytes take_element(struct bytes *in, int tag, int class, struct bytes *ret_content)
{
    const unsigned char *p = in->p;
    struct bytes element = {0};
    int constructed = tag == V_ASN1_SEQUENCE || class != V_ASN1_UNIVERSAL ? V_ASN1_CONSTRUCTED : 0;
    long length;
    int found_tag, found_class;

    if (in->n == 0 ||
        ASN1_get_object(&p, &length, &found_tag, &found_class, (long)in->n) != constructed ||
        found_tag != tag || found_class != class)
        return element;
    element = bytes_of(in->p, (size_t)(p - in->p) + (size_t)length);
    *ret_content = bytes_of(p, (size_t)length);
    *in = bytes_of(in->p + element.n, in->n - element.n);
    return element;
}

#define TAKE_SEQUENCE(in, content) take_element((in), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, (content))

struct parts {
    struct bytes signed_der, spki_der, algorithm_der, signature;
};

/* CertificationRequest (RFC 2986 4.2) taken apart; false for anything else. */
static bool take_apart(struct bytes der, struct parts *ret_parts)
{
    struct bytes request, content, rest, ignored;
    struct parts parts = {0};

    if (TAKE_SEQUENCE(&der, &request).p == NULL || der.n)
        return false;
    parts.signed_der = TAKE_SEQUENCE(&request, &content);
    parts.algorithm_der = TAKE_SEQUENCE(&request, &ignored);
    rest = request;
    if (!parts.signed_der.p || !parts.algorithm_der.p ||
        !take_element(&rest, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL, &parts.signature).p || rest.n ||
        parts.signature.n < 2 || parts.signature.p[0] != 0)
        return false;
    parts.signature = bytes_of(parts.signature.p + 1, parts.signature.n - 1);
    if (!take_element(&content, V_ASN1_INTEGER, V_ASN1_UNIVERSAL, &ignored).p ||
        !TAKE_SEQUENCE(&content, &ignored).p)
        return false;
    parts.spki_der = TAKE_SEQUENCE(&content, &ignored);
    if (!parts.spki_der.p || !take_element(&content, 0, V_ASN1_CONTEXT_SPECIFIC, &ignored).p ||
        content.n)
        return false;
    *ret_parts = parts;
    return true;
}

/* SubjectPublicKeyInfo up to the point: RFC 5480 2, exactly these octets. */
static const struct {
    const char *group;
    const char *prefix;
    size_t prefix_length, size;
} curves[] = {
    {"P-256",
     "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"
     "\x07\x03\x42\x00",
     26, 91},
    {"P-384",
     "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62"
     "\x00",
     23, 120},
};

/* The key when it is an uncompressed point on a named curve; NULL for any other, and off the curve.
 */
static EVP_PKEY *point_key(struct bytes spki_der)
{
    autoptr(EVP_PKEY_CTX) context = NULL;
    EVP_PKEY *key = NULL;

    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (spki_der.n != curves[i].size ||
            memcmp(spki_der.p, curves[i].prefix, curves[i].prefix_length) != 0)
            continue;
        /* OpenSSL's parameters only lack the const. */
        const OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                             (char *)(uintptr_t)curves[i].group, 0),
            OSSL_PARAM_construct_octet_string(
                OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)(spki_der.p + curves[i].prefix_length),
                spki_der.n - curves[i].prefix_length),
            OSSL_PARAM_construct_end()};
        context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        if (context && EVP_PKEY_fromdata_init(context) == 1)
            EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params);
        break;
    }
    return key;
}

static bool proves_possession(const struct parts *parts, EVP_PKEY *key)
{
    const unsigned char *p = parts->algorithm_der.p;
    autoptr(X509_ALGOR) algorithm = d2i_X509_ALGOR(NULL, &p, (long)parts->algorithm_der.n);
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    int row = algorithm ? algorithm_row(algorithm) : -1;

    return context && row >= 0 && algorithms[row].ec &&
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

    CHECK(csr_der.n && csr_der.n <= X509_MAX_DER_BYTES, err, TRIEN__ERROR__CSR_MALFORMED,
          "%zu bytes", csr_der.n);
    if (take_apart(csr_der, &parts))
        key = point_key(parts.spki_der);
    if (key) {
        TRY(x509_key_check(key, err));
        if (!proves_possession(&parts, key))
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
