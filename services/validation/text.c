/* NFC and counting, by libunistring. It refuses nothing but what is not UTF-8. */
#include "services/validation/text.h"

#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

DEFINE_AUTOPTR(uint8_t, free)

static bool is_plain_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] & (char)0x80)
            return false;
    return true;
}

/* Advances past white space at the start; returns the new start. */
static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end)
{
    ucs4_t c;

    while (p < end) {
        int step = u8_mbtouc(&c, p, (size_t)(end - p));

        if (!uc_is_property_white_space(c))
            break;
        p += step;
    }
    return p;
}

static const uint8_t *drop_space(const uint8_t *start, const uint8_t *end)
{
    ucs4_t c;

    while (end > start) {
        const uint8_t *before = u8_prev(&c, end, start);

        if (!before || !uc_is_property_white_space(c))
            break;
        end = before;
    }
    return end;
}

const char *text_nfc(struct arena *arena, const char *text)
{
    size_t length = strlen(text);
    const uint8_t *start = (const uint8_t *)text, *end = start + length;
    autoptr(uint8_t) normal = NULL;

    if (u8_check(start, length))
        return NULL;
    start = skip_space(start, end);
    end = drop_space(start, end);
    if (is_plain_ascii((const char *)start, (size_t)(end - start)))
        return *end == 0 ? (const char *)start
                         : arena_strndup(arena, (const char *)start, (size_t)(end - start));
    normal = u8_normalize(UNINORM_NFC, start, (size_t)(end - start), NULL, &length);
    return normal ? arena_strndup(arena, (const char *)normal, length) : NULL;
}

size_t text_length(const char *text)
{
    return u8_mbsnlen((const uint8_t *)text, strlen(text));
}

const char *text_cut(struct arena *arena, const char *text, size_t max_bytes)
{
    size_t length = strlen(text);

    if (length <= max_bytes)
        return text;
    while (max_bytes > 0 && ((unsigned char)text[max_bytes] & 0xC0) == 0x80)
        max_bytes--;
    return arena_strndup(arena, text, max_bytes);
}
