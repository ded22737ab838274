/* A stranger's CMS signature over fixed bytes: nothing made up by a fuzzer ever verifies, and what
 * is said about the signer does not crash. */
#include "common/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct bytes ranges[] = {bytes_of_text("the signed "), bytes_of_text("bytes")};
    struct cms_signed signed_by;

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    cms_check(arena, bytes_of(input, size_bytes), ranges, 2, NULL, &signed_by);
    if (signed_by.reason_count == 0 && !signed_by.signer)
        __builtin_trap(); /* verified, yet by nobody */
    if (signed_by.reason_count > CMS_MAX_REASONS || !signed_by.digest)
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
