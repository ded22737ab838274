/* Appending to the event log. One statement takes the heads of all partitions a transaction writes
 * (in ascending order, always as the last statement, so that they are held as short as can be) and
 * inserts all its events: offsets are dense and in commit order, and writers cannot deadlock. It
 * refuses nothing; sizes were checked by emit(). */
#include "common/outbox.h"

#include <string.h>

#include "common/bus_wire.h"
#include "common/svc_internal.h"
#include "gen/common/frame.inc"

/* The columns of all events of a transaction. */
struct columns {
    uint8_t (*ids)[16];
    const char **types, **keys, **traceparents;
    struct bytes *payloads;
    int16_t *partitions, *places; /* the partition, and its place among the shares, from 1 */
    int64_t *ranks;               /* in its partition, from 0 */
};

/* What each partition gets. */
struct shares {
    int16_t partitions[BUS_PARTITIONS];
    int64_t counts[BUS_PARTITIONS];
    uint8_t last_ids[BUS_PARTITIONS][16];
    size_t count;
};

static void fill_columns(struct tx *tx, size_t count, struct columns *c)
{
    c->ids = arena_array(tx->arena, count, 16);
    c->types = ARENA_ARRAY(tx->arena, const char *, count);
    c->keys = ARENA_ARRAY(tx->arena, const char *, count);
    c->traceparents = ARENA_ARRAY(tx->arena, const char *, count);
    c->payloads = ARENA_ARRAY(tx->arena, struct bytes, count);
    c->partitions = ARENA_ARRAY(tx->arena, int16_t, count);
    c->places = ARENA_ARRAY(tx->arena, int16_t, count);
    c->ranks = ARENA_ARRAY(tx->arena, int64_t, count);
    for (size_t i = 0; i < count; i++) {
        const struct tx_event *event = &tx->frame->events[i];

        bus_uuid(tx->now, c->ids[i]);
        c->types[i] = event->type;
        c->keys[i] = event->key;
        c->traceparents[i] = event->traceparent;
        c->payloads[i] = event->payload;
        c->partitions[i] = (int16_t)bus_partition(event->key);
    }
}

/* Ranks the events inside their partitions and sums up, partitions ascending. */
static void share_out(struct columns *c, size_t count, struct shares *shares)
{
    int64_t counts[BUS_PARTITIONS] = {0};
    int16_t places[BUS_PARTITIONS] = {0};
    uint8_t last_ids[BUS_PARTITIONS][16];

    for (size_t i = 0; i < count; i++) {
        unsigned p = (unsigned)c->partitions[i];

        c->ranks[i] = counts[p]++;
        memcpy(last_ids[p], c->ids[i], 16);
    }
    shares->count = 0;
    for (unsigned p = 0; p < BUS_PARTITIONS; p++) {
        if (!counts[p])
            continue;
        shares->partitions[shares->count] = (int16_t)p;
        shares->counts[shares->count] = counts[p];
        memcpy(shares->last_ids[shares->count++], last_ids[p], 16);
        places[p] = (int16_t)shares->count;
    }
    for (size_t i = 0; i < count; i++)
        c->places[i] = places[c->partitions[i]];
}

static enum rc append_event(struct tx *tx, const struct tx_event *event)
{
    uint8_t(*id)[16] = arena_alloc(tx->arena, 16);

    bus_uuid(tx->now, *id);
    tx->frame->event_ids = (const uint8_t(*)[16])id;
    return DB_LATER(tx, outbox_append_event, &tx->frame->event_places,
                    db_int2((int16_t)bus_partition(event->key)), db_uuid(*id), db_text(event->type),
                    db_text(event->key), db_text(event->traceparent), db_time(tx->now),
                    db_bytea(event->payload));
}

static enum rc append_events(struct tx *tx)
{
    size_t n = tx->frame->event_count;
    struct db_rows **places = &tx->frame->event_places;
    struct columns c;
    struct shares s;

