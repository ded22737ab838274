/* What stands in a list. Entries lie in pages by serial number; a new list writes those anew in
 * which something changed, and only those are read. So a revocation costs a page, not a list, and
 * what is held in memory is a few pages whatever the number of entries. */
#include <stdlib.h>
#include <string.h>

#include "services/revocation/revocation.h"

/* Of the revocations that wait, a list takes so many; the next one follows after the pause. */
#define FRESH_MAX 50000
/* Pages that are written together, the memory for them, and the longest one: it travels in one
 * call. A page has some 250 entries when the list has a million. */
#define PAGES_AT_ONCE 32
#define PAGES_ARENA_BYTES ((size_t)96 * 1024 * 1024)
#define PAGE_MAX_BYTES ((size_t)1024 * 1024)

/* A few pages on their way. */
struct writing {
    struct page_names pages;
    usec from; /* certificates that ended before are left out */
};

/* Entries of one page follow each other. */
static enum rc write_page(struct tx *tx, const char *name, const struct page_entry *entries,
                          size_t count, struct bytes *ret_der)
{
    uint8_t *der = arena_array(tx->arena, count + 1, TBS_ENTRY_MAX_BYTES);
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += tbs_entry_write(&entries[i].entry, der + size);
    CHECK(size <= PAGE_MAX_BYTES, &tx->err, TRIEN__ERROR__INTERNAL, "page %s has %zu bytes", name,
          size);
    *ret_der = bytes_of(der, size);
    return RC_OK;
}

static enum rc write_some(struct tx *tx, void *arg)
{
    const struct writing *writing = arg;
    const struct page_names *pages = &writing->pages;
    int32_t *counts = ARENA_ARRAY(tx->arena, int32_t, pages->count);
    struct bytes *ders = ARENA_ARRAY(tx->arena, struct bytes, pages->count);
    struct page_entry *entries;
    size_t count = 0, at = 0;

    TRY(store_list_entries(tx, pages, writing->from, &count, &entries));
    for (size_t page = 0; page < pages->count; page++) {
        size_t first = at;

        while (at < count && strcmp(entries[at].bucket, pages->buckets[page]) == 0)
            at++;
        counts[page] = (int32_t)(at - first);
        TRY(write_page(tx, pages->buckets[page], entries + first, at - first, &ders[page]));
    }
    CHECK(at == count, &tx->err, TRIEN__ERROR__INTERNAL, "pages of %s are out of order",
          pages->issuer);
    return store_set_pages(tx, pages, counts, ders);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Both together, each once, in order. */
static const char *const *merge(struct tx *tx, const char *const *some, size_t some_count,
                                const char *const *others, size_t other_count, size_t *ret_count)
{
    const char **all = ARENA_ARRAY(tx->arena, const char *, some_count + other_count + 1);
    size_t count = 0;

    memcpy(all, some, some_count * sizeof(*all));
    memcpy(all + some_count, others, other_count * sizeof(*all));
    qsort(all, some_count + other_count, sizeof(*all), by_name);
    for (size_t i = 0; i < some_count + other_count; i++)
        if (count == 0 || strcmp(all[count - 1], all[i]) != 0)
            all[count++] = all[i];
    *ret_count = count;
    return all;
}

/* The pages that this list has otherwise than the one before it. *ret_left_from: from when on the
 * next list looks for certificates that ended; one that is late stands on this list alone. */
static enum rc list_changed(struct tx *tx, const struct issuer_row *row, const struct writing *list,
                            size_t *ret_count, const char *const **ret_buckets, usec *ret_left_from)
{
    const struct page_names *pages = &list->pages;
    const char *const *fresh, *const *left;
    size_t fresh_count = 0, left_count = 0;
    usec ends = 0;

    TRY(store_take_fresh(tx, pages->issuer, pages->number, FRESH_MAX, &fresh_count, &fresh, &ends));
    TRY(store_list_left(tx, pages->issuer, row->listed_from, list->from, &left_count, &left));
    *ret_buckets = merge(tx, fresh, fresh_count, left, left_count, ret_count);
    *ret_left_from = ends < list->from ? ends : list->from;
    return RC_OK;
}

enum rc pages_write(struct tx *tx, const struct issuer_row *row, struct list_row *ret_list)
{
    struct writing writing = {.pages = {ret_list->issuer, ret_list->number, NULL, 0},
                              .from = rule_listed_from(row->issued_update)};
    const char *const *buckets;
    usec left_from = 0;
    size_t count = 0;

    TRY(list_changed(tx, row, &writing, &count, &buckets, &left_from));
    for (size_t at = 0; at < count; at += PAGES_AT_ONCE) {
        writing.pages.buckets = buckets + at;
        writing.pages.count = count - at < PAGES_AT_ONCE ? count - at : PAGES_AT_ONCE;
        TRY(tx_apart(tx, PAGES_ARENA_BYTES, write_some, &writing));
    }
    TRY(store_set_listed_from(tx, ret_list->issuer, left_from));
    return store_sum_pages(tx, ret_list->issuer, &ret_list->entries, &ret_list->entries_bytes);
}
