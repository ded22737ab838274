/* What status decides, as pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "services/status/ocsp_answer.h"

/* How old things may be before they are no ground for an answer. All in microseconds. */
struct trust_ages {
    usec synced; /* since this process last looked at the database; INT64_MAX: never */
    usec feed;   /* since the feed was last known to be followed to its end */
    usec max_synced, max_feed;
};

/** An answer may be given at all (fail closed: tryLater otherwise). */
bool rule_may_answer(struct trust_ages ages);

/* Times of an answer that is signed now. */
struct answer_times {
    usec this_update, next_update;
    usec fresh_until; /* no longer given out from memory after */
    int64_t max_age_seconds;
};

/** this_update is `now` in whole seconds, next_update at most `validity` later and never beyond the
 *  responder's certificate. A proxy may keep it for max_age; we stop giving it out that long before
 *  next_update, so no proxy ever holds an outdated one. */
struct answer_times rule_answer_times(usec now, usec validity, usec max_age,
                                      usec certificate_not_after);

/** The responder's certificate is to be renewed: two thirds of its life are over. */
bool rule_renew(usec now, usec not_before, usec not_after);

/* A bucket of permits; refilled as time passes. */
struct bucket {
    double permits;
    usec refilled_at;
};

/** Takes one permit at `now`; false when there is none. `rate` permits come back each second, up to
 *  `burst`. */
bool rule_take_permit(struct bucket *bucket, double rate, double burst, usec now);

/** "issuing1.cer" → id "issuing1", suffix ".cer". Ids are lower-case letters, digits, '-' and '_'.
 *  False when the name is anything else. */
bool rule_file_name(const char *name, char ret_id[33], const char **ret_suffix);

/** "Sun, 22 Nov 2026 03:15:02 GMT" (RFC 9110 5.6.7). */
void rule_http_date(usec at, char ret_text[32]);
