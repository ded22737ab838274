/* Notices from hostile values: a value never opens a header, a line of a mail is never too long, a
 * value never becomes a field. */
// links: services/notification
#include <string.h>

#include "services/notification/mime.h"
#include "services/notification/rules.h"
#include "services/notification/templates.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

/* Every line of a message ends in CRLF and has at most 78 characters. */
static void check_lines(struct bytes message)
{
    size_t length = 0;

    for (size_t i = 0; i < message.n; i++, length++) {
        if (message.p[i] == 0 || message.p[i] >= 0x80)
            __builtin_trap();
        if (message.p[i] == '\n') {
            if (i == 0 || message.p[i - 1] != '\r' || length > 79)
                __builtin_trap();
            length = (size_t)-1;
        } else if (i && message.p[i - 1] == '\r') {
            __builtin_trap();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    static const char *const to[] = {"a@example.vn", NULL};
    const char *text;

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    text = arena_strndup(arena, (const char *)input, size_bytes);
    const struct template_field fields[] = {
        {"agency", text, false},        {"receipt", text, false}, {"document", text, false},
        {"document_full", text, false}, {"reasons", text, true},  {NULL, NULL, false},
    };
    template_render(arena, text, fields);
    check_lines(mime_message(
        arena, &(struct mime_mail){
                   .from_address = "t@trien.invalid",
                   .from_name = template_one_line(arena, text, 60),
                   .to = to,
                   .subject = template_render(arena, template_rejected.subject, fields),
                   .body = template_render(arena, template_rejected.body, fields),
                   .message_id = "x@trien.invalid",
                   .date = 0,
               }));
    if (rule_email_usable(text) && strpbrk(text, "\r\n ,<>"))
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
