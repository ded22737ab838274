/* What was signed before, and whether the present journal bears it out. */
#pragma once

#include "common/journal_break.h"
#include "services/audit/audit.h"
#include "services/audit/rules.h"
#include "services/audit/store.h"
#include "services/audit/witness.h"

struct journal_past {
    struct journal_head head;
    struct checkpoint_row last;       /* size 0: none */
    struct journal_row_begun journal; /* the present one */
};

/** Head, last checkpoint and number of the journal, from the database. */
enum rc past_read(struct tx *tx, struct journal_past *ret_past) MUST_USE;

/** The journal bears out its own head and its own last checkpoint. REJECT JOURNAL_FORKED: rows were
 *  changed. RETRY while the token is away. */
enum rc past_bears_itself_out(struct tx *tx, const struct journal_past *past) MUST_USE;

/** past_bears_itself_out(), and the same of the newest daily file: else the database was put back
 * to an earlier moment. Where a new journal was begun since that file was written, officers must
 * have given up what it says. REJECT JOURNAL_FORKED. */
enum rc past_is_borne_out(struct tx *tx, const struct journal_past *past) MUST_USE;

/** The newest daily file. */
enum rc past_find_witness(struct tx *tx, struct witness *ret_witness) MUST_USE;

/** The tree goes on from this checkpoint. REJECT JOURNAL_FORKED naming `where`. */
enum rc past_goes_on(struct tx *tx, uint64_t size, const char *where,
                     const struct checkpoint *from) MUST_USE;

/** What a JournalBegun gives up, when two officers said so with keys that are enrolled today and it
 *  begins this journal. REJECT as journal_break_read(), APPROVALS_MISSING, JOURNAL_FORKED. */
enum rc past_read_begun(struct arena *arena, const struct audit_conf *conf, unsigned number,
                        struct bytes begun, const struct x509_key *key, struct err *err,
                        struct journal_break *ret_break) MUST_USE;
