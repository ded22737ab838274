/* The sub-commands of `trienctl audit`, and where copies of the journal come from. */
#pragma once

#include "services/trienctl/audit_check.h"
#include "services/trienctl/trienctl.h"

/* One row a sub-command in cmd_audit.c; argv[0] is its name. */
int audit_verify(int argc, char **argv);
int audit_export(int argc, char **argv);
int audit_estimate(int argc, char **argv);
int audit_criteria(int argc, char **argv);
int audit_begin_journal(int argc, char **argv);

/* Receives a copy, in the order of a source: every note, then every entry. What is handed over
 * lives until the function returns. A note's name is a path, or NULL for the journal's own. */
struct audit_sink {
    void *arg;
    enum rc (*note)(void *arg, const char *name, struct bytes note, struct err *err);
    enum rc (*entry)(void *arg, const struct audit_entry *entry, struct err *err);
};

/** Pours the running journal into the sink, page by page, up to the size it has at the beginning.
 *  Fails like ctl_call(). (audit_live.c) */
MUST_USE enum rc audit_pour_live(const struct audit_sink *sink, struct err *err);

/** Pours a copy that audit_copy_open() made into the sink. REJECT NOT_FOUND, MALFORMED with file
 * and line. (audit_copy.c) */
MUST_USE enum rc audit_pour_copy(const char *dir, const struct audit_sink *sink, struct err *err);

/** Pours checkpoint notes that somebody kept elsewhere: a file, or every *.checkpoint of a folder.
 */
MUST_USE enum rc audit_pour_witness(const char *path, const struct audit_sink *sink,
                                    struct err *err);

/* A copy being written: DIR/checkpoints.jsonl, DIR/entries/000000000000.jsonl … */
struct audit_copy;

/** Begins a copy in a folder that is made, or is empty of one (REJECT ALREADY_EXISTS). `is_public`:
 *  without contents, but of entries that begin a new journal. */
MUST_USE enum rc audit_copy_open(struct arena *arena, const char *dir, bool is_public,
                                 struct err *err, struct audit_copy **ret_copy);
/** A sink that writes into the copy. */
struct audit_sink audit_copy_sink(struct audit_copy *copy);
/** Everything is on the disk, or why not. Ends the copy. */
MUST_USE enum rc audit_copy_close(struct audit_copy *copy, struct err *err);

/** One line of a copy as an entry; texts in the arena. (audit_line.c) REJECT MALFORMED. */
MUST_USE enum rc audit_line_read(struct arena *arena, struct bytes line, struct err *err,
                                 struct audit_entry *ret_entry);
/** The note of a line of checkpoints.jsonl, in the arena. REJECT MALFORMED. */
MUST_USE enum rc audit_note_read(struct arena *arena, struct bytes line, struct err *err,
                                 struct bytes *ret_note);
/** The line, with its newline, in the arena. */
struct bytes audit_line_write(struct arena *arena, const struct audit_entry *entry);
