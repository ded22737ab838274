/* request.json as a stranger may write it: parser, form tables, certificate mapping, CSRs. */
// links: services/validation
#include "services/validation/examine.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct rule_context context = {.received_on = 20779,
                                   .received_at = clock_day_start(20780) - 1,
                                   .official_mail_domains = "vn"};
    Trien__ExaminedDocument examined;
    struct reasons reasons;
    Trien__Reason **rows;
    size_t count;

    if (!arena)
        arena = arena_new((size_t)256 << 20);
    context.arena = arena;
    reasons_init(&reasons, arena);
    trien__examined_document__init(&examined);
    examine_request(&context, bytes_of(input, size_bytes), &reasons, &examined);
    reasons_close(&reasons);
    reasons_pack(&reasons, &count, &rows);
    if (count == 0 && (examined.n_items == 0 || !examined.document || !examined.organ_id))
        __builtin_trap(); /* nothing said against it, yet nothing to serve */
    arena_reset(arena);
    return 0;
}
