/* Paths from a signer to an anchor. OpenSSL builds and validates them with the local intermediates
 * alone; what it dislikes is sorted into our codes. Accepted paths are remembered with the time in
 * which they hold, because the same few agencies sign every day. */
#include "common/trust_private.h"

#include <openssl/ec.h>
#include <string.h>

#include "common/x509.h"

/* Uses that make a key a document signer's, when extendedKeyUsage speaks at all. */
static const char *const document_uses[] = {
    "2.5.29.37.0",             /* any */
    "1.3.6.1.5.5.7.3.2",       /* clientAuth: what the State's CAs write for people and seals */
    "1.3.6.1.5.5.7.3.4",       /* emailProtection */
    "1.3.6.1.5.5.7.3.36",      /* documentSigning, RFC 9336 */
    "1.3.6.1.4.1.311.10.3.12", /* document signing, Microsoft */
    "1.2.840.113583.1.1.5",    /* authentic documents, Adobe */
};

struct sorting {
    struct arena *arena;
    struct trust_judgement *judgement;
};

void trust_add_reason(struct arena *arena, struct trust_judgement *judgement, Trien__Error code,
                      const char *detail)
{
    struct trust_reason *reasons;
    size_t at = 0;

    for (size_t i = 0; i < judgement->reason_count; i++)
        if (judgement->reasons[i].code == code)
            return;
    reasons = ARENA_ARRAY(arena, struct trust_reason, judgement->reason_count + 1);
    while (at < judgement->reason_count && judgement->reasons[at].code < code) {
        reasons[at] = judgement->reasons[at];
        at++;
    }
    reasons[at] = (struct trust_reason){code, detail};
    for (size_t i = at; i < judgement->reason_count; i++)
        reasons[i + 1] = judgement->reasons[i];
    judgement->reasons = reasons;
    judgement->reason_count++;
}

static Trien__Error code_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TRIEN__ERROR__SIGNER_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TRIEN__ERROR__SIGNER_NOT_YET_VALID;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return TRIEN__ERROR__SIGNATURE_WEAK;
    default:
        return TRIEN__ERROR__SIGNER_UNTRUSTED;
    }
}

/* Goes on after every error, so that all reasons come out at once. */
static int on_verify(int ok, X509_STORE_CTX *context)
{
    struct sorting *sorting = X509_STORE_CTX_get_app_data(context);
    int error = X509_STORE_CTX_get_error(context);

    if (!ok)
        trust_add_reason(sorting->arena, sorting->judgement, code_of(error),
                         arena_printf(sorting->arena, "%s (at depth %d)",
                                      X509_verify_cert_error_string(error),
                                      X509_STORE_CTX_get_error_depth(context)));
    return 1;
}

/* --- usage and strength --- */

static bool has_document_use(X509 *leaf)
{
    EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
    bool found = !uses;

    for (int i = 0; !found && i < sk_ASN1_OBJECT_num(uses); i++) {
        char oid[80];

        OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(uses, i), 1);
        for (size_t k = 0; !found && k < COUNT_OF(document_uses); k++)
            found = strcmp(oid, document_uses[k]) == 0;
    }
    sk_ASN1_OBJECT_pop_free(uses, ASN1_OBJECT_free);
    return found;
}

static bool may_be_used(X509 *leaf, enum trust_purpose purpose)
{
    uint32_t flags = X509_get_extension_flags(leaf);

    if (purpose == TRUST_STAMPS_TIME)
        return X509_check_purpose(leaf, X509_PURPOSE_TIMESTAMP_SIGN, 0) == 1;
    if ((flags & EXFLAG_CA) || !(flags & EXFLAG_KUSAGE))
        return false;
    return (X509_get_key_usage(leaf) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) &&
           has_document_use(leaf);
}

static bool is_strong(const X509 *certificate)
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    int kind = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE,
        bits = key ? EVP_PKEY_get_bits(key) : 0;

    if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS)
        return bits >= 2048;
    return kind == EVP_PKEY_EC && bits >= 256;
}

