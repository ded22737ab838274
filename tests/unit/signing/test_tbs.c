/* What the builder builds, read back by OpenSSL: golden facts, validity, serials, assembling. */
#include "tests/unit/signing/world.h"

static void test_a_person(void **state)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.rsa3072);
    struct bytes der = world_build(&order);
    struct x509_facts facts;
    autoptr(X509) certificate = x509_parse(der);
    autoptr(GENERAL_NAMES) names = NULL;

    (void)state;
    assert_int_equal(x509_facts_read(world.arena, der, &world.err, &facts), RC_OK);
    assert_string_equal(facts.subject_text,
                        "UID=CCCD:001190012346,CN=Trần Thị Bình,title=Chuyên viên,"
                        "O=Sở Khoa học và Công nghệ thành phố Hà Nội,L=Hà Nội,C=VN");
    assert_true(bytes_equal(facts.spki_der, order.spki_der));
    assert_true(bytes_equal(facts.issuer_der, world.issuer.subject_der));
    assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
    assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
    assert_int_equal(X509_get_extension_flags(certificate) & EXFLAG_CA, 0);
    assert_int_equal(X509_check_ca(certificate), 0);
    names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    assert_int_equal(sk_GENERAL_NAME_num(names), 1);
    assert_int_equal(facts.serial[0], '5');
    assert_int_equal(strlen(facts.serial), 32);
    assert_int_equal(facts.not_before_us, WORLD_NOW - WORLD_NOW % SECOND_US);
    assert_int_equal(facts.not_after_us - facts.not_before_us + SECOND_US, 1826 * DAY_US);
}

static void test_every_profile_passes_its_lint(void **state)
{
    EVP_PKEY *const keys[] = {world.rsa2048, world.rsa3072, world.p256};

    (void)state;
    for (const struct profile *profile = profiles; profile->name; profile++)
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
            struct tbs_order order = world_order(profile->name, keys[i]);
            struct lint_report report;
            if (!profile_accepts_key(profile, order.key_kind))
                continue;
            if (lint_certificate(&world.issuer, profile, world_build(&order), world.throwaway,
                                 world.arena, &world.err, &report) != RC_OK)
                fail_msg("%s %s: %s", profile->name, order.key_kind, world.err.detail);
        }
}

static void test_generalized_time_from_2050(void **state)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);

    (void)state;
    order.not_before_us = INT64_C(2524607999) * SECOND_US; /* 2049-12-31T23:59:59Z */
    order.not_after_us = INT64_C(2524608000) * SECOND_US;
    autoptr(X509) certificate = x509_parse(world_build(&order));
    assert_int_equal(ASN1_STRING_type(X509_get0_notBefore(certificate)), V_ASN1_UTCTIME);
    assert_memory_equal(ASN1_STRING_get0_data(X509_get0_notBefore(certificate)), "491231235959Z",
                        13);
    assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(certificate)), V_ASN1_GENERALIZEDTIME);
    assert_memory_equal(ASN1_STRING_get0_data(X509_get0_notAfter(certificate)), "20500101000000Z",
                        15);
}

static void test_validity(void **state)
{
    struct tbs_order order = {0};
    const struct profile *person = profile_find(PROFILE_PERSON);
    int64_t ends = world.issuer.not_after_us;

    (void)state;
    assert_int_equal(tbs_validity(&world.issuer, person, WORLD_NOW, 9999, &world.err, &order),
                     RC_OK);
    assert_int_equal(order.not_after_us - order.not_before_us + SECOND_US, 1826 * DAY_US);
    assert_int_equal(tbs_validity(&world.issuer, person, WORLD_NOW, 30, &world.err, &order), RC_OK);
    assert_int_equal(order.not_after_us - order.not_before_us + SECOND_US, 30 * DAY_US);
    assert_int_equal(tbs_validity(&world.issuer, person, ends - 9 * DAY_US, 30, &world.err, &order),
                     RC_OK);
    assert_int_equal(order.not_after_us, ends);
    assert_int_equal(tbs_validity(&world.issuer, person, ends - DAY_US / 2, 30, &world.err, &order),
                     RC_REJECT);
    assert_int_equal(tbs_validity(&world.issuer, person, WORLD_NOW, 0, &world.err, &order),
                     RC_REJECT);
}

static void test_serials(void **state)
{
    struct bytes a, b;

    (void)state;
    assert_int_equal(tbs_random_serial(world.arena, 0x7f, &world.err, &a), RC_OK);
    assert_int_equal(tbs_random_serial(world.arena, 0x7f, &world.err, &b), RC_OK);
    assert_int_equal(a.n, 16);
    assert_int_equal(a.p[0], 0x7f);
    assert_false(bytes_equal(a, b));
    assert_int_equal(tbs_random_serial(world.arena, 0, &world.err, &a), RC_FATAL);
    assert_int_equal(tbs_random_serial(world.arena, 128, &world.err, &a), RC_FATAL);
}

