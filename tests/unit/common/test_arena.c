/* The arena: alignment, zeroed memory, limits that end the process, deferred frees in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include "common/arena.h"
#include "proto/bus.pb-c.h"

static void memory_is_zeroed_and_aligned_over_resets(void **state)
{
    struct arena *arena = arena_new(1 << 24);

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 5000; size += 7) {
            uint8_t *p = arena_alloc(arena, size);

            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xee, size);
        }
        assert_true(arena_used(arena) > 1000000);
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_free(&arena);
    assert_null(arena);
    arena_free(&arena);
}

static void texts_and_bytes_end_with_nul(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct bytes copy = arena_bytes(arena, bytes_of("ab", 2));

    (void)state;
    assert_int_equal(copy.p[2], 0);
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_printf(arena, "%s %d", "n", 5), "n 5");
    assert_int_equal(arena_bytes(arena, bytes_of(NULL, 0)).n, 0);
    arena_free(&arena);
}

static char order[8];

static void note(void *letter)
{
    strncat(order, letter, 1);
}

static void deferred_frees_run_last_first(void **state)
{
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    arena_defer(arena, (char[]){"a"}, note);
    arena_defer(arena, (char[]){"b"}, note);
    arena_reset(arena);
    assert_string_equal(order, "ba");
    arena_free(&arena);
    assert_string_equal(order, "ba");
}

/* The child does what must end a process; true when it did. */
static bool dies(void (*fn)(struct arena *arena))
{
    struct rlimit none = {0, 0};
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &none);
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        fn(arena_new(1 << 20));
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static void beyond_limit(struct arena *arena)
{
    arena_alloc(arena, (1 << 20) + 1);
}

static void bit_by_bit(struct arena *arena)
{
    for (int i = 0; i < 2000; i++)
        arena_alloc(arena, 1024);
}

static void overflow(struct arena *arena)
{
    arena_array(arena, SIZE_MAX / 2, 3);
}

static void size_overflow(struct arena *arena)
{
    arena_alloc(arena, SIZE_MAX - 3);
}

static void a_message_beyond_its_limit_ends_the_process(void **state)
{
    (void)state;
    assert_true(dies(beyond_limit));
    assert_true(dies(bit_by_bit));
    assert_true(dies(overflow));
    assert_true(dies(size_overflow));
}

static void all_of_the_limit_can_be_used(void **state)
{
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    for (int i = 0; i < 1000; i++)
        arena_alloc(arena, 1000);
    arena_free(&arena);
}

static void protobuf_unpacks_into_it(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    Trien__ResolveDeadLetter in = TRIEN__RESOLVE_DEAD_LETTER__INIT, *out;
    uint8_t wire[128];
    size_t n;

    (void)state;
    in.feed = (char *)"intake";
    in.offset = 7;
    in.reason = (char *)"vì thử";
    n = trien__resolve_dead_letter__pack(&in, wire);
    out = trien__resolve_dead_letter__unpack(arena_allocator(arena), n, wire);
    assert_non_null(out);
    assert_string_equal(out->reason, "vì thử");
    arena_free(&arena);
}

/* What lay there before does not show behind a text or a copy. */
static void copies_end_with_nul(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct bytes copy;

    (void)state;
    for (size_t n = 1; n < 200; n += 7) {
        memset(arena_room(arena, 4096), 'x', 4096);
        arena_reset(arena);
        assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
        copy = arena_bytes(arena, bytes_of("0123456789", n % 11));
        assert_int_equal(copy.p[copy.n], 0);
        assert_string_equal(arena_printf(arena, "%zu", n / n), "1");
        assert_int_equal(*(char *)arena_alloc(arena, n), 0);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_over_resets),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(texts_and_bytes_end_with_nul),
        cmocka_unit_test(deferred_frees_run_last_first),
        cmocka_unit_test(a_message_beyond_its_limit_ends_the_process),
        cmocka_unit_test(all_of_the_limit_can_be_used),
        cmocka_unit_test(protobuf_unpacks_into_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
