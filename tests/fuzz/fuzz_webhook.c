/* The carrier's webhook: header and body never crash, and what is accepted keeps its limits. */
// links: services/courier
#include <string.h>

#include "services/courier/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static void check_events(const struct webhook *webhook)
{
    enum shipment_state state;

    if (webhook->count < 1 || webhook->count > WEBHOOK_MAX_EVENTS || strlen(webhook->carrier) > 63)
        __builtin_trap();
    for (size_t i = 0; i < webhook->count; i++) {
        const struct webhook_event *event = &webhook->events[i];
        if (!rule_s10_is_valid(event->tracking_number) ||
            !rule_tracking_code(event->code, &state) || strpbrk(event->place, "\r\n"))
            __builtin_trap();
        if (i && strcmp(event[-1].tracking_number, event->tracking_number) > 0)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct webhook webhook;
    struct err err = {0};
    struct bytes mac;
    const char *text;

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    text = arena_strndup(arena, (const char *)input, size_bytes);
    if (rule_webhook_signature(arena, text, &mac) && mac.n != 32)
        __builtin_trap();
    if (rule_webhook_read(arena, bytes_of(input, size_bytes), &err, &webhook) == RC_OK) {
        check_events(&webhook);
        if (rule_webhook_times(&webhook, webhook.sent_at, 300 * USEC_PER_SECOND, &err) == RC_FATAL)
            __builtin_trap();
    } else if (err.code == TRIEN__ERROR__NONE) {
        __builtin_trap();
    }
    arena_reset(arena);
    return 0;
}
