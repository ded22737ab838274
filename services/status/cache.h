/* Signed OCSP answers in memory: bounded, shared by the HTTP threads, never in the database. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/guard.h"
#include "services/status/ocsp_answer.h"

#define CACHE_BODY_BYTES 2048 /* longer answers are signed each time */

struct cache;

struct cache_key {
    uint8_t issuer; /* index into the configured issuers */
    uint8_t hash;   /* enum ocsp_hash */
    uint8_t serial_size;
    uint8_t serial[OCSP_MAX_SERIAL_BYTES];
};

/* What a slot holds. Read only once it was found. */
struct cached {
    struct ocsp_fact fact;
    uint64_t lineage; /* cache_hash() of the lineage id */
    usec fresh_until; /* wall clock: not to be given out after */
    char etag[24], last_modified[32], expires[32], cache_control[64];
    size_t size; /* 0: only the fact is known, no answer was signed without nonce */
    uint8_t body[CACHE_BODY_BYTES];
};

/** A cache of so many answers. Its memory is taken from the system as it fills. Lives as long as
 * the process. FATAL INTERNAL without address space. */
enum rc cache_new(size_t entries, struct err *err, struct cache **ret_cache) MUST_USE;

/** The entry with one reference, given back by cache_release(); NULL when there is none that is
 *  fresh at `now`. */
const struct cached *cache_find(struct cache *cache, const struct cache_key *key, usec now);

/** Puts the entry in the place of an older one of the key. When every slot near it is being read
 *  right now nothing is kept. */
void cache_put(struct cache *cache, const struct cache_key *key, const struct cached *entry);

/** Forgets what is known of a certificate, under both hashes. Readers keep what they hold. */
void cache_drop(struct cache *cache, unsigned issuer, struct bytes serial);

/** Forgets everything: the responder's certificate has changed. */
void cache_clear(struct cache *cache);

/** Gives a reference back; fits http_response.release. */
void cache_release(void *entry);

/** FNV-1a 64. */
uint64_t cache_hash(struct bytes in);

/** The key of one certificate; false when the serial is too long to exist. */
bool cache_key_of(unsigned issuer, enum ocsp_hash hash, struct bytes serial,
                  struct cache_key *ret_key);
