/* status' decisions: when nothing may be answered, how long an answer lives, when a certificate is
 * renewed, who has to wait, what a file may be called. Pure: values in, verdict out. */
#include "services/status/rules.h"

#include <stdio.h>
#include <string.h>

bool rule_may_answer(struct trust_ages ages)
{
    return ages.synced <= ages.max_synced && ages.feed <= ages.max_feed;
}

struct answer_times rule_answer_times(usec now, usec validity, usec max_age,
                                      usec certificate_not_after)
{
    struct answer_times times;

    times.this_update = now - now % USEC_PER_SECOND;
    times.next_update = times.this_update + validity;
    if (times.next_update > certificate_not_after)
        times.next_update = certificate_not_after - certificate_not_after % USEC_PER_SECOND;
    if (max_age > (times.next_update - times.this_update) / 2)
        max_age = (times.next_update - times.this_update) / 2;
    times.max_age_seconds = max_age / USEC_PER_SECOND;
    times.fresh_until = times.next_update - max_age;
    return times;
}

bool rule_renew(usec now, usec not_before, usec not_after)
{
    return now >= not_before + (not_after - not_before) / 3 * 2;
}

bool rule_take_permit(struct bucket *bucket, double rate, double burst, usec now)
{
    if (now > bucket->refilled_at) {
        bucket->permits += (double)(now - bucket->refilled_at) / (double)USEC_PER_SECOND * rate;
        bucket->refilled_at = now;
    }
    if (bucket->permits > burst)
        bucket->permits = burst;
    if (bucket->permits < 1)
        return false;
    bucket->permits -= 1;
    return true;
}

bool rule_file_name(const char *name, char ret_id[33], const char **ret_suffix)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

    if (length == 0 || length > 32 || name[length] != '.')
        return false;
    memcpy(ret_id, name, length);
    ret_id[length] = 0;
    *ret_suffix = name + length;
    return true;
}

void rule_http_date(usec at, char ret_text[32])
{
    static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    usec utc = at - VIETNAM_OFFSET; /* so that the civil day is the day in UTC */
    civil_day day = clock_civil_day(utc);
    int64_t second = (utc - clock_day_start(day)) / USEC_PER_SECOND;
    int year, month, day_of_month;

    clock_day_parts(day, &year, &month, &day_of_month);
    snprintf(ret_text, 32, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[clock_weekday(day)],
             day_of_month, months[month - 1], year % 10000, (int)(second / 3600),
             (int)(second / 60 % 60), (int)(second % 60));
}
