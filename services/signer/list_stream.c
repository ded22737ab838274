/* Lists on their way here in parts, one an issuer. Nothing of them is written down: after a restart
 * they begin anew. Refuses parts out of order and everything list.c refuses. */
#include "services/signer/list_stream.h"

#include <pthread.h>
#include <string.h>

#include "common/der.h"
#include "common/pb_bytes.h"
#include "services/signer/signer.h"

/* What the extensions of a list may be long: an identifier and a number. */
#define MAX_AFTER_BYTES 256

struct stream {
    const char *issuer; /* NULL: nobody's */
    uint64_t number, entries_bytes, held_bytes;
    uint8_t bare_sha256[32]; /* of the list without its entries: which list it is */
    struct list_entries entries;
    EVP_MD_CTX *digest; /* of all up to here */
    uint8_t after[MAX_AFTER_BYTES];
    size_t after_bytes;
};

struct list_streams {
    pthread_mutex_t lock;
    struct stream streams[SIGNER_MAX_ISSUERS];
};

struct list_streams *list_streams_new(struct arena *arena)
{
    struct list_streams *streams = ARENA_NEW(arena, struct list_streams);

    pthread_mutex_init(&streams->lock, NULL);
    return streams;
}

void list_streams_done(struct list_streams *streams)
{
    for (size_t i = 0; i < SIGNER_MAX_ISSUERS; i++)
        EVP_MD_CTX_free(streams->streams[i].digest);
    pthread_mutex_destroy(&streams->lock);
}

/* The issuer's own place; there are as many as issuers. Lock held. */
static struct stream *place_of(struct list_streams *streams, const char *issuer)
{
    for (size_t i = 0; i < SIGNER_MAX_ISSUERS; i++)
        if (!streams->streams[i].issuer || strcmp(streams->streams[i].issuer, issuer) == 0)
            return &streams->streams[i];
    return NULL;
}

static bool is_of(const struct stream *stream, uint64_t number, uint64_t entries_bytes,
                  struct bytes bare)
{
    uint8_t digest[32];

    bytes_sha256(bare, digest);
    return stream && stream->digest && stream->number == number &&
           stream->entries_bytes == entries_bytes && memcmp(stream->bare_sha256, digest, 32) == 0;
}

static void forget(struct stream *stream)
{
    EVP_MD_CTX_free(stream->digest);
    stream->digest = NULL;
    stream->held_bytes = 0;
}

/* --- a list begins -------------------------------------------------------------------------------
 */

