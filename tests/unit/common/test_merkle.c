/* Merkle trees: the vectors every Certificate Transparency implementation knows, and every root and
 * proof of small trees against the definitions of RFC 9162 written down as they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/merkle.h"

#define MOST 130

static struct merkle_hash leaves[MOST];

/* --- the definitions, as slow as they read -------------------------------------------------------
 */

static uint64_t below(uint64_t n)
{
    uint64_t k = 1;

    while (k * 2 < n)
        k *= 2;
    return k;
}

static struct merkle_hash head(uint64_t from, uint64_t to)
{
    struct merkle_hash left, right, both;

    if (to - from == 1)
        return leaves[from];
    left = head(from, from + below(to - from));
    right = head(from + below(to - from), to);
    merkle_pair(&left, &right, &both);
    return both;
}

static size_t path(uint64_t m, uint64_t from, uint64_t to, struct merkle_hash *out)
{
    uint64_t k = below(to - from);
    size_t n;

    if (to - from == 1)
        return 0;
    if (m < k) {
        n = path(m, from, from + k, out);
        out[n] = head(from + k, to);
    } else {
        n = path(m - k, from + k, to, out);
        out[n] = head(from, from + k);
    }
    return n + 1;
}

static size_t subproof(uint64_t m, uint64_t from, uint64_t to, bool known, struct merkle_hash *out)
{
    uint64_t k = below(to - from);
    size_t n;

    if (m == to - from) {
        if (known)
            return 0;
        out[0] = head(from, to);
        return 1;
    }
    if (m <= k) {
        n = subproof(m, from, from + k, known, out);
        out[n] = head(from + k, to);
    } else {
        n = subproof(m - k, from + k, to, false, out);
        out[n] = head(from, from + k);
    }
    return n + 1;
}

/* --- ours --------------------------------------------------------------------------------------
 */

static size_t carry_out(const struct merkle_plan *plan, struct merkle_hash *out)
{
    struct merkle_hash nodes[MERKLE_MAX_NODES];

    for (size_t i = 0; i < plan->node_count; i++) {
        struct merkle_address at = plan->nodes[i];

        assert_true((at.index + 1) << at.level <= MOST);
        merkle_perfect(&leaves[at.index << at.level], at.level, &nodes[i]);
    }
    merkle_fold(plan, nodes, out);
    return plan->element_count;
}

static int up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MOST; i++) {
        char entry[32];

        snprintf(entry, sizeof(entry), "entry %u", i);
        merkle_leaf(bytes_of_text(entry), &leaves[i]);
    }
    return 0;
}

static void known_roots(void **state)
{
    static const struct bytes entries[] = {{(const uint8_t *)"", 0},
                                           {(const uint8_t *)"\x00", 1},
                                           {(const uint8_t *)"\x10", 1},
                                           {(const uint8_t *)"\x20\x21", 2},
                                           {(const uint8_t *)"\x30\x31", 2},
                                           {(const uint8_t *)"\x40\x41\x42\x43", 4},
                                           {(const uint8_t *)"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
                                           {(const uint8_t *)"`abcdefghijklmno", 16}};
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct merkle_range range = {0};

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        struct merkle_hash root, leaf;
        char hex[65];

        merkle_root(&range, &root);
        for (int b = 0; b < 32; b++)
            snprintf(hex + 2 * b, 3, "%02x", root.b[b]);
        assert_string_equal(hex, roots[i]);
        if (i < 8) {
            merkle_leaf(entries[i], &leaf);
            merkle_append(&range, &leaf);
        }
    }
}

static void every_root(void **state)
{
    struct merkle_range range = {0};

    (void)state;
    for (uint64_t size = 1; size <= MOST; size++) {
        struct merkle_hash expected = head(0, size), root, planned;
        struct merkle_plan plan;

        merkle_append(&range, &leaves[size - 1]);
        merkle_root(&range, &root);
        assert_true(merkle_equal(&root, &expected));
        assert_true(merkle_plan_root(size, &plan));
        assert_int_equal(carry_out(&plan, &planned), 1);
        assert_true(merkle_equal(&planned, &expected));
    }
}

static void every_inclusion_proof(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= MOST; size++) {
        struct merkle_hash root = head(0, size);

        for (uint64_t m = 0; m < size; m++) {
            struct merkle_hash expected[MERKLE_MAX_PATH], ours[MERKLE_MAX_PATH];
            struct merkle_plan plan;
            size_t n = path(m, 0, size, expected);

            assert_true(merkle_plan_inclusion(m, size, &plan));
            assert_int_equal(carry_out(&plan, ours), n);
            assert_memory_equal(ours, expected, n * sizeof(*ours));
            assert_true(merkle_verify_inclusion(m, size, &leaves[m], ours, n, &root));
            if (n) {
                assert_false(merkle_verify_inclusion(m, size, &leaves[m], ours, n - 1, &root));
                assert_false(merkle_verify_inclusion(m ^ 1, size, &leaves[m], ours, n, &root));
                ours[n / 2].b[7] ^= 1;
                assert_false(merkle_verify_inclusion(m, size, &leaves[m], ours, n, &root));
            }
        }
    }
}

static void every_consistency_proof(void **state)
{
    (void)state;
    for (uint64_t to = 1; to <= MOST; to++) {
        struct merkle_hash root_to = head(0, to);

        for (uint64_t from = 1; from <= to; from++) {
            struct merkle_hash expected[MERKLE_MAX_PATH], ours[MERKLE_MAX_PATH];
            struct merkle_hash root_from = head(0, from), other = root_from;
            struct merkle_plan plan;
            size_t n = subproof(from, 0, to, true, expected);

            assert_true(merkle_plan_consistency(from, to, &plan));
            assert_int_equal(carry_out(&plan, ours), n);
            assert_memory_equal(ours, expected, n * sizeof(*ours));
            assert_true(merkle_verify_consistency(from, to, ours, n, &root_from, &root_to));
            other.b[31] ^= 1;
            assert_false(merkle_verify_consistency(from, to, ours, n, &other, &root_to));
            assert_false(merkle_verify_consistency(from, to, ours, n, &root_from, &other));
            if (n)
                assert_false(
                    merkle_verify_consistency(from, to, ours, n - 1, &root_from, &root_to));
        }
    }
}

static void what_cannot_be_planned(void **state)
{
    struct merkle_plan plan;

    (void)state;
    assert_false(merkle_plan_root(0, &plan));
    assert_false(merkle_plan_inclusion(5, 5, &plan));
    assert_false(merkle_plan_inclusion(0, UINT64_MAX, &plan));
    assert_false(merkle_plan_consistency(0, 5, &plan));
    assert_false(merkle_plan_consistency(6, 5, &plan));
    /* The largest ones fit into their room. */
    assert_true(merkle_plan_inclusion(0, MERKLE_MAX_SIZE - 1, &plan));
    assert_true(plan.node_count <= MERKLE_MAX_NODES && plan.element_count <= MERKLE_MAX_PATH);
    assert_true(merkle_plan_consistency(3, MERKLE_MAX_SIZE - 1, &plan));
    assert_true(plan.node_count <= MERKLE_MAX_NODES && plan.element_count <= MERKLE_MAX_PATH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots),
        cmocka_unit_test(every_root),
        cmocka_unit_test(every_inclusion_proof),
        cmocka_unit_test(every_consistency_proof),
        cmocka_unit_test(what_cannot_be_planned),
    };

    return cmocka_run_group_tests(tests, up, NULL);
}
