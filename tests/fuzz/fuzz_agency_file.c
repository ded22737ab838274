/* A list of agencies somebody made, JSON or CSV: read or refused, every row of it with what a call
 * needs. */
// links: services/trienctl
#include "services/trienctl/agency_file.h"
#include "services/trienctl/trienctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    struct bytes file = bytes_of(input, size_bytes);
    struct agency_row *rows;
    struct err err = {0};
    size_t count;

    if (agency_file_parse(file, size_bytes > 0 && input[0] == 'o', &err, &count, &rows) == RC_OK)
        for (size_t i = 0; i < count; i++) {
            if (!rows[i].agency.organ_id || !rows[i].agency.name)
                __builtin_trap();
            for (size_t k = 0; k < rows[i].file_count; k++)
                if (!*rows[i].files[k].name)
                    __builtin_trap();
            protobuf_c_message_get_packed_size(&rows[i].agency.base);
        }
    arena_reset(ctl_arena());
    return 0;
}
