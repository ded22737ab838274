/* Fuzz target: a checkpoint note, its signature by a fixed key, and the numbers of a proof's query.
 * What is read is written back the same way; nothing is believed without the signature. */
// links: services/audit
#include "common/checkpoint.h"
#include "services/audit/rules.h"
#include "tests/fuzz/some_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static void try_numbers(const char *text)
{
    struct merkle_plan plan;
    uint64_t number;

    if (!rule_number(text, &number))
        return;
    if (merkle_plan_inclusion(number / 3, number, &plan) &&
        (plan.node_count > MERKLE_MAX_NODES || plan.element_count > MERKLE_MAX_PATH))
        __builtin_trap();
    if (merkle_plan_consistency(number / 5 + 1, number, &plan) &&
        (plan.node_count > MERKLE_MAX_NODES || plan.element_count > MERKLE_MAX_PATH))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct checkpoint checkpoint;
    struct bytes note = bytes_of(input, size_bytes), text;
    struct err err = {0};

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    try_numbers(arena_strndup(arena, (const char *)input, size_bytes));
    if (checkpoint_parse(arena, note, &err, &checkpoint) == RC_OK) {
        text = checkpoint_text(arena, &checkpoint);
        if (text.n > note.n || memcmp(text.p, note.p, text.n) != 0)
            __builtin_trap();
    }
    if (checkpoint_open(arena, note, fuzz_key(), &err, &checkpoint) == RC_OK)
        __builtin_trap(); /* a signature by a key that signs nothing */
    arena_reset(arena);
    return 0;
}
