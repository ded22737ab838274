/* The raw scan for signatures and the linear scan of objects: every byte they report lies in the
 * file. */
#include <stdlib.h>

#include "common/pdf_raw.h"
#include "common/pdf_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    struct bytes file = bytes_of(input, size_bytes);
    struct pdf_raw raw;
    struct pdf_scan scan;
    size_t end = 0;

    pdf_raw_scan(file, &raw);
    for (size_t i = 0; i < raw.signature_count; i++) {
        const struct pdf_raw_signature *s = &raw.signatures[i];
        size_t n = (s->gap_end - s->gap_start - 2) / 2;
        uint8_t *contents = malloc(n + 1);

        if (s->gap_start >= s->gap_end || s->gap_end > s->covered_end ||
            s->covered_end > size_bytes)
            __builtin_trap();
        pdf_raw_contents(file, s, contents);
        free(contents);
        end = s->covered_end;
    }
    if (raw.reason_count == 0 && (raw.signature_count == 0 || end != size_bytes))
        __builtin_trap(); /* nothing said against it, yet not covered to its end */
    if (pdf_scan_file(file, &scan) && scan.fault)
        __builtin_trap();
    for (size_t i = 0; i < scan.object_count; i++)
        if (scan.objects[i].start >= scan.objects[i].end || scan.objects[i].end > size_bytes)
            __builtin_trap();
    pdf_scan_done(&scan);
    return 0;
}
