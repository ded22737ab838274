/* Calendars as rows: a version is written once and never changed. */
#include "services/validation/store.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/validation/store.inc"

static enum rc insert_days(struct tx *tx, const struct calendar *calendar)
{
    size_t count = calendar->count;
    const char **days = ARENA_ARRAY(tx->arena, const char *, count);
    const char **kinds = ARENA_ARRAY(tx->arena, const char *, count);
    const char **statuses = ARENA_ARRAY(tx->arena, const char *, count);
    const char **names = ARENA_ARRAY(tx->arena, const char *, count);
    const char **sources = ARENA_ARRAY(tx->arena, const char *, count);

    for (size_t i = 0; i < count; i++) {
        days[i] = clock_day_text(tx->arena, calendar->days[i].day);
        kinds[i] = calendar_kind_name(calendar->days[i].kind);
        statuses[i] = calendar_status_name(calendar->days[i].status);
        names[i] = calendar->days[i].name_vi;
        sources[i] = calendar->days[i].source;
    }
    return DB_PUSH(tx, insert_calendar_days, db_text(calendar->version), db_texts(days, count),
                   db_texts(kinds, count), db_texts(statuses, count), db_texts(names, count),
                   db_texts(sources, count));
}

enum rc store_set_calendar(struct tx *tx, const struct calendar *calendar, bool *ret_created)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, insert_calendar, &rows, db_text(calendar->version), db_int4(calendar->last_year),
               db_time(tx->now)));
    *ret_created = db_count(rows) == 1;
    if (*ret_created)
        TRY(insert_days(tx, calendar));
    return DB_PUSH(tx, set_calendar, db_text(calendar->version));
}

enum rc store_list_calendar_days(struct tx *tx, const char *version, size_t *ret_count,
                                 struct calendar_day **ret_days)
{
    struct db_rows *rows = NULL;
    struct calendar_day *days;

    TRY(DB_RUN(tx, list_calendar_days, &rows, db_text(version)));
    days = ARENA_ARRAY(tx->arena, struct calendar_day, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++) {
        days[i].day = db_get_date(rows, i, 0);
        CHECK(calendar_kind_of(db_get_text(rows, i, 1), &days[i].kind) &&
                  calendar_status_of(db_get_text(rows, i, 2), &days[i].status),
              &tx->err, TRIEN__ERROR__SCHEMA_MISMATCH, "calendar day");
    }
    *ret_count = db_count(rows);
    *ret_days = days;
    return RC_OK;
}
