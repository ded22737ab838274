/* Makes an issuer ready once, so that a certificate costs only what differs from the last one. The
 * throw-away key must give the same AlgorithmIdentifier as the CA key: RSA-2048 for any RSA, P-256
 * for any EC key. It signs once, here, and is gone: no certificate from the lint can ever verify.
 */
#include "services/signing/issuer.h"

#include <string.h>
#include <strings.h>

static X509_EXTENSION *extension_of(int nid, int critical, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    if (extension && critical)
        X509_EXTENSION_set_critical(extension, critical);
    return extension;
}

const char *issuer_policy(struct arena *arena, const struct issuer *issuer,
                          const struct profile *profile)
{
    return arena_printf(arena, "%s%s", issuer->places->policy_oid, profile->policy_suffix);
}

static ASN1_OBJECT *object_of(const char *dotted)
{
    return OBJ_txt2obj(dotted, 1);
}

/* id-qt-cps: where the certification practice statement lies. */
static POLICYQUALINFO *cps_qualifier(const char *url)
{
    POLICYQUALINFO *qualifier = POLICYQUALINFO_new();
    ASN1_IA5STRING *uri = ASN1_IA5STRING_new();

    if (!qualifier || !uri || !ASN1_STRING_set(uri, url, -1)) {
        ASN1_IA5STRING_free(uri);
        POLICYQUALINFO_free(qualifier);
        return NULL;
    }
    qualifier->pqualid = OBJ_nid2obj(NID_id_qt_cps);
    qualifier->d.cpsuri = uri;
    return qualifier;
}

/* id-qt-unotice with explicitText as UTF8String (RFC 6818 3). */
static POLICYQUALINFO *notice_qualifier(const char *text)
{
    POLICYQUALINFO *qualifier = POLICYQUALINFO_new();
    USERNOTICE *notice = USERNOTICE_new();

    if (notice)
        notice->exptext = ASN1_UTF8STRING_new();
    if (!qualifier || !notice || !notice->exptext || !ASN1_STRING_set(notice->exptext, text, -1)) {
        USERNOTICE_free(notice);
        POLICYQUALINFO_free(qualifier);
        return NULL;
    }
    qualifier->pqualid = OBJ_nid2obj(NID_id_qt_unotice);
    qualifier->d.usernotice = notice;
    return qualifier;
}

static X509_EXTENSION *policies_of(const struct issuer *issuer, const struct profile *profile,
                                   const char *policy)
{
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
    POLICYINFO *row = POLICYINFO_new();
    POLICYQUALINFO *cps = cps_qualifier(issuer->places->cps_url);
    POLICYQUALINFO *notice = notice_qualifier(profile->notice);
    X509_EXTENSION *extension = NULL;

    if (policies && row && cps && notice && (row->policyid = object_of(policy)) &&
        (row->qualifiers = sk_POLICYQUALINFO_new_null())) {
        sk_POLICYQUALINFO_push(row->qualifiers, TAKE(cps));
        sk_POLICYQUALINFO_push(row->qualifiers, TAKE(notice));
        sk_POLICYINFO_push(policies, TAKE(row));
        extension = X509V3_EXT_i2d(NID_certificate_policies, 0, policies);
    }
    POLICYQUALINFO_free(cps);
    POLICYQUALINFO_free(notice);
    POLICYINFO_free(row);
    CERTIFICATEPOLICIES_free(policies);
    return extension;
}

static X509_EXTENSION *usages_of(const struct profile *profile)
{
    EXTENDED_KEY_USAGE *usages = sk_ASN1_OBJECT_new_null();
    X509_EXTENSION *extension = NULL;
    bool good = usages != NULL;

    for (const char *const *oid = profile->extended_usages; good && *oid; oid++)
        good = sk_ASN1_OBJECT_push(usages, object_of(*oid)) > 0;
    if (good)
        extension = X509V3_EXT_i2d(NID_ext_key_usage, 0, usages);
    sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
    return extension;
}

static enum rc make_profiles(struct issuer *issuer, struct arena *arena, struct err *err)
{
    size_t i = 0;

    for (const struct profile *profile = profiles; profile->name; profile++, i++) {
        struct issuer_profile *ready = &issuer->by_profile[i];
        CHECK(i < ISSUER_MAX_PROFILES, err, TRIEN__ERROR__INTERNAL, "too many profiles");
        *ready = (struct issuer_profile){
            profile, usages_of(profile),
            policies_of(issuer, profile, issuer_policy(arena, issuer, profile))};
        CHECK(ready->extended_usage && ready->policies, err, TRIEN__ERROR__CONFIG_INVALID,
              "policy_oid or cps_url cannot stand in a certificate: %s", x509_openssl_error(arena));
    }
    return RC_OK;
}

static X509_EXTENSION *authority_key_id_of(struct bytes key_id)
{
    AUTHORITY_KEYID *value = AUTHORITY_KEYID_new();
    X509_EXTENSION *extension = NULL;

    if (value && (value->keyid = ASN1_OCTET_STRING_new()) &&
        ASN1_OCTET_STRING_set(value->keyid, key_id.p, (int)key_id.n))
        extension = X509V3_EXT_i2d(NID_authority_key_identifier, 0, value);
    AUTHORITY_KEYID_free(value);
    return extension;
}

static enum rc make_extensions(struct issuer *issuer, struct arena *arena, struct err *err)
{
    const char *url = issuer->places->public_url;

