/* Working days of the Vietnamese calendar: Monday to Friday, less the days off, plus the Saturdays
 * worked instead. The calendar is data with a source and a status for every day; a deadline says
 * which version it was counted with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"

#define CALENDAR_MAX_BYTES ((size_t)256 * 1024)
#define CALENDAR_MAX_DAYS 4000

/* New issue: Decree 68/2024 Điều 11, from the receipt of a valid request. */
#define ISSUE_WORKING_DAYS 3

enum calendar_kind { CALENDAR_HOLIDAY, CALENDAR_DAY_OFF_SWAP, CALENDAR_WORKING_SATURDAY };

/* CONFIRMED has an official source. PROVISIONAL is expected and counted. UNCONFIRMED may never
 * come: it is not counted, because the earlier deadline is the safe one. */
enum calendar_status { CALENDAR_CONFIRMED, CALENDAR_PROVISIONAL, CALENDAR_UNCONFIRMED };

struct calendar_day {
    civil_day day;
    enum calendar_kind kind;
    enum calendar_status status;
    const char *name_vi;
    const char *source;
};

struct calendar {
    const char *version; /* first 16 hexadecimal digits of the file's SHA-256 */
    size_t count;
    const struct calendar_day *days; /* ascending, no day twice */
    int last_year;                   /* the last year it says anything about; 0 when empty */
};

struct due {
    civil_day on;
    bool provisional; /* a day that is not confirmed lies on the way */
    bool beyond;      /* the way leads past the last year of the calendar */
};

/** Reads the calendar file (CSV with header date,kind,name_vi,source,status; quotes allowed).
 *  REJECT FIELD_INVALID, err->field "line 7", when a row is wrong or a day stands twice; TOO_LARGE.
 *  Everything lives in the arena. */
enum rc calendar_parse(struct arena *arena, struct bytes csv, struct err *err,
                       struct calendar *ret_calendar) MUST_USE;

/** Civil servants work on that day. */
bool calendar_is_working_day(const struct calendar *calendar, civil_day day);

/** The last of so many working days after the day of receipt, which does not count (Civil Code 2015
 *  Điều 147, 148). */
struct due rule_due_on(const struct calendar *calendar, civil_day received_on, int working_days);

/** "holiday", "day_off_swap", "working_saturday" */
const char *calendar_kind_name(enum calendar_kind kind);
/** "confirmed", "provisional", "unconfirmed" */
const char *calendar_status_name(enum calendar_status status);
bool calendar_kind_of(const char *name, enum calendar_kind *ret_kind);
bool calendar_status_of(const char *name, enum calendar_status *ret_status);
