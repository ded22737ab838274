/* One post, by whatever door it came, taken in once: the same bytes, or the same key with the same
 * bytes, get the first answer again. It looks at sizes and shape only; what the document says is
 * validation's business. */
#include <string.h>

#include "common/bus.h"
#include "services/intake/intake.h"

enum rc take_key_conflict(struct tx *tx)
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

enum rc take_again(struct tx *tx, const struct new_post *post, const char *client_id,
                   struct first_answer *ret_first)
{
    if (post->idempotency_key) {
        bool fits = false;
        TRY(store_insert_key(tx, client_id, post->idempotency_key, post->post_sha256, &fits));
        if (!fits)
            return take_key_conflict(tx);
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

enum rc take_in(struct tx *tx, const struct new_post *post, const struct stored_post *stored,
                struct first_answer *ret_first)
{
    TRY(emit_submitted(tx, post, stored));
    keep_recent(tx, post);
    *ret_first = (struct first_answer){post->request_id, stored->receipt_no, tx->now};
    return RC_OK;
}

enum rc take_no_caller(struct err *err)
{
    FAIL(err, TRIEN__ERROR__UNAUTHENTICATED, "no client has this token");
}

enum rc take_read(struct tx *tx, const struct posting *posting, struct err *err,
                  struct new_post *ret_post)
{
    uint8_t *token_sha256 = arena_alloc(tx->arena, 32), *id = arena_alloc(tx->arena, 16);
    uint8_t *post_sha256 = arena_alloc(tx->arena, 32), (*part_sha256)[32];
    struct post *post = ARENA_NEW(tx->arena, struct post);
    TRY(rule_idempotency_key(posting->key, err));
    TRY(rule_split_post(tx->arena, posting->request, err, post));
    part_sha256 = arena_array(tx->arena, post->count, 32);
    bytes_sha256(posting->token, token_sha256);
    for (size_t i = 0; i < post->count; i++)
        bytes_sha256(post->parts[i].content, part_sha256[i]);
    rule_post_digest((const uint8_t(*)[32])part_sha256, post->count, post_sha256);
    bus_uuid(tx->now, id);
    *ret_post = (struct new_post){
        .token_sha256 = token_sha256,
        .request_id = id,
        .post_sha256 = post_sha256,
        .part_sha256 = (const uint8_t(*)[32])part_sha256,
        .idempotency_key = posting->key,
        .channel = posting->channel,
        .post = post,
    };
    return RC_OK;
}

enum rc take_alone(struct tx *tx, const struct new_post *post, struct first_answer *ret_first)
{
    struct stored_post stored;
    TRY(store_insert_posts(tx, post, 1, &stored));
    if (!stored.client_id)
        return take_no_caller(&tx->err);
    if (!stored.is_new)
        return take_again(tx, post, stored.client_id, ret_first);
    if (!stored.key_fits)
        return take_key_conflict(tx);
    TRY(store_insert_parts(tx, post, 1));
    return take_in(tx, post, &stored, ret_first);
}

const char *take_status_url(struct tx *tx, const struct first_answer *first)
{
    const struct intake_conf *conf = tx->conf;
    return arena_printf(tx->arena, "%s/v1/requests/%s", conf->public_url,
                        bus_uuid_text(tx->arena, first->request_id));
}
