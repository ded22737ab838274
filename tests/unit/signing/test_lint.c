/* Every row of the table of checks has a certificate that breaks this row and no other. */
#include "tests/unit/signing/world.h"

#include <openssl/param_build.h>

typedef struct bytes (*spoil_fn)(void);

static X509 *good(const char *profile, EVP_PKEY *key)
{
    struct tbs_order order = world_order(profile, key);

    return x509_parse(world_build(&order));
}

/* Builds a good certificate, hands it to the statement, signs it again. */
#define SPOIL(name, profile, ...)                                                                  \
    static struct bytes spoil_##name(void)                                                         \
    {                                                                                              \
        autoptr(X509) x = good((profile), world.p256);                                             \
        __VA_ARGS__;                                                                               \
        return world_resign(x);                                                                    \
    }

static struct bytes spoil_parses(void)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    struct bytes der = world_build(&order);

    return bytes_of(der.p, der.n - 1);
}

/* The version's length in two octets where one does: BER says yes, DER says no. */
static struct bytes spoil_encoding_is_der(void)
{
    static const uint8_t version[] = {0xa0, 0x81, 0x03, 0x02, 0x01, 0x02};
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    struct bytes tbs = tbs_of(world_build(&order));

    assert_memory_equal(tbs.p + 4, "\xa0\x03\x02\x01\x02", 5);
    tbs = world_sequence(bytes_of(version, sizeof(version)), bytes_of(tbs.p + 9, tbs.n - 9),
                         bytes_of("", 0));
    return world_certify(tbs, world.issuer.algorithm_der);
}

static void serial_of(X509 *x, const char *hex)
{
    BIGNUM *number = NULL;

    BN_hex2bn(&number, hex);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
}

SPOIL(version_3, PROFILE_PERSON, X509_set_version(x, X509_VERSION_2))
SPOIL(serial_positive, PROFILE_PERSON, serial_of(x, "-112233445566778899AABB"))
SPOIL(serial_20_octets, PROFILE_PERSON, serial_of(x, "F02233445566778899AABBCCDDEEFF0011223344"))
SPOIL(serial_64_random_bits, PROFILE_PERSON, serial_of(x, "5433445566778899"))

static struct bytes algorithm_der(int nid, int type)
{
    autoptr(X509_ALGOR) algorithm = X509_ALGOR_new();

    X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), type, NULL);
    return x509_der(world.arena, algorithm, i2d_X509_ALGOR);
}

static struct bytes spoil_algorithms_agree(void)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);

    return world_certify(tbs_of(world_build(&order)),
                         algorithm_der(NID_ecdsa_with_SHA384, V_ASN1_UNDEF));
}

/* The right algorithm with parameters it must not have, inside and outside. */
static struct bytes spoil_algorithm_is_issuers(void)
{
    autoptr(X509) x = good(PROFILE_PERSON, world.p256);
    X509_ALGOR *inner = (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(x);
    unsigned char *tbs = NULL;
    int length;
    struct bytes copy;

    X509_ALGOR_set0(inner, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_NULL, NULL);
    length = i2d_re_X509_tbs(x, &tbs);
    copy = arena_bytes(world.arena, bytes_of(tbs, (size_t)length));
    OPENSSL_free(tbs);
    return world_certify(copy, algorithm_der(NID_ecdsa_with_SHA256, V_ASN1_NULL));
}

static struct bytes spoil_signature_verifies(void)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    struct bytes der = arena_bytes(world.arena, world_build(&order));

    ((uint8_t *)(uintptr_t)der.p)[der.n - 1] ^= 1;
    return der;
}

SPOIL(issuer_is_issuers_subject, PROFILE_PERSON, X509_set_issuer_name(x, X509_get_subject_name(x)))
SPOIL(validity_encoding, PROFILE_PERSON,
      ASN1_GENERALIZEDTIME_set(X509_getm_notBefore(x), (time_t)(WORLD_NOW / SECOND_US)))
SPOIL(validity_order, PROFILE_PERSON,
      ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(WORLD_NOW / SECOND_US) - 1))
SPOIL(validity_within_issuer, PROFILE_PERSON,
      ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(WORLD_NOW / SECOND_US) - 86401);
      ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(WORLD_NOW / SECOND_US) + 86400))
SPOIL(validity_within_profile, PROFILE_PERSON,
      ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(WORLD_NOW / SECOND_US) + 86400L * 1826))

