/* The inner half of sandbox.c: what happens in the zygote and in a child. */
#pragma once

#include "common/sandbox.h"

/* What a child writes: one byte when it is locked in, then one of the others. */
enum {
    SANDBOX_SAYS_READY = 'S',
    SANDBOX_SAYS_ANSWER =
        'A', /* followed by uint32_t size in host order and the answer, then the end */
    SANDBOX_SAYS_LIMIT = 'L',
};

/** The life of keeper and zygote; a zygote that is killed is replaced. Serves {input, answer pipe}
 * pairs of descriptors from `control` until the other end closes. Writes one byte to `control` when
 * it is ready. Never returns. */
_Noreturn void sandbox_zygote(const struct sandbox_profile *profile, int control);
