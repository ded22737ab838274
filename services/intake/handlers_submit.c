/* A post over the bus: SubmitRequest takes in what POST /v1/requests would, by the same code;
 * PutPiece keeps pieces of a part that is too large for one call until then. A piece belongs to the
 * client whose token it came with, under its idempotency key; nobody else can name it. */
#include <string.h>

#include "common/bus.h"
#include "common/pb_bytes.h"
#include "services/intake/intake.h"

/* --- pieces --- */

static enum rc caller_of(struct tx *tx, const char *token_text, const char **ret_client_id)
{
    struct bytes token = {0};
    uint8_t token_sha256[32];
    const char *client_id = NULL;

    TRY(rule_token(token_text, &tx->err, &token));
    bytes_sha256(token, token_sha256);
    TRY(store_find_caller(tx, token_sha256, &client_id));
    if (!client_id)
        return take_no_caller(&tx->err);
    *ret_client_id = client_id;
    return RC_OK;
}

enum rc on_put_piece(struct tx *tx, const void *in, void *reply)
{
    const Trien__PutPiece *call = in;
    struct piece piece = {.key = call->idempotency_key,
                          .part = (int16_t)call->part,
                          .offset = (int64_t)call->offset,
                          .content = bytes_of_pb(call->content)};
    bool fits = false;
    int64_t held = 0;

    (void)reply;
    TRY(rule_idempotency_key(call->idempotency_key, &tx->err));
    CHECK(call->part <= MAX_ATTACHMENTS && piece.content.n > 0 &&
              piece.content.n <= CHUNK_MAX_BYTES,
          &tx->err, TRIEN__ERROR__MALFORMED, "part or size out of range");
    CHECK(call->offset <= POST_MAX_BYTES - piece.content.n, &tx->err, TRIEN__ERROR__TOO_LARGE,
          "more than %zu bytes", POST_MAX_BYTES);
    TRY(caller_of(tx, call->token, &piece.client_id));
    TRY(store_count_pieces(tx, piece.client_id, &held));
    CHECK(held + (int64_t)piece.content.n <= PIECES_MAX_BYTES, &tx->err,
          TRIEN__ERROR__TOO_MANY_REQUESTS, "%lld bytes are put and not submitted", (long long)held);
    TRY(store_insert_piece(tx, &piece, &fits));
    return fits ? RC_OK : take_key_conflict(tx);
}

enum rc on_piece_timer(struct tx *tx)
{
    return store_delete_pieces_before(tx, tx->now - USEC_PER_DAY);
}

/* --- the post --- */

/* A SubmitRequest on its way to being a post. */
struct submission {
    const Trien__SubmitRequest *call;
    const char *client_id;
    struct http_part *parts;
    size_t size_bytes;
    bool has_pieces, is_lacking; /* some part came in pieces; they are not all there (any more) */
};

/* The content of a part without one: its pieces, when together they have the digest. */
static enum rc gather_pieces(struct tx *tx, struct submission *submission, size_t number)
{
    const Trien__SubmittedPart *from = submission->call->parts[number];
    struct bytes content = {0}, sha256 = bytes_of_pb(from->sha256);
    uint8_t digest[32];

    err_field(&tx->err, "/parts/%zu/sha256", number);
    CHECK(submission->call->idempotency_key && from->has_sha256 && sha256.n == 32, &tx->err,
          TRIEN__ERROR__FIELD_MISSING, "a part in pieces needs the key and its digest");
    err_clear(&tx->err);
    TRY(store_join_pieces(tx, submission->client_id, submission->call->idempotency_key,
                          (int16_t)number, (int64_t)POST_MAX_BYTES, &content));
    bytes_sha256(content, digest);
    submission->has_pieces = true;
    submission->is_lacking = submission->is_lacking || !bytes_equal(bytes_of(digest, 32), sha256);
    submission->parts[number].body = content;
    return RC_OK;
}