/* [2] subjectUniqueID before [3] extensions. */
static struct bytes spoil_no_unique_ids(void)
{
    static const uint8_t unique_id[] = {0x82, 0x02, 0x00, 0xaa};
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    struct bytes tbs = tbs_of(world_build(&order));
    const uint8_t *spki = memmem(tbs.p, tbs.n, order.spki_der.p, order.spki_der.n);
    size_t before = (size_t)(spki - tbs.p) + order.spki_der.n;

    /* The header of this SEQUENCE is 30 82 hh ll. */
    assert_int_equal(tbs.p[1], 0x82);
    tbs = world_sequence(bytes_of(tbs.p + 4, before - 4), bytes_of(unique_id, sizeof(unique_id)),
                         bytes_of(tbs.p + before, tbs.n - before));
    return world_certify(tbs, world.issuer.algorithm_der);
}

static void add(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, world.issuer.certificate, x, NULL, NULL, 0);
    autoptr(X509_EXTENSION) extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(x, extension, -1);
}

static void drop(X509 *x, int nid)
{
    int at = X509_get_ext_by_NID(x, nid, -1);

    assert_true(at >= 0);
    X509_EXTENSION_free(X509_delete_ext(x, at));
}

/* Takes the extension out and puts another value in. */
static void swap(X509 *x, int nid, const char *value)
{
    drop(x, nid);
    add(x, nid, value);
}

SPOIL(extensions_once, PROFILE_PERSON, add(x, NID_ext_key_usage, "clientAuth"))
SPOIL(extensions_known, PROFILE_PERSON, add(x, NID_netscape_comment, "hello"))
SPOIL(extensions_criticality, PROFILE_PERSON,
      X509_EXTENSION_set_critical(X509_get_ext(x, X509_get_ext_by_NID(x, NID_subject_alt_name, -1)),
                                  1))

static void drop_name(X509 *x, int nid)
{
    X509_NAME *name = X509_get_subject_name(x);

    X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, X509_NAME_get_index_by_NID(name, nid, -1)));
}

static void add_name(X509 *x, int nid, int type, const char *value, int at, int set)
{
    assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(x), nid, type,
                                                (const unsigned char *)value, -1, at, set),
                     1);
}

SPOIL(subject_common_name, PROFILE_PERSON, drop_name(x, NID_commonName))
SPOIL(subject_country, PROFILE_PERSON, drop_name(x, NID_countryName);
      add_name(x, NID_countryName, V_ASN1_PRINTABLESTRING, "LA", 0, 0))
SPOIL(subject_organisation, PROFILE_PERSON, drop_name(x, NID_organizationName))
SPOIL(subject_attributes_known, PROFILE_PERSON,
      add_name(x, NID_givenName, V_ASN1_UTF8STRING, "Bình", -1, 0))
SPOIL(subject_attributes_once, PROFILE_PERSON,
      add_name(x, NID_title, V_ASN1_UTF8STRING, "Trưởng phòng", -1, 0))
SPOIL(subject_single_valued, PROFILE_PERSON,
      add_name(x, NID_organizationalUnitName, V_ASN1_UTF8STRING, "Phòng CNTT", -1, -1))
SPOIL(subject_string_types, PROFILE_PERSON, drop_name(x, NID_commonName);
      add_name(x, NID_commonName, V_ASN1_PRINTABLESTRING, "Tran Thi Binh", -1, 0))
SPOIL(subject_text, PROFILE_PERSON, drop_name(x, NID_commonName);
      add_name(x, NID_commonName, V_ASN1_UTF8STRING, "Bi\xcc\x80nh", -1, 0))

static struct bytes spoil_subject_upper_bounds(void)
{
    autoptr(X509) x = good(PROFILE_PERSON, world.p256);
    char text[66] = "";
    X509_NAME_ENTRY *entry;

    memset(text, 'a', 65);
    /* Through the entry: X509_NAME_add_entry knows the bound itself. */
    entry =
        X509_NAME_get_entry(X509_get_subject_name(x),
                            X509_NAME_get_index_by_NID(X509_get_subject_name(x), NID_title, -1));
    X509_NAME_ENTRY_set_data(entry, V_ASN1_UTF8STRING, (const unsigned char *)text, 65);
    /* A change by the name's own function marks its cached encoding as old. */
    drop_name(x, NID_localityName);
    return world_resign(x);
}

