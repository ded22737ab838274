/* Checkpoints: when one is due the present tree is held against everything that was signed before,
 * in the database and in the daily files; what does not go on from there is never signed. The
 * signature is an effect: intent, token, row. */
#include <inttypes.h>

#include "common/checkpoint.h"
#include "common/metrics.h"
#include "services/audit/audit.h"
#include "services/audit/rules.h"
#include "services/audit/store.h"
#include "services/audit/tree.h"
#include "services/audit/witness.h"

METRIC_FAMILY(entries_metric) = {
    .kind = METRIC_GAUGE,
    .name = "trien_journal_entries",
    .help = "Entries of the journal.",
};
METRIC_FAMILY(signed_metric) = {
    .kind = METRIC_GAUGE,
    .name = "trien_journal_signed_entries",
    .help = "Entries under the newest checkpoint.",
};
METRIC_FAMILY(age_metric) = {
    .kind = METRIC_GAUGE,
    .name = "trien_journal_unsigned_seconds",
    .help = "Age of the newest checkpoint while something notable stands beyond it, else 0.",
};

/* --- before ------------------------------------------------------------------------------------
 */

static enum rc must_go_on(struct tx *tx, uint64_t size, const char *where,
                          const struct signed_past *given)
{
    struct signed_past past = *given;

    if (past.size && past.size <= size)
        TRY(tree_root(tx, size, past.size, &past.now_root));
    CHECK(rule_goes_on(&past, size), &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the journal has %" PRIu64 " entries and does not go on from %s of size %" PRIu64, size,
          where, past.size);
    return RC_OK;
}

