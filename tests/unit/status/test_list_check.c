/* Revocation lists judged part by part, made and signed by OpenSSL: right in whatever parts they
 * come, refused with any byte changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/status/list_check.h"

#define NOW INT64_C(1795500000)

static struct arena *arena;
static EVP_PKEY *key;
static struct authority authority = {.id = "issuing1"};
static struct bytes crl;
static uint8_t digest[32];

static struct bytes make_list(const char *name)
{
    X509_CRL *list = X509_CRL_new();
    X509_NAME *issuer = X509_NAME_new();
    ASN1_TIME *from = ASN1_TIME_set(NULL, NOW), *to = ASN1_TIME_set(NULL, NOW + 86400);
    struct bytes der;

    X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0);
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, issuer);
    X509_CRL_set1_lastUpdate(list, from);
    X509_CRL_set1_nextUpdate(list, to);
    for (int i = 0; i < 40; i++) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();

        ASN1_INTEGER_set(serial, 1000 + i);
        X509_REVOKED_set_serialNumber(entry, serial);
        X509_REVOKED_set_revocationDate(entry, from);
        X509_CRL_add0_revoked(list, entry);
        ASN1_INTEGER_free(serial);
    }
    assert_true(X509_CRL_sign(list, key, EVP_sha256()) > 0);
    der = x509_der(arena, list, i2d_X509_CRL);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_NAME_free(issuer);
    X509_CRL_free(list);
    return der;
}

static int up(void **state)
{
    X509 *certificate = X509_new();

    (void)state;
    arena = arena_new((size_t)16 << 20);
    key = EVP_EC_gen("P-256");
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               (const uint8_t *)"TEST Issuing CA", -1, -1, 0);
    X509_set_pubkey(certificate, key);
    ASN1_TIME_set(X509_getm_notBefore(certificate), NOW);
    ASN1_TIME_set(X509_getm_notAfter(certificate), NOW + 86400);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    authority.der = x509_der(arena, certificate, i2d_X509);
    X509_free(certificate);
    crl = make_list("TEST Issuing CA");
    bytes_sha256(crl, digest);
    return 0;
}

static int down(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    arena_free(&arena);
    return 0;
}

/* The list in a first part of `first` bytes and others of `step`. */
static enum rc judge(struct bytes list, size_t first, size_t step, struct bytes sha256,
                     struct list_check *check)
{
    struct err err = {0};
    enum rc rc = RC_OK;

    list_check_init(check, &authority, list.n);
    for (size_t at = 0; rc == RC_OK && at < list.n;) {
        size_t size = at ? step : first;

        size = size < list.n - at ? size : list.n - at;
        rc = list_check_add(check, bytes_of(list.p + at, size), &err);
        at += size;
    }
    if (rc == RC_OK)
        rc = list_check_end(check, sha256, &err);
    list_check_done(check);
    return rc;
}

static void in_any_parts(void **state)
{
    struct list_check check;

    (void)state;
    for (size_t step = 1; step < 150; step++) {
        assert_int_equal(judge(crl, 100, step, bytes_of(digest, 32), &check), RC_OK);
        assert_int_equal(check.this_update, NOW * USEC_PER_SECOND);
        assert_int_equal(check.next_update, (NOW + 86400) * USEC_PER_SECOND);
    }
    assert_int_equal(judge(crl, crl.n, 1, bytes_of(digest, 32), &check), RC_OK);
    assert_int_equal(judge(crl, 20, 100, bytes_of(digest, 32), &check), RC_REJECT);
}

static void any_other_byte(void **state)
{
    uint8_t *changed = arena_alloc(arena, crl.n), other[32];
    struct list_check check;

    (void)state;
    for (size_t i = 0; i < crl.n; i++) {
        memcpy(changed, crl.p, crl.n);
        changed[i] ^= 0x01;
        assert_int_equal(judge(bytes_of(changed, crl.n), 200, 100, bytes_of(digest, 32), &check),
                         RC_REJECT);
        bytes_sha256(bytes_of(changed, crl.n), other); /* announced so */
        assert_int_equal(judge(bytes_of(changed, crl.n), 200, 100, bytes_of(other, 32), &check),
                         RC_REJECT);
    }
}

static void shorter_longer_or_anothers(void **state)
{
    struct bytes other = make_list("TEST Another CA");
    uint8_t *longer = arena_alloc(arena, crl.n + 1), sum[32];
    struct list_check check;
    struct err err = {0};

    (void)state;
    memcpy(longer, crl.p, crl.n);
    bytes_sha256(bytes_of(longer, crl.n + 1), sum);
    assert_int_equal(judge(bytes_of(longer, crl.n + 1), 200, 100, bytes_of(sum, 32), &check),
                     RC_REJECT);
    bytes_sha256(bytes_of(crl.p, crl.n - 1), sum);
    assert_int_equal(judge(bytes_of(crl.p, crl.n - 1), 200, 100, bytes_of(sum, 32), &check),
                     RC_REJECT);
    bytes_sha256(other, sum);
    assert_int_equal(judge(other, 200, 100, bytes_of(sum, 32), &check), RC_REJECT);
    list_check_init(&check, &authority, crl.n);
    assert_int_equal(list_check_add(&check, crl, &err), RC_OK);
    assert_int_equal(list_check_add(&check, bytes_of(longer, 1), &err), RC_REJECT);
    list_check_done(&check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_parts),
        cmocka_unit_test(any_other_byte),
        cmocka_unit_test(shorter_longer_or_anothers),
    };

    return cmocka_run_group_tests_name("list_check", tests, up, down);
}
