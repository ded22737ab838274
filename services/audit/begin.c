/* A new journal after one that lost its end: what officers are to say, and their words. The second
 * of two different officers begins it; what they say must be what stands here. Changed rows are no
 * ground for it: only a database that bears itself out and lacks what was signed since. */
#include <string.h>

#include "common/pb_bytes.h"
#include "proto/bus.pb-c.h"
#include "services/audit/past.h"
#include "services/audit/tree.h"

/* The journal bears itself out, and does not go on from the checkpoint `lost` of another hour. */
static enum rc must_be_broken(struct tx *tx, const struct journal_past *past, unsigned lost_number,
                              const struct checkpoint *lost)
{
    uint64_t size = past->head.range.size;
    struct signed_past then = {.size = lost->size, .root = lost->root};

    TRY(past_bears_itself_out(tx, past));
    if (lost_number == past->journal.number && lost->size <= size)
        TRY(tree_root(tx, size, lost->size, &then.now_root));
    CHECK(lost_number > past->journal.number ||
              (lost_number == past->journal.number && !rule_goes_on(&then, size)),
          &tx->err, TRIEN__ERROR__WRONG_STATE,
          "the journal goes on from that checkpoint: nothing was lost");
    return RC_OK;
}

enum rc on_get_journal_break(struct tx *tx, const void *in, void *out)
{
    Trien__GetJournalBreakReply *reply = out;
    const struct audit_state *state = tx->state;
    struct journal_past past;
    struct witness witness;

    (void)in;
    TRY(past_read(tx, &past));
    TRY(past_find_witness(tx, &witness));
    CHECK(witness.number, &tx->err, TRIEN__ERROR__NOT_FOUND, "there is no daily file");
    TRY(must_be_broken(tx, &past, witness.number, &witness.checkpoint));
    reply->journal = (char *)(uintptr_t)state->conf->origin;
    reply->number = witness.number + 1;
    reply->lost_note = (char *)(uintptr_t)witness.note;
    reply->kept_note = past.last.size ? (char *)(uintptr_t)past.last.note : NULL;
    reply->size = past.head.range.size;
    return RC_OK;
}

/* --- an officer's word -------------------------------------------------------------------------
 */

/* The statement is about this journal as it stands. */
static enum rc must_fit(struct tx *tx, const struct journal_past *past,
                        const struct journal_break *told)
{
    const struct audit_state *state = tx->state;
    const struct signed_mark lost = {told->lost_number, told->lost.size};
    struct witness witness;

    CHECK(strcmp(told->journal, state->conf->origin) == 0, &tx->err, TRIEN__ERROR__WRONG_STATE,
          "the statement is about another journal, %s", told->journal);
    TRY(must_be_broken(tx, past, told->lost_number, &told->lost));
    TRY(past_find_witness(tx, &witness));
    CHECK(!rule_is_beyond((struct signed_mark){witness.number, witness.checkpoint.size}, lost),
          &tx->err, TRIEN__ERROR__WRONG_STATE,
          "the daily file says that more was signed than the checkpoint of the statement");
    CHECK(told->number == told->lost_number + 1, &tx->err, TRIEN__ERROR__WRONG_STATE,
          "the new journal is number %u", told->lost_number + 1);
    CHECK(told->kept.size == past->last.size &&
              (!told->kept.size || merkle_equal(&told->kept.root, &past->last.root)),
          &tx->err, TRIEN__ERROR__WRONG_STATE,
          "the last checkpoint of the database is another one than the statement's");
    return RC_OK;
}

static enum rc check_word(struct tx *tx, const Trien__BeginJournal *call,
                          struct journal_break *ret_break)
{
    struct audit_state *state = tx->state;
    autoptr(x509_ring_t) officers = NULL;
    struct bytes statement = bytes_of_pb(call->statement);
    const struct x509_key *key;

    CHECK(*state->conf->officer_keys, &tx->err, TRIEN__ERROR__FORBIDDEN,
          "keys/officer is not configured here");
    TRY(x509_ring_load(state->conf->officer_keys, &tx->err, &officers));
    CHECK(x509_ring_verify(officers, statement, call->officer), &tx->err, TRIEN__ERROR__FORBIDDEN,
          "not signed by an enrolled key of an officer");
    TRY(journal_key_public(state->key, &tx->err, &key));
    return journal_break_read(tx->arena, statement, key, &tx->err, ret_break);
}

/* Says that the new journal begins; the journal itself takes it up with the feed. */
static enum rc say_begun(struct tx *tx, const Trien__BeginJournal *call,
                         const struct journal_break *told, const struct word_row *words)
{
    Trien__JournalBegun event = TRIEN__JOURNAL_BEGUN__INIT;
    Trien__OfficersWord officers[JOURNAL_OFFICERS_NEEDED], *pointers[JOURNAL_OFFICERS_NEEDED];
    Trien__KeySignature signatures[JOURNAL_OFFICERS_NEEDED];

    for (size_t i = 0; i < JOURNAL_OFFICERS_NEEDED; i++) {
        signatures[i] = (Trien__KeySignature)TRIEN__KEY_SIGNATURE__INIT;
        signatures[i].key_id = (char *)(uintptr_t)words[i].key_id;
        signatures[i].signature = pb_of_bytes(words[i].signature);
        officers[i] = (Trien__OfficersWord)TRIEN__OFFICERS_WORD__INIT;
        officers[i].officer = (char *)(uintptr_t)words[i].officer;
        officers[i].signature = &signatures[i];
        pointers[i] = &officers[i];
    }
    event.origin = (char *)(uintptr_t)journal_origin(tx->arena, told->journal, told->number);
    event.statement = call->statement;
    event.officers = pointers;
    event.n_officers = JOURNAL_OFFICERS_NEEDED;
    event.begun_at = tx->now;
    TRY(journal_break_is_said(&event, NULL, &tx->err));
    return emit(tx, "journal", &event);
}

enum rc on_begin_journal(struct tx *tx, const void *in, void *out)
{
    const Trien__BeginJournal *call = in;
    Trien__BeginJournalReply *reply = out;
    uint8_t *digest = arena_alloc(tx->arena, 32);
    struct word_row words[JOURNAL_OFFICERS_NEEDED + 1], *before;
    struct journal_past past;
    struct journal_break told;
    size_t count;

    TRY(check_word(tx, call, &told));
    TRY(store_lock_head(tx, &past.head)); /* one officer after the other */
    bytes_sha256(bytes_of_pb(call->statement), digest);
    TRY(store_list_words(tx, bytes_of(digest, 32), &before, &count));
    reply->needed = JOURNAL_OFFICERS_NEEDED;
    reply->approvals = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(before[i].officer, tx->principal) == 0 ||
            strcmp(before[i].key_id, call->officer->key_id) == 0)
            return RC_OK; /* said already */
    if (count >= JOURNAL_OFFICERS_NEEDED)
        return RC_OK;
    TRY(past_read(tx, &past));
    TRY(must_fit(tx, &past, &told));
    memcpy(words, before, count * sizeof(*words));
    words[count] = (struct word_row){tx->principal, call->officer->key_id,
                                     bytes_of_pb(call->officer->signature)};
    TRY(store_insert_word(tx, bytes_of(digest, 32), bytes_of_pb(call->statement), &words[count]));
    reply->approvals++;
    TRY(emit_operator_act(tx, "audit begin-journal",
                          journal_origin(tx->arena, told.journal, told.number), told.reason));
    return count + 1 == JOURNAL_OFFICERS_NEEDED ? say_begun(tx, call, &told, words) : RC_OK;
}
