/* Keeping memory true. Any process of status may have applied the event that changes a certificate,
 * so each one asks the database what has changed before it believes its memory for longer than
 * sync/every; one request does that while the others are answered. Fails closed: memory that is too
 * old, a feed that is not followed, a lineage with an event not applied are all "try later". */
#include <string.h>

#include "services/status/status.h"
#include "services/status/store.h"

/* It is time to look again, and nobody is at it; one that never came back is given up. */
static bool is_due(const struct status_state *state, usec monotonic)
{
    const struct sync *sync = &state->sync;
    usec attempted_at = atomic_load(&sync->attempted_at);
    int64_t wait_ms =
        atomic_load(&sync->runner) ? state->conf->max_synced_ms : state->conf->sync_ms;

    return !attempted_at || monotonic - attempted_at > wait_ms * USEC_PER_MS;
}

bool sync_is_trusted(const struct status_state *state, usec now)
{
    const struct status_conf *conf = state->conf;
    usec monotonic = clock_monotonic(), synced_at = atomic_load(&state->sync.synced_at);
    usec heard_at = atomic_load(&state->sync.feed_heard_at);
    const struct trust_ages ages = {
        .synced = synced_at ? monotonic - synced_at : INT64_MAX,
        .feed = heard_at ? now - heard_at : INT64_MAX,
        .max_synced = conf->max_synced_ms * USEC_PER_MS,
        .max_feed = conf->max_feed_ms * USEC_PER_MS,
    };

    return rule_may_answer(ages);
}

bool sync_claim(struct status_state *state, const struct tx *tx)
{
    usec monotonic = clock_monotonic(), attempted_at = atomic_load(&state->sync.attempted_at);

    if (!is_due(state, monotonic) ||
        !atomic_compare_exchange_strong(&state->sync.attempted_at, &attempted_at, monotonic))
        return false;
    atomic_store(&state->sync.runner, tx);
    return true;
}

void sync_give_up(struct status_state *state, const struct tx *tx)
{
    atomic_compare_exchange_strong(&state->sync.runner, &tx, NULL);
}

static unsigned issuer_index(const struct status_state *state, const char *id)
{
    unsigned i = 0;

    while (i < state->issuer_count && strcmp(state->issuers[i]->id, id) != 0)
        i++;
    return i;
}

/* What others changed since the last look leaves memory; all of it when that is more than one look
 * takes in (an old transaction holds the watermark back). The first look has nothing to forget. */
static enum rc forget_changes(struct tx *tx, struct status_state *state, int64_t *ret_watermark)
{
    struct change_row *changes;
    size_t count;

    TRY(store_find_watermark(tx, ret_watermark));
    if (!state->sync.changes_from)
        return RC_OK;
    TRY(store_list_changes(tx, state->sync.changes_from, STATUS_MAX_CHANGES + 1, &changes, &count));
    if (count)
        atomic_fetch_add(&state->sync.epoch, 1);
    if (count > STATUS_MAX_CHANGES) {
        cache_clear(state->cache);
        return RC_OK;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned issuer = issuer_index(state, changes[i].issuer);
        if (issuer < state->issuer_count)
            cache_drop(state->cache, issuer, changes[i].serial);
    }
    return RC_OK;
}

static enum rc note_blocked(struct tx *tx, struct status_state *state)
{
    struct sync *sync = &state->sync;
    const char **lineages;
    size_t count;

    TRY(store_list_blocked(tx, STATUS_MAX_BLOCKED + 1, &lineages, &count));
    pthread_rwlock_wrlock(&sync->lock);
    sync->blocked_overflow = count > STATUS_MAX_BLOCKED;
    if (!sync->blocked_overflow)
        for (size_t i = 0; i < count; i++)
            sync->blocked[i] = cache_hash(bytes_of_text(lineages[i]));
    atomic_store(&sync->blocked_count, count);
    pthread_rwlock_unlock(&sync->lock);
    return RC_OK;
}

static enum rc look(struct tx *tx, struct status_state *state)
{
    int64_t watermark;
    usec heard_at;

    TRY(forget_changes(tx, state, &watermark));
    TRY(note_blocked(tx, state));
    TRY(renewal_take_over(tx));
    TRY(store_find_feed_heard(tx, &heard_at));
    atomic_store(&state->sync.feed_heard_at, heard_at);
    state->sync.changes_from = watermark;
    return RC_OK;
}

enum rc sync_run(struct tx *tx)
{
    struct status_state *state = tx->state;
    usec began = clock_monotonic();

    if (atomic_load(&state->sync.runner) != tx)
        return RC_OK;
    TRY(look(tx, state));
    atomic_store(&state->sync.synced_at, began);
    sync_give_up(state, tx);
    return RC_OK;
}

bool sync_is_blocked(struct status_state *state, uint64_t lineage)
{
    struct sync *sync = &state->sync;
    size_t count = atomic_load(&sync->blocked_count);
    bool blocked;

    if (count == 0)
        return false;
    pthread_rwlock_rdlock(&sync->lock);
    count = atomic_load(&sync->blocked_count);
    blocked = sync->blocked_overflow;
    for (size_t i = 0; !blocked && i < count; i++)
        blocked = sync->blocked[i] == lineage;
    pthread_rwlock_unlock(&sync->lock);
    return blocked;
}
