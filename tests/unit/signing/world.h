/* A CA, an order and what one needs to spoil certificates, for the unit tests of signing. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <string.h>

#include "services/signing/lint.h"
#include "services/signing/tbs.h"

#define WORLD_NOW INT64_C(1795000000123456) /* 2026-11-18 */
#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

static const struct issuer_places world_places = {
    .public_url = "http://127.0.0.1:8081",
    .policy_oid = "1.3.6.1.4.1.32473.68.1",
    .cps_url = "http://127.0.0.1:8081/policies/cps/1",
};

/* Made once: keys are dear. */
static struct {
    struct arena *arena;
    struct err err;
    EVP_PKEY *ca_key, *throwaway, *rsa2048, *rsa3072, *p256;
    struct issuer issuer;
} world;

static inline X509 *world_ca(EVP_PKEY *key, const char *common_name)
{
    X509 *ca = X509_new();
    X509_NAME *name = X509_get_subject_name(ca);
    static const struct {
        int nid;
        const char *value;
    } rows[] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                {NID_key_usage, "critical,keyCertSign,cRLSign"},
                {NID_subject_key_identifier, "hash"}};
    X509V3_CTX context;

    X509_set_version(ca, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(ca), 7);
    X509_NAME_add_entry_by_txt(name, "C", MBSTRING_UTF8, (const unsigned char *)"VN", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                               -1, 0);
    X509_set_issuer_name(ca, name);
    ASN1_TIME_set(X509_getm_notBefore(ca), (time_t)(WORLD_NOW / SECOND_US) - 86400);
    ASN1_TIME_set(X509_getm_notAfter(ca), (time_t)(WORLD_NOW / SECOND_US) + 86400L * 365 * 20);
    X509_set_pubkey(ca, key);
    X509V3_set_ctx(&context, ca, ca, NULL, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoptr(X509_EXTENSION) extension =
            X509V3_EXT_conf_nid(NULL, &context, rows[i].nid, rows[i].value);
        assert_non_null(extension);
        X509_add_ext(ca, extension, -1);
    }
    assert_true(X509_sign(ca, key, EVP_sha256()) > 0);
    return ca;
}

static inline int world_open(void **state)
{
    autoptr(X509) ca = NULL;

    (void)state;
    world.arena = arena_new(256 << 20);
    world.ca_key = EVP_EC_gen("P-256");
    world.throwaway = EVP_EC_gen("P-256");
    world.p256 = EVP_EC_gen("P-256");
    world.rsa2048 = EVP_RSA_gen(2048);
    world.rsa3072 = EVP_RSA_gen(3072);
    ca = world_ca(world.ca_key, "TEST CA phát hành");
    return issuer_init(&world.issuer, world.arena, "issuing1", ca, &world_places, &world.err) !=
           RC_OK;
}

static inline int world_close(void **state)
{
    (void)state;
    issuer_done(&world.issuer);
    EVP_PKEY_free(world.ca_key);
    EVP_PKEY_free(world.throwaway);
    EVP_PKEY_free(world.p256);
    EVP_PKEY_free(world.rsa2048);
    EVP_PKEY_free(world.rsa3072);
    arena_free(&world.arena);
    return 0;
}

static const char *const world_emails[] = {"binh@example.gov.vn"};
static const char *const world_hosts[] = {"dvc.example.gov.vn"};
static const char *const world_addresses[] = {"192.0.2.7", "2001:db8::1"};

/* A good order of this profile for this key. */
static inline struct tbs_order world_order(const char *profile, EVP_PKEY *key)
{
    struct tbs_order order = {.profile = profile_find(profile)};
    const struct x509_name name = {.locality = "Hà Nội",
                                   .organisation = "Sở Khoa học và Công nghệ thành phố Hà Nội",
                                   .title = "Chuyên viên",
                                   .common_name = "Trần Thị Bình",
                                   .uid = "CCCD:001190012346"};

    assert_non_null(order.profile);
    assert_int_equal(x509_name_build(world.arena, &name, &world.err, &order.subject_der), RC_OK);
    order.spki_der = x509_der(world.arena, key, i2d_PUBKEY);
    order.key_kind = x509_key_kind(world.arena, key);
    if (order.profile->san_allowed & SAN_EMAIL) {
        order.emails = world_emails;
        order.email_count = 1;
    }
    if (order.profile->san_allowed & SAN_HOST) {
        order.dns_names = world_hosts;
        order.dns_count = 1;
        order.ip_addresses = world_addresses;
        order.ip_count = 2;
    }
    assert_int_equal(tbs_random_serial(world.arena, 0x54, &world.err, &order.serial), RC_OK);
    assert_int_equal(
        tbs_validity(&world.issuer, order.profile, WORLD_NOW, 1826, &world.err, &order), RC_OK);
    return order;
}

/* ECDSA over the to-be-signed bytes. */
static inline struct bytes world_sign(EVP_PKEY *key, struct bytes tbs)
{
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    size_t length = 1024;
    uint8_t *signature = arena_alloc(world.arena, length);

    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key);
    assert_int_equal(EVP_DigestSign(context, signature, &length, tbs.p, tbs.n), 1);
    return bytes_of(signature, length);
}

static inline struct bytes world_sequence(struct bytes a, struct bytes b, struct bytes c)
{
    int content = (int)(a.n + b.n + c.n);
    unsigned char *der = arena_alloc(world.arena,
                                     (size_t)ASN1_object_size(1, content, V_ASN1_SEQUENCE)),
                  *p = der;

    ASN1_put_object(&p, 1, content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    p = mempcpy(mempcpy(mempcpy(p, a.p, a.n), b.p, b.n), c.p, c.n);
    return bytes_of(der, (size_t)(p - der));
}

/* A certificate of any to-be-signed bytes, with the outer algorithm of one's choice. */
static inline struct bytes world_certify(struct bytes tbs, struct bytes algorithm)
{
    struct bytes signature = world_sign(world.throwaway, tbs);
    uint8_t *bits = arena_alloc(world.arena, signature.n + 3);

    bits[0] = V_ASN1_BIT_STRING;
    bits[1] = (uint8_t)(signature.n + 1);
    memcpy(bits + 3, signature.p, signature.n);
    return world_sequence(tbs, algorithm, bytes_of(bits, signature.n + 3));
}

/* DER of an order signed by a key of the tests'. */
static inline struct bytes world_build(const struct tbs_order *order)
{
    struct bytes der;

    assert_int_equal(tbs_build(&world.issuer, order, world.arena, &world.err, &der), RC_OK);
    return world_certify(tbs_of(der), world.issuer.algorithm_der);
}

/* The certificate again after it was changed. */
static inline struct bytes world_resign(X509 *certificate)
{
    unsigned char *tbs = NULL;
    int length = i2d_re_X509_tbs(certificate, &tbs);
    struct bytes copy = arena_bytes(world.arena, bytes_of(tbs, (size_t)length));

    OPENSSL_free(tbs);
    return world_certify(copy, world.issuer.algorithm_der);
}
