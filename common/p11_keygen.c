/* Making key pairs by raw Cryptoki, and what the token says about them. Private values are
 * sensitive and not extractable; there is no other way to ask for one. Never makes an Ed25519 key:
 * a single one hides every key of the token from libp11. */
#include <openssl/rand.h>
#include <string.h>

#include "common/p11_internal.h"

#define ID_BYTES 20

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static const struct kind {
    const char *name;
    CK_ULONG rsa_bits; /* 0: P-256 */
} kinds[] = {{"rsa2048", 2048}, {"rsa3072", 3072}, {"rsa4096", 4096}, {"p256", 0}};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static CK_RV generate(struct p11 *token, const char *label, const struct kind *kind)
{
    static uint8_t exponent[] = {1, 0, 1};
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    uint8_t id[ID_BYTES];
    CK_ULONG bits = kind->rsa_bits;
    CK_MECHANISM mechanism = {bits ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    /* The kind's own attributes stand last; RSA has two, EC one. */
    CK_ATTRIBUTE public_key[] = {
        ATTRIBUTE(CKA_TOKEN, yes),      ATTRIBUTE(CKA_PRIVATE, no),
        ATTRIBUTE(CKA_VERIFY, yes),     ATTRIBUTE_TEXT(CKA_LABEL, label),
        {CKA_ID, id, sizeof(id)},       {CKA_EC_PARAMS, p256, sizeof(p256)},
        {CKA_PUBLIC_EXPONENT, NULL, 0},
    };
    CK_ATTRIBUTE private_key[] = {
        ATTRIBUTE(CKA_TOKEN, yes),     ATTRIBUTE(CKA_PRIVATE, yes),
        ATTRIBUTE(CKA_SENSITIVE, yes), ATTRIBUTE(CKA_EXTRACTABLE, no),
        ATTRIBUTE(CKA_SIGN, yes),      ATTRIBUTE(CKA_DECRYPT, no),
        ATTRIBUTE(CKA_UNWRAP, no),     ATTRIBUTE_TEXT(CKA_LABEL, label),
        {CKA_ID, id, sizeof(id)},
    };
    CK_OBJECT_HANDLE made_public, made_private;

    if (RAND_bytes(id, sizeof(id)) != 1)
        return CKR_FUNCTION_FAILED;
    if (bits) {
        public_key[5] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_MODULUS_BITS, bits);
        public_key[6] = (CK_ATTRIBUTE){CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)};
    }
    return token->fn->C_GenerateKeyPair(token->session, &mechanism, public_key, bits ? 7 : 6,
                                        private_key, COUNT_OF(private_key), &made_public,
                                        &made_private);
}

enum rc p11_generate_key(struct p11 *token, const char *label, const char *kind_name,
                         struct err *err, struct p11_key **ret_key)
{
    const struct kind *kind = find_kind(kind_name);
    struct p11_found found;
    struct p11_key *key = NULL;

    CHECK(kind, err, TRIEN__ERROR__FIELD_INVALID, "no such kind of key: %s", kind_name);
    CHECK(token->writable, err, TRIEN__ERROR__TOKEN_REFUSED, "the token is open for reading only");
    TRY(p11_find_objects(token, CKO_PRIVATE_KEY, label, err, &found));
    CHECK(found.count == 0, err, TRIEN__ERROR__ALREADY_EXISTS, "the token has a key %s", label);
    TRY(p11_check(generate(token, label, kind), "make a key pair", err));
    TRY(p11_find_key(token, label, err, &key));
    CHECK(key, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "the new key %s cannot be found", label);
    *ret_key = key;
    return RC_OK;
}

static bool is_set(struct p11 *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE asked = ATTRIBUTE(type, value);

    return token->fn->C_GetAttributeValue(token->session, object, &asked, 1) == CKR_OK && value;
}

enum rc p11_read_key_facts(struct p11 *token, const char *label, struct err *err,
                           struct p11_key_facts *ret_facts)
{
    CK_OBJECT_HANDLE key;

    TRY(p11_find_private(token, label, err, &key));
    *ret_facts = (struct p11_key_facts){
        .sensitive = is_set(token, key, CKA_SENSITIVE),
        .always_sensitive = is_set(token, key, CKA_ALWAYS_SENSITIVE),
        .extractable = is_set(token, key, CKA_EXTRACTABLE),
        .never_extractable = is_set(token, key, CKA_NEVER_EXTRACTABLE),
        .local = is_set(token, key, CKA_LOCAL),
        .sign = is_set(token, key, CKA_SIGN),
        .decrypt = is_set(token, key, CKA_DECRYPT),
        .unwrap = is_set(token, key, CKA_UNWRAP),
        .derive = is_set(token, key, CKA_DERIVE),
    };
    return RC_OK;
}
