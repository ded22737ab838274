/* A stranger's signing request, PEM or DER: a key that is accepted is one of the kinds there are,
 * and its digest is the digest of what the request carries. */
#include <string.h>

#include "common/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

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
            !memmem(der.p, der.n, csr.spki_der.p, csr.spki_der.n))
            __builtin_trap();
    }
    arena_reset(arena);
    return 0;
}
