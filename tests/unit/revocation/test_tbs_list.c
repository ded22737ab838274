/* Revocation lists written by ourselves, read by OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ossl.h"
#include "services/revocation/tbs_list.h"

#define NOW (INT64_C(1795500000) * USEC_PER_SECOND)

static struct arena *arena;
static EVP_PKEY *key;
static struct x509_ca issuer;

static void add(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static int up(void **state)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    struct err err = {0};

    (void)state;
    arena = arena_new((size_t)128 << 20);
    key = EVP_EC_gen("P-256");
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"TEST Issuing CA", -1,
                               -1, 0);
    X509_set_issuer_name(cert, name);
    ASN1_TIME_set(X509_getm_notBefore(cert), 1700000000);
    ASN1_TIME_set(X509_getm_notAfter(cert), 2500000000);
    X509_set_pubkey(cert, key);
    add(cert, NID_basic_constraints, "critical,CA:TRUE");
    add(cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    add(cert, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(
        x509_ca_read(arena, "issuing1", x509_der(arena, cert, i2d_X509), &err, &issuer), RC_OK);
    X509_free(cert);
    return 0;
}

static int down(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    arena_free(&arena);
    return 0;
}

static struct bytes sign(struct bytes tbs)
{
    autoptr(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
    uint8_t *signature = arena_alloc(arena, 256);
    size_t size = 256;

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &size, tbs.p, tbs.n), 1);
    return bytes_of(signature, size);
}

static X509_CRL *make(const struct tbs_list *list)
{
    struct bytes tbs = tbs_list_write(arena, list), crl = {NULL, 0};
    struct err err = {0};
    const uint8_t *p;

    assert_int_equal(tbs_list_assemble(&issuer, tbs, sign(tbs), arena, &err, &crl), RC_OK);
    p = crl.p;
    return d2i_X509_CRL(NULL, &p, (long)crl.n);
}

static long number_of(X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    long value = ASN1_INTEGER_get(number);

    ASN1_INTEGER_free(number);
    return value;
}

static void entries_and_extensions(void **state)
{
    static const struct tbs_entry entries[] = {
        {"1", NOW, 0, 0},
        {"80", NOW, 1, NOW - USEC_PER_DAY},
        {"7fffffffffffffffffffffffffffffffffffffff", NOW - 5, 9, 0},
    };
    const struct tbs_list list = {&issuer,           300,    NOW, NOW + USEC_PER_DAY,
                                  COUNT_OF(entries), entries};
    autoptr(X509_CRL) crl = make(&list);
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    AUTHORITY_KEYID *key_id = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
    ASN1_ENUMERATED *reason;
    ASN1_GENERALIZEDTIME *since;

    (void)state;
    assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
    assert_int_equal(number_of(crl), 300);
    assert_int_equal(X509_CRL_get_ext_count(crl), 2);
    assert_true(bytes_equal(issuer.key_id, bytes_of(ASN1_STRING_get0_data(key_id->keyid),
                                                    (size_t)ASN1_STRING_length(key_id->keyid))));
    AUTHORITY_KEYID_free(key_id);
    assert_int_equal(x509_time_us(X509_CRL_get0_lastUpdate(crl)), NOW);
    assert_int_equal(ASN1_STRING_type(X509_CRL_get0_lastUpdate(crl)), V_ASN1_UTCTIME);
    assert_int_equal(sk_X509_REVOKED_num(revoked), 3);
    assert_null(X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(revoked, 0)));
    reason =
        X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(revoked, 1), NID_crl_reason, NULL, NULL);
    since = X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(revoked, 1), NID_invalidity_date, NULL,
                                     NULL);
    assert_int_equal(ASN1_ENUMERATED_get(reason), 1);
    assert_int_equal(x509_time_us(since), NOW - USEC_PER_DAY);
    ASN1_ENUMERATED_free(reason);
    ASN1_GENERALIZEDTIME_free(since);
}

static void nobody_is_revoked(void **state)
{
    const struct tbs_list list = {&issuer, 1, NOW, NOW + USEC_PER_DAY, 0, NULL};
    autoptr(X509_CRL) crl = make(&list);

    (void)state;
    assert_null(X509_CRL_get_REVOKED(crl));
}

/* Past 2049 times are GeneralizedTime; numbers and lists may be large. */
static void far_and_large(void **state)
{
    size_t count = 20000;
    struct tbs_entry *entries = ARENA_ARRAY(arena, struct tbs_entry, count);
    usec later = INT64_C(2600000000) * USEC_PER_SECOND;
    const struct tbs_list list = {&issuer, 5000000000, later, later + USEC_PER_DAY, count, entries};
    autoptr(X509_CRL) crl = NULL;

    (void)state;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct tbs_entry){arena_printf(arena, "54%030zx", i), later, 5, 0};
    crl = make(&list);
    assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), count);
    assert_int_equal(number_of(crl), 5000000000);
    assert_int_equal(ASN1_STRING_type(X509_CRL_get0_nextUpdate(crl)), V_ASN1_GENERALIZEDTIME);
    assert_int_equal(x509_time_us(X509_CRL_get0_nextUpdate(crl)), later + USEC_PER_DAY);
}

static void a_wrong_signature_is_no_list(void **state)
{
    const struct tbs_list list = {&issuer, 1, NOW, NOW + USEC_PER_DAY, 0, NULL};
    struct bytes tbs = tbs_list_write(arena, &list), crl = {NULL, 0};
    struct bytes other = sign(bytes_of_text("something else"));
    struct err err = {0};

    (void)state;
    assert_int_equal(tbs_list_assemble(&issuer, tbs, other, arena, &err, &crl), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ANSWER_MISMATCH);
    assert_int_equal(tbs_list_assemble(&issuer, tbs, bytes_of(NULL, 0), arena, &err, &crl),
                     RC_REJECT);
    tbs = bytes_of_text("no list at all");
    assert_int_equal(tbs_list_assemble(&issuer, tbs, sign(tbs), arena, &err, &crl), RC_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_and_extensions),
        cmocka_unit_test(nobody_is_revoked),
        cmocka_unit_test(far_and_large),
        cmocka_unit_test(a_wrong_signature_is_no_list),
    };

    return cmocka_run_group_tests_name("tbs_list", tests, up, down);
}
