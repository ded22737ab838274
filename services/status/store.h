/* status' tables, one function per statement of store.sql. */
#pragma once

#include <stdbool.h>

#include "common/svc.h"
#include "services/status/ocsp_answer.h"

extern const struct db_statement store_statements[];

struct certificate_row {
    const char *issuer;
    struct bytes serial; /* magnitude without leading zeros */
    const char *lineage_id;
    usec not_after;
    struct bytes certificate_der;
};

/** Stores an issued certificate with status good. */
enum rc store_insert_certificate(struct tx *tx, const struct certificate_row *row) MUST_USE;

/** Says revoked from now on, once and for all; *ret_known false when there is no such certificate.
 */
enum rc store_set_revoked(struct tx *tx, const char *issuer, struct bytes serial, usec revoked_at,
                          uint32_t reason, bool *ret_known) MUST_USE;

/* The newest revocation list of an issuer. */
struct list_row {
    const char *issuer;
    int64_t number;
    usec this_update, next_update;
    struct bytes sha256;
    uint64_t size_bytes;
};
/** Stores it unless a newer one is there. */
enum rc store_set_list(struct tx *tx, const struct list_row *list) MUST_USE;
/** *ret_found false when there is none. */
enum rc store_find_list(struct tx *tx, const char *issuer, bool *ret_found,
                        struct list_row *ret_list) MUST_USE;
/** A list's bytes lie in parts, each known by where it begins. */
enum rc store_insert_part(struct tx *tx, const char *issuer, int64_t number, uint64_t begins,
                          struct bytes der) MUST_USE;
#define STORE_PART_ARENA_BYTES ((size_t)8 * 1024 * 1024) /* room to look at one part apart */
/** n 0: there is none, or a newer list has replaced it. */
enum rc store_get_part(struct tx *tx, const char *issuer, int64_t number, uint64_t begins,
                       struct bytes *ret_der) MUST_USE;
/** Forgets the parts of lists up to this number, but not of the one that is given out. */
enum rc store_delete_parts(struct tx *tx, const char *issuer, int64_t number) MUST_USE;

/* What OCSP may say about one serial. */
struct status_row {
    bool known;   /* false: never issued, as far as we know */
    bool blocked; /* an event that is or may be about it waits to be applied: nothing may be said */
    const char *lineage_id;
    struct ocsp_fact fact;
};

/** One row per serial, in the order of the array. */
enum rc store_list_status(struct tx *tx, const char *issuer, const struct bytes *serials,
                          size_t count, struct status_row *ret_rows) MUST_USE;

/** The published certificate; n is 0 when there is none. */
enum rc store_find_published(struct tx *tx, const char *const *issuers, size_t issuer_count,
                             struct bytes serial, struct bytes *ret_der,
                             usec *ret_published_at) MUST_USE;

/** The moment up to which both feeds are known to be applied; 0: not known. */
enum rc store_find_feed_heard(struct tx *tx, usec *ret_heard_at) MUST_USE;

/** See store.sql: the two belong together, in this order. */
enum rc store_find_watermark(struct tx *tx, int64_t *ret_watermark) MUST_USE;
struct change_row {
    const char *issuer;
    struct bytes serial;
};
enum rc store_list_changes(struct tx *tx, int64_t watermark, int limit,
                           struct change_row **ret_rows, size_t *ret_count) MUST_USE;

/** Up to `limit` lineages with events that could not be applied. */
enum rc store_list_blocked(struct tx *tx, int limit, const char ***ret_lineages,
                           size_t *ret_count) MUST_USE;

struct responder_row {
    const char *issuer;
    struct bytes certificate_der;
    usec not_before, not_after;
};
enum rc store_list_responder_certificates(struct tx *tx, const uint8_t key_sha256[32],
                                          struct responder_row **ret_rows,
                                          size_t *ret_count) MUST_USE;
enum rc store_insert_responder_certificate(struct tx *tx, const uint8_t key_sha256[32],
                                           const struct responder_row *row) MUST_USE;

/** Makes the partitions of certificates that end in this year or in the next `years`. */
enum rc store_make_partitions(struct tx *tx, int years) MUST_USE;