static struct bytes with_key(const char *profile, EVP_PKEY *key)
{
    struct tbs_order order = world_order(profile, key);

    return world_build(&order);
}

static struct bytes spoil_key_kind_of_profile(void)
{
    return with_key(PROFILE_CODE_SIGNING, world.rsa2048);
}

/* rsaEncryption without its NULL. */
static struct bytes spoil_key_algorithm_parameters(void)
{
    autoptr(X509) x = good(PROFILE_PERSON, world.rsa2048);
    const unsigned char *bits;
    int length;

    X509_PUBKEY_get0_param(NULL, &bits, &length, NULL, X509_get_X509_PUBKEY(x));
    X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(x), OBJ_nid2obj(NID_rsaEncryption), V_ASN1_UNDEF,
                           NULL, OPENSSL_memdup(bits, (size_t)length), length);
    return world_resign(x);
}

static struct bytes spoil_key_strong(void)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    autoptr(BIGNUM) n = NULL;
    autoptr(BIGNUM) e = BN_new();
    autoptr(EVP_PKEY) weak = NULL;
    OSSL_PARAM *params;

    EVP_PKEY_get_bn_param(world.rsa2048, OSSL_PKEY_PARAM_RSA_N, &n);
    BN_set_word(e, 3);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
    params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_fromdata_init(context);
    assert_int_equal(EVP_PKEY_fromdata(context, &weak, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return with_key(PROFILE_PERSON, weak);
}

SPOIL(subject_key_id_present, PROFILE_PERSON, drop(x, NID_subject_key_identifier))
SPOIL(subject_key_id_value, PROFILE_PERSON, swap(x, NID_subject_key_identifier, "hash"))
SPOIL(authority_key_id_present, PROFILE_PERSON, drop(x, NID_authority_key_identifier))
SPOIL(authority_key_id_value, PROFILE_PERSON,
      swap(x, NID_authority_key_identifier, "keyid,issuer:always"))
SPOIL(basic_constraints_present, PROFILE_PERSON, drop(x, NID_basic_constraints))
SPOIL(basic_constraints_end_entity, PROFILE_PERSON,
      swap(x, NID_basic_constraints, "critical,CA:TRUE"))
SPOIL(key_usage_present, PROFILE_PERSON, drop(x, NID_key_usage))
SPOIL(key_usage_of_profile, PROFILE_PERSON,
      swap(x, NID_key_usage, "critical,digitalSignature,nonRepudiation,keyCertSign"))
SPOIL(extended_usage_present, PROFILE_PERSON, drop(x, NID_ext_key_usage))
SPOIL(extended_usage_of_profile, PROFILE_PERSON,
      swap(x, NID_ext_key_usage, "clientAuth,emailProtection,anyExtendedKeyUsage"))
SPOIL(alternative_names_needed, PROFILE_TLS_SERVER, drop(x, NID_subject_alt_name))
SPOIL(alternative_names_of_profile, PROFILE_TLS_SERVER,
      swap(x, NID_subject_alt_name, "DNS:dvc.example.gov.vn,email:a@example.gov.vn"))
SPOIL(alternative_names_email, PROFILE_PERSON,
      swap(x, NID_subject_alt_name, "email:a b@example.gov.vn"))
SPOIL(alternative_names_dns, PROFILE_TLS_SERVER,
      swap(x, NID_subject_alt_name, "DNS:*.example.gov.vn"))

static struct bytes spoil_alternative_names_ip(void)
{
    autoptr(X509) x = good(PROFILE_TLS_SERVER, world.p256);
    autoptr(GENERAL_NAMES) names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_IPADD)
            ASN1_OCTET_STRING_set(name->d.iPAddress, (const unsigned char *)"\x7f\0\0\1\0", 5);
    }
    drop(x, NID_subject_alt_name);
    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
    return world_resign(x);
}

#define CPS "http://127.0.0.1:8081/policies/cps/1"

/* Policies of any making. */
static struct bytes with_policies(const char *oid, const char *cps, int notice_type)
{
    autoptr(X509) x = good(PROFILE_PERSON, world.p256);
    CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);
    POLICYINFO *row = sk_POLICYINFO_value(policies, 0);

    ASN1_OBJECT_free(row->policyid);
    row->policyid = OBJ_txt2obj(oid, 1);
    for (int i = 0; i < sk_POLICYQUALINFO_num(row->qualifiers); i++) {
        POLICYQUALINFO *qualifier = sk_POLICYQUALINFO_value(row->qualifiers, i);
        if (OBJ_obj2nid(qualifier->pqualid) == NID_id_qt_cps)
            ASN1_STRING_set(qualifier->d.cpsuri, cps, -1);
        else
            qualifier->d.usernotice->exptext->type = notice_type;
    }
    drop(x, NID_certificate_policies);
    X509_add1_ext_i2d(x, NID_certificate_policies, policies, 0, 0);
    CERTIFICATEPOLICIES_free(policies);
    return world_resign(x);
}

