/* Reading the tree: one statement reads every tile that a plan needs. It writes nothing and keeps
 * nothing in memory: tiles are immutable and PostgreSQL's cache holds the warm ones. */
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
    for (size_t i = 0; i < plan->node_count; i++) {
        unsigned level = plan->nodes[i].level / TILE_LEVELS,
                 above = plan->nodes[i].level % TILE_LEVELS;

        tiles->of_node[i] = name_tile(tiles, level, plan->nodes[i].index >> (TILE_LEVELS - above));
    }
}

/* Hashes that a tile has in a journal of this size. */
static uint64_t hashes_of(const struct tile_name *tile, uint64_t size)
{
    uint64_t all = size >> (tile->level * TILE_LEVELS), before = tile->place * TILE;

    return all <= before ? 0 : all - before < TILE ? all - before : TILE;
}

enum rc tree_fold(struct tx *tx, uint64_t size, const struct merkle_plan *plan,
                  struct merkle_hash *ret_path)
{
    struct tiles *tiles = ARENA_NEW(tx->arena, struct tiles);
    struct merkle_hash nodes[MERKLE_MAX_NODES];

    name_tiles(plan, tiles);
    TRY(store_list_tiles(tx, tiles->names, tiles->count, size, tiles->rows));
    for (size_t i = 0; i < plan->node_count; i++) {
        const struct tile_name *name = &tiles->names[tiles->of_node[i]];
        const struct hash_rows *tile = &tiles->rows[tiles->of_node[i]];
        unsigned above = plan->nodes[i].level % TILE_LEVELS;
        uint64_t first = (plan->nodes[i].index << above) % TILE;

        CHECK(tile->count == hashes_of(name, size) && first + (UINT64_C(1) << above) <= tile->count,
              &tx->err, TRIEN__ERROR__JOURNAL_FORKED, "hashes of level %u are missing",
              name->level * TILE_LEVELS);
        merkle_perfect(tile->hashes + first, above, &nodes[i]);
    }
    merkle_fold(plan, nodes, ret_path);
    return RC_OK;
}

enum rc tree_inclusion(struct tx *tx, uint64_t size, uint64_t entry, const struct merkle_plan *plan,
                       struct merkle_hash *ret_leaf, struct merkle_hash *ret_path)
{
    struct merkle_plan with_leaf = *plan;
    struct merkle_hash path[MERKLE_MAX_PATH];

    /* One element more: the leaf itself. */
    with_leaf.nodes[with_leaf.node_count++] = (struct merkle_address){0, entry};
    with_leaf.groups[with_leaf.element_count++] = 1;
    TRY(tree_fold(tx, size, &with_leaf, path));
    memcpy(ret_path, path, plan->element_count * sizeof(*path));
    *ret_leaf = path[plan->element_count];
    return RC_OK;
}

enum rc tree_root(struct tx *tx, uint64_t size, uint64_t at, struct merkle_hash *ret_root)
{
    struct merkle_plan plan;

    CHECK(at <= size && merkle_plan_root(at, &plan), &tx->err, TRIEN__ERROR__INTERNAL,
          "no tree of %llu entries", (unsigned long long)at);
    return tree_fold(tx, size, &plan, ret_root);
}
