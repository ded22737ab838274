/* A maker's list of key devices: read or refused, every row of it with a serial number and a kind.
 */
// links: services/trienctl
#include "services/trienctl/device_file.h"
#include "services/trienctl/trienctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    Trien__StockDevice **devices;
    struct err err = {0};
    size_t count;

    if (device_file_parse(bytes_of(input, size_bytes), &err, &count, &devices) == RC_OK)
        for (size_t i = 0; i < count; i++)
            if (!*devices[i]->device_serial || !*devices[i]->device_kind)
                __builtin_trap();
    arena_reset(ctl_arena());
    return 0;
}
