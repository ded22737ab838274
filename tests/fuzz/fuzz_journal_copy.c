/* Fuzz target: a line of a journal's copy through the reader and the check. What was read is
 * written back as a line that reads the same. */
// links: services/trienctl
#include "services/trienctl/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static void write_and_read(struct arena *arena, const struct audit_entry *entry)
{
    struct audit_entry again;
    struct err err = {0};

    if (audit_line_read(arena, audit_line_write(arena, entry), &err, &again) != RC_OK ||
        again.sequence != entry->sequence || !bytes_equal(again.leaf, entry->leaf) ||
        again.has_content != entry->has_content || !bytes_equal(again.content, entry->content))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct audit_check *check;
    struct audit_result result;
    struct audit_entry entry;
    struct err err = {0};

    if (!arena)
        arena = arena_new((size_t)256 << 20);
    if (audit_line_read(arena, bytes_of(input, size_bytes), &err, &entry) != RC_OK)
        return 0;
    write_and_read(arena, &entry);
    check = audit_check_new(arena, NULL);
    audit_check_entry(check, &entry);
    audit_check_entry(check, &entry);
    audit_check_end(check, &result);
    if (result.entries != 2 || !result.finding_count)
        __builtin_trap(); /* one number twice is never in order */
    arena_reset(arena);
    return 0;
}
