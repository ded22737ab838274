/* Keys in a PKCS#11 token through libp11: open, log in once, find, sign.
 *
 * Refuses to try a PIN a second time, to go on when the token says that one more wrong PIN locks
 * it, and to guess between two keys of one label. Keeps no configuration: who gets RETRY closes the
 * token and opens it again. */
#include "common/p11.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/p11_internal.h"
#include "common/secret.h"

#define ARENA_LIMIT_BYTES ((size_t)256 * 1024)

/* --- the memory of a refused PIN ----------------------------------------------------------------
 * The marker names the file by inode, size and times, never by its content. */

static bool pin_identity(const char *pin_path, char *ret_text, size_t size)
{
    struct stat st;

    if (stat(pin_path, &st) != 0)
        return false;
    snprintf(ret_text, size, "%ju %jd %jd.%09ld\n", (uintmax_t)st.st_ino, (intmax_t)st.st_size,
             (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return true;
}

static bool pin_was_refused(const struct p11_config *config)
{
    char now[128] = "", then[128] = "";
    int fd;
    ssize_t n;

    if (!config->refusal_path || !pin_identity(config->pin_path, now, sizeof(now)))
        return false;
    fd = open(config->refusal_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, then, sizeof(then) - 1);
    close(fd);
    return n > 0 && strcmp(now, then) == 0;
}

static void pin_remember_refusal(const struct p11_config *config)
{
    char now[128];
    int fd;

    if (!config->refusal_path || !pin_identity(config->pin_path, now, sizeof(now)))
        return;
    fd = open(config->refusal_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (write(fd, now, strlen(now)) == (ssize_t)strlen(now))
        fsync(fd);
    close(fd);
}

/* --- opening -------------------------------------------------------------------------------------
 */

static enum rc find_slot(struct p11 *token, const char *label, struct err *err)
{
    if (PKCS11_enumerate_slots(token->ctx, &token->slots, &token->slot_count) != 0)
        return p11_take_error(err, "list slots");
    for (unsigned int i = 0; i < token->slot_count; i++) {
        PKCS11_SLOT *slot = &token->slots[i];
        if (slot->token && slot->token->initialized && slot->token->label &&
            strcmp(slot->token->label, label) == 0) {
            CHECK(!token->slot, err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
                  "two tokens have the label %s", label);
            token->slot = slot;
        }
    }
    CHECK(token->slot, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "no token with the label %s", label);
    return RC_OK;
}

static enum rc login(struct p11 *token, const struct p11_config *config, struct err *err)
{
    struct secret *pin = NULL;
    enum rc rc = RC_OK;

    CHECK(!pin_was_refused(config), err, TRIEN__ERROR__PIN_REFUSED,
          "the PIN in %s was refused before; put the right one there", config->pin_path);
    CHECK(!token->slot->token->userPinLocked, err, TRIEN__ERROR__PIN_REFUSED,
          "the token's PIN is locked");
    CHECK(!token->slot->token->userPinFinalTry, err, TRIEN__ERROR__PIN_REFUSED,
          "one more wrong PIN locks the token: log in by hand first");
    TRY(secret_load(config->pin_path, err, &pin));
    if (PKCS11_login(token->slot, 0, secret_text(pin)) != 0)
        rc = p11_take_error(err, "log in");
    secret_free(&pin);
    if (rc == RC_FATAL)
        pin_remember_refusal(config);
    return rc;
}

static enum rc open_steps(struct p11 *token, const struct p11_config *config, struct err *err)
{
    if (PKCS11_CTX_load(token->ctx, config->module_path) != 0)
        return p11_take_error(err, "load the PKCS#11 module");
    TRY(p11_raw_load(config->module_path, err, &token->module, &token->fn));
    TRY(find_slot(token, config->token_label, err));
    token->writable = config->writable;
    if (PKCS11_open_session(token->slot, config->writable) != 0)
        return p11_take_error(err, "open a session");
    if (config->pin_path)
        TRY(login(token, config, err));
    return p11_raw_session(token, err);
}

enum rc p11_open(const struct p11_config *config, struct err *err, struct p11 **ret_token)
{
    struct arena *arena = arena_new(ARENA_LIMIT_BYTES);
    autoptr(p11_t) token = ARENA_NEW(arena, struct p11);

    token->arena = arena;
    if (config->softhsm_config && setenv("SOFTHSM2_CONF", config->softhsm_config, 1) != 0)
        FAIL(err, TRIEN__ERROR__INTERNAL, "setenv: %s", strerror(errno));
    ERR_clear_error();
    token->ctx = PKCS11_CTX_new();
    CHECK(token->ctx, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "libp11: no context");
    TRY(open_steps(token, config, err));
    *ret_token = TAKE(token);
    return RC_OK;
}

static void free_key(struct p11_key *key)
{
    EVP_PKEY_CTX_free(key->signing);
    EVP_PKEY_free(key->private_key);
    EVP_PKEY_free(key->public_key);
}

void p11_close(struct p11 **token)
{
    struct p11 *p = *token;
    struct arena *arena;

    if (!p)
        return;
    for (size_t i = 0; i < p->key_count; i++)
        free_key(&p->keys[i]);
    if (p->session)
        p->fn->C_CloseSession(p->session);
    if (p->slots)
        PKCS11_release_all_slots(p->ctx, p->slots, p->slot_count);
    if (p->fn)
        PKCS11_CTX_unload(p->ctx);
    if (p->ctx)
        PKCS11_CTX_free(p->ctx);
    p11_raw_unload(p->module);
    arena = p->arena;
    arena_free(&arena);
    ERR_clear_error();
    *token = NULL;
}

enum rc p11_probe(struct p11 *token, struct err *err)
{
    struct p11_found found;

    return p11_find_objects(token, CKO_PRIVATE_KEY, "", err, &found);
}

/* --- keys ----------------------------------------------------------------------------------------
 */

static const char *kind_of(const EVP_PKEY *key)
{
    static const struct {
        int bits;
        const char *kind;
    } rsa[] = {{2048, "rsa2048"}, {3072, "rsa3072"}, {4096, "rsa4096"}};
    char group[32] = "";

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
        return strcmp(group, SN_X9_62_prime256v1) == 0 ? "p256" : "";
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        for (size_t i = 0; i < COUNT_OF(rsa); i++)
            if (EVP_PKEY_get_bits(key) == rsa[i].bits)
                return rsa[i].kind;
    return "";
}

/* libp11's public keys carry its methods; a round trip through DER leaves an ordinary key. */
static EVP_PKEY *plain_public_key(PKCS11_KEY *found)
{
    EVP_PKEY *in_token = PKCS11_get_public_key(found), *plain = NULL;
    unsigned char *der = NULL;
    const unsigned char *p;
    int length = in_token ? i2d_PUBKEY(in_token, &der) : 0;

    p = der;
    if (length > 0)
        plain = d2i_PUBKEY(NULL, &p, length);
    OPENSSL_free(der);
    EVP_PKEY_free(in_token);
    return plain;
}

static enum rc prepare_signing(struct p11_key *key, struct err *err)
{
    key->signing = EVP_PKEY_CTX_new(key->private_key, NULL);
    if (!key->signing || EVP_PKEY_sign_init(key->signing) != 1)
        return p11_take_error(err, "prepare signing");
    if (EVP_PKEY_get_base_id(key->private_key) == EVP_PKEY_RSA &&
        EVP_PKEY_CTX_set_rsa_padding(key->signing, RSA_PKCS1_PADDING) != 1)
        return p11_take_error(err, "prepare RSA signing");
    if (EVP_PKEY_CTX_set_signature_md(key->signing, EVP_sha256()) != 1)
        return p11_take_error(err, "prepare the digest");
    return RC_OK;
}

static enum rc hold_key(struct p11 *token, PKCS11_KEY *found, struct err *err,
                        struct p11_key **ret_key)
{
    struct p11_key *key = &token->keys[token->key_count];
    enum rc rc;

    CHECK(token->key_count < P11_MAX_KEYS, err, TRIEN__ERROR__TOKEN_REFUSED,
          "more than %d keys in use", P11_MAX_KEYS);
    CHECK(strlen(found->label) < sizeof(key->label), err, TRIEN__ERROR__TOKEN_REFUSED,
          "key label longer than %zu bytes", sizeof(key->label) - 1);
    *key = (struct p11_key){0};
    strcpy(key->label, found->label);
    key->public_key = plain_public_key(found);
    key->private_key = key->public_key ? PKCS11_get_private_key(found) : NULL;
    rc = key->private_key ? prepare_signing(key, err) : p11_take_error(err, "read the public key");
    if (rc != RC_OK) {
        free_key(key);
        return rc;
    }
    strcpy(key->kind, kind_of(key->public_key));
    token->key_count++;
    *ret_key = key;
    return RC_OK;
}

/* libp11 never forgets a key that it has seen, not even one that was removed since: so the raw
 * search says which key there is, and libp11's list is asked for exactly that one. */
static enum rc find_by_id(struct p11 *token, const char *label, struct bytes id, struct err *err,
                          struct p11_key **ret_key)
{
    PKCS11_KEY *keys = NULL;
    unsigned int count = 0;

    if (PKCS11_enumerate_keys(token->slot->token, &keys, &count) != 0)
        return p11_take_error(err, "list private keys");
    for (unsigned int i = 0; i < count; i++)
        if (keys[i].label && strcmp(keys[i].label, label) == 0 &&
            bytes_equal(bytes_of(keys[i].id, keys[i].id_len), id))
            return hold_key(token, &keys[i], err, ret_key);
    FAIL(err, TRIEN__ERROR__TOKEN_REFUSED,
         "libp11 does not see the key %s; is there an Ed25519 key in the token?", label);
}

enum rc p11_find_key(struct p11 *token, const char *label, struct err *err,
                     struct p11_key **ret_key)
{
    autoptr(arena_t) arena = arena_new((size_t)16 * 1024);
    struct p11_found there;
    struct bytes id;

    for (size_t i = 0; i < token->key_count; i++)
        if (strcmp(token->keys[i].label, label) == 0) {
            *ret_key = &token->keys[i];
            return RC_OK;
        }
    TRY(p11_find_objects(token, CKO_PRIVATE_KEY, label, err, &there));
    CHECK(there.count <= 1, err, TRIEN__ERROR__TOKEN_REFUSED, "two keys have the label %s", label);
    *ret_key = NULL;
    if (there.count == 0)
        return RC_OK;
    TRY(p11_read_value(token, there.objects[0], CKA_ID, arena, err, &id));
    return find_by_id(token, label, id, err, ret_key);
}

const char *p11_key_kind(const struct p11_key *key)
{
    return key->kind;
}

EVP_PKEY *p11_key_public(const struct p11_key *key)
{
    return key->public_key;
}

EVP_PKEY *p11_key_private(const struct p11_key *key)
{
    return key->private_key;
}

enum rc p11_sign_sha256(struct p11_key *key, const uint8_t digest[32], struct err *err,
                        uint8_t ret_signature[P11_MAX_SIGNATURE_BYTES], size_t *ret_size)
{
    size_t size = P11_MAX_SIGNATURE_BYTES;

    if (EVP_PKEY_sign(key->signing, ret_signature, &size, digest, 32) != 1)
        return p11_take_error(err, "sign");
    *ret_size = size;
    return RC_OK;
}

enum rc p11_list_keys(struct p11 *token, struct arena *arena, struct err *err,
                      struct p11_key_row **ret_rows, size_t *ret_count)
{
    PKCS11_KEY *keys = NULL;
    unsigned int count = 0;
    struct p11_key_row *rows;

    if (PKCS11_enumerate_public_keys(token->slot->token, &keys, &count) != 0)
        return p11_take_error(err, "list public keys");
    rows = ARENA_ARRAY(arena, struct p11_key_row, count);
    for (unsigned int i = 0; i < count; i++) {
        autoptr(EVP_PKEY) public_key = plain_public_key(&keys[i]);
        unsigned char *der = NULL;
        int length = public_key ? i2d_PUBKEY(public_key, &der) : 0;

        rows[i].label = arena_strdup(arena, keys[i].label ? keys[i].label : "");
        rows[i].kind = public_key ? kind_of(public_key) : "";
        rows[i].id = arena_bytes(arena, bytes_of(keys[i].id, keys[i].id_len));
        if (length > 0)
            rows[i].spki_der = arena_bytes(arena, bytes_of(der, (size_t)length));
        OPENSSL_free(der);
    }
    *ret_rows = rows;
    *ret_count = count;
    return RC_OK;
}
