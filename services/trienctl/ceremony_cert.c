/* The certificates of a key ceremony, made with OpenSSL, signed in the tokens. RFC 5280 4.1, 4.2,
 * 5.1; nothing in them that a strict verifier would complain about. */
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "common/x509.h"
#include "services/trienctl/ceremony.h"

#define SERIAL_BYTES 16

static enum rc fail_openssl(struct err *err, const char *doing)
{
    char text[160];

    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    ERR_clear_error();
    FAIL(err, TRIEN__ERROR__INTERNAL, "%s: %s", doing, text);
}

/* --- fields
 * ---------------------------------------------------------------------------------------- */

static bool set_serial(X509 *cert)
{
    uint8_t octets[SERIAL_BYTES];
    autoptr(BIGNUM) number = NULL;

    if (RAND_bytes(octets, sizeof(octets)) != 1)
        return false;
    octets[0] = (uint8_t)((octets[0] & 0x3f) | 0x40); /* positive, and of full length */
    number = BN_bin2bn(octets, sizeof(octets), NULL);
    return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
}

/* The last second of validity, so many calendar years later (RFC 5280 4.1.2.5: both ends count). */
static time_t years_later(time_t from, int64_t years)
{
    struct tm parts;

    gmtime_r(&from, &parts);
    parts.tm_year += (int)years;
    return timegm(&parts) - 1;
}

static bool set_validity(X509 *cert, usec now, int64_t years)
{
    time_t from = (time_t)(now / USEC_PER_SECOND);

    return ASN1_TIME_set(X509_getm_notBefore(cert), from) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), years_later(from, years));
}

static X509_NAME *read_name(struct bytes der)
{
    const unsigned char *p = der.p;

    return d2i_X509_NAME(NULL, &p, (long)der.n);
}

static bool set_names(X509 *cert, struct bytes subject_der, struct bytes issuer_der)
{
    autoptr(X509_NAME) subject = read_name(subject_der);
    autoptr(X509_NAME) issuer = read_name(issuer_der);

    return subject && issuer && X509_set_subject_name(cert, subject) == 1 &&
           X509_set_issuer_name(cert, issuer) == 1;
}

/* --- extensions
 * ------------------------------------------------------------------------------------ */

/* RFC 7093 2 (1): the leftmost 160 bits of SHA-256 over the BIT STRING's content. */
static bool add_subject_key_id(X509 *cert)
{
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(cert);
    autoptr(ASN1_OCTET_STRING) id = ASN1_OCTET_STRING_new();
    uint8_t digest[32];

    if (!key || !id)
        return false;
    bytes_sha256(bytes_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)), digest);
    return ASN1_OCTET_STRING_set(id, digest, 20) == 1 &&
           X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1;
}

static bool add_text(X509 *issuer, X509 *cert, X509_CRL *crl, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    bool ok = false;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, crl, 0);
    X509V3_set_ctx_nodb(&ctx);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (extension)
        ok = (cert ? X509_add_ext(cert, extension, -1) : X509_CRL_add_ext(crl, extension, -1)) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* anyPolicy: the issuing CA may issue under every policy of this installation (same operator). */
static bool add_policies(X509 *cert, const char *cps_url)
{
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
    POLICYINFO *policy = POLICYINFO_new();
    POLICYQUALINFO *qualifier = POLICYQUALINFO_new();
    bool ok = false;

    if (policies && policy && qualifier && (qualifier->d.cpsuri = ASN1_IA5STRING_new()) != NULL &&
        ASN1_STRING_set(qualifier->d.cpsuri, cps_url, -1) == 1 &&
        (policy->qualifiers = sk_POLICYQUALINFO_new_null()) != NULL) {
        qualifier->pqualid = OBJ_nid2obj(NID_id_qt_cps);
        policy->policyid = OBJ_nid2obj(NID_any_policy);
        sk_POLICYQUALINFO_push(policy->qualifiers, TAKE(qualifier));
        sk_POLICYINFO_push(policies, TAKE(policy));
        ok =
            X509_add1_ext_i2d(cert, NID_certificate_policies, policies, 0, X509V3_ADD_DEFAULT) == 1;
    }
    POLICYQUALINFO_free(qualifier);
    POLICYINFO_free(policy);
    CERTIFICATEPOLICIES_free(policies);
    return ok;
}

static bool add_pointers(const struct ceremony_plan *plan, X509 *cert)
{
    char crl[640], authority[640];

    snprintf(crl, sizeof(crl), "URI:%.500s/crl/%s.crl", plan->public_url, plan->root.id);
    snprintf(authority, sizeof(authority), "caIssuers;URI:%.500s/ca/%s.cer", plan->public_url,
             plan->root.id);
    return add_text(NULL, cert, NULL, NID_crl_distribution_points, crl) &&
           add_text(NULL, cert, NULL, NID_info_access, authority);
}

/* --- what is made
 * ---------------------------------------------------------------------------------- */