    CHECK(strncasecmp(url, "http://", 7) == 0, err, TRIEN__ERROR__CONFIG_INVALID,
          "public_url %s: addresses of lists, OCSP and issuers are plain http, what they serve is "
          "signed (RFC 5280 8); the signer would sign no other",
          url);
    issuer->crl_url = arena_printf(arena, "%s/crl/%s.crl", url, issuer->id);
    issuer->certificate_url = arena_printf(arena, "%s/ca/%s.cer", url, issuer->id);
    issuer->ocsp_url = arena_printf(arena, "%s/ocsp", url);
    issuer->basic_constraints = extension_of(NID_basic_constraints, 1, "CA:FALSE");
    issuer->authority_key_id = authority_key_id_of(issuer->key_id);
    issuer->crl_points = extension_of(NID_crl_distribution_points, 0,
                                      arena_printf(arena, "URI:%s", issuer->crl_url));
    issuer->authority_access =
        extension_of(NID_info_access, 0,
                     arena_printf(arena, "caIssuers;URI:%s,OCSP;URI:%s", issuer->certificate_url,
                                  issuer->ocsp_url));
    issuer->issuers_access = extension_of(
        NID_info_access, 0, arena_printf(arena, "caIssuers;URI:%s", issuer->certificate_url));
    issuer->no_check = extension_of(NID_id_pkix_OCSP_noCheck, 0, "ignored");
    CHECK(issuer->basic_constraints && issuer->authority_key_id && issuer->crl_points &&
              issuer->authority_access && issuer->issuers_access && issuer->no_check &&
              !strpbrk(url, ",;"),
          err, TRIEN__ERROR__CONFIG_INVALID, "public_url %s cannot stand in a certificate: %s", url,
          x509_openssl_error(arena));
    return RC_OK;
}

static enum rc sign_once(struct issuer *issuer, bool rsa, struct arena *arena, struct err *err)
{
    autoptr(EVP_PKEY) key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    struct bytes some = issuer->algorithm_der;
    size_t length = 256; /* RSA-2048's; ECDSA's is shorter */
    uint8_t *signature = arena_alloc(arena, length);

    CHECK(key && context && EVP_DigestSignInit(context, NULL, issuer->digest, NULL, key) == 1 &&
              EVP_DigestSign(context, signature, &length, some.p, some.n) == 1,
          err, TRIEN__ERROR__INTERNAL, "throw-away key: %s", x509_openssl_error(arena));
    issuer->throwaway_signature = bytes_of(signature, length);
    return RC_OK;
}

/* The algorithm identifiers of RFC 4055 5 and RFC 5758 3.2. */
static enum rc choose_algorithm(struct issuer *issuer, struct arena *arena, struct err *err)
{
    bool rsa = issuer->key_kind[0] == 'r';
    int nid = rsa ? NID_sha256WithRSAEncryption : NID_ecdsa_with_SHA256;

    issuer->digest = EVP_sha256();
    if (!strcmp(issuer->key_kind, "p384")) {
        nid = NID_ecdsa_with_SHA384;
        issuer->digest = EVP_sha384();
    }
    issuer->algorithm = X509_ALGOR_new();
    CHECK(issuer->algorithm && X509_ALGOR_set0(issuer->algorithm, OBJ_nid2obj(nid),
                                               rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL),
          err, TRIEN__ERROR__INTERNAL, "algorithm: %s", x509_openssl_error(arena));
    issuer->algorithm_der = x509_der(arena, issuer->algorithm, i2d_X509_ALGOR);
    return sign_once(issuer, rsa, arena, err);
}

enum rc issuer_init(struct issuer *issuer, struct arena *arena, const char *id, X509 *certificate,
                    const struct issuer_places *places, struct err *err)
{
    const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(certificate);
    EVP_PKEY *key = X509_get0_pubkey(certificate);

    *issuer = (struct issuer){0};
    CHECK(key && X509_check_ca(certificate) == 1 &&
              (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) && key_id,
          err, TRIEN__ERROR__KEY_FILE, "%s: not a CA certificate that may sign certificates", id);
    if (x509_key_check(key, err) != RC_OK)
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s: the CA key cannot be used", id);
    X509_up_ref(certificate);
    *issuer = (struct issuer){
        .id = arena_strdup(arena, id),
        .certificate = certificate,
        .certificate_der = x509_der(arena, certificate, i2d_X509),
        .subject_der = x509_der(arena, X509_get_subject_name(certificate), i2d_X509_NAME),
        .key_id = arena_bytes(
            arena, bytes_of(ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id))),
        .key_kind = x509_key_kind(arena, key),
        .not_after_us = x509_time_us(X509_get0_notAfter(certificate)),
        .places = places,
    };
    TRY(choose_algorithm(issuer, arena, err));
    TRY(make_extensions(issuer, arena, err));
    return make_profiles(issuer, arena, err);
}

void issuer_done(struct issuer *issuer)
{
    X509_EXTENSION *shared[] = {issuer->basic_constraints, issuer->authority_key_id,
                                issuer->crl_points,        issuer->authority_access,
                                issuer->issuers_access,    issuer->no_check};

    for (size_t i = 0; i < COUNT_OF(shared); i++)
        X509_EXTENSION_free(shared[i]);
    for (size_t i = 0; i < ISSUER_MAX_PROFILES; i++) {
        X509_EXTENSION_free(issuer->by_profile[i].extended_usage);
        X509_EXTENSION_free(issuer->by_profile[i].policies);
    }
    X509_ALGOR_free(issuer->algorithm);
    X509_free(issuer->certificate);
    *issuer = (struct issuer){0};
}

const struct issuer_profile *issuer_profile_of(const struct issuer *issuer,
                                               const struct profile *profile)
{
    size_t i = 0;

    while (issuer->by_profile[i].profile != profile)
        i++;
    return &issuer->by_profile[i];
}
