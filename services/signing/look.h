/* The second look: signing fetches the signed document itself and believes nothing that is not in
 * it. The verdict on a document with several subscribers is kept for their orders. */
#pragma once

#include <jansson.h>

#include "common/svc.h"

struct look_cache; /* the last few documents with more than one subscriber; thread-safe */

/** FATAL INTERNAL when memory is out. */
enum rc look_cache_new(struct err *err, struct look_cache **ret_cache) MUST_USE;
void look_cache_free(struct look_cache **cache);

/** request.json out of the request's document: fetched from intake, digest compared, every
 * signature judged as of the receipt against this service's own trust anchors. Give it back with
 *  json_decref(). RETRY while intake, the inspector or a revocation list is away; REJECT
 *  ORDER_NOT_BORNE_OUT when the document is refused (err->detail: the codes). */
enum rc look_at_document(struct fx *fx, const char *request_id, struct bytes document_sha256,
                         usec received_at, json_t **ret_request) MUST_USE;
