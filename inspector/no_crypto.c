/* What libqpdf asks of GnuTLS, answered with a refusal: this program decrypts nothing, so it has no
 * cryptography inside. Whoever asks reads an encrypted document, and that is what is said of it. */
#include "inspector/no_crypto.h"

#include <stddef.h>

static bool asked;

bool no_crypto_was_asked(void)
{
    return asked;
}

static int refuse(void)
{
    asked = true;
    return -1;
}

/* GnuTLS' names and shapes; what they would be given is never looked at. */
int gnutls_cipher_init(void *cipher, int algorithm, const void *key, const void *iv);
int gnutls_cipher_encrypt2(void *cipher, const void *in, size_t in_size, void *out, size_t size);
int gnutls_cipher_decrypt2(void *cipher, const void *in, size_t in_size, void *out, size_t size);
void gnutls_cipher_deinit(void *cipher);
size_t gnutls_cipher_get_key_size(int algorithm);
int gnutls_hash_init(void *hash, int algorithm);
int gnutls_hash(void *hash, const void *in, size_t size);
void gnutls_hash_deinit(void *hash, void *digest);
int gnutls_rnd(int level, void *out, size_t size);
const char *gnutls_strerror(int error);

int gnutls_cipher_init(void *cipher, int algorithm, const void *key, const void *iv)
{
    (void)cipher, (void)algorithm, (void)key, (void)iv;
    return refuse();
}

int gnutls_cipher_encrypt2(void *cipher, const void *in, size_t in_size, void *out, size_t size)
{
    (void)cipher, (void)in, (void)in_size, (void)out, (void)size;
    return refuse();
}

int gnutls_cipher_decrypt2(void *cipher, const void *in, size_t in_size, void *out, size_t size)
{
    (void)cipher, (void)in, (void)in_size, (void)out, (void)size;
    return refuse();
}

void gnutls_cipher_deinit(void *cipher)
{
    (void)cipher;
}

size_t gnutls_cipher_get_key_size(int algorithm)
{
    (void)algorithm;
    refuse();
    return 0;
}

int gnutls_hash_init(void *hash, int algorithm)
{
    (void)hash, (void)algorithm;
    return refuse();
}

int gnutls_hash(void *hash, const void *in, size_t size)
{
    (void)hash, (void)in, (void)size;
    return refuse();
}

void gnutls_hash_deinit(void *hash, void *digest)
{
    (void)hash, (void)digest;
}

int gnutls_rnd(int level, void *out, size_t size)
{
    (void)level, (void)out, (void)size;
    return refuse();
}

const char *gnutls_strerror(int error)
{
    (void)error;
    return "this program has no cryptography";
}
