/* Statements of store.sql as functions. Texts and bytes handed out live as long as the message.
 * "Not found" is a value. */
#pragma once

#include "common/svc.h"
#include "services/signing/rules.h"

extern const struct db_statement store_statements[];

/* --- orders (store.c)
 * ------------------------------------------------------------------------------ */

struct order_row {
    struct order_id id;
    const char *state, *profile, *device_kind, *subscriber_name;
    usec created_at, expires_at; /* expires_at: only to insert */
    struct bytes item;           /* serialised ItemAuthorized */
    const char *device_serial;   /* assigned by courier; NULL before */
};

/** Queued; an order that is there stays as it is. */
enum rc store_insert_order(struct tx *tx, const struct order_row *order) MUST_USE;

enum rc store_find_order(struct tx *tx, const struct order_id *id, bool *ret_found,
                         struct order_row *ret_order) MUST_USE;

/** Orders in a state (NULL: any) of a request (NULL: any; then only awaiting_key can be asked). */
enum rc store_list_orders(struct tx *tx, const char *state, const uint8_t request_id[16], int limit,
                          struct order_row **ret_orders, size_t *ret_count) MUST_USE;

/** Orders that await a key and whose authorisation has expired; locked. */
enum rc store_list_expired(struct tx *tx, int limit, struct order_row **ret_orders,
                           size_t *ret_count) MUST_USE;

/** The device of an order that awaits its key; nothing when the order went on or a later assignment
 * is known. *ret_known false when there is no such order. */
enum rc store_set_device_assigned(struct tx *tx, const struct order_id *id,
                                  const char *device_serial, usec assigned_at,
                                  bool *ret_known) MUST_USE;

struct device_key {
    struct bytes csr_der, statement, signature;
    const char *key_id;
};

/** awaiting_key → preparing. *ret_moved false when the order awaits no key. */
enum rc store_set_device_key(struct tx *tx, const struct order_id *id, const struct device_key *key,
                             bool *ret_moved) MUST_USE;

/** The statement an order was given; n is 0 when it has none. */
enum rc store_find_statement(struct tx *tx, const struct order_id *id,
                             struct bytes *ret_statement) MUST_USE;

/** Whose a key is; NULL when it was never seen. */
enum rc store_find_key(struct tx *tx, struct bytes key_sha256,
                       const char **ret_lineage_id) MUST_USE;

struct intent {
    const char *order_id, *lineage_id, *issuer;
    struct bytes serial, key_sha256, tbs_der;
};

/** preparing → signing with key, serial and to-be-signed bytes, or nothing at all: *ret_mine false
 *  when the key is another lineage's, *ret_moved false when the order was not being prepared. */
enum rc store_set_prepared(struct tx *tx, const struct order_id *id, const struct intent *intent,
                           bool *ret_mine, bool *ret_moved) MUST_USE;

struct certificate_row {
    struct order_id id;
    struct bytes serial, certificate_der;
    const char *profile, *issuer;
    usec not_before, not_after; /* only to insert */
};

/** signing → issued; queued. */
enum rc store_set_issued(struct tx *tx, const struct certificate_row *certificate) MUST_USE;

/** Any state but the last ones → failed. *ret_moved false when the order has ended. */
enum rc store_set_failed(struct tx *tx, const struct order_id *id, const struct err *why,
                         bool *ret_moved) MUST_USE;

enum rc store_find_serial(struct tx *tx, struct bytes serial, const char **ret_order_id) MUST_USE;
enum rc store_find_certificate(struct tx *tx, const struct order_id *id, bool *ret_found,
                               struct certificate_row *ret_certificate) MUST_USE;
enum rc store_list_certificates(struct tx *tx, const struct order_id *after, int limit,
                                struct certificate_row **ret_rows, size_t *ret_count) MUST_USE;
enum rc store_make_partitions(struct tx *tx, int months) MUST_USE;

/* --- responders (store_responder.c)
 * ------------------------------------------------------------------ */

struct approval_row {
    struct bytes sha256, key_sha256, approval, signature, csr_der;
    const char *key_id, *issuer;
    usec expires_at;
};

enum rc store_insert_approval(struct tx *tx, const struct approval_row *approval) MUST_USE;

/** Officers of one approval, in the order of approving: key_id, signature, approval, csr_der. */
enum rc store_list_approvals(struct tx *tx, struct bytes sha256, struct approval_row **ret_rows,
                             size_t *ret_count) MUST_USE;

/** Digests of approvals that a certificate is due for. */
enum rc store_list_responders_due(struct tx *tx, struct bytes **ret_digests,
                                  size_t *ret_count) MUST_USE;
enum rc store_count_responder_orders(struct tx *tx, const char *issuer, struct bytes key_sha256,
                                     int64_t *ret_count) MUST_USE;

struct responder_order {
    const char *order_id, *issuer, *lineage_id;
    struct bytes key_sha256, approval_sha256, serial, tbs_der;
    usec not_before, not_after;
};

/** *ret_mine false when the key is another lineage's: then nothing is stored. */
enum rc store_insert_responder_order(struct tx *tx, const struct responder_order *order,
                                     bool *ret_mine) MUST_USE;
enum rc store_set_responder_issued(struct tx *tx, const char *order_id,
                                   struct bytes certificate_der) MUST_USE;
enum rc store_set_responder_failed(struct tx *tx, const char *order_id,
                                   const struct err *why) MUST_USE;

/** The youngest valid certificate of a key; n is 0 when there is none. */
enum rc store_find_responder(struct tx *tx, const char *issuer, struct bytes key_sha256,
                             struct bytes *ret_certificate_der) MUST_USE;
enum rc store_count_responder_approvals(struct tx *tx, const char *issuer, struct bytes key_sha256,
                                        int64_t *ret_count) MUST_USE;
