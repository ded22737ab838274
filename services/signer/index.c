/* The index: a table in memory, sorted runs on disk, one thread that writes and merges them.
 * Refuses to guess: a damaged manifest or run is not used; the index is made anew from the journal.
 */
#include "services/signer/index.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/log.h"
#include "common/threads.h"
#include "services/signer/manifest.h"

#define SLOTS (INDEX_TABLE_ENTRIES * 2) /* half full at most */

struct table {
    size_t used;
    struct run_entry slots[SLOTS]; /* position 0: free */
};

struct index {
    struct arena *arena;
    int dir_fd;
    struct table tables[2], *active, *frozen; /* frozen NULL: nothing to write */
    struct run_entry sorted[INDEX_TABLE_ENTRIES];

    pthread_mutex_t lock; /* frozen, runs, stopping, failed */
    pthread_cond_t changed;
    pthread_t thread;
    bool running, stopping;
    struct err failed;                      /* code 0: well */
    struct index_checkpoint frozen_reached; /* when `frozen` is written */
    struct index_checkpoint reached;        /* what the runs hold; the writer's own */
    struct run runs[MANIFEST_MAX_RUNS];
    size_t run_count;
    uint64_t next_id;
};

/* --- the table in memory -------------------------------------------------------------------------
 */

static struct run_entry *table_slot(struct table *table, const uint8_t key[INDEX_KEY_BYTES])
{
    uint32_t start;

    memcpy(&start, key, sizeof(start));
    for (size_t i = start % SLOTS;; i = (i + 1) % SLOTS)
        if (table->slots[i].position == 0 || memcmp(table->slots[i].key, key, INDEX_KEY_BYTES) == 0)
            return &table->slots[i];
}

void index_key(const char *space, const char *name, uint8_t ret_key[INDEX_KEY_BYTES])
{
    char text[512];
    uint8_t digest[32];
    int n = snprintf(text, sizeof(text), "%s %s", space, name);

    if (n < 0 || (size_t)n >= sizeof(text))
        abort(); /* names are limited long before */
    bytes_sha256(bytes_of(text, (size_t)n), digest);
    memcpy(ret_key, digest, INDEX_KEY_BYTES);
}

void index_put(struct index *index, const uint8_t key[INDEX_KEY_BYTES], uint64_t position)
{
    struct run_entry *slot = table_slot(index->active, key);

    if (slot->position == 0) {
        memcpy(slot->key, key, INDEX_KEY_BYTES);
        index->active->used++;
    }
    slot->position = position;
}

bool index_is_full(const struct index *index, size_t entries)
{
    return index->active->used + entries > INDEX_TABLE_ENTRIES;
}

/* --- the writer thread ---------------------------------------------------------------------------
 */

static size_t sort_table(const struct table *table, struct run_entry *ret_sorted)
{
    size_t n = 0;

    for (size_t i = 0; i < SLOTS; i++)
        if (table->slots[i].position)
            ret_sorted[n++] = table->slots[i];
    qsort(ret_sorted, n, sizeof(ret_sorted[0]), run_compare);
    return n;
}

/* Makes `runs` the index: manifest first, then the list that readers use. `reached` is what these
 * runs hold, never what a table that is frozen meanwhile will hold. */
static enum rc publish(struct index *index, const struct run *runs, size_t count,
                       const struct index_checkpoint *reached, bool drop_frozen, struct err *err)
{
    TRY(manifest_write(index->dir_fd, reached, runs, count, err));
    index->reached = *reached;
    pthread_mutex_lock(&index->lock);
    memcpy(index->runs, runs, count * sizeof(runs[0]));
    index->run_count = count;
    if (drop_frozen)
        index->frozen = NULL;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
    return RC_OK;
}

static enum rc write_frozen(struct index *index, struct err *err)
{
    struct run runs[MANIFEST_MAX_RUNS];
    size_t count = index->run_count;
    struct index_checkpoint reached = index->frozen_reached; /* stands while `frozen` does */

    CHECK(count < MANIFEST_MAX_RUNS, err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "index: too many runs");
    memcpy(runs, index->runs, count * sizeof(runs[0]));
    TRY(run_write(index->dir_fd, index->next_id++, index->sorted,
                  sort_table(index->frozen, index->sorted), err, &runs[count]));
    return publish(index, runs, count + 1, &reached, true, err);
}

/* Runs stand in order of falling level, so those to be merged are the last ones. */
static bool merge_is_due(const struct index *index)
{
    size_t n = index->run_count;

    return n >= RUN_MERGE && index->runs[n - 1].level == index->runs[n - RUN_MERGE].level;
}

static enum rc merge_last(struct index *index, struct err *err)
{
    struct run runs[MANIFEST_MAX_RUNS], old[RUN_MERGE];
    size_t kept = index->run_count - RUN_MERGE;

    memcpy(runs, index->runs, kept * sizeof(runs[0]));
    memcpy(old, index->runs + kept, sizeof(old));
    TRY(run_merge(index->dir_fd, index->next_id++, old, err, &runs[kept]));
    TRY(publish(index, runs, kept + 1, &index->reached, false, err));
    for (size_t i = 0; i < RUN_MERGE; i++) {
        close(old[i].fd);
        run_remove(index->dir_fd, old[i].id);
    }
    return RC_OK;
}

