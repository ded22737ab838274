/* Checks of the certificate's frame: version, serial, algorithms, signature, validity, the set of
 * extensions (RFC 5280 4.1, 4.2). */
#include "services/signing/lint.h"
#include "services/signing/tbs.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

LINT_CHECK(parses)
{
    return view->certificate != NULL;
}

LINT_CHECK(version_3)
{
    return X509_get_version(view->certificate) == X509_VERSION_3;
}

static struct bytes serial_of(const struct lint_view *view)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(view->certificate);

    return bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

LINT_CHECK(serial_positive)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(view->certificate);
    struct bytes value = serial_of(view);

    return ASN1_STRING_type(serial) != V_ASN1_NEG_INTEGER && value.n > 0 &&
           (value.n > 1 || value.p[0] != 0);
}

/* With the top bit set DER needs one octet more. */
LINT_CHECK(serial_20_octets)
{
    struct bytes value = serial_of(view);

    return value.n == 0 || value.n + (value.p[0] >> 7) <= 20;
}

LINT_CHECK(serial_64_random_bits)
{
    struct bytes value = serial_of(view);

    /* Zero and negative numbers are serial_positive's finding. */
    return !lint_serial_positive(view) || value.n >= 1 + 8;
}

LINT_CHECK(algorithms_agree)
{
    const X509_ALGOR *outer;

    X509_get0_signature(NULL, &outer, view->certificate);
    return X509_ALGOR_cmp(X509_get0_tbs_sigalg(view->certificate), outer) == 0;
}

LINT_CHECK(algorithm_is_issuers)
{
    const X509_ALGOR *inner = X509_get0_tbs_sigalg(view->certificate);
    struct bytes der = x509_der(view->arena, inner, i2d_X509_ALGOR);

    return bytes_equal(der, view->issuer->algorithm_der);
}

/* What OpenSSL would write is what stands there: a lax encoding reads the same and hashes
 * otherwise. */
LINT_CHECK(encoding_is_der)
{
    unsigned char *tbs = NULL;
    int length = i2d_re_X509_tbs(view->certificate, &tbs);
    bool same = length > 0 && bytes_equal(bytes_of(tbs, (size_t)length), tbs_of(view->der));

    OPENSSL_free(tbs);
    return same;
}

static bool is_signed_by(struct bytes tbs, struct bytes signature, const EVP_MD *digest,
                         EVP_PKEY *signer)
{
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

    return context && tbs.n && EVP_DigestVerifyInit(context, NULL, digest, NULL, signer) == 1 &&
           EVP_DigestVerify(context, signature.p, signature.n, tbs.p, tbs.n) == 1;
}

/* X509_verify() refuses when the two algorithms differ, so this looks at the bytes itself. The
 * value is octets: bits that are not used would be another spelling of the same. */
LINT_CHECK(signature_verifies)
{
    const ASN1_BIT_STRING *value;
    struct bytes signature;

    X509_get0_signature(&value, NULL, view->certificate);
    signature = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (value->flags & 7)
        return false;
    return view->signer
               ? is_signed_by(tbs_of(view->der), signature, view->issuer->digest, view->signer)
               : bytes_equal(signature, view->issuer->throwaway_signature);
}

LINT_CHECK(issuer_is_issuers_subject)
{
    struct bytes name =
        x509_der(view->arena, X509_get_issuer_name(view->certificate), i2d_X509_NAME);

    return bytes_equal(name, view->issuer->subject_der);
}

/* UTCTime YYMMDDHHMMSSZ through 2049, GeneralizedTime YYYYMMDDHHMMSSZ from 2050. */
static bool is_well_encoded(const ASN1_TIME *when, int64_t us)
{
    bool late = us >= INT64_C(2524608000) * 1000000; /* 2050-01-01 */
    int length = ASN1_STRING_length(when);
    const unsigned char *text = ASN1_STRING_get0_data(when);

    if (us == INT64_MIN ||
        ASN1_STRING_type(when) != (late ? V_ASN1_GENERALIZEDTIME : V_ASN1_UTCTIME))
        return false;
    return length == (late ? 15 : 13) && text[length - 1] == 'Z';
}

LINT_CHECK(validity_encoding)
{
    return is_well_encoded(X509_get0_notBefore(view->certificate), view->not_before_us) &&
           is_well_encoded(X509_get0_notAfter(view->certificate), view->not_after_us);
}

static bool has_validity(const struct lint_view *view)
{
    return view->not_before_us != INT64_MIN && view->not_after_us != INT64_MIN;
}

LINT_CHECK(validity_order)
{
    return !has_validity(view) || view->not_before_us < view->not_after_us;
}

LINT_CHECK(validity_within_issuer)
{
    int64_t issuer_from = x509_time_us(X509_get0_notBefore(view->issuer->certificate));

    return !has_validity(view) ||
           (view->not_after_us <= view->issuer->not_after_us && view->not_before_us >= issuer_from);
}

/* Both ends count: notAfter is the last second (RFC 5280 4.1.2.5). */
LINT_CHECK(validity_within_profile)
{
    return !has_validity(view) || view->not_after_us - view->not_before_us + 1000000 <=
                                      (int64_t)view->profile->max_days * DAY_US;
}

LINT_CHECK(no_unique_ids)
{
    const ASN1_BIT_STRING *issuer_id = NULL, *subject_id = NULL;

    X509_get0_uids(view->certificate, &issuer_id, &subject_id);
    return !issuer_id && !subject_id;
}

static const ASN1_OBJECT *object_at(const struct lint_view *view, int at)
{
    return X509_EXTENSION_get_object(X509_get_ext(view->certificate, at));
}

LINT_CHECK(extensions_once)
{
    for (int i = 0; i < X509_get_ext_count(view->certificate); i++)
        if (X509_get_ext_by_OBJ(view->certificate, object_at(view, i), i) >= 0)
            return false;
    return true;
}

/* What may stand in a certificate, and whether it is critical. */
static const struct {
    int nid;
    bool critical;
} known_extensions[] = {
    {NID_authority_key_identifier, false},
    {NID_subject_key_identifier, false},
    {NID_key_usage, true},
    {NID_certificate_policies, false},
    {NID_subject_alt_name, false},
    {NID_basic_constraints, true},
    {NID_ext_key_usage, false},
    {NID_crl_distribution_points, false},
    {NID_info_access, false},
    {NID_id_pkix_OCSP_noCheck, false},
};

static int known_at(const struct lint_view *view, int at)
{
    int nid = OBJ_obj2nid(object_at(view, at));

    for (size_t i = 0; i < COUNT_OF(known_extensions); i++)
        if (known_extensions[i].nid == nid)
            return (int)i;
    return -1;
}

LINT_CHECK(extensions_known)
{
    for (int i = 0; i < X509_get_ext_count(view->certificate); i++)
        if (known_at(view, i) < 0)
            return false;
    return true;
}

LINT_CHECK(extensions_criticality)
{
    for (int i = 0; i < X509_get_ext_count(view->certificate); i++) {
        int known = known_at(view, i);
        X509_EXTENSION *extension = X509_get_ext(view->certificate, i);
        if (known >= 0 &&
            (X509_EXTENSION_get_critical(extension) > 0) != known_extensions[known].critical)
            return false;
    }
    return true;
}
