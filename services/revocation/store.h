/* Statements of store.sql as functions. Texts and bytes handed out live as long as the message. */
#pragma once

#include "common/svc.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "services/revocation/tbs_list.h"

extern const struct db_statement store_statements[];

/* --- certificates (store.c) --------------------------------------------------------------------
 */

struct certificate_row {
    const char *serial, *issuer, *lineage_id, *certificate_request_id, *organ_id, *profile;
    const char *device_serial, *subscriber_name; /* NULL: none */
    usec not_after;
    const char *state;
    /* of a revoked one: */
    usec revoked_at;
    uint32_t reason;
    const char *cause;
};

MUST_USE enum rc store_insert_certificate(struct tx *tx, const Trien__CertificateIssued *event);

/** Locks the row until the end of the transaction; *ret_found false when the serial is unknown. */
MUST_USE enum rc store_lock_certificate(struct tx *tx, const char *serial, bool *ret_found,
                                        struct certificate_row *ret_row);
MUST_USE enum rc store_find_certificate(struct tx *tx, const char *serial, bool *ret_found,
                                        struct certificate_row *ret_row);

struct revocation_order;
/** The locked row is revoked at tx->now. */
MUST_USE enum rc store_set_revoked(struct tx *tx, const char *serial,
                                   const struct revocation_order *order);

/** How many certificates this officer revoked after `since`. Until the transaction ends no other
 * call of the same officer is counted. */
MUST_USE enum rc store_count_revoked_by(struct tx *tx, const char *principal, usec since,
                                        int64_t *ret_count);

/** Ends up to `limit` valid certificates whose last second was before `ended`. */
MUST_USE enum rc store_set_expired(struct tx *tx, usec ended, int32_t limit, size_t *ret_count,
                                   struct certificate_row **ret_rows);

/** Makes partitions for this month and the next ones. */
MUST_USE enum rc store_make_partitions(struct tx *tx, int32_t months);

/* --- lists (store_list.c) ----------------------------------------------------------------------
 */

/* Where an issuer stands. */
struct issuer_row {
    bool number_known; /* last_number is the signer's */
    uint64_t last_number;
    bool writing;       /* a list is on its way to the signer … */
    bool signing;       /* … and the effect that sees to it is there */
    bool refused;       /* the newest one was refused */
    usec planned_at;    /* of the newest list, signed or not; 0: none */
    usec issued_update; /* thisUpdate of the newest issued list; 0: none */
    usec issued_until;  /* its nextUpdate */
    uint64_t issued_bytes;
    bool unlisted;    /* a revocation is on no list yet */
    int64_t asked;    /* how often the number had to be asked for */
    uint64_t behind;  /* the signer's number, beyond all that this database knows; 0: it is not */
    usec listed_from; /* certificates that ended before are on no page any more */
};

/** Locks the issuer's row, makes it when it is the first time. */
MUST_USE enum rc store_lock_issuer(struct tx *tx, const char *issuer, struct issuer_row *ret_row);
/** The signer's newest number. Lists go on from it, unless it is beyond ours: *ret_behind. */
MUST_USE enum rc store_set_signers_number(struct tx *tx, const char *issuer, uint64_t number,
                                          bool *ret_behind);
/** Lists go on from the number by which the signer is ahead; *ret_accepted false when it is not. */
MUST_USE enum rc store_set_number_accepted(struct tx *tx, const char *issuer, uint64_t number,
                                           bool *ret_accepted);
#define ISSUER_ANY_NUMBER UINT64_MAX
/** The number has to be asked for again before the next list; what is known here goes no further
 *  than `not_beyond`. Queued. */
MUST_USE enum rc store_set_number_unknown(struct tx *tx, const char *issuer, uint64_t not_beyond);

/* --- their entries, in pages (store_page.c) ----------------------------------------------------
 */

/** Up to `limit` revocations of the issuer that are on no list so far are on list `number` from now
 *  on; the names of the pages in which they lie. *ret_ends is when the first of
 *  their certificates ends, INT64_MAX when there is none. */
MUST_USE enum rc store_take_fresh(struct tx *tx, const char *issuer, uint64_t number, int32_t limit,
                                  size_t *ret_count, const char *const **ret_buckets,
                                  usec *ret_ends);
/** Pages with certificates that ended at `from` or later, but before `to`. */
MUST_USE enum rc store_list_left(struct tx *tx, const char *issuer, usec from, usec to,
                                 size_t *ret_count, const char *const **ret_buckets);
MUST_USE enum rc store_set_listed_from(struct tx *tx, const char *issuer, usec listed_from);

struct page_entry {
    const char *bucket;
    struct tbs_entry entry;
};
/* Some pages of a list. */
struct page_names {
    const char *issuer;
    uint64_t number; /* of the list */
    const char *const *buckets;
    size_t count;
};
/** What stands in these pages: certificates that ended at `from` or later or that no list carried
 *  before, in the list's order. */
MUST_USE enum rc store_list_entries(struct tx *tx, const struct page_names *pages, usec from,
                                    size_t *ret_count, struct page_entry **ret_entries);

/** Writes them; arrays beside the names. */
MUST_USE enum rc store_set_pages(struct tx *tx, const struct page_names *pages,
                                 const int32_t *entries, const struct bytes *entries_der);
/** All pages together. */
MUST_USE enum rc store_sum_pages(struct tx *tx, const char *issuer, uint64_t *ret_entries,
                                 uint64_t *ret_bytes);
/** Bytes of the entries of list `number` from `offset` on, to the end of a page, `size` at most
 *  unless the first page is longer (it is cut then). */
MUST_USE enum rc store_get_entries(struct tx *tx, const char *issuer, uint64_t number,
                                   uint64_t offset, size_t size, struct bytes *ret_part);

/* --- lists (store_list.c) ----------------------------------------------------------------------
 */

struct list_row {
    const char *issuer;
    uint64_t number;
    usec this_update, next_update;
    uint64_t entries, size_bytes;
    struct bytes sha256; /* of the list; n 0 before it was issued */
    uint64_t entries_bytes;
    struct bytes signature, tbs_sha256; /* signature n 0: a list from before there were pages */
    const uint8_t *list_id;
};
/** Writes the list down, in place of a refused one of its number. */
MUST_USE enum rc store_insert_list(struct tx *tx, const struct list_row *list);
/** *ret_issued false: this list is not the one on its way, so nothing is changed. */
MUST_USE enum rc store_set_list_issued(struct tx *tx, const struct list_row *list,
                                       bool *ret_issued);
MUST_USE enum rc store_set_list_refused(struct tx *tx, const char *issuer, uint64_t number,
                                        const struct err *why);

/** An issued list; the newest when `number` is 0. */
MUST_USE enum rc store_get_list(struct tx *tx, const char *issuer, uint64_t number, bool *ret_found,
                                struct list_row *ret_row);
/** The list that is on its way to the signer, when it has this number (0: any). */
MUST_USE enum rc store_get_written(struct tx *tx, const char *issuer, uint64_t number,
                                   bool *ret_found, struct list_row *ret_row);
/** Bytes of a list from before there were pages. */
MUST_USE enum rc store_get_body(struct tx *tx, const uint8_t list_id[16], uint64_t offset,
                                uint32_t size, struct bytes *ret_chunk);
/** Issued lists below `before` (0: all), newest first. */
MUST_USE enum rc store_list_lists(struct tx *tx, const char *issuer, uint64_t before, int32_t limit,
                                  size_t *ret_count, struct list_row **ret_rows);
