/* The pages of lists as rows: which change with a list, what stands in them, a list's bytes. */
#include <string.h>

#include "common/bus.h"
#include "services/revocation/revocation.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/revocation/store.inc"

static void read_buckets(struct tx *tx, const struct db_rows *rows, size_t *ret_count,
                         const char *const **ret_buckets)
{
    const char **buckets = ARENA_ARRAY(tx->arena, const char *, db_count(rows));

    for (size_t i = 0; i < db_count(rows); i++)
        buckets[i] = db_get_text(rows, i, 0);
    *ret_count = db_count(rows);
    *ret_buckets = buckets;
}

enum rc store_take_fresh(struct tx *tx, const char *issuer, uint64_t number, int32_t limit,
                         size_t *ret_count, const char *const **ret_buckets, usec *ret_ends)
{
    struct db_rows *rows = NULL;
    usec ends = INT64_MAX;

    TRY(DB_RUN(tx, take_fresh, &rows, db_text(issuer), db_int8((int64_t)number), db_int4(limit)));
    read_buckets(tx, rows, ret_count, ret_buckets);
    for (size_t i = 0; i < db_count(rows); i++)
        ends = db_get_time(rows, i, 1) < ends ? db_get_time(rows, i, 1) : ends;
    *ret_ends = ends;
    return RC_OK;
}

enum rc store_list_left(struct tx *tx, const char *issuer, usec from, usec to, size_t *ret_count,
                        const char *const **ret_buckets)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, list_left, &rows, db_text(issuer), db_time(from), db_time(to)));
    read_buckets(tx, rows, ret_count, ret_buckets);
    return RC_OK;
}

enum rc store_set_listed_from(struct tx *tx, const char *issuer, usec listed_from)
{
    return DB_PUSH(tx, set_listed_from, db_text(issuer), db_time(listed_from));
}

enum rc store_list_entries(struct tx *tx, const struct page_names *pages, usec from,
                           size_t *ret_count, struct page_entry **ret_entries)
{
    struct db_rows *rows = NULL;
    struct page_entry *entries;

    TRY(DB_RUN(tx, list_entries, &rows, db_text(pages->issuer),
               db_texts(pages->buckets, pages->count), db_time(from),
               db_int8((int64_t)pages->number)));
    entries = ARENA_ARRAY(tx->arena, struct page_entry, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        entries[i] =
            (struct page_entry){db_get_text(rows, i, 0),
                                {db_get_text(rows, i, 1), db_get_time(rows, i, 2),
                                 (uint32_t)db_get_int(rows, i, 3), db_get_time(rows, i, 4)}};
    *ret_count = db_count(rows);
    *ret_entries = entries;
    return RC_OK;
}

enum rc store_set_pages(struct tx *tx, const struct page_names *pages, const int32_t *entries,
                        const struct bytes *entries_der)
{
    uint8_t(*ids)[16] = arena_array(tx->arena, pages->count, sizeof(*ids));

    for (size_t i = 0; i < pages->count; i++)
        bus_uuid(tx->now, ids[i]);
    return DB_PUSH(tx, set_pages, db_text(pages->issuer), db_int8((int64_t)pages->number),
                   db_uuids((const uint8_t(*)[16])ids, pages->count),
                   db_texts(pages->buckets, pages->count), db_int4s(entries, pages->count),
                   db_byteas(entries_der, pages->count));
}

enum rc store_sum_pages(struct tx *tx, const char *issuer, uint64_t *ret_entries,
                        uint64_t *ret_bytes)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, sum_pages, &rows, db_text(issuer)));
    *ret_entries = (uint64_t)db_get_int(rows, 0, 0);
    *ret_bytes = (uint64_t)db_get_int(rows, 0, 1);
    return RC_OK;
}

/* Whole pages as far as they fit; the first one is cut where the part begins. */
enum rc store_get_entries(struct tx *tx, const char *issuer, uint64_t number, uint64_t offset,
                          size_t size, struct bytes *ret_part)
{
    struct db_rows *rows = NULL;
    uint8_t *part = arena_alloc(tx->arena, size);
    size_t filled = 0;

    TRY(DB_RUN(tx, get_pages, &rows, db_text(issuer), db_int8((int64_t)number),
               db_int8((int64_t)offset), db_int8((int64_t)(offset + size))));
    for (size_t i = 0; i < db_count(rows); i++) {
        uint64_t begins = (uint64_t)db_get_int(rows, i, 0);
        struct bytes page = db_get_bytes(rows, i, 1);
        size_t skip = begins < offset ? (size_t)(offset - begins) : 0;

        if (filled && page.n > size - filled)
            break;
        page = bytes_of(page.p + skip, page.n - skip);
        page.n = page.n < size - filled ? page.n : size - filled;
        memcpy(part + filled, page.p, page.n);
        filled += page.n;
    }
    *ret_part = bytes_of(part, filled);
    return RC_OK;
}
