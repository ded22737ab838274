/* The journal: what was to be signed stands on the disk before the token is asked.
 *
 * A folder with files journal-000001.log … of chained lines (record.h) and the index made from
 * them. Records of concurrent orders share one fdatasync (group commit: who finds no sync running
 * does it for all that wait). A record is durable when the function that wrote it returns.
 *
 * What a crash can leave: an intent without an answer (the order may be signed again: same bytes;
 * no answer was ever released) and, at the very end, lines that were never synced. Those are cut at
 * the next start, which the `open` record says. Only the last JOURNAL_GROUP_BYTES can be of that
 * kind, and only behind the last record that was acknowledged (head.h) or that a record behind the
 * wrong place proves to have been durable (an answer is written after its intent was synced): all
 * else is damage or a cut, and the signer does not start.
 *
 * After a failed write or sync the journal is dead until the process starts again: what the kernel
 * did with the pages is unknown, and asking fsync twice hides it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"

#define JOURNAL_GROUP_BYTES ((size_t)256 * 1024)
#define JOURNAL_ORDER_CHARS 80

struct journal;

struct journal_config {
    const char *folder;     /* exists; belongs to the signer alone */
    uint64_t segment_bytes; /* a file beyond this is followed by the next; at most 2 GiB */
    bool rebuild_index;
};

/* What is going to be signed, and why it may be. Texts obey record_field_ok(). */
struct journal_intent {
    const char *order_id, *issuer, *profile;
    const char *serial;        /* hex */
    const char *tbs_sha256;    /* hex */
    const char *ground;        /* "subscriber", "responder", "list" */
    const char *ground_sha256; /* hex; of the authorisation or approval */
    const char *vouchers;      /* key ids by commas */
    bool ground_once;          /* this ground is good for one order only */
    const char *follows;       /* a serial of the issuer that must have an intent; NULL: none */
};

/* What the journal knows of an order. */
struct journal_order {
    uint64_t intent_sequence; /* 0: never heard of */
    const char *tbs_sha256;
    uint64_t answer_sequence; /* 0: not answered */
    struct bytes signature;
};

/** Opens the journal, cuts what a crash left unfinished, reads the tail behind the index. One
 *  process at a time. FATAL JOURNAL_UNWRITABLE. */
enum rc journal_open(const struct journal_config *config, usec now, struct err *err,
                     struct journal **ret_journal) MUST_USE;
void journal_close(struct journal **journal);

/** What is known of an order; everything in the arena. */
enum rc journal_find(struct journal *journal, const char *order_id, struct arena *arena,
                     struct err *err, struct journal_order *ret_order) MUST_USE;

/** Writes the intent and waits until it is durable; an intent with the same bytes that is there
 *  already is success. REJECT ORDER_CONFLICT: the order has other bytes, another order has the
 *  serial number or (ground_once) the ground, or what it follows is not there. FATAL
 * JOURNAL_UNWRITABLE. */
enum rc journal_intend(struct journal *journal, const struct journal_intent *intent, usec now,
                       struct arena *arena, struct err *err, uint64_t *ret_sequence) MUST_USE;

/** Writes the answer and waits until it is durable: only then may it be released. The caller sees
 *  to it that one order is worked by one thread at a time. FATAL JOURNAL_UNWRITABLE. */
enum rc journal_answer(struct journal *journal, const char *order_id, uint64_t intent_sequence,
                       struct bytes signature, usec now, struct arena *arena, struct err *err,
                       uint64_t *ret_sequence) MUST_USE;

/** Some order has, or had, this serial of this issuer. */
enum rc journal_has_serial(struct journal *journal, const char *issuer, const char *serial,
                           struct arena *arena, struct err *err, bool *ret_has) MUST_USE;

/* For health and metrics. */
struct journal_state {
    uint64_t sequence;
    char hash[65];
    unsigned segment;
    bool writable;
    uint64_t syncs; /* since the start */
};
void journal_look(struct journal *journal, struct journal_state *ret_state);
