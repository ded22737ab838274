/* Rows as intake shows them: one function per reading statement of store.sql. */
#include "services/intake/store.h"

#include <string.h>

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/intake/store.inc"

enum rc store_find_part(struct tx *tx, const uint8_t request_id[16], int16_t part, int64_t offset,
                        int64_t max_bytes, bool *ret_found, struct part_slice *ret_slice)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, find_part, &rows, db_uuid(request_id), db_int2(part), db_int8(offset),
               db_int8(max_bytes)));
    *ret_found = db_count(rows) == 1;
    if (*ret_found) {
        ret_slice->chunk = db_get_bytes(rows, 0, 0);
        ret_slice->size_bytes = db_get_int(rows, 0, 1);
        ret_slice->sha256 = db_get_bytes(rows, 0, 2);
    }
    return RC_OK;
}

enum rc store_find_client(struct tx *tx, const char *client_id, struct bytes token_sha256,
                          bool *ret_same)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, find_client, &rows, db_text(client_id)));
    *ret_same = db_count(rows) == 1 && bytes_equal_secret(db_get_bytes(rows, 0, 0), token_sha256) &&
                !db_get_bool(rows, 0, 1);
    return RC_OK;
}

/* The words of a text between single spaces. */
static const char *const *split_words(struct arena *arena, const char *text, size_t *ret_count)
{
    const char **words = ARENA_ARRAY(arena, const char *, strlen(text) / 2 + 1);
    size_t count = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        words[count++] = arena_strndup(arena, text, length);
        text += length + (text[length] == ' ');
    }
    *ret_count = count;
    return words;
}

enum rc store_list_clients(struct tx *tx, const struct client_row **ret_clients, size_t *ret_count)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, list_clients, &rows));
    size_t count = db_count(rows);
    struct client_row *clients = ARENA_ARRAY(tx->arena, struct client_row, count);
    for (size_t i = 0; i < count; i++) {
        clients[i].client_id = db_get_text(rows, i, 0);
        clients[i].name = db_get_text(rows, i, 1);
        clients[i].organ_ids =
            split_words(tx->arena, db_get_text(rows, i, 2), &clients[i].organ_count);
        clients[i].created_at = db_get_time(rows, i, 3);
        clients[i].revoked_at = db_get_time(rows, i, 4);
    }
    *ret_clients = clients;
    *ret_count = count;
    return RC_OK;
}

enum rc store_find_caller(struct tx *tx, const uint8_t token_sha256[32], const char **ret_client_id)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, find_caller, &rows, db_bytea(bytes_of(token_sha256, 32))));
    *ret_client_id = db_count(rows) == 1 ? db_get_text(rows, 0, 0) : NULL;
    return RC_OK;
}

/* The columns of find_request and list_requests. */
static void read_request(const struct db_rows *rows, size_t row, struct request_row *into)
{
    *into = (struct request_row){
        .request_id = db_get_uuid(rows, row, 0),
        .receipt_no = db_get_int(rows, row, 1),
        .received_at = db_get_time(rows, row, 2),
        .state = db_get_text(rows, row, 3),
        .form = db_get_text(rows, row, 4),
        .organ_id = db_get_text(rows, row, 5),
        .agency_name = db_get_text(rows, row, 6),
        .document_number = db_get_text(rows, row, 7),
        .document_date = db_get_text(rows, row, 8),
        .due_on = db_get_text(rows, row, 9),
        .document_sha256 = db_get_bytes(rows, row, 10),
        .reasons = db_get_text(rows, row, 11),
        .item_count = (int32_t)db_get_int(rows, row, 12),
    };
}

enum rc store_find_request(struct tx *tx, const uint8_t request_id[16],
                           const struct request_row **ret_request)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, find_request, &rows, db_uuid(request_id)));
    struct request_row *request = NULL;
    if (db_count(rows) == 1) {
        request = ARENA_NEW(tx->arena, struct request_row);
        read_request(rows, 0, request);
    }
    *ret_request = request;
    return RC_OK;
}

enum rc store_find_readable(struct tx *tx, const uint8_t request_id[16], const char *client_id,
                            bool *ret_readable)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, find_readable, &rows, db_uuid(request_id), db_text(client_id)));
    *ret_readable = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_find_by_receipt(struct tx *tx, civil_day day, int64_t receipt_no,
                              const uint8_t **ret_request_id)
{
    struct db_rows *rows = NULL;
    uint8_t first[16], end[16];
    rule_id_floor(clock_day_start(day), first);
    rule_id_floor(clock_day_start(day + 1), end);
    TRY(DB_RUN(tx, find_by_receipt, &rows, db_int8(receipt_no), db_uuid(first), db_uuid(end)));
    *ret_request_id = db_count(rows) == 1 ? db_get_uuid(rows, 0, 0) : NULL;
    return RC_OK;
}

enum rc store_list_items(struct tx *tx, const uint8_t request_id[16],
                         const struct item_row **ret_items, size_t *ret_count)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, list_items, &rows, db_uuid(request_id)));
    size_t count = db_count(rows);
    struct item_row *items = ARENA_ARRAY(tx->arena, struct item_row, count);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct item_row){
            .number = (int32_t)db_get_int(rows, i, 0),
            .state = db_get_text(rows, i, 1),
            .subscriber_name = db_get_text(rows, i, 2),
            .profile = db_get_text(rows, i, 3),
            .device_kind = db_get_text(rows, i, 4),
            .serial = db_get_text(rows, i, 5),
            .issuer = db_get_text(rows, i, 6),
            .not_before = db_get_time(rows, i, 7),
            .not_after = db_get_time(rows, i, 8),
            .reasons = db_get_text(rows, i, 9),
            .revoked_at = db_get_time(rows, i, 10),
        };
    *ret_items = items;
    *ret_count = count;
    return RC_OK;
}

enum rc store_list_timeline(struct tx *tx, const uint8_t request_id[16],
                            struct timeline_row **ret_lines, size_t *ret_count)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, list_timeline, &rows, db_uuid(request_id)));
    size_t count = db_count(rows);
    struct timeline_row *lines = ARENA_ARRAY(tx->arena, struct timeline_row, count);
    for (size_t i = 0; i < count; i++)
        lines[i] = (struct timeline_row){
            .at = db_get_time(rows, i, 0),
            .event = db_get_text(rows, i, 1),
            .item = (int32_t)db_get_int(rows, i, 2),
            .subject = db_get_text(rows, i, 3),
            .detail = db_get_text(rows, i, 4),
        };
    *ret_lines = lines;
    *ret_count = count;
    return RC_OK;
}

enum rc store_find_certificate(struct tx *tx, const uint8_t request_id[16], const char *serial,
                               struct bytes *ret_der)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, find_certificate, &rows, db_uuid(request_id), db_text(serial)));
    *ret_der = db_count(rows) == 1 ? db_get_bytes(rows, 0, 0) : (struct bytes){0};
    return RC_OK;
}

enum rc store_list_requests(struct tx *tx, const struct page_query *query,
                            const struct request_row **ret_requests, size_t *ret_count)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, list_requests, &rows, db_text(query->client_id), db_text(query->state),
               db_text(query->agency), db_uuid(query->after), db_int4(query->limit)));
    size_t count = db_count(rows);
    struct request_row *requests = ARENA_ARRAY(tx->arena, struct request_row, count);
    for (size_t i = 0; i < count; i++)
        read_request(rows, i, &requests[i]);
    *ret_requests = requests;
    *ret_count = count;
    return RC_OK;
}
