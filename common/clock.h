/* Time. One type inside: microseconds since 1970-01-01T00:00:00Z. Handlers and rules never look at
 * the clock; the frame passes tx->now in. Civil days are Vietnamese: UTC+7, no daylight saving. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arena;

typedef int64_t usec;

#define USEC_PER_MS INT64_C(1000)
#define USEC_PER_SECOND INT64_C(1000000)
#define USEC_PER_DAY (INT64_C(86400) * USEC_PER_SECOND)
#define VIETNAM_OFFSET (INT64_C(7) * 3600 * USEC_PER_SECOND)

/* Days since 1970-01-01 on the proleptic Gregorian calendar. */
typedef int32_t civil_day;

/** Wall clock. Only the frame, effects and tools ask. */
usec clock_now(void);

/** Clock that never jumps, for deadlines and durations; its zero means nothing. */
usec clock_monotonic(void);

/** The Vietnamese civil day an instant falls on. */
civil_day clock_civil_day(usec at);

/** First instant (00:00 in Vietnam) of a civil day. */
usec clock_day_start(civil_day day);

civil_day clock_day_of(int year, int month, int day);
void clock_day_parts(civil_day day, int *ret_year, int *ret_month, int *ret_day);

/** 0 Sunday … 6 Saturday. */
int clock_weekday(civil_day day);

/** "2026-11-20" strictly; false when malformed or no such date. */
bool clock_parse_day(const char *text, civil_day *ret_day);

/** An instant as RFC 3339 writes it: "2026-11-20T09:15:02+07:00", "….123456Z"; the offset must be
 *  there. False when malformed or no such instant (a leap second is none). */
bool clock_parse_time(const char *text, usec *ret_at);

/** "2026-11-20" */
const char *clock_day_text(struct arena *arena, civil_day day);

/** "2026-11-20T09:15:02.123456Z" */
const char *clock_utc_text(struct arena *arena, usec at);

/** The same into memory of the caller, NUL included. */
#define CLOCK_UTC_SIZE 28
void clock_utc_write(usec at, char ret_text[CLOCK_UTC_SIZE]);

/** "09:15 ngày 20/11/2026" in Vietnamese time, for people. */
const char *clock_vietnamese_text(struct arena *arena, usec at);
