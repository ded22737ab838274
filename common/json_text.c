/* JSON strings: quoting, nothing else. Parsing is jansson's. */
#include "common/json_text.h"

#include <unistr.h>

const char *json_quote(struct arena *arena, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = strlen(text);
    bool is_utf8 = !u8_check((const uint8_t *)text, length);
    char *start = arena_alloc(arena, 6 * length + 3), *to = start;

    *to++ = '"';
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            *to++ = '\\';
            *to++ = (char)*c;
        } else if (*c < 0x20 || *c == 0x7f) {
            memcpy(to, "\\u00", 4);
            to[4] = digits[*c >> 4];
            to[5] = digits[*c & 15];
            to += 6;
        } else {
            *to++ = *c >= 0x80 && !is_utf8 ? '?' : (char)*c;
        }
    }
    *to++ = '"';
    return start;
}
