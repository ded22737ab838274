/* Statements of store.sql as functions. Texts and bytes handed out live as long as the message. */
#pragma once

#include "common/svc.h"
#include "proto/intake.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"
#include "services/validation/calendar.h"

/* --- requests (store.c)
 * --------------------------------------------------------------------------- */

MUST_USE enum rc store_insert_request(struct tx *tx, const uint8_t request_id[16],
                                      const Trien__RequestSubmitted *event);

/* What the registry knows about a document: one row of answers. */
struct facts {
    int64_t version, crl_version;
    const char *calendar_version; /* "" when no calendar was loaded */
    bool agency_known;
    const char *agency_name, *province;
    bool has_valid_from, has_valid_to;
    civil_day valid_from, valid_to;
    const char *roles;         /* of the signers in order: 's' seal, 'o' officer, '-' nobody */
    const char *first_receipt; /* of the request that came first with this document; NULL: none */
    size_t contact_count;
    Trien__Contact **contacts;
};

/** Everything a decision asks of the database. `number_key` is rule_document_key()'s; "" when the
 *  document has no number that could be read. */
MUST_USE enum rc store_get_facts(struct tx *tx, const Trien__ExaminedDocument *examined, int year,
                                 const char *number_key, struct facts *ret_facts);

/** Claims (agency, year, number) for the request; when another has it by then, the transaction
 * fails with DATABASE_CONFLICT and is tried again. */
MUST_USE enum rc store_claim_document(struct tx *tx, const char *organ_id, int year,
                                      const char *number_key, const uint8_t request_id[16],
                                      const char *receipt_number);

/* A certificate of the registry. */
struct certificate_row {
    const char *serial;
    const char *organ_id; /* NULL: the certificate is not known */
    const char *state;    /* valid, revoked, expired */
    const char *profile, *subscriber_name, *device_kind;
    const char *device_serial; /* NULL: none */
};
/* What the registry knows about the certificates a document names. */
struct certificate_facts {
    size_t count; /* rows, as many as items; 0 when the form names none */
    struct certificate_row *rows;
    usec followed_to; /* all that signing had said by then is known; 0: never */
    size_t roles_count;
    const char **enclosed_roles; /* of each enclosure's signers, as in struct facts */
};

/** Fills rows and followed_to. store_certificates.c, as the next ones. */
MUST_USE enum rc store_get_certificates(struct tx *tx, const Trien__ExaminedDocument *examined,
                                        struct certificate_facts *facts);
/** The roles of an enclosure's signers in an agency. */
MUST_USE enum rc store_get_roles(struct tx *tx, const char *organ_id,
                                 const Trien__ExaminedEnclosure *enclosure, const char **ret_roles);
/** Its agency is its request's, its device kind its item's. */
MUST_USE enum rc store_insert_certificate(struct tx *tx, const uint8_t request_id[16],
                                          int32_t item_number,
                                          const Trien__CertificateIssued *event);
/** *ret_known: the certificate is in the registry. A state that is final stays. */
MUST_USE enum rc store_set_certificate_state(struct tx *tx, const char *serial, const char *state,
                                             bool *ret_known);

/* What is written down of a decision. */
struct decision {
    const uint8_t *request_id;
    const Trien__ExaminedDocument *examined;
    const char *signers;      /* digests in hexadecimal, separated by spaces */
    const char *remarks_json; /* NULL: none */
    const char *reasons_json; /* of a refusal */
    struct due due;           /* of an acceptance */
    const char *calendar_version;
};

MUST_USE enum rc store_set_accepted(struct tx *tx, const struct decision *decision);
MUST_USE enum rc store_set_rejected(struct tx *tx, const struct decision *decision);

/** Makes partitions for this month and the next ones. */
MUST_USE enum rc store_make_partitions(struct tx *tx, int32_t months);

/* --- waiting, revocation lists (store_crl.c)
 * -------------------------------------------------------- */

/** The request waits for a list after so many examinations, the last with these lists. */
MUST_USE enum rc store_insert_waiting(struct tx *tx, const uint8_t request_id[16],
                                      const char *issuer, int64_t crl_version, uint32_t round);

/** One request whose officers have decided, to be examined again. REJECT WRONG_STATE when it does
 * not wait. */
enum rc store_wake_reviewed(struct tx *tx, const uint8_t request_id[16],
                            Trien__ExamineDocument **ret_request) MUST_USE;

/** Takes up to `limit` requests that can be examined again; each is a filled intent. */
MUST_USE enum rc store_wake_waiting(struct tx *tx, int32_t limit, size_t *ret_count,
                                    Trien__ExamineDocument **ret_requests);

struct waiting_count {
    int64_t for_lists, for_officers;
    usec for_lists_since, for_officers_since; /* the oldest; 0 when there is none */
};
MUST_USE enum rc store_count_waiting(struct tx *tx, struct waiting_count *ret_count);

