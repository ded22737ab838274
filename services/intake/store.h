/* Statements of store.sql as functions. Texts and bytes handed out live as long as the message. */
#pragma once

#include "common/svc.h"
#include "services/intake/rules.h"

/* --- posts
 * ---------------------------------------------------------------------------------------- */

/* A post that is about to be stored. */
struct new_post {
    const uint8_t *token_sha256, *request_id, *post_sha256; /* 32, 16, 32 bytes */
    const uint8_t (*part_sha256)[32];
    const char *idempotency_key; /* or NULL */
    const char *channel;
    const struct post *post;
};

/* What became of it. */
struct stored_post {
    const char *client_id; /* NULL: no such caller */
    bool is_new;           /* false: the bytes are known, nothing was stored */
    bool key_fits;         /* false with is_new: the key was used with other bytes; roll back */
    int64_t receipt_no;
};

/** Stores requests with their digests and keys, those that are new; of all it says what became of
 *  them. Posts of one channel. */
MUST_USE enum rc store_insert_posts(struct tx *tx, const struct new_post *posts, size_t count,
                                    struct stored_post *ret_stored);

/** Stores documents and attachments of posts that are new. */
MUST_USE enum rc store_insert_parts(struct tx *tx, const struct new_post *posts, size_t count);

/* The first answer to a post. */
struct first_answer {
    const uint8_t *request_id;
    int64_t receipt_no;
    usec received_at;
};

/** The post with this digest; RETRY DATABASE_CONFLICT when it is not visible yet. */
MUST_USE enum rc store_get_post(struct tx *tx, const uint8_t sha256[32],
                                struct first_answer *ret_answer);

/** Remembers that the key stands for these bytes; false when it stands for others. */
MUST_USE enum rc store_insert_key(struct tx *tx, const char *client_id, const char *key,
                                  const uint8_t post_sha256[32], bool *ret_fits);

/* --- pieces of parts that wait to be submitted (store_piece.c) */

struct piece {
    const char *client_id, *key;
    int16_t part;
    int64_t offset;
    struct bytes content;
};

/** Bytes of all pieces the client has put. */
MUST_USE enum rc store_count_pieces(struct tx *tx, const char *client_id, int64_t *ret_bytes);

/** Keeps a piece; false when other bytes stand in its place. */
MUST_USE enum rc store_insert_piece(struct tx *tx, const struct piece *piece, bool *ret_fits);

/** The pieces of a part in their order, one behind the other; empty when there is none or they are
 *  more than the limit. */
MUST_USE enum rc store_join_pieces(struct tx *tx, const char *client_id, const char *key,
                                   int16_t part, int64_t limit_bytes, struct bytes *ret_content);

MUST_USE enum rc store_delete_pieces(struct tx *tx, const char *client_id, const char *key);
MUST_USE enum rc store_delete_pieces_before(struct tx *tx, usec before);

/** Digest of the post a client's key stands for; empty when it stands for none. */
MUST_USE enum rc store_find_key(struct tx *tx, const char *client_id, const char *key,
                                struct bytes *ret_post_sha256);

/* A slice of a stored part. */
struct part_slice {
    struct bytes chunk, sha256; /* of the slice; digest of the whole part */
    int64_t size_bytes;         /* of the whole part */
};

/** A slice of a part; *ret_found false when there is no such part. */
MUST_USE enum rc store_find_part(struct tx *tx, const uint8_t request_id[16], int16_t part,
                                 int64_t offset, int64_t max_bytes, bool *ret_found,
                                 struct part_slice *ret_slice);

/* --- clients
 * -------------------------------------------------------------------------------------- */

struct client_row {
    const char *client_id, *name;
    const char *const *organ_ids;
    size_t organ_count;
    usec created_at, revoked_at; /* revoked_at 0: not revoked */
};

/** A new client; *ret_is_new false, and nothing happens, when its id or token is there already:
 * look with store_find_client(). */
MUST_USE enum rc store_insert_client(struct tx *tx, const struct client_row *client,
                                     struct bytes token_sha256, bool *ret_is_new);

/** The client stands there with exactly this token and is not revoked. */
MUST_USE enum rc store_find_client(struct tx *tx, const char *client_id, struct bytes token_sha256,
                                   bool *ret_same);

/** Revokes; *ret_found false when there is no such client. */
MUST_USE enum rc store_set_client_revoked(struct tx *tx, const char *client_id, bool *ret_found,
                                          bool *ret_was_revoked);

MUST_USE enum rc store_list_clients(struct tx *tx, const struct client_row **ret_clients,
                                    size_t *ret_count);

/** The client that holds the token, or NULL. */
MUST_USE enum rc store_find_caller(struct tx *tx, const uint8_t token_sha256[32],
                                   const char **ret_client_id);

/* --- requests
 * ------------------------------------------------------------------------------------- */

struct request_row {
    const uint8_t *request_id;
    int64_t receipt_no;
    usec received_at;
    const char *state, *form, *organ_id, *agency_name, *document_number, *document_date, *due_on;
    struct bytes document_sha256;
    const char *reasons; /* JSON array, "" when none */
    int32_t item_count;  /* 0 while unknown */
};

struct item_row {
    int32_t number;
    const char *state, *subscriber_name, *profile, *device_kind, *serial, *issuer;
    usec not_before, not_after;
    const char *reasons;
    usec revoked_at; /* of its certificate; 0: it is not */
};

struct timeline_row {
    usec at;
    const char *event, *subject, *detail;
    int32_t item; /* 0: of the whole request */
};

