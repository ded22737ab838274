/* malloc() from one piece of memory: a pointer that moves on, and a list of freed blocks for each
 * size. It never gives anything back, and never joins blocks: a child lives for one document. Large
 * blocks, which are seldom written whole, come from the far end, so that the small ones lie close
 * together: what a document needs is a few pages in a row. */
#include "inspector/heap.h"

#ifndef TRIEN_ASAN /* sanitizers bring their own */

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GRAIN 16u /* alignment of every block, and the size of the head before it */
#define EXACT_SIZES 64u
#define EXACT_MAX (EXACT_SIZES * GRAIN)
#define STEPS 4u /* sizes from one power of two to the next */
#define LARGE ((size_t)16 * 1024)
#define TOUCHED ((size_t)96 * 1024) /* what an ordinary document needs */

/* Before heap_give(): what libraries allocate before main(). */
static char first_room[512 * 1024] __attribute__((aligned(GRAIN)));
static char *next = first_room, *end = first_room + sizeof(first_room);

struct block {
    size_t size; /* of what follows the head */
    size_t unused;
};
_Static_assert(sizeof(struct block) == GRAIN, "the head keeps the alignment");

static void *freed[EXACT_SIZES + 1 + STEPS * 64];

static struct block *head_of(void *p)
{
    return (struct block *)p - 1;
}

/* The list for this size, and the size rounded up to what the list holds. */
static size_t list_for(size_t *size)
{
    unsigned power, shift;
    size_t step;

    if (*size <= EXACT_MAX) {
        *size = *size ? (*size + GRAIN - 1) / GRAIN * GRAIN : GRAIN;
        return *size / GRAIN;
    }
    power = 63u - (unsigned)__builtin_clzl(*size - 1);
    shift = power - 2;
    step = ((*size - 1) >> shift) - (STEPS - 1); /* 1 to STEPS quarters above 2^power */
    *size = ((size_t)STEPS + step) << shift;
    return EXACT_SIZES + 1 + (size_t)power * STEPS + step - 1;
}

bool heap_give(size_t bytes)
{
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED)
        return false;
    /* A huge page would be cleared whole for every child that writes a byte of it. */
    madvise(room, bytes, MADV_NOHUGEPAGE);
    next = room;
    end = next + bytes;
    return true;
}

void heap_settle(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), over = (uintptr_t)next % page;

    memset(freed, 0, sizeof(freed));
    if (over > 0 && page - over < (size_t)(end - next))
        next += page - over;
    madvise(next, (size_t)(end - next) / page * page, MADV_DONTNEED);
}

void heap_touch(void)
{
    if (TOUCHED < (size_t)(end - next))
        madvise(next, TOUCHED, MADV_POPULATE_WRITE); /* an older kernel does it page by page */
}

static char *take_room(size_t bytes)
{
    char *room;

    if (bytes > (size_t)(end - next))
        return NULL;
    if (bytes >= LARGE)
        return end -= bytes;
    room = next;
    next += bytes;
    return room;
}

void *malloc(size_t size)
{
    size_t list;
    char *room;
    void *p;

    if (size > PTRDIFF_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    list = list_for(&size);
    p = freed[list];
    if (p) {
        memcpy(&freed[list], p, sizeof(p));
        return p;
    }
    room = take_room(size + GRAIN);
    if (!room) {
        errno = ENOMEM;
        return NULL;
    }
    p = room + GRAIN;
    head_of(p)->size = size;
    return p;
}

void free(void *p)
{
    size_t size, list;

    if (!p)
        return;
    size = head_of(p)->size;
    if ((char *)p + size == next) {
        next = (char *)p - GRAIN;
        return;
    }
    if ((char *)p - GRAIN == end) {
        end = (char *)p + size;
        return;
    }
    list = list_for(&size);
    memcpy(p, &freed[list], sizeof(p));
    freed[list] = p;
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    p = malloc(bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

void *realloc(void *p, size_t size)
{
    void *moved;

    if (p && size <= head_of(p)->size)
        return p;
    moved = malloc(size);
    if (p && moved) {
        memcpy(moved, p, head_of(p)->size);
        free(p);
    }
    return moved;
}

/* Wider alignment than ours nobody on a document's road asks for. */
void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment <= GRAIN)
        return malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    void *p = aligned_alloc(alignment, size);

    if (p)
        *ret_block = p;
    return p ? 0 : ENOMEM;
}

/* libqpdf can print it; the C library's own would bring its malloc() along. */
int malloc_info(int options, FILE *out)
{
    (void)options;
    (void)out;
    return -1;
}

#endif
