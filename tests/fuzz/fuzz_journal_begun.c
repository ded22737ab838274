/* Fuzz target: the content of an entry that begins a new journal, through the check of a copy and
 * by itself. Nothing begins without notes that the journal's key has signed. */
// links: services/trienctl
#include "common/journal_break.h"
#include "services/trienctl/audit_check.h"
#include "tests/fuzz/some_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static struct bytes make_leaf(struct arena *arena)
{
    Trien__JournalLeaf leaf = TRIEN__JOURNAL_LEAF__INIT;
    uint8_t *out;

    leaf.version = 1;
    leaf.feed = (char *)(uintptr_t) "audit";
    leaf.type = (char *)(uintptr_t) "JournalBegun";
    leaf.offset = 1;
    out = arena_alloc(arena, trien__journal_leaf__get_packed_size(&leaf));
    return bytes_of(out, trien__journal_leaf__pack(&leaf, out));
}

static void through_the_check(struct arena *arena, struct bytes content)
{
    struct audit_entry entry = {.leaf = make_leaf(arena), .has_content = true, .content = content};
    struct audit_check *check = audit_check_new(arena, fuzz_key());
    struct audit_result result;

    merkle_leaf(entry.leaf, &entry.kept);
    audit_check_entry(check, &entry);
    audit_check_end(check, &result);
    if (result.break_count || !result.finding_count)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena;
    struct bytes content = bytes_of(input, size_bytes);
    struct journal_break told;
    struct err err = {0};

    if (!arena)
        arena = arena_new((size_t)256 << 20);
    through_the_check(arena, content);
    if (journal_break_read(arena, content, fuzz_key(), &err, &told) == RC_OK)
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
