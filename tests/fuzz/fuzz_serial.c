/* A certificate's serial number as people copy it: what is read is in the project's one form, and
 * is read again as itself. */
#include <string.h>

#include "common/bytes.h"
#include "common/serial.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    const char *text, *serial, *again;

    if (!arena)
        arena = arena_new((size_t)16 << 20);
    text = arena_strndup(arena, (const char *)input, size_bytes);
    serial = serial_from_people(arena, text);
    if (serial) {
        again = serial_from_people(arena, serial);
        if (!serial_is(serial) || !again || strcmp(again, serial) != 0)
            __builtin_trap();
    }
    if (serial_is_device(text) && (strlen(text) < 3 || strlen(text) > 64))
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
