/* Checkpoints: when one is due the present tree is held against everything that was signed before,
 * in the database and in the daily files; what does not go on from there is never signed. The
 * signature is an effect: intent, token, row. */
#include <inttypes.h>

#include "common/metrics.h"
#include "common/pb_bytes.h"
#include "services/audit/past.h"

METRIC_FAMILY(number_metric) = {
    .kind = METRIC_GAUGE,
    .name = "trien_journal_number",
    .help = "1, and one more for every journal that officers began after one that lost its end.",
};
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

static enum rc ask_for_signature(struct tx *tx, const struct journal_past *past)
{
    const struct merkle_range *range = &past->head.range;
    Trien__SignCheckpoint intent = TRIEN__SIGN_CHECKPOINT__INIT;
    struct merkle_hash *root = ARENA_NEW(tx->arena, struct merkle_hash);

    merkle_root(range, root);
    intent.size = range->size;
    intent.root_sha256 = (ProtobufCBinaryData){sizeof(root->b), root->b};
    intent.has_number = past->journal.number > 1;
    intent.number = past->journal.number;
    intent.has_begun = past->journal.number > 1 && past->last.size <= past->journal.entry;
    intent.begun = pb_of_bytes(past->journal.begun);
    /* The time makes every try a new one: a signature that was refused is asked for again. */
    return effect_add(tx, "checkpoint",
                      arena_printf(tx->arena, "%" PRIu64 "-%" PRId64, range->size, tx->now),
                      &intent, 0);
}

static void measure(const struct checkpoint_facts *facts, unsigned number)
{
    bool is_behind = facts->notable > facts->signed_size && facts->signed_size;

    metric_set(&number_metric, number, NULL);
    metric_set(&entries_metric, (double)facts->size, NULL);
    metric_set(&signed_metric, (double)facts->signed_size, NULL);
    metric_set(&age_metric, is_behind ? (double)(facts->now - facts->signed_at) / 1e6 : 0, NULL);
}

static enum rc look(struct tx *tx)
{
    struct audit_state *state = tx->state;
    struct journal_past past;
    bool is_signing, is_due;

    TRY(past_read(tx, &past));
    TRY(store_find_signing(tx, &is_signing));
    const struct checkpoint_facts facts = {
        .size = past.head.range.size,
        .notable = past.head.notable,
        .signed_size = past.last.size,
        .signed_at = past.last.signed_at,
        .now = tx->now,
        .every = state->conf->every_ms * USEC_PER_MS,
        .every_entries = (uint64_t)state->conf->every_entries,
    };
    measure(&facts, past.journal.number);
    atomic_store(&state->number, past.journal.number);
    if (past.last.size > past.head.range.size)
        return past_is_borne_out(tx, &past);
    is_due = !is_signing && rule_checkpoint_due(&facts);
    /* Once after each start as well: a database that was brought back may have nothing to sign. */
    if (!is_due && (!facts.size || atomic_load(&state->compared)))
        return RC_OK;
    TRY(past_is_borne_out(tx, &past));
    atomic_store(&state->compared, true);
    audit_alarm(state, NULL);
    return is_due ? ask_for_signature(tx, &past) : RC_OK;
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
 * would write a smaller head over the day's file, the one thing by which the restore is noticed.
 * The first head of a new journal asks for the officers' word. */
static enum rc must_be_newest(struct fx *fx, const Trien__SignCheckpoint *intent,
                              const struct x509_key *key)
{
    const struct audit_state *state = fx->state;
    const struct audit_conf *conf = state->conf;
    struct journal_break told = {0};
    struct witness witness;

    if (intent->has_begun)
        TRY(past_read_begun(fx->arena, conf, intent->number, bytes_of_pb(intent->begun), key,
                            &fx->err, &told));
    TRY(witness_find_last(fx->arena, conf->directory, conf->origin, key, &fx->err, &witness));
    CHECK(rule_may_follow((struct signed_mark){intent->number, intent->size},
                          (struct signed_mark){witness.number, witness.checkpoint.size},
                          (struct signed_mark){told.lost_number, told.lost.size}),
          &fx->err, TRIEN__ERROR__JOURNAL_FORKED,
          "the daily file has %" PRIu64 " entries of journal %u, the head to be signed has %" PRIu64
          " of journal %u",
          witness.checkpoint.size, witness.number, intent->size, intent->number);
    return RC_OK;
}

enum rc act_checkpoint(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const Trien__SignCheckpoint *intent = in;
    struct audit_state *state = fx->state;
    Trien__CheckpointMade *result = ARENA_NEW(fx->arena, Trien__CheckpointMade);
    struct checkpoint checkpoint = {
        .origin = journal_origin(fx->arena, state->conf->origin, intent->number),
        .size = intent->size};
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
    TRY(witness_write(fx->arena, state->folder, fx->now, intent->number, note, &fx->err));
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
