/* Signing requests: possession, and a key for every row of the table of weak keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

#include "common/x509.h"
#include "common/x509_rsa.h"

static struct arena *arena;
static struct err err;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(4 << 20);
    err_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct bytes csr_of(EVP_PKEY *pkey, const EVP_MD *digest)
{
    autoptr(X509_REQ) request = X509_REQ_new();

    assert_int_equal(X509_REQ_set_pubkey(request, pkey), 1);
    assert_true(X509_REQ_sign(request, pkey, digest) > 0);
    return x509_der(arena, request, i2d_X509_REQ);
}

/* A public key from any two numbers. */
static EVP_PKEY *rsa_of(const BIGNUM *n, const BIGNUM *e)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params;
    EVP_PKEY *pkey = NULL;

    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
    params = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static void expect_weak(const EVP_PKEY *pkey, const char *why)
{
    assert_int_equal(x509_key_check(pkey, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_WEAK);
    assert_string_equal(err.detail, why);
}

static void test_good_requests(void **state)
{
    const struct {
        EVP_PKEY *pkey;
        const char *kind;
    } keys[] = {{EVP_RSA_gen(2048), "rsa2048"},
                {EVP_RSA_gen(3072), "rsa3072"},
                {EVP_EC_gen("P-256"), "p256"},
                {EVP_EC_gen("P-384"), "p384"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct bytes der = csr_of(keys[i].pkey, EVP_sha256()), spki;
        struct x509_csr csr;
        uint8_t digest[32];
        assert_int_equal(x509_csr_check(arena, der, &err, &csr), RC_OK);
        assert_string_equal(csr.key_kind, keys[i].kind);
        spki = x509_der(arena, keys[i].pkey, i2d_PUBKEY);
        assert_true(bytes_equal(spki, csr.spki_der));
        x509_spki_sha256(spki, digest);
        assert_memory_equal(digest, csr.key_sha256, 32);
        EVP_PKEY_free(keys[i].pkey);
    }
}

static void test_possession(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    struct bytes der = csr_of(pkey, EVP_sha256());
    struct x509_csr csr;
    uint8_t *copy = (uint8_t *)(uintptr_t)arena_bytes(arena, der).p;

    (void)state;
    copy[der.n - 1] ^= 1;
    assert_int_equal(x509_csr_check(arena, bytes_of(copy, der.n), &err, &csr), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__POSSESSION_NOT_PROVED);
    der = csr_of(pkey, EVP_sha1());
    assert_int_equal(x509_csr_check(arena, der, &err, &csr), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__POSSESSION_NOT_PROVED);
}

static void test_malformed(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    struct bytes der = csr_of(pkey, EVP_sha256()), decoded;
    struct x509_csr csr;

    (void)state;
    for (size_t n = 0; n < der.n; n++) {
        assert_int_equal(x509_csr_check(arena, bytes_of(der.p, n), &err, &csr), RC_REJECT);
        assert_int_equal(err.code, TRIEN__ERROR__CSR_MALFORMED);
    }
    assert_int_equal(x509_csr_check(arena, bytes_of(der.p, der.n + 1), &err, &csr), RC_REJECT);
    assert_int_equal(x509_csr_check(arena, bytes_of(der.p, X509_MAX_DER_BYTES + 1), &err, &csr),
                     RC_REJECT);
    assert_int_equal(x509_csr_decode(arena, bytes_of_text("-----BEGIN X-----"), &err, &decoded),
                     RC_REJECT);
}

static void test_pem(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    struct bytes der = csr_of(pkey, EVP_sha256()), decoded;
    const char *pem = arena_printf(
        arena, "x\n-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n",
        bytes_to_base64(arena, der));

    (void)state;
    assert_int_equal(x509_csr_decode(arena, bytes_of_text(pem), &err, &decoded), RC_OK);
    assert_true(bytes_equal(decoded, der));
    assert_int_equal(x509_csr_decode(arena, der, &err, &decoded), RC_OK);
    assert_true(bytes_equal(decoded, der));
}

static void test_weak_rsa(void **state)
{
    autoptr(EVP_PKEY) good = EVP_RSA_gen(2048);
    autoptr(BIGNUM) n = NULL;
    autoptr(BIGNUM) e = BN_new();
    static const struct {
        const char *exponent, *why;
    } exponents[] = {{"3", "RSA exponent below 65537"},
                     {"65538", "RSA exponent is even"},
                     {NULL, "RSA exponent above 256 bits"}};

    (void)state;
    assert_int_equal(x509_key_check(good, &err), RC_OK);
    EVP_PKEY_get_bn_param(good, OSSL_PKEY_PARAM_RSA_N, &n);
    for (size_t i = 0; i < COUNT_OF(exponents); i++) {
        if (exponents[i].exponent)
            BN_dec2bn(&e, exponents[i].exponent);
        else
            assert_int_equal(BN_set_bit(e, 256) && BN_set_bit(e, 0), 1);
        autoptr(EVP_PKEY) pkey = rsa_of(n, e);
        expect_weak(pkey, exponents[i].why);
    }
    BN_dec2bn(&e, "65537");
    BN_sub_word(n, 1);
    autoptr(EVP_PKEY) even = rsa_of(n, e);
    expect_weak(even, "RSA modulus is even");
    autoptr(EVP_PKEY) small = EVP_RSA_gen(1024);
    expect_weak(small, "RSA below 2048 bits");
}

/* n = p · q with p, q chosen by the caller. */
static EVP_PKEY *rsa_product(const BIGNUM *p, const BIGNUM *q)
{
    autoptr(BIGNUM) n = BN_new();
    autoptr(BIGNUM) e = BN_new();
    autoptr(BN_CTX) context = BN_CTX_new();

    BN_set_word(e, 65537);
    assert_int_equal(BN_mul(n, p, q, context), 1);
    return rsa_of(n, e);
}

static void test_small_and_close_factors(void **state)
{
    autoptr(BIGNUM) p = BN_new();
    autoptr(BIGNUM) q = BN_new();
    autoptr(BN_CTX) context = BN_CTX_new();

    (void)state;
    BN_generate_prime_ex2(p, 2048, 0, NULL, NULL, NULL, context);
    BN_set_word(q, 1021);
    autoptr(EVP_PKEY) damaged = rsa_product(p, q);
    expect_weak(damaged, "RSA modulus has a small factor");

    BN_generate_prime_ex2(p, 1024, 0, NULL, NULL, NULL, context);
    BN_copy(q, p);
    do
        BN_add_word(q, 2);
    while (BN_check_prime(q, context, NULL) != 1);
    autoptr(EVP_PKEY) neighbours = rsa_product(p, q);
    expect_weak(neighbours, "RSA factors lie close together");
}

/* p = k·M + (65537^a mod M), M the product of the first 39 primes: how the broken library made
 * them. */
static void roca_prime(BIGNUM *p, BN_CTX *context)
{
    autoptr(BIGNUM) m = BN_new();
    autoptr(BIGNUM) power = BN_new();
    autoptr(BIGNUM) random = BN_new();
    autoptr(BIGNUM) base = BN_new();

    BN_set_word(m, 2);
    for (unsigned prime = 3; prime <= 167; prime += 2) {
        bool composite = false;
        for (unsigned d = 3; d * d <= prime; d += 2)
            composite = composite || prime % d == 0;
        if (!composite)
            BN_mul_word(m, prime);
    }
    BN_set_word(base, 65537);
    do {
        BN_rand(random, 200, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
        BN_mod_exp(power, base, random, m, context);
        BN_rand(random, 1025 - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY);
        BN_mul(p, random, m, context);
        BN_add(p, p, power);
    } while (BN_check_prime(p, context, NULL) != 1);
}

static void test_roca(void **state)
{
    autoptr(BIGNUM) p = BN_new();
    autoptr(BIGNUM) q = BN_new();
    autoptr(BN_CTX) context = BN_CTX_new();

    (void)state;
    roca_prime(p, context);
    roca_prime(q, context);
    BN_mul(p, p, q, context);
    BN_set_word(q, 65537);
    autoptr(EVP_PKEY) pkey = rsa_of(p, q);
    expect_weak(pkey, "RSA modulus has the ROCA fingerprint");
}

static void test_listed_keys(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_RSA_gen(2048);
    autoptr(BIGNUM) n = NULL;
    char path[] = "/tmp/trien-test-list-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    uint8_t digest[20];
    char *hex;
    const char *line;

    (void)state;
    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n);
    hex = BN_bn2hex(n);
    line = arena_printf(arena, "Modulus=%s\n", hex);
    SHA1((const unsigned char *)line, strlen(line), digest);
    fprintf(file, "# weak keys\nffffffffffffffffffff\n%s\n0011223344556677889a\n",
            bytes_to_hex(arena, bytes_of(digest + 10, 10)));
    fclose(file);
    OPENSSL_free(hex);
    assert_int_equal(x509_key_check(pkey, &err), RC_OK);
    assert_int_equal(x509_weak_list_load(path, &err), RC_OK);
    expect_weak(pkey, "RSA key is on the list of known-weak keys");
    file = fopen(path, "w");
    fputs("0011\n", file);
    fclose(file);
    assert_int_equal(x509_weak_list_load(path, &err), RC_FATAL);
    unlink(path);
}

static void test_other_kinds(void **state)
{
    autoptr(EVP_PKEY) curve = EVP_EC_gen("secp256k1");
    autoptr(EVP_PKEY) short_curve = EVP_EC_gen("P-224");
    autoptr(EVP_PKEY) edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    autoptr(EVP_PKEY) pss = EVP_PKEY_Q_keygen(NULL, NULL, "RSA-PSS", (size_t)2048);

    (void)state;
    expect_weak(curve, "EC curve is not named P-256 or P-384");
    expect_weak(short_curve, "EC curve is not named P-256 or P-384");
    expect_weak(edwards, "neither RSA nor EC");
    if (pss)
        expect_weak(pss, "neither RSA nor EC");
}

static void test_a_point_off_its_curve(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    struct bytes der = csr_of(pkey, EVP_sha256()), spki = x509_der(arena, pkey, i2d_PUBKEY);
    uint8_t *copy = (uint8_t *)(uintptr_t)arena_bytes(arena, der).p;
    uint8_t *key = memmem(copy, der.n, spki.p, spki.n);
    struct x509_csr csr;

    (void)state;
    assert_non_null(key);
    key[spki.n - 1] ^= 1;
    assert_int_equal(x509_csr_check(arena, bytes_of(copy, der.n), &err, &csr), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_WEAK);
}

static void test_explicit_parameters(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    struct x509_csr csr;

    (void)state;
    EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
    assert_int_equal(x509_csr_check(arena, csr_of(pkey, EVP_sha256()), &err, &csr), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_WEAK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_possession, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_malformed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pem, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weak_rsa, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_and_close_factors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_roca, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_listed_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_point_off_its_curve, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_explicit_parameters, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("x509_csr", tests, NULL, NULL);
}
