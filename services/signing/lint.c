/* The table of checks and the loop over it. Checks live beside their subject in lint_*.c. */
#include "services/signing/lint.h"

#include <stdio.h>
#include <string.h>

#define ROW(name, source)                                                                          \
    {                                                                                              \
#name, source, lint_##name                                                                 \
    }

const struct lint_row lint_rows[] = {
    ROW(parses, "RFC 5280 4.1"),
    ROW(encoding_is_der, "RFC 5280 4.1, X.690 10"),
    ROW(version_3, "RFC 5280 4.1.2.1"),
    ROW(serial_positive, "RFC 5280 4.1.2.2"),
    ROW(serial_20_octets, "RFC 5280 4.1.2.2"),
    ROW(serial_64_random_bits, "profile: prefix and at least 64 random bits"),
    ROW(algorithms_agree, "RFC 5280 4.1.1.2"),
    ROW(algorithm_is_issuers, "RFC 4055 5, RFC 5758 3.2"),
    ROW(signature_verifies, "RFC 5280 4.1.1.3"),
    ROW(issuer_is_issuers_subject, "RFC 5280 4.1.2.4; Decree 68/2024 Điều 7 (1)"),
    ROW(validity_encoding, "RFC 5280 4.1.2.5"),
    ROW(validity_order, "RFC 5280 4.1.2.5"),
    ROW(validity_within_issuer, "profile: no certificate outlives its issuer"),
    ROW(validity_within_profile, "Decree 68/2024 Điều 9"),
    ROW(no_unique_ids, "RFC 5280 4.1.2.8"),
    ROW(extensions_once, "RFC 5280 4.2"),
    ROW(extensions_known, "profile: nothing that the profile does not name"),
    ROW(extensions_criticality, "RFC 5280 4.2.1, 4.2.2"),
    ROW(subject_common_name, "Decree 68/2024 Điều 7 (2)"),
    ROW(subject_country, "RFC 5280 appendix A.1; profile: C=VN first"),
    ROW(subject_organisation, "profile: O of the managing agency"),
    ROW(subject_attributes_known, "profile: C L O OU title CN UID"),
    ROW(subject_attributes_once, "profile: no attribute twice"),
    ROW(subject_single_valued, "profile: one attribute in an RDN"),
    ROW(subject_string_types, "RFC 5280 4.1.2.4"),
    ROW(subject_upper_bounds, "RFC 5280 appendix A.1"),
    ROW(subject_text, "profile: NFC without control characters or outer white space"),
    ROW(key_kind_of_profile, "profile: accepted kinds of key; TT 15/2025/TT-BKHCN"),
    ROW(key_algorithm_parameters, "RFC 3279 2.3.1, RFC 5480 2.1.1"),
    ROW(key_strong, "NIST SP 800-89 5.3.3, CVE-2017-15361"),
    ROW(subject_key_id_present, "RFC 5280 4.2.1.2"),
    ROW(subject_key_id_value, "RFC 7093 2"),
    ROW(authority_key_id_present, "RFC 5280 4.2.1.1"),
    ROW(authority_key_id_value, "RFC 5280 4.2.1.1"),
    ROW(basic_constraints_present, "profile: cA is said"),
    ROW(basic_constraints_end_entity, "RFC 5280 4.2.1.9"),
    ROW(key_usage_present, "RFC 5280 4.2.1.3"),
    ROW(key_usage_of_profile, "RFC 5280 4.2.1.3, RFC 8813 3"),
    ROW(extended_usage_present, "RFC 5280 4.2.1.12"),
    ROW(extended_usage_of_profile, "RFC 5280 4.2.1.12"),
    ROW(alternative_names_needed, "RFC 6125 6.4: a server is known by its host name"),
    ROW(alternative_names_of_profile, "RFC 5280 4.2.1.6"),
    ROW(alternative_names_email, "RFC 5280 4.2.1.6"),
    ROW(alternative_names_dns, "RFC 5280 4.2.1.6, RFC 1034 3.5"),
    ROW(alternative_names_ip, "RFC 5280 4.2.1.6"),
    ROW(policies_present, "Decree 68/2024 Điều 7 (7)"),
    ROW(policies_of_profile, "RFC 5280 4.2.1.4"),
    ROW(policies_cps, "RFC 5280 4.2.1.4"),
    ROW(policies_notice, "RFC 6818 3; Decree 68/2024 Điều 7 (7)"),
    ROW(crl_points_present, "RFC 5280 4.2.1.13"),
    ROW(crl_points_of_issuer, "RFC 5280 4.2.1.13"),
    ROW(authority_access_present, "RFC 5280 4.2.2.1"),
    ROW(authority_access_of_issuer, "RFC 5280 4.2.2.1"),
    ROW(ocsp_no_check_of_profile, "RFC 6960 4.2.2.2.1"),
    {0},
};
_Static_assert(COUNT_OF(lint_rows) <= LINT_MAX_FINDINGS, "a report holds every row");

