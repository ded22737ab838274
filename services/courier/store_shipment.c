/* Shipments and what was said about them: binds, runs, reads. No rules beyond reading a state's
 * name, no events. */
#include "services/courier/store.h"

#include <string.h>

#include "common/bus.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/courier/store.inc"

/* A parcel may be posted and followed before the station records that it left. */
#define EARLY_EVENTS (INT64_C(14) * USEC_PER_DAY)
#define NUMBER_LIFE (INT64_C(365) * USEC_PER_DAY)

enum rc store_insert_dispatch_key(struct tx *tx, const char *idempotency, const uint8_t sha256[32],
                                  const uint8_t shipment_id[16], const char **ret_shipment_id,
                                  bool *ret_same)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, insert_dispatch_key, &rows, db_text(idempotency), db_bytea(bytes_of(sha256, 32)),
               db_uuid(shipment_id)));
    CHECK(db_count(rows), &tx->err, TRIEN__ERROR__DATABASE_CONFLICT, "the key is being taken");
    *ret_same = bytes_equal(db_get_bytes(rows, 0, 0), bytes_of(sha256, 32));
    *ret_shipment_id = bus_uuid_text(tx->arena, db_get_uuid(rows, 0, 1));
    return RC_OK;
}

enum rc store_lock_numbers(struct tx *tx, const char *const *numbers, size_t count)
{
    struct db_rows *rows;

    return DB_RUN(tx, lock_numbers, &rows, db_texts(numbers, count));
}

enum rc store_claim_tracking_number(struct tx *tx, const char *tracking_number, const char *carrier,
                                    const uint8_t shipment_id[16], bool *ret_claimed)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, claim_tracking_number, &rows, db_text(tracking_number), db_text(carrier),
               db_uuid(shipment_id), db_time(tx->now)));
    *ret_claimed = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_insert_shipment(struct tx *tx, const struct shipment_row *shipment,
                              const char *const *serials, size_t count)
{
    TRY(DB_PUSH(tx, insert_shipment, db_uuid(shipment->id), db_text(shipment->organ_id),
                db_text(shipment->method), db_text(shipment->carrier),
                db_text(shipment->tracking_number), db_time(tx->now), db_texts(serials, count)));
    for (size_t i = 0; i < count; i++)
        TRY(DB_PUSH(tx, set_device_dispatched, db_text(serials[i]), db_uuid(shipment->id),
                    db_text(tx->principal), db_time(tx->now)));
    return RC_OK;
}

/* The columns every statement about shipments lists first. */
static enum rc read_shipments(struct tx *tx, const struct db_rows *rows,
                              struct shipment_row **ret_rows, size_t *ret_count)
{
    struct shipment_row *list = ARENA_ARRAY(tx->arena, struct shipment_row, db_count(rows) + 1);

    for (size_t i = 0; i < db_count(rows); i++) {
        struct shipment_row *row = &list[i];
        memcpy(row->id, db_get_uuid(rows, i, 0), sizeof(row->id));
        row->shipment_id = bus_uuid_text(tx->arena, row->id);
        row->organ_id = db_get_text(rows, i, 1);
        row->method = db_get_text(rows, i, 2);
        row->carrier = db_get_text_or_null(rows, i, 3);
        row->tracking_number = db_get_text_or_null(rows, i, 4);
        CHECK(rule_shipment_state_of(db_get_text(rows, i, 5), &row->state), &tx->err,
              TRIEN__ERROR__SCHEMA_MISMATCH, "shipment state");
        row->moved_at = db_get_time(rows, i, 6);
        row->dispatched_at = db_get_time(rows, i, 7);
        row->changed_at = db_get_time(rows, i, 8);
    }
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_get_shipment(struct tx *tx, const char *shipment_id, struct shipment_row **ret_row)
{
    struct shipment_row *list;
    struct db_rows *rows;
    uint8_t id[16];
    size_t count;

    *ret_row = NULL;
    if (!bus_uuid_parse(shipment_id, id))
        return RC_OK;
    TRY(DB_RUN(tx, get_shipment, &rows, db_uuid(id)));
    TRY(read_shipments(tx, rows, &list, &count));
    *ret_row = count ? &list[0] : NULL;
    return RC_OK;
}

enum rc store_list_shipments_of_numbers(struct tx *tx, const char *carrier,
                                        const char *const *numbers, size_t count,
                                        struct shipment_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, list_shipments_of_numbers, &rows, db_text(carrier), db_texts(numbers, count)));
    return read_shipments(tx, rows, ret_rows, ret_count);
}