SPOIL(policies_present, PROFILE_PERSON, drop(x, NID_certificate_policies))

static struct bytes spoil_policies_of_profile(void)
{
    return with_policies("2.16.704.1.1.1.1.1", CPS, V_ASN1_UTF8STRING);
}

static struct bytes spoil_policies_cps(void)
{
    return with_policies("1.3.6.1.4.1.32473.68.1.1", "http://example.net/", V_ASN1_UTF8STRING);
}

static struct bytes spoil_policies_notice(void)
{
    return with_policies("1.3.6.1.4.1.32473.68.1.1", CPS, V_ASN1_VISIBLESTRING);
}

SPOIL(crl_points_present, PROFILE_PERSON, drop(x, NID_crl_distribution_points))
SPOIL(crl_points_of_issuer, PROFILE_PERSON,
      swap(x, NID_crl_distribution_points, "URI:http://127.0.0.1:8081/crl/issuing.crl"))
SPOIL(authority_access_present, PROFILE_PERSON, drop(x, NID_info_access))
SPOIL(authority_access_of_issuer, PROFILE_PERSON,
      swap(x, NID_info_access, "OCSP;URI:http://127.0.0.1:8081/ocsp"))
SPOIL(ocsp_no_check_of_profile, PROFILE_OCSP_RESPONDER, drop(x, NID_id_pkix_OCSP_noCheck))

#define CASE(name, profile)                                                                        \
    {                                                                                              \
#name, (profile), spoil_##name                                                             \
    }
static const struct {
    const char *row, *profile;
    spoil_fn spoil;
} cases[] = {
    CASE(parses, PROFILE_PERSON),
    CASE(encoding_is_der, PROFILE_PERSON),
    CASE(version_3, PROFILE_PERSON),
    CASE(serial_positive, PROFILE_PERSON),
    CASE(serial_20_octets, PROFILE_PERSON),
    CASE(serial_64_random_bits, PROFILE_PERSON),
    CASE(algorithms_agree, PROFILE_PERSON),
    CASE(algorithm_is_issuers, PROFILE_PERSON),
    CASE(signature_verifies, PROFILE_PERSON),
    CASE(issuer_is_issuers_subject, PROFILE_PERSON),
    CASE(validity_encoding, PROFILE_PERSON),
    CASE(validity_order, PROFILE_PERSON),
    CASE(validity_within_issuer, PROFILE_PERSON),
    CASE(validity_within_profile, PROFILE_PERSON),
    CASE(no_unique_ids, PROFILE_PERSON),
    CASE(extensions_once, PROFILE_PERSON),
    CASE(extensions_known, PROFILE_PERSON),
    CASE(extensions_criticality, PROFILE_PERSON),
    CASE(subject_common_name, PROFILE_PERSON),
    CASE(subject_country, PROFILE_PERSON),
    CASE(subject_organisation, PROFILE_PERSON),
    CASE(subject_attributes_known, PROFILE_PERSON),
    CASE(subject_attributes_once, PROFILE_PERSON),
    CASE(subject_single_valued, PROFILE_PERSON),
    CASE(subject_string_types, PROFILE_PERSON),
    CASE(subject_upper_bounds, PROFILE_PERSON),
    CASE(subject_text, PROFILE_PERSON),
    CASE(key_kind_of_profile, PROFILE_CODE_SIGNING),
    CASE(key_algorithm_parameters, PROFILE_PERSON),
    CASE(key_strong, PROFILE_PERSON),
    CASE(subject_key_id_present, PROFILE_PERSON),
    CASE(subject_key_id_value, PROFILE_PERSON),
    CASE(authority_key_id_present, PROFILE_PERSON),
    CASE(authority_key_id_value, PROFILE_PERSON),
    CASE(basic_constraints_present, PROFILE_PERSON),
    CASE(basic_constraints_end_entity, PROFILE_PERSON),
    CASE(key_usage_present, PROFILE_PERSON),
    CASE(key_usage_of_profile, PROFILE_PERSON),
    CASE(extended_usage_present, PROFILE_PERSON),
    CASE(extended_usage_of_profile, PROFILE_PERSON),
    CASE(alternative_names_needed, PROFILE_TLS_SERVER),
    CASE(alternative_names_of_profile, PROFILE_TLS_SERVER),
    CASE(alternative_names_email, PROFILE_PERSON),
    CASE(alternative_names_dns, PROFILE_TLS_SERVER),
    CASE(alternative_names_ip, PROFILE_TLS_SERVER),
    CASE(policies_present, PROFILE_PERSON),
    CASE(policies_of_profile, PROFILE_PERSON),
    CASE(policies_cps, PROFILE_PERSON),
    CASE(policies_notice, PROFILE_PERSON),
    CASE(crl_points_present, PROFILE_PERSON),
    CASE(crl_points_of_issuer, PROFILE_PERSON),
    CASE(authority_access_present, PROFILE_PERSON),
    CASE(authority_access_of_issuer, PROFILE_PERSON),
    CASE(ocsp_no_check_of_profile, PROFILE_OCSP_RESPONDER),
};

