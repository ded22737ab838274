/* Serial numbers as text: their one form, and how people write them. */
#include "common/serial.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_DIGITS 40

bool serial_is(const char *text)
{
    size_t digits = strspn(text, "0123456789abcdef");

    return digits > 0 && digits <= MAX_DIGITS && !text[digits] && text[0] != '0';
}

bool serial_is_device(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(text);

    return length >= 3 && length <= 64 && strspn(text, allowed) == length && !strchr("._-", *text);
}

const char *serial_from_people(struct arena *arena, const char *text)
{
    char *serial = arena_alloc(arena, MAX_DIGITS + 1);
    size_t digits = 0;

    if (strncasecmp(text, "serial=", 7) == 0)
        text += 7;
    if (strncasecmp(text, "0x", 2) == 0)
        text += 2;
    for (const char *c = text; *c; c++) {
        if (*c == ':' || *c == ' ' || (*c == '0' && digits == 0))
            continue;
        if (digits == MAX_DIGITS)
            return NULL;
        serial[digits++] = (char)tolower((unsigned char)*c);
    }
    serial[digits] = 0;
    return serial_is(serial) ? serial : NULL;
}
