/* A stranger's signing request, PEM or DER: what is accepted, OpenSSL's own parser accepts too,
 * with the same key. */
#include <string.h>

#include "common/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static bool same(struct bytes der, const struct x509_csr *csr)
{
    const unsigned char *p = der.p, *q = csr->spki_der.p;
    autoptr(X509_REQ) request = d2i_X509_REQ(NULL, &p, (long)der.n);
    autoptr(EVP_PKEY) key = d2i_PUBKEY(NULL, &q, (long)csr->spki_der.n);

    return request && key && X509_REQ_verify(request, key) == 1 &&
           EVP_PKEY_eq(key, X509_REQ_get0_pubkey(request)) == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct err err = {0};
    struct bytes der;
    struct x509_csr csr;

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    if (x509_csr_decode(arena, bytes_of(input, size_bytes), &err, &der) == RC_OK &&
        x509_csr_check(arena, der, &err, &csr) == RC_OK) {
        uint8_t digest[32];
        x509_spki_sha256(csr.spki_der, digest);
        if (memcmp(digest, csr.key_sha256, sizeof(digest)) != 0 || !*csr.key_kind ||
            !memmem(der.p, der.n, csr.spki_der.p, csr.spki_der.n) || !same(der, &csr))
            __builtin_trap();
    }
    arena_reset(arena);
    return 0;
}