static void *writer_main(void *arg)
{
    struct index *index = arg;
    struct err err = {0};

    pthread_mutex_lock(&index->lock);
    while (!index->stopping) {
        enum rc rc = RC_OK;
        if (!index->frozen) {
            pthread_cond_wait(&index->changed, &index->lock);
            continue;
        }
        pthread_mutex_unlock(&index->lock);
        rc = write_frozen(index, &err);
        while (rc == RC_OK && merge_is_due(index))
            rc = merge_last(index, &err);
        pthread_mutex_lock(&index->lock);
        if (rc != RC_OK) {
            index->failed = err;
            break;
        }
    }
    index->running = false;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
    return NULL;
}

enum rc index_freeze(struct index *index, const struct index_checkpoint *reached, struct err *err)
{
    enum rc rc = RC_OK;

    pthread_mutex_lock(&index->lock);
    while (index->frozen && index->running)
        pthread_cond_wait(&index->changed, &index->lock);
    if (index->failed.code) {
        *err = index->failed;
        rc = RC_FATAL;
    } else {
        index->frozen = index->active;
        index->active = index->active == &index->tables[0] ? &index->tables[1] : &index->tables[0];
        memset(index->active, 0, sizeof(*index->active));
        index->frozen_reached = *reached;
        pthread_cond_broadcast(&index->changed);
    }
    pthread_mutex_unlock(&index->lock);
    return rc;
}

void index_settle(struct index *index)
{
    pthread_mutex_lock(&index->lock);
    while (index->frozen && index->running)
        pthread_cond_wait(&index->changed, &index->lock);
    pthread_mutex_unlock(&index->lock);
}

/* --- finding -------------------------------------------------------------------------------------
 */

enum rc index_find(struct index *index, const uint8_t key[INDEX_KEY_BYTES], struct err *err,
                   uint64_t *ret_position)
{
    uint64_t position = table_slot(index->active, key)->position;
    enum rc rc = RC_OK;

    pthread_mutex_lock(&index->lock);
    if (!position && index->frozen)
        position = table_slot(index->frozen, key)->position;
    for (size_t i = index->run_count; i > 0 && !position && rc == RC_OK; i--)
        rc = run_find(&index->runs[i - 1], key, err, &position);
    pthread_mutex_unlock(&index->lock);
    if (rc == RC_OK)
        *ret_position = position;
    return rc;
}

void index_size(struct index *index, uint64_t *ret_entries, size_t *ret_runs)
{
    uint64_t entries = 0;

    pthread_mutex_lock(&index->lock);
    for (size_t i = 0; i < index->run_count; i++)
        entries += index->runs[i].count;
    *ret_entries = entries;
    *ret_runs = index->run_count;
    pthread_mutex_unlock(&index->lock);
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* What the manifest says; a damaged index is thrown away, since the journal makes it anew. The
 * manifest goes first, so that no crash leaves it with the runs of the next one. */
static enum rc load(struct index *index, bool rebuild, struct err *err)
{
    struct manifest manifest = {.reached.hash = RECORD_FIRST_HASH};

    if (rebuild || manifest_read(index->dir_fd, err, &manifest) != RC_OK) {
        if (!rebuild)
            log_error(LOG_WARNING, "index_rebuilt", err);
        *err = (struct err){0};
        TRY(manifest_remove(index->dir_fd, err));
    }
    index->reached = manifest.reached;
    index->next_id = 1;
    index->run_count = manifest.run_count;
    memcpy(index->runs, manifest.runs, sizeof(index->runs));
    for (size_t i = 0; i < manifest.run_count; i++)
        if (manifest.runs[i].id >= index->next_id)
            index->next_id = manifest.runs[i].id + 1;
    return RC_OK;
}

enum rc index_open(int dir_fd, bool rebuild, struct err *err, struct index **ret_index,
                   struct index_checkpoint *ret_checkpoint)
{
    struct arena *arena = arena_new((size_t)4 * 1024 * 1024);
    struct index *index = ARENA_NEW(arena, struct index);
    enum rc rc;

    index->arena = arena;
    index->dir_fd = dir_fd;
    index->active = &index->tables[0];
    pthread_mutex_init(&index->lock, NULL);
    pthread_cond_init(&index->changed, NULL);
    rc = load(index, rebuild, err);
    if (rc == RC_OK) {
        index->running = true;
        rc = threads_start("index", writer_main, index, err, &index->thread);
    }
    if (rc != RC_OK) {
        index->running = false;
        index_close(&index);
        return rc;
    }
    *ret_index = index;
    *ret_checkpoint = index->reached;
    return RC_OK;
}

void index_close(struct index **index)
{
    struct index *p = *index;
    struct arena *arena;

    if (!p)
        return;
    if (p->thread) {
        pthread_mutex_lock(&p->lock);
        p->stopping = true;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    for (size_t i = 0; i < p->run_count; i++)
        close(p->runs[i].fd);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    arena = p->arena;
    arena_free(&arena);
    *index = NULL;
}
