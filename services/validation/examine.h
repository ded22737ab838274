/* What a signed request asks for, ready to be decided: every pure rule applied at once.
 *
 * Goes from the bytes under the signature to the message that the examination hands to the
 * decision: either reasons, or who asks for what, row by row, with the certificate's subject
 * (common/subscriber.h) and the key where the request brought one. Pure; the registry's rules come
 * later (rules_registry.h). */
#pragma once

#include "common/document.h"
#include "proto/validation.pb-c.h"
#include "services/validation/request.h"

/** Applies parser, forms and certificate mapping. Fills the request's part of *ret_examined (form,
 *  agency, document, receiver, delivery, items, remarks) as far as it could be read, and adds every
 *  reason. Items are complete exactly when no reason was added. All in the context's arena. */
void examine_request(const struct rule_context *context, struct bytes json, struct reasons *reasons,
                     Trien__ExaminedDocument *ret_examined);

/** The gate's findings as reasons for people, in their order. */
void examine_findings(const struct document_report *report, struct reasons *reasons);

/** The list as it travels in events and in the examination's result. */
void reasons_pack(const struct reasons *reasons, size_t *ret_count, Trien__Reason ***ret_rows);
