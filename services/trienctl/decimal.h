/* Exact decimals as whole ten-thousandths: norms have four decimals at most, money none, and their
 * product needs no more. Binary floating point is never used for either. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"

#define DECIMAL_ONE 10000 /* 1.0000 */
#define DECIMAL_PLACES 4

/** "3.97" → 39700. Digits with at most `places` (0 to 4) behind one point, no sign, no exponent, no
 *  digit grouping, no leading zero before another digit. False when the text is anything else or
 *  the value is beyond max. */
bool decimal_parse(const char *text, unsigned places, int64_t max, int64_t *ret_value);

/** 39700 → "3.97": as few decimals as the value needs, a point, for programs. */
const char *decimal_text(struct arena *arena, int64_t value);

/** 18180 → "1,818" with exactly `places` decimals (0 to 4; rounded half up), a comma and points
 *  between thousands, as Vietnamese people read figures. */
const char *decimal_text_vi(struct arena *arena, int64_t value, unsigned places);

/** Whole units, rounded half up. */
int64_t decimal_round(int64_t value);