/** One request; *ret_request NULL when there is none. */
MUST_USE enum rc store_find_request(struct tx *tx, const uint8_t request_id[16],
                                    const struct request_row **ret_request);

/** The request is there and the client may read it. */
MUST_USE enum rc store_find_readable(struct tx *tx, const uint8_t request_id[16],
                                     const char *client_id, bool *ret_readable);

/** Request id of a receipt number of a Vietnamese day; NULL when there is none. */
MUST_USE enum rc store_find_by_receipt(struct tx *tx, civil_day day, int64_t receipt_no,
                                       const uint8_t **ret_request_id);

MUST_USE enum rc store_list_items(struct tx *tx, const uint8_t request_id[16],
                                  const struct item_row **ret_items, size_t *ret_count);
MUST_USE enum rc store_list_timeline(struct tx *tx, const uint8_t request_id[16],
                                     struct timeline_row **ret_lines, size_t *ret_count);

/** DER of a certificate of the request; empty when it has none with this serial. */
MUST_USE enum rc store_find_certificate(struct tx *tx, const uint8_t request_id[16],
                                        const char *serial, struct bytes *ret_der);

/* Which page of the caller's requests. */
struct page_query {
    const char *client_id, *state, *agency; /* state and agency may be NULL */
    uint8_t after[16];
    int32_t limit;
};
MUST_USE enum rc store_list_requests(struct tx *tx, const struct page_query *query,
                                     const struct request_row **ret_requests, size_t *ret_count);

/* --- events
 * --------------------------------------------------------------------------------------- */

/* What an acceptance says of a request. */
struct acceptance {
    usec at;
    const char *form, *organ_id, *agency_name, *document_number, *document_date, *due_on;
    const int32_t *numbers;
    const char *const *names, *const *profiles, *const *device_kinds;
    size_t item_count;
};
MUST_USE enum rc store_set_accepted(struct tx *tx, const uint8_t request_id[16],
                                    const struct acceptance *acceptance);

/* What a refusal says; all texts but reasons_json may be NULL. */
struct refusal {
    usec at;
    const char *form, *organ_id, *agency_name, *document_number, *document_date, *reasons_json;
};
MUST_USE enum rc store_set_rejected(struct tx *tx, const uint8_t request_id[16],
                                    const struct refusal *refusal);

/* The item an event is about. */
struct item_step {
    uint8_t request_id[16];
    int32_t number;
    usec at;
    const char *event, *subscriber_name; /* name may be NULL */
    const char *detail;                  /* for the sentence; may be NULL */
};

/** A step to `state` that is not the last. */
MUST_USE enum rc store_set_item_state(struct tx *tx, const struct item_step *step,
                                      const char *state);

/* A certificate as the feed brings it. */
struct issued {
    const char *serial, *issuer;
    struct bytes certificate_der;
    usec not_before, not_after;
};
MUST_USE enum rc store_set_item_issued(struct tx *tx, const struct item_step *step,
                                       const struct issued *issued);
MUST_USE enum rc store_set_item_failed(struct tx *tx, const struct item_step *step,
                                       const char *reasons_json);

/** The item is done without a certificate of its own. */
MUST_USE enum rc store_set_item_done(struct tx *tx, const struct item_step *step);
/** A line about an item that changes no state. */
MUST_USE enum rc store_insert_item_line(struct tx *tx, const struct item_step *step);
/** The item's certificate is revoked; *ret_known false when there is no such item yet. */
MUST_USE enum rc store_set_certificate_revoked(struct tx *tx, const struct item_step *step,
                                               bool *ret_known);

/** A line of the timeline that changes no state. */
MUST_USE enum rc store_insert_notice(struct tx *tx, const uint8_t request_id[16], usec at,
                                     const char *event, const char *subject, const char *detail);

/* --- shipments (store_shipment.c) ------------------------------------------------------------- */

/* A device on its way to its agency. */
struct shipped_row {
    const char *shipment_id;                        /* only when listed */
    const char *device_serial, *certificate_serial; /* the latter may be NULL */
    int32_t item;
};
struct shipment_row {
    const char *shipment_id, *method, *tracking_number, *state, *place; /* number: NULL without */
    usec dispatched_at, moved_at;
};

/** A line of the timeline, the shipment and its device. */
MUST_USE enum rc store_insert_shipped(struct tx *tx, const uint8_t request_id[16],
                                      const uint8_t shipment_id[16],
                                      const struct shipment_row *shipment,
                                      const struct shipped_row *device);
/** What courier recorded at `recorded_at`, once however many devices say it, and its line. */
MUST_USE enum rc store_set_shipment_moved(struct tx *tx, const uint8_t request_id[16],
                                          const uint8_t shipment_id[16],
                                          const struct shipment_row *shipment, usec recorded_at);
/** Shipments and their devices, both in the order of shipments. */
MUST_USE enum rc store_list_shipments(struct tx *tx, const uint8_t request_id[16],
                                      struct shipment_row **ret_shipments,
                                      size_t *ret_shipment_count, struct shipped_row **ret_devices,
                                      size_t *ret_device_count);

/** Makes the partitions of this month and the next ones. */
MUST_USE enum rc store_make_partitions(struct tx *tx, int months);

/* Requests that are not finished, counted. */
struct open_requests {
    int64_t overdue, due_soon, undecided;
    usec undecided_since; /* receipt of the oldest; 0 without one */
};

/** Counts what is open: due before today, due from today to `soon`, not decided. Days as text,
 *  2026-11-22. */
MUST_USE enum rc store_count_open(struct tx *tx, const char *today, const char *soon,
                                  struct open_requests *ret_open);

/* Of store.sql, for main.c. */
extern const struct db_statement store_statements[];
