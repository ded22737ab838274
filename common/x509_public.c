/* Public keys out of SubjectPublicKeyInfo. OpenSSL 3.0 finds the decoder of a key by asking all it
 * has, a tenth of a millisecond each time and more than verifying a signature; but what stands in
 * front of the numbers of an RSA key or of a point on P-256 or P-384 is always the same octets. A
 * key in that one form is handed over as numbers; any other form is left to the decoders. It
 * judges nothing: x509_key_check() does. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

#include "common/der.h"
#include "common/x509.h"

/* RSA keys above are left to the decoders (and refused by x509_key_check()). */
#define MAX_RSA_BYTES 1024

/* --- points (RFC 5480 2) --- */

/* SubjectPublicKeyInfo of an uncompressed point, up to its coordinates. */
static const struct {
    const char *group;
    const char *prefix;
    size_t prefix_length, size;
} curves[] = {
    {"P-256",
     "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"
     "\x07\x03\x42\x00\x04",
     27, 91},
    {"P-384",
     "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62"
     "\x00\x04",
     24, 120},
};

/* A key of each curve without a point: making one costs three times as much as copying it. */
static EVP_PKEY *blanks[COUNT_OF(curves)];
static pthread_once_t blanks_once = PTHREAD_ONCE_INIT;

static void make_blanks(void)
{
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        /* OpenSSL's parameters only lack the const. */
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                                (char *)(uintptr_t)curves[i].group,
                                                                0),
                               OSSL_PARAM_construct_end()};
        autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

        if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
            EVP_PKEY_fromdata(context, &blanks[i], EVP_PKEY_KEY_PARAMETERS, params) != 1)
            blanks[i] = NULL;
    }
}

/* OpenSSL refuses a point off its curve. */
static EVP_PKEY *key_of_point(EVP_PKEY *blank, struct bytes point)
{
    autoptr(EVP_PKEY) key = blank ? EVP_PKEY_dup(blank) : NULL;

    if (!key || EVP_PKEY_set1_encoded_public_key(key, point.p, point.n) != 1)
        return NULL;
    return TAKE(key);
}

static EVP_PKEY *point_key(struct bytes spki_der)
{
    pthread_once(&blanks_once, make_blanks);
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        size_t before = curves[i].prefix_length - 1; /* the point begins with its form, 04 */

        if (spki_der.n == curves[i].size &&
            memcmp(spki_der.p, curves[i].prefix, curves[i].prefix_length) == 0)
            return key_of_point(blanks[i], bytes_of(spki_der.p + before, spki_der.n - before));
    }
    return NULL;
}

/* --- RSA (RFC 3279 2.3.1, RFC 8017 A.1.1) --- */

/* AlgorithmIdentifier {rsaEncryption, NULL} */
static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

/* The magnitude of a positive INTEGER in DER; p is NULL for any other. */
static struct bytes take_positive(struct bytes *in)
{
    struct bytes content = {0};

    if (!der_take(in, DER_INTEGER, &content).p || content.n == 0 || content.p[0] & 0x80)
        return (struct bytes){0};
    if (content.p[0] != 0)
        return content;
    if (content.n < 2 || !(content.p[1] & 0x80))
        return (struct bytes){0};
    return bytes_of(content.p + 1, content.n - 1);
}

static bool take_rsa(struct bytes spki_der, struct bytes *ret_modulus, struct bytes *ret_exponent)
{
    struct bytes spki, algorithm, bits, numbers, ignored;

    if (!der_take(&spki_der, DER_SEQUENCE, &spki).p || spki_der.n)
        return false;
    algorithm = der_take(&spki, DER_SEQUENCE, &ignored);
    if (!bytes_equal(algorithm, bytes_of(rsa_algorithm, sizeof(rsa_algorithm))) ||
        !der_take(&spki, DER_BIT_STRING, &bits).p || spki.n || bits.n == 0 || bits.p[0] != 0)
        return false;
    bits = bytes_of(bits.p + 1, bits.n - 1);
    if (!der_take(&bits, DER_SEQUENCE, &numbers).p || bits.n)
        return false;
    *ret_modulus = take_positive(&numbers);
    *ret_exponent = take_positive(&numbers);
    return ret_modulus->p && ret_exponent->p && numbers.n == 0 && ret_modulus->n <= MAX_RSA_BYTES &&
           ret_exponent->n <= MAX_RSA_BYTES;
}

/* Big endian to the machine's own order, as OSSL_PARAM has numbers. */
static bool to_native(struct bytes big_endian, uint8_t ret_native[MAX_RSA_BYTES])
{
    autoptr(BIGNUM) number = BN_bin2bn(big_endian.p, (int)big_endian.n, NULL);

    return number && BN_bn2nativepad(number, ret_native, (int)big_endian.n) == (int)big_endian.n;
}

static EVP_PKEY *rsa_key(struct bytes spki_der)
{
    struct bytes modulus, exponent;
    uint8_t n[MAX_RSA_BYTES], e[MAX_RSA_BYTES];
    autoptr(EVP_PKEY_CTX) context = NULL;
    EVP_PKEY *key = NULL;

    if (!take_rsa(spki_der, &modulus, &exponent) || !to_native(modulus, n) ||
        !to_native(exponent, e))
        return NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, modulus.n),
                           OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, exponent.n),
                           OSSL_PARAM_construct_end()};
    context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return key;
}

/* --- all --- */

EVP_PKEY *x509_plain_key(struct bytes spki_der)
{
    EVP_PKEY *key = point_key(spki_der);

    if (!key)
        key = rsa_key(spki_der);
    if (!key)
        ERR_clear_error();
    return key;
}

EVP_PKEY *x509_public_key(struct bytes spki_der)
{
    const unsigned char *p = spki_der.p;
    EVP_PKEY *key;

    if (spki_der.n == 0 || spki_der.n > X509_MAX_DER_BYTES)
        return NULL;
    key = x509_plain_key(spki_der);
    if (key)
        return key;
    key = d2i_PUBKEY(NULL, &p, (long)spki_der.n);
    if (key && p != spki_der.p + spki_der.n) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

/* --- certificates whose key nobody asks for --- */

/* A library context without any decoder. */
static OSSL_LIB_CTX *bare;
static pthread_once_t bare_once = PTHREAD_ONCE_INIT;

static void make_bare(void)
{
    bare = OSSL_LIB_CTX_new();
    if (!bare || !OSSL_PROVIDER_load(bare, "null"))
        abort();
}

X509 *x509_parse_keyless(struct bytes der)
{
    const unsigned char *p = der.p;
    X509 *certificate;

    if (der.n == 0 || der.n > X509_MAX_DER_BYTES)
        return NULL;
    pthread_once(&bare_once, make_bare);
    certificate = X509_new_ex(bare, NULL);
    /* On failure it frees what it was given. */
    if (certificate && d2i_X509(&certificate, &p, (long)der.n) && p != der.p + der.n) {
        X509_free(certificate);
        certificate = NULL;
    }
    ERR_clear_error();
    return certificate;
}
