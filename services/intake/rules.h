/* Pure rules of intake: values in, verdict out; no clock, no database, no network. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/http.h"
#include "common/svc.h"

/* One part of a post as it will be kept. */
struct posted_part {
    const char *name;         /* file name without folders */
    const char *content_type; /* as sent, or application/octet-stream */
    struct bytes content;
};

#define MAX_ATTACHMENTS 50

/* A post that has the right shape. Part 0 is the document. */
struct post {
    struct posted_part parts[1 + MAX_ATTACHMENTS];
    size_t count;
};

/** Sorts the parts of a multipart post: exactly one `document`, up to MAX_ATTACHMENTS `attachment`,
 *  nothing else, none empty. What is inside is validation's business. Views into the request.
 *  REJECT FIELD_MISSING, FIELD_INVALID, MALFORMED with err->field "/document" … */
MUST_USE enum rc rule_split_post(struct arena *arena, const struct http_request *request,
                                 struct err *err, struct post *ret_post);

/** A client's token: 16..512 characters of b64token (RFC 6750). REJECT UNAUTHENTICATED. View. */
MUST_USE enum rc rule_token(const char *text, struct err *err, struct bytes *ret_token);

/** The token of an Authorization header (RFC 6750: "Bearer " and the token).
 *  REJECT UNAUTHENTICATED. View into the header. */
MUST_USE enum rc rule_bearer(const char *authorization, struct err *err, struct bytes *ret_token);

/** The key is absent (NULL) or 1..255 printable ASCII characters. REJECT FIELD_INVALID. */
MUST_USE enum rc rule_idempotency_key(const char *key, struct err *err);

/** Same bytes, same post: the document's digest alone, else SHA-256 over the digests of all parts
 *  in their order (32 bytes each). */
void rule_post_digest(const uint8_t (*part_sha256)[32], size_t count, uint8_t ret_sha256[32]);

/** Receipt number for people: "TR-", the Vietnamese day of receipt, the number with six digits or
 *  more. In the arena. */
const char *rule_receipt_text(struct arena *arena, usec received_at, int64_t receipt_no);

/** The same read back. False unless the text has exactly this form. */
bool rule_receipt_parse(const char *text, civil_day *ret_day, int64_t *ret_receipt_no);

/** "<request uuid>/<n>" with n from 1. False unless it has exactly this form. */
bool rule_item_parse(const char *item_id, uint8_t ret_request_id[16], int32_t *ret_number);

/** The smallest request id (UUIDv7) of an instant. */
void rule_id_floor(usec at, uint8_t ret_uuid[16]);

/** A client's name for itself: lower-case letters, digits, ".", "_", "-", 1..63 long. */
bool rule_client_id(const char *client_id);

/** Rows of a page: "limit" of a query; absent 50, else 1..200. REJECT FIELD_INVALID. */
MUST_USE enum rc rule_page_limit(const char *limit, struct err *err, int32_t *ret_limit);

/** A state filter names a state of a request. */
bool rule_is_request_state(const char *state);

/* --- states ------------------------------------------------------------------------------------
 */

extern const struct state_step request_steps[], item_steps[];
extern const struct state_table intake_states[];

/** The states an event may follow, by a table of steps; up to 8. Their number. The event is applied
 *  by a statement that names these states, so that feeds may be read in any order. */
size_t rule_states_before(const struct state_step *steps, const char *event,
                          const char *ret_states[8]);
