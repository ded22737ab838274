/* DER, written and taken apart. Lengths and tags only; what the values mean is the callers'
 * business. */
#include "common/der.h"

#include <string.h>

/* Length octets at `out`; how many. */
static size_t put_length(uint8_t *out, size_t length)
{
    size_t octets = 0;

    if (length < 0x80) {
        out[0] = (uint8_t)length;
        return 1;
    }
    for (size_t rest = length; rest; rest >>= 8)
        octets++;
    out[0] = (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        out[1 + i] = (uint8_t)(length >> (8 * (octets - 1 - i)));
    return 1 + octets;
}

size_t der_header(int tag, size_t length, uint8_t ret_header[DER_MAX_HEADER])
{
    ret_header[0] = (uint8_t)tag;
    return 1 + put_length(ret_header + 1, length);
}

struct bytes der_value(struct arena *arena, int tag, const struct bytes *parts, size_t count)
{
    size_t length = 0, at;
    uint8_t *out;

    for (size_t i = 0; i < count; i++)
        length += parts[i].n;
    out = arena_alloc(arena, length + 2 + sizeof(length));
    out[0] = (uint8_t)tag;
    at = 1 + put_length(out + 1, length);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n)
            memcpy(out + at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    return bytes_of(out, at);
}

/* The length that stands at in.p[1]; how many octets it takes, 0 when DER would write it otherwise
 * or it is longer than anything we read. */
static size_t get_length(struct bytes in, size_t *ret_length)
{
    size_t octets, length = 0;

    if (in.n < 2)
        return 0;
    if (in.p[1] < 0x80) {
        *ret_length = in.p[1];
        return 1;
    }
    octets = in.p[1] & 0x7f;
    if (octets == 0 || octets > 4 || in.n < 2 + octets || in.p[2] == 0)
        return 0;
    for (size_t i = 0; i < octets; i++)
        length = length << 8 | in.p[2 + i];
    *ret_length = length;
    return length < 0x80 ? 0 : 1 + octets;
}

struct bytes der_take(struct bytes *in, int tag, struct bytes *ret_content)
{
    size_t length = 0, header = 1 + get_length(*in, &length);
    struct bytes element = {0};

    if (header == 1 || in->p[0] != tag || length > in->n - header)
        return element;
    element = bytes_of(in->p, header + length);
    *ret_content = bytes_of(in->p + header, length);
    *in = bytes_of(in->p + element.n, in->n - element.n);
    return element;
}

struct bytes der_unsigned(struct arena *arena, struct bytes magnitude)
{
    static const uint8_t zero[1];

    while (magnitude.n > 1 && magnitude.p[0] == 0)
        magnitude = bytes_of(magnitude.p + 1, magnitude.n - 1);
    if (magnitude.n == 0 || magnitude.p[0] & 0x80)
        return DER(arena, DER_INTEGER, bytes_of(zero, 1), magnitude);
    return DER(arena, DER_INTEGER, magnitude);
}

struct bytes der_bits(struct arena *arena, struct bytes content)
{
    static const uint8_t none_unused[1];

    return DER(arena, DER_BIT_STRING, bytes_of(none_unused, 1), content);
}

struct bytes der_time(struct arena *arena, usec at)
{
    usec utc = at - VIETNAM_OFFSET; /* so that the civil day is the day in UTC */
    civil_day day = clock_civil_day(utc);
    int64_t second = (utc - clock_day_start(day)) / USEC_PER_SECOND;
    int year, month, day_of_month;

    clock_day_parts(day, &year, &month, &day_of_month);
    return DER(arena, DER_GENERALIZED_TIME,
               bytes_of_text(arena_printf(arena, "%04d%02d%02d%02d%02d%02dZ", year, month,
                                          day_of_month, (int)(second / 3600),
                                          (int)(second / 60 % 60), (int)(second % 60))));
}

struct bytes der_certificate_time(struct arena *arena, usec at)
{
    struct bytes general = der_time(arena, at);

    /* tag, length, "20491231235959Z": the century leaves */
    if (memcmp(general.p + 2, "2050", 4) >= 0)
        return general;
    return DER(arena, DER_UTC_TIME, bytes_of(general.p + 4, general.n - 4));
}
