/* Pieces of parts that wait for their SubmitRequest: one function per statement of store.sql. */
#include "services/intake/store.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/intake/store.inc"

enum rc store_count_pieces(struct tx *tx, const char *client_id, int64_t *ret_bytes)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, count_pieces, &rows, db_text(client_id)));
    *ret_bytes = db_get_int(rows, 0, 0);
    return RC_OK;
}

enum rc store_insert_piece(struct tx *tx, const struct piece *piece, bool *ret_fits)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, insert_piece, &rows, db_text(piece->client_id), db_text(piece->key),
               db_int2(piece->part), db_int8(piece->offset), db_bytea(piece->content),
               db_time(tx->now)));
    *ret_fits = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_join_pieces(struct tx *tx, const char *client_id, const char *key, int16_t part,
                          int64_t limit_bytes, struct bytes *ret_content)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, join_pieces, &rows, db_text(client_id), db_text(key), db_int2(part),
               db_int8(limit_bytes)));
    *ret_content = db_count(rows) == 1 ? db_get_bytes(rows, 0, 0) : (struct bytes){0};
    return RC_OK;
}

enum rc store_delete_pieces(struct tx *tx, const char *client_id, const char *key)
{
    return DB_PUSH(tx, delete_pieces, db_text(client_id), db_text(key));
}

enum rc store_delete_pieces_before(struct tx *tx, usec before)
{
    return DB_PUSH(tx, delete_pieces_before, db_time(before));
}

enum rc store_find_key(struct tx *tx, const char *client_id, const char *key,
                       struct bytes *ret_post_sha256)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_key, &rows, db_text(client_id), db_text(key)));
    *ret_post_sha256 = db_count(rows) == 1 ? db_get_bytes(rows, 0, 0) : (struct bytes){0};
    return RC_OK;
}
