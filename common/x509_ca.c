/* Issuing authorities, read once at start. Refuses a certificate that
 * could not issue. */
#include <string.h>

#include "common/x509_ca.h"

static const uint8_t rsa_sha256[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                     0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

static void free_key(void *key)
{
    EVP_PKEY_free(key);
}

static enum rc read_key(struct arena *arena, X509 *cert, struct err *err, struct x509_ca *issuer)
{
    issuer->public_key = X509_get_pubkey(cert);
    CHECK(issuer->public_key, err, TRIEN__ERROR__KEY_FILE, "%s: unusable public key", issuer->name);
    arena_defer(arena, issuer->public_key, free_key);
    issuer->key_kind = x509_key_kind(arena, issuer->public_key);
    if (EVP_PKEY_get_base_id(issuer->public_key) == EVP_PKEY_RSA)
        issuer->algorithm_der = bytes_of(rsa_sha256, sizeof(rsa_sha256));
    else if (strcmp(issuer->key_kind, "p256") == 0)
        issuer->algorithm_der = bytes_of(ecdsa_sha256, sizeof(ecdsa_sha256));
    else
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s: keys are RSA or P-256", issuer->name);
    x509_spki_sha256(x509_der(arena, X509_get_X509_PUBKEY(cert), i2d_X509_PUBKEY),
                     issuer->key_sha256);
    return RC_OK;
}

enum rc x509_ca_read(struct arena *arena, const char *name, struct bytes der, struct err *err,
                     struct x509_ca *ret_issuer)
{
    autoptr(X509) cert = x509_parse(der);
    struct x509_ca issuer = {.name = name, .certificate_der = arena_bytes(arena, der)};
    const ASN1_OCTET_STRING *key_id = cert ? X509_get0_subject_key_id(cert) : NULL;

    CHECK(cert, err, TRIEN__ERROR__KEY_FILE, "%s: not one certificate", name);
    CHECK(X509_check_ca(cert) == 1 && (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN), err,
          TRIEN__ERROR__KEY_FILE, "%s: not the certificate of a CA", name);
    CHECK(key_id, err, TRIEN__ERROR__KEY_FILE, "%s: no SubjectKeyIdentifier", name);
    issuer.key_id = arena_bytes(
        arena, bytes_of(ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id)));
    issuer.signs_lists = X509_get_key_usage(cert) & KU_CRL_SIGN;
    issuer.subject_der = x509_der(arena, X509_get_subject_name(cert), i2d_X509_NAME);
    issuer.not_before = x509_time_us(X509_get0_notBefore(cert));
    issuer.not_after = x509_time_us(X509_get0_notAfter(cert));
    TRY(read_key(arena, cert, err, &issuer));
    *ret_issuer = issuer;
    return RC_OK;
}

enum rc x509_ca_load(struct arena *arena, const char *name, const char *path, struct err *err,
                     struct x509_ca *ret_issuer)
{
    autoptr(X509_stack) certificates = NULL;

    TRY(x509_certificates_load(path, err, &certificates));
    return x509_ca_read(arena, name, x509_der(arena, sk_X509_value(certificates, 0), i2d_X509), err,
                        ret_issuer);
}

bool x509_ca_verify(const struct x509_ca *issuer, struct bytes tbs, struct bytes signature)
{
    autoptr(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, issuer->public_key) == 1 &&
              EVP_DigestVerify(ctx, signature.p, signature.n, tbs.p, tbs.n) == 1;

    ERR_clear_error();
    return ok;
}

bool x509_ca_verify_digest(const struct x509_ca *ca, const uint8_t digest[32],
                           struct bytes signature)
{
    autoptr(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new(ca->public_key, NULL);
    bool ok = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_verify(ctx, signature.p, signature.n, digest, 32) == 1;

    ERR_clear_error();
    return ok;
}

const struct x509_ca *x509_ca_find(const struct x509_ca *issuers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(issuers[i].name, name) == 0)
            return &issuers[i];
    return NULL;
}
