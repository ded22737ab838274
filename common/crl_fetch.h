/* Fetching revocation lists: from the places the configuration names, and from those that
 * certificates name. What comes is bytes; trust.h judges them. */
#pragma once

#include "common/arena.h"
#include "common/bytes.h"
#include "common/conf.h"

struct crl_places {
    const struct conf_node *configured; /* <name> = "<url>" each; NULL: none */
    int timeout_ms;
};

/** The list at a URL as DER, in the arena; a PEM file is decoded. Files are read only where the
 *  configuration names them, never because a certificate does. Limit: TRUST_MAX_CRL_BYTES. REJECT
 *  UNSUPPORTED_TYPE for a URL that cannot be used, NOT_FOUND with the HTTP status; else as
 *  fetch_http(). Effects only. */
enum rc crl_fetch(const struct crl_places *places, const char *url, struct arena *arena,
                  struct err *err, struct bytes *ret_der) MUST_USE;
