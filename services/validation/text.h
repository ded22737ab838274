/* Text as people write it: NFC, counted in characters. The only user of libunistring here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"

/** NFC of the UTF-8 text without surrounding white space (Unicode's). A view of the text when
 *  nothing has to change and it is ASCII. NULL when the text is not UTF-8. */
const char *text_nfc(struct arena *arena, const char *text);

/** Characters (code points) of a valid UTF-8 text. */
size_t text_length(const char *text);

/** The first characters of a text that fit into max_bytes, never cut inside a character. */
const char *text_cut(struct arena *arena, const char *text, size_t max_bytes);
