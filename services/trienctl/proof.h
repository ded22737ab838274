/* Inclusion proofs as the public gets them from audit. */
#pragma once

#include "common/arena.h"
#include "common/checkpoint.h"

/** The answer of /v1/journal/proof/inclusion proves that some entry stands at this place under the
 *  checkpoint (RFC 9162 2.1.3.2). Anything else than such a proof is none. */
bool proof_holds(struct arena *arena, struct bytes answer, uint64_t entry,
                 const struct checkpoint *checkpoint);
