/* Serial numbers of certificates, and moments. They say only whether a text is one;
 * whether there is such a thing is the registry's (rules_certificates.c). */
#include <ctype.h>
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

bool rule_is_moment(const char *text, usec *ret_moment)
{
    civil_day day;

    if (clock_parse_day(text, &day)) {
        *ret_moment = clock_day_start(day);
        return true;
    }
    if (!clock_parse_time(text, ret_moment))
        return false;
    *ret_moment -= *ret_moment % USEC_PER_SECOND; /* a list's dates have no fractions */
    return true;
}
