/* Full revocation lists in DER (RFC 5280 5), written by ourselves: to-be-signed bytes from rows,
 * the whole list from bytes and signature. Pure. */
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

struct tbs_list {
    const struct x509_ca *issuer;
    uint64_t number;
    usec this_update, next_update;
    size_t entry_count;              /* 0: revokedCertificates is absent */
    const struct tbs_entry *entries; /* ascending by serial number */
};

/** TBSCertList, version 2, with authorityKeyIdentifier and cRLNumber; no entry or extension is
 *  critical. In the arena. */
struct bytes tbs_list_write(struct arena *arena, const struct tbs_list *list);

/** CertificateList from to-be-signed bytes and the content of the signature's BIT STRING. REJECT
 *  ANSWER_MISMATCH unless it verifies and parses back as what was asked for. In the arena. */
enum rc tbs_list_assemble(const struct x509_ca *issuer, struct bytes tbs, struct bytes signature,
                          struct arena *arena, struct err *err, struct bytes *ret_crl) MUST_USE;
