/* Is this certificate what RFC 5280, the Decree and its profile say? One table of checks, run over
 * the certificate that the throw-away key signed, before the CA key is asked. No tolerance: one
 * finding and the order fails. Pure. */
#pragma once

#include "services/signing/issuer.h"

/* What a check looks at. Everything is parsed once. */
struct lint_view {
    const struct issuer *issuer;
    const struct profile *profile;
    struct arena *arena;
    struct bytes der;
    X509 *certificate;
    EVP_PKEY *key;        /* NULL when it cannot be read */
    const char *key_kind; /* "" likewise */
    EVP_PKEY *signer;     /* whose signature it must carry; NULL: the throw-away one */
    int64_t not_before_us, not_after_us;
};

struct lint_row {
    const char *name;   /* "basic_constraints_end_entity" */
    const char *source; /* "RFC 5280 4.2.1.9" */
    bool (*is_kept)(const struct lint_view *view);
};

/** Every check, ended by a row without a name. A check whose subject is absent is kept: presence
 * has rows of its own, so that one defect is one finding. */
extern const struct lint_row lint_rows[];

#define LINT_MAX_FINDINGS 64

struct lint_report {
    size_t count;
    const struct lint_row *findings[LINT_MAX_FINDINGS];
};

/** Runs every check. `signer` is the key whose signature the certificate must carry; NULL: the
 * issuer's throw-away signature, octet for octet (the CA key's signature over the same bytes is
 * verified by tbs_assemble()). REJECT LINT_FAILED with the names of the findings
 * in err->detail; *ret_report is filled either way. A certificate that cannot be parsed is the
 * finding of the first row alone. */
enum rc lint_certificate(const struct issuer *issuer, const struct profile *profile,
                         struct bytes der, EVP_PKEY *signer, struct arena *arena, struct err *err,
                         struct lint_report *ret_report) MUST_USE;

/* Checks by subject, for lint.c's table (lint_basics.c, lint_subject.c, lint_usage.c, lint_names.c,
 * lint_pointers.c). */
#define LINT_CHECK(name) bool lint_##name(const struct lint_view *view)
LINT_CHECK(parses);
LINT_CHECK(encoding_is_der);
LINT_CHECK(version_3);
LINT_CHECK(serial_positive);
LINT_CHECK(serial_20_octets);
LINT_CHECK(serial_64_random_bits);
LINT_CHECK(algorithms_agree);
LINT_CHECK(algorithm_is_issuers);
LINT_CHECK(signature_verifies);
LINT_CHECK(issuer_is_issuers_subject);
LINT_CHECK(validity_encoding);
LINT_CHECK(validity_order);
LINT_CHECK(validity_within_issuer);
LINT_CHECK(validity_within_profile);
LINT_CHECK(no_unique_ids);
LINT_CHECK(extensions_once);
LINT_CHECK(extensions_known);
LINT_CHECK(extensions_criticality);
LINT_CHECK(subject_common_name);
LINT_CHECK(subject_country);
LINT_CHECK(subject_organisation);
LINT_CHECK(subject_attributes_known);
LINT_CHECK(subject_attributes_once);
LINT_CHECK(subject_single_valued);
LINT_CHECK(subject_string_types);
LINT_CHECK(subject_upper_bounds);
LINT_CHECK(subject_text);
LINT_CHECK(key_kind_of_profile);
LINT_CHECK(key_algorithm_parameters);
LINT_CHECK(key_strong);
LINT_CHECK(subject_key_id_present);
LINT_CHECK(subject_key_id_value);
LINT_CHECK(authority_key_id_present);
LINT_CHECK(authority_key_id_value);
LINT_CHECK(basic_constraints_present);
LINT_CHECK(basic_constraints_end_entity);
LINT_CHECK(key_usage_present);
LINT_CHECK(key_usage_of_profile);
LINT_CHECK(extended_usage_present);
LINT_CHECK(extended_usage_of_profile);
LINT_CHECK(alternative_names_needed);
LINT_CHECK(alternative_names_of_profile);
LINT_CHECK(alternative_names_email);
LINT_CHECK(alternative_names_dns);
LINT_CHECK(alternative_names_ip);
LINT_CHECK(policies_present);
LINT_CHECK(policies_of_profile);
LINT_CHECK(policies_cps);
LINT_CHECK(policies_notice);
LINT_CHECK(crl_points_present);
LINT_CHECK(crl_points_of_issuer);
LINT_CHECK(authority_access_present);
LINT_CHECK(authority_access_of_issuer);
LINT_CHECK(ocsp_no_check_of_profile);

/** The extension's value; NULL when it is absent, appears twice or is malformed. Free with the
 * type's free function. */
void *lint_extension(const struct lint_view *view, int nid);

/** The extension is there, at least once. */
bool lint_has(const struct lint_view *view, int nid);

/** The extension is there once and is not what its type says. One row per extension asks this. */
bool lint_is_malformed(const struct lint_view *view, int nid);

/** The extension's own bytes; n is 0 when it is absent or appears twice. */
struct bytes lint_extension_bytes(const struct lint_view *view, int nid);
