/* The key that signs checkpoints, behind token workers. Its public half is written to a file once;
 * a token that suddenly holds another key signs nothing. */
#include "services/audit/journal_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/ossl.h"
#include "common/token.h"

struct journal_key {
    struct journal_key_conf conf;
    struct token *token;
    struct token_key wanted;
    struct arena *arena;

    pthread_mutex_t lock; /* of what follows, written once */
    struct x509_key *public_key;
};

enum rc journal_key_new(const struct journal_key_conf *conf, struct arena *arena, struct err *err,
                        struct journal_key **ret_key)
{
    struct journal_key *key = ARENA_NEW(arena, struct journal_key);

    key->conf = *conf;
    key->arena = arena;
    pthread_mutex_init(&key->lock, NULL);
    *ret_key = key;
    return token_from_conf(&key->conf.token, &key->wanted, err, &key->token);
}

void journal_key_free(struct journal_key **key)
{
    if (!*key)
        return;
    token_free(&(*key)->token);
    x509_key_free(&(*key)->public_key);
    *key = NULL;
}

unsigned journal_key_workers(struct journal_key *key)
{
    struct token_state state;

    token_look(key->token, &state);
    return state.ready;
}

/* --- the public half ---------------------------------------------------------------------------
 */

static enum rc write_public(struct journal_key *key, struct bytes spki, struct err *err)
{
    char *directory = arena_strdup(key->arena, key->conf.public_file);
    const char *name = arena_strdup(key->arena, basename(directory));
    autoptr(BIO) memory = BIO_new(BIO_s_mem());
    const uint8_t *p = spki.p;
    autoptr(EVP_PKEY) parsed = d2i_PUBKEY(NULL, &p, (long)spki.n);
    char *text = NULL;
    int folder;
    enum rc rc;

    CHECK(memory && parsed && PEM_write_bio_PUBKEY(memory, parsed) == 1, err,
          TRIEN__ERROR__TOKEN_REFUSED, "the journal's public key cannot be written as PEM");
    folder = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder >= 0, err, TRIEN__ERROR__FILE_UNWRITABLE, "%s: %s", key->conf.public_file,
          strerror(errno));
    rc = file_write(folder, name, bytes_of(text, (size_t)BIO_get_mem_data(memory, &text)), err);
    close(folder);
    return rc;
}

/* The file is what everybody else knows the journal by: it is written once and never changes. */
static enum rc compare_public(struct journal_key *key, const struct x509_key *ours, struct err *err)
{
    autoptr(x509_ring_t) ring = NULL;

    if (access(key->conf.public_file, F_OK) != 0)
        return write_public(key, x509_key_spki(ours), err);
    TRY(x509_ring_load(key->conf.public_file, err, &ring));
    CHECK(x509_ring_find(ring, x509_key_id(ours)), err, TRIEN__ERROR__JOURNAL_FORKED,
          "the token's key is not the one of %s", key->conf.public_file);
    return RC_OK;
}

/* Lock held. */
static enum rc learn(struct journal_key *key, struct err *err)
{
    autoptr(x509_key_t) ours = NULL;
    struct bytes spki;

    TRY(token_spki(key->token, key->conf.token.key_label, key->arena, err, &spki));
    TRY(x509_key_from_spki(spki, err, &ours));
    TRY(compare_public(key, ours, err));
    key->public_key = TAKE(ours);
    return RC_OK;
}

enum rc journal_key_public(struct journal_key *key, struct err *err,
                           const struct x509_key **ret_public)
{
    enum rc rc = RC_OK;

    pthread_mutex_lock(&key->lock);
    if (!key->public_key)
        rc = learn(key, err);
    if (rc == RC_OK)
        *ret_public = key->public_key;
    pthread_mutex_unlock(&key->lock);
    return rc;
}

enum rc journal_key_sign(struct journal_key *key, struct bytes text, struct arena *arena,
                         struct err *err, struct bytes *ret_signature)
{
    uint8_t digest[32];

    bytes_sha256(text, digest);
    return token_sign(key->token, key->conf.token.key_label, digest, arena, err, ret_signature);
}
