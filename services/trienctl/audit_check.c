/* The check of a journal's copy: sequence, digests, offsets, tree, checkpoints. It reads no file
 * and makes no call; it believes nothing but the public key. */
#include "services/trienctl/audit_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "proto/audit.pb-c.h"

#define MAX_FEEDS 64
#define SCRATCH_BYTES ((size_t)8 * 1024 * 1024)

/* A checkpoint that is signed. There may be millions. */
struct known {
    uint64_t size;
    struct merkle_hash root;
    const char *name; /* NULL: one of the journal's own */
};

struct feed {
    const char *name;
    int64_t next[BUS_PARTITIONS]; /* 0: none seen */
};

struct audit_check {
    struct arena *arena, *scratch;
    const struct x509_key *key;
    const char *origin;

    struct known *known; /* by size once the first entry came */
    size_t known_count, known_room, known_next;
    bool is_sorted;

    struct merkle_range said, kept; /* over the leaves as they are; over the hashes of the tree */
    bool is_broken;                 /* rows are missing: no tree can be computed from here on */
    uint64_t agreed;                /* entries under a checkpoint that was borne out */
    bool has_suspect;
    uint64_t suspect; /* first leaf since then that is not what the tree holds */

    uint64_t next, entries, without_content;
    struct feed feeds[MAX_FEEDS];
    size_t feed_count;

    struct audit_finding findings[AUDIT_KINDS * AUDIT_MAX_FINDINGS];
    size_t finding_count;
    uint64_t found[AUDIT_KINDS];
    bool has_exact; /* an entry was named exactly: */
    uint64_t exact; /* the last one */
};

