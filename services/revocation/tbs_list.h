/* Full revocation lists in DER (RFC 5280 5), written by ourselves: entries from rows, and what
 * stands around them. A list is never whole in memory: it is a beginning, its entries, an end.
 * Pure. */
#pragma once

#include "common/arena.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/x509_ca.h"

struct tbs_entry {
    const char *serial; /* hex */
    usec revoked_at;
    uint32_t reason;    /* CRLReason; 0 (unspecified) is left out (RFC 5280 5.3.1) */
    usec invalidity_at; /* 0: none (5.3.2) */
};

/** No entry is longer. */
#define TBS_ENTRY_MAX_BYTES 96

/** Writes one element of revokedCertificates; how many bytes. No extension of it is critical. */
size_t tbs_entry_write(const struct tbs_entry *entry, uint8_t ret_der[TBS_ENTRY_MAX_BYTES]);

struct tbs_list {
    const struct x509_ca *issuer;
    uint64_t number;
    usec this_update, next_update;
    uint64_t entries_bytes; /* of all its entries, ascending by serial; 0: the field is absent */
};

/** TBSCertList, version 2, with authorityKeyIdentifier and cRLNumber, none critical, but without
 *  its entries: what the signer is told of a list whose entries come in parts. In the arena. */
struct bytes tbs_list_bare(struct arena *arena, const struct tbs_list *list);

/* What stands before the first entry and behind the last one. */
struct tbs_edges {
    struct bytes before, after;
};

/** Of the TBSCertList. */
struct tbs_edges tbs_list_edges(struct arena *arena, const struct tbs_list *list);

/** Of the CertificateList with the content of its signature's BIT STRING. */
struct tbs_edges tbs_list_signed_edges(struct arena *arena, const struct tbs_list *list,
                                       struct bytes signature);
