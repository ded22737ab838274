/* The check of a journal's copy: its checkpoints. Each is held against the trees when its size is
 * reached, and judged at the end, when it is known which journal it must belong to. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/journal_break.h"
#include "services/trienctl/audit_check_own.h"

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
    audit_find_at(check, AUDIT_CHECKPOINT, size,
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
    unsigned number;

    arena_reset(check->scratch);
    if (name)
        name = arena_strdup(check->arena, name);
    if (checkpoint_open(check->scratch, note, check->key, &err, &opened) != RC_OK) {
        refuse_note(check, name, claimed_size(check, note), err.detail);
        return;
    }
    if (!check->first)
        check->first = journal_first(check->arena, arena_strdup(check->arena, opened.origin));
    number = journal_number(opened.origin, check->first);
    if (number)
        keep(check, &(struct known){opened.size, opened.root, name, .number = number});
    else
        refuse_note(check, name, opened.size, "is one of another journal");
}

static int by_size(const void *a, const void *b)
{
    const struct known *left = a, *right = b;

    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

/* Two signed heads of one size that differ: the journal was forked, whatever the entries say. */
void audit_sort_notes(struct audit_check *check)
{
    check->is_sorted = true;
    if (check->known_count)
        qsort(check->known, check->known_count, sizeof(*check->known), by_size);
    for (size_t i = 1; i < check->known_count; i++) {
        const struct known *a = &check->known[i - 1], *b = &check->known[i];

        if (a->size == b->size && a->number == b->number && !merkle_equal(&a->root, &b->root))
            audit_find_at(
                check, AUDIT_CHECKPOINT, b->size,
                arena_printf(check->arena,
                             "%s and %s are both signed and contradict each other: the journal "
                             "was forked",
                             name_of(check, a->name, a->size), name_of(check, b->name, b->size)));
    }
}

/* Neither tree is the signed one: the hashes were changed too, and only the stretch is known. */
static void find_stretch(struct audit_check *check, const struct known *known)
{
    const struct audit_finding finding = {
        AUDIT_CHANGED, false, known->from, known->size - 1,
        arena_printf(check->arena,
                     "entries and stored tree were both changed after %s was signed; what came "
                     "before entry %" PRIu64 " is as signed",
                     name_of(check, known->name, known->size), known->agreed)};

    audit_find(check, &finding);
}

static void judge(struct audit_check *check, struct known *known)
{
    struct merkle_hash said, kept;

    merkle_root(&check->said, &said);
    merkle_root(&check->kept, &kept);
    if (merkle_equal(&said, &known->root)) {
        if (check->has_suspect)
            audit_find_at(check, AUDIT_TREE, check->suspect,
                          "the entry is as signed, but the hash stored in the tree was changed");
        check->agreed = known->size;
    } else if (merkle_equal(&kept, &known->root) && check->has_suspect) {
        audit_find_at(check, AUDIT_CHANGED, check->suspect,
                      arena_printf(check->arena, "the entry is not the one that %s covers",
                                   name_of(check, known->name, known->size)));
        check->agreed = known->size;
        check->said = check->kept; /* later ones are judged by the signed past */
    } else {                       /* changed, or given up: an entry that is yet to come says so */
        known->verdict = NOT_BORNE_OUT;
        known->from = check->has_suspect ? check->suspect : check->agreed;
        known->agreed = check->agreed;
        return;
    }
    known->verdict = BORNE_OUT;
    check->has_suspect = false;
    check->kept = check->said;
}

void audit_judge_notes(struct audit_check *check)
{
    for (; check->known_next < check->known_count &&
           check->known[check->known_next].size <= check->next;
         check->known_next++) {
        struct known *known = &check->known[check->known_next];

        if (!check->is_broken && known->size == check->next)
            judge(check, known);
    }
}

/* --- the end -----------------------------------------------------------------------------------
 */

/* Officers gave it up: it covers what was lost, and no more than they said. */
static bool is_given_up(const struct known *known, struct audit_break *then)
{
    if (!then || known->verdict == BORNE_OUT || known->size <= then->proved ||
        (known->number == then->lost_number && known->size > then->lost_size))
        return false;
    then->given_up++;
    return true;
}

/* A checkpoint of a journal that no entry begins, that ended before, or that begins later. */
static bool is_out_of_place(struct audit_check *check, const struct known *known)
{
    const struct audit_break *then = audit_break_after(check, known->number);
    const char *why = NULL;

    if (known->number > audit_newest(check))
        why = "is of a journal that no entry here begins";
    else if (then && known->verdict == BORNE_OUT && known->size > then->entry)
        why = "was signed for a journal that had ended";
    else if (then && known->number == then->lost_number && known->size > then->lost_size)
        why = "covers more than officers gave up";
    else if (known->size <= audit_beginning(check, known->number) && known->number > 1)
        why = "does not cover the entry that begins its journal";
    if (why)
        refuse_note(check, known->name, known->size, why);
    return why != NULL;
}

uint64_t audit_end_notes(struct audit_check *check, const char **ret_name)
{
    const struct known *last = NULL;
    bool has_stretch = false;

    for (size_t i = 0; i < check->known_count; i++) {
        const struct known *known = &check->known[i];

        if (is_given_up(known, audit_break_after(check, known->number)) ||
            is_out_of_place(check, known))
            continue;
        if (known->verdict == NOT_BORNE_OUT && !has_stretch) {
            find_stretch(check, known);
            has_stretch = true;
        }
        last = known;
    }
    if (last)
        *ret_name = name_of(check, last->name, last->size);
    return last ? last->size : 0;
}
