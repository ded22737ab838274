/* The heap of trien-inspect, under other names, so that this program keeps its own. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define malloc heap_malloc
#define free heap_free
#define calloc heap_calloc
#define realloc heap_realloc
#define aligned_alloc heap_aligned_alloc
#define memalign heap_memalign
#define posix_memalign heap_posix_memalign
#define malloc_info heap_malloc_info
void *malloc(size_t size);
void free(void *p);
void *calloc(size_t count, size_t size);
void *realloc(void *p, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
int posix_memalign(void **ret_block, size_t alignment, size_t size);
int malloc_info(int options, FILE *out);
#pragma push_macro("TRIEN_ASAN")
#undef TRIEN_ASAN
#include "inspector/heap.c"
#pragma pop_macro("TRIEN_ASAN")

#define ROOM ((size_t)64 * 1024 * 1024)
#define BLOCKS 2000

static int set_up(void **state)
{
    (void)state;
    memset(freed, 0, sizeof(freed));
    return heap_give(ROOM) ? 0 : -1;
}

/* A block of its own: filled from end to end, with what only it holds. */
struct held {
    unsigned char *p;
    size_t size;
    unsigned char mark;
};

static bool is_whole(const struct held *held)
{
    for (size_t i = 0; i < held->size; i++)
        if (held->p[i] != held->mark)
            return false;
    return true;
}

static size_t size_for(unsigned i)
{
    return i % 7 == 0 ? 1500 + i % 2000 * 3 : i % 300;
}

/* Blocks come, grow and go in a mixed order; none ever touches another. */
static void blocks_do_not_overlap(void **state)
{
    static struct held blocks[BLOCKS];
    unsigned place = 1;

    (void)state;
    for (unsigned i = 0; i < 20 * BLOCKS; i++) {
        struct held *held = &blocks[place = (place * 75 + 74) % 65537 % BLOCKS];

        assert_true(is_whole(held));
        if (held->p && i % 3 == 0) {
            size_t more = (held->size + i % 900) % 9000;

            held->p = realloc(held->p, more);
            assert_non_null(held->p);
            held->size = held->size < more ? held->size : more;
            assert_true(is_whole(held));
            held->size = more;
        } else {
            free(held->p);
            *held =
                (struct held){i % 2 ? malloc(size_for(i)) : calloc(1, size_for(i)), size_for(i), 0};
            assert_non_null(held->p);
            if (i % 2 == 0)
                assert_true(is_whole(held));
        }
        assert_int_equal((uintptr_t)held->p % 16, 0);
        held->mark = (unsigned char)i;
        memset(held->p, held->mark, held->size);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i].p);
    memset(blocks, 0, sizeof(blocks));
}

static void freed_blocks_come_back(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 300000; size += 997)
        for (size_t turn = 0; turn < 2 * ROOM / size && turn < 3000; turn++) {
            void *a = malloc(size), *b = malloc(size);

            assert_non_null(a);
            assert_non_null(b);
            free(a);
            free(b);
        }
}

static void what_is_not_there_is_not_given(void **state)
{
    void *p = NULL;

    (void)state;
    assert_null(malloc(ROOM));
    assert_null(malloc(SIZE_MAX));
    assert_null(malloc(SIZE_MAX / 2));
    assert_null(calloc(SIZE_MAX / 2, 3));
    assert_null(aligned_alloc(4096, 64));
    assert_int_not_equal(posix_memalign(&p, 64, 64), 0);
    assert_null(p);
    p = malloc(ROOM / 2);
    assert_non_null(p);
    memset(p, 1, ROOM / 2);
    assert_null(realloc(p, ROOM));
    assert_int_equal(((char *)p)[ROOM / 2 - 1], 1);
    free(p);
    free(NULL);
    assert_non_null(malloc(0));
}

/* A child writes to pages of its own: what the zygote freed stays where it is. */
static void small_blocks_begin_a_page_after_settling(void **state)
{
    char *before = malloc(100), *kept = malloc(100), *after, *large, *beside;

    (void)state;
    free(before);
    heap_settle();
    heap_touch();
    assert_non_null(kept);
    after = malloc(100);
    large = malloc(65536);
    beside = malloc(100);
    assert_ptr_not_equal(after, before);
    assert_int_equal((uintptr_t)(after - GRAIN) % 4096, 0);
    assert_in_range(beside - after, 1, 4096);
    assert_true(large > beside + ROOM / 2);
    memset(large, 1, 65536);
    free(large);
    assert_ptr_equal(malloc(65536), large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(blocks_do_not_overlap, set_up),
        cmocka_unit_test_setup(freed_blocks_come_back, set_up),
        cmocka_unit_test_setup(what_is_not_there_is_not_given, set_up),
        cmocka_unit_test_setup(small_blocks_begin_a_page_after_settling, set_up),
    };

    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
