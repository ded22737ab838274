/* A document over the bus, as a portal with a CURVE key of its own submits it: PutPiece for parts
 * that do not fit into one call, then SubmitRequest. Each call may be repeated, so the whole may.
 */
#include "services/trienctl/submit.h"

#include <string.h>

#include "common/pb_bytes.h"
#include "proto/intake.pb-c.h"

#define PIECE_BYTES ((size_t)1024 * 1024)
#define DEADLINE_MS 60000

/* One part; what does not fit beside the others goes before, in pieces. */
static enum rc put_part(const struct submission *submission, size_t number, struct err *err)
{
    struct bytes content = submission->contents[number];
    Trien__PutPiece call = TRIEN__PUT_PIECE__INIT;
    ProtobufCMessage *reply;

    call.token = (char *)submission->token;
    call.idempotency_key = (char *)submission->key;
    call.part = (uint32_t)number;
    for (size_t at = 0; at < content.n; at += PIECE_BYTES) {
        call.offset = at;
        call.content = pb_of_bytes(
            bytes_of(content.p + at, content.n - at < PIECE_BYTES ? content.n - at : PIECE_BYTES));
        TRY(ctl_call("portal", "intake", &call.base, &trien__put_piece_reply__descriptor,
                     DEADLINE_MS, err, &reply));
    }
    return RC_OK;
}

static enum rc list_parts(const struct submission *submission, Trien__SubmitRequest *call,
                          struct err *err)
{
    size_t count = submission->count, room = PIECE_BYTES;
    Trien__SubmittedPart *parts = ARENA_ARRAY(ctl_arena(), Trien__SubmittedPart, count);

    call->n_parts = count;
    call->parts = ARENA_ARRAY(ctl_arena(), Trien__SubmittedPart *, count);
    for (size_t i = 0; i < count; i++) {
        struct bytes content = submission->contents[i];

        call->parts[i] = &parts[i];
        trien__submitted_part__init(&parts[i]);
        parts[i].name = (char *)submit_file_name(submission->files[i]);
        parts[i].content_type = (char *)"application/pdf";
        parts[i].has_content = content.n <= room;
        parts[i].has_sha256 = !parts[i].has_content;
        if (parts[i].has_content) {
            parts[i].content = pb_of_bytes(content);
            room -= content.n;
            continue;
        }
        parts[i].sha256 = (ProtobufCBinaryData){32, arena_alloc(ctl_arena(), 32)};
        bytes_sha256(content, parts[i].sha256.data);
        TRY(put_part(submission, i, err));
    }
    return RC_OK;
}

enum rc submit_by_bus(const struct submission *submission, struct err *err, json_t **ret_answer)
{
    Trien__SubmitRequest call = TRIEN__SUBMIT_REQUEST__INIT;
    const Trien__SubmitRequestReply *reply;
    ProtobufCMessage *answer;

    call.token = (char *)submission->token;
    call.idempotency_key = (char *)submission->key;
    TRY(list_parts(submission, &call, err));
    TRY(ctl_call("portal", "intake", &call.base, &trien__submit_request_reply__descriptor,
                 DEADLINE_MS, err, &answer));
    reply = (const void *)answer;
    *ret_answer =
        json_pack("{s:s, s:s, s:s, s:s}", "request_id", reply->request_id, "receipt_number",
                  reply->receipt_number, "received_at",
                  clock_utc_text(ctl_arena(), reply->received_at), "status_url", reply->status_url);
    return RC_OK;
}
