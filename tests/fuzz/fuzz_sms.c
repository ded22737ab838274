/* Short messages: whatever people write comes out as one segment of GSM-7, and counting agrees. */
// links: services/notification
#include <string.h>

#include "services/notification/rules.h"
#include "services/notification/sms.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct sms_size size;
    const char *text, *plain;

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    text = arena_strndup(arena, (const char *)input, size_bytes);
    size = sms_measure(text);
    if (size.segments == 0 || size.units > strlen(text) * 2 ||
        (size.segments > 1 && size.units <= (size.ucs2 ? 70 : 160)))
        __builtin_trap();
    plain = sms_unaccented(arena, text);
    if (sms_measure(plain).ucs2)
        __builtin_trap();
    size = sms_measure(sms_one_segment(arena, plain));
    if (size.segments != 1 || size.units > SMS_SEPTETS)
        __builtin_trap();
    if (rule_mobile(arena, text) && strlen(rule_mobile(arena, text)) != 12)
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
