/* The calendar file → struct calendar. Small strict CSV: five fields, quotes doubled inside quotes,
 * no line breaks inside a field. It refuses a file with any wrong row; nothing is half loaded. */
#include <stdlib.h>
#include <string.h>

#include "services/validation/calendar.h"

enum { DATE, KIND, NAME, SOURCE, STATUS, COLUMNS };

#define HEADER "date,kind,name_vi,source,status"

/* One field from *at on, which ends behind it (on ',' or NUL). NULL when a quote is not closed. */
static const char *read_field(struct arena *arena, const char **at)
{
    size_t length = strcspn(*at, ",");
    const char *start = *at;
    char *out;

    if (**at != '"') {
        *at += length;
        return arena_strndup(arena, start, length);
    }
    out = arena_alloc(arena, strlen(start) + 1);
    length = 0;
    for (start++; *start; start++) {
        if (*start == '"' && start[1] != '"')
            break;
        start += *start == '"' ? 1 : 0;
        out[length++] = *start;
    }
    if (*start != '"' || (start[1] != ',' && start[1] != 0))
        return NULL;
    *at = start + 1;
    return out;
}

static bool split(struct arena *arena, const char *line, const char *fields[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        fields[i] = read_field(arena, &line);
        if (!fields[i] || (i + 1 < COLUMNS && *line != ','))
            return false;
        line += i + 1 < COLUMNS ? 1 : 0;
    }
    return *line == 0;
}

static bool read_day(struct arena *arena, const char *line, struct calendar_day *day)
{
    const char *fields[COLUMNS];

    if (!split(arena, line, fields) || !clock_parse_day(fields[DATE], &day->day) ||
        !calendar_kind_of(fields[KIND], &day->kind) ||
        !calendar_status_of(fields[STATUS], &day->status))
        return false;
    if (day->kind == CALENDAR_WORKING_SATURDAY && clock_weekday(day->day) != 6)
        return false;
    day->name_vi = fields[NAME];
    day->source = fields[SOURCE];
    return *day->name_vi && *day->source;
}

/* The line at *at, without its end; moves *at behind it. */
static const char *next_line(struct arena *arena, const char **at)
{
    size_t length = strcspn(*at, "\n");
    const char *line = *at;

    *at += length + ((*at)[length] == '\n' ? 1 : 0);
    if (length > 0 && line[length - 1] == '\r')
        length--;
    return arena_strndup(arena, line, length);
}

static int by_day(const void *left, const void *right)
{
    const struct calendar_day *a = left, *b = right;

    return (a->day > b->day) - (a->day < b->day);
}

static enum rc read_days(struct arena *arena, const char *at, struct err *err,
                         struct calendar_day *days, size_t *ret_count)
{
    size_t count = 0, number = 1;

    CHECK(strcmp(next_line(arena, &at), HEADER) == 0, err, TRIEN__ERROR__FIELD_INVALID,
          "the first line must be " HEADER);
    while (*at) {
        const char *line = next_line(arena, &at);

        number++;
        if (*line == 0)
            continue;
        err_field(err, "line %zu", number);
        CHECK(count < CALENDAR_MAX_DAYS, err, TRIEN__ERROR__TOO_LARGE, "too many days");
        CHECK(read_day(arena, line, &days[count++]), err, TRIEN__ERROR__FIELD_INVALID,
              "line %zu is not date,kind,name_vi,source,status", number);
    }
    err_clear(err);
    *ret_count = count;
    return RC_OK;
}

enum rc calendar_parse(struct arena *arena, struct bytes csv, struct err *err,
                       struct calendar *ret_calendar)
{
    struct calendar_day *days = ARENA_ARRAY(arena, struct calendar_day, CALENDAR_MAX_DAYS);
    uint8_t digest[32];
    size_t count = 0;
    int year = 0, month, day;

    CHECK(csv.n <= CALENDAR_MAX_BYTES, err, TRIEN__ERROR__TOO_LARGE, "%zu bytes", csv.n);
    CHECK(bytes_are_text(csv), err, TRIEN__ERROR__FIELD_INVALID, "the file is not UTF-8 text");
    TRY(read_days(arena, (const char *)arena_bytes(arena, csv).p, err, days, &count));
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
