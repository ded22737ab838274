/* Keys read as numbers are the keys OpenSSL's decoders read, and no form but the one is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "common/der.h"
#include "common/x509.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static EVP_PKEY *decoded(struct bytes spki)
{
    const unsigned char *p = spki.p;

    return d2i_PUBKEY(NULL, &p, (long)spki.n);
}

static struct bytes spki_of(EVP_PKEY *key)
{
    return x509_der(arena, key, i2d_PUBKEY);
}

static void test_plain_keys_are_the_decoders_keys(void **state)
{
    EVP_PKEY *const keys[] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-384"), EVP_RSA_gen(2048),
                              EVP_RSA_gen(3072)};
    static const char *const kinds[] = {"p256", "p384", "rsa2048", "rsa3072"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct bytes spki = spki_of(keys[i]);
        autoptr(EVP_PKEY) plain = x509_plain_key(spki);
        autoptr(EVP_PKEY) again = decoded(spki);
        struct err err = {0};

        assert_non_null(plain);
        assert_int_equal(EVP_PKEY_eq(plain, again), 1);
        assert_true(bytes_equal(spki_of(plain), spki));
        assert_string_equal(x509_key_kind(arena, plain), kinds[i]);
        assert_int_equal(x509_key_check(plain, &err), RC_OK);
        EVP_PKEY_free(keys[i]);
    }
}

/* A copy of the blank has a point of its own: two keys at once do not disturb each other. */
static void test_two_points(void **state)
{
    autoptr(EVP_PKEY) a = EVP_EC_gen("P-256");
    autoptr(EVP_PKEY) b = EVP_EC_gen("P-256");
    autoptr(EVP_PKEY) plain_a = x509_plain_key(spki_of(a));
    autoptr(EVP_PKEY) plain_b = x509_plain_key(spki_of(b));

    (void)state;
    assert_int_equal(EVP_PKEY_eq(plain_a, a), 1);
    assert_int_equal(EVP_PKEY_eq(plain_b, b), 1);
    assert_int_equal(EVP_PKEY_eq(plain_a, plain_b), 0);
}

static void expect_not_plain(struct bytes spki)
{
    autoptr(EVP_PKEY) plain = x509_plain_key(spki);

    assert_null(plain);
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_other_points(void **state)
{
    autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
    autoptr(EVP_PKEY) other = EVP_EC_gen("P-521");
    struct bytes spki = spki_of(key);
    uint8_t *copy = (uint8_t *)(uintptr_t)arena_bytes(arena, spki).p;

    (void)state;
    expect_not_plain(spki_of(other));
    expect_not_plain(bytes_of(spki.p, spki.n - 1));
    expect_not_plain(bytes_of("", 0));
    copy[90] ^= 1; /* off the curve */
    expect_not_plain(bytes_of(copy, spki.n));
    copy[90] ^= 1;
    copy[26] = (uint8_t)(6 | (copy[90] & 1)); /* hybrid: the same point, said twice */
    expect_not_plain(bytes_of(copy, spki.n));
    memset(copy + 27, 0xff, 64); /* coordinates beyond the field */
    copy[26] = 4;
    expect_not_plain(bytes_of(copy, spki.n));
}

/* SubjectPublicKeyInfo of an RSA key from its INTEGERs as they stand. */
static struct bytes rsa_spki(struct bytes n, struct bytes e, bool null)
{
    static const uint8_t oid[] = {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 1};
    struct bytes algorithm = DER(arena, DER_SEQUENCE, bytes_of(oid, sizeof(oid)),
                                 null ? bytes_of("\x05\x00", 2) : bytes_of("", 0));

    return DER(arena, DER_SEQUENCE, algorithm,
               der_bits(arena, DER(arena, DER_SEQUENCE, DER(arena, DER_INTEGER, n),
                                   DER(arena, DER_INTEGER, e))));
}

static void test_other_rsa(void **state)
{
    static const uint8_t padded[3] = {0, 1, 1}, positive[2] = {0, 0x81}, negative[1] = {0x81};
    const struct bytes e = bytes_of("\x01\x00\x01", 3), n = bytes_of(positive, 2);
    uint8_t *huge = arena_alloc(arena, 1026);
    autoptr(EVP_PKEY) plain = x509_plain_key(rsa_spki(n, e, true));

    (void)state;
    memset(huge, 0x7f, 1026);
    assert_non_null(plain); /* tiny, but in the one form */
    expect_not_plain(rsa_spki(n, e, false));
    expect_not_plain(rsa_spki(bytes_of(padded, 3), e, true));
    expect_not_plain(rsa_spki(bytes_of(negative, 1), e, true));
    expect_not_plain(rsa_spki(bytes_of("", 0), e, true));
    expect_not_plain(rsa_spki(bytes_of("\0", 1), e, true));
    expect_not_plain(rsa_spki(bytes_of(huge, 1025), e, true));
}

/* What is not plain is read by the decoders, whole or not at all. */
static void test_any_key(void **state)
{
    autoptr(EVP_PKEY) other = EVP_EC_gen("P-521");
    struct bytes spki = spki_of(other);
    autoptr(EVP_PKEY) any = x509_public_key(spki);
    uint8_t *longer = arena_alloc(arena, spki.n + 1);

    (void)state;
    assert_int_equal(EVP_PKEY_eq(any, other), 1);
    memcpy(longer, spki.p, spki.n);
    assert_null(x509_public_key(bytes_of(longer, spki.n + 1)));
    assert_null(x509_public_key(bytes_of(spki.p, spki.n - 1)));
    assert_null(x509_public_key(bytes_of("", 0)));
}

static void test_keyless(void **state)
{
    autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
    autoptr(X509) made = X509_new();
    autoptr(X509) keyless = NULL;
    uint8_t *longer;
    struct bytes der;

    (void)state;
    X509_gmtime_adj(X509_getm_notBefore(made), 0);
    X509_gmtime_adj(X509_getm_notAfter(made), 60);
    assert_int_equal(X509_set_pubkey(made, key), 1);
    assert_true(X509_sign(made, key, EVP_sha256()) > 0);
    der = x509_der(arena, made, i2d_X509);
    keyless = x509_parse_keyless(der);
    assert_non_null(keyless);
    assert_null(X509_get0_pubkey(keyless));
    ERR_clear_error();
    assert_true(bytes_equal(x509_der(arena, keyless, i2d_X509), der));
    assert_true(
        bytes_equal(x509_der(arena, X509_get_X509_PUBKEY(keyless), i2d_X509_PUBKEY), spki_of(key)));
    for (size_t n = 0; n < der.n; n++)
        assert_null(x509_parse_keyless(bytes_of(der.p, n)));
    longer = arena_alloc(arena, der.n + 1);
    memcpy(longer, der.p, der.n);
    assert_null(x509_parse_keyless(bytes_of(longer, der.n + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_keys_are_the_decoders_keys),
        cmocka_unit_test(test_two_points),
        cmocka_unit_test(test_other_points),
        cmocka_unit_test(test_other_rsa),
        cmocka_unit_test(test_any_key),
        cmocka_unit_test(test_keyless),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
