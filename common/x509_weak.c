/* Which public keys a subscriber may bring. One table of reasons to refuse; a key that no row
 * refuses is accepted. It says nothing about possession (x509_csr.c) or reuse (services/signing).
 */
#include "common/x509.h"

#include <openssl/core_names.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/x509_rsa.h"

#define LIST_ENTRY_BYTES 10

/* Known-weak keys: the last ten bytes of SHA-1, sorted. */
static struct {
    uint8_t (*entries)[LIST_ENTRY_BYTES];
    size_t count;
} weak_list;

struct probe {
    const EVP_PKEY *key;
    BIGNUM *modulus, *exponent; /* RSA */
    int bits;
};

static int compare_entries(const void *a, const void *b)
{
    return memcmp(a, b, LIST_ENTRY_BYTES);
}

static bool is_other_kind(const struct probe *probe)
{
    return !EVP_PKEY_is_a(probe->key, "RSA") && !EVP_PKEY_is_a(probe->key, "EC");
}

static bool is_rsa(const struct probe *probe)
{
    return probe->modulus != NULL;
}

static bool rsa_is_short(const struct probe *probe)
{
    return is_rsa(probe) && probe->bits < 2048;
}

static bool rsa_is_long(const struct probe *probe)
{
    return is_rsa(probe) && probe->bits > 8192;
}

static bool rsa_modulus_is_even(const struct probe *probe)
{
    return is_rsa(probe) && !BN_is_odd(probe->modulus);
}

static bool rsa_exponent_is_even(const struct probe *probe)
{
    return is_rsa(probe) && !BN_is_odd(probe->exponent);
}

static bool rsa_exponent_is_small(const struct probe *probe)
{
    return is_rsa(probe) && BN_num_bits(probe->exponent) <= 16;
}

static bool rsa_exponent_is_huge(const struct probe *probe)
{
    return is_rsa(probe) && BN_num_bits(probe->exponent) > 256;
}

static bool rsa_small_factor(const struct probe *probe)
{
    return is_rsa(probe) && rsa_has_small_factor(probe->modulus);
}

static bool rsa_roca(const struct probe *probe)
{
    return is_rsa(probe) && rsa_has_roca_fingerprint(probe->modulus);
}

static bool rsa_close_factors(const struct probe *probe)
{
    return is_rsa(probe) && rsa_has_close_factors(probe->modulus);
}

static bool rsa_is_listed(const struct probe *probe)
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    char line[16 + 8192 / 4], *hex;
    int length;

    if (!is_rsa(probe) || weak_list.count == 0 || !(hex = BN_bn2hex(probe->modulus)))
        return false;
    length = snprintf(line, sizeof(line), "Modulus=%s\n", hex);
    OPENSSL_free(hex);
    if (length < 0 || (size_t)length >= sizeof(line))
        return false;
    SHA1((const unsigned char *)line, (size_t)length, digest);
    return bsearch(digest + sizeof(digest) - LIST_ENTRY_BYTES, weak_list.entries, weak_list.count,
                   LIST_ENTRY_BYTES, compare_entries);
}

static bool ec_text_is(const EVP_PKEY *key, const char *param, const char *a, const char *b)
{
    char text[64];
    size_t length;

    return EVP_PKEY_get_utf8_string_param(key, param, text, sizeof(text), &length) == 1 &&
           (!strcmp(text, a) || !strcmp(text, b));
}