    if (n == 1)
        return append_event(tx, &tx->frame->events[0]);
    fill_columns(tx, n, &c);
    share_out(&c, n, &s);
    tx->frame->event_ids = (const uint8_t(*)[16])c.ids;
    if (s.count == 1)
        return DB_LATER(tx, outbox_append_one, places, db_int2(s.partitions[0]),
                        db_int8(s.counts[0]), db_uuid(s.last_ids[0]),
                        db_uuids((const uint8_t(*)[16])c.ids, n), db_texts(c.types, n),
                        db_texts(c.keys, n), db_texts(c.traceparents, n), db_time(tx->now),
                        db_byteas(c.payloads, n));
    return DB_LATER(tx, outbox_append, places, db_int2s(s.partitions, s.count),
                    db_int8s(s.counts, s.count),
                    db_uuids((const uint8_t(*)[16])s.last_ids, s.count), db_int2s(c.places, n),
                    db_int8s(c.ranks, n), db_uuids((const uint8_t(*)[16])c.ids, n),
                    db_texts(c.types, n), db_texts(c.keys, n), db_texts(c.traceparents, n),
                    db_time(tx->now), db_byteas(c.payloads, n));
}

/* Keeps in the transaction's list only the intents that are new, for the lane to do. They come back
 * in the order in which they went. */
static void keep_new(struct tx_frame *frame, const struct db_rows *rows)
{
    struct tx_effect *kept = frame->effects;
    size_t count = db_count(rows), n = 0;

    for (size_t place = 0; place < frame->effect_count && n < count; place++) {
        const struct tx_effect *effect = &frame->effects[place];

        if (!strcmp(db_get_text(rows, n, 1), effect->key) &&
            !strcmp(db_get_text(rows, n, 0), effect->kind))
            kept[n++] = *effect;
    }
    frame->effect_count = n;
}

/* The same intent twice in one transaction is one. */
static bool is_repeated(const struct tx_frame *frame, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (!strcmp(frame->effects[i].key, frame->effects[at].key) &&
            !strcmp(frame->effects[i].kind, frame->effects[at].kind))
            return true;
    }
    return false;
}

static void drop_repeated(struct tx_frame *frame)
{
    size_t n = 0;

    for (size_t i = 0; i < frame->effect_count; i++) {
        if (!is_repeated(frame, i))
            frame->effects[n++] = frame->effects[i];
    }
    frame->effect_count = n;
}

static enum rc insert_effects(struct tx *tx)
{
    struct db_rows *rows;
    size_t n;

    drop_repeated(tx->frame);
    n = tx->frame->effect_count;
    const char **kinds = ARENA_ARRAY(tx->arena, const char *, n);
    const char **keys = ARENA_ARRAY(tx->arena, const char *, n);
    const char **traceparents = ARENA_ARRAY(tx->arena, const char *, n);
    int16_t *partitions = ARENA_ARRAY(tx->arena, int16_t, n);
    struct bytes *intents = ARENA_ARRAY(tx->arena, struct bytes, n);
    usec *retry_at = ARENA_ARRAY(tx->arena, usec, n);

    for (size_t i = 0; i < n; i++) {
        const struct tx_effect *effect = &tx->frame->effects[i];

        kinds[i] = effect->kind;
        keys[i] = effect->key;
        traceparents[i] = effect->traceparent;
        partitions[i] = (int16_t)bus_partition(effect->key);
        intents[i] = effect->intent;
        retry_at[i] = effect->not_before > tx->now ? effect->not_before : tx->now;
    }
    TRY(DB_RUN(tx, effect_insert, &rows, db_texts(kinds, n), db_texts(keys, n),
               db_int2s(partitions, n), db_byteas(intents, n), db_texts(traceparents, n),
               db_times(retry_at, n)));
    keep_new(tx->frame, rows);
    return RC_OK;
}

enum rc outbox_flush(struct tx *tx)
{
    TRY(db_send_rows(tx));
    if (tx->frame->effect_count)
        TRY(insert_effects(tx)); /* waits for its answer, so before any head is locked */
    return tx->frame->event_count ? append_events(tx) : RC_OK;
}
