/* The to-be-signed revocation list: its fields as they stand in the bytes (RFC 5280 5.1.2), and
 * what the signer demands of them. */
#pragma once

#include "services/signer/list_entries.h"
#include "services/signer/rules.h"

/* The largest to-be-signed list, or part of one, that is looked at: what a call can carry, less its
 * frame. Entries that come in parts beforehand may be so many bytes in all (millions of them). */
#define LIST_MAX_TBS_BYTES (((size_t)2 * 1024 - 64) * 1024)
#define LIST_MAX_ENTRIES_BYTES ((uint64_t)512 * 1024 * 1024)

/* No list promises more than this (nextUpdate - thisUpdate), and none is signed whose thisUpdate
 * is older: the caller may have waited for the token. */
#define LIST_MAX_LIFETIME (INT64_C(31) * USEC_PER_DAY)
#define LIST_MAX_AGE USEC_PER_DAY

typedef struct {
    ASN1_INTEGER *version; /* NULL: version 1 */
    X509_ALGOR *algorithm;
    X509_NAME *issuer;
    ASN1_TIME *this_update, *next_update; /* next_update NULL: absent */
    STACK_OF(X509_EXTENSION) * extensions;
} TBS_CERT_LIST;

struct list {
    struct bytes before, after; /* the fields before revokedCertificates, and behind them, in DER */
    bool has_entries;
    struct bytes entries;  /* the content of revokedCertificates */
    TBS_CERT_LIST *fields; /* without the entries; freed with the arena */
    struct bytes issuer_der;
    usec this_update, next_update; /* next_update 0: absent */
};

/** Parses a TBSCertList that is exactly DER, but for its entries (list_entries.h). REJECT
 *  SIGNER_LIMIT otherwise. */
enum rc list_parse(struct bytes der, struct arena *arena, struct err *err,
                   struct list *ret_list) MUST_USE;

/* What every question about a list is asked about. */
struct list_question {
    const Trien__SignCrl *call;
    const struct x509_ca *issuer;
    const struct list *list;
    usec now;
    struct arena *arena;
};

struct list_rule {
    const char *name;                                    /* stands in err->field */
    bool (*holds)(const struct list_question *question); /* NULL: a question about entries */
    const char *otherwise;
};

/** Reads these entries on behind those read before. REJECT SIGNER_LIMIT with the rule. */
enum rc list_check_entries(struct list_entries *entries, struct bytes der,
                           struct err *err) MUST_USE;

/** The call's own form: issuer's name, number, size. Needs no key. REJECT. */
enum rc list_check_form(const Trien__SignCrl *call, struct err *err) MUST_USE;

/** Everything on one list: form, issuer, bytes, questions. REJECT with code, field (the rule) and
 *  detail. */
enum rc list_check(const Trien__SignCrl *call, const struct x509_ca *issuers, size_t issuer_count,
                   usec now, struct arena *arena, struct err *err,
                   struct list_question *ret_question) MUST_USE;

/* Questions about extensions (list_extension.c). */
bool list_rule_extensions_known(const struct list_question *q);
bool list_rule_authority_key_is_issuers(const struct list_question *q);
bool list_rule_number_as_called(const struct list_question *q);
