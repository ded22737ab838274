/* P-256 keys that sign statements between services (registration authority, stations, officers) and
 * the rings of their public halves. It refuses every other kind of key and private key files that
 * others may read; it never prints a key. */
#include "common/x509.h"

#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct x509_key {
    EVP_PKEY *pkey;
    uint8_t *spki_der;
    size_t spki_length;
    char id[65];
};

struct x509_ring {
    pthread_rwlock_t lock; /* keys and count, once several threads have the ring */
    struct x509_key **keys;
    size_t count;
};

static bool is_p256(const EVP_PKEY *pkey)
{
    char group[32];
    size_t length;

    return EVP_PKEY_is_a(pkey, "EC") &&
           EVP_PKEY_get_utf8_string_param(pkey, "group", group, sizeof(group), &length) == 1 &&
           (!strcmp(group, "prime256v1") || !strcmp(group, "P-256"));
}

/* Takes the pkey, also when it fails. */
static struct x509_key *key_of(EVP_PKEY *pkey)
{
    struct x509_key *key = calloc(1, sizeof(*key));
    uint8_t digest[32];
    int length;

    if (!key || !is_p256(pkey)) {
        EVP_PKEY_free(pkey);
        free(key);
        return NULL;
    }
    key->pkey = pkey;
    length = i2d_PUBKEY(pkey, &key->spki_der);
    if (length <= 0) {
        x509_key_free(&key);
        return NULL;
    }
    key->spki_length = (size_t)length;
    bytes_sha256(x509_key_spki(key), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(key->id + 2 * i, 3, "%02x", digest[i]);
    return key;
}

enum rc x509_key_load(const char *path, struct err *err, struct x509_key **ret_key)
{
    FILE *file = fopen(path, "re");
    struct stat facts = {0};
    EVP_PKEY *pkey;
    struct x509_key *key;

    CHECK(file, err, TRIEN__ERROR__KEY_FILE, "%s: %m", path);
    if (fstat(fileno(file), &facts) != 0 || (facts.st_mode & S_IRWXO)) {
        fclose(file);
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s: others may read this private key (chmod o-rwx)",
             path);
    }
    pkey = PEM_read_PrivateKey(file, NULL, NULL, (void *)"");
    fclose(file);
    CHECK(pkey, err, TRIEN__ERROR__KEY_FILE, "%s: no private key in PEM", path);
    key = key_of(pkey);
    CHECK(key, err, TRIEN__ERROR__KEY_FILE, "%s: not a P-256 key", path);
    *ret_key = key;
    return RC_OK;
}

enum rc x509_key_from_spki(struct bytes spki_der, struct err *err, struct x509_key **ret_key)
{
    const unsigned char *p = spki_der.p;
    EVP_PKEY *pkey =
        spki_der.n <= X509_MAX_DER_BYTES ? d2i_PUBKEY(NULL, &p, (long)spki_der.n) : NULL;
    struct x509_key *key = pkey ? key_of(pkey) : NULL;

    CHECK(key && p == spki_der.p + spki_der.n, err, TRIEN__ERROR__KEY_WEAK,
          "not a P-256 public key");
    *ret_key = key;
    return RC_OK;
}

void x509_key_free(struct x509_key **key)
{
    if (!*key)
        return;
    EVP_PKEY_free((*key)->pkey);
    OPENSSL_free((*key)->spki_der);
    free(*key);
    *key = NULL;
}

const char *x509_key_id(const struct x509_key *key)
{
    return key->id;
}

struct bytes x509_key_spki(const struct x509_key *key)
{
    return bytes_of(key->spki_der, key->spki_length);
}

enum rc x509_sign_p256(const struct x509_key *key, struct arena *arena, struct bytes message,
                       struct err *err, Trien__KeySignature *ret_signature)
{
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    size_t length = 80; /* DER of two 256-bit numbers: 72 at most */
    uint8_t *signature = arena_alloc(arena, length);

    CHECK(context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
              EVP_DigestSign(context, signature, &length, message.p, message.n) == 1,
          err, TRIEN__ERROR__INTERNAL, "signing failed: %s", x509_openssl_error(arena));
    *ret_signature = (Trien__KeySignature)TRIEN__KEY_SIGNATURE__INIT;
    ret_signature->key_id = arena_strdup(arena, key->id);
    ret_signature->signature = (ProtobufCBinaryData){length, signature};
    return RC_OK;
}

