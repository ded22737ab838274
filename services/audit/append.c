/* Appending. What can be computed without a sequence number is done before the head is locked;
 * under the lock only leaves are packed and hashed, and everything goes to the database in one
 * pipeline. Nothing that stands is ever changed. */
#include "services/audit/append.h"

#include <openssl/rand.h>
#include <string.h>

#include "common/journal_break.h"
#include "proto/audit.pb-c.h"
#include "services/audit/rules.h"
#include "services/audit/store.h"

#define SALT_BYTES 16
#define TILE 256

struct batch {
    const char *feed;
    Trien__Event *const *events;
    size_t count;
    struct bytes *salts, *contents, *leaves, *leaf_hashes;
    uint8_t (*digests)[32];
    struct merkle_hash *hashes;
};

/* --- without the lock --------------------------------------------------------------------------
 */

static struct bytes pack(struct tx *tx, const ProtobufCMessage *message)
{
    uint8_t *out = arena_alloc(tx->arena, protobuf_c_message_get_packed_size(message));

    return bytes_of(out, protobuf_c_message_pack(message, out));
}

/* SHA-256(salt || content). */
static void salted_digest(struct tx *tx, struct bytes salt, struct bytes content, uint8_t ret[32])
{
    uint8_t *both = arena_alloc(tx->arena, salt.n + content.n);

    memcpy(both, salt.p, salt.n);
    memcpy(both + salt.n, content.p, content.n);
    bytes_sha256(bytes_of(both, salt.n + content.n), ret);
}

static enum rc prepare(struct tx *tx, struct batch *batch)
{
    size_t n = batch->count;
    uint8_t *salts = arena_alloc(tx->arena, n * SALT_BYTES);

    CHECK(RAND_bytes(salts, (int)(n * SALT_BYTES)) == 1, &tx->err, TRIEN__ERROR__INTERNAL,
          "no random numbers");
    batch->salts = ARENA_ARRAY(tx->arena, struct bytes, n);
    batch->contents = ARENA_ARRAY(tx->arena, struct bytes, n);
    batch->leaves = ARENA_ARRAY(tx->arena, struct bytes, n);
    batch->leaf_hashes = ARENA_ARRAY(tx->arena, struct bytes, n);
    batch->digests = arena_array(tx->arena, n, sizeof(*batch->digests));
    batch->hashes = ARENA_ARRAY(tx->arena, struct merkle_hash, n);
    for (size_t i = 0; i < n; i++) {
        Trien__JournalContent content = TRIEN__JOURNAL_CONTENT__INIT;

        content.key = batch->events[i]->key;
        content.payload = batch->events[i]->payload;
        batch->salts[i] = bytes_of(salts + i * SALT_BYTES, SALT_BYTES);
        batch->contents[i] = pack(tx, &content.base);
        salted_digest(tx, batch->salts[i], batch->contents[i], batch->digests[i]);
    }
    return RC_OK;
}

/* --- under the lock ----------------------------------------------------------------------------
 */

static void make_leaf(struct tx *tx, struct batch *batch, size_t i, uint64_t sequence)
{
    const Trien__Event *event = batch->events[i];
    Trien__JournalLeaf leaf = TRIEN__JOURNAL_LEAF__INIT;

    leaf.version = 1;
    leaf.sequence = sequence;
    leaf.feed = (char *)batch->feed;
    leaf.partition = event->partition;
    leaf.offset = event->offset;
    leaf.event_id = event->id;
    leaf.type = event->type;
    leaf.created_at = event->created_at;
    leaf.appended_at = tx->now;
    leaf.content_sha256 = (ProtobufCBinaryData){32, batch->digests[i]};
    batch->leaves[i] = pack(tx, &leaf.base);
    merkle_leaf(batch->leaves[i], &batch->hashes[i]);
    batch->leaf_hashes[i] = bytes_of(batch->hashes[i].b, sizeof(batch->hashes[i].b));
}

/* Hashes of a level that stand before the batch in the tile it begins in. They must fold to the
 * peaks of the head: what was changed since is not built upon. */