/* SEQUENCE { fields, SEQUENCE { entries … }, extensions }: all of it before the first entry. */
static bool hash_beginning(struct stream *stream, const struct list *list)
{
    uint8_t outer[DER_MAX_HEADER], inner[DER_MAX_HEADER];
    size_t inner_size = der_header(DER_SEQUENCE, stream->entries_bytes, inner);
    size_t outer_size = der_header(
        DER_SEQUENCE, list->before.n + inner_size + stream->entries_bytes + list->after.n, outer);

    return EVP_DigestInit_ex(stream->digest, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(stream->digest, outer, outer_size) == 1 &&
           EVP_DigestUpdate(stream->digest, list->before.p, list->before.n) == 1 &&
           EVP_DigestUpdate(stream->digest, inner, inner_size) == 1;
}

static enum rc begin(struct stream *stream, const struct list_question *question,
                     const Trien__AddCrlEntries *part, struct err *err)
{
    const struct list *list = question->list;

    CHECK(list->after.n <= MAX_AFTER_BYTES, err, TRIEN__ERROR__SIGNER_LIMIT, "extensions");
    forget(stream);
    stream->issuer = question->issuer->name;
    stream->number = part->number;
    stream->entries_bytes = part->entries_bytes;
    stream->entries = (struct list_entries){.this_update = list->this_update};
    stream->after_bytes = list->after.n;
    memcpy(stream->after, list->after.p, list->after.n);
    bytes_sha256(bytes_of_pb(part->tbs_der), stream->bare_sha256);
    stream->digest = EVP_MD_CTX_new();
    CHECK(stream->digest && hash_beginning(stream, list), err, TRIEN__ERROR__OVERLOADED,
          "no memory for a digest");
    return RC_OK;
}

/* --- a part --------------------------------------------------------------------------------------
 */

static enum rc take(struct stream *stream, const Trien__AddCrlEntries *part, struct err *err)
{
    enum rc rc = list_check_entries(&stream->entries, bytes_of_pb(part->entries), err);

    if (rc == RC_OK && EVP_DigestUpdate(stream->digest, part->entries.data, part->entries.len) != 1)
        rc = err_set(err, TRIEN__ERROR__OVERLOADED, __FILE__, __LINE__, "no digest");
    if (rc == RC_OK)
        stream->held_bytes += part->entries.len;
    else
        forget(stream);
    return rc;
}

/* Under the lock. */
static enum rc add(struct list_streams *streams, const struct list_question *question,
                   const Trien__AddCrlEntries *part, struct err *err, uint64_t *ret_held)
{
    struct stream *stream = place_of(streams, question->issuer->name);
    bool is_next;

    CHECK(stream, err, TRIEN__ERROR__INTERNAL, "more issuers than places");
    if (part->offset == 0)
        TRY(begin(stream, question, part, err));
    is_next = is_of(stream, part->number, part->entries_bytes, bytes_of_pb(part->tbs_der)) &&
              stream->held_bytes == part->offset;
    if (is_next)
        TRY(take(stream, part, err));
    *ret_held = stream->held_bytes;
    return RC_OK;
}

enum rc list_streams_add(struct list_streams *streams, const struct list_part *part,
                         struct arena *arena, struct err *err, uint64_t *ret_held)
{
    const Trien__AddCrlEntries *call = part->call;
    Trien__SignCrl bare = TRIEN__SIGN_CRL__INIT;
    struct list_question question;
    enum rc rc;

    CHECK(call->entries_bytes > 0 && call->entries_bytes <= LIST_MAX_ENTRIES_BYTES &&
              call->entries.len > 0 && call->entries.len <= LIST_MAX_TBS_BYTES &&
              call->offset <= call->entries_bytes &&
              call->entries.len <= call->entries_bytes - call->offset,
          err, TRIEN__ERROR__TOO_LARGE, "entries of a list");
    bare.issuer = call->issuer;
    bare.number = call->number;
    bare.tbs_der = call->tbs_der;
    TRY(list_check(&bare, part->issuers, part->issuer_count, part->now, arena, err, &question));
    CHECK(!question.list->has_entries, err, TRIEN__ERROR__SIGNER_LIMIT,
          "entries stand in the list and come in parts");
    pthread_mutex_lock(&streams->lock);
    rc = add(streams, &question, call, err, ret_held);
    pthread_mutex_unlock(&streams->lock);
    return rc;
}

/* --- its end -------------------------------------------------------------------------------------
 */

static bool finish(const struct stream *stream, uint8_t ret_digest[32])
{
    autoptr(EVP_MD_CTX) whole = EVP_MD_CTX_new(); /* a copy: the call may come again */

    return whole && EVP_MD_CTX_copy_ex(whole, stream->digest) == 1 &&
           EVP_DigestUpdate(whole, stream->after, stream->after_bytes) == 1 &&
           EVP_DigestFinal_ex(whole, ret_digest, NULL) == 1;
}

bool list_streams_digest(struct list_streams *streams, const Trien__SignCrl *call,
                         uint8_t ret_digest[32])
{
    struct stream *stream;
    bool whole;

    pthread_mutex_lock(&streams->lock);
    stream = place_of(streams, call->issuer);
    whole = is_of(stream, call->number, call->entries_bytes, bytes_of_pb(call->tbs_der)) &&
            strcmp(stream->issuer, call->issuer) == 0 &&
            stream->held_bytes == stream->entries_bytes && finish(stream, ret_digest);
    pthread_mutex_unlock(&streams->lock);
    return whole;
}
