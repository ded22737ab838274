/* Reading the tree. Complete tiles are read as they are stored; the last one of each level is made
 * of the entries, or of the roots of the tiles below. It writes nothing and keeps nothing in
 * memory: tiles are immutable and PostgreSQL's cache holds the warm ones. */
#include "services/audit/tree.h"

#include "services/audit/store.h"

#define TILE_LEVELS 8
#define TILE (UINT64_C(1) << TILE_LEVELS)

struct tiles {
    struct tile_name names[MERKLE_MAX_NODES];
    struct hash_rows rows[MERKLE_MAX_NODES];
    size_t count;
    size_t of_node[MERKLE_MAX_NODES]; /* the tile each node of the plan is made of */
};

static size_t name_tile(struct tiles *tiles, unsigned level, uint64_t place)
{
    size_t i = 0;

    while (i < tiles->count && (tiles->names[i].level != level || tiles->names[i].place != place))
        i++;
    if (i == tiles->count)
        tiles->names[tiles->count++] = (struct tile_name){level, place};
    return i;
}

static void name_tiles(const struct merkle_plan *plan, struct tiles *tiles)
{
    tiles->count = 0;
    for (size_t i = 0; i < plan->node_count; i++) {
        unsigned level = plan->nodes[i].level / TILE_LEVELS,
                 above = plan->nodes[i].level % TILE_LEVELS;

        tiles->of_node[i] = name_tile(tiles, level, plan->nodes[i].index >> (TILE_LEVELS - above));
    }
}

/* All 256 hashes exist in a journal of this size. */
static bool is_complete(const struct tile_name *tile, uint64_t size)
{
    unsigned shift = (tile->level + 1) * TILE_LEVELS;

    return shift < 64 && tile->place < size >> shift;
}

/* The last tile of a level: what there is of it. */
static enum rc read_begun(struct tx *tx, const struct tile_name *tile, uint64_t size,
                          struct hash_rows *ret_rows)
{
    uint64_t from = tile->place * TILE, to = from + TILE;

    if (tile->level)
        return store_list_tile_roots(tx, tile->level - 1, from, to, ret_rows);
    return store_list_leaf_hashes(tx, from, to < size ? to : size, ret_rows);
}

static enum rc read_tiles(struct tx *tx, uint64_t size, struct tiles *tiles)
{
    struct tile_name complete[MERKLE_MAX_NODES];
    struct hash_rows rows[MERKLE_MAX_NODES];
    size_t count = 0;

    for (size_t i = 0; i < tiles->count; i++)
        if (is_complete(&tiles->names[i], size))
            complete[count++] = tiles->names[i];
    TRY(store_list_tiles(tx, complete, count, rows));
    count = 0;
    for (size_t i = 0; i < tiles->count; i++) {
        if (is_complete(&tiles->names[i], size))
            tiles->rows[i] = rows[count++];
        else
            TRY(read_begun(tx, &tiles->names[i], size, &tiles->rows[i]));
    }
    return RC_OK;
}

enum rc tree_fold(struct tx *tx, uint64_t size, const struct merkle_plan *plan,
                  struct merkle_hash *ret_path)
{
    struct tiles *tiles = ARENA_NEW(tx->arena, struct tiles);
    struct merkle_hash nodes[MERKLE_MAX_NODES];

    name_tiles(plan, tiles);
    TRY(read_tiles(tx, size, tiles));
    for (size_t i = 0; i < plan->node_count; i++) {
        const struct hash_rows *tile = &tiles->rows[tiles->of_node[i]];
        unsigned above = plan->nodes[i].level % TILE_LEVELS;
        uint64_t first = (plan->nodes[i].index << above) % TILE;

        CHECK(first + (UINT64_C(1) << above) <= tile->count, &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
              "hashes of level %u are missing", plan->nodes[i].level - above);
        merkle_perfect(tile->hashes + first, above, &nodes[i]);
    }
    merkle_fold(plan, nodes, ret_path);
    return RC_OK;
}

enum rc tree_root(struct tx *tx, uint64_t size, uint64_t at, struct merkle_hash *ret_root)
{
    struct merkle_plan plan;

    CHECK(at <= size && merkle_plan_root(at, &plan), &tx->err, TRIEN__ERROR__INTERNAL,
          "no tree of %llu entries", (unsigned long long)at);
    return tree_fold(tx, size, &plan, ret_root);
}