const char *audit_kind_word(enum audit_kind kind)
{
    static const char *const words[] = {"changed",  "content", "removed", "reordered",
                                        "inserted", "offset",  "tree",    "checkpoint"};
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

/* One finding an entry: what is seen first says most. Of each kind the first ones are listed, the
 * others counted: checkpoints are judged first, and anybody who can write rows can forge any number
 * of them before he changes an entry. */
static void find(struct audit_check *check, const struct audit_finding *finding)
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

static void find_at(struct audit_check *check, enum audit_kind kind, uint64_t entry,
                    const char *text)
{
    const struct audit_finding finding = {kind, true, entry, entry, text};

    find(check, &finding);
}

/* --- checkpoints -------------------------------------------------------------------------------
 */

static void keep(struct audit_check *check, const struct known *known)
{
    if (check->known_count == check->known_room) {
        check->known_room = check->known_room ? check->known_room * 2 : 64;
        check->known = realloc(check->known, check->known_room * sizeof(*check->known));
        if (!check->known)
            abort();
    }
    check->known[check->known_count++] = *known;
}

static const char *name_of(struct audit_check *check, const char *name, uint64_t size)
{
    return name ? name : arena_printf(check->arena, "the checkpoint at size %" PRIu64, size);
}

static void refuse_note(struct audit_check *check, const char *name, uint64_t size, const char *why)
{
    if (check->found[AUDIT_CHECKPOINT] >= AUDIT_MAX_FINDINGS) { /* no text for what is not listed */
        check->found[AUDIT_CHECKPOINT]++;
        return;
    }
    find_at(check, AUDIT_CHECKPOINT, size,
            arena_printf(check->arena, "%s: %s", name_of(check, name, size), why));
}

/* What a note that is not to be believed says of itself. */
static uint64_t claimed_size(struct audit_check *check, struct bytes note)
{
    struct checkpoint claimed;
    struct err ignored = {0};

    return checkpoint_parse(check->scratch, note, &ignored, &claimed) == RC_OK ? claimed.size : 0;
}

void audit_check_note(struct audit_check *check, const char *name, struct bytes note)
{
    struct checkpoint opened;
    struct err err = {0};

    arena_reset(check->scratch);
    if (name)
        name = arena_strdup(check->arena, name);
    if (checkpoint_open(check->scratch, note, check->key, &err, &opened) != RC_OK) {
        refuse_note(check, name, claimed_size(check, note), err.detail);
        return;
    }
    if (!check->origin)
        check->origin = arena_strdup(check->arena, opened.origin);
    if (strcmp(check->origin, opened.origin) != 0)
        refuse_note(check, name, opened.size, "is one of another journal");
    else
        keep(check, &(struct known){opened.size, opened.root, name});
}

static int by_size(const void *a, const void *b)
{
    const struct known *left = a, *right = b;

    return left->size < right->size ? -1 : left->size > right->size;
}

/* Two signed heads of one size that differ: the journal was forked, whatever the entries say. */
static void sort_checkpoints(struct audit_check *check)
{
    check->is_sorted = true;
    if (check->known_count)
        qsort(check->known, check->known_count, sizeof(*check->known), by_size);
    for (size_t i = 1; i < check->known_count; i++) {
        const struct known *a = &check->known[i - 1], *b = &check->known[i];

        if (a->size == b->size && !merkle_equal(&a->root, &b->root))
            find_at(check, AUDIT_CHECKPOINT, b->size,
                    arena_printf(check->arena,
                                 "%s and %s are both signed and contradict each other: the journal "
                                 "was forked",
                                 name_of(check, a->name, a->size),
                                 name_of(check, b->name, b->size)));
    }
}

/* Neither tree is the signed one: the hashes were changed too, and only the stretch is known. */
static void find_stretch(struct audit_check *check, const struct known *known)
{
    const struct audit_finding finding = {
        AUDIT_CHANGED, false, check->has_suspect ? check->suspect : check->agreed, known->size - 1,
        arena_printf(check->arena,
                     "entries and stored tree were both changed after %s was signed; what came "
                     "before entry %" PRIu64 " is as signed",
                     name_of(check, known->name, known->size), check->agreed)};

    find(check, &finding);
}

static void judge(struct audit_check *check, const struct known *known)
{
    struct merkle_hash said, kept;

    merkle_root(&check->said, &said);
    merkle_root(&check->kept, &kept);
    if (merkle_equal(&said, &known->root)) {
        if (check->has_suspect)
            find_at(check, AUDIT_TREE, check->suspect,
                    "the entry is as signed, but the hash stored in the tree was changed");
        check->agreed = known->size;
    } else if (merkle_equal(&kept, &known->root) && check->has_suspect) {
        find_at(check, AUDIT_CHANGED, check->suspect,
                arena_printf(check->arena, "the entry is not the one that %s covers",
                             name_of(check, known->name, known->size)));
        check->agreed = known->size;
        check->said = check->kept; /* later ones are judged by the signed past */
    } else {
        find_stretch(check, known);
        check->is_broken = true;
        return;
    }
    check->has_suspect = false;
    check->kept = check->said;
}

static void judge_here(struct audit_check *check)
{
    for (; check->known_next < check->known_count &&
           check->known[check->known_next].size <= check->next;
         check->known_next++) {
        const struct known *known = &check->known[check->known_next];

        if (!check->is_broken && known->size == check->next)
            judge(check, known);
    }
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
        find(check, &finding);
    } else {
        find_at(check, AUDIT_INSERTED, entry->sequence,
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
        find_at(check, AUDIT_OFFSET, sequence, "a feed or partition that cannot be");
        return;
    }
    expected = feed->next[leaf->partition] ? feed->next[leaf->partition] : 1;
    if (leaf->offset != expected)
        find_at(check, AUDIT_OFFSET, sequence,
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
    memcpy(both, entry->salt.p, entry->salt.n);
    memcpy(both + entry->salt.n, entry->content.p, entry->content.n);
    bytes_sha256(bytes_of(both, entry->salt.n + entry->content.n), digest);
    if (leaf->content_sha256.len != sizeof(digest) ||
        memcmp(leaf->content_sha256.data, digest, sizeof(digest)) != 0)
        find_at(check, AUDIT_CONTENT, entry->sequence,
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
        find_at(check, AUDIT_CHANGED, entry->sequence, "the entry cannot be read");
        return;
    }
    if (leaf->sequence != entry->sequence)
        find_at(check, AUDIT_REORDERED, entry->sequence,
                arena_printf(check->arena, "here stands what was entry %" PRIu64, leaf->sequence));
    check_offset(check, entry->sequence, leaf);
    check_content(check, entry, leaf);
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
        sort_checkpoints(check);
        judge_here(check); /* of an empty journal */
    }
    arena_reset(check->scratch);
    check_sequence(check, entry);
    check_leaf(check, entry);
    grow(check, entry);
    check->entries++;
    check->next = entry->sequence + 1;
    judge_here(check);
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

static void check_end(struct audit_check *check)
{
    uint64_t covered = check->known_count ? check->known[check->known_count - 1].size : 0;

    if (check->next < covered) {
        const struct audit_finding finding = {
            AUDIT_REMOVED, true, check->next, covered - 1,
            arena_printf(check->arena, "the copy ends here, but %s covers %" PRIu64 " entries",
                         name_of(check, check->known[check->known_count - 1].name, covered),
                         covered)};
        find(check, &finding);
    }
    if (check->has_suspect)
        find_at(check, AUDIT_CHANGED, check->suspect,
                "the entry is not the one whose hash the tree holds");
    if (check->entries && !check->known_count && !check->finding_count)
        find_at(check, AUDIT_CHECKPOINT, 0,
                "there is no checkpoint: nothing says that these entries are as they were");
}

void audit_check_end(struct audit_check *check, struct audit_result *ret_result)
{
    if (!check->is_sorted)
        sort_checkpoints(check);
    check_end(check);
    qsort(check->findings, check->finding_count, sizeof(*check->findings), by_entry);
    *ret_result = (struct audit_result){
        .origin = check->origin ? check->origin : "",
        .entries = check->entries,
        .covered = check->known_count ? check->known[check->known_count - 1].size : 0,
        .checkpoints = check->known_count,
        .without_content = check->without_content,
        .findings = check->findings,
        .finding_count = check->finding_count,
    };
    for (size_t kind = 0; kind < AUDIT_KINDS; kind++)
        if (check->found[kind] > AUDIT_MAX_FINDINGS)
            ret_result->unlisted[kind] = check->found[kind] - AUDIT_MAX_FINDINGS;
    arena_free(&check->scratch);
    free(check->known);
    check->known = NULL;
}
