/* The path of an OCSP request by GET, and file names: decoding keeps its limits. */
// links: services/status
#include <string.h>

#include "common/serial.h"
#include "services/status/ocsp_request.h"
#include "services/status/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct ocsp_request request;
    const char *path, *suffix;
    struct bytes der;
    char id[33];

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    path = arena_strndup(arena, (const char *)input, size_bytes);
    if (ocsp_path_decode(arena, path, &der)) {
        if (der.n > strlen(path))
            __builtin_trap();
        ocsp_request_read(arena, der, &request);
    }
    if (rule_file_name(path, id, &suffix) && (strlen(id) > 32 || strchr(id, '/') || *suffix != '.'))
        __builtin_trap();
    if (serial_is(path) && !bytes_from_hex(arena, strlen(path) % 2 ? path + 1 : path, &der))
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
