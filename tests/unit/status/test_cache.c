/* The answers' memory: found, replaced, dropped, bounded, never overwritten under a reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "services/status/cache.h"

static struct cache *new_cache(size_t entries)
{
    struct err err = {0};
    struct cache *cache = NULL;

    assert_int_equal(cache_new(entries, &err, &cache), RC_OK);
    return cache;
}

static struct cache_key key_of(uint32_t number, enum ocsp_hash hash)
{
    struct cache_key key;

    assert_true(cache_key_of(0, hash, bytes_of(&number, sizeof(number)), &key));
    return key;
}

static void put(struct cache *cache, uint32_t number, enum ocsp_hash hash, const char *body)
{
    const struct cache_key key = key_of(number, hash);
    struct cached entry = {.fresh_until = 100, .size = strlen(body)};

    memcpy(entry.body, body, entry.size);
    cache_put(cache, &key, &entry);
}

static bool holds(struct cache *cache, uint32_t number, enum ocsp_hash hash, usec now,
                  const char *body)
{
    const struct cache_key key = key_of(number, hash);
    const struct cached *entry = cache_find(cache, &key, now);
    bool same;

    if (!entry)
        return false;
    same = bytes_equal(bytes_of(entry->body, entry->size), bytes_of_text(body));
    cache_release((void *)entry);
    return same;
}

static void test_what_was_put_is_found(void **state)
{
    struct cache *cache = new_cache(64);

    (void)state;
    assert_false(holds(cache, 1, OCSP_SHA1, 0, "one"));
    put(cache, 1, OCSP_SHA1, "one");
    put(cache, 1, OCSP_SHA256, "ONE");
    assert_true(holds(cache, 1, OCSP_SHA1, 99, "one"));
    assert_true(holds(cache, 1, OCSP_SHA256, 99, "ONE"));
    assert_false(holds(cache, 1, OCSP_SHA1, 100, "one")); /* no longer fresh */
    put(cache, 1, OCSP_SHA1, "uno");
    assert_true(holds(cache, 1, OCSP_SHA1, 0, "uno"));
    cache_drop(cache, 0, bytes_of((const uint32_t[]){1}, 4));
    assert_false(holds(cache, 1, OCSP_SHA1, 0, "uno"));
    assert_false(holds(cache, 1, OCSP_SHA256, 0, "ONE"));
    put(cache, 2, OCSP_SHA1, "two");
    cache_clear(cache);
    assert_false(holds(cache, 2, OCSP_SHA1, 0, "two"));
    put(cache, 2, OCSP_SHA1, "two");
    assert_true(holds(cache, 2, OCSP_SHA1, 0, "two"));
}

static void test_the_memory_is_bounded(void **state)
{
    struct cache *cache = new_cache(64);
    unsigned found = 0;

    (void)state;
    for (uint32_t i = 0; i < 5000; i++)
        put(cache, i, OCSP_SHA1, "x");
    for (uint32_t i = 0; i < 5000; i++)
        found += holds(cache, i, OCSP_SHA1, 0, "x");
    assert_in_range(found, 64, 80);
    assert_true(holds(cache, 4999, OCSP_SHA1, 0, "x"));
}

static void test_what_is_read_stays(void **state)
{
    struct cache *cache = new_cache(1);
    const struct cache_key key = key_of(7, OCSP_SHA1);
    const struct cached *held;

    (void)state;
    put(cache, 7, OCSP_SHA1, "held");
    held = cache_find(cache, &key, 0);
    assert_non_null(held);
    cache_drop(cache, 0, bytes_of((const uint32_t[]){7}, 4));
    for (uint32_t i = 100; i < 1100; i++)
        put(cache, i, OCSP_SHA1, "other");
    assert_memory_equal(held->body, "held", 4);
    cache_release((void *)held);
}

static void *hammer(void *arg)
{
    struct cache *cache = arg;

    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t number = i * 2654435761u % 200;
        const struct cache_key key = key_of(number, OCSP_SHA1);
        const struct cached *entry = cache_find(cache, &key, 0);
        if (entry) {
            if (entry->size != 4 || memcmp(entry->body, &number, 4) != 0)
                return (void *)1;
            cache_release((void *)entry);
        } else {
            struct cached fresh = {.fresh_until = 1, .size = 4};
            memcpy(fresh.body, &number, 4);
            cache_put(cache, &key, &fresh);
        }
        if (i % 64 == 0)
            cache_drop(cache, 0, bytes_of(&number, 4));
        if (i % 4096 == 0)
            cache_clear(cache);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    struct cache *cache = new_cache(96);
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, cache), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_is_found),
        cmocka_unit_test(test_the_memory_is_bounded),
        cmocka_unit_test(test_what_is_read_stays),
        cmocka_unit_test(test_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
