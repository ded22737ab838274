/* Calls over the bus: documents for those who examine them, credentials and requests for the
 * operator. Who may call what stands in the table of main.c. */
#include "services/intake/intake.h"

#include <string.h>

#include "common/bus.h"
#include "common/pb_bytes.h"

enum rc on_get_document(struct tx *tx, const void *in, void *reply)
{
    const Trien__GetDocument *call = in;
    Trien__GetDocumentReply *answer = reply;
    uint8_t request_id[16];
    bool found = true;
    struct part_slice slice = {0};
    CHECK(bus_uuid_parse(call->request_id, request_id), &tx->err, TRIEN__ERROR__MALFORMED,
          "not a request id");
    CHECK(call->part <= MAX_ATTACHMENTS && call->offset < POST_MAX_BYTES && call->max_bytes > 0,
          &tx->err, TRIEN__ERROR__MALFORMED, "part, offset or max_bytes out of range");
    uint32_t max_bytes = call->max_bytes < CHUNK_MAX_BYTES ? call->max_bytes : CHUNK_MAX_BYTES;
    if (!recent_find(tx->state, tx->arena, request_id, (int16_t)call->part, (size_t)call->offset,
                     max_bytes, &slice))
        TRY(store_find_part(tx, request_id, (int16_t)call->part, (int64_t)call->offset, max_bytes,
                            &found, &slice));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such document");
    answer->chunk = pb_of_bytes(slice.chunk);
    answer->size_bytes = (uint64_t)slice.size_bytes;
    answer->sha256 = pb_of_bytes(slice.sha256);
    return RC_OK;
}

/* "*" or an organisation code: no white space, so that lists can be shown in a line. */
static bool is_organ_id(const char *organ_id)
{
    size_t length = strlen(organ_id);
    return length >= 1 && length <= 64 && strcspn(organ_id, " \t\r\n,") == length &&
           bytes_are_text(bytes_of_text(organ_id));
}

static enum rc check_client(struct tx *tx, const Trien__AddClient *call)
{
    CHECK(rule_client_id(call->client_id), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "client id: a-z 0-9 . _ - only, 63 at most");
    CHECK(*call->name && strlen(call->name) <= 200 && bytes_are_text(bytes_of_text(call->name)),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "name: 1 to 200 bytes of text");
    CHECK(call->token_sha256.len == 32, &tx->err, TRIEN__ERROR__FIELD_INVALID, "token_sha256");
    CHECK(call->n_organ_ids <= 1000, &tx->err, TRIEN__ERROR__FIELD_INVALID, "too many agencies");
    for (size_t i = 0; i < call->n_organ_ids; i++)
        CHECK(is_organ_id(call->organ_ids[i]), &tx->err, TRIEN__ERROR__FIELD_INVALID,
              "organisation code %zu", i);
    return RC_OK;
}

/* Who was let in, and for whom: a client of '*' may ask for every agency. */
static enum rc say_client_added(struct tx *tx, const Trien__AddClient *call)
{
    static const char begin[] = "for agencies:";
    size_t room = sizeof(begin);
    char *text, *end;

    for (size_t i = 0; i < call->n_organ_ids; i++)
        room += strlen(call->organ_ids[i]) + 1;
    end = stpcpy(text = arena_alloc(tx->arena, room), begin);
    for (size_t i = 0; i < call->n_organ_ids; i++)
        end = stpcpy(stpcpy(end, " "), call->organ_ids[i]);
    return emit_operator_act(tx, "client add", call->client_id, text);
}

/* The same client with the same token again is no error; anything else that is taken is. */
enum rc on_add_client(struct tx *tx, const void *in, void *reply)
{
    const Trien__AddClient *call = in;
    struct bytes token_sha256 = bytes_of(call->token_sha256.data, call->token_sha256.len);
    bool same = false, is_new = false;
    (void)reply;
    TRY(check_client(tx, call));
    const struct client_row client = {
        .client_id = call->client_id,
        .name = call->name,
        .organ_ids = (const char *const *)call->organ_ids,
        .organ_count = call->n_organ_ids,
        .created_at = tx->now,
    };
    TRY(store_insert_client(tx, &client, token_sha256, &is_new));
    if (is_new)
        return say_client_added(tx, call);
    TRY(store_find_client(tx, call->client_id, token_sha256, &same));
    CHECK(same, &tx->err, TRIEN__ERROR__ALREADY_EXISTS, "client id or token is taken");
    return RC_OK;
}

enum rc on_revoke_client(struct tx *tx, const void *in, void *reply)
{
    const Trien__RevokeClient *call = in;
    bool found = false, was_revoked = false;
    (void)reply;
    TRY(store_set_client_revoked(tx, call->client_id, &found, &was_revoked));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such client");
    return was_revoked ? RC_OK : emit_operator_act(tx, "client revoke", call->client_id, NULL);
}

enum rc on_list_clients(struct tx *tx, const void *in, void *reply)
{
    Trien__ListClientsReply *answer = reply;
    const struct client_row *clients = NULL;
    size_t count = 0;
    (void)in;
    TRY(store_list_clients(tx, &clients, &count));
    Trien__ClientRow *rows = ARENA_ARRAY(tx->arena, Trien__ClientRow, count);
    answer->clients = ARENA_ARRAY(tx->arena, Trien__ClientRow *, count);
    answer->n_clients = count;
    for (size_t i = 0; i < count; i++) {
        trien__client_row__init(&rows[i]);
        rows[i].client_id = (char *)clients[i].client_id;
        rows[i].name = (char *)clients[i].name;
        rows[i].organ_ids = (char **)(uintptr_t)clients[i].organ_ids;
        rows[i].n_organ_ids = clients[i].organ_count;
        rows[i].created_at = clients[i].created_at;
        rows[i].has_revoked_at = clients[i].revoked_at != 0;
        rows[i].revoked_at = clients[i].revoked_at;
        answer->clients[i] = &rows[i];
    }
    return RC_OK;
}

/* Request id or receipt number as people give it. */
static enum rc find_named(struct tx *tx, const char *name, uint8_t ret_request_id[16])
{
    civil_day day = 0;
    int64_t receipt_no = 0;
    const uint8_t *found = NULL;
    if (bus_uuid_parse(name, ret_request_id))
        return RC_OK;
    CHECK(rule_receipt_parse(name, &day, &receipt_no), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "neither a request id nor a receipt number");
    TRY(store_find_by_receipt(tx, day, receipt_no, &found));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such receipt");
    memcpy(ret_request_id, found, 16);
    return RC_OK;
}

enum rc on_show_request(struct tx *tx, const void *in, void *reply)
{
    const Trien__ShowRequest *call = in;
    Trien__ShowRequestReply *answer = reply;
    uint8_t request_id[16];
    const char *json = NULL;
    TRY(find_named(tx, call->request_id, request_id));
    TRY(view_request(tx, request_id, &json));
    CHECK(json, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such request");
    answer->json = (char *)json;
    return RC_OK;
}

enum rc on_partition_timer(struct tx *tx)
{
    return store_make_partitions(tx, PARTITION_MONTHS_AHEAD);
}
