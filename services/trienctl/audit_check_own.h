/* What the files of the check share (audit_check*.c); others use audit_check.h. */
#pragma once

#include <string.h>

#include "common/bus.h"
#include "proto/audit.pb-c.h"
#include "services/trienctl/audit_check.h"

#define MAX_FEEDS 64

/* A checkpoint that is signed. There may be millions. */
enum verdict { NOT_JUDGED, BORNE_OUT, NOT_BORNE_OUT };

struct known {
    uint64_t size;
    struct merkle_hash root;
    const char *name; /* NULL: one of the journal's own */
    unsigned number;  /* of its journal */
    enum verdict verdict;
    uint64_t from,
        agreed; /* not borne out: first entry that may be why; entries that are as signed */
};

struct feed {
    const char *name;
    int64_t next[BUS_PARTITIONS]; /* 0: none seen */
};

struct audit_check {
    struct arena *arena, *scratch;
    const struct x509_key *key;
    const struct x509_ring *officers; /* NULL: not known here */
    const char *first;                /* origin of the first journal */

    struct known *known; /* by size once the first entry came */
    size_t known_count, known_room, known_next;
    bool is_sorted;

    struct merkle_range said, kept; /* over the leaves as they are; over the hashes of the tree */
    bool is_broken;                 /* rows are missing: no tree can be computed from here on */
    uint64_t agreed;                /* entries under a checkpoint that was borne out */
    bool has_suspect;
    uint64_t suspect; /* first leaf since then that is not what the tree holds */

    struct audit_break breaks[AUDIT_MAX_BREAKS]; /* in the order of the entries */
    size_t break_count;

    uint64_t next, entries, without_content;
    struct feed feeds[MAX_FEEDS];
    size_t feed_count;

    struct audit_finding findings[AUDIT_KINDS * AUDIT_MAX_FINDINGS];
    size_t finding_count;
    uint64_t found[AUDIT_KINDS];
    bool has_exact; /* an entry was named exactly: */
    uint64_t exact; /* the last one */
};

/* --- audit_check.c ---------------------------------------------------------------------------- */

/** Adds a finding, unless the entry has one. */
void audit_find(struct audit_check *check, const struct audit_finding *finding);
/** The same of exactly one entry; of a checkpoint its size. */
void audit_find_at(struct audit_check *check, enum audit_kind kind, uint64_t entry,
                   const char *text);

/* --- audit_check_notes.c: checkpoints ----------------------------------------------------------
 */

/** Before the first entry: all are there. */
void audit_sort_notes(struct audit_check *check);
/** Those whose size was just reached, against the trees. */
void audit_judge_notes(struct audit_check *check);
/** After the last entry: what is not borne out, and not given up by officers, is a finding. Returns
 *  the largest size that counts; *ret_name is what to call that checkpoint. */
uint64_t audit_end_notes(struct audit_check *check, const char **ret_name);

/* --- audit_check_breaks.c: journals that begin where another lost its end ----------------------
 */

/** An entry that begins a journal; its content was held against the leaf. */
void audit_begin(struct audit_check *check, const struct audit_entry *entry);
/** The break after which this journal was no more; NULL: it is the newest one. */
struct audit_break *audit_break_after(struct audit_check *check, unsigned number);
/** Number of the newest journal that an entry begins; else 1. */
unsigned audit_newest(const struct audit_check *check);
/** Where that journal's checkpoints begin: the first entry they must cover; 0 of the first. */
uint64_t audit_beginning(const struct audit_check *check, unsigned number);
/** After the last checkpoint: breaks that no checkpoint covers. */
void audit_end_breaks(struct audit_check *check);
