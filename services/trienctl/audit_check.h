/* Checking a copy of the journal with the journal's public key alone. Fed with every entry in
 * order, it keeps two trees: one over what the entries say now, one over the leaf hashes that the
 * journal's own tree holds. Signed checkpoints say which of the two is true, and so which entry was
 * changed first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/checkpoint.h"
#include "proto/audit.pb-c.h"

#define AUDIT_MAX_FINDINGS 200 /* of each kind: no kind can hide another */

/* One row of a copy. */
struct audit_entry {
    uint64_t sequence;
    struct bytes leaf;       /* serialised JournalLeaf */
    struct merkle_hash kept; /* of the leaf, as the tree holds it */
    bool has_content;        /* false in a copy for the public */
    struct bytes salt, content;
};

enum audit_kind {
    AUDIT_CHANGED,    /* the leaf is not the one that was signed */
    AUDIT_CONTENT,    /* the content beside the leaf is not the one the leaf covers */
    AUDIT_REMOVED,    /* rows are missing */
    AUDIT_REORDERED,  /* the row holds the leaf of another place */
    AUDIT_INSERTED,   /* a row that stands twice */
    AUDIT_OFFSET,     /* events of one feed and partition do not follow each other */
    AUDIT_TREE,       /* the entry is as signed, but the stored tree is not */
    AUDIT_CHECKPOINT, /* a checkpoint that is forged or contradicts another */
    AUDIT_BREAK,      /* an entry that begins a new journal, and does not hold */
    AUDIT_KINDS
};

struct audit_finding {
    enum audit_kind kind;
    bool is_exact;        /* else somewhere from first to last */
    uint64_t first, last; /* entries; of a checkpoint: its size */
    const char *text;
};

#define AUDIT_MAX_BREAKS 32

/* A journal that begins where another lost its end, by the word of two officers. */
struct audit_break {
    uint64_t entry;  /* that begins it */
    unsigned number; /* of the new journal, from 2 */
    const char *origin, *lost_origin, *reason;
    const char *officers[2]; /* by name */
    bool is_verified;        /* their signatures, by the keys that audit_check_officers() gave */
    uint64_t proved;         /* entries before the break that a checkpoint of then bears out */
    unsigned lost_number;    /* journal whose end was lost, */
    uint64_t lost_size;      /* and the entries that it had */
    uint64_t given_up;       /* checkpoints seen that cover what was lost */
};

struct audit_check; /* lives in its arena */

/** Texts and findings live in the arena; the key is borrowed. */
struct audit_check *audit_check_new(struct arena *arena, const struct x509_key *key);

/** Whose word may begin a new journal: with these keys the signatures are verified, too. Borrowed.
 */
void audit_check_officers(struct audit_check *check, const struct x509_ring *officers);

/** The entry of this leaf begins a new journal. */
bool audit_begins_journal(const Trien__JournalLeaf *leaf);

/** Takes a note, signed by the key or not, in any order; before the first entry. `name` says where
 *  it comes from; NULL: the journal itself. */
void audit_check_note(struct audit_check *check, const char *name, struct bytes note);

/** The next row of the copy. The entry is only looked at. */
void audit_check_entry(struct audit_check *check, const struct audit_entry *entry);

struct audit_result {
    const char *origin; /* of the newest journal; "" without a checkpoint */
    uint64_t entries, covered, checkpoints, without_content;
    const struct audit_finding *findings; /* by entry, exact ones first */
    size_t finding_count;
    const struct audit_break *breaks; /* in the order of the entries; live as long as the check */
    size_t break_count;
    uint64_t unlisted[AUDIT_KINDS]; /* found beyond AUDIT_MAX_FINDINGS of a kind */
};

/** After the last row. */
void audit_check_end(struct audit_check *check, struct audit_result *ret_result);

/** "changed", "content", "removed" … */
const char *audit_kind_word(enum audit_kind kind);
