/* What a post to intake brought, fetched over the bus. */
#pragma once

#include "common/svc.h"

/** Fetches part `number` of a post from intake whole (0: the document), size_bytes long (0: as long
 *  as intake says). In the arena; the digest is the caller's to check. RETRY PEER_UNAVAILABLE when
 *  intake is away or has something else; REJECT TOO_LARGE beyond DOCUMENT_MAX_BYTES. */
enum rc document_fetch(struct fx *fx, const char *request_id, uint32_t number, uint64_t size_bytes,
                       struct bytes *ret_file) MUST_USE;
