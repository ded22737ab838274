/* intake's own configuration and handlers. The tables that name them are in main.c. */
#pragma once

#include <jansson.h>

#include "common/svc.h"
#include "proto/intake.pb-c.h"
#include "proto/types.pb-c.h"
#include "services/intake/recent.h"
#include "services/intake/store.h"

DEFINE_AUTOPTR(json_t, json_decref)

struct intake_conf {
    const char *public_url; /* of the portal API, without a slash at the end */
    int64_t recent_bytes;
};

#define POST_MAX_BYTES ((size_t)20 * 1024 * 1024)
#define PIECES_MAX_BYTES                                                                           \
    ((int64_t)100 * 1024 * 1024) /* that a client may have put and not submitted */
#define CHUNK_MAX_BYTES ((uint32_t)1024 * 1024)
#define PARTITION_MONTHS_AHEAD 3

/* --- portal API (handlers_post.c, handlers_get.c)
 * --------------------------------------------------- */

enum rc on_post_request(struct tx *tx, const struct http_request *request,
                        struct http_response *response);
enum rc on_post_requests(struct tx *tx, struct http_item *items, size_t count);
enum rc on_get_request(struct tx *tx, const struct http_request *request,
                       struct http_response *response);
enum rc on_get_certificate(struct tx *tx, const struct http_request *request,
                           struct http_response *response);
enum rc on_list_requests(struct tx *tx, const struct http_request *request,
                         struct http_response *response);

/* --- a post, by whatever door it came (take.c)
 * ------------------------------------------------------ */

/* What a door has: the parts as http_request carries them. Borrowed. */
struct posting {
    struct bytes token;
    const char *key, *channel; /* key: NULL without one */
    const struct http_request *request;
};

/** The posting as a post with a request id of its own, its shape and key checked; in the arena. */
MUST_USE enum rc take_read(struct tx *tx, const struct posting *posting, struct err *err,
                           struct new_post *ret_post);

/** Stores one post and says so, unless its bytes are known. REJECT UNAUTHENTICATED,
 *  IDEMPOTENCY_CONFLICT. */
MUST_USE enum rc take_alone(struct tx *tx, const struct new_post *post,
                            struct first_answer *ret_first);

/** What is said of a post that was stored as new. */
MUST_USE enum rc take_in(struct tx *tx, const struct new_post *post,
                         const struct stored_post *stored, struct first_answer *ret_first);

/** The bytes are known: the first answer again, unless the key stands for others. */
MUST_USE enum rc take_again(struct tx *tx, const struct new_post *post, const char *client_id,
                            struct first_answer *ret_first);

/** Refusals: no client has the token; the key stands for other bytes. */
MUST_USE enum rc take_no_caller(struct err *err);
MUST_USE enum rc take_key_conflict(struct tx *tx);

/** Where the request can be read, in the arena. */
const char *take_status_url(struct tx *tx, const struct first_answer *first);

/* --- the same over the bus (handlers_submit.c)
 * ------------------------------------------------------ */

enum rc on_put_piece(struct tx *tx, const void *in, void *reply);
enum rc on_submit_request(struct tx *tx, const void *in, void *reply);

/** Timer: pieces that nobody submitted. */
enum rc on_piece_timer(struct tx *tx);

/* --- calls (handlers_call.c)
 * -------------------------------------------------------------------------- */

enum rc on_get_document(struct tx *tx, const void *in, void *reply);
enum rc on_add_client(struct tx *tx, const void *in, void *reply);
enum rc on_revoke_client(struct tx *tx, const void *in, void *reply);
enum rc on_list_clients(struct tx *tx, const void *in, void *reply);
enum rc on_show_request(struct tx *tx, const void *in, void *reply);

/* --- feeds (handlers_feed.c)
 * -------------------------------------------------------------------------- */

enum rc on_request_accepted(struct tx *tx, const void *in);
enum rc on_request_rejected(struct tx *tx, const void *in);
enum rc on_request_waiting(struct tx *tx, const void *in);
enum rc on_item_authorized(struct tx *tx, const void *in);
enum rc on_key_awaited(struct tx *tx, const void *in);
enum rc on_certificate_issued(struct tx *tx, const void *in);
enum rc on_issuance_failed(struct tx *tx, const void *in);
enum rc on_revocation_authorized(struct tx *tx, const void *in) MUST_USE;
enum rc on_certificate_revoked(struct tx *tx, const void *in) MUST_USE;
enum rc on_revocation_refused(struct tx *tx, const void *in) MUST_USE;
enum rc on_certificate_expired(struct tx *tx, const void *in) MUST_USE;
enum rc on_notice_delivered(struct tx *tx, const void *in);
enum rc on_notice_failed(struct tx *tx, const void *in);

/* --- courier's feed (handlers_device.c) ---------------------------------------------------------
 */

enum rc on_device_assigned(struct tx *tx, const void *in);
enum rc on_device_dispatched(struct tx *tx, const void *in);
enum rc on_shipment_moved(struct tx *tx, const void *in);
enum rc on_device_handed_over(struct tx *tx, const void *in);
enum rc on_device_returned(struct tx *tx, const void *in);
enum rc on_device_report_refused(struct tx *tx, const void *in);
enum rc on_device_recalled(struct tx *tx, const void *in);
enum rc on_recall_overdue(struct tx *tx, const void *in);
enum rc on_device_lost(struct tx *tx, const void *in);

/** Timer: next months' partitions. */
enum rc on_partition_timer(struct tx *tx);

/* --- handlers_due.c --------------------------------------------------------------------------- */
enum rc on_due_timer(struct tx *tx);

/* --- what is shown (view.c)
 * ----------------------------------------------------------------------------- */

/** A request with items, timeline, certificates and reasons as the JSON of GET /v1/requests/{id};
 *  in the arena; NULL when there is no such request. */
MUST_USE enum rc view_request(struct tx *tx, const uint8_t request_id[16], const char **ret_json);

/** One row of the list, a new reference. */
json_t *view_list_row(struct tx *tx, const struct request_row *request);

/** The JSON text in the arena. */
const char *view_text(struct tx *tx, const json_t *document);

/** Every reason as the JSON that GET shows. */
const char *view_reasons(struct tx *tx, Trien__Reason *const *reasons, size_t count);

/* --- sentences (texts.c)
 * ---------------------------------------------------------------------------------- */

/** Vietnamese sentence of a timeline line, made from the one table of event → text; in the arena.
 *  The event's own name when the table does not know it. */
const char *text_of_event(struct arena *arena, const char *event, const char *subject,
                          const char *detail);

/** Vietnamese words for a state of a request or an item. */
const char *text_of_state(const char *state);
/** The same for a shipment. */
const char *text_of_shipment(const char *state);
