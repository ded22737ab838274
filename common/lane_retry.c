/* Trying letters again: the first open one of a key, then the next, until one has to wait. Each try
 * is a transaction of its own; the row's lock keeps two holders of a partition apart. */
#define DB_STATEMENTS_ELSEWHERE
#include <stdlib.h>
#include <string.h>

#include "common/lane_letter.h"
#include "gen/common/frame.inc"

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
    message = wire_unpack(tx->arena, row->in, trial->payload);
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
                  db_text(why ? letters_describe(tx->arena, why) : "being tried"),
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
    bool parked = letters_parks(lane, why, attempts);
    usec after = letters_retry_after(attempts);

    b->attempts = attempts;
    b->due = LANE_NEVER;
    if (parked)
        letters_set_due(&lane->letters, b, clock_monotonic() + after);
    else
        letters_count(b->feed, "dead", why);
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
                letters_unblock(&lane->letters, letters_place(&lane->letters, b->feed, b->key));
            return RC_OK;
        }
        if (rc != RC_OK && batch_is_outage(&lane->tx->err)) {
            letters_set_due(&lane->letters, b, clock_monotonic() + letters_retry_after(1));
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

    for (int i = 0; i < KEYS_A_TURN && now >= lane->letters.due; i++) {
        b = find_due(&lane->letters, now);
        if (!b)
            return;
        if (b->due < lane->letters.due)
            lane->letters.due = b->due; /* until it is done with */
        if (try_key(lane, b) != RC_OK)
            return;
    }
}
