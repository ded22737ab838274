/* Merkle trees of RFC 9162, section 2.1: hashes, roots, proofs and their verification.
 *
 * A tree over `size` leaves is known by its perfect subtrees: node (level, index) covers the leaves
 * [index << level, (index + 1) << level). Whoever stores the nodes asks for a plan (which nodes
 * make this root or this proof), reads them in any way it likes, and folds them. Nothing here
 * reads, allocates or fails for want of anything; a plan that cannot be made is false. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define MERKLE_HASH_BYTES 32
#define MERKLE_MAX_LEVELS 63
#define MERKLE_MAX_PATH 64
#define MERKLE_MAX_NODES 128
#define MERKLE_MAX_SIZE (UINT64_C(1) << 62)

struct merkle_hash {
    uint8_t b[MERKLE_HASH_BYTES];
};

/** Hash of an entry: SHA-256(0x00 || entry). RFC 9162 2.1.1. */
void merkle_leaf(struct bytes entry, struct merkle_hash *ret_hash);

/** Hash of two subtrees: SHA-256(0x01 || left || right). */
void merkle_pair(const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *ret_hash);

/** The node above 2^levels neighbours. */
void merkle_perfect(const struct merkle_hash *leaves, unsigned levels,
                    struct merkle_hash *ret_hash);

bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b);

/* --- appending -------------------------------------------------------------------------------- */

/* The perfect subtrees a tree of this size is made of, from the left: as many as the size has bits
 * set, the largest first. All that an append needs to know. */
struct merkle_range {
    uint64_t size;
    struct merkle_hash peaks[MERKLE_MAX_LEVELS];
};

/** How many peaks a tree of this size has. */
unsigned merkle_peaks(uint64_t size);

/** Adds one leaf hash: O(1) amortised, O(log n) at most. */
void merkle_append(struct merkle_range *range, const struct merkle_hash *leaf);

/** Tree head; of an empty tree SHA-256 of nothing. */
void merkle_root(const struct merkle_range *range, struct merkle_hash *ret_root);

/* --- proofs ------------------------------------------------------------------------------------
 */

struct merkle_address {
    unsigned level;
    uint64_t index;
};

/* The nodes to be read, and how many neighbours of them (from the left) make each element of the
 * path. */
struct merkle_plan {
    struct merkle_address nodes[MERKLE_MAX_NODES];
    size_t node_count;
    uint8_t groups[MERKLE_MAX_PATH];
    size_t element_count;
};

/** One element: the root of the first `size` leaves. False for 0 and sizes beyond the limit. */
bool merkle_plan_root(uint64_t size, struct merkle_plan *ret_plan);

/** RFC 9162 2.1.3.1. False unless entry < size. */
bool merkle_plan_inclusion(uint64_t entry, uint64_t size, struct merkle_plan *ret_plan);

/** RFC 9162 2.1.4.1. No element when from equals to. False unless 0 < from <= to. */
bool merkle_plan_consistency(uint64_t from, uint64_t to, struct merkle_plan *ret_plan);

/** Makes the elements from the nodes, both in the plan's order. */
void merkle_fold(const struct merkle_plan *plan, const struct merkle_hash *nodes,
                 struct merkle_hash *ret_path);

/** RFC 9162 2.1.3.2. */
bool merkle_verify_inclusion(uint64_t entry, uint64_t size, const struct merkle_hash *leaf,
                             const struct merkle_hash *path, size_t count,
                             const struct merkle_hash *root);

/** RFC 9162 2.1.4.2. */
bool merkle_verify_consistency(uint64_t from, uint64_t to, const struct merkle_hash *path,
                               size_t count, const struct merkle_hash *root_from,
                               const struct merkle_hash *root_to);