static void check_strength(struct arena *arena, X509_stack *chain,
                           struct trust_judgement *judgement)
{
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (!is_strong(sk_X509_value(chain, i)))
            trust_add_reason(arena, judgement, TRIEN__ERROR__SIGNATURE_WEAK,
                             i == 0 ? "the signer's key is too weak" : "a CA's key is too weak");
}

/* --- remembered paths --- */

static size_t slot_of(const uint8_t sha256[32])
{
    return ((size_t)sha256[0] << 8 | sha256[1]) % TRUST_PATH_SLOTS;
}

static X509_stack *find_path(struct trust *trust, const uint8_t sha256[32],
                             enum trust_purpose purpose, usec at)
{
    const struct trust_path *path = &trust->paths[slot_of(sha256)];
    X509_stack *chain = NULL;

    pthread_rwlock_rdlock(&trust->lock);
    if (path->chain && path->purpose == purpose && memcmp(path->leaf_sha256, sha256, 32) == 0 &&
        at >= path->not_before && at <= path->not_after)
        chain = X509_chain_up_ref(path->chain);
    pthread_rwlock_unlock(&trust->lock);
    return chain;
}

static void keep_path(struct trust *trust, const uint8_t sha256[32], enum trust_purpose purpose,
                      X509_stack *chain)
{
    struct trust_path path = {.purpose = purpose, .not_before = INT64_MIN, .not_after = INT64_MAX};
    struct trust_path *slot = &trust->paths[slot_of(sha256)], old;

    memcpy(path.leaf_sha256, sha256, 32);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t from = x509_time_us(X509_get0_notBefore(sk_X509_value(chain, i)));
        int64_t to = x509_time_us(X509_get0_notAfter(sk_X509_value(chain, i)));

        path.not_before = from > path.not_before ? from : path.not_before;
        path.not_after = to < path.not_after ? to : path.not_after;
    }
    path.chain = X509_chain_up_ref(chain);
    pthread_rwlock_wrlock(&trust->lock);
    old = *slot;
    *slot = path;
    pthread_rwlock_unlock(&trust->lock);
    ossl_stack_free(old.chain);
}

/* --- building --- */

static enum rc verify(struct trust *trust, X509 *leaf, usec at, struct sorting *sorting,
                      struct err *err, X509_stack **ret_chain)
{
    autoptr(X509_STORE_CTX) context = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *parameters;

    CHECK(context && X509_STORE_CTX_init(context, trust->store, leaf, trust->intermediates) == 1,
          err, TRIEN__ERROR__INTERNAL, "X509_STORE_CTX_init");
    parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)(at / USEC_PER_SECOND));
    X509_VERIFY_PARAM_set_depth(parameters, TRUST_MAX_CHAIN - 2);
    X509_VERIFY_PARAM_set_auth_level(parameters, 2);
    X509_STORE_CTX_set_app_data(context, sorting);
    X509_STORE_CTX_set_verify_cb(context, on_verify);
    if (X509_verify_cert(context) <= 0)
        trust_add_reason(sorting->arena, sorting->judgement, TRIEN__ERROR__SIGNER_UNTRUSTED,
                         X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    *ret_chain = X509_STORE_CTX_get1_chain(context);
    ERR_clear_error();
    return RC_OK;
}

enum rc trust_build_path(struct trust *trust, X509 *leaf, enum trust_purpose purpose, usec at,
                         struct arena *arena, struct err *err, struct trust_judgement *judgement,
                         X509_stack **ret_chain)
{
    struct sorting sorting = {arena, judgement};
    uint8_t sha256[32];

    trust_sha256(leaf, sha256);
    *ret_chain = find_path(trust, sha256, purpose, at);
    if (*ret_chain)
        return RC_OK;
    TRY(verify(trust, leaf, at, &sorting, err, ret_chain));
    if (!may_be_used(leaf, purpose))
        trust_add_reason(arena, judgement, TRIEN__ERROR__SIGNER_USAGE,
                         "keyUsage or extendedKeyUsage do not allow this signature");
    check_strength(arena, *ret_chain, judgement);
    if (judgement->reason_count == 0)
        keep_path(trust, sha256, purpose, *ret_chain);
    return RC_OK;
}
