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
    bool unlisted;      /* a revocation is on no list yet */
    int64_t asked;      /* how often the number had to be asked for */
};

/** Locks the issuer's row, makes it when it is the first time. */
MUST_USE enum rc store_lock_issuer(struct tx *tx, const char *issuer, struct issuer_row *ret_row);
/** The signer's newest number; a list may be planned with the next one. */
MUST_USE enum rc store_set_number(struct tx *tx, const char *issuer, uint64_t number);
/** The number has to be asked for again before the next list. */
MUST_USE enum rc store_set_number_unknown(struct tx *tx, const char *issuer);

/** Revoked certificates of the issuer that ended at `from` or later, ascending by serial; those on
 *  no list so far are on list `number` from now on. */
MUST_USE enum rc store_take_entries(struct tx *tx, const char *issuer, uint64_t number, usec from,
                                    size_t *ret_count, struct tbs_entry **ret_entries);

struct list_row {
    const char *issuer;
    uint64_t number;
    usec this_update, next_update;
    uint64_t entries, size_bytes;
    struct bytes sha256; /* of the list; n 0 before it was issued */
};
/** Writes the list down, in place of a refused one of its number. */
MUST_USE enum rc store_insert_list(struct tx *tx, const struct list_row *list,
                                   struct bytes tbs_sha256);
MUST_USE enum rc store_set_list_issued(struct tx *tx, const struct list_row *list,
                                       struct bytes crl_der);
MUST_USE enum rc store_set_list_refused(struct tx *tx, const char *issuer, uint64_t number,
                                        const struct err *why);

/** An issued list; the newest when `number` is 0. *ret_chunk from `offset`, `size` at most. */
MUST_USE enum rc store_get_list(struct tx *tx, const char *issuer, uint64_t number, uint64_t offset,
                                uint32_t size, bool *ret_found, struct list_row *ret_row,
                                struct bytes *ret_chunk);
/** Issued lists below `before` (0: all), newest first. */
MUST_USE enum rc store_list_lists(struct tx *tx, const char *issuer, uint64_t before, int32_t limit,
                                  size_t *ret_count, struct list_row **ret_rows);
