/* A break of the journal: its database was put back, so what was signed is no longer borne out, and
 * two officers say that a new journal begins after what was kept. This is the form of what they
 * say; audit asks for it before it signs, `trienctl audit verify` before it believes. */
#pragma once

#include "common/arena.h"
#include "common/bytes.h"
#include "common/checkpoint.h"
#include "common/guard.h"
#include "common/x509.h"
#include "proto/audit.pb-c.h"

#define JOURNAL_OFFICERS_NEEDED 2
#define JOURNAL_MAX_NUMBER 9999
#define JOURNAL_NUMBER_ROOM 5 /* characters of "/9999" */
#define JOURNAL_MAX_REASON 500
#define JOURNAL_MAX_STATEMENT (3 * CHECKPOINT_MAX_BYTES)

/** The number of a later journal as it stands in its origin and in its files' names: from 2 on, in
 *  its one form, then `ending` and nothing more. 0: there is none. */
unsigned journal_read_number(const char *text, const char *ending);

/** Origin of journal `number` from 1: the first one's own name, then "<journal>/<number>". In the
 *  arena. */
const char *journal_origin(struct arena *arena, const char *journal, unsigned number);

/** Origin of the first journal of the family that this one belongs to: without "/<number>". In the
 *  arena. */
const char *journal_first(struct arena *arena, const char *origin);

/** Number of the journal whose origin this is; 0: of another family. */
unsigned journal_number(const char *origin, const char *journal);

/* Texts live as long as the statement's arena. */
struct journal_break {
    const char *journal, *reason;
    unsigned number;        /* of the new journal */
    struct checkpoint lost; /* the last that was signed */
    struct checkpoint kept; /* the last that is borne out; size 0: none */
    unsigned lost_number;   /* the journals they are of */
    unsigned kept_number;   /* 0: none */
    const char *lost_note;
};

/** Reads what officers signed and holds it against itself: both notes are the journal's, by this
 *  key, and follow each other. REJECT MALFORMED, FIELD_INVALID, SIGNATURE_INVALID. */
enum rc journal_break_read(struct arena *arena, struct bytes statement, const struct x509_key *key,
                           struct err *err, struct journal_break *ret_break) MUST_USE;

/** Two different officers, each with a key of his own, have signed the statement. `officers` NULL:
 *  signatures are not looked at. REJECT APPROVALS_MISSING. */
enum rc journal_break_is_said(const Trien__JournalBegun *begun, const struct x509_ring *officers,
                              struct err *err) MUST_USE;