static enum rc load_begun(struct tx *tx, const struct merkle_range *before, unsigned level,
                          uint64_t start, struct merkle_hash *ret_hashes)
{
    uint64_t from = start - start % TILE;
    unsigned first = merkle_peaks(start / TILE), count = merkle_peaks(start % TILE);
    struct merkle_range range = {0};
    struct hash_rows rows;

    if (from == start)
        return RC_OK;
    TRY(level == 0 ? store_list_leaf_hashes(tx, from, start, &rows)
                   : store_list_tile_roots(tx, level - 1, from, start, &rows));
    for (size_t i = 0; i < rows.count; i++)
        merkle_append(&range, &rows.hashes[i]);
    CHECK(rows.count == start - from &&
              memcmp(range.peaks, before->peaks + first, count * sizeof(*range.peaks)) == 0,
          &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "level %u of the tree from %llu on is not what the head was made of", level,
          (unsigned long long)from);
    memcpy(ret_hashes, rows.hashes, rows.count * sizeof(*ret_hashes));
    return RC_OK;
}

/* Stores the tiles that `fresh` hashes of a level complete, then those that these complete one
 * level up, and so on. */
static enum rc add_tiles(struct tx *tx, const struct merkle_range *before,
                         const struct merkle_hash *fresh, size_t count)
{
    uint64_t start = before->size;

    for (unsigned level = 0;; level++) {
        size_t begun = start % TILE, tiles = (begun + count) / TILE;
        struct merkle_hash *all, *roots;

        if (!tiles)
            return RC_OK;
        all = ARENA_ARRAY(tx->arena, struct merkle_hash, begun + count);
        roots = ARENA_ARRAY(tx->arena, struct merkle_hash, tiles);
        TRY(load_begun(tx, before, level, start, all));
        memcpy(all + begun, fresh, count * sizeof(*all));
        for (size_t t = 0; t < tiles; t++) {
            merkle_perfect(all + t * TILE, 8, &roots[t]);
            TRY(store_insert_tile(tx, level, start / TILE + t, &roots[t], all + t * TILE));
        }
        start /= TILE;
        fresh = roots;
        count = tiles;
    }
}

/* The journal's own word that a new one begins here, after what stands. What it says was held
 * against everything when it was said, and is again before the first head is signed (past.c). */
static enum rc begin_journal(struct tx *tx, const Trien__Event *event, uint64_t sequence)
{
    struct bytes payload = bytes_of(event->payload.data, event->payload.len);
    const Trien__JournalBegun *begun =
        trien__journal_begun__unpack(arena_allocator(tx->arena), payload.n, payload.p);
    const Trien__JournalBreak *said =
        begun ? trien__journal_break__unpack(arena_allocator(tx->arena), begun->statement.len,
                                             begun->statement.data)
              : NULL;
    const struct journal_row_begun row = {said ? said->number : 0, sequence, payload};

    return row.number < 2 || row.number > JOURNAL_MAX_NUMBER ? RC_OK
                                                             : store_insert_journal(tx, &row);
}

static enum rc begin_journals(struct tx *tx, const struct batch *batch, uint64_t first)
{
    for (size_t i = 0; i < batch->count; i++)
        if (rule_begins_journal(batch->feed, batch->events[i]->type))
            TRY(begin_journal(tx, batch->events[i], first + i));
    return RC_OK;
}

enum rc journal_append(struct tx *tx, const char *feed, Trien__Event *const *events, size_t count)
{
    struct batch batch = {.feed = feed, .events = events, .count = count};
    struct merkle_range before;
    struct journal_head head;

    TRY(prepare(tx, &batch));
    TRY(store_lock_head(tx, &head));
    before = head.range;
    CHECK(before.size + count <= MERKLE_MAX_SIZE, &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the journal is full");
    for (size_t i = 0; i < count; i++) {
        make_leaf(tx, &batch, i, before.size + i);
        merkle_append(&head.range, &batch.hashes[i]);
        if (rule_is_notable(feed, events[i]->type))
            head.notable = head.range.size;
    }
    TRY(add_tiles(tx, &before, batch.hashes, count));
    const struct entry_rows rows = {before.size,  count,       batch.leaf_hashes,
                                    batch.leaves, batch.salts, batch.contents};
    TRY(store_insert_entries(tx, &rows));
    TRY(begin_journals(tx, &batch, before.size));
    return store_set_head(tx, &head);
}
