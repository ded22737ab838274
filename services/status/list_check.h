/* A revocation list judged while it passes: its digest, its signature, whose it is and when. It may
 * be of any length; what is held is its beginning's meaning and its end. Pure. */
#pragma once

#include "common/ossl.h"
#include "common/x509.h"
#include "services/status/authority.h"

#define LIST_CHECK_END_BYTES 2048 /* signature algorithm and signature */

struct list_check {
    const struct authority *authority;
    uint64_t size, at; /* of the list; how far it has passed */
    uint64_t tbs_begins, tbs_ends;
    EVP_MD_CTX *whole, *signature;
    uint8_t algorithm[64]; /* AlgorithmIdentifier inside; the one outside is the same */
    size_t algorithm_bytes;
    uint8_t end[LIST_CHECK_END_BYTES]; /* what follows the to-be-signed bytes */
    size_t end_bytes;
    usec this_update, next_update;
};

/** A list of `size` bytes is going to pass. Done with list_check_done(). */
void list_check_init(struct list_check *check, const struct authority *authority, uint64_t size);
void list_check_done(struct list_check *check);

/** The next bytes. The first ones reach behind nextUpdate. REJECT MALFORMED: no list of this
 *  authority. */
enum rc list_check_add(struct list_check *check, struct bytes part, struct err *err) MUST_USE;

/** All has passed: size and digest are as announced, and the authority's key signed it. REJECT
 *  MALFORMED otherwise. Then the times are the list's own. */
enum rc list_check_end(struct list_check *check, struct bytes sha256, struct err *err) MUST_USE;