static bool ec_curve_is_other(const struct probe *probe)
{
    return EVP_PKEY_is_a(probe->key, "EC") &&
           !(ec_text_is(probe->key, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", "secp384r1") &&
             ec_text_is(probe->key, OSSL_PKEY_PARAM_EC_ENCODING, "named_curve", "named_curve"));
}

static bool ec_point_is_off_curve(const struct probe *probe)
{
    autoptr(EVP_PKEY_CTX) context = NULL;

    if (!EVP_PKEY_is_a(probe->key, "EC"))
        return false;
    /* The check changes nothing; OpenSSL's signature only lacks the const. */
    context = EVP_PKEY_CTX_new_from_pkey(NULL, (EVP_PKEY *)(uintptr_t)probe->key, NULL);
    return !context || EVP_PKEY_public_check_quick(context) != 1;
}

/* In order of cost: the cheap rows keep absurd numbers away from the arithmetic. */
static const struct {
    bool (*is_weak)(const struct probe *probe);
    const char *why;
} reasons[] = {
    {is_other_kind, "neither RSA nor EC"},
    {rsa_is_short, "RSA below 2048 bits"},
    {rsa_is_long, "RSA above 8192 bits"},
    {rsa_modulus_is_even, "RSA modulus is even"},
    {rsa_exponent_is_even, "RSA exponent is even"},
    {rsa_exponent_is_small, "RSA exponent below 65537"},
    {rsa_exponent_is_huge, "RSA exponent above 256 bits"},
    {rsa_small_factor, "RSA modulus has a small factor"},
    {rsa_roca, "RSA modulus has the ROCA fingerprint"},
    {rsa_is_listed, "RSA key is on the list of known-weak keys"},
    {rsa_close_factors, "RSA factors lie close together"},
    {ec_curve_is_other, "EC curve is not named P-256 or P-384"},
    {ec_point_is_off_curve, "EC point is not on its curve"},
};

enum rc x509_key_check(const EVP_PKEY *key, struct err *err)
{
    autoptr(BIGNUM) modulus = NULL;
    autoptr(BIGNUM) exponent = NULL;
    struct probe probe = {.key = key, .bits = EVP_PKEY_get_bits(key)};

    if (EVP_PKEY_is_a(key, "RSA"))
        CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
                  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1,
              err, TRIEN__ERROR__KEY_WEAK, "RSA key without its numbers");
    probe.modulus = modulus;
    probe.exponent = exponent;
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].is_weak(&probe)) {
            ERR_clear_error();
            FAIL(err, TRIEN__ERROR__KEY_WEAK, "%s", reasons[i].why);
        }
    return RC_OK;
}

const char *x509_key_kind(struct arena *arena, const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA"))
        return arena_printf(arena, "rsa%d", EVP_PKEY_get_bits(key));
    if (!EVP_PKEY_is_a(key, "EC"))
        return "";
    if (ec_text_is(key, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", "P-256"))
        return "p256";
    return ec_text_is(key, OSSL_PKEY_PARAM_GROUP_NAME, "secp384r1", "P-384") ? "p384" : "";
}

void x509_spki_sha256(struct bytes spki_der, uint8_t ret_digest[32])
{
    bytes_sha256(spki_der, ret_digest);
}

static bool parse_entry(const char *line, uint8_t entry[LIST_ENTRY_BYTES])
{
    for (size_t i = 0; i < LIST_ENTRY_BYTES; i++)
        if (sscanf(line + 2 * i, "%2hhx", &entry[i]) != 1)
            return false;
    return strspn(line, "0123456789abcdefABCDEF") == 2 * LIST_ENTRY_BYTES;
}

static enum rc read_list(FILE *file, const char *path, struct err *err)
{
    char line[128];
    size_t room = 0;

    weak_list.count = 0;
    while (fgets(line, sizeof(line), file)) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (weak_list.count == room) {
            room = room ? room * 2 : 4096;
            weak_list.entries = reallocarray(weak_list.entries, room, LIST_ENTRY_BYTES);
            if (!weak_list.entries)
                abort();
        }
        CHECK(parse_entry(line, weak_list.entries[weak_list.count]), err, TRIEN__ERROR__KEY_FILE,
              "%s: entry %zu is not 20 hexadecimal digits", path, weak_list.count + 1);
        weak_list.count++;
    }
    return RC_OK;
}

enum rc x509_weak_list_load(const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    enum rc rc;

    CHECK(file, err, TRIEN__ERROR__KEY_FILE, "%s: %m", path);
    rc = read_list(file, path, err);
    fclose(file);
    TRY(rc);
    if (weak_list.count)
        qsort(weak_list.entries, weak_list.count, LIST_ENTRY_BYTES, compare_entries);
    return RC_OK;
}
