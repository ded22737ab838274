/* The bytes of one part of a post, from intake. It refuses nothing on the sender's account: a wrong
 * answer of intake's is a fault of this installation, and the request waits. */
#include "common/document_fetch.h"

#include <string.h>

#include "common/document.h"
#include "proto/intake.pb-c.h"

#define CHUNK_BYTES (1024 * 1024)
#define CALL_DEADLINE_MS 15000
#define CALL_ARENA_BYTES ((size_t)8 * CHUNK_BYTES) /* a reply's frame, its envelope and itself */

struct part {
    const char *request_id;
    uint32_t number;
    uint64_t size_bytes; /* 0: what intake's first answer says */
};

/* Fills part->size_bytes when it is not known yet. */
static enum rc fetch_chunk(struct fx *fx, struct part *part, uint64_t offset,
                           struct bytes *ret_chunk)
{
    Trien__GetDocument ask = TRIEN__GET_DOCUMENT__INIT;
    Trien__GetDocumentReply *reply = NULL;

    ask.request_id = (char *)(uintptr_t)part->request_id;
    ask.part = part->number;
    ask.offset = offset;
    ask.max_bytes = CHUNK_BYTES;
    if (fx_call(fx, "intake", &ask, &trien__get_document_reply__descriptor, CALL_DEADLINE_MS, NULL,
                &reply) != RC_OK)
        FAIL(&fx->err, TRIEN__ERROR__PEER_UNAVAILABLE, "intake: %s", err_entry(fx->err.code)->name);
    if (part->size_bytes == 0)
        part->size_bytes = reply->size_bytes;
    CHECK(reply->size_bytes == part->size_bytes && part->size_bytes <= DOCUMENT_MAX_BYTES &&
              reply->chunk.len > 0 && reply->chunk.len <= part->size_bytes - offset,
          &fx->err, TRIEN__ERROR__PEER_UNAVAILABLE, "intake has another document");
    *ret_chunk = bytes_of(reply->chunk.data, reply->chunk.len);
    return RC_OK;
}

/* The chunk at *offset into its place in `file`. What the call itself takes is given back at once:
 * twenty replies with their envelopes are several times the document. */
static enum rc fetch_into(struct fx *fx, struct part *part, uint8_t *file, uint64_t *offset)
{
    struct arena *whole = fx->arena;
    autoptr(arena_t) own = arena_new(CALL_ARENA_BYTES);
    struct bytes chunk = {0};
    enum rc rc;

    fx->arena = own;
    rc = fetch_chunk(fx, part, *offset, &chunk);
    fx->arena = whole;
    TRY(rc);
    memcpy(file + *offset, chunk.p, chunk.n);
    *offset += chunk.n;
    return RC_OK;
}

enum rc document_fetch(struct fx *fx, const char *request_id, uint32_t number, uint64_t size_bytes,
                       struct bytes *ret_file)
{
    struct part part = {request_id, number, size_bytes};
    struct bytes chunk = {0};
    uint64_t offset;
    uint8_t *file;

    CHECK(size_bytes <= DOCUMENT_MAX_BYTES, &fx->err, TRIEN__ERROR__TOO_LARGE, "%llu bytes",
          (unsigned long long)size_bytes);
    TRY(fetch_chunk(fx, &part, 0, &chunk));
    if (chunk.n == part.size_bytes) {
        *ret_file = chunk;
        return RC_OK;
    }
    file = arena_alloc(fx->arena, (size_t)part.size_bytes);
    memcpy(file, chunk.p, chunk.n);
    for (offset = chunk.n; offset < part.size_bytes;)
        TRY(fetch_into(fx, &part, file, &offset));
    *ret_file = bytes_of(file, (size_t)part.size_bytes);
    return RC_OK;
}
