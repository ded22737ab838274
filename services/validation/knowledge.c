/* The registry's shadow in memory. It answers "known at all?", never "entitled?". */
#include "services/validation/knowledge.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "services/validation/store.h"

#define MEMORY_LIMIT ((size_t)64 * 1024 * 1024) /* half a million signers and then some */
#define FIRST_ROOM 1024
#define MAX_ISSUERS 64

/* First 8 bytes of a certificate's SHA-256; 0 marks a free slot. */
struct signer_set {
    uint64_t *slots;
    size_t room, count; /* room is a power of two, at most half full */
};

struct crl_end {
    uint8_t issuer_sha256[32];
    usec next_update;
};

struct knowledge {
    pthread_mutex_t lock;
    struct arena *arena; /* lives as long as the process */
    struct trust *trust;
    _Atomic int64_t version;
    int64_t signers_up_to;
    struct signer_set signers;
    _Atomic(const struct calendar *) calendar;
    size_t crl_count;
    struct crl_end crls[MAX_ISSUERS];
    atomic_bool calendar_short;
};

enum rc knowledge_new(struct trust *trust, struct err *err, struct knowledge **ret_knowledge)
{
    struct arena *arena = arena_new(MEMORY_LIMIT);
    struct knowledge *knowledge = ARENA_NEW(arena, struct knowledge);

    knowledge->arena = arena;
    knowledge->trust = trust;
    if (pthread_mutex_init(&knowledge->lock, NULL) != 0) {
        arena_free(&arena);
        FAIL(err, TRIEN__ERROR__INTERNAL, "no mutex");
    }
    *ret_knowledge = knowledge;
    return RC_OK;
}

void knowledge_free(struct knowledge **knowledge)
{
    struct arena *arena;

    if (!*knowledge)
        return;
    arena = (*knowledge)->arena;
    pthread_mutex_destroy(&(*knowledge)->lock);
    *knowledge = NULL;
    arena_free(&arena);
}

/* --- the set of signers ------------------------------------------------------------------------
 */

static uint64_t slot_of(const uint8_t *sha256)
{
    uint64_t value;

    memcpy(&value, sha256, sizeof value);
    return value ? value : 1;
}

static bool set_has(const struct signer_set *set, uint64_t value)
{
    if (set->room == 0)
        return false;
    for (size_t i = value & (set->room - 1); set->slots[i]; i = (i + 1) & (set->room - 1))
        if (set->slots[i] == value)
            return true;
    return false;
}

static void set_put(struct signer_set *set, uint64_t value)
{
    size_t i = value & (set->room - 1);

    while (set->slots[i] && set->slots[i] != value)
        i = (i + 1) & (set->room - 1);
    set->count += set->slots[i] ? 0 : 1;
    set->slots[i] = value;
}

static void set_grow(struct signer_set *set, struct arena *arena, size_t more)
{
    struct signer_set grown = {.room = set->room ? set->room : FIRST_ROOM};

    while ((set->count + more) * 2 > grown.room)
        grown.room *= 2;
    if (grown.room == set->room)
        return;
    grown.slots = ARENA_ARRAY(arena, uint64_t, grown.room);
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i])
            set_put(&grown, set->slots[i]);
    *set = grown;
}

/* --- loading; the lock is held
 * --------------------------------------------------------------------- */

static enum rc load_signers(struct tx *tx, struct knowledge *knowledge)
{
    struct bytes *digests;
    size_t count = 0;

    TRY(store_list_signers_since(tx, knowledge->signers_up_to, &count, &digests));
    set_grow(&knowledge->signers, knowledge->arena, count);
    for (size_t i = 0; i < count; i++)
        set_put(&knowledge->signers, slot_of(digests[i].p));
    return RC_OK;
}

static void note_crl(struct knowledge *knowledge, const struct crl_listed *row)
{
    size_t i = 0;

    while (i < knowledge->crl_count &&
           memcmp(knowledge->crls[i].issuer_sha256, row->issuer_sha256.p, 32) != 0)
        i++;
    if (i == MAX_ISSUERS)
        return;
    memcpy(knowledge->crls[i].issuer_sha256, row->issuer_sha256.p, 32);
    knowledge->crls[i].next_update = row->next_update;
    knowledge->crl_count += i == knowledge->crl_count ? 1 : 0;
}

