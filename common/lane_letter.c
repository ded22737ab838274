/* Dead letters: parked (tried again by itself), dead (people decide), behind (an event of a key
 * whose earlier event is a letter). Order per key is kept: the first open letter of a key is tried,
 * then the next. Nothing is ever deleted but what was applied. */
#define DB_STATEMENTS_ELSEWHERE
#include "common/lane.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "gen/common/frame.inc"

#define FIRST_RETRY_MS 100
#define LAST_RETRY_MS (5 * 60 * 1000)

static struct metric made = {
    .kind = METRIC_COUNTER,
    .name = "trien_dead_letters_total",
    .help = "Events that became letters, by state and reason.",
    .labels = "feed,state,code",
};

/* --- what is blocked ---------------------------------------------------------------------------
 */

static uint64_t stem_of(const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *key && *key != '/'; key++)
        hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
    return hash;
}

static struct blocked **place_of(const struct letters *letters, const struct lane_feed *feed,
                                 const char *key)
{
    struct blocked **at = (struct blocked **)&letters->buckets[stem_of(key) % LANE_BUCKETS];

    while (*at && ((*at)->feed != feed || strcmp((*at)->key, key)))
        at = &(*at)->next;
    return at;
}

bool letters_block(const struct letters *letters, const struct lane_feed *feed, const char *key)
{
    return letters->count && *place_of(letters, feed, key);
}

static struct blocked *block(struct letters *letters, const struct lane_feed *feed, const char *key,
                             unsigned partition)
{
    struct blocked **at = place_of(letters, feed, key);
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

static void unblock(struct letters *letters, struct blocked **at)
{
    struct blocked *gone = *at;

    *at = gone->next;
    free(gone);
    letters->count--;
}

static void set_due(struct letters *letters, struct blocked *b, usec due)
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
                unblock(letters, at);
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
        b = block(&lane->letters, feed, db_get_text(rows, i, 3), (unsigned)db_get_int(rows, i, 1));
        b->attempts = (unsigned)db_get_int(rows, i, 5);
        b->loaded = true;
        if (!strcmp(db_get_text(rows, i, 4), "parked"))
            set_due(&lane->letters, b, to_monotonic(db_get_time(rows, i, 6)));
        else if (!strcmp(db_get_text(rows, i, 4), "behind"))
            set_due(&lane->letters, b, 0); /* what it stood behind is gone */
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
        set_due(
            &lane->letters,
            block(&lane->letters, feed, db_get_text(rows, i, 3), (unsigned)db_get_int(rows, i, 1)),
            0);
    }
    return RC_OK;
}

/* --- becoming a letter -------------------------------------------------------------------------
 */

/* Tried again by itself? What waits for something else waits as long as it takes; what merely
 * fails does so a limited number of times. */
static bool is_parked(const struct lane *lane, const struct err *why, unsigned attempts)
{
    if (why->code == TRIEN__ERROR__NOT_YET)
        return true;
    return err_rc(why->code) != RC_REJECT && why->code != TRIEN__ERROR__UNDECLARED_MESSAGE &&
           attempts < (unsigned)lane->svc->database.max_attempts;
}

static usec retry_after(unsigned attempts)
{
    return svc_backoff_ms(attempts, FIRST_RETRY_MS, LAST_RETRY_MS) * USEC_PER_MS;
}

static const char *describe(struct arena *arena, const struct err *why)
{
    return arena_printf(arena, "%s: %s%s%s", err_entry(why->code)->name, why->detail,
                        *why->native ? " " : "", why->native);
}

enum rc letters_add(struct lane *lane, const struct lane_feed *feed, const Trien__Event *event,
                    const struct err *why)
{
    struct tx *tx = lane->tx;
    const char *state = !why ? "behind" : is_parked(lane, why, 1) ? "parked" : "dead";
    bool parked = why && is_parked(lane, why, 1);

    return DB_PUSH(
        tx, letter_insert, db_text(feed->name), db_int2((int16_t)event->partition),
        db_int8(event->offset), db_uuid(event->id.data), db_text(event->key), db_text(event->type),
        db_text(event->traceparent ? event->traceparent : ""), db_time(event->created_at),
        db_bytea(bytes_of(event->payload.len ? event->payload.data : (const uint8_t *)"",
                          event->payload.len)),
        db_text(state), db_text(why ? describe(tx->arena, why) : ""), db_int4(why ? 1 : 0),
        parked ? db_time(clock_now() + retry_after(1)) : db_null(DB_TIMESTAMPTZ));
}

