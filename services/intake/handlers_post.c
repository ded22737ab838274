/* POST /v1/requests: takes a signed document in, once; those that come at the same time in one
 * transaction. It looks at sizes and shape only; what the document says is validation's business.
 * The same bytes, or the same Idempotency-Key with the same bytes, get the first answer again. */
#include "services/intake/intake.h"

#include <string.h>

#include "common/bus.h"

static void answer(struct tx *tx, const struct first_answer *first, struct http_response *response)
{
    const struct intake_conf *conf = tx->conf;
    const char *id = bus_uuid_text(tx->arena, first->request_id);
    const char *url = arena_printf(tx->arena, "%s/v1/requests/%s", conf->public_url, id);
    http_add_header(response, "Location", url);
    http_json(response, 202,
              arena_printf(tx->arena,
                           "{\"request_id\":\"%s\",\"receipt_number\":\"%s\","
                           "\"received_at\":\"%s\",\"status_url\":\"%s\"}",
                           id, rule_receipt_text(tx->arena, first->received_at, first->receipt_no),
                           clock_utc_text(tx->arena, first->received_at), url));
}

static enum rc key_conflict(struct tx *tx)
{
    err_field(&tx->err, "Idempotency-Key");
    FAIL(&tx->err, TRIEN__ERROR__IDEMPOTENCY_CONFLICT, "the key stands for other bytes");
}

static enum rc emit_submitted(struct tx *tx, const struct new_post *post,
                              const struct stored_post *stored)
{
    size_t count = post->post->count - 1;
    Trien__Attachment *attachments = ARENA_ARRAY(tx->arena, Trien__Attachment, count);
    Trien__Attachment **list = ARENA_ARRAY(tx->arena, Trien__Attachment *, count);
    for (size_t i = 0; i < count; i++) {
        const struct posted_part *part = &post->post->parts[i + 1];
        trien__attachment__init(&attachments[i]);
        attachments[i].name = (char *)part->name;
        attachments[i].sha256 = (ProtobufCBinaryData){32, (uint8_t *)post->part_sha256[i + 1]};
        attachments[i].size_bytes = part->content.n;
        list[i] = &attachments[i];
    }
    Trien__RequestSubmitted event = TRIEN__REQUEST_SUBMITTED__INIT;
    event.request_id = (char *)bus_uuid_text(tx->arena, post->request_id);
    event.receipt_number = (char *)rule_receipt_text(tx->arena, tx->now, stored->receipt_no);
    event.channel = (char *)post->channel;
    event.client_id = (char *)stored->client_id;
    event.received_at = tx->now;
    event.document_sha256 = (ProtobufCBinaryData){32, (uint8_t *)post->part_sha256[0]};
    event.document_size_bytes = post->post->parts[0].content.n;
    event.attachments = list;
    event.n_attachments = count;
    return emit(tx, event.request_id, &event);
}

/* The bytes are known: the first answer again, unless the key stands for others. */
static enum rc answer_again(struct tx *tx, const struct new_post *post, const char *client_id,
                            struct first_answer *ret_first)
{
    if (post->idempotency_key) {
        bool fits = false;
        TRY(store_insert_key(tx, client_id, post->idempotency_key, post->post_sha256, &fits));
        if (!fits)
            return key_conflict(tx);
    }
    return store_get_post(tx, post->post_sha256, ret_first);
}

/* For those who will ask for it in a moment. */
static void keep_recent(struct tx *tx, const struct new_post *post)
{
    for (size_t i = 0; i < post->post->count; i++)
        recent_put(tx->state, post->request_id, (int16_t)i, post->post->parts[i].content,
                   post->part_sha256[i]);
}

/* What is said of a post that is new: the event and the answer. */
static enum rc take_in(struct tx *tx, const struct new_post *post, const struct stored_post *stored,
                       struct http_response *response)
{
    const struct first_answer first = {post->request_id, stored->receipt_no, tx->now};
    TRY(emit_submitted(tx, post, stored));
    keep_recent(tx, post);
    answer(tx, &first, response);
    return RC_OK;
}

static enum rc no_caller(struct err *err)
{
    FAIL(err, TRIEN__ERROR__UNAUTHENTICATED, "no client has this token");
}

