/* What the sandboxed child does with a document: libqpdf, revisions, request.json. Here without its
 * sandbox, so that the fuzzer sees every fault. */
// links: inspector
#include <string.h>

#include "common/pdf_child.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    struct bytes out = pdf_child_job(bytes_of(input, size_bytes));
    struct pdf_child_answer answer;

    if (out.n < sizeof(answer))
        __builtin_trap();
    memcpy(&answer, out.p, sizeof(answer));
    if (answer.magic != PDF_CHILD_MAGIC || answer.signature_count > PDF_CHILD_MAX_SIGNATURES ||
        answer.request_size != out.n - sizeof(answer))
        __builtin_trap();
    if (answer.findings == 0 && answer.signature_count == 0)
        __builtin_trap(); /* nothing said against it, yet not signed */
    return 0;
}
