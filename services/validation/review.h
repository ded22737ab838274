/* Reviews: requests that keep every rule, but that policy lets two officers look at first. */
#pragma once

#include "services/validation/reasons.h"
#include "services/validation/validation.h"

#define REVIEW_APPROVALS 2

enum review_state { REVIEW_OPEN, REVIEW_APPROVED, REVIEW_REFUSED };

/** What the votes say. Each officer has one: a refusal decides, else so many approvals. Pure. */
enum review_state rule_review(const struct review_votes *votes, uint32_t *ret_approvals);

/** Before a request without reasons against it is accepted. *ret_waits: its review is open, was
 *  begun now if need be, and the request waits for it; nothing more is to be done. Else an
 * officer's refusal is among the reasons, or there is nothing against it. */
enum rc review_gate(struct tx *tx, const Trien__ExamineDocument *request,
                    const Trien__ExaminedDocument *examined, const struct facts *facts,
                    struct reasons *reasons, bool *ret_waits) MUST_USE;
