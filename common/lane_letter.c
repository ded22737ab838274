/* Dead letters: parked (tried again by itself), dead (people decide), behind (an event of a key
 * whose earlier event is a letter). Order per key is kept: the first open letter of a key is tried,
 * then the next. Nothing is ever deleted but what was applied. */
#define DB_STATEMENTS_ELSEWHERE
#include <stdlib.h>
#include <string.h>

#include "common/lane_letter.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

#define FIRST_RETRY_MS 100
#define LAST_RETRY_MS (5 * 60 * 1000)

METRIC_FAMILY(letters_made) = {
    .kind = METRIC_COUNTER,
    .name = "trien_dead_letters_total",
    .help = "Events that became letters, by state and reason.",
    .labels = "feed,state,code",
};

void letters_count(const struct lane_feed *feed, const char *state, const struct err *why)
{
    metric_add(&letters_made, 1, METRIC_LABELS(feed->name, state, err_entry(why->code)->name));
}

/* --- what is blocked ---------------------------------------------------------------------------
 */

static uint64_t stem_of(const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *key && *key != '/'; key++)
        hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
    return hash;
}

struct blocked **letters_place(const struct letters *letters, const struct lane_feed *feed,
                               const char *key)
{
    struct blocked **at = (struct blocked **)&letters->buckets[stem_of(key) % LANE_BUCKETS];

    while (*at && ((*at)->feed != feed || strcmp((*at)->key, key)))
        at = &(*at)->next;
    return at;
}

bool letters_block(const struct letters *letters, const struct lane_feed *feed, const char *key)
{
    return letters->count && *letters_place(letters, feed, key);
}

struct blocked *letters_blocked(struct letters *letters, const struct lane_feed *feed,
                                const char *key, unsigned partition)
{
    struct blocked **at = letters_place(letters, feed, key);
    size_t n = strlen(key) + 1;

    if (*at)
        return *at;
    *at = calloc(1, sizeof(struct blocked) + n);
    if (!*at)
        abort();
    **at = (struct blocked){
        .feed = feed, .partition = partition, .stem = stem_of(key), .due = LANE_NEVER};
    memcpy((*at)->key, key, n);
    letters->count++;
    return *at;
}

void letters_unblock(struct letters *letters, struct blocked **at)
{
    struct blocked *gone = *at;

    *at = gone->next;
    free(gone);
    letters->count--;
}

void letters_set_due(struct letters *letters, struct blocked *b, usec due)
{
    b->due = due;
    if (due < letters->due)
        letters->due = due;
}

void letters_forget(struct letters *letters, uint64_t partitions)
{
    for (size_t i = 0; i < LANE_BUCKETS; i++) {
        struct blocked **at = &letters->buckets[i];

        while (*at) {
            if (partitions >> (*at)->partition & 1)
                letters_unblock(letters, at);
            else
                at = &(*at)->next;
        }
    }
}

static struct lane_feed *feed_named(struct lane *lane, const char *name)
{
    for (size_t f = 0; f < lane->feed_count; f++) {
        if (!strcmp(lane->feeds[f].name, name))
            return &lane->feeds[f];
    }
    return NULL;
}

/* Wall clock of the table → monotonic clock of the lane. */
static usec to_monotonic(usec wall)
{
    return clock_monotonic() + (wall - clock_now());
}

enum rc letters_load(struct lane *lane, uint64_t partitions)
{
    int16_t ids[BUS_PARTITIONS];
    size_t n = 0;
    struct db_rows *rows;

    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (partitions >> p & 1)
            ids[n++] = (int16_t)p;
    }
    TRY(DB_RUN(lane->tx, letter_open, &rows, db_int2s(ids, n)));
    for (size_t i = 0; i < db_count(rows); i++) {
        struct lane_feed *feed = feed_named(lane, db_get_text(rows, i, 0));
        struct blocked *b;

        if (!feed)
            continue; /* of a feed this version does not read any more */
        b = letters_blocked(&lane->letters, feed, db_get_text(rows, i, 3),
                            (unsigned)db_get_int(rows, i, 1));
        b->attempts = (unsigned)db_get_int(rows, i, 5);
        b->loaded = true;
        if (!strcmp(db_get_text(rows, i, 4), "parked"))
            letters_set_due(&lane->letters, b, to_monotonic(db_get_time(rows, i, 6)));
        else if (!strcmp(db_get_text(rows, i, 4), "behind"))
            letters_set_due(&lane->letters, b, 0); /* what it stood behind is gone */
    }
    return RC_OK;
}