/* The last checkpoint is what was signed, by the key that signs now: replicas share one. */
static enum rc must_be_ours(struct tx *tx, const struct checkpoint_row *last,
                            const struct x509_key *key)
{
    const struct audit_state *state = tx->state;
    struct checkpoint opened;
    struct err why = {0};

    if (!last->size)
        return RC_OK;
    CHECK(checkpoint_open(tx->arena, bytes_of_text(last->note), key, &why, &opened) == RC_OK,
          &tx->err, TRIEN__ERROR__JOURNAL_FORKED, "the last checkpoint: %s", why.detail);
    CHECK(opened.size == last->size && merkle_equal(&opened.root, &last->root), &tx->err,
          TRIEN__ERROR__JOURNAL_FORKED, "the last checkpoint is not the one that was signed");
    CHECK(strcmp(opened.origin, state->conf->origin) == 0, &tx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the last checkpoint is one of another journal, %s", opened.origin);
    return RC_OK;
}

/* Restored to an earlier moment, forked, or changed: the signed past is not borne out. */
static enum rc compare_with_past(struct tx *tx, const struct merkle_range *range,
                                 const struct checkpoint_row *last)
{
    struct signed_past head = {.size = range->size};
    uint64_t size = range->size;
    struct audit_state *state = tx->state;
    const struct x509_key *key;
    struct checkpoint witness;

    TRY(journal_key_public(state->key, &tx->err, &key));
    TRY(must_be_ours(tx, last, key));
    merkle_root(range, &head.root);
    TRY(must_go_on(tx, size, "its own head", &head));
    TRY(must_go_on(tx, size, "its last checkpoint",
                   &(struct signed_past){.size = last->size, .root = last->root}));
    TRY(witness_find_last(tx->arena, state->conf->directory, key, &tx->err, &witness));
    CHECK(!witness.size || strcmp(witness.origin, state->conf->origin) == 0, &tx->err,
          TRIEN__ERROR__JOURNAL_FORKED, "the daily file is one of another journal, %s",
          witness.origin);
    return must_go_on(tx, size, "the checkpoint in the daily file",
                      &(struct signed_past){.size = witness.size, .root = witness.root});
}

static enum rc ask_for_signature(struct tx *tx, const struct merkle_range *range)
{
    Trien__SignCheckpoint intent = TRIEN__SIGN_CHECKPOINT__INIT;
    struct merkle_hash *root = ARENA_NEW(tx->arena, struct merkle_hash);

    merkle_root(range, root);
    intent.size = range->size;
    intent.root_sha256 = (ProtobufCBinaryData){sizeof(root->b), root->b};
    /* The time makes every try a new one: a signature that was refused is asked for again. */
    return effect_add(tx, "checkpoint",
                      arena_printf(tx->arena, "%" PRIu64 "-%" PRId64, range->size, tx->now),
                      &intent, 0);
}

static void measure(const struct checkpoint_facts *facts)
{
    bool is_behind = facts->notable > facts->signed_size && facts->signed_size;

    metric_set(&entries_metric, (double)facts->size, NULL);
    metric_set(&signed_metric, (double)facts->signed_size, NULL);
    metric_set(&age_metric, is_behind ? (double)(facts->now - facts->signed_at) / 1e6 : 0, NULL);
}

static enum rc look(struct tx *tx)
{
    struct audit_state *state = tx->state;
    struct checkpoint_row last;
    struct journal_head head;
    bool is_signing, is_due;

    TRY(store_get_head(tx, &head));
    TRY(store_find_last_checkpoint(tx, &last));
    TRY(store_find_signing(tx, &is_signing));
    const struct checkpoint_facts facts = {
        .size = head.range.size,
        .notable = head.notable,
        .signed_size = last.size,
        .signed_at = last.signed_at,
        .now = tx->now,
        .every = state->conf->every_ms * USEC_PER_MS,
        .every_entries = (uint64_t)state->conf->every_entries,
    };
    measure(&facts);
    if (last.size > head.range.size)
        return compare_with_past(tx, &head.range, &last);
    is_due = !is_signing && rule_checkpoint_due(&facts);
    /* Once after each start as well: a database that was brought back may have nothing to sign. */
    if (!is_due && (!facts.size || atomic_load(&state->compared)))
        return RC_OK;
    TRY(compare_with_past(tx, &head.range, &last));
    atomic_store(&state->compared, true);
    audit_alarm(state, NULL);
    return is_due ? ask_for_signature(tx, &head.range) : RC_OK;
}

/* A journal that is not what it was is no failure of the timer: it is the state that people must
 * know of. */
enum rc on_checkpoint_timer(struct tx *tx)
{
    enum rc rc = look(tx);

    if (rc != RC_OK && tx->err.code == TRIEN__ERROR__JOURNAL_FORKED) {
        audit_alarm(tx->state, &tx->err);
        err_clear(&tx->err);
        return RC_OK;
    }
    return rc;
}

/* --- the signature -----------------------------------------------------------------------------
 */

/* An intent of a database that was put back is older than what was signed since: acted upon, it
 * would write a smaller head over the day's file, the one thing by which the restore is noticed. */
static enum rc must_be_newest(struct fx *fx, const Trien__SignCheckpoint *intent,
                              const struct x509_key *key)
{
    const struct audit_state *state = fx->state;
    struct checkpoint witness;

    TRY(witness_find_last(fx->arena, state->conf->directory, key, &fx->err, &witness));
    CHECK(witness.size <= intent->size, &fx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the daily file has %" PRIu64 " entries, the head to be signed has %" PRIu64,
          witness.size, intent->size);
    return RC_OK;
}

enum rc act_checkpoint(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const Trien__SignCheckpoint *intent = in;
    struct audit_state *state = fx->state;
    Trien__CheckpointMade *result = ARENA_NEW(fx->arena, Trien__CheckpointMade);
    struct checkpoint checkpoint = {.origin = state->conf->origin, .size = intent->size};
    const struct x509_key *key;
    struct bytes signature;
    const char *note;

    CHECK(intent->root_sha256.len == sizeof(checkpoint.root.b), &fx->err, TRIEN__ERROR__MALFORMED,
          "no root");
    memcpy(checkpoint.root.b, intent->root_sha256.data, sizeof(checkpoint.root.b));
    TRY(journal_key_public(state->key, &fx->err, &key));
    TRY(must_be_newest(fx, intent, key));
    TRY(journal_key_sign(state->key, checkpoint_text(fx->arena, &checkpoint), fx->arena, &fx->err,
                         &signature));
    note = checkpoint_note(fx->arena, &checkpoint, x509_key_spki(key), signature);
    TRY(witness_write(fx->arena, state->folder, fx->now, note, &fx->err));
    trien__checkpoint_made__init(result);
    result->signed_at = fx->now;
    result->note = (char *)note;
    *ret_result = &result->base;
    return RC_OK;
}

enum rc done_checkpoint(struct tx *tx, const char *key, const void *in, const void *out)
{
    const Trien__SignCheckpoint *intent = in;
    const Trien__CheckpointMade *made = out;
    Trien__CheckpointSigned event = TRIEN__CHECKPOINT_SIGNED__INIT;
    struct checkpoint_row row = {
        .size = intent->size, .signed_at = made->signed_at, .note = made->note};
    bool is_new;

    (void)key;
    memcpy(row.root.b, intent->root_sha256.data, sizeof(row.root.b));
    TRY(store_insert_checkpoint(tx, &row, &is_new));
    if (!is_new)
        return RC_OK;
    event.size = intent->size;
    event.root_sha256 = intent->root_sha256;
    event.signed_at = made->signed_at;
    event.note = made->note;
    return emit(tx, "journal", &event);
}
