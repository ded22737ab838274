/* Fuzz target: a line of a journal's copy, an entry or a checkpoint, through the reader and the
 * check. An entry that was read is written back as a line that reads the same; a checkpoint is not
 * believed without the journal's key. */
// links: services/trienctl
#include "services/trienctl/audit.h"
#include "tests/fuzz/some_key.h"

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

static void check_note(struct arena *arena, struct bytes line)
{
    struct audit_check *check;
    struct audit_result result;
    struct err err = {0};
    struct bytes note;

    if (audit_note_read(arena, line, &err, &note) != RC_OK)
        return;
    check = audit_check_new(arena, fuzz_key());
    audit_check_note(check, NULL, note);
    audit_check_end(check, &result);
    if (result.checkpoints || !result.finding_count)
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
    check_note(arena, bytes_of(input, size_bytes));
    if (audit_line_read(arena, bytes_of(input, size_bytes), &err, &entry) != RC_OK) {
        arena_reset(arena);
        return 0;
    }
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