enum rc ceremony_root(const struct ceremony_plan *plan, struct p11_key *key, usec now,
                      struct err *err, X509 **ret_cert)
{
    autoptr(X509) cert = X509_new();

    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
        !set_names(cert, plan->root.subject_der, plan->root.subject_der) ||
        !set_validity(cert, now, plan->root.valid_years) ||
        X509_set_pubkey(cert, p11_key_public(key)) != 1 ||
        !add_text(NULL, cert, NULL, NID_basic_constraints, "critical,CA:TRUE") ||
        !add_text(NULL, cert, NULL, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_subject_key_id(cert))
        return fail_openssl(err, "root certificate");
    if (X509_sign(cert, p11_key_private(key), EVP_sha256()) <= 0)
        return p11_take_error(err, "sign the root certificate");
    *ret_cert = TAKE(cert);
    return RC_OK;
}

enum rc ceremony_request(const struct ceremony_plan *plan, struct p11_key *key, struct err *err,
                         X509_REQ **ret_request)
{
    autoptr(X509_REQ) request = X509_REQ_new();
    autoptr(X509_NAME) subject = read_name(plan->issuing.subject_der);

    if (!request || !subject || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_subject_name(request, subject) != 1 ||
        X509_REQ_set_pubkey(request, p11_key_public(key)) != 1)
        return fail_openssl(err, "signing request");
    if (X509_REQ_sign(request, p11_key_private(key), EVP_sha256()) <= 0)
        return p11_take_error(err, "sign the request");
    *ret_request = TAKE(request);
    return RC_OK;
}

enum rc ceremony_issuing(const struct ceremony_plan *plan, X509 *root, struct p11_key *root_key,
                         X509_REQ *request, usec now, struct err *err, X509 **ret_cert)
{
    autoptr(X509) cert = X509_new();
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);

    CHECK(key && X509_REQ_verify(request, key) == 1, err, TRIEN__ERROR__POSSESSION_NOT_PROVED,
          "the request of the issuing key is not signed by it");
    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
        !set_names(cert, plan->issuing.subject_der, plan->root.subject_der) ||
        !set_validity(cert, now, plan->issuing.valid_years) || X509_set_pubkey(cert, key) != 1 ||
        !add_text(NULL, cert, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_text(NULL, cert, NULL, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_subject_key_id(cert) ||
        !add_text(root, cert, NULL, NID_authority_key_identifier, "keyid:always") ||
        !add_policies(cert, plan->cps_url) || !add_pointers(plan, cert))
        return fail_openssl(err, "issuing certificate");
    if (X509_sign(cert, p11_key_private(root_key), EVP_sha256()) <= 0)
        return p11_take_error(err, "sign the issuing certificate");
    *ret_cert = TAKE(cert);
    return RC_OK;
}

static bool set_crl_number(X509_CRL *crl, long number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    bool ok = value && ASN1_INTEGER_set(value, number) == 1 &&
              X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, X509V3_ADD_DEFAULT) == 1;

    ASN1_INTEGER_free(value);
    return ok;
}

static bool set_crl_times(X509_CRL *crl, usec now, int64_t days)
{
    time_t from = (time_t)(now / USEC_PER_SECOND);
    ASN1_TIME *this_update = ASN1_TIME_set(NULL, from);
    ASN1_TIME *next_update = ASN1_TIME_set(NULL, from + (time_t)days * 86400);
    bool ok = this_update && next_update && X509_CRL_set1_lastUpdate(crl, this_update) == 1 &&
              X509_CRL_set1_nextUpdate(crl, next_update) == 1;

    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    return ok;
}

enum rc ceremony_crl(const struct ceremony_plan *plan, X509 *root, struct p11_key *root_key,
                     usec now, struct err *err, X509_CRL **ret_crl)
{
    autoptr(X509_CRL) crl = X509_CRL_new();

    if (!crl || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(root)) != 1 ||
        !set_crl_times(crl, now, plan->crl_valid_days) ||
        !add_text(root, NULL, crl, NID_authority_key_identifier, "keyid:always") ||
        !set_crl_number(crl, 1))
        return fail_openssl(err, "list of revoked authorities");
    if (X509_CRL_sign(crl, p11_key_private(root_key), EVP_sha256()) <= 0)
        return p11_take_error(err, "sign the list");
    *ret_crl = TAKE(crl);
    return RC_OK;
}

static enum rc verify_in(X509_STORE *store, X509 *cert, usec now, struct err *err)
{
    autoptr(X509_STORE_CTX) ctx = X509_STORE_CTX_new();

    if (!ctx || X509_STORE_CTX_init(ctx, store, cert, NULL) != 1)
        return fail_openssl(err, "verify");
    X509_STORE_CTX_set_time(ctx, 0, (time_t)(now / USEC_PER_SECOND));
    CHECK(X509_verify_cert(ctx) == 1, err, TRIEN__ERROR__INTERNAL,
          "what was made does not verify: %s",
          X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    return RC_OK;
}

enum rc ceremony_verify(X509 *root, X509 *issuing, X509_CRL *crl, usec now, struct err *err)
{
    autoptr(X509_STORE) store = X509_STORE_new();

    if (!store || X509_STORE_add_cert(store, root) != 1 || X509_STORE_add_crl(store, crl) != 1 ||
        X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE |
                                        X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
        return fail_openssl(err, "verify");
    TRY(verify_in(store, issuing, now, err));
    CHECK(X509_CRL_verify(crl, X509_get0_pubkey(root)) == 1, err, TRIEN__ERROR__INTERNAL,
          "the list does not verify");
    return RC_OK;
}
