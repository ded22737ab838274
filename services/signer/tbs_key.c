/* Subscribers' public keys, read without the providers' decoders: RSA as RFC 8017 A.1.1, EC as RFC
 * 5480 2 (named curve, uncompressed point). A key of any other form has no kind and is refused. */
#include "services/signer/tbs_key.h"

#include <openssl/asn1t.h>
#include <openssl/ec.h>
#include <pthread.h>

typedef struct {
    ASN1_INTEGER *modulus, *exponent;
} TBS_RSA;

/* clang-format off */
ASN1_SEQUENCE(TBS_RSA) = {
    ASN1_SIMPLE(TBS_RSA, modulus, ASN1_INTEGER),
    ASN1_SIMPLE(TBS_RSA, exponent, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(TBS_RSA)
    /* clang-format on */

    static struct curve {
    int nid;
    const char *kind;
    size_t point_bytes;
    EC_GROUP *group; /* made once, then only read */
} curves[] = {
    {NID_X9_62_prime256v1, "p256", 65, NULL},
    {NID_secp384r1, "p384", 97, NULL},
};
static pthread_once_t curves_once = PTHREAD_ONCE_INIT;

static void make_curves(void)
{
    for (size_t i = 0; i < COUNT_OF(curves); i++)
        curves[i].group = EC_GROUP_new_by_curve_name(curves[i].nid);
}

static struct bytes content(const ASN1_BIT_STRING *bits)
{
    return bytes_of(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits));
}

static bool is_on_curve(const struct curve *curve, struct bytes point)
{
    EC_POINT *read;
    bool ok;

    if (point.n != curve->point_bytes || point.p[0] != POINT_CONVERSION_UNCOMPRESSED ||
        !curve->group)
        return false;
    read = EC_POINT_new(curve->group);
    ok = read && EC_POINT_oct2point(curve->group, read, point.p, point.n, NULL) == 1;
    EC_POINT_free(read);
    ERR_clear_error();
    return ok;
}

static const char *read_ec(const TBS_SPKI *spki)
{
    const void *parameters;
    int type, nid;

    X509_ALGOR_get0(NULL, &type, &parameters, spki->algorithm);
    if (type != V_ASN1_OBJECT)
        return "";
    pthread_once(&curves_once, make_curves);
    nid = OBJ_obj2nid(parameters);
    for (size_t i = 0; i < COUNT_OF(curves); i++)
        if (curves[i].nid == nid && is_on_curve(&curves[i], content(spki->key)))
            return curves[i].kind;
    return "";
}

/* The key's own encoding must be DER as well. */
static TBS_RSA *parse_rsa(struct bytes der)
{
    const unsigned char *p = der.p;
    TBS_RSA *rsa = (void *)ASN1_item_d2i(NULL, &p, (long)der.n, ASN1_ITEM_rptr(TBS_RSA));
    unsigned char *again = NULL;
    int length = rsa ? ASN1_item_i2d((ASN1_VALUE *)rsa, &again, ASN1_ITEM_rptr(TBS_RSA)) : 0;
    bool same = length > 0 && bytes_equal(der, bytes_of(again, (size_t)length));

    OPENSSL_free(again);
    ERR_clear_error();
    if (!same) {
        ASN1_item_free((ASN1_VALUE *)rsa, ASN1_ITEM_rptr(TBS_RSA));
        return NULL;
    }
    return rsa;
}

static struct tbs_key read_rsa(const TBS_SPKI *spki, struct arena *arena)
{
    struct tbs_key key = {"", true};
    TBS_RSA *rsa = parse_rsa(content(spki->key));
    autoptr(BIGNUM) modulus = rsa ? ASN1_INTEGER_to_BN(rsa->modulus, NULL) : NULL;
    autoptr(BIGNUM) exponent = rsa ? ASN1_INTEGER_to_BN(rsa->exponent, NULL) : NULL;
    int type;

    X509_ALGOR_get0(NULL, &type, NULL, spki->algorithm);
    if (type == V_ASN1_NULL && modulus && exponent && !BN_is_negative(modulus) &&
        BN_is_odd(modulus)) {
        key.kind = arena_printf(arena, "rsa%d", BN_num_bits(modulus));
        key.exponent_sane = !BN_is_negative(exponent) && BN_is_odd(exponent) &&
                            BN_num_bits(exponent) >= 17 && BN_num_bits(exponent) <= 256;
    }
    ASN1_item_free((ASN1_VALUE *)rsa, ASN1_ITEM_rptr(TBS_RSA));
    return key;
}

struct tbs_key tbs_key_read(const TBS_SPKI *spki, struct arena *arena)
{
    const ASN1_OBJECT *algorithm;

    X509_ALGOR_get0(&algorithm, NULL, NULL, spki->algorithm);
    switch (OBJ_obj2nid(algorithm)) {
    case NID_rsaEncryption:
        return read_rsa(spki, arena);
    case NID_X9_62_id_ecPublicKey:
        return (struct tbs_key){read_ec(spki), true};
    default:
        return (struct tbs_key){"", true};
    }
}
