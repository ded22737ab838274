/* The arena: a list of chunks, a bump pointer, a list of deferred frees. Besides it only metrics.c
 * and threads of the frame take memory that outlives a message, and only at start or first use. */
#include "common/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CHUNK_BYTES ((size_t)16 * 1024)
#define ALIGNMENT ((size_t)16)

struct chunk {
    struct chunk *next;
    size_t size, used;
    _Alignas(16) uint8_t room[];
};

struct deferred {
    struct deferred *next;
    void *object;
    void (*free_fn)(void *);
};

struct arena {
    struct chunk *head; /* newest first; the last one is the first chunk, kept over resets */
    struct deferred *deferred;
    size_t used, held, limit;
    ProtobufCAllocator allocator;
};

static void die(const char *what, size_t bytes)
{
    fprintf(stderr, "arena: %s (%zu bytes)\n", what, bytes);
    abort();
}

static struct chunk *chunk_new(struct arena *arena, size_t room)
{
    struct chunk *chunk;

    if (arena->held + room > arena->limit)
        die("message needs more memory than its limit", arena->held + room);
    chunk = malloc(sizeof(*chunk) + room);
    if (!chunk)
        die("out of memory", room);
    *chunk = (struct chunk){.next = arena->head, .size = room};
    arena->head = chunk;
    arena->held += room;
    return chunk;
}

static void *allocator_alloc(void *arena, size_t size)
{
    return arena_room(arena, size); /* protobuf-c writes whatever it asks for */
}

static void allocator_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

struct arena *arena_new(size_t limit_bytes)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (!arena)
        die("out of memory", sizeof(*arena));
    arena->limit = limit_bytes < FIRST_CHUNK_BYTES ? FIRST_CHUNK_BYTES : limit_bytes;
    arena->allocator = (ProtobufCAllocator){allocator_alloc, allocator_free, arena};
    chunk_new(arena, FIRST_CHUNK_BYTES);
    return arena;
}

static void run_deferred(struct arena *arena)
{
    for (struct deferred *d = arena->deferred; d; d = d->next)
        d->free_fn(d->object);
    arena->deferred = NULL;
}

void arena_reset(struct arena *arena)
{
    run_deferred(arena);
    while (arena->head->next) {
        struct chunk *chunk = arena->head;
        arena->head = chunk->next;
        arena->held -= chunk->size;
        free(chunk);
    }
    arena->head->used = 0;
    arena->used = 0;
}

void arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    arena_reset(*arena);
    free((*arena)->head);
    free(*arena);
    *arena = NULL;
}

void *arena_room(struct arena *arena, size_t size_bytes)
{
    struct chunk *chunk = arena->head;
    size_t size = (size_bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    void *p;

    if (size < size_bytes)
        die("size overflow", size_bytes);
    if (chunk->size - chunk->used < size) {
        size_t room = chunk->size * 2;
        if (room > (size_t)1024 * 1024)
            room = (size_t)1024 * 1024;
        if (room > arena->limit - arena->held)
            room = arena->limit - arena->held;
        chunk = chunk_new(arena, room > size ? room : size);
    }
    p = chunk->room + chunk->used;
    chunk->used += size;
    arena->used += size;
    return p;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    return memset(arena_room(arena, size_bytes), 0, size_bytes);
}

void *arena_array(struct arena *arena, size_t count, size_t size_bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, size_bytes, &total))
        die("array overflow", count);
    return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length_bytes)
{
    char *copy = arena_room(arena, length_bytes + 1);

    memcpy(copy, text, length_bytes);
    copy[length_bytes] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    int length;
    char *text;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        die("bad format", 0);
    text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

struct bytes arena_bytes(struct arena *arena, struct bytes in)
{
    uint8_t *copy = arena_room(arena, in.n + 1);

    if (in.n)
        memcpy(copy, in.p, in.n);
    copy[in.n] = 0;
    return (struct bytes){copy, in.n};
}

void arena_defer(struct arena *arena, void *object, void (*free_fn)(void *))
{
    struct deferred *d = ARENA_NEW(arena, struct deferred);

    *d = (struct deferred){arena->deferred, object, free_fn};
    arena->deferred = d;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

ProtobufCAllocator *arena_allocator(struct arena *arena)
{
    return &arena->allocator;
}
