/* The calendar file → struct calendar. It refuses a file with any wrong row; nothing is half
 * loaded. */
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "services/validation/calendar.h"

enum { DATE, KIND, NAME, SOURCE, STATUS };

#define HEADER "date,kind,name_vi,source,status"

static bool read_day(const char *const *fields, struct calendar_day *day)
{
    if (!clock_parse_day(fields[DATE], &day->day) || !calendar_kind_of(fields[KIND], &day->kind) ||
        !calendar_status_of(fields[STATUS], &day->status))
        return false;
    if (day->kind == CALENDAR_WORKING_SATURDAY && clock_weekday(day->day) != 6)
        return false;
    day->name_vi = fields[NAME];
    day->source = fields[SOURCE];
    return *day->name_vi && *day->source;
}

static int by_day(const void *left, const void *right)
{
    const struct calendar_day *a = left, *b = right;

    return (a->day > b->day) - (a->day < b->day);
}

static enum rc read_days(struct csv *csv, struct err *err, struct calendar_day *days,
                         size_t *ret_count)
{
    const char *fields[CSV_MAX_COLUMNS];
    size_t count = 0;
    bool more;

    TRY(csv_next(csv, err, fields, &more));
    while (more) {
        CHECK(count < CALENDAR_MAX_DAYS, err, TRIEN__ERROR__TOO_LARGE, "too many days");
        CHECK(read_day(fields, &days[count++]), err, TRIEN__ERROR__FIELD_INVALID,
              "line %zu is not " HEADER, csv->line);
        TRY(csv_next(csv, err, fields, &more));
    }
    err_clear(err);
    *ret_count = count;
    return RC_OK;
}

enum rc calendar_parse(struct arena *arena, struct bytes csv, struct err *err,
                       struct calendar *ret_calendar)
{
    struct calendar_day *days = ARENA_ARRAY(arena, struct calendar_day, CALENDAR_MAX_DAYS);
    struct csv rows;
    uint8_t digest[32];
    size_t count = 0;
    int year = 0, month, day;

    TRY(csv_open(arena, csv, HEADER, CALENDAR_MAX_BYTES, err, &rows));
    TRY(read_days(&rows, err, days, &count));
    CHECK(count > 0, err, TRIEN__ERROR__FIELD_INVALID, "the file has no days");
    qsort(days, count, sizeof(*days), by_day);
    for (size_t i = 1; i < count; i++)
        CHECK(days[i].day != days[i - 1].day, err, TRIEN__ERROR__FIELD_INVALID, "%s stands twice",
              clock_day_text(arena, days[i].day));
    bytes_sha256(csv, digest);
    clock_day_parts(days[count - 1].day, &year, &month, &day);
    *ret_calendar = (struct calendar){.version = bytes_to_hex(arena, bytes_of(digest, 8)),
                                      .count = count,
                                      .days = days,
                                      .last_year = year};
    return RC_OK;
}
