/* What a captured child may send back: behind the octet that says how many signatures were
 * verified, its bytes. Nothing of them passes but what the parent knows, and a request. */
#include <string.h>

#include "common/document_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

/* As seeds.py numbers them. */
static struct pdf_child_signature verified_number(size_t n)
{
    return (struct pdf_child_signature){100 * n, 100 * n + 50, 100 * n + 90, n % 2, 0};
}

static void check_findings(const struct document_answer *answer)
{
    if (answer->finding_count > PDF_CHILD_FINDINGS || answer->request_json.n > 0)
        __builtin_trap();
    for (size_t i = 0; i < answer->finding_count; i++) {
        if (answer->findings[i].code == 0)
            __builtin_trap();
        for (const char *c = answer->findings[i].detail; *c; c++)
            if (*c < ' ' || *c > '~')
                __builtin_trap();
    }
}

static void check_accepted(struct bytes child, const struct bytes request, size_t verified_count)
{
    struct pdf_child_answer said;

    memcpy(&said, child.p, sizeof(said));
    if (said.magic != PDF_CHILD_MAGIC || said.findings != 0 ||
        said.signature_count != verified_count || request.p != child.p + sizeof(said) ||
        request.n != said.request_size || request.n != child.n - sizeof(said))
        __builtin_trap();
    for (size_t i = 0; i < verified_count; i++) {
        struct pdf_child_signature verified = verified_number(i + 1);
        size_t offsets = offsetof(struct pdf_child_signature, is_time_stamp);

        if (memcmp(&said.signatures[i], &verified, offsets) != 0 ||
            !said.signatures[i].is_time_stamp != !verified.is_time_stamp)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct pdf_child_signature verified[PDF_CHILD_MAX_SIGNATURES];
    size_t count = size_bytes ? input[0] % (PDF_CHILD_MAX_SIGNATURES + 1) : 0;
    struct document_answer answer;
    struct bytes child;

    if (size_bytes == 0)
        return 0;
    if (!arena)
        arena = arena_new((size_t)1 << 20);
    for (size_t i = 0; i < count; i++)
        verified[i] = verified_number(i + 1);
    child = bytes_of(input + 1, size_bytes - 1);
    document_answer_read(child, verified, count, arena, &answer);
    if (answer.finding_count > 0)
        check_findings(&answer);
    else
        check_accepted(child, answer.request_json, count);
    arena_reset(arena);
    return 0;
}
