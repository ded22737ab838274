/* Fuzz target: the answer to a question for an inclusion proof, under the root of a small tree that
 * is known here. What holds names the leaf that stands at the place, and nothing else. */
// links: services/trienctl
#include <jansson.h>
#include <string.h>

#include "services/trienctl/proof.h"

#define ENTRIES 7
#define ENTRY 3

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

/* Entries "0" to "6". */
static void make_tree(struct merkle_hash *ret_leaf, struct checkpoint *ret_checkpoint)
{
    struct merkle_range range = {0};

    for (int i = 0; i < ENTRIES; i++) {
        const char text[] = {(char)('0' + i)};
        struct merkle_hash leaf;

        merkle_leaf(bytes_of(text, 1), &leaf);
        merkle_append(&range, &leaf);
        if (i == ENTRY)
            *ret_leaf = leaf;
    }
    ret_checkpoint->size = ENTRIES;
    merkle_root(&range, &ret_checkpoint->root);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct bytes answer = bytes_of(input, size_bytes), leaf;
    struct checkpoint checkpoint = {.origin = "trien.test/journal"};
    struct merkle_hash stands;

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    make_tree(&stands, &checkpoint);
    if (proof_holds(arena, answer, ENTRY, &checkpoint)) {
        json_t *proof = json_loadb((const char *)input, size_bytes, 0, NULL);
        const char *text = json_string_value(json_object_get(proof, "leaf_hash"));

        if (!bytes_from_base64(arena, bytes_of_text(text), &leaf) ||
            !bytes_equal(leaf, bytes_of(stands.b, sizeof(stands.b))) ||
            proof_holds(arena, answer, ENTRY + 1, &checkpoint))
            __builtin_trap();
        json_decref(proof);
    }
    arena_reset(arena);
    return 0;
}
