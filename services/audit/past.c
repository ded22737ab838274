/* What was signed before, held against what stands: in the database, in the daily files, and where
 * a new journal begins, in what officers said. It signs and changes nothing. */
#include "services/audit/past.h"

#include <inttypes.h>
#include <string.h>

#include "services/audit/tree.h"

enum rc past_read(struct tx *tx, struct journal_past *ret_past)
{
    TRY(store_get_head(tx, &ret_past->head));
    TRY(store_find_last_checkpoint(tx, &ret_past->last));
    return store_find_journal(tx, &ret_past->journal);
}

enum rc past_goes_on(struct tx *tx, uint64_t size, const char *where, const struct checkpoint *from)
{
    struct signed_past past = {.size = from->size, .root = from->root};

    if (past.size && past.size <= size)
        TRY(tree_root(tx, size, past.size, &past.now_root));
    CHECK(rule_goes_on(&past, size), &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the journal has %" PRIu64 " entries and does not go on from %s of size %" PRIu64, size,
          where, past.size);
    return RC_OK;
}

/* The last checkpoint is what was signed, by the key that signs now (replicas share one), as the
 * journal that its size belongs to. */
static enum rc must_be_ours(struct tx *tx, const struct journal_past *past,
                            const struct x509_key *key)
{
    const struct audit_state *state = tx->state;
    const struct checkpoint_row *last = &past->last;
    struct checkpoint opened;
    struct err why = {0};
    unsigned number;

    if (!last->size)
        return RC_OK;
    CHECK(checkpoint_open(tx->arena, bytes_of_text(last->note), key, &why, &opened) == RC_OK,
          &tx->err, TRIEN__ERROR__JOURNAL_FORKED, "the last checkpoint: %s", why.detail);
    CHECK(opened.size == last->size && merkle_equal(&opened.root, &last->root), &tx->err,
          TRIEN__ERROR__JOURNAL_FORKED, "the last checkpoint is not the one that was signed");
    number = journal_number(opened.origin, state->conf->origin);
    CHECK(number && (past->journal.number == 1 || last->size > past->journal.entry
                         ? number == past->journal.number
                         : number < past->journal.number),
          &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the last checkpoint is one of another journal, %s", opened.origin);
    return RC_OK;
}

enum rc past_bears_itself_out(struct tx *tx, const struct journal_past *past)
{
    struct checkpoint head = {.size = past->head.range.size},
                      last = {.size = past->last.size, .root = past->last.root};
    struct audit_state *state = tx->state;
    const struct x509_key *key;

    TRY(journal_key_public(state->key, &tx->err, &key));
    TRY(must_be_ours(tx, past, key));
    merkle_root(&past->head.range, &head.root);
    TRY(past_goes_on(tx, head.size, "its own head", &head));
    return past_goes_on(tx, head.size, "its last checkpoint", &last);
}

enum rc past_find_witness(struct tx *tx, struct witness *ret_witness)
{
    struct audit_state *state = tx->state;
    const struct x509_key *key;

    TRY(journal_key_public(state->key, &tx->err, &key));
    return witness_find_last(tx->arena, state->conf->directory, state->conf->origin, key, &tx->err,
                             ret_witness);
}

enum rc past_read_begun(struct arena *arena, const struct audit_conf *conf, unsigned number,
                        struct bytes begun, const struct x509_key *key, struct err *err,
                        struct journal_break *ret_break)
{
    const Trien__JournalBegun *in =
        trien__journal_begun__unpack(arena_allocator(arena), begun.n, begun.p);
    autoptr(x509_ring_t) officers = NULL;
    struct journal_break told;

    CHECK(in, err, TRIEN__ERROR__MALFORMED, "what begins the journal cannot be read");
    CHECK(*conf->officer_keys, err, TRIEN__ERROR__APPROVALS_MISSING,
          "keys/officer is not configured: nobody can say that a journal begins");
    TRY(x509_ring_load(conf->officer_keys, err, &officers));
    TRY(journal_break_is_said(in, officers, err));
    TRY(journal_break_read(arena, bytes_of(in->statement.data, in->statement.len), key, err,
                           &told));
    CHECK(told.number == number && strcmp(told.journal, conf->origin) == 0, err,
          TRIEN__ERROR__JOURNAL_FORKED, "what begins journal %u is about another one", number);
    *ret_break = told;
    return RC_OK;
}

/* The daily file is of an earlier journal than the present one: no head of this one was signed yet.
 * Officers gave up what the file says, or more. */
static enum rc must_be_given_up(struct tx *tx, const struct journal_past *past,
                                const struct witness *witness)
{
    const struct journal_row_begun *journal = &past->journal;
    struct audit_state *state = tx->state;
    struct journal_break told;
    const struct x509_key *key;
    struct err why = {0};

    TRY(journal_key_public(state->key, &tx->err, &key));
    CHECK(past_read_begun(tx->arena, state->conf, journal->number, journal->begun, key, &why,
                          &told) == RC_OK,
          &tx->err, TRIEN__ERROR__JOURNAL_FORKED, "journal %u was not begun by two officers: %s",
          journal->number, why.detail);
    CHECK(rule_may_follow((struct signed_mark){journal->number, past->head.range.size},
                          (struct signed_mark){witness->number, witness->checkpoint.size},
                          (struct signed_mark){told.lost_number, told.lost.size}),
          &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "journal %u was begun, but not in place of the daily file of size %" PRIu64,
          journal->number, witness->checkpoint.size);
    return RC_OK;
}

enum rc past_is_borne_out(struct tx *tx, const struct journal_past *past)
{
    struct witness witness;

    TRY(past_bears_itself_out(tx, past));
    TRY(past_find_witness(tx, &witness));
    if (witness.number < past->journal.number &&
        (witness.number || past->last.size <= past->journal.entry) && past->journal.number > 1)
        return must_be_given_up(tx, past, &witness);
    CHECK(witness.number <= past->journal.number, &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the checkpoint in the daily file is of journal %u, the database knows journal %u",
          witness.number, past->journal.number);
    return past_goes_on(tx, past->head.range.size, "the checkpoint in the daily file",
                        &witness.checkpoint);
}