static enum rc read_parts(struct tx *tx, struct submission *submission)
{
    const Trien__SubmitRequest *call = submission->call;

    submission->parts = ARENA_ARRAY(tx->arena, struct http_part, call->n_parts);
    for (size_t i = 0; i < call->n_parts; i++) {
        const Trien__SubmittedPart *from = call->parts[i];

        submission->parts[i] = (struct http_part){i == 0 ? "document" : "attachment", from->name,
                                                  from->content_type, bytes_of_pb(from->content)};
        if (!from->has_content)
            TRY(gather_pieces(tx, submission, i));
        submission->size_bytes += submission->parts[i].body.n;
        CHECK(submission->size_bytes <= POST_MAX_BYTES, &tx->err, TRIEN__ERROR__TOO_LARGE,
              "more than %zu bytes", POST_MAX_BYTES);
    }
    return RC_OK;
}

/* Pieces are taken away by the answer that used them, so a repeat has none: the key says which
 * answer it was, and the digests that it is the same post. */
static enum rc answer_by_key(struct tx *tx, const struct submission *submission,
                             struct first_answer *ret_first)
{
    const Trien__SubmitRequest *call = submission->call;
    uint8_t(*digests)[32] = arena_array(tx->arena, call->n_parts, 32), post_sha256[32];
    struct bytes standing = {0};

    for (size_t i = 0; i < call->n_parts; i++) {
        if (call->parts[i]->has_content)
            bytes_sha256(submission->parts[i].body, digests[i]);
        else
            memcpy(digests[i], call->parts[i]->sha256.data, 32);
    }
    rule_post_digest((const uint8_t(*)[32])digests, call->n_parts, post_sha256);
    TRY(store_find_key(tx, submission->client_id, call->idempotency_key, &standing));
    err_field(&tx->err, "/parts");
    CHECK(standing.n > 0, &tx->err, TRIEN__ERROR__FIELD_MISSING,
          "the pieces that were put are not the part");
    err_clear(&tx->err);
    if (!bytes_equal(standing, bytes_of(post_sha256, 32)))
        return take_key_conflict(tx);
    return store_get_post(tx, post_sha256, ret_first);
}

static enum rc submit(struct tx *tx, const struct submission *submission,
                      struct first_answer *ret_first)
{
    const Trien__SubmitRequest *call = submission->call;
    const struct http_request request = {.parts = submission->parts, .part_count = call->n_parts};
    struct posting posting = {.key = call->idempotency_key, .channel = "bus", .request = &request};
    struct new_post post;

    TRY(rule_token(call->token, &tx->err, &posting.token));
    TRY(take_read(tx, &posting, &tx->err, &post));
    TRY(take_alone(tx, &post, ret_first));
    return submission->has_pieces
               ? store_delete_pieces(tx, submission->client_id, call->idempotency_key)
               : RC_OK;
}

enum rc on_submit_request(struct tx *tx, const void *in, void *reply)
{
    Trien__SubmitRequestReply *answer = reply;
    struct submission submission = {.call = in};
    struct first_answer first;

    CHECK(submission.call->n_parts <= 1 + MAX_ATTACHMENTS, &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "more than %d attachments", MAX_ATTACHMENTS);
    TRY(rule_idempotency_key(submission.call->idempotency_key, &tx->err));
    TRY(caller_of(tx, submission.call->token, &submission.client_id));
    TRY(read_parts(tx, &submission));
    if (submission.is_lacking)
        TRY(answer_by_key(tx, &submission, &first));
    else
        TRY(submit(tx, &submission, &first));
    answer->request_id = (char *)bus_uuid_text(tx->arena, first.request_id);
    answer->receipt_number =
        (char *)rule_receipt_text(tx->arena, first.received_at, first.receipt_no);
    answer->received_at = first.received_at;
    answer->status_url = (char *)take_status_url(tx, &first);
    return RC_OK;
}