bool x509_verify_p256(const struct x509_key *key, struct bytes message, struct bytes signature)
{
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    bool good = context && signature.n <= 80 &&
                EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
                EVP_DigestVerify(context, signature.p, signature.n, message.p, message.n) == 1;

    if (!good)
        ERR_clear_error();
    return good;
}

static enum rc ring_add(struct x509_ring *ring, struct bytes spki, const char *path,
                        struct err *err)
{
    struct x509_key *key;
    struct x509_key **keys;

    if (x509_key_from_spki(spki, err, &key) != RC_OK)
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s: key %zu is not P-256", path, ring->count + 1);
    keys = reallocarray(ring->keys, ring->count + 1, sizeof(struct x509_key *));
    if (!keys)
        abort();
    ring->keys = keys;
    ring->keys[ring->count++] = key;
    return RC_OK;
}

enum rc x509_ring_load(const char *path, struct err *err, struct x509_ring **ret_ring)
{
    autoptr(BIO) file = BIO_new_file(path, "r");
    autoptr(x509_ring_t) ring = calloc(1, sizeof(*ring));
    unsigned char *der;
    long length;

    CHECK(file && ring, err, TRIEN__ERROR__KEY_FILE, "%s: cannot be read", path);
    pthread_rwlock_init(&ring->lock, NULL);
    while (PEM_bytes_read_bio(&der, &length, NULL, PEM_STRING_PUBLIC, file, NULL, NULL)) {
        enum rc rc = ring_add(ring, bytes_of(der, (size_t)length), path, err);
        OPENSSL_free(der);
        TRY(rc);
    }
    CHECK(ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE, err, TRIEN__ERROR__KEY_FILE,
          "%s: a PUBLIC KEY block is damaged", path);
    ERR_clear_error();
    CHECK(ring->count, err, TRIEN__ERROR__KEY_FILE, "%s: no PUBLIC KEY block", path);
    *ret_ring = TAKE(ring);
    return RC_OK;
}

void x509_ring_free(struct x509_ring **ring)
{
    if (!*ring)
        return;
    for (size_t i = 0; i < (*ring)->count; i++)
        x509_key_free(&(*ring)->keys[i]);
    free((*ring)->keys);
    pthread_rwlock_destroy(&(*ring)->lock);
    free(*ring);
    *ring = NULL;
}

/* Reading takes the lock of a ring that is const to everybody. */
static pthread_rwlock_t *lock_of(const struct x509_ring *ring)
{
    return &((struct x509_ring *)(uintptr_t)ring)->lock;
}

size_t x509_ring_count(const struct x509_ring *ring)
{
    size_t count;

    pthread_rwlock_rdlock(lock_of(ring));
    count = ring->count;
    pthread_rwlock_unlock(lock_of(ring));
    return count;
}

const struct x509_key *x509_ring_at(const struct x509_ring *ring, size_t at)
{
    return ring->keys[at];
}

const struct x509_key *x509_ring_find(const struct x509_ring *ring, const char *key_id)
{
    for (size_t i = 0; i < ring->count; i++)
        if (!strcmp(ring->keys[i]->id, key_id))
            return ring->keys[i];
    return NULL;
}

bool x509_ring_verify(const struct x509_ring *ring, struct bytes message,
                      const Trien__KeySignature *signature)
{
    struct bytes by = bytes_of(signature->signature.data, signature->signature.len);
    const struct x509_key *key;
    bool verified;

    pthread_rwlock_rdlock(lock_of(ring));
    key = x509_ring_find(ring, signature->key_id);
    verified = key && x509_verify_p256(key, message, by);
    pthread_rwlock_unlock(lock_of(ring));
    return verified;
}

void x509_ring_swap(struct x509_ring *ring, struct x509_ring *own)
{
    struct x509_key **keys = own->keys;
    size_t count = own->count;

    pthread_rwlock_wrlock(&ring->lock);
    own->keys = ring->keys;
    own->count = ring->count;
    ring->keys = keys;
    ring->count = count;
    pthread_rwlock_unlock(&ring->lock);
}
