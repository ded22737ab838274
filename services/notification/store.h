/* notification's tables, one function per statement of store.sql. Texts that are handed out live as
 * long as the message. */
#pragma once

#include <stdbool.h>

#include "common/svc.h"

extern const struct db_statement store_statements[];
extern const size_t store_statement_count;

/* A request as its notices need it. */
struct request_row {
    const char *request_id;
    const char *receipt_number, *agency_name, *document_number, *document_date;
    int64_t items, ended, issued; /* subscribers in all; finished; finished with a certificate */
    int64_t told;                 /* how many ends earlier digests carried */
    int64_t digests;              /* digests so far, with the one that is due now */
    const char *emails;           /* separated by spaces; "" when none, or taken out */
    const char *mobile;           /* "+84…" or "" */
    const char *form;             /* "01" … "09" */
};

/* The end of one item. */
struct item_row {
    int64_t number;
    const char *subscriber_name;
    const char *serial, *reason; /* one of them; the other is NULL */
};

/* One row of notice. */
struct notice_key {
    const char *request_id, *template_name;
    int64_t number;
    const char *channel;
};

/** Stores a request and whom to write to about it. */
enum rc store_insert_request(struct tx *tx, const struct request_row *row) MUST_USE;

enum rc store_find_request(struct tx *tx, const char *request_id, bool *ret_known) MUST_USE;
/** The whole row; *ret_known false when there is none. */
enum rc store_get_request(struct tx *tx, const char *request_id, bool *ret_known,
                          struct request_row *ret_row) MUST_USE;

/** Notes that the agency is told something about a shipment or device; *ret_number is the notice's,
 * 0 when it was told before. */
enum rc store_insert_told(struct tx *tx, const char *request_id, const char *template_name,
                          const char *subject, int64_t *ret_number) MUST_USE;

/** Counts the end of an item. *ret_counted is false when the request is not known or the item ended
 *  before; *ret_row is filled otherwise. */
enum rc store_set_item_ended(struct tx *tx, const char *request_id, const struct item_row *item,
                             usec digest_due_at, bool *ret_counted,
                             struct request_row *ret_row) MUST_USE;

/** Takes up to `limit` requests whose digest is due; their ends are marked as told. */
enum rc store_claim_digests(struct tx *tx, int limit, struct request_row **ret_rows,
                            size_t *ret_count) MUST_USE;

/** Up to `limit` ends that came after the first `told` ones. */
enum rc store_list_ended_items(struct tx *tx, const char *request_id, int64_t told, int limit,
                               struct item_row **ret_rows, size_t *ret_count) MUST_USE;

/** What became of a notice that was queued: "handed", "delivered", "failed". `why` may be NULL.
 * Queued only, costs no round trip. */
enum rc store_insert_notice(struct tx *tx, const struct notice_key *key, const char *state,
                            const char *recipient, const char *why) MUST_USE;

/** What a receipt says: "delivered" or "failed". *ret_recipient is the masked recipient, "" when
 * the receipt came before our own row, NULL when the notice was settled before. */
enum rc store_set_notice_settled(struct tx *tx, const struct notice_key *key, const char *state,
                                 const char *why, const char **ret_recipient) MUST_USE;

struct unconfirmed_row {
    struct notice_key key;
    const char *recipient;
};
/** Gives up waiting for receipts of what was handed over before `handed_before`. */
enum rc store_claim_unconfirmed(struct tx *tx, usec handed_before, int limit,
                                struct unconfirmed_row **ret_rows, size_t *ret_count) MUST_USE;

/** Makes the partitions of this month and the next `months`. */
enum rc store_make_partitions(struct tx *tx, int months) MUST_USE;
