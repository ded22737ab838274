/* Reads an inclusion proof of a service that is not to be believed, and computes the root it leads
 * to. */
#include "services/trienctl/proof.h"

#include <string.h>

#include "services/trienctl/trienctl.h"

static bool read_hash(struct arena *arena, const json_t *text, struct merkle_hash *ret_hash)
{
    struct bytes hash;

    if (!json_is_string(text) ||
        !bytes_from_base64(arena, bytes_of(json_string_value(text), json_string_length(text)),
                           &hash) ||
        hash.n != sizeof(ret_hash->b))
        return false;
    memcpy(ret_hash->b, hash.p, hash.n);
    return true;
}

bool proof_holds(struct arena *arena, struct bytes answer, uint64_t entry,
                 const struct checkpoint *checkpoint)
{
    autoptr(json_t) proof = json_loadb((const char *)answer.p, answer.n, 0, NULL);
    const json_t *path = json_object_get(proof, "audit_path");
    struct merkle_hash leaf, hashes[MERKLE_MAX_PATH];
    size_t count = json_array_size(path);

    if (!json_is_array(path) || count > MERKLE_MAX_PATH ||
        !read_hash(arena, json_object_get(proof, "leaf_hash"), &leaf))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_hash(arena, json_array_get(path, i), &hashes[i]))
            return false;
    return merkle_verify_inclusion(entry, checkpoint->size, &leaf, hashes, count,
                                   &checkpoint->root);
}
