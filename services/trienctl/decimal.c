/* Exact decimals. It refuses every way of writing a number but the plain one. */
#include "services/trienctl/decimal.h"

#include <inttypes.h>
#include <string.h>

static const int64_t powers[DECIMAL_PLACES + 1] = {1, 10, 100, 1000, 10000};

bool decimal_parse(const char *text, unsigned places, int64_t max, int64_t *ret_value)
{
    size_t whole = strspn(text, "0123456789"), fraction = 0;
    const char *behind = text + whole;
    int64_t value = 0;

    if (*behind == '.') {
        fraction = strspn(behind + 1, "0123456789");
        if (fraction == 0 || fraction > places || fraction > DECIMAL_PLACES)
            return false;
        behind += 1 + fraction;
    }
    if (whole == 0 || whole > 13 || *behind != 0 || (whole > 1 && *text == '0'))
        return false;
    for (const char *c = text; c < behind; c++)
        value = *c == '.' ? value : value * 10 + (*c - '0');
    value *= powers[DECIMAL_PLACES - fraction];
    if (value > max)
        return false;
    *ret_value = value;
    return true;
}

const char *decimal_text(struct arena *arena, int64_t value)
{
    char *text =
        arena_printf(arena, "%" PRId64 ".%04" PRId64, value / DECIMAL_ONE, value % DECIMAL_ONE);
    size_t length = strlen(text);

    while (text[length - 1] == '0')
        length--;
    text[length - (text[length - 1] == '.')] = 0;
    return text;
}

int64_t decimal_round(int64_t value)
{
    return (value + DECIMAL_ONE / 2) / DECIMAL_ONE;
}

/* 1234567 → "1.234.567". */
static const char *grouped(struct arena *arena, int64_t whole)
{
    const char *digits = arena_printf(arena, "%" PRId64, whole);
    size_t length = strlen(digits), n = 0;
    char *text = arena_alloc(arena, length * 2);

    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            text[n++] = '.';
        text[n++] = digits[i];
    }
    return text;
}

const char *decimal_text_vi(struct arena *arena, int64_t value, unsigned places)
{
    int64_t step = powers[DECIMAL_PLACES - places];
    int64_t steps = (value + step / 2) / step;
    const char *whole = grouped(arena, steps / powers[places]);

    if (places == 0)
        return whole;
    return arena_printf(arena, "%s,%0*" PRId64, whole, (int)places, steps % powers[places]);
}
