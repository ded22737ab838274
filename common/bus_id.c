/* Partitions of keys and UUIDv7 identifiers. Pure but for the random bits, which are drawn from the
 * kernel in bulk because every event needs eight bytes of them. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/bus.h"

unsigned bus_partition(const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *c = key; *c && *c != '/'; c++) {
        hash ^= (uint8_t)*c;
        hash *= UINT64_C(0x100000001b3);
    }
    return (unsigned)(hash % BUS_PARTITIONS);
}

static void draw(uint8_t *out, size_t count)
{
    static __thread uint8_t pool[240]; /* getrandom() never stops short up to 256 bytes */
    static __thread size_t left;

    if (left < count) {
        if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
            abort(); /* without random numbers nothing here is safe */
        left = sizeof(pool);
    }
    left -= count;
    memcpy(out, pool + left, count);
}

void bus_uuid(usec now, uint8_t ret_uuid[16])
{
    uint64_t ms = (uint64_t)(now / USEC_PER_MS);
    unsigned fraction = (unsigned)(now % USEC_PER_MS) * 4096 / USEC_PER_MS;

    for (int i = 0; i < 6; i++)
        ret_uuid[i] = (uint8_t)(ms >> (40 - 8 * i));
    ret_uuid[6] = (uint8_t)(0x70 | fraction >> 8);
    ret_uuid[7] = (uint8_t)fraction;
    draw(ret_uuid + 8, 8);
    ret_uuid[8] = (uint8_t)(0x80 | (ret_uuid[8] & 0x3f));
}

static const int dash_at[] = {8, 13, 18, 23};

static bool is_dash(int at)
{
    for (size_t i = 0; i < COUNT_OF(dash_at); i++) {
        if (dash_at[i] == at)
            return true;
    }
    return false;
}

const char *bus_uuid_text(struct arena *arena, const uint8_t uuid[16])
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(arena, 37);
    int at = 0;

    for (int i = 0; i < 16; i++) {
        if (is_dash(at))
            text[at++] = '-';
        text[at++] = digits[uuid[i] >> 4];
        text[at++] = digits[uuid[i] & 15];
    }
    return text;
}

int bus_uuid_parse(const char *text, uint8_t ret_uuid[16])
{
    uint8_t uuid[16];
    int at = 0;

    if (!text || strnlen(text, 37) != 36)
        return 0;
    for (int i = 0; i < 16; i++) {
        if (is_dash(at) && text[at++] != '-')
            return 0;
        int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0)
            return 0;
        uuid[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    memcpy(ret_uuid, uuid, sizeof(uuid));
    return 1;
}
