/* The certificates of our authorities, by generation: read once at start from the folder that the
 * key ceremony wrote. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "services/status/ocsp_request.h"

#define AUTHORITY_MAX 32
#define AUTHORITY_MAX_CRL_BYTES ((size_t)1024 * 1024 * 1024)
#define AUTHORITY_MAX_FILE_BYTES ((size_t)16 * 1024 * 1024) /* of a list from a ceremony */

struct authority {
    const char *id; /* "issuing1" */
    struct bytes der, pem;
    usec not_before, not_after;
    uint8_t name_hash[2][32], key_hash[2][32]; /* by enum ocsp_hash, as CertIDs have them */
    char etag[24];                             /* quoted */
};

struct authorities {
    const char *directory;
    size_t count;
    struct authority list[AUTHORITY_MAX];
    const char *root, *issuing; /* ids the aliases stand for */
};

/** Reads every <id>.pem of the folder (the first certificate of each); files that hold no
 * authority's certificate are left out. Everything lives in the arena. CONFIG_INVALID when there is
 * none, or an alias names none. */
enum rc authorities_load(struct arena *arena, const char *directory, const char *root,
                         const char *issuing, struct err *err,
                         struct authorities *ret_authorities) MUST_USE;

/** The authority with this id or alias ("root", "issuing"); NULL when there is none. */
const struct authority *authorities_find(const struct authorities *authorities, const char *id);

/** The CertID names this authority as the issuer. */
bool authority_is_issuer(const struct authority *authority, const struct ocsp_certid *id);

/** <directory>/<id>.crl as it is now, in the arena; n is 0 when there is none. The times are the
 *  CRL's own. */
enum rc authority_crl(const struct authorities *authorities, const struct authority *authority,
                      struct arena *arena, struct err *err, struct bytes *ret_der,
                      usec *ret_this_update, usec *ret_next_update) MUST_USE;