enum rc store_list_shipments(struct tx *tx, const char *state, const char *one, const char *after,
                             int limit, struct shipment_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;
    uint8_t id[16], floor[16] = {0};

    CHECK((!one || bus_uuid_parse(one, id)) && (!after || bus_uuid_parse(after, floor)), &tx->err,
          TRIEN__ERROR__MALFORMED, "shipment id is no UUID");
    TRY(DB_RUN(tx, list_shipments, &rows, db_text(state), db_uuid(one ? id : NULL), db_uuid(floor),
               db_int4(limit)));
    TRY(read_shipments(tx, rows, ret_rows, ret_count));
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_rows)[i].serials = db_get_texts(rows, i, 9, &(*ret_rows)[i].serial_count);
    return RC_OK;
}

enum rc store_set_shipment_state(struct tx *tx, const uint8_t shipment_id[16],
                                 const struct tracking_point *point, usec *ret_recorded_at)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, set_shipment_state, &rows, db_uuid(shipment_id),
               db_text(rule_shipment_state_name(point->state)), db_time(point->at),
               db_time(tx->now)));
    CHECK(db_count(rows), &tx->err, TRIEN__ERROR__INTERNAL, "a locked shipment is gone");
    *ret_recorded_at = db_get_time(rows, 0, 0);
    return RC_OK;
}

enum rc store_insert_correction(struct tx *tx, const uint8_t shipment_id[16],
                                const struct tracking_point *point, const char *note)
{
    return DB_PUSH(tx, insert_correction, db_uuid(shipment_id), db_time(tx->now),
                   db_text(rule_shipment_state_name(point->state)), db_time(point->at),
                   db_text(tx->principal), db_text(note));
}

enum rc store_insert_events(struct tx *tx, const struct webhook *webhook,
                            const char *const **ret_numbers, size_t *ret_number_count,
                            size_t *ret_new)
{
    size_t count = webhook->count, kept = 0;
    const char **numbers = ARENA_ARRAY(tx->arena, const char *, count);
    const char **codes = ARENA_ARRAY(tx->arena, const char *, count);
    const char **places = ARENA_ARRAY(tx->arena, const char *, count);
    usec *times = ARENA_ARRAY(tx->arena, usec, count);
    struct db_rows *rows;

    for (size_t i = 0; i < count; i++) {
        numbers[i] = webhook->events[i].tracking_number;
        times[i] = webhook->events[i].at;
        codes[i] = webhook->events[i].code;
        places[i] = webhook->events[i].place;
    }
    TRY(store_lock_numbers(tx, numbers, count));
    TRY(DB_RUN(tx, insert_events, &rows, db_text(webhook->carrier), db_texts(numbers, count),
               db_times(times, count), db_texts(codes, count), db_texts(places, count),
               db_time(tx->now)));
    for (size_t i = 0; i < db_count(rows); i++)
        if (kept == 0 || strcmp(numbers[kept - 1], db_get_text(rows, i, 0)) != 0)
            numbers[kept++] = db_get_text(rows, i, 0);
    *ret_numbers = numbers;
    *ret_number_count = kept;
    *ret_new = db_count(rows);
    return RC_OK;
}

static enum rc list_events(struct tx *tx, const struct shipment_row *shipment,
                           struct db_rows **ret_rows)
{
    return DB_RUN(tx, list_events, ret_rows, db_text(shipment->carrier),
                  db_text(shipment->tracking_number),
                  db_time(shipment->dispatched_at - EARLY_EVENTS),
                  db_time(shipment->dispatched_at + NUMBER_LIFE));
}

static void add_events(const struct db_rows *rows, struct tracking_point *points, size_t *count)
{
    for (size_t i = 0; i < db_count(rows); i++) {
        struct tracking_point point = {.at = db_get_time(rows, i, 1),
                                       .place = db_get_text(rows, i, 2)};
        if (rule_tracking_code(db_get_text(rows, i, 0), &point.state))
            points[(*count)++] = point;
    }
}

enum rc store_list_points(struct tx *tx, const struct shipment_row *shipment,
                          struct tracking_point **ret_points, size_t *ret_count)
{
    struct db_rows *rows, *events = NULL;
    struct tracking_point *points;
    size_t count = 0;

    TRY(DB_RUN(tx, list_corrections, &rows, db_uuid(shipment->id)));
    if (shipment->tracking_number)
        TRY(list_events(tx, shipment, &events));
    points = ARENA_ARRAY(tx->arena, struct tracking_point,
                         db_count(rows) + (events ? db_count(events) : 0));
    for (; count < db_count(rows); count++) {
        points[count] = (struct tracking_point){.at = db_get_time(rows, count, 1),
                                                .recorded_at = db_get_time(rows, count, 2),
                                                .place = ""};
        CHECK(rule_shipment_state_of(db_get_text(rows, count, 0), &points[count].state), &tx->err,
              TRIEN__ERROR__SCHEMA_MISMATCH, "correction state");
    }
    if (events)
        add_events(events, points, &count);
    *ret_points = points;
    *ret_count = count;
    return RC_OK;
}