static enum rc load_crls(struct tx *tx, struct knowledge *knowledge)
{
    struct crl_listed *rows;
    size_t count = 0;

    TRY(store_list_crls(tx, &count, &rows));
    for (size_t i = 0; i < count; i++) {
        struct trust_crl crl;
        struct bytes der;

        if (rows[i].sha256.n != 32 || rows[i].issuer_sha256.n != 32)
            continue; /* not fetched yet */
        note_crl(knowledge, &rows[i]);
        if (trust_has_crl(knowledge->trust, rows[i].sha256.p))
            continue;
        TRY(store_get_crl(tx, rows[i].sha256, &der));
        /* an authority that was taken out of the trust folder: its list is of no use any more */
        if (der.n > 0 && trust_put_crl(knowledge->trust, der, tx->arena, &tx->err, &crl) != RC_OK)
            err_clear(&tx->err);
    }
    return RC_OK;
}

static enum rc load_calendar(struct tx *tx, struct knowledge *knowledge, const char *version)
{
    const struct calendar *old = atomic_load(&knowledge->calendar);
    struct calendar_day *days, *kept;
    struct calendar *fresh;
    size_t count = 0;
    int month, day;

    if (!*version || (old && strcmp(old->version, version) == 0))
        return RC_OK;
    TRY(store_list_calendar_days(tx, version, &count, &days));
    if (count == 0)
        return RC_OK;
    fresh = ARENA_NEW(knowledge->arena, struct calendar);
    kept = ARENA_ARRAY(knowledge->arena, struct calendar_day, count);
    memcpy(kept, days, count * sizeof(*kept));
    fresh->version = arena_strdup(knowledge->arena, version);
    fresh->days = kept;
    fresh->count = count;
    clock_day_parts(kept[count - 1].day, &fresh->last_year, &month, &day);
    atomic_store(&knowledge->calendar, fresh);
    atomic_store(&knowledge->calendar_short, false);
    return RC_OK;
}

static enum rc load(struct tx *tx, struct knowledge *knowledge)
{
    struct knowledge_row row;

    TRY(store_get_knowledge(tx, &row));
    if (row.version == atomic_load(&knowledge->version))
        return RC_OK;
    TRY(load_signers(tx, knowledge));
    TRY(load_crls(tx, knowledge));
    TRY(load_calendar(tx, knowledge, row.calendar_version));
    knowledge->signers_up_to = row.version;
    atomic_store(&knowledge->version, row.version);
    return RC_OK;
}

enum rc knowledge_refresh(struct tx *tx, struct knowledge *knowledge)
{
    enum rc rc;

    pthread_mutex_lock(&knowledge->lock);
    rc = load(tx, knowledge);
    pthread_mutex_unlock(&knowledge->lock);
    return rc;
}

/* --- asking
 * ------------------------------------------------------------------------------------------ */

int64_t knowledge_version(struct knowledge *knowledge)
{
    return atomic_load(&knowledge->version);
}

const struct calendar *knowledge_calendar(struct knowledge *knowledge)
{
    return atomic_load(&knowledge->calendar);
}

bool knowledge_knows_signer(void *context, const struct document_signature *signer, bool last)
{
    struct knowledge *knowledge = context;
    bool known;

    (void)last;
    pthread_mutex_lock(&knowledge->lock);
    known = set_has(&knowledge->signers, slot_of(signer->certificate_sha256));
    pthread_mutex_unlock(&knowledge->lock);
    return known;
}

struct knowledge_crls knowledge_crls(struct knowledge *knowledge, usec now)
{
    struct knowledge_crls crls;

    pthread_mutex_lock(&knowledge->lock);
    crls = (struct knowledge_crls){.count = knowledge->crl_count};
    for (size_t i = 0; i < knowledge->crl_count; i++) {
        usec end = knowledge->crls[i].next_update;

        crls.stale += end <= now ? 1 : 0;
        if (crls.first_to_end == 0 || end < crls.first_to_end)
            crls.first_to_end = end;
    }
    pthread_mutex_unlock(&knowledge->lock);
    return crls;
}

void knowledge_set_calendar_short(struct knowledge *knowledge, bool is_short)
{
    atomic_store(&knowledge->calendar_short, is_short);
}

bool knowledge_calendar_short(struct knowledge *knowledge)
{
    return atomic_load(&knowledge->calendar_short);
}