static void test_assembling(void **state)
{
    struct tbs_order order = world_order(PROFILE_TLS_SERVER, world.p256);
    struct bytes throwaway = world_build(&order), tbs = tbs_of(throwaway), der;
    struct bytes signature = world_sign(world.ca_key, tbs);
    struct lint_report report;

    (void)state;
    assert_true(tbs.n > 0 && tbs.n < throwaway.n);
    assert_int_equal(tbs_assemble(&world.issuer, tbs, signature, world.arena, &world.err, &der),
                     RC_OK);
    assert_true(bytes_equal(tbs_of(der), tbs));
    assert_int_equal(lint_certificate(&world.issuer, order.profile, der, world.ca_key, world.arena,
                                      &world.err, &report),
                     RC_OK);
    /* Signed by another key, over other bytes, or not at all. */
    assert_int_equal(tbs_assemble(&world.issuer, tbs, world_sign(world.p256, tbs), world.arena,
                                  &world.err, &der),
                     RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__ANSWER_MISMATCH);
    tbs = tbs_of(world_build(&order));
    order.serial = bytes_of("\x54zzzzzzzzzzzzzzz", 16);
    assert_int_equal(tbs_assemble(&world.issuer, tbs_of(world_build(&order)), signature,
                                  world.arena, &world.err, &der),
                     RC_REJECT);
    assert_int_equal(
        tbs_assemble(&world.issuer, tbs, bytes_of("", 0), world.arena, &world.err, &der),
        RC_REJECT);
    assert_int_equal(tbs_assemble(&world.issuer, bytes_of("\x04\x00", 2),
                                  world_sign(world.ca_key, bytes_of("\x04\x00x", 3)), world.arena,
                                  &world.err, &der),
                     RC_REJECT);
}

/* What is linted has the form of a certificate and verifies with no key that anybody has. */
static void test_the_throw_away_signature(void **state)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    struct lint_report report;
    struct bytes der, assembled;

    (void)state;
    assert_int_equal(tbs_build(&world.issuer, &order, world.arena, &world.err, &der), RC_OK);
    assert_int_equal(
        lint_certificate(&world.issuer, order.profile, der, NULL, world.arena, &world.err, &report),
        RC_OK);
    assert_int_equal(lint_certificate(&world.issuer, order.profile, der, world.ca_key, world.arena,
                                      &world.err, &report),
                     RC_REJECT);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.findings[0]->name, "signature_verifies");
    assert_int_equal(tbs_assemble(&world.issuer, tbs_of(der), world.issuer.throwaway_signature,
                                  world.arena, &world.err, &assembled),
                     RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__ANSWER_MISMATCH);
    ((uint8_t *)(uintptr_t)der.p)[der.n - 1] ^= 1; /* what is linted carries no other one */
    assert_int_equal(
        lint_certificate(&world.issuer, order.profile, der, NULL, world.arena, &world.err, &report),
        RC_REJECT);
    assert_string_equal(report.findings[0]->name, "signature_verifies");
}

static void test_an_rsa_issuer(void **state)
{
    autoptr(X509) ca = world_ca(world.rsa3072, "TEST CA RSA");
    struct issuer issuer;
    struct tbs_order order = world_order(PROFILE_AGENCY, world.rsa3072);
    struct bytes throwaway, der;
    struct lint_report report;

    (void)state;
    assert_int_equal(issuer_init(&issuer, world.arena, "issuing2", ca, &world_places, &world.err),
                     RC_OK);
    assert_int_equal(tbs_build(&issuer, &order, world.arena, &world.err, &throwaway), RC_OK);
    assert_int_equal(
        lint_certificate(&issuer, order.profile, throwaway, NULL, world.arena, &world.err, &report),
        RC_OK);
    assert_int_equal(tbs_assemble(&issuer, tbs_of(throwaway),
                                  world_sign(world.rsa3072, tbs_of(throwaway)), world.arena,
                                  &world.err, &der),
                     RC_OK);
    issuer_done(&issuer);
}

static void test_names_that_cannot_stand(void **state)
{
    struct tbs_order order = world_order(PROFILE_TLS_SERVER, world.p256);
    static const char *const bad[] = {"300.1.1.1"};
    struct bytes der;

    (void)state;
    order.ip_addresses = bad;
    order.ip_count = 1;
    assert_int_equal(tbs_build(&world.issuer, &order, world.arena, &world.err, &der), RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__FIELD_INVALID);
}

static void test_what_is_no_issuer(void **state)
{
    struct tbs_order order = world_order(PROFILE_PERSON, world.p256);
    autoptr(X509) leaf = x509_parse(world_build(&order));
    autoptr(EVP_PKEY) weak = EVP_EC_gen("P-224");
    autoptr(X509) weak_ca = world_ca(weak, "weak");
    autoptr(X509) ca = world_ca(world.p256, "TEST");
    struct issuer_places bad = world_places;
    struct issuer issuer;

    (void)state;
    assert_int_equal(issuer_init(&issuer, world.arena, "x", leaf, &world_places, &world.err),
                     RC_FATAL);
    assert_int_equal(issuer_init(&issuer, world.arena, "x", weak_ca, &world_places, &world.err),
                     RC_FATAL);
    issuer_done(&issuer);
    bad.policy_oid = "nonsense";
    assert_int_equal(issuer_init(&issuer, world.arena, "x", ca, &bad, &world.err), RC_FATAL);
    assert_int_equal(world.err.code, TRIEN__ERROR__CONFIG_INVALID);
    issuer_done(&issuer);
    bad = world_places;
    bad.public_url = "https://ca.example.vn"; /* the signer takes no certificate that names it */
    err_clear(&world.err);
    assert_int_equal(issuer_init(&issuer, world.arena, "x", ca, &bad, &world.err), RC_FATAL);
    assert_int_equal(world.err.code, TRIEN__ERROR__CONFIG_INVALID);
    issuer_done(&issuer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_person),
        cmocka_unit_test(test_every_profile_passes_its_lint),
        cmocka_unit_test(test_generalized_time_from_2050),
        cmocka_unit_test(test_validity),
        cmocka_unit_test(test_serials),
        cmocka_unit_test(test_assembling),
        cmocka_unit_test(test_the_throw_away_signature),
        cmocka_unit_test(test_an_rsa_issuer),
        cmocka_unit_test(test_names_that_cannot_stand),
        cmocka_unit_test(test_what_is_no_issuer),
    };

    return cmocka_run_group_tests_name("tbs", tests, world_open, world_close);
}