void letters_note(struct lane *lane, const struct lane_feed *feed, const Trien__Event *event,
                  const struct err *why)
{
    struct blocked *b = block(&lane->letters, feed, event->key, event->partition);
    bool parked = is_parked(lane, why, 1);

    b->attempts = 1;
    if (parked)
        set_due(&lane->letters, b, clock_monotonic() + retry_after(1));
    metric_add(&made, 1,
               METRIC_LABELS(feed->name, parked ? "parked" : "dead", err_entry(why->code)->name));
}

void letters_key_moved(struct lane *lane, const char *key)
{
    uint64_t stem = stem_of(key);

    for (struct blocked *b = lane->letters.buckets[stem % LANE_BUCKETS]; b; b = b->next) {
        if (b->stem == stem && b->due != LANE_NEVER)
            set_due(&lane->letters, b, 0);
    }
}

/* --- trying again ------------------------------------------------------------------------------
 */

/* The first open letter of a key while it is tried. */
struct trial {
    struct blocked *blocked;
    int16_t partition;
    int64_t offset;
    const char *type, *state, *traceparent;
    struct bytes payload;
    unsigned attempts;
    bool found, waits; /* waits: it is dead, people decide */
};

static enum rc lock_first(struct lane *lane, struct trial *trial)
{
    struct db_rows *rows;

    TRY(DB_RUN(lane->tx, letter_lock, &rows, db_text(trial->blocked->feed->name),
               db_text(trial->blocked->key)));
    trial->found = db_count(rows) > 0;
    if (!trial->found)
        return RC_OK;
    trial->partition = (int16_t)db_get_int(rows, 0, 0);
    trial->offset = db_get_int(rows, 0, 1);
    trial->type = db_get_text(rows, 0, 3);
    trial->traceparent = db_get_text(rows, 0, 4);
    trial->payload = db_get_bytes(rows, 0, 6);
    trial->state = db_get_text(rows, 0, 7);
    trial->attempts = (unsigned)db_get_int(rows, 0, 8);
    trial->waits = !strcmp(trial->state, "dead");
    return RC_OK;
}

static enum rc call_handler(struct lane *lane, const struct trial *trial)
{
    struct tx *tx = lane->tx;
    const struct on_event *row = batch_row(lane, trial->blocked->feed->name, trial->type);
    ProtobufCMessage *message;

    if (!row)
        return RC_OK; /* nobody reads this type any more */
    tx_enter(tx, trial->traceparent, row->out);
    message = protobuf_c_message_unpack(row->in, arena_allocator(tx->arena), trial->payload.n,
                                        trial->payload.p);
    CHECK(message, &tx->err, TRIEN__ERROR__MALFORMED, "payload is no %s", trial->type);
    return row->fn(tx, message);
}

static enum rc try_first(struct lane *lane, struct trial *trial)
{
    struct tx *tx = lane->tx;
    const char *feed = trial->blocked->feed->name;

    tx_reset(tx);
    TRY(tx_begin(tx, clock_now(), feed, "", NULL));
    TRY(lock_first(lane, trial));
    if (!trial->found || trial->waits) {
        tx_rollback(tx);
        return RC_OK;
    }
    TRY(call_handler(lane, trial));
    TRY(DB_PUSH(tx, letter_applied, db_text(feed), db_int2(trial->partition),
                db_int8(trial->offset)));
    TRY(DB_PUSH(tx, letter_next_due, db_text(feed), db_text(trial->blocked->key),
                db_time(tx->now)));
    return tx_commit(tx);
}

/* Writes the new state of a letter that failed, or that is about to be tried. */
static enum rc set_letter(struct lane *lane, const struct trial *trial, const char *state,
                          const struct err *why, unsigned attempts, usec retry_at)
{
    struct tx *tx = lane->tx;

    return DB_RUN(tx, letter_set, NULL, db_text(trial->blocked->feed->name),
                  db_int2(trial->partition), db_int8(trial->offset), db_text(state),
                  db_text(why ? describe(tx->arena, why) : "being tried"),
                  db_int4((int32_t)attempts),
                  retry_at ? db_time(retry_at) : db_null(DB_TIMESTAMPTZ));
}

