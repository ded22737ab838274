/* Serial numbers of certificates and devices, and moments. They say only whether a text is one;
 * whether there is such a thing is the registry's (rules_certificates.c). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "services/validation/rules.h"

#define MAX_SERIAL_DIGITS 40 /* 20 octets */

bool rule_is_certificate_serial(struct arena *arena, const char *text, const char **ret_serial)
{
    char *digits = arena_alloc(arena, strlen(text) + 1);
    size_t count = 0;

    for (const char *at = text; *at; at++) {
        if ((*at == ':' || *at == ' ') && at > text && at[1])
            continue;
        if (!isxdigit((unsigned char)*at))
            return false;
        if (*at != '0' || count > 0)
            digits[count++] = (char)tolower((unsigned char)*at);
    }
    digits[count] = 0;
    *ret_serial = digits;
    return count >= 1 && count <= MAX_SERIAL_DIGITS;
}

bool rule_is_device_serial(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(text);

    return length >= 1 && length <= 64 && strspn(text, allowed) == length;
}

/* "hh:mm:ss" with or without a fraction, which is dropped; where the offset begins. */
static bool read_time(const char *text, int *ret_seconds, const char **ret_offset)
{
    int hour, minute, second, length = 0;

    if (sscanf(text, "%2d:%2d:%2d%n", &hour, &minute, &second, &length) != 3 || length != 8 ||
        strspn(text, "0123456789:") < 8 || hour > 23 || minute > 59 || second > 59)
        return false;
    text += length;
    if (*text == '.') {
        size_t digits = strspn(text + 1, "0123456789");

        if (digits < 1 || digits > 9)
            return false;
        text += 1 + digits;
    }
    *ret_seconds = (hour * 60 + minute) * 60 + second;
    *ret_offset = text;
    return true;
}

/* "Z" or "+07:00". */
static bool read_offset(const char *text, int *ret_seconds)
{
    int hour, minute, length = 0;

    *ret_seconds = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || strlen(text) != 6 ||
        strspn(text + 1, "0123456789:") != 5 ||
        sscanf(text + 1, "%2d:%2d%n", &hour, &minute, &length) != 2 || length != 5 || hour > 14 ||
        minute > 59)
        return false;
    *ret_seconds = (*text == '-' ? -1 : 1) * (hour * 60 + minute) * 60;
    return true;
}

bool rule_is_moment(const char *text, usec *ret_moment)
{
    char date[11];
    const char *offset_text;
    int seconds, offset;
    civil_day day;

    snprintf(date, sizeof(date), "%s", text);
    if (!clock_parse_day(date, &day))
        return false;
    if (strlen(text) == 10) {
        *ret_moment = clock_day_start(day);
        return true;
    }
    if (text[10] != 'T' || !read_time(text + 11, &seconds, &offset_text) ||
        !read_offset(offset_text, &offset))
        return false;
    *ret_moment = day * USEC_PER_DAY + (seconds - offset) * USEC_PER_SECOND;
    return true;
}
