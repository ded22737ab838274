/* The newest events in memory: dense per partition, one budget, oldest out first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/outbox.h"

static void add(struct tail *tail, unsigned partition, int64_t offset, size_t size)
{
    static uint8_t content[70000];
    struct packed event = {.partition = partition, .offset = offset};

    content[0] = (uint8_t)offset;
    event.bytes = bytes_of(content, size);
    tail_add(tail, &event);
}

static void test_goes_on_from_where_it_was_set(void **state)
{
    struct tail *tail = tail_new(1 << 20);

    (void)state;
    assert_int_equal(tail_next(tail, 5), 1);
    tail_reset(tail, 5, 100);
    assert_int_equal(tail_first(tail, 5), 100);
    assert_int_equal(tail_next(tail, 5), 100);
    for (int64_t o = 100; o < 200; o++)
        add(tail, 5, o, 10);
    assert_int_equal(tail_first(tail, 5), 100);
    assert_int_equal(tail_next(tail, 5), 200);
    for (int64_t o = 100; o < 200; o++) {
        assert_int_equal(tail_at(tail, 5, o)->offset, o);
        assert_int_equal(tail_at(tail, 5, o)->bytes.p[0], (uint8_t)o);
    }
    tail_free(&tail);
    assert_null(tail);
}

static void test_oldest_of_all_leaves_first(void **state)
{
    struct tail *tail = tail_new(10000);

    (void)state;
    add(tail, 1, 1, 4000);
    add(tail, 2, 1, 4000);
    add(tail, 1, 2, 4000);
    assert_int_equal(tail_first(tail, 1), 2);
    assert_int_equal(tail_next(tail, 1), 3);
    assert_int_equal(tail_first(tail, 2), 1);
    add(tail, 3, 1, 4000);
    assert_int_equal(tail_first(tail, 2), 2);
    assert_int_equal(tail_next(tail, 2), 2);
    tail_free(&tail);
}

static void test_newest_stays_however_large(void **state)
{
    struct tail *tail = tail_new(100);

    (void)state;
    add(tail, 1, 1, 60000);
    assert_int_equal(tail_at(tail, 1, 1)->bytes.n, 60000);
    add(tail, 1, 2, 60000);
    assert_int_equal(tail_first(tail, 1), 2);
    tail_free(&tail);
}

static void test_reset_leaves_no_trace(void **state)
{
    struct tail *tail = tail_new(20000);

    (void)state;
    for (int round = 0; round < 50; round++) {
        for (int64_t o = 1; o < 20; o++)
            add(tail, (unsigned)round % 3, o + round * 100, 100);
        tail_reset(tail, (unsigned)round % 3, (round + 3) * 100 + 1);
        for (unsigned p = 0; p < 3; p++)
            assert_true(tail_first(tail, p) <= tail_next(tail, p));
        tail_reset(tail, (unsigned)(round + 1) % 3, (round + 1) * 100 + 1);
    }
    tail_free(&tail);
}

static void test_many(void **state)
{
    struct tail *tail = tail_new(1 << 20);
    int64_t next[BUS_PARTITIONS];

    (void)state;
    for (unsigned p = 0; p < BUS_PARTITIONS; p++)
        next[p] = 1;
    for (unsigned i = 0; i < 100000; i++) {
        unsigned p = (i * 2654435761u) >> 26;
        add(tail, p, next[p]++, 100 + i % 900);
    }
    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        assert_int_equal(tail_next(tail, p), next[p]);
        for (int64_t o = tail_first(tail, p); o < next[p]; o++)
            assert_int_equal(tail_at(tail, p, o)->offset, o);
    }
    tail_free(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on_from_where_it_was_set),
        cmocka_unit_test(test_oldest_of_all_leaves_first),
        cmocka_unit_test(test_newest_stays_however_large),
        cmocka_unit_test(test_reset_leaves_no_trace),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
