/* The check of a journal's copy: sequence, digests, offsets, tree. It reads no file and makes no
 * call; it believes nothing but the public key. Checkpoints are judged in audit_check_notes.c,
 * journals that follow each other in audit_check_breaks.c. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/journal_break.h"
#include "services/trienctl/audit_check_own.h"

#define SCRATCH_BYTES ((size_t)8 * 1024 * 1024)

const char *audit_kind_word(enum audit_kind kind)
{
    static const char *const words[] = {"changed", "content", "removed",    "reordered", "inserted",
                                        "offset",  "tree",    "checkpoint", "break"};
    return words[kind];
}

struct audit_check *audit_check_new(struct arena *arena, const struct x509_key *key)
{
    struct audit_check *check = ARENA_NEW(arena, struct audit_check);

    check->arena = arena;
    check->scratch = arena_new(SCRATCH_BYTES);
    check->key = key;
    return check;
}

void audit_check_officers(struct audit_check *check, const struct x509_ring *officers)
{
    check->officers = officers;
}

bool audit_begins_journal(const Trien__JournalLeaf *leaf)
{
    return strcmp(leaf->feed, "audit") == 0 && strcmp(leaf->type, "JournalBegun") == 0;
}

/* One finding an entry: what is seen first says most. Of each kind the first ones are listed, the
 * others counted: checkpoints are judged first, and anybody who can write rows can forge any number
 * of them before he changes an entry. */
void audit_find(struct audit_check *check, const struct audit_finding *finding)
{
    if (finding->kind != AUDIT_CHECKPOINT) {
        if (check->has_exact && check->exact == finding->first)
            return;
        check->has_exact = finding->is_exact;
        check->exact = finding->first;
    }
    if (check->found[finding->kind]++ < AUDIT_MAX_FINDINGS)
        check->findings[check->finding_count++] = *finding;
}

void audit_find_at(struct audit_check *check, enum audit_kind kind, uint64_t entry,
                   const char *text)
{
    const struct audit_finding finding = {kind, true, entry, entry, text};

    audit_find(check, &finding);
}

/* --- entries -----------------------------------------------------------------------------------
 */

static void check_sequence(struct audit_check *check, const struct audit_entry *entry)
{
    if (entry->sequence == check->next)
        return;
    check->is_broken = true;
    if (entry->sequence > check->next) {
        const struct audit_finding finding = {AUDIT_REMOVED, true, check->next, entry->sequence - 1,
                                              arena_printf(check->arena,
                                                           "%" PRIu64 " entries are missing here",
                                                           entry->sequence - check->next)};
        audit_find(check, &finding);
    } else {
        audit_find_at(check, AUDIT_INSERTED, entry->sequence,
                      "an entry of this number stands here a second time or out of its place");
    }
}

static struct feed *feed_of(struct audit_check *check, const char *name)
{
    for (size_t f = 0; f < check->feed_count; f++)
        if (strcmp(check->feeds[f].name, name) == 0)
            return &check->feeds[f];
    if (check->feed_count == MAX_FEEDS)
        return NULL;
    check->feeds[check->feed_count].name = arena_strdup(check->arena, name);
    return &check->feeds[check->feed_count++];
}

static void check_offset(struct audit_check *check, uint64_t sequence,
                         const Trien__JournalLeaf *leaf)
{
    struct feed *feed = feed_of(check, leaf->feed);
    int64_t expected;

    if (!feed || leaf->partition >= BUS_PARTITIONS) {
        audit_find_at(check, AUDIT_OFFSET, sequence, "a feed or partition that cannot be");
        return;
    }
    expected = feed->next[leaf->partition] ? feed->next[leaf->partition] : 1;
    if (leaf->offset != expected)
        audit_find_at(check, AUDIT_OFFSET, sequence,
                      arena_printf(check->arena,
                                   "%s/%u: offset %" PRId64 " stands where %" PRId64 " is due",
                                   leaf->feed, leaf->partition, leaf->offset, expected));
    feed->next[leaf->partition] = leaf->offset + 1;
}

