/* Moving the program's own code to where fork() costs least. It runs once, in the zygote, before
 * any document is there; it never leaves anything both writable and executable. */
#include "inspector/text.h"

#ifndef TRIEN_ASAN /* whose build is in pieces */

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_BYTES ((size_t)2 * 1024 * 1024)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; the C library's header is older */
#endif

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static size_t huge(size_t bytes)
{
    return (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
}

/* Nothing else lies between the part's end and the end of its last huge page. */
static bool reserve(char *start, size_t used, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = (used + page - 1) & ~(page - 1);
    void *wanted = start + begin, *got;

    if (begin == size)
        return true;
    got = mmap(wanted, size - begin, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
               -1, 0);
    if (got != MAP_FAILED && got != wanted)
        munmap(got, size - begin);
    return got == wanted;
}

/* Huge pages that hold the same bytes; NULL when there are none. */
static char *copy_of(const char *start, size_t used, size_t size, int protection)
{
    char *room =
        mmap(NULL, size + HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *copy = room == MAP_FAILED ? NULL : (char *)huge((uintptr_t)room);

    if (!copy)
        return NULL;
    if (copy > room)
        munmap(room, (size_t)(copy - room));
    if (copy < room + HUGE_BYTES)
        munmap(copy + size, (size_t)(room + HUGE_BYTES - copy));
    memcpy(copy, start, used);
    if (madvise(copy, size, MADV_COLLAPSE) == 0 && mprotect(copy, size, protection) == 0)
        return copy;
    munmap(copy, size);
    return NULL;
}

static void settle(char *start, const ElfW(Phdr) * part)
{
    size_t size = huge(part->p_memsz);
    int protection = PROT_READ | (part->p_flags & PF_X ? PROT_EXEC : 0);
    char *copy;

    if ((uintptr_t)start % HUGE_BYTES != 0 || !reserve(start, part->p_memsz, size))
        return;
    copy = copy_of(start, part->p_memsz, size, protection);
    if (copy)
        mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start);
}

void text_settle(void)
{
    char *base = (char *)(uintptr_t)&__ehdr_start;
    const ElfW(Phdr) *parts = (const void *)(base + __ehdr_start.e_phoff);

    for (size_t i = 0; i < __ehdr_start.e_phnum; i++)
        if (parts[i].p_type == PT_LOAD && !(parts[i].p_flags & PF_W))
            settle(base + parts[i].p_vaddr, &parts[i]);
}

#else

void text_settle(void)
{
}

#endif
