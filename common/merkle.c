/* Merkle trees as in RFC 9162: pure computation. It stores nothing and trusts no proof it did not
 * compute to the root. */
#include "common/merkle.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One digest context a thread: fetching the algorithm anew costs more than hashing a node. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;
static EVP_MD *sha256;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void prepare(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256 || pthread_key_create(&context_key, free_context) != 0)
        abort();
}

static EVP_MD_CTX *own_context(void)
{
    EVP_MD_CTX *context;

    pthread_once(&once, prepare);
    context = pthread_getspecific(context_key);
    if (!context) {
        context = EVP_MD_CTX_new();
        if (!context || pthread_setspecific(context_key, context) != 0)
            abort();
    }
    return context;
}

static void hash_prefixed(uint8_t prefix, struct bytes a, struct bytes b,
                          struct merkle_hash *ret_hash)
{
    EVP_MD_CTX *context = own_context();

    if (EVP_DigestInit_ex2(context, sha256, NULL) != 1 ||
        EVP_DigestUpdate(context, &prefix, 1) != 1 || EVP_DigestUpdate(context, a.p, a.n) != 1 ||
        EVP_DigestUpdate(context, b.p, b.n) != 1 ||
        EVP_DigestFinal_ex(context, ret_hash->b, NULL) != 1)
        abort();
}

void merkle_leaf(struct bytes entry, struct merkle_hash *ret_hash)
{
    hash_prefixed(0, entry, bytes_of("", 0), ret_hash);
}

void merkle_pair(const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *ret_hash)
{
    hash_prefixed(1, bytes_of(left->b, sizeof(left->b)), bytes_of(right->b, sizeof(right->b)),
                  ret_hash);
}

void merkle_perfect(const struct merkle_hash *leaves, unsigned levels, struct merkle_hash *ret_hash)
{
    struct merkle_range range = {0};

    for (uint64_t i = 0; i < UINT64_C(1) << levels; i++)
        merkle_append(&range, &leaves[i]);
    *ret_hash = range.peaks[0];
}

bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* --- appending -------------------------------------------------------------------------------- */

unsigned merkle_peaks(uint64_t size)
{
    return (unsigned)__builtin_popcountll(size);
}

void merkle_append(struct merkle_range *range, const struct merkle_hash *leaf)
{
    unsigned count = merkle_peaks(range->size);
    struct merkle_hash hash = *leaf;

    /* Every set bit at the low end is a peak that the new one completes. */
    for (uint64_t rest = range->size; rest & 1; rest >>= 1)
        merkle_pair(&range->peaks[--count], &hash, &hash);
    range->peaks[count] = hash;
    range->size++;
}

static void fold(const struct merkle_hash *peaks, size_t count, struct merkle_hash *ret_root)
{
    struct merkle_hash hash = peaks[count - 1];

    for (size_t i = count - 1; i > 0; i--)
        merkle_pair(&peaks[i - 1], &hash, &hash);
    *ret_root = hash;
}

void merkle_root(const struct merkle_range *range, struct merkle_hash *ret_root)
{
    if (range->size)
        fold(range->peaks, merkle_peaks(range->size), ret_root);
    else
        bytes_sha256(bytes_of("", 0), ret_root->b);
}

/* --- proofs ------------------------------------------------------------------------------------
 */

/* The largest power of two below n, for n > 1. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* One element: the subtree over `size` leaves from `start`, a multiple of a power of two that is
 * not below size. */
static void add_subtree(struct merkle_plan *plan, uint64_t start, uint64_t size)
{
    unsigned count = 0;

    for (uint64_t rest = size; rest;) {
        unsigned level = 63 - (unsigned)__builtin_clzll(rest);

        plan->nodes[plan->node_count++] = (struct merkle_address){level, start >> level};
        start += UINT64_C(1) << level;
        rest -= UINT64_C(1) << level;
        count++;
    }
    plan->groups[plan->element_count++] = (uint8_t)count;
}