static void test_each_row_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct lint_report report;
        enum rc rc =
            lint_certificate(&world.issuer, profile_find(cases[i].profile), cases[i].spoil(),
                             world.throwaway, world.arena, &world.err, &report);
        if (rc != RC_REJECT || report.count != 1 ||
            strcmp(report.findings[0]->name, cases[i].row) != 0)
            fail_msg("%s: found %s", cases[i].row, rc == RC_OK ? "nothing" : world.err.detail);
    }
}

static void test_no_row_is_forgotten(void **state)
{
    size_t rows = 0;

    (void)state;
    for (const struct lint_row *row = lint_rows; row->name; row++, rows++)
        assert_string_equal(row->name, cases[rows].row);
    assert_int_equal(rows, COUNT_OF(cases));
}

static void test_another_key_is_found(void **state)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    struct lint_report report;

    (void)state;
    assert_int_equal(lint_certificate(&world.issuer, order.profile, world_build(&order),
                                      world.ca_key, world.arena, &world.err, &report),
                     RC_REJECT);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.findings[0]->name, "signature_verifies");
}

/* The same signature spelt with a bit that is not used: OpenSSL's check of it passes. */
static void test_unused_bits_of_the_signature_are_found(void **state)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    struct lint_report report;
    struct bytes der;
    uint8_t *unused;

    (void)state;
    do { /* a signature that ends with a bit of 0 */
        autoptr(X509) certificate = NULL;
        const ASN1_BIT_STRING *signature;

        der = arena_bytes(world.arena, world_build(&order));
        certificate = x509_parse(der);
        X509_get0_signature(&signature, NULL, certificate);
        unused = (uint8_t *)(uintptr_t)der.p + der.n - ASN1_STRING_length(signature) - 1;
    } while (der.p[der.n - 1] & 1);
    assert_int_equal(*unused, 0);
    *unused = 1;
    assert_int_equal(lint_certificate(&world.issuer, order.profile, der, world.throwaway,
                                      world.arena, &world.err, &report),
                     RC_REJECT);
}

/* A wrong byte anywhere never passes and never crashes. */
static void test_every_flipped_byte_is_found(void **state)
{
    struct tbs_order order = world_order(PROFILE_TLS_SERVER, world.p256);
    struct bytes der = arena_bytes(world.arena, world_build(&order));
    uint8_t *bytes = (uint8_t *)(uintptr_t)der.p;
    size_t tbs = tbs_of(der).n;

    (void)state;
    for (size_t i = 0; i < tbs; i++) {
        struct lint_report report;
        bytes[i] ^= 0x20;
        if (lint_certificate(&world.issuer, order.profile, der, world.throwaway, world.arena,
                             &world.err, &report) == RC_OK)
            fail_msg("byte %zu", i);
        bytes[i] ^= 0x20;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_alone),
        cmocka_unit_test(test_no_row_is_forgotten),
        cmocka_unit_test(test_another_key_is_found),
        cmocka_unit_test(test_unused_bits_of_the_signature_are_found),
        cmocka_unit_test(test_every_flipped_byte_is_found),
    };

    return cmocka_run_group_tests_name("lint", tests, world_open, world_close);
}