/* The request as a post with an id of its own; all of it in the arena. */
static enum rc read_post(struct tx *tx, const struct http_request *request, struct err *err,
                         struct new_post *ret_post)
{
    struct bytes token = {0};
    uint8_t *token_sha256 = arena_alloc(tx->arena, 32), *id = arena_alloc(tx->arena, 16);
    uint8_t *post_sha256 = arena_alloc(tx->arena, 32), (*part_sha256)[32];
    struct post *post = ARENA_NEW(tx->arena, struct post);
    const char *key = http_header(request, "Idempotency-Key");
    TRY(rule_bearer(http_header(request, "Authorization"), err, &token));
    TRY(rule_idempotency_key(key, err));
    TRY(rule_split_post(tx->arena, request, err, post));
    part_sha256 = arena_array(tx->arena, post->count, 32);
    bytes_sha256(token, token_sha256);
    for (size_t i = 0; i < post->count; i++)
        bytes_sha256(post->parts[i].content, part_sha256[i]);
    rule_post_digest((const uint8_t(*)[32])part_sha256, post->count, post_sha256);
    bus_uuid(tx->now, id);
    *ret_post = (struct new_post){
        .token_sha256 = token_sha256,
        .request_id = id,
        .post_sha256 = post_sha256,
        .part_sha256 = (const uint8_t(*)[32])part_sha256,
        .idempotency_key = key,
        .channel = "portal",
        .post = post,
    };
    return RC_OK;
}

enum rc on_post_request(struct tx *tx, const struct http_request *request,
                        struct http_response *response)
{
    struct new_post post;
    struct stored_post stored;
    TRY(read_post(tx, request, &tx->err, &post));
    TRY(store_insert_posts(tx, &post, 1, &stored));
    if (!stored.client_id)
        return no_caller(&tx->err);
    if (!stored.is_new) {
        struct first_answer first = {0};
        TRY(answer_again(tx, &post, stored.client_id, &first));
        answer(tx, &first, response);
        return RC_OK;
    }
    if (!stored.key_fits)
        return key_conflict(tx);
    TRY(store_insert_parts(tx, &post, 1));
    return take_in(tx, &post, &stored, response);
}

/* Those that are posts at all, and the items they came in. */
static size_t read_posts(struct tx *tx, struct http_item *items, size_t count,
                         struct new_post *posts, struct http_item **owners)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].rc = read_post(tx, items[i].request, &items[i].err, &posts[n]);
        if (items[i].rc == RC_OK)
            owners[n++] = &items[i];
    }
    return n;
}

/* Keeps in front those that are new; of the others it says so. A key that stands for other bytes is
 * found when its request is stored already: nobody's is, then, and each goes its way alone. */
static enum rc sort_out(struct tx *tx, struct new_post *posts, struct stored_post *stored,
                        struct http_item **owners, size_t *count)
{
    size_t n = 0;
    for (size_t i = 0; i < *count; i++) {
        if (!stored[i].client_id) {
            owners[i]->rc = no_caller(&owners[i]->err);
        } else if (!stored[i].is_new) {
            owners[i]->alone = true;
        } else if (!stored[i].key_fits) {
            return key_conflict(tx);
        } else {
            posts[n] = posts[i];
            stored[n] = stored[i];
            owners[n++] = owners[i];
        }
    }
    *count = n;
    return RC_OK;
}

enum rc on_post_requests(struct tx *tx, struct http_item *items, size_t count)
{
    struct new_post *posts = ARENA_ARRAY(tx->arena, struct new_post, count);
    struct stored_post *stored = ARENA_ARRAY(tx->arena, struct stored_post, count);
    struct http_item **owners = ARENA_ARRAY(tx->arena, struct http_item *, count);
    size_t n = read_posts(tx, items, count, posts, owners);
    if (n == 0)
        return RC_OK;
    TRY(store_insert_posts(tx, posts, n, stored));
    TRY(sort_out(tx, posts, stored, owners, &n));
    TRY(store_insert_parts(tx, posts, n));
    for (size_t i = 0; i < n; i++) {
        tx->traceparent = owners[i]->traceparent;
        TRY(take_in(tx, &posts[i], &stored[i], &owners[i]->response));
    }
    return RC_OK;
}
