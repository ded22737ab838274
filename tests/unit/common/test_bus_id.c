/* Partitions and UUIDv7: the same numbers everywhere, for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/bus.h"

static void test_partition_is_fixed(void **state)
{
    /* Computed once by another program; a change here would move every key. */
    static const struct {
        const char *key;
        unsigned partition;
    } known[] = {
        {"", 37}, {"K", 42}, {"operator", 29}, {"019aa3c2-0000-7000-8000-000000000000", 58}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        assert_int_equal(bus_partition(known[i].key), known[i].partition);
}

static void test_partition_ends_at_the_first_slash(void **state)
{
    (void)state;
    assert_int_equal(bus_partition("R/3"), bus_partition("R"));
    assert_int_equal(bus_partition("R/3/9"), bus_partition("R"));
    assert_int_equal(bus_partition("/3"), bus_partition(""));
}

static void test_partitions_are_all_used(void **state)
{
    unsigned count[BUS_PARTITIONS] = {0};
    char key[32];

    (void)state;
    for (int i = 0; i < 64000; i++) {
        snprintf(key, sizeof(key), "request-%d", i);
        count[bus_partition(key)]++;
    }
    for (unsigned p = 0; p < BUS_PARTITIONS; p++)
        assert_in_range(count[p], 700, 1300);
}

static void test_uuid_is_version_7(void **state)
{
    uint8_t a[16], b[16];
    usec now = INT64_C(0x0123456789ab) * 1000 + 999;
    static const uint8_t time[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab};

    (void)state;
    bus_uuid(now, a);
    bus_uuid(now, b);
    assert_memory_equal(a, time, sizeof(time));
    assert_int_equal(a[6] >> 4, 7);
    assert_int_equal(a[8] >> 6, 2);
    assert_memory_not_equal(a, b, 16);
}

/* Two posts of one millisecond stand in the order of their receipt. */
static void test_uuids_stand_in_order_of_time(void **state)
{
    uint8_t before[16], after[16];

    (void)state;
    for (usec now = 7000; now < 9000; now++) {
        bus_uuid(now, before);
        bus_uuid(now + 1, after);
        assert_true(memcmp(before, after, 16) < 0);
    }
}

static void test_uuid_text(void **state)
{
    arena_t *arena = arena_new(4096);
    uint8_t id[16], back[16];

    (void)state;
    for (int i = 0; i < 100; i++) {
        bus_uuid(clock_now(), id);
        assert_int_equal(strlen(bus_uuid_text(arena, id)), 36);
        assert_true(bus_uuid_parse(bus_uuid_text(arena, id), back));
        assert_memory_equal(id, back, 16);
    }
    arena_free(&arena);
}

static void test_uuid_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        "019aa3c2-0000-7000-8000-00000000000",
        "019aa3c2-0000-7000-8000-0000000000000",
        "019aa3c2x0000-7000-8000-000000000000",
        "019aa3c2-0000-7000-8000-00000000000g",
        "019aa3c20000-70008000-0000-000000000",
        "{19aa3c2-0000-7000-8000-000000000000}",
    };
    uint8_t id[16] = {1}, before[16] = {1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(bus_uuid_parse(bad[i], id));
    assert_false(bus_uuid_parse(NULL, id));
    assert_memory_equal(id, before, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_is_fixed),
        cmocka_unit_test(test_partition_ends_at_the_first_slash),
        cmocka_unit_test(test_partitions_are_all_used),
        cmocka_unit_test(test_uuid_is_version_7),
        cmocka_unit_test(test_uuids_stand_in_order_of_time),
        cmocka_unit_test(test_uuid_text),
        cmocka_unit_test(test_uuid_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
