/* A price file somebody edited: read strictly, and whatever is read can be reckoned with. */
// links: services/trienctl
#include "services/trienctl/estimate.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    static struct estimate estimate;
    struct choice choice = {.authorities = ESTIMATE_MAX_AUTHORITIES};
    const struct decision *decision = decision_2433();
    struct prices prices;
    struct err err = {0};

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    if (prices_parse(arena, decision, bytes_of(input, size_bytes), &err, &prices) == RC_OK) {
        choice_all(decision, &choice);
        estimate_reckon(decision, &choice, &prices, &estimate);
        if (estimate.total.amount < 0 || estimate.outside_amount < 0)
            __builtin_trap();
    }
    arena_reset(arena);
    return 0;
}
