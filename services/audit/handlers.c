/* Events that become entries, and what credentialed readers ask. */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/pb_bytes.h"
#include "proto/bus.pb-c.h"
#include "services/audit/append.h"
#include "services/audit/audit.h"
#include "services/audit/store.h"

METRIC_FAMILY(alarm_metric) = {
    .kind = METRIC_GAUGE,
    .name = "trien_journal_alarm",
    .help = "1 while the journal is not what was signed before; nothing is signed then.",
};

void audit_alarm(struct audit_state *state, const struct err *why)
{
    const char *text = why ? why->detail : "";
    bool changed;

    pthread_mutex_lock(&state->lock);
    changed = strcmp(state->alarm, text) != 0;
    snprintf(state->alarm, sizeof(state->alarm), "%s", text);
    pthread_mutex_unlock(&state->lock);
    metric_set(&alarm_metric, why ? 1 : 0, NULL);
    if (changed && why)
        log_error(LOG_ERROR, "journal_alarm", why);
    else if (changed)
        log_event(LOG_NOTICE, "journal_agrees", LOG_TEXT("why", "the signed past is borne out"));
}

enum rc on_feed(struct tx *tx, Trien__Event *const *events, size_t count)
{
    enum rc rc = journal_append(tx, tx->principal, events, count);

    if (rc != RC_OK && tx->err.code == TRIEN__ERROR__JOURNAL_FORKED)
        audit_alarm(tx->state, &tx->err);
    return rc;
}

enum rc on_partitions(struct tx *tx)
{
    struct journal_head head;

    TRY(store_get_head(tx, &head));
    return store_make_partitions(tx, head.range.size);
}

/* --- readers -----------------------------------------------------------------------------------
 */

/* What the tree holds for each row: of complete tiles the tile's word counts, not the row's. */
static enum rc take_tree_hashes(struct tx *tx, uint64_t size, struct journal_row *rows,
                                size_t count)
{
    struct tile_name names[AUDIT_PAGE_ENTRIES];
    struct hash_rows tiles[AUDIT_PAGE_ENTRIES];
    size_t n = 0;

    for (size_t i = 0; i < count && rows[i].sequence / 256 < size / 256; i++)
        if (!n || names[n - 1].place != rows[i].sequence / 256)
            names[n++] = (struct tile_name){0, rows[i].sequence / 256};
    TRY(store_list_tiles(tx, names, n, size, tiles));
    for (size_t i = 0, t = 0; i < count && t < n; i++) {
        size_t at = rows[i].sequence % 256;

        t += names[t].place != rows[i].sequence / 256;
        if (t < n && at < tiles[t].count)
            rows[i].leaf_hash = bytes_of(tiles[t].hashes[at].b, sizeof(tiles[t].hashes[at].b));
    }
    return RC_OK;
}

enum rc on_list_journal(struct tx *tx, const void *in, void *out)
{
    const Trien__ListJournal *call = in;
    Trien__ListJournalReply *reply = out;
    struct journal_head head;
    struct journal_row *rows;
    uint64_t limit =
        call->has_limit && call->limit < AUDIT_PAGE_ENTRIES ? call->limit : AUDIT_PAGE_ENTRIES;
    size_t count;

    CHECK(call->from <= MERKLE_MAX_SIZE, &tx->err, TRIEN__ERROR__FIELD_INVALID, "no such entry");
    TRY(store_get_head(tx, &head));
    TRY(store_list_journal(tx, call->from, limit, head.range.size, AUDIT_PAGE_BYTES, &rows,
                           &count));
    TRY(take_tree_hashes(tx, head.range.size, rows, count));
    reply->size = head.range.size;
    reply->n_entries = count;
    reply->entries = ARENA_ARRAY(tx->arena, Trien__JournalEntry *, count + 1);
    for (size_t i = 0; i < count; i++) {
        Trien__JournalEntry *entry = ARENA_NEW(tx->arena, Trien__JournalEntry);

        trien__journal_entry__init(entry);
        entry->sequence = rows[i].sequence;
        entry->leaf = pb_of_bytes(rows[i].leaf);
        entry->leaf_hash = pb_of_bytes(rows[i].leaf_hash);
        entry->salt = pb_of_bytes(rows[i].salt);
        entry->content = pb_of_bytes(rows[i].content);
        reply->entries[i] = entry;
    }
    return RC_OK;
}

enum rc on_list_checkpoints(struct tx *tx, const void *in, void *out)
{
    const Trien__ListCheckpoints *call = in;
    Trien__ListCheckpointsReply *reply = out;
    struct checkpoint_row *rows;
    int limit = call->has_limit && call->limit < AUDIT_PAGE_CHECKPOINTS ? (int)call->limit
                                                                        : AUDIT_PAGE_CHECKPOINTS;
    size_t count;

    CHECK(call->after <= MERKLE_MAX_SIZE, &tx->err, TRIEN__ERROR__FIELD_INVALID, "no such size");
    TRY(store_list_checkpoints(tx, call->after, limit, &rows, &count));
    reply->n_checkpoints = count;
    reply->checkpoints = ARENA_ARRAY(tx->arena, Trien__JournalCheckpoint *, count + 1);
    for (size_t i = 0; i < count; i++) {
        Trien__JournalCheckpoint *checkpoint = ARENA_NEW(tx->arena, Trien__JournalCheckpoint);

        trien__journal_checkpoint__init(checkpoint);
        checkpoint->size = rows[i].size;
        checkpoint->note = (char *)(uintptr_t)rows[i].note;
        reply->checkpoints[i] = checkpoint;
    }
    return RC_OK;
}

enum rc on_get_checkpoint(struct tx *tx, const void *in, void *out)
{
    Trien__GetCheckpointReply *reply = out;
    struct checkpoint_row last;

    (void)in;
    TRY(store_find_last_checkpoint(tx, &last));
    CHECK(last.size, &tx->err, TRIEN__ERROR__NOT_FOUND, "no checkpoint was signed yet");
    reply->size = last.size;
    reply->note = (char *)(uintptr_t)last.note;
    reply->signed_at = last.signed_at;
    return RC_OK;
}
