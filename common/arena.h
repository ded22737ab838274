/* Memory that lives as long as one message.
 *
 * Every byte of a message's work comes from one arena; the frame resets it before the next message.
 * An arena never returns NULL: asking beyond its limit ends the process (the message comes again
 * and is counted), because every size a sender can choose is limited before anything is allocated.
 * Services do not call malloc. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/guard.h"

struct arena;

/** A new arena that may hold limit_bytes at most. Free with arena_free(). */
struct arena *arena_new(size_t limit_bytes);

/** Runs the deferred frees, releases everything, sets *arena to NULL. NULL is fine. */
void arena_free(struct arena **arena);

/** Runs the deferred frees (last first) and forgets all; keeps the first chunk for the next
 * message. */
void arena_reset(struct arena *arena);

/** size_bytes zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size_bytes);

/** The same, not zeroed: for whoever writes all of it at once. */
void *arena_room(struct arena *arena, size_t size_bytes);

/** Zeroed array of count elements; ends the process on overflow. */
void *arena_array(struct arena *arena, size_t count, size_t size_bytes);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_array((arena), (count), sizeof(type)))

char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length_bytes);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/** Copy of the bytes; one NUL is added behind them, so that text can be used as a C string. */
struct bytes arena_bytes(struct arena *arena, struct bytes in);

/** Calls free_fn(object) at the next reset or free. */
void arena_defer(struct arena *arena, void *object, void (*free_fn)(void *));

/** Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

/** Allocator for protobuf-c unpacking into the arena; its free does nothing. Lives in the arena. */
ProtobufCAllocator *arena_allocator(struct arena *arena);

typedef struct arena arena_t;
static inline void autoptr_free_arena_t(arena_t **p)
{
    arena_free(p);
}