/* A letter we did not make ourselves may be what ended the last holder: count before trying. */
static enum rc count_trial(struct lane *lane, struct trial *trial)
{
    struct blocked *b = trial->blocked;
    struct err why = {0};
    bool given_up;
    enum rc rc;

    if (!b->loaded)
        return RC_OK;
    tx_reset(lane->tx);
    TRY(lock_first(lane, trial));
    if (!trial->found || trial->waits)
        return RC_OK;
    given_up = trial->attempts >= 4 * (unsigned)lane->svc->database.max_attempts &&
               !strcmp(trial->state, "parked") && b->attempts == trial->attempts;
    rc = err_set(&why, TRIEN__ERROR__HANDLER_DIED, __FILE__, __LINE__, "tried %u times",
                 trial->attempts);
    (void)rc;
    if (given_up)
        b->due = LANE_NEVER;
    TRY(set_letter(lane, trial, given_up ? "dead" : "parked", given_up ? &why : NULL,
                   trial->attempts + 1, given_up ? 0 : clock_now()));
    b->loaded = false; /* from here on this process has seen it come back alive, or is dead */
    b->attempts = trial->attempts + 1;
    return RC_OK;
}

static void report(struct lane *lane, const struct trial *trial, enum rc rc, const struct err *why,
                   usec started)
{
    struct svc_message message = {
        .kind = "event",
        .name = trial->type,
        .peer = trial->blocked->feed->name,
        .key = trial->blocked->key,
        .traceparent = trial->traceparent,
        .number = trial->offset,
        .started = started,
        .rc = rc,
        .err = why,
    };

    svc_handled(lane->svc, &message);
}

static enum rc keep_waiting(struct lane *lane, struct trial *trial, const struct err *why)
{
    struct blocked *b = trial->blocked;
    unsigned attempts = trial->attempts + 1;
    bool parked = is_parked(lane, why, attempts);
    usec after = retry_after(attempts);

    b->attempts = attempts;
    b->due = LANE_NEVER;
    if (parked)
        set_due(&lane->letters, b, clock_monotonic() + after);
    else
        metric_add(&made, 1, METRIC_LABELS(b->feed->name, "dead", err_entry(why->code)->name));
    return set_letter(lane, trial, parked ? "parked" : "dead", why, attempts,
                      parked ? clock_now() + after : 0);
}

/* One key: its letters in order until one has to wait. RC_OK also when it waits. */
static enum rc try_key(struct lane *lane, struct blocked *b)
{
    for (;;) {
        struct trial trial = {.blocked = b};
        usec started = clock_monotonic();
        struct err why;
        enum rc rc;

        TRY(count_trial(lane, &trial));
        rc = try_first(lane, &trial);
        if (rc == RC_OK && (!trial.found || trial.waits)) {
            b->due = LANE_NEVER;
            if (!trial.found)
                unblock(&lane->letters, place_of(&lane->letters, b->feed, b->key));
            return RC_OK;
        }
        if (rc != RC_OK && batch_is_outage(&lane->tx->err)) {
            set_due(&lane->letters, b, clock_monotonic() + retry_after(1));
            tx_rollback(lane->tx);
            return rc;
        }
        if (rc == RC_OK) {
            report(lane, &trial, RC_OK, NULL, started);
            continue;
        }
        why = lane->tx->err;
        tx_rollback(lane->tx);
        report(lane, &trial, rc, &why, started);
        return keep_waiting(lane, &trial, &why);
    }
}

static struct blocked *find_due(struct letters *letters, usec now)
{
    struct blocked *found = NULL;

    letters->due = LANE_NEVER;
    for (size_t i = 0; i < LANE_BUCKETS; i++) {
        for (struct blocked *b = letters->buckets[i]; b; b = b->next) {
            if (!found && b->due <= now)
                found = b;
            else if (b->due < letters->due)
                letters->due = b->due;
        }
    }
    return found;
}

#define KEYS_A_TURN 32

void letters_turn(struct lane *lane, usec now)
{
    struct blocked *b;

    for (int i = 0; i < KEYS_A_TURN && lane->letters.count && now >= lane->letters.due; i++) {
        b = find_due(&lane->letters, now);
        if (!b)
            return;
        if (b->due < lane->letters.due)
            lane->letters.due = b->due; /* until it is done with */
        if (try_key(lane, b) != RC_OK)
            return;
    }
}