static void note(struct lint_report *report, const struct lint_row *row)
{
    report->findings[report->count++] = row;
}

static void run_all(const struct lint_view *view, struct lint_report *report)
{
    for (const struct lint_row *row = lint_rows; row->name; row++)
        if (!row->is_kept(view))
            note(report, row);
}

static const char *names_of(struct arena *arena, const struct lint_report *report)
{
    const char *names = "";

    for (size_t i = 0; i < report->count; i++)
        names = arena_printf(arena, "%s%s%s", names, i ? ", " : "", report->findings[i]->name);
    return names;
}

static EVP_PKEY *key_of(X509 *certificate, struct arena *arena)
{
    return x509_public_key(x509_der(arena, X509_get_X509_PUBKEY(certificate), i2d_X509_PUBKEY));
}

enum rc lint_certificate(const struct issuer *issuer, const struct profile *profile,
                         struct bytes der, EVP_PKEY *signer, struct arena *arena, struct err *err,
                         struct lint_report *ret_report)
{
    autoptr(X509) certificate = x509_parse_keyless(der);
    autoptr(EVP_PKEY) key = certificate ? key_of(certificate, arena) : NULL;
    struct lint_view view = {.issuer = issuer,
                             .profile = profile,
                             .arena = arena,
                             .der = der,
                             .certificate = certificate,
                             .signer = signer,
                             .key_kind = ""};

    *ret_report = (struct lint_report){0};
    if (certificate) {
        view.key = key;
        view.key_kind = key ? x509_key_kind(arena, key) : "";
        view.not_before_us = x509_time_us(X509_get0_notBefore(certificate));
        view.not_after_us = x509_time_us(X509_get0_notAfter(certificate));
        run_all(&view, ret_report);
    } else {
        note(ret_report, &lint_rows[0]);
    }
    ERR_clear_error();
    CHECK(ret_report->count == 0, err, TRIEN__ERROR__LINT_FAILED, "%s",
          names_of(arena, ret_report));
    return RC_OK;
}

void *lint_extension(const struct lint_view *view, int nid)
{
    return X509_get_ext_d2i(view->certificate, nid, NULL, NULL);
}

bool lint_has(const struct lint_view *view, int nid)
{
    return X509_get_ext_by_NID(view->certificate, nid, -1) >= 0;
}

struct bytes lint_extension_bytes(const struct lint_view *view, int nid)
{
    int at = X509_get_ext_by_NID(view->certificate, nid, -1);
    const ASN1_OCTET_STRING *value;

    if (at < 0 || X509_get_ext_by_NID(view->certificate, nid, at) >= 0)
        return (struct bytes){0};
    value = X509_EXTENSION_get_data(X509_get_ext(view->certificate, at));
    return bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

bool lint_is_malformed(const struct lint_view *view, int nid)
{
    const X509V3_EXT_METHOD *method = X509V3_EXT_get_nid(nid);
    struct bytes content = lint_extension_bytes(view, nid);
    const unsigned char *p = content.p;
    ASN1_VALUE *value;
    bool whole;

    if (content.p == NULL)
        return false;
    value = method && method->it
                ? ASN1_item_d2i(NULL, &p, (long)content.n, ASN1_ITEM_ptr(method->it))
                : NULL;
    whole = value && p == content.p + content.n;
    if (value)
        ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
    return !whole;
}
