/* Certificate policies (CP) and certification practice statements (CPS), every version that was
 * published: what the policy qualifier of each certificate points to. Read once at start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

#define POLICIES_MAX 64
#define POLICY_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define POLICY_ETAG_CHARS 18

struct policy {
    const char *kind; /* "cp" or "cps"; static */
    unsigned version; /* 1 to 9999 */
    const char *content_type;
    char etag[POLICY_ETAG_CHARS + 1]; /* quoted */
    uint8_t sha256[32];
    struct bytes document;
};

struct policies {
    size_t count;
    struct policy *list; /* by kind, then by version */
    struct bytes index;  /* JSON, for GET /policies/ */
    char index_etag[POLICY_ETAG_CHARS + 1];
};

/** Reads <kind>-<version>.txt and .pdf of a folder; other files are left out. "": no documents.
 *  Everything lives in the arena. CONFIG_INVALID when the folder cannot be read, a document is
 *  empty or there twice, or there are too many; and as file_read(). */
enum rc policies_load(struct arena *arena, const char *directory, struct err *err,
                      struct policies *ret_policies) MUST_USE;

/** A document by its address: kind and version as they stand there, "cps" and "1". NULL: none. */
const struct policy *policies_find(const struct policies *policies, const char *kind,
                                   const char *version);

/** "cps-1.txt" → "cps", 1, "text/plain; charset=utf-8". False for any other name. */
bool policy_name_read(const char *name, const char **ret_kind, unsigned *ret_version,
                      const char **ret_content_type);
