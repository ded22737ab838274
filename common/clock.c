/* Time: instants, civil days, texts. Calendar arithmetic is on the proleptic Gregorian calendar
 * without libc's time zones, so that no environment variable can move a due date. */
#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/arena.h"

static usec read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (usec)ts.tv_sec * USEC_PER_SECOND + ts.tv_nsec / 1000;
}

usec clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

usec clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Division that rounds down, so that instants before 1970 fall on their own day. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

civil_day clock_civil_day(usec at)
{
    return (civil_day)floor_div(at + VIETNAM_OFFSET, USEC_PER_DAY);
}

usec clock_day_start(civil_day day)
{
    return (usec)day * USEC_PER_DAY - VIETNAM_OFFSET;
}

/* Years are counted from 1 March, so that the leap day is the last of its year; eras have 400
 * years of 146,097 days in all. */
civil_day clock_day_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (civil_day)(era * 146097 + day_of_era - 719468);
}

void clock_day_parts(civil_day day, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = (int64_t)day + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;

    *ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

int clock_weekday(civil_day day)
{
    int64_t weekday = ((int64_t)day + 4) % 7; /* 1970-01-01 was a Thursday */

    return (int)(weekday < 0 ? weekday + 7 : weekday);
}

static bool digits(const char *text, size_t count, int *ret_value)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *ret_value = value;
    return true;
}

bool clock_parse_day(const char *text, civil_day *ret_day)
{
    int year, month, day, y, m, d;

    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' || !digits(text, 4, &year) ||
        !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    clock_day_parts(clock_day_of(year, month, day), &y, &m, &d);
    if (y != year || m != month || d != day)
        return false; /* 31 April, 29 February of a common year */
    *ret_day = clock_day_of(year, month, day);
    return true;
}

/* "09:15:02" */
static bool parse_clock(const char *text, usec *ret_since_midnight)
{
    int hour, minute, second;

    if (!digits(text, 2, &hour) || text[2] != ':' || !digits(text + 3, 2, &minute) ||
        text[5] != ':' || !digits(text + 6, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_since_midnight = ((hour * 60 + minute) * 60 + second) * USEC_PER_SECOND;
    return true;
}

/* ".123456", further digits cut off, or nothing; moves on behind it. */
static bool parse_fraction(const char **text, usec *ret_fraction)
{
    usec fraction = 0, weight = USEC_PER_SECOND;
    const char *c = *text;

    if (*c == '.') {
        for (c++; *c >= '0' && *c <= '9'; c++) {
            weight /= 10;
            fraction += (*c - '0') * weight;
        }
        if (c == *text + 1 || c - *text > 10)
            return false;
    }
    *text = c;
    *ret_fraction = fraction;
    return true;
}

/* "Z", "+07:00", "-03:30", and nothing after it. */
static bool parse_offset(const char *text, usec *ret_offset)
{
    int hours, minutes;

    *ret_offset = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if (strlen(text) != 6 || (*text != '+' && *text != '-') || !digits(text + 1, 2, &hours) ||
        text[3] != ':' || !digits(text + 4, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_offset = (hours * 60 + minutes) * (*text == '-' ? -60 : 60) * USEC_PER_SECOND;
    return true;
}

bool clock_parse_time(const char *text, usec *ret_at)
{
    char day_text[11];
    civil_day day;
    usec since_midnight, fraction, offset;
    const char *rest;

    if (strlen(text) < 20 || text[10] != 'T')
        return false;
    memcpy(day_text, text, 10);
    day_text[10] = 0;
    rest = text + 19;
    if (!clock_parse_day(day_text, &day) || !parse_clock(text + 11, &since_midnight) ||
        !parse_fraction(&rest, &fraction) || !parse_offset(rest, &offset))
        return false;
    *ret_at = day * USEC_PER_DAY + since_midnight + fraction - offset;
    return true;
}

const char *clock_day_text(struct arena *arena, civil_day day)
{
    int y, m, d;

    clock_day_parts(day, &y, &m, &d);
    return arena_printf(arena, "%04d-%02d-%02d", y, m, d);
}

struct parts {
    int year, month, day, hour, minute, second, micro;
};

static struct parts split(usec at)
{
    int64_t day = floor_div(at, USEC_PER_DAY), rest = at - day * USEC_PER_DAY;
    struct parts p = {.hour = (int)(rest / (3600 * USEC_PER_SECOND)),
                      .minute = (int)(rest / (60 * USEC_PER_SECOND) % 60),
                      .second = (int)(rest / USEC_PER_SECOND % 60),
                      .micro = (int)(rest % USEC_PER_SECOND)};

    clock_day_parts((civil_day)day, &p.year, &p.month, &p.day);
    return p;
}

static char *put(char *to, int value, int width, char behind)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    to[width] = behind;
    return to + width + 1;
}

/* Every log line begins with one, so no printf here. */
void clock_utc_write(usec at, char ret_text[CLOCK_UTC_SIZE])
{
    struct parts p = split(at);
    char *to = ret_text;

    to = put(to, p.year, 4, '-');
    to = put(to, p.month, 2, '-');
    to = put(to, p.day, 2, 'T');
    to = put(to, p.hour, 2, ':');
    to = put(to, p.minute, 2, ':');
    to = put(to, p.second, 2, '.');
    to = put(to, p.micro, 6, 'Z');
    *to = 0;
}

const char *clock_utc_text(struct arena *arena, usec at)
{
    char *text = arena_alloc(arena, CLOCK_UTC_SIZE);

    clock_utc_write(at, text);
    return text;
}

const char *clock_vietnamese_text(struct arena *arena, usec at)
{
    struct parts p = split(at + VIETNAM_OFFSET);

    return arena_printf(arena, "%02d:%02d ngày %02d/%02d/%04d", p.hour, p.minute, p.day, p.month,
                        p.year);
}
