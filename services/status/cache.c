/* The answers' memory: shards with a lock each, chains by hash, second-chance replacement, slots
 * that readers hold by reference. An entry that is being sent is never overwritten: it is unlinked
 * and its slot used again when the last reader has let go. Decides nothing about truth. */
#include "services/status/cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SHARDS 16

struct slot {
    struct cached entry; /* first: a reader's pointer is the slot's */
    struct cache_key key;
    uint64_t hash;
    uint32_t next; /* index + 1 in the bucket's chain; 0: end */
    atomic_uint readers;
    unsigned generation;
    bool linked, touched;
};

struct shard {
    pthread_mutex_t lock;
    uint32_t *buckets; /* as many as slots */
    struct slot *slots;
    uint32_t hand;
};

struct cache {
    uint32_t slots_per_shard;
    atomic_uint generation;
    struct shard shards[SHARDS];
};

uint64_t cache_hash(struct bytes in)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < in.n; i++)
        hash = (hash ^ in.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

bool cache_key_of(unsigned issuer, enum ocsp_hash hash, struct bytes serial,
                  struct cache_key *ret_key)
{
    struct cache_key key = {(uint8_t)issuer, (uint8_t)hash, (uint8_t)serial.n, {0}};

    if (serial.n > sizeof(key.serial))
        return false;
    memcpy(key.serial, serial.p, serial.n);
    *ret_key = key;
    return true;
}

static void *pages(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

enum rc cache_new(size_t entries, struct err *err, struct cache **ret_cache)
{
    struct cache *cache = pages(sizeof(*cache));
    size_t each = entries / SHARDS + 1;

    CHECK(cache, err, TRIEN__ERROR__INTERNAL, "mmap: %s", strerror(errno));
    cache->slots_per_shard = (uint32_t)each;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->buckets = pages(each * sizeof(*shard->buckets));
        shard->slots = pages(each * sizeof(*shard->slots));
        CHECK(shard->buckets && shard->slots, err, TRIEN__ERROR__INTERNAL,
              "no address space for %zu answers: %s", entries, strerror(errno));
    }
    *ret_cache = cache;
    return RC_OK;
}

static uint64_t key_hash(const struct cache_key *key)
{
    return cache_hash(bytes_of(key, sizeof(*key)));
}

/* The low bits choose the shard, the high ones the bucket. */
static struct shard *shard_of(struct cache *cache, uint64_t hash)
{
    return &cache->shards[hash % SHARDS];
}

static uint32_t *bucket_of(const struct cache *cache, struct shard *shard, uint64_t hash)
{
    return &shard->buckets[(hash >> 16) % cache->slots_per_shard];
}

/* Where the key's slot is linked, or NULL. Lock held. */
static uint32_t *find_link(const struct cache *cache, struct shard *shard, uint64_t hash,
                           const struct cache_key *key)
{
    uint32_t *link = bucket_of(cache, shard, hash);

    for (; *link; link = &shard->slots[*link - 1].next) {
        const struct slot *slot = &shard->slots[*link - 1];
        if (slot->hash == hash && memcmp(&slot->key, key, sizeof(*key)) == 0)
            return link;
    }
    return NULL;
}

static void unlink_slot(struct shard *shard, uint32_t *link)
{
    struct slot *slot = &shard->slots[*link - 1];

    *link = slot->next;
    slot->linked = false;
    slot->next = 0;
}

const struct cached *cache_find(struct cache *cache, const struct cache_key *key, usec now)
{
    uint64_t hash = key_hash(key);
    struct shard *shard = shard_of(cache, hash);
    struct slot *found = NULL;
    uint32_t *link;

    pthread_mutex_lock(&shard->lock);
    link = find_link(cache, shard, hash, key);
    if (link) {
        struct slot *slot = &shard->slots[*link - 1];
        if (slot->generation == atomic_load(&cache->generation) && slot->entry.fresh_until > now) {
            atomic_fetch_add(&slot->readers, 1);
            slot->touched = true;
            found = slot;
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return found ? &found->entry : NULL;
}

/* A slot nobody reads, unlinked: the next one on the clock that was not asked for since the hand
 * came by. NULL after two rounds. Lock held. */
static struct slot *take_slot(const struct cache *cache, struct shard *shard)
{
    for (uint32_t tries = 0; tries < 2 * cache->slots_per_shard; tries++) {
        struct slot *slot = &shard->slots[shard->hand];

        shard->hand = (shard->hand + 1) % cache->slots_per_shard;
        if (atomic_load(&slot->readers))
            continue;
        if (slot->linked && slot->touched) {
            slot->touched = false;
            continue;
        }
        if (slot->linked)
            unlink_slot(shard, find_link(cache, shard, slot->hash, &slot->key));
        return slot;
    }
    return NULL;
}

void cache_put(struct cache *cache, const struct cache_key *key, const struct cached *entry)
{
    uint64_t hash = key_hash(key);
    struct shard *shard = shard_of(cache, hash);
    uint32_t *link;
    struct slot *slot;

    pthread_mutex_lock(&shard->lock);
    link = find_link(cache, shard, hash, key);
    if (link)
        unlink_slot(shard, link);
    slot = take_slot(cache, shard);
    if (slot) {
        memcpy(&slot->entry, entry, offsetof(struct cached, body) + entry->size);
        slot->key = *key;
        slot->hash = hash;
        slot->generation = atomic_load(&cache->generation);
        slot->touched = false;
        slot->linked = true;
        link = bucket_of(cache, shard, hash);
        slot->next = *link;
        *link = (uint32_t)(slot - shard->slots) + 1;
    }
    pthread_mutex_unlock(&shard->lock);
}

void cache_drop(struct cache *cache, unsigned issuer, struct bytes serial)
{
    static const enum ocsp_hash hashes[] = {OCSP_SHA1, OCSP_SHA256};

    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        struct cache_key key;
        uint32_t *link;
        if (!cache_key_of(issuer, hashes[i], serial, &key))
            return;
        struct shard *shard = shard_of(cache, key_hash(&key));
        pthread_mutex_lock(&shard->lock);
        link = find_link(cache, shard, key_hash(&key), &key);
        if (link)
            unlink_slot(shard, link);
        pthread_mutex_unlock(&shard->lock);
    }
}

void cache_clear(struct cache *cache)
{
    atomic_fetch_add(&cache->generation, 1);
}

void cache_release(void *entry)
{
    struct slot *slot = entry;

    atomic_fetch_sub(&slot->readers, 1);
}
