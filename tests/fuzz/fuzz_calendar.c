/* A calendar as an operator may send it: whatever is read is in order and due dates can be
 * reckoned. */
// links: services/validation
#include "services/validation/calendar.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct calendar calendar;
    struct err err = {0};

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    if (calendar_parse(arena, bytes_of(input, size_bytes), &err, &calendar) == RC_OK) {
        for (size_t i = 1; i < calendar.count; i++)
            if (calendar.days[i - 1].day >= calendar.days[i].day)
                __builtin_trap();
        for (size_t i = 0; i < calendar.count; i++)
            if (rule_due_on(&calendar, calendar.days[i].day, 3).on <= calendar.days[i].day)
                __builtin_trap(); /* due before its work could begin */
    }
    arena_reset(arena);
    return 0;
}
