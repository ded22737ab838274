/* JSON strings where a whole JSON library would be too much: the frame's own small answers. */
#pragma once

#include "common/arena.h"

/** The text as a JSON string with its quotes, in the arena. Bytes that are not UTF-8 become '?'. */
const char *json_quote(struct arena *arena, const char *text);
