/* Revocation lists that come in parts: a list is longer than a call can be, and what is kept of it
 * here is a digest, the last serial number, and how far it has come. So a list of millions of
 * entries costs the signer no more memory than an empty one, and what it signs is the digest of
 * what it has itself seen and found right. */
#pragma once

#include "services/signer/list.h"

struct list_streams;

/** Room for one list an issuer; in the arena. */
struct list_streams *list_streams_new(struct arena *arena);
void list_streams_done(struct list_streams *streams);

/* A part and what it is held against. */
struct list_part {
    const Trien__AddCrlEntries *call;
    const struct x509_ca *issuers;
    size_t issuer_count;
    usec now;
};

/** Checks and takes the part when it is the next one of its list, or its first; *ret_held is how
 *  many bytes of entries are here afterwards. A part that is not the next one changes nothing.
 *  REJECT as list_check() and list_check_entries(); what came before is forgotten then. */
enum rc list_streams_add(struct list_streams *streams, const struct list_part *part,
                         struct arena *arena, struct err *err, uint64_t *ret_held) MUST_USE;

/** The SHA-256 of the whole to-be-signed list, when all entries of exactly this list are here. */
bool list_streams_digest(struct list_streams *streams, const Trien__SignCrl *call,
                         uint8_t ret_digest[32]);