static void check_content(struct audit_check *check, const struct audit_entry *entry,
                          const Trien__JournalLeaf *leaf)
{
    uint8_t *both, digest[32];

    if (!entry->has_content) {
        check->without_content++;
        return;
    }
    both = arena_alloc(check->scratch, entry->salt.n + entry->content.n + 1);
    if (entry->salt.n)
        memcpy(both, entry->salt.p, entry->salt.n);
    if (entry->content.n)
        memcpy(both + entry->salt.n, entry->content.p, entry->content.n);
    bytes_sha256(bytes_of(both, entry->salt.n + entry->content.n), digest);
    if (leaf->content_sha256.len != sizeof(digest) ||
        memcmp(leaf->content_sha256.data, digest, sizeof(digest)) != 0)
        audit_find_at(check, AUDIT_CONTENT, entry->sequence,
                      "the content is not the one that the entry covers");
}

static void check_leaf(struct audit_check *check, const struct audit_entry *entry)
{
    const Trien__JournalLeaf *leaf =
        entry->leaf.n <= BUS_MAX_EVENT
            ? trien__journal_leaf__unpack(arena_allocator(check->scratch), entry->leaf.n,
                                          entry->leaf.p)
            : NULL;

    if (!leaf || leaf->version != 1) {
        audit_find_at(check, AUDIT_CHANGED, entry->sequence, "the entry cannot be read");
        return;
    }
    if (leaf->sequence != entry->sequence)
        audit_find_at(
            check, AUDIT_REORDERED, entry->sequence,
            arena_printf(check->arena, "here stands what was entry %" PRIu64, leaf->sequence));
    check_offset(check, entry->sequence, leaf);
    check_content(check, entry, leaf);
    if (audit_begins_journal(leaf))
        audit_begin(check, entry);
}

static void grow(struct audit_check *check, const struct audit_entry *entry)
{
    struct merkle_hash said;

    merkle_leaf(entry->leaf, &said);
    if (!merkle_equal(&said, &entry->kept) && !check->has_suspect) {
        check->has_suspect = true;
        check->suspect = entry->sequence;
    }
    if (check->is_broken)
        return;
    merkle_append(&check->said, &said);
    merkle_append(&check->kept, &entry->kept);
}

void audit_check_entry(struct audit_check *check, const struct audit_entry *entry)
{
    if (!check->is_sorted) {
        audit_sort_notes(check);
        audit_judge_notes(check); /* of an empty journal */
    }
    arena_reset(check->scratch);
    check_sequence(check, entry);
    check_leaf(check, entry);
    grow(check, entry);
    check->entries++;
    check->next = entry->sequence + 1;
    audit_judge_notes(check);
}

/* --- the end -----------------------------------------------------------------------------------
 */

static int by_entry(const void *a, const void *b)
{
    const struct audit_finding *left = a, *right = b;

    if (left->first != right->first)
        return left->first < right->first ? -1 : 1;
    return (int)right->is_exact - (int)left->is_exact;
}

static uint64_t check_end(struct audit_check *check)
{
    const char *name = "";
    uint64_t covered = audit_end_notes(check, &name);

    audit_end_breaks(check);
    if (check->next < covered) {
        const struct audit_finding finding = {
            AUDIT_REMOVED, true, check->next, covered - 1,
            arena_printf(check->arena, "the copy ends here, but %s covers %" PRIu64 " entries",
                         name, covered)};
        audit_find(check, &finding);
    }
    if (check->has_suspect)
        audit_find_at(check, AUDIT_CHANGED, check->suspect,
                      "the entry is not the one whose hash the tree holds");
    if (check->entries && !check->known_count && !check->finding_count)
        audit_find_at(check, AUDIT_CHECKPOINT, 0,
                      "there is no checkpoint: nothing says that these entries are as they were");
    return covered;
}

void audit_check_end(struct audit_check *check, struct audit_result *ret_result)
{
    uint64_t covered;

    if (!check->is_sorted)
        audit_sort_notes(check);
    covered = check_end(check);
    qsort(check->findings, check->finding_count, sizeof(*check->findings), by_entry);
    *ret_result = (struct audit_result){
        .origin =
            check->first ? journal_origin(check->arena, check->first, audit_newest(check)) : "",
        .entries = check->entries,
        .covered = covered,
        .checkpoints = check->known_count,
        .without_content = check->without_content,
        .findings = check->findings,
        .finding_count = check->finding_count,
        .breaks = check->breaks,
        .break_count = check->break_count,
    };
    for (size_t kind = 0; kind < AUDIT_KINDS; kind++)
        if (check->found[kind] > AUDIT_MAX_FINDINGS)
            ret_result->unlisted[kind] = check->found[kind] - AUDIT_MAX_FINDINGS;
    arena_free(&check->scratch);
    free(check->known);
    check->known = NULL;
}
