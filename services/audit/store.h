/* audit's tables, one function per statement of store.sql. */
#pragma once

#include "common/merkle.h"
#include "common/svc.h"

extern const struct db_statement store_statements[];

/* What an append starts from. */
struct journal_head {
    uint64_t notable;          /* entries up to the last one that is worth a signature */
    struct merkle_range range; /* size and peaks */
};

/** Takes the row lock that makes sequence numbers dense: last thing before the inserts. REJECT
 *  JOURNAL_FORKED when the row contradicts itself. */
enum rc store_lock_head(struct tx *tx, struct journal_head *ret_head) MUST_USE;
enum rc store_get_head(struct tx *tx, struct journal_head *ret_head) MUST_USE;
enum rc store_set_head(struct tx *tx, const struct journal_head *head) MUST_USE;

/** Rows from sequence `first` on; all arrays have `count` elements. */
struct entry_rows {
    uint64_t first;
    size_t count;
    const struct bytes *leaf_hashes, *leaves, *salts, *contents;
};
enum rc store_insert_entries(struct tx *tx, const struct entry_rows *rows) MUST_USE;

/** A complete tile of 256 hashes. */
enum rc store_insert_tile(struct tx *tx, unsigned level, uint64_t place,
                          const struct merkle_hash *root,
                          const struct merkle_hash *hashes) MUST_USE;

/* Neighbouring hashes of one level, in the message's arena. */
struct hash_rows {
    const struct merkle_hash *hashes;
    size_t count;
};

/** Leaf hashes from `from` on, below `to`; fewer when rows are missing. */
enum rc store_list_leaf_hashes(struct tx *tx, uint64_t from, uint64_t to,
                               struct hash_rows *ret_rows) MUST_USE;
/** Roots of the tiles of a level from place `from` on, below `to`. */
enum rc store_list_tile_roots(struct tx *tx, unsigned level, uint64_t from, uint64_t to,
                              struct hash_rows *ret_rows) MUST_USE;

struct tile_name {
    unsigned level;
    uint64_t place;
};

/** The hashes of tiles as they are in a journal of `size` entries, in the order asked: 256 of a
 *  complete one; fewer than there must be, or none, when rows are missing. */
enum rc store_list_tiles(struct tx *tx, const struct tile_name *tiles, size_t count, uint64_t size,
                         struct hash_rows *ret_tiles) MUST_USE;

struct journal_row {
    uint64_t sequence;
    struct bytes leaf_hash, leaf;
    struct bytes salt, content; /* n 0 when it has left, or is not for everybody */
};

/** Leaves from `from` on, below `to`; with the contents of those that begin a new journal. */
enum rc store_list_entries(struct tx *tx, uint64_t from, uint64_t to, struct journal_row **ret_rows,
                           size_t *ret_count) MUST_USE;

/** The first `limit` rows that are there from `from` on, below `end`, with their contents. The row
 *  that goes beyond `max_bytes` is the last. */
enum rc store_list_journal(struct tx *tx, uint64_t from, uint64_t limit, uint64_t end,
                           uint64_t max_bytes, struct journal_row **ret_rows,
                           size_t *ret_count) MUST_USE;

struct checkpoint_row {
    uint64_t size; /* 0: there is none */
    struct merkle_hash root;
    usec signed_at;
    const char *note;
};
enum rc store_find_last_checkpoint(struct tx *tx, struct checkpoint_row *ret_row) MUST_USE;

/** Size and note of checkpoints beyond a size. */
enum rc store_list_checkpoints(struct tx *tx, uint64_t after, int limit,
                               struct checkpoint_row **ret_rows, size_t *ret_count) MUST_USE;

/** *ret_is_new is false when this size was signed before: nothing is changed then. */
enum rc store_insert_checkpoint(struct tx *tx, const struct checkpoint_row *row,
                                bool *ret_is_new) MUST_USE;

/* The present journal. */
struct journal_row_begun {
    unsigned number;    /* 1: the first, and nothing else is set */
    uint64_t entry;     /* that begins it */
    struct bytes begun; /* serialised JournalBegun */
};
enum rc store_find_journal(struct tx *tx, struct journal_row_begun *ret_row) MUST_USE;
/** A repeat of the number changes nothing. */
enum rc store_insert_journal(struct tx *tx, const struct journal_row_begun *row) MUST_USE;

/* An officer's word on a statement. */
struct word_row {
    const char *officer, *key_id;
    struct bytes signature;
};
/** Words on the statement with this digest, in the order they were said. */
enum rc store_list_words(struct tx *tx, struct bytes statement_sha256, struct word_row **ret_rows,
                         size_t *ret_count) MUST_USE;
enum rc store_insert_word(struct tx *tx, struct bytes statement_sha256, struct bytes statement,
                          const struct word_row *row) MUST_USE;

/** A head waits for its signature. */
enum rc store_find_signing(struct tx *tx, bool *ret_is_signing) MUST_USE;

/** Makes the partitions that entries from this one on will need. */
enum rc store_make_partitions(struct tx *tx, uint64_t sequence) MUST_USE;
