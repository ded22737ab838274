/* What the criteria are judged by, gathered once from outside: public HTTP as any relying party
 * sees it, bus calls as the operator, verified here by OpenSSL. */
#pragma once

#include "common/ossl.h"
#include "services/trienctl/audit_check.h"
#include "services/trienctl/trienctl.h"

#define EVIDENCE_MAX_CERTIFICATES 5000
#define EVIDENCE_MAX_LISTS 500
#define EVIDENCE_MAX_PROBES 20
#define EVIDENCE_MAX_TYPES 64
#define EVIDENCE_FRESH (2 * 60 * USEC_PER_SECOND) /* may be on its way into the journal */

struct evidence_where {
    const char *status_url, *audit_url; /* without a slash at the end */
    const char *root_file;              /* PEM of the root that people were given */
    const char *journal_key_file;
    usec revocation_limit; /* from receipt to revocation at most */
};

/* A certificate as signing has it. */
struct seen_certificate {
    const char *serial, *order_id, *issuer, *profile;
    X509 *x509;
    uint8_t key_sha256[32];
    int published; /* HTTP status of its public address; 0: not asked */
};

/* One OCSP exchange. */
struct seen_answer {
    const struct seen_certificate *of; /* NULL: a serial that was never issued */
    bool on_list;                      /* the public list has it */
    int http_status;
    int response_status; /* OCSP_RESPONSE_STATUS_…, -1: unreadable */
    bool is_basic, is_verified, is_delegated, has_nonce;
    const char *said;                                       /* "good", "revoked", "unknown", "" */
    bool names_it;                                          /* certID is the one asked for */
    usec this_update, next_update, produced_at, revoked_at; /* 0: absent */
    int reason;
};

struct seen_list { /* of ListRevocationLists, newest first */
    uint64_t number, entries;
    usec this_update, next_update;
    struct bytes sha256;
};

enum seen_kind { SEEN_ISSUED, SEEN_AUTHORIZED, SEEN_REVOKED, SEEN_ITEM, SEEN_DEVICE };
/* What the journal has of one certificate or item; sorted by (kind, name). */
struct seen_event {
    enum seen_kind kind;
    /* Serial of a certificate; SEEN_ITEM, SEEN_AUTHORIZED: item id; SEEN_DEVICE: "<item id> <device
     * serial>", the device that was assigned to the item. */
    const char *name;
    usec asked_at, at;    /* SEEN_AUTHORIZED: received, authorised; else the event's own time */
    const char *asked_by; /* SEEN_REVOKED: the item that asked for it, "" without one */
    const char *officer;  /* SEEN_REVOKED: who did it, "": no officer */
    const char *device;   /* SEEN_ISSUED: as SEEN_DEVICE is named; NULL without one */
    struct bytes csr_der; /* SEEN_ITEM */
    uint64_t sequence;
};

struct evidence {
    struct evidence_where where;
    usec at;
    const char *issuer; /* "issuing1" */

    struct err authorities_err;
    X509 *root, *issuing; /* as published */
    X509 *given_root;     /* of root_file; NULL when there is none */

    struct err certificates_err;
    struct seen_certificate *certificates;
    size_t certificate_count;
    bool more_certificates;

    struct err crl_err; /* the list anybody gets */
    X509_CRL *crl;
    struct err lists_err;
    struct seen_list lists[EVIDENCE_MAX_LISTS];
    size_t list_count;
    struct err oldest_err; /* the oldest list, fetched again */
    bool oldest_is_same;

    struct err ocsp_err;
    struct seen_answer answers[EVIDENCE_MAX_PROBES];
    size_t answer_count;
    int malformed_status; /* response status to bytes that are no request; -1: unreadable */

    struct err journal_err;
    struct audit_result journal;
    struct seen_event *events;
    size_t event_count;
    uint64_t
        events_beyond; /* more than could be kept: what is judged by them is not judged whole */
    struct {
        const char *name;
        uint64_t count;
    } types[EVIDENCE_MAX_TYPES];
    size_t type_count;
    uint64_t checkpoint_size;
    size_t proofs_tried, proofs_hold;
};

/** Gathers everything; what could not be had leaves its error. Free with evidence_free(). */
struct evidence *evidence_gather(const struct evidence_where *where);
void evidence_free(struct evidence **evidence);

/** The journal's event of this kind and name; NULL when there is none. */
const struct seen_event *evidence_find(const struct evidence *evidence, enum seen_kind kind,
                                       const char *name);

/** Issued a moment ago: what is said of it may still be on its way into the journal. */
bool evidence_is_fresh(const struct evidence *evidence, const struct seen_certificate *seen);

/* --- the parts, for evidence.c
 * -------------------------------------------------------------------- */
void evidence_ocsp(struct evidence *evidence);    /* evidence_ocsp.c */
void evidence_journal(struct evidence *evidence); /* evidence_journal.c */
void evidence_lists(struct evidence *evidence);   /* evidence_lists.c */

/** GET or POST with a short deadline. */
MUST_USE enum rc evidence_http(const char *url, struct bytes body, const char *content_type,
                               struct err *err, int *ret_status, struct bytes *ret_body);
