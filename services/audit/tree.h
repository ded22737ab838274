/* The stored tree: nodes read by tiles, proofs made of them. */
#pragma once

#include "common/merkle.h"
#include "common/svc.h"

/** The elements of a plan over a journal of `size` entries, which must be there. One statement,
 *  whatever the size, that reads each tile of 256 hashes once. REJECT JOURNAL_FORKED when hashes
 * are missing.
 */
enum rc tree_fold(struct tx *tx, uint64_t size, const struct merkle_plan *plan,
                  struct merkle_hash *ret_path) MUST_USE;

/** The same of merkle_plan_inclusion(), and the hash of the leaf that it is for. */
enum rc tree_inclusion(struct tx *tx, uint64_t size, uint64_t entry, const struct merkle_plan *plan,
                       struct merkle_hash *ret_leaf, struct merkle_hash *ret_path) MUST_USE;

/** Head of the tree when it had `at` entries (at most `size`, not 0). */
enum rc tree_root(struct tx *tx, uint64_t size, uint64_t at, struct merkle_hash *ret_root) MUST_USE;
