/* audit's statements: binds, runs, reads. No rules, no memory beyond the message. */
#include "services/audit/store.h"

#include <string.h>

#include "gen/services/audit/store.inc"

#define HASH MERKLE_HASH_BYTES

static struct bytes hash_bytes(const struct merkle_hash *hash)
{
    return bytes_of(hash->b, sizeof(hash->b));
}

/* --- the head ----------------------------------------------------------------------------------
 */

static enum rc read_head(struct tx *tx, const struct db_rows *rows, struct journal_head *ret_head)
{
    struct journal_head head = {0};
    struct bytes peaks = {0};

    if (db_count(rows)) {
        head.range.size = (uint64_t)db_get_int(rows, 0, 0);
        head.notable = (uint64_t)db_get_int(rows, 0, 1);
        peaks = db_get_bytes(rows, 0, 2);
    }
    CHECK(db_count(rows) == 1 && head.range.size <= MERKLE_MAX_SIZE &&
              peaks.n == merkle_peaks(head.range.size) * HASH,
          &tx->err, TRIEN__ERROR__JOURNAL_FORKED, "journal_head contradicts itself");
    if (peaks.n)
        memcpy(head.range.peaks, peaks.p, peaks.n);
    *ret_head = head;
    return RC_OK;
}

enum rc store_lock_head(struct tx *tx, struct journal_head *ret_head)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_lock_head, &rows, 0, NULL));
    return read_head(tx, rows, ret_head);
}

enum rc store_get_head(struct tx *tx, struct journal_head *ret_head)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_get_head, &rows, 0, NULL));
    return read_head(tx, rows, ret_head);
}

enum rc store_set_head(struct tx *tx, const struct journal_head *head)
{
    struct bytes peaks = bytes_of(head->range.peaks, merkle_peaks(head->range.size) * HASH);

    return DB_PUSH(tx, set_head, db_int8((int64_t)head->range.size),
                   db_int8((int64_t)head->notable), db_bytea(peaks));
}

/* --- entries and tiles -------------------------------------------------------------------------
 */

enum rc store_insert_entries(struct tx *tx, const struct entry_rows *rows)
{
    TRY(DB_PUSH(tx, insert_entries, db_int8((int64_t)rows->first),
                db_byteas(rows->leaf_hashes, rows->count), db_byteas(rows->leaves, rows->count)));
    return DB_PUSH(tx, insert_contents, db_int8((int64_t)rows->first),
                   db_byteas(rows->salts, rows->count), db_byteas(rows->contents, rows->count));
}

enum rc store_insert_tile(struct tx *tx, unsigned level, uint64_t place,
                          const struct merkle_hash *root, const struct merkle_hash *hashes)
{
    return DB_PUSH(tx, insert_tile, db_int2((int16_t)level), db_int8((int64_t)place),
                   db_bytea(hash_bytes(root)), db_bytea(bytes_of(hashes, 256 * HASH)));
}

/* One hash a row. */
static struct hash_rows read_hashes(struct tx *tx, const struct db_rows *rows)
{
    struct merkle_hash *hashes = ARENA_ARRAY(tx->arena, struct merkle_hash, db_count(rows) + 1);

    for (size_t i = 0; i < db_count(rows); i++) {
        struct bytes hash = db_get_bytes(rows, i, 0);
        memcpy(hashes[i].b, hash.p, hash.n < HASH ? hash.n : HASH);
    }
    return (struct hash_rows){hashes, db_count(rows)};
}

enum rc store_list_leaf_hashes(struct tx *tx, uint64_t from, uint64_t to,
                               struct hash_rows *ret_rows)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_leaf_hashes, &rows, db_int8((int64_t)from), db_int8((int64_t)to)));
    *ret_rows = read_hashes(tx, rows);
    return RC_OK;
}

enum rc store_list_tile_roots(struct tx *tx, unsigned level, uint64_t from, uint64_t to,
                              struct hash_rows *ret_rows)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_tile_roots, &rows, db_int2((int16_t)level), db_int8((int64_t)from),
               db_int8((int64_t)to)));
    *ret_rows = read_hashes(tx, rows);
    return RC_OK;
}

enum rc store_list_tiles(struct tx *tx, const struct tile_name *tiles, size_t count, uint64_t size,
                         struct hash_rows *ret_tiles)
{
    int16_t *levels = ARENA_ARRAY(tx->arena, int16_t, count + 1);
    int64_t *places = ARENA_ARRAY(tx->arena, int64_t, count + 1);
    struct db_rows *rows;

    for (size_t i = 0; i < count; i++) {
        levels[i] = (int16_t)tiles[i].level;
        places[i] = (int64_t)tiles[i].place;
        ret_tiles[i] = (struct hash_rows){NULL, 0};
    }
    if (!count)
        return RC_OK;
    TRY(DB_RUN(tx, list_tiles, &rows, db_int2s(levels, count), db_int8s(places, count),
               db_int8((int64_t)size)));
    for (size_t i = 0; i < db_count(rows); i++) {
        struct bytes hashes = db_get_bytes(rows, i, 1);
        ret_tiles[db_get_int(rows, i, 0) - 1] =
            (struct hash_rows){(const struct merkle_hash *)hashes.p, hashes.n / HASH};
    }
    return RC_OK;
}

