/* Short messages: taking accents away, counting septets and segments, cutting to one segment.
 * Knows nothing of gateways. Refuses nothing: what has no letter in the alphabet becomes '?'. */
#include "services/notification/sms.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* Letters that NFD does not take apart, and typography. */
static const struct {
    ucs4_t from;
    const char *to;
} replacements[] = {
    {0x0110, "D"},  {0x0111, "d"},   {0x2018, "'"},  {0x2019, "'"},  {0x201C, "\""},
    {0x201D, "\""}, {0x2010, "-"},   {0x2011, "-"},  {0x2012, "-"},  {0x2013, "-"},
    {0x2014, "-"},  {0x2026, "..."}, {0x00AB, "\""}, {0x00BB, "\""}, {'`', "'"},
};

static const char *replacement(ucs4_t letter)
{
    for (size_t i = 0; i < sizeof(replacements) / sizeof(replacements[0]); i++)
        if (replacements[i].from == letter)
            return replacements[i].to;
    return letter > 0x20 && letter < 0x7f ? NULL : "?";
}

/* Appends one letter; white space only between words. */
static char *append_letter(char *out, const char *start, ucs4_t letter)
{
    const char *text = replacement(letter);

    if (uc_is_property_white_space(letter) || letter < 0x20) {
        if (out > start && out[-1] != ' ')
            *out++ = ' ';
        return out;
    }
    if (!text) {
        *out++ = (char)letter;
        return out;
    }
    return stpcpy(out, text);
}

const char *sms_unaccented(struct arena *arena, const char *text)
{
    size_t size = strlen(text), room = size * 4 + 64, length = room;
    uint8_t *room_bytes = arena_alloc(arena, room);
    char *start = arena_alloc(arena, room + 1), *out = start;
    uint8_t *apart;

    if (u8_check((const uint8_t *)text, size))
        return "";
    apart = u8_normalize(UNINORM_NFD, (const uint8_t *)text, size, room_bytes, &length);
    if (!apart)
        return "";
    for (size_t i = 0; i < length;) {
        ucs4_t letter;
        i += (size_t)u8_mbtouc(&letter, apart + i, length - i);
        if (uc_combining_class(letter) == UC_CCC_NR && (size_t)(out - start) + 4 < room)
            out = append_letter(out, start, letter);
    }
    if (apart != room_bytes)
        free(apart);
    while (out > start && out[-1] == ' ')
        out--;
    *out = 0;
    return start;
}

/* Septets of a letter in the GSM 7-bit default alphabet; 0 when it is not in it. */
static size_t septets(ucs4_t letter)
{
    static const ucs4_t beyond_ascii[] = {
        0xA3,  0xA5,  0xE8,  0xE9,  0xF9,  0xEC,  0xF2,  0xC7,  0xD8,  0xF8, 0xC5, 0xE5, 0x394,
        0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E, 0xC6, 0xE6, 0xDF, 0xC9,
        0xA4,  0xA1,  0xC4,  0xD6,  0xD1,  0xDC,  0xA7,  0xBF,  0xE4,  0xF6, 0xF1, 0xFC, 0xE0};

    if (letter == '\n' || letter == '\r')
        return 1;
    if (letter >= 0x20 && letter < 0x7f && letter != '`')
        return strchr("^{}\\[]~|", (int)letter) ? 2 : 1;
    if (letter == 0x20AC || letter == '\f')
        return 2;
    for (size_t i = 0; i < sizeof(beyond_ascii) / sizeof(beyond_ascii[0]); i++)
        if (beyond_ascii[i] == letter)
            return 1;
    return 0;
}

static size_t utf16_units(ucs4_t letter)
{
    return letter > 0xFFFF ? 2 : 1;
}

/* One pass: units in all, and segments when each holds `room` and letters are not split. */
static struct sms_size count(const uint8_t *text, size_t size, bool ucs2, size_t single,
                             size_t room)
{
    struct sms_size all = {.ucs2 = ucs2, .segments = 1};
    size_t used = 0;

    for (size_t i = 0; i < size;) {
        ucs4_t letter;
        size_t units;
        i += (size_t)u8_mbtouc(&letter, text + i, size - i);
        units = ucs2 ? utf16_units(letter) : septets(letter);
        all.units += units;
        if (used + units > room) {
            all.segments++;
            used = 0;
        }
        used += units;
    }
    if (all.units <= single)
        all.segments = 1;
    return all;
}

struct sms_size sms_measure(const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t size = strlen(text);

    for (size_t i = 0; i < size;) {
        ucs4_t letter;
        i += (size_t)u8_mbtouc(&letter, bytes + i, size - i);
        if (septets(letter) == 0)
            return count(bytes, size, true, 70, 67);
    }
    return count(bytes, size, false, SMS_SEPTETS, 153);
}

const char *sms_one_segment(struct arena *arena, const char *unaccented)
{
    size_t used = 0, cut = 0;

    for (size_t i = 0; unaccented[i]; i++) {
        used += septets((unsigned char)unaccented[i]);
        if (used <= SMS_SEPTETS - 3)
            cut = i + 1;
    }
    if (used <= SMS_SEPTETS)
        return unaccented;
    return arena_printf(arena, "%.*s...", (int)cut, unaccented);
}
