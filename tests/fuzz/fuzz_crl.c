/* A CRL as somebody's server may send it. It is checked against an empty-handed trust: a folder
 * with one anchor made here, whose key the fuzzer does not have, so no list may ever be taken. */
#include "tests/unit/common/pki_maker.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static struct maker maker;

static void clean_up(void)
{
    maker_done(&maker);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    static struct trust *trust;
    struct trust_crl facts;
    struct err err = {0};

    if (!trust) {
        maker_init(&maker);
        atexit(clean_up);
        arena = arena_new((size_t)64 << 20);
        if (trust_new(maker.folder, &err, &trust) != RC_OK)
            abort();
    }
    if (trust_put_crl(trust, bytes_of(input, size_bytes), arena, &err, &facts) == RC_OK)
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
