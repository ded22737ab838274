/* The responder's key and certificates, and signing with them. The key never leaves its token, the
 * module never enters this process; what is missing is an error that passes, never an answer. */
#include "services/status/responder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common/der.h"
#include "common/token.h"
#include "common/x509.h"

struct in_use {
    uint8_t der[RESPONDER_MAX_CERTIFICATE];
    size_t size; /* 0: none */
    usec not_before, not_after;
};

struct responder {
    struct responder_conf conf;
    struct token *token;
    struct token_key key;
    int64_t max_signing;
    atomic_int signing;

    pthread_mutex_t key_lock; /* of what follows, written once */
    atomic_bool key_known;
    struct arena *arena;
    struct bytes spki, subject, csr;
    struct bytes algorithm; /* AlgorithmIdentifier of its signatures */
    uint8_t key_sha256[32], key_sha1[20];

    pthread_rwlock_t lock; /* of what follows */
    struct in_use in_use[RESPONDER_MAX_ISSUERS];
};

enum rc responder_new(const struct responder_conf *conf, int64_t max_signing, struct arena *arena,
                      struct err *err, struct responder **ret_responder)
{
    struct responder *responder = ARENA_NEW(arena, struct responder);

    responder->conf = *conf;
    responder->max_signing = max_signing;
    responder->arena = arena;
    pthread_mutex_init(&responder->key_lock, NULL);
    pthread_rwlock_init(&responder->lock, NULL);
    *ret_responder = responder;
    return token_from_conf(&responder->conf.token, &responder->key, err, &responder->token);
}

void responder_free(struct responder **responder)
{
    if (*responder)
        token_free(&(*responder)->token);
    *responder = NULL;
}

unsigned responder_workers(struct responder *responder)
{
    struct token_state state;

    token_look(responder->token, &state);
    return state.ready;
}

/* --- the key -------------------------------------------------------------------------------------
 */

static enum rc signature_algorithm(const EVP_PKEY *key, struct err *err, struct bytes *ret_der)
{
    static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                           0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    static const uint8_t rsa_sha256[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
        *ret_der = bytes_of(ecdsa_sha256, sizeof(ecdsa_sha256));
        return RC_OK;
    case EVP_PKEY_RSA:
        *ret_der = bytes_of(rsa_sha256, sizeof(rsa_sha256));
        return RC_OK;
    default:
        FAIL(err, TRIEN__ERROR__TOKEN_REFUSED, "the responder's key is neither EC nor RSA");
    }
}

/* SHA-1 over the BIT STRING's content: ResponderID byKey (RFC 6960 4.2.1). */
static enum rc key_hash(struct bytes spki, struct err *err, uint8_t ret_sha1[20])
{
    const uint8_t *p = spki.p, *bits;
    autoptr(X509_PUBKEY) parsed = d2i_X509_PUBKEY(NULL, &p, (long)spki.n);
    int size;

    CHECK(parsed && X509_PUBKEY_get0_param(NULL, &bits, &size, NULL, parsed) &&
              EVP_Digest(bits, (size_t)size, ret_sha1, NULL, EVP_sha1(), NULL),
          err, TRIEN__ERROR__TOKEN_REFUSED, "the responder's public key cannot be read");
    return RC_OK;
}

/* key_lock held. */
static enum rc learn_key(struct responder *responder, struct err *err)
{
    struct bytes spki;
    const uint8_t *p;
    autoptr(EVP_PKEY) key = NULL;

    TRY(token_spki(responder->token, responder->conf.token.key_label, responder->arena, err,
                   &spki));
    p = spki.p;
    key = d2i_PUBKEY(NULL, &p, (long)spki.n);
    CHECK(key, err, TRIEN__ERROR__TOKEN_REFUSED, "the responder's public key cannot be read");
    TRY(signature_algorithm(key, err, &responder->algorithm));
    TRY(key_hash(spki, err, responder->key_sha1));
    x509_spki_sha256(spki, responder->key_sha256);
    responder->spki = spki;
    atomic_store(&responder->key_known, true);
    return RC_OK;
}

/* Waits for a token worker for sign_timeout_ms at most. */
static enum rc wait_for_key(struct responder *responder, struct err *err)
{
    enum rc rc = RC_OK;

    pthread_mutex_lock(&responder->key_lock);
    if (!atomic_load(&responder->key_known))
        rc = learn_key(responder, err);
    pthread_mutex_unlock(&responder->key_lock);
    return rc;
}

/* The same without waiting, for those who answer the public. */
static enum rc need_key(struct responder *responder, struct err *err)
{
    if (atomic_load(&responder->key_known))
        return RC_OK;
    CHECK(responder_workers(responder) > 0, err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "no token worker is ready");
    return wait_for_key(responder, err);
}

enum rc responder_key_sha256(struct responder *responder, struct err *err, uint8_t ret_digest[32])
{
    TRY(need_key(responder, err));
    memcpy(ret_digest, responder->key_sha256, 32);
    return RC_OK;
}

static enum rc sign(struct responder *responder, struct bytes message, struct arena *arena,
                    struct err *err, struct bytes *ret_signature)
{
    uint8_t digest[32];
    enum rc rc;

    bytes_sha256(message, digest);
    if (atomic_fetch_add(&responder->signing, 1) >= responder->max_signing)
        rc = err_set(err, TRIEN__ERROR__TOKEN_UNAVAILABLE, __FILE__, __LINE__,
                     "enough answers wait for the token");
    else
        rc = token_sign(responder->token, responder->conf.token.key_label, digest, arena, err,
                        ret_signature);
    atomic_fetch_sub(&responder->signing, 1);
    return rc;
}