MUST_USE enum rc store_insert_sources(struct tx *tx, const char *const *urls, size_t count);
/** The list at this place is wanted now, unless it was tried within the last `pause` microseconds.
 */
MUST_USE enum rc store_set_source_due(struct tx *tx, const char *url, struct bytes issuer_sha256,
                                      usec pause);
/** Places whose time has come; their next time is set. */
MUST_USE enum rc store_list_due_sources(struct tx *tx, usec period, usec retry, size_t *ret_count,
                                        const char ***ret_urls);
MUST_USE enum rc store_set_source_fetched(struct tx *tx, const char *url,
                                          struct bytes issuer_sha256, const char *error);

/* The list of an authority as it is stored. */
struct crl_row {
    bool found;
    struct bytes sha256;
    const char *number;
    usec this_update;
};
/** Locks the row until the end of the transaction. */
MUST_USE enum rc store_find_crl(struct tx *tx, struct bytes issuer_sha256, struct crl_row *ret_row);
/** Replaces the list and counts the knowledge on. */
MUST_USE enum rc store_set_crl(struct tx *tx, const Trien__FetchedCrl *crl, const char *url);

struct crl_listed {
    const char *url;
    struct bytes issuer_sha256, sha256; /* n 0: not fetched yet */
    const char *number, *last_error;    /* "" */
    usec this_update, next_update, fetched_at;
};
MUST_USE enum rc store_list_crls(struct tx *tx, size_t *ret_count, struct crl_listed **ret_rows);
MUST_USE enum rc store_get_crl(struct tx *tx, struct bytes sha256, struct bytes *ret_der);

/* --- knowledge, registry, calendar (store_registry.c)
 * ----------------------------------------------- */

struct knowledge_row {
    int64_t version, crl_version;
    const char *calendar_version; /* "" when none */
};
MUST_USE enum rc store_get_knowledge(struct tx *tx, struct knowledge_row *ret_row);

/** Digests of the signers added or changed after a version. */
MUST_USE enum rc store_list_signers_since(struct tx *tx, int64_t version, size_t *ret_count,
                                          struct bytes **ret_digests);

/* A signer about to be registered; parsed and judged. */
struct new_signer {
    struct bytes certificate_der, sha256;
    const char *role, *subject;
    usec not_after;
};
/** Writes the agency with its contacts and adds the signers; *ret_created when it is new. */
MUST_USE enum rc store_set_agency(struct tx *tx, const Trien__Agency *agency,
                                  const struct new_signer *signers, bool *ret_created);

/** The signer signs for the agency no more. *ret_known: it is one of the agency's;
 * *ret_was_withdrawn: and was withdrawn before. */
MUST_USE enum rc store_set_signer_withdrawn(struct tx *tx, const char *organ_id,
                                            struct bytes sha256, bool *ret_known,
                                            bool *ret_was_withdrawn);

/** Agencies with contacts and signers: one (organ_id) or those after `after`, `limit` at most. */
MUST_USE enum rc store_list_agencies(struct tx *tx, const char *organ_id, const char *after,
                                     int32_t limit, size_t *ret_count, Trien__Agency ***ret_rows);

/** Stores a calendar under its version and puts it in force; *ret_created when it is new. */
MUST_USE enum rc store_set_calendar(struct tx *tx, const struct calendar *calendar,
                                    bool *ret_created);
/** The days of a version, ascending; names and sources are left out. */
MUST_USE enum rc store_list_calendar_days(struct tx *tx, const char *version, size_t *ret_count,
                                          struct calendar_day **ret_days);

/* --- reviews (store_review.c) ------------------------------------------------------------------
 */

struct review_vote {
    const char *officer, *note;
    bool approves;
    usec voted_at;
};
struct review_votes {
    struct review_vote *rows;
    size_t count;
};
struct review_row {
    uint8_t request_id[16];
    const char *receipt_number; /* only when listed */
    const char *form, *organ_id, *agency_name, *document_number, *document_date;
    int32_t item_count;
    usec asked_at;
};

/** Writes a review down, once; its request waits for officers after so many examinations. */
enum rc store_insert_review(struct tx *tx, const struct review_row *review,
                            uint32_t round) MUST_USE;

/** Locks a review that is open; false when it is not. */
enum rc store_lock_review(struct tx *tx, const uint8_t request_id[16], bool *ret_open) MUST_USE;

enum rc store_insert_vote(struct tx *tx, const uint8_t request_id[16],
                          const struct review_vote *vote) MUST_USE;

/** What the officers said, in their order. */
enum rc store_list_votes(struct tx *tx, const uint8_t request_id[16],
                         struct review_votes *ret_votes) MUST_USE;

/** The open ones, the oldest first and 200 at most; or (request_id not NULL) one. */
enum rc store_list_reviews(struct tx *tx, const uint8_t *request_id, size_t *ret_count,
                           struct review_row **ret_reviews) MUST_USE;
