/* The latest documents in memory: found, sliced, bounded, the oldest forgotten first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "services/intake/recent.h"
#include "tests/unit/common/scratch.h"

#define ROOM ((size_t)64 * 1024)

static struct recent *new_recent(size_t size_bytes)
{
    struct err err = {0};
    struct recent *recent = NULL;

    assert_int_equal(recent_new(size_bytes, &err, &recent), RC_OK);
    return recent;
}

static void id_of(uint32_t number, uint8_t ret_id[16])
{
    memset(ret_id, 0, 16);
    memcpy(ret_id + 12, &number, sizeof(number));
}

/* Part `number` of request `number`: n bytes made from the number. */
static void put(struct recent *recent, uint32_t number, size_t n)
{
    uint8_t id[16], sha256[32], *content = arena_alloc(arena, n);

    id_of(number, id);
    memset(sha256, (int)(number & 0xff), sizeof(sha256));
    for (size_t i = 0; i < n; i++)
        content[i] = (uint8_t)(number * 31 + i);
    recent_put(recent, id, (int16_t)(number % 3), bytes_of(content, n), sha256);
}

/* False when it is not there; what is there must be right. */
static bool holds(struct recent *recent, uint32_t number, size_t n)
{
    struct part_slice slice = {0};
    uint8_t id[16];

    id_of(number, id);
    if (!recent_find(recent, arena, id, (int16_t)(number % 3), 0, ROOM, &slice))
        return false;
    assert_int_equal(slice.size_bytes, n);
    assert_int_equal(slice.chunk.n, n);
    assert_int_equal(slice.sha256.n, 32);
    assert_int_equal(slice.sha256.p[31], number & 0xff);
    for (size_t i = 0; i < n; i++)
        if (slice.chunk.p[i] != (uint8_t)(number * 31 + i))
            fail_msg("byte %zu of part %u", i, number);
    return true;
}

static void test_a_part_is_found_and_sliced(void **state)
{
    struct recent *recent = new_recent(ROOM);
    struct part_slice slice = {0};
    uint8_t id[16];

    (void)state;
    assert_false(holds(recent, 7, 100));
    put(recent, 7, 100);
    assert_true(holds(recent, 7, 100));
    id_of(7, id);
    assert_false(recent_find(recent, arena, id, 2, 0, 10, &slice)); /* another part */
    assert_true(recent_find(recent, arena, id, 1, 90, 50, &slice));
    assert_int_equal(slice.chunk.n, 10);
    assert_int_equal(slice.chunk.p[0], (uint8_t)(7 * 31 + 90));
    assert_int_equal(slice.size_bytes, 100);
    assert_true(recent_find(recent, arena, id, 1, 20, 5, &slice));
    assert_int_equal(slice.chunk.n, 5);
    assert_true(recent_find(recent, arena, id, 1, 1000, 5, &slice)); /* behind the end */
    assert_int_equal(slice.chunk.n, 0);
}

static void test_the_oldest_goes_first(void **state)
{
    struct recent *recent = new_recent(ROOM);

    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        put(recent, i, ROOM / 8);
    for (uint32_t i = 0; i < 8; i++)
        assert_true(holds(recent, i, ROOM / 8));
    put(recent, 8, 1);
    assert_false(holds(recent, 0, ROOM / 8));
    for (uint32_t i = 1; i < 8; i++)
        assert_true(holds(recent, i, ROOM / 8));
    assert_true(holds(recent, 8, 1));
}

static void test_what_is_too_large_is_not_kept(void **state)
{
    struct recent *recent = new_recent(ROOM), *nothing = new_recent(0);

    (void)state;
    put(recent, 1, 10);
    put(recent, 2, ROOM / 8 + 1);
    assert_true(holds(recent, 1, 10));
    assert_false(holds(recent, 2, ROOM / 8 + 1));
    put(nothing, 3, 1);
    assert_false(holds(nothing, 3, 1));
    put(NULL, 4, 1);
    assert_false(holds(NULL, 4, 1));
}

/* Sizes of every kind, many times around both rings: the newest are there, whole, and never more
 * than there is room for. */
static void test_many_times_around(void **state)
{
    struct recent *recent = new_recent(ROOM);
    static size_t sizes[3000];

    (void)state;
    srand(20261122);
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t held = 0;

        sizes[i] = (size_t)rand() % (i < 500 ? ROOM / 8 : 20) + 1;
        put(recent, i, sizes[i]);
        for (uint32_t back = 0; (i < 500 || i % 100 == 0 || back < 2) && back <= i &&
                                holds(recent, i - back, sizes[i - back]);
             back++)
            held += sizes[i - back];
        assert_true(held >= sizes[i] && held <= ROOM);
        assert_true(i < 40 || held > ROOM / 2 || i >= 500);
        arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_part_is_found_and_sliced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_too_large_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_times_around, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