/* --- readers of the journal --------------------------------------------------------------------
 */

static struct journal_row *read_rows(struct tx *tx, const struct db_rows *rows)
{
    struct journal_row *list = ARENA_ARRAY(tx->arena, struct journal_row, db_count(rows) + 1);

    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct journal_row){.sequence = (uint64_t)db_get_int(rows, i, 0),
                                       .leaf_hash = db_get_bytes(rows, i, 1),
                                       .leaf = db_get_bytes(rows, i, 2),
                                       .salt = db_get_bytes(rows, i, 3),
                                       .content = db_get_bytes(rows, i, 4)};
    return list;
}

enum rc store_list_entries(struct tx *tx, uint64_t from, uint64_t to, struct journal_row **ret_rows,
                           size_t *ret_count)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_entries, &rows, db_int8((int64_t)from), db_int8((int64_t)to)));
    *ret_rows = read_rows(tx, rows);
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_list_journal(struct tx *tx, uint64_t from, uint64_t limit, uint64_t end,
                           uint64_t max_bytes, struct journal_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_journal, &rows, db_int8((int64_t)from), db_int8((int64_t)limit),
               db_int8((int64_t)end), db_int8((int64_t)max_bytes)));
    *ret_rows = read_rows(tx, rows);
    *ret_count = db_count(rows);
    return RC_OK;
}

/* --- checkpoints -------------------------------------------------------------------------------
 */

enum rc store_find_last_checkpoint(struct tx *tx, struct checkpoint_row *ret_row)
{
    struct checkpoint_row row = {.note = ""};
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_find_last_checkpoint, &rows, 0, NULL));
    if (db_count(rows)) {
        row.size = (uint64_t)db_get_int(rows, 0, 0);
        memcpy(row.root.b, db_get_bytes(rows, 0, 1).p, HASH);
        row.signed_at = db_get_time(rows, 0, 2);
        row.note = db_get_text(rows, 0, 3);
    }
    *ret_row = row;
    return RC_OK;
}

enum rc store_list_checkpoints(struct tx *tx, uint64_t after, int limit,
                               struct checkpoint_row **ret_rows, size_t *ret_count)
{
    struct checkpoint_row *list;
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_checkpoints, &rows, db_int8((int64_t)after), db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct checkpoint_row, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct checkpoint_row){.size = (uint64_t)db_get_int(rows, i, 0),
                                          .note = db_get_text(rows, i, 1)};
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_insert_checkpoint(struct tx *tx, const struct checkpoint_row *row, bool *ret_is_new)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, insert_checkpoint, &rows, db_int8((int64_t)row->size),
               db_bytea(hash_bytes(&row->root)), db_time(row->signed_at), db_text(row->note)));
    *ret_is_new = db_count(rows) == 1;
    return RC_OK;
}

/* --- journals after the first ------------------------------------------------------------------
 */

enum rc store_find_journal(struct tx *tx, struct journal_row_begun *ret_row)
{
    struct journal_row_begun row = {.number = 1};
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_find_journal, &rows, 0, NULL));
    if (db_count(rows)) {
        row.number = (unsigned)db_get_int(rows, 0, 0);
        row.entry = (uint64_t)db_get_int(rows, 0, 1);
        row.begun = db_get_bytes(rows, 0, 2);
    }
    *ret_row = row;
    return RC_OK;
}

enum rc store_insert_journal(struct tx *tx, const struct journal_row_begun *row)
{
    return DB_PUSH(tx, insert_journal, db_int4((int32_t)row->number), db_int8((int64_t)row->entry),
                   db_bytea(row->begun));
}

enum rc store_list_words(struct tx *tx, struct bytes statement_sha256, struct word_row **ret_rows,
                         size_t *ret_count)
{
    struct word_row *list;
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_words, &rows, db_bytea(statement_sha256)));
    list = ARENA_ARRAY(tx->arena, struct word_row, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct word_row){.officer = db_get_text(rows, i, 0),
                                    .key_id = db_get_text(rows, i, 1),
                                    .signature = db_get_bytes(rows, i, 2)};
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_insert_word(struct tx *tx, struct bytes statement_sha256, struct bytes statement,
                          const struct word_row *row)
{
    return DB_PUSH(tx, insert_word, db_bytea(statement_sha256), db_text(row->officer),
                   db_text(row->key_id), db_bytea(statement), db_bytea(row->signature),
                   db_time(tx->now));
}

enum rc store_find_signing(struct tx *tx, bool *ret_is_signing)
{
    struct db_rows *rows;

    TRY(db_run(tx, &stmt_is_signing, &rows, 0, NULL));
    *ret_is_signing = db_get_bool(rows, 0, 0);
    return RC_OK;
}

enum rc store_make_partitions(struct tx *tx, uint64_t sequence)
{
    struct db_rows *rows;

    return DB_RUN(tx, make_partitions, &rows, db_int8((int64_t)sequence));
}