enum rc letters_look(struct lane *lane)
{
    int16_t ids[BUS_PARTITIONS];
    size_t n = 0;
    struct db_rows *rows;

    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (lane_holds(lane, p))
            ids[n++] = (int16_t)p;
    }
    tx_reset(lane->tx);
    TRY(DB_RUN(lane->tx, letter_due, &rows, db_int2s(ids, n), db_time(clock_now())));
    for (size_t i = 0; i < db_count(rows); i++) {
        struct lane_feed *feed = feed_named(lane, db_get_text(rows, i, 0));

        if (!feed)
            continue;
        letters_set_due(&lane->letters,
                        letters_blocked(&lane->letters, feed, db_get_text(rows, i, 3),
                                        (unsigned)db_get_int(rows, i, 1)),
                        0);
    }
    return RC_OK;
}

/* --- becoming a letter -------------------------------------------------------------------------
 */

/* Tried again by itself? What waits for something else waits as long as it takes; what merely
 * fails does so a limited number of times. */
bool letters_parks(const struct lane *lane, const struct err *why, unsigned attempts)
{
    if (why->code == TRIEN__ERROR__NOT_YET)
        return true;
    return err_rc(why->code) != RC_REJECT && why->code != TRIEN__ERROR__UNDECLARED_MESSAGE &&
           attempts < (unsigned)lane->svc->database.max_attempts;
}

usec letters_retry_after(unsigned attempts)
{
    return svc_backoff_ms(attempts, FIRST_RETRY_MS, LAST_RETRY_MS) * USEC_PER_MS;
}

const char *letters_describe(struct arena *arena, const struct err *why)
{
    return arena_printf(arena, "%s: %s%s%s", err_entry(why->code)->name, why->detail,
                        *why->native ? " " : "", why->native);
}

enum rc letters_add(struct lane *lane, const struct lane_feed *feed, const Trien__Event *event,
                    const struct err *why)
{
    struct tx *tx = lane->tx;
    const char *state = !why ? "behind" : letters_parks(lane, why, 1) ? "parked" : "dead";
    bool parked = why && letters_parks(lane, why, 1);

    return DB_PUSH(
        tx, letter_insert, db_text(feed->name), db_int2((int16_t)event->partition),
        db_int8(event->offset), db_uuid(event->id.data), db_text(event->key), db_text(event->type),
        db_text(event->traceparent ? event->traceparent : ""), db_time(event->created_at),
        db_bytea(bytes_of(event->payload.len ? event->payload.data : (const uint8_t *)"",
                          event->payload.len)),
        db_text(state), db_text(why ? letters_describe(tx->arena, why) : ""), db_int4(why ? 1 : 0),
        parked ? db_time(clock_now() + letters_retry_after(1)) : db_null(DB_TIMESTAMPTZ));
}

void letters_note(struct lane *lane, const struct lane_feed *feed, const Trien__Event *event,
                  const struct err *why)
{
    struct blocked *b = letters_blocked(&lane->letters, feed, event->key, event->partition);
    bool parked = letters_parks(lane, why, 1);

    b->attempts = 1;
    if (parked)
        letters_set_due(&lane->letters, b, clock_monotonic() + letters_retry_after(1));
    letters_count(feed, parked ? "parked" : "dead", why);
}

void letters_key_moved(struct lane *lane, const char *key)
{
    uint64_t stem = stem_of(key);

    for (struct blocked *b = lane->letters.buckets[stem % LANE_BUCKETS]; b; b = b->next) {
        if (b->stem == stem && b->due != LANE_NEVER)
            letters_set_due(&lane->letters, b, 0);
    }
}
