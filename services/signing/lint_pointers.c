/* Checks of the pointers to the issuer: its key, its CRL, its certificate, its OCSP responder
 * (RFC 5280 4.2.1.1, 4.2.1.13, 4.2.2.1; RFC 6960 4.2.2.2.1). */
#include "services/signing/lint.h"

#include <string.h>

DEFINE_AUTOPTR(AUTHORITY_KEYID, AUTHORITY_KEYID_free)
DEFINE_AUTOPTR(CRL_DIST_POINTS, CRL_DIST_POINTS_free)
DEFINE_AUTOPTR(AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free)

LINT_CHECK(authority_key_id_present)
{
    return lint_has(view, NID_authority_key_identifier);
}

/* keyIdentifier alone: issuer and serial would break when the CA certificate is renewed. */
LINT_CHECK(authority_key_id_value)
{
    autoptr(AUTHORITY_KEYID) value = lint_extension(view, NID_authority_key_identifier);

    if (!value)
        return !lint_is_malformed(view, NID_authority_key_identifier);
    return value->keyid && !value->issuer && !value->serial &&
           bytes_equal(view->issuer->key_id, bytes_of(ASN1_STRING_get0_data(value->keyid),
                                                      (size_t)ASN1_STRING_length(value->keyid)));
}

static bool is_uri(const GENERAL_NAME *name, const char *uri)
{
    return name->type == GEN_URI &&
           bytes_equal(bytes_of(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
                                (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier)),
                       bytes_of_text(uri));
}

/* A delegated responder's certificate is short-lived and says no-check instead. */
LINT_CHECK(crl_points_present)
{
    return view->profile->ocsp_no_check || lint_has(view, NID_crl_distribution_points);
}

LINT_CHECK(crl_points_of_issuer)
{
    autoptr(CRL_DIST_POINTS) points = lint_extension(view, NID_crl_distribution_points);
    const DIST_POINT *point;

    if (!points)
        return !lint_is_malformed(view, NID_crl_distribution_points);
    point = sk_DIST_POINT_value(points, 0);
    return !view->profile->ocsp_no_check && sk_DIST_POINT_num(points) == 1 && point->distpoint &&
           point->distpoint->type == 0 && !point->reasons && !point->CRLissuer &&
           sk_GENERAL_NAME_num(point->distpoint->name.fullname) == 1 &&
           is_uri(sk_GENERAL_NAME_value(point->distpoint->name.fullname, 0), view->issuer->crl_url);
}

LINT_CHECK(authority_access_present)
{
    return lint_has(view, NID_info_access);
}

static bool points_to(const AUTHORITY_INFO_ACCESS *access, int at, int nid, const char *uri)
{
    const ACCESS_DESCRIPTION *row = sk_ACCESS_DESCRIPTION_value(access, at);

    return row && OBJ_obj2nid(row->method) == nid && is_uri(row->location, uri);
}

LINT_CHECK(authority_access_of_issuer)
{
    autoptr(AUTHORITY_INFO_ACCESS) access = lint_extension(view, NID_info_access);
    int expected = view->profile->ocsp_no_check ? 1 : 2;

    if (!access)
        return !lint_is_malformed(view, NID_info_access);
    return sk_ACCESS_DESCRIPTION_num(access) == expected &&
           points_to(access, 0, NID_ad_ca_issuers, view->issuer->certificate_url) &&
           (expected == 1 || points_to(access, 1, NID_ad_OCSP, view->issuer->ocsp_url));
}

LINT_CHECK(ocsp_no_check_of_profile)
{
    struct bytes value = lint_extension_bytes(view, NID_id_pkix_OCSP_noCheck);

    if (!view->profile->ocsp_no_check)
        return !lint_has(view, NID_id_pkix_OCSP_noCheck);
    return value.p ? bytes_equal(value, bytes_of("\x05\x00", 2)) : !lint_extensions_once(view);
}
