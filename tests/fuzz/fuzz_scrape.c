/* Figures another process printed: read or refused, never misread beyond their end. */
// links: services/trienctl
#include "services/trienctl/scrape.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct scrape scrape;
    struct err err = {0};

    if (!arena)
        arena = arena_new((size_t)256 << 20);
    if (scrape_parse(arena, bytes_of(input, size_bytes), &err, &scrape) == RC_OK)
        for (size_t i = 0; i < scrape.count; i++)
            if (!scrape_next(&scrape, scrape.samples[i].name, NULL) ||
                scrape.samples[i].label_count > SCRAPE_MAX_LABELS)
                __builtin_trap();
    arena_reset(arena);
    return 0;
}