/* --- the signing request -------------------------------------------------------------------------
 */

/* key_lock held. CertificationRequest (RFC 2986 4.2) without attributes. */
static enum rc make_request(struct responder *responder, struct err *err)
{
    const struct x509_name name = {.organisation = responder->conf.organisation,
                                   .common_name = responder->conf.common_name,
                                   .common_name_is_official = true};
    struct arena *arena = responder->arena;
    struct bytes subject, facts, signature;

    TRY(x509_name_build(arena, &name, err, &subject));
    facts = DER(arena, DER_SEQUENCE, der_unsigned(arena, bytes_of(NULL, 0)), subject,
                responder->spki, DER(arena, DER_CONTEXT_CONSTRUCTED, bytes_of(NULL, 0)));
    TRY(sign(responder, facts, arena, err, &signature));
    responder->subject = subject;
    responder->csr =
        DER(arena, DER_SEQUENCE, facts, responder->algorithm, der_bits(arena, signature));
    return RC_OK;
}

enum rc responder_request(struct responder *responder, struct arena *arena, struct err *err,
                          struct bytes *ret_csr, struct bytes *ret_subject)
{
    enum rc rc = RC_OK;

    TRY(wait_for_key(responder, err));
    pthread_mutex_lock(&responder->key_lock);
    if (responder->csr.n == 0)
        rc = make_request(responder, err);
    if (rc == RC_OK) {
        *ret_csr = arena_bytes(arena, responder->csr);
        *ret_subject = arena_bytes(arena, responder->subject);
    }
    pthread_mutex_unlock(&responder->key_lock);
    return rc;
}

/* --- certificates --------------------------------------------------------------------------------
 */

#define REFUSE_UNLESS(condition, ...)                                                              \
    CHECK(condition, err, TRIEN__ERROR__ANSWER_MISMATCH, "responder certificate: " __VA_ARGS__)

enum rc responder_check(struct responder *responder, struct bytes certificate_der,
                        struct bytes issuer_der, usec now, struct err *err,
                        struct responder_certificate *ret_certificate)
{
    autoptr(X509) certificate = x509_parse(certificate_der);
    autoptr(X509) issuer = x509_parse(issuer_der);
    struct responder_certificate facts = {.der = certificate_der};
    unsigned char *spki = NULL;
    int size;
    bool same;

    TRY(need_key(responder, err));
    REFUSE_UNLESS(certificate && issuer && certificate_der.n <= RESPONDER_MAX_CERTIFICATE,
                  "not one certificate");
    size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    same = size > 0 && bytes_equal(bytes_of(spki, (size_t)size), responder->spki);
    OPENSSL_free(spki);
    REFUSE_UNLESS(same, "for another key");
    REFUSE_UNLESS(X509_check_issued(issuer, certificate) == X509_V_OK &&
                      X509_verify(certificate, X509_get0_pubkey(issuer)) == 1,
                  "not issued by the authority");
    REFUSE_UNLESS(X509_get_extended_key_usage(certificate) == XKU_OCSP_SIGN,
                  "not for OCSP signing alone");
    facts.not_before = x509_time_us(X509_get0_notBefore(certificate));
    facts.not_after = x509_time_us(X509_get0_notAfter(certificate));
    REFUSE_UNLESS(facts.not_before <= now && now < facts.not_after, "not valid now");
    ERR_clear_error();
    *ret_certificate = facts;
    return RC_OK;
}

bool responder_use(struct responder *responder, unsigned issuer,
                   const struct responder_certificate *certificate)
{
    struct in_use *in_use = &responder->in_use[issuer];
    bool other;

    pthread_rwlock_wrlock(&responder->lock);
    other = !bytes_equal(bytes_of(in_use->der, in_use->size), certificate->der);
    if (other && certificate->der.n <= sizeof(in_use->der)) {
        memcpy(in_use->der, certificate->der.p, certificate->der.n);
        in_use->size = certificate->der.n;
        in_use->not_before = certificate->not_before;
        in_use->not_after = certificate->not_after;
    }
    pthread_rwlock_unlock(&responder->lock);
    return other;
}

bool responder_validity(struct responder *responder, unsigned issuer, usec *ret_not_before,
                        usec *ret_not_after)
{
    bool there;

    pthread_rwlock_rdlock(&responder->lock);
    there = responder->in_use[issuer].size > 0;
    *ret_not_before = responder->in_use[issuer].not_before;
    *ret_not_after = responder->in_use[issuer].not_after;
    pthread_rwlock_unlock(&responder->lock);
    return there;
}

enum rc responder_answer(struct responder *responder, unsigned issuer,
                         struct ocsp_response_data *response, struct arena *arena, struct err *err,
                         struct bytes *ret_answer)
{
    struct bytes certificate, message, signature;

    TRY(need_key(responder, err));
    CHECK(responder_workers(responder) > 0, err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "no token worker is ready"); /* waiting for one would take the threads from others */
    pthread_rwlock_rdlock(&responder->lock);
    certificate =
        arena_bytes(arena, bytes_of(responder->in_use[issuer].der, responder->in_use[issuer].size));
    pthread_rwlock_unlock(&responder->lock);
    CHECK(certificate.n, err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "the responder waits for its certificate");
    response->responder_key_hash = bytes_of(responder->key_sha1, sizeof(responder->key_sha1));
    message = ocsp_response_data(arena, response);
    TRY(sign(responder, message, arena, err, &signature));
    *ret_answer = ocsp_response(arena, message, responder->algorithm, signature, certificate);
    return RC_OK;
}