/* Elements were found from the root down, a path goes from the leaf up. */
static void turn_around(struct merkle_plan *plan)
{
    struct merkle_plan turned = {.node_count = plan->node_count,
                                 .element_count = plan->element_count};
    size_t from = plan->node_count, to = 0;

    for (size_t e = 0; e < plan->element_count; e++) {
        uint8_t count = plan->groups[plan->element_count - 1 - e];

        from -= count;
        memcpy(&turned.nodes[to], &plan->nodes[from], count * sizeof(*plan->nodes));
        to += count;
        turned.groups[e] = count;
    }
    *plan = turned;
}

bool merkle_plan_root(uint64_t size, struct merkle_plan *ret_plan)
{
    ret_plan->node_count = ret_plan->element_count = 0;
    if (size == 0 || size > MERKLE_MAX_SIZE)
        return false;
    add_subtree(ret_plan, 0, size);
    return true;
}

bool merkle_plan_inclusion(uint64_t entry, uint64_t size, struct merkle_plan *ret_plan)
{
    uint64_t start = 0, n = size;

    ret_plan->node_count = ret_plan->element_count = 0;
    if (entry >= size || size > MERKLE_MAX_SIZE)
        return false;
    while (n > 1) {
        uint64_t k = split(n);

        if (entry - start < k) {
            add_subtree(ret_plan, start + k, n - k);
            n = k;
        } else {
            add_subtree(ret_plan, start, k);
            start += k;
            n -= k;
        }
    }
    turn_around(ret_plan);
    return true;
}

bool merkle_plan_consistency(uint64_t from, uint64_t to, struct merkle_plan *ret_plan)
{
    uint64_t start = 0, n = to;
    bool is_known = true; /* the subtree is the old tree itself, whose head the verifier has */

    ret_plan->node_count = ret_plan->element_count = 0;
    if (from == 0 || from > to || to > MERKLE_MAX_SIZE)
        return false;
    while (from - start != n) {
        uint64_t k = split(n);

        if (from - start <= k) {
            add_subtree(ret_plan, start + k, n - k);
            n = k;
        } else {
            add_subtree(ret_plan, start, k);
            start += k;
            n -= k;
            is_known = false;
        }
    }
    if (!is_known)
        add_subtree(ret_plan, start, n);
    turn_around(ret_plan);
    return true;
}

void merkle_fold(const struct merkle_plan *plan, const struct merkle_hash *nodes,
                 struct merkle_hash *ret_path)
{
    for (size_t e = 0; e < plan->element_count; e++) {
        fold(nodes, plan->groups[e], &ret_path[e]);
        nodes += plan->groups[e];
    }
}

bool merkle_verify_inclusion(uint64_t entry, uint64_t size, const struct merkle_hash *leaf,
                             const struct merkle_hash *path, size_t count,
                             const struct merkle_hash *root)
{
    uint64_t fn = entry, sn = size - 1;
    struct merkle_hash r = *leaf;

    if (entry >= size)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            merkle_pair(&path[i], &r, &r);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_pair(&r, &path[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_equal(&r, root);
}

/* RFC 9162 2.1.4.2, steps 4 to 8; `path` begins with the old tree's own element. */
static bool climb(uint64_t fn, uint64_t sn, const struct merkle_hash *path, size_t count,
                  const struct merkle_hash *root_from, const struct merkle_hash *root_to)
{
    struct merkle_hash fr = path[0], sr = path[0];

    for (; fn & 1; fn >>= 1)
        sn >>= 1;
    for (size_t i = 1; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            merkle_pair(&path[i], &fr, &fr);
            merkle_pair(&path[i], &sr, &sr);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_pair(&sr, &path[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_equal(&fr, root_from) && merkle_equal(&sr, root_to);
}

bool merkle_verify_consistency(uint64_t from, uint64_t to, const struct merkle_hash *path,
                               size_t count, const struct merkle_hash *root_from,
                               const struct merkle_hash *root_to)
{
    struct merkle_hash whole[MERKLE_MAX_PATH + 1];

    if (from == 0 || from > to || count > MERKLE_MAX_PATH)
        return false;
    if (from == to)
        return count == 0 && merkle_equal(root_from, root_to);
    if (from & (from - 1)) {
        return count > 0 && climb(from - 1, to - 1, path, count, root_from, root_to);
    }
    whole[0] = *root_from;
    memcpy(&whole[1], path, count * sizeof(*path));
    return count > 0 && climb(from - 1, to - 1, whole, count + 1, root_from, root_to);
}
