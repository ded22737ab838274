/* Counting working days. It knows no file and no table; a calendar is handed in. */
#include "services/validation/calendar.h"

#include <string.h>

enum { SUNDAY = 0, SATURDAY = 6 };

static const char *const kind_names[] = {"holiday", "day_off_swap", "working_saturday"};
static const char *const status_names[] = {"confirmed", "provisional", "unconfirmed"};

const char *calendar_kind_name(enum calendar_kind kind)
{
    return kind_names[kind];
}

const char *calendar_status_name(enum calendar_status status)
{
    return status_names[status];
}

bool calendar_kind_of(const char *name, enum calendar_kind *ret_kind)
{
    for (size_t i = 0; i < COUNT_OF(kind_names); i++)
        if (strcmp(name, kind_names[i]) == 0) {
            *ret_kind = (enum calendar_kind)i;
            return true;
        }
    return false;
}

bool calendar_status_of(const char *name, enum calendar_status *ret_status)
{
    for (size_t i = 0; i < COUNT_OF(status_names); i++)
        if (strcmp(name, status_names[i]) == 0) {
            *ret_status = (enum calendar_status)i;
            return true;
        }
    return false;
}

static const struct calendar_day *find(const struct calendar *calendar, civil_day day)
{
    size_t low = 0, high = calendar->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (calendar->days[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low < calendar->count && calendar->days[low].day == day ? &calendar->days[low] : NULL;
}

bool calendar_is_working_day(const struct calendar *calendar, civil_day day)
{
    const struct calendar_day *special = find(calendar, day);
    int weekday = clock_weekday(day);

    if (special && special->status != CALENDAR_UNCONFIRMED)
        return special->kind == CALENDAR_WORKING_SATURDAY;
    return weekday != SUNDAY && weekday != SATURDAY;
}

struct due rule_due_on(const struct calendar *calendar, civil_day received_on, int working_days)
{
    struct due due = {.on = received_on};
    int year, month, day;

    while (working_days > 0) {
        const struct calendar_day *special = find(calendar, ++due.on);

        due.provisional |= special && special->status != CALENDAR_CONFIRMED;
        working_days -= calendar_is_working_day(calendar, due.on) ? 1 : 0;
    }
    clock_day_parts(due.on, &year, &month, &day);
    due.beyond = year > calendar->last_year;
    return due;
}
