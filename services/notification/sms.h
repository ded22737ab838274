/* Text of short messages: Vietnamese without accents, counted as the radio network counts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"

#define SMS_SEPTETS 160 /* one GSM-7 message of one segment (3GPP TS 23.040) */

struct sms_size {
    bool ucs2;       /* the text does not fit the GSM 7-bit default alphabet (3GPP TS 23.038) */
    size_t units;    /* septets, or UTF-16 units */
    size_t segments; /* 160/153 septets or 70/67 units; escape and surrogate pairs stay together */
};

/** Unaccented ASCII of the GSM alphabet: NFD without marks, đ → d, typographic quotes and dashes to
 *  plain ones, anything else to '?'; runs of white space and controls become one space. UTF-8 in,
 *  text in the arena; invalid UTF-8 gives "". */
const char *sms_unaccented(struct arena *arena, const char *text);

/** Counts a UTF-8 text; malformed bytes count as one unit of UCS-2 each. Pure. */
struct sms_size sms_measure(const char *text);

/** The unaccented text cut to one segment; a cut text ends in "...". In the arena. */
const char *sms_one_segment(struct arena *arena, const char *unaccented);
