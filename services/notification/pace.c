/* The memory behind the pace: one bucket per channel, and a small table of recipients who were
 * written to lately. When it is full the one who has waited longest is forgotten. It never refuses
 * a notice and never blocks. */
#include "services/notification/pace.h"

#include <pthread.h>
#include <string.h>

#include "services/notification/rules.h"

#define SETS 1024
#define WAYS 8
#define TICK (USEC_PER_SECOND / 4) /* notices that wait go together: fewer transactions */

static struct recipient {
    int64_t key;
    usec pace;
} recipients[SETS][WAYS];
static usec channels[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The recipient's bucket, or an old one's for reuse. Lock held. */
static usec *bucket_of(int64_t key)
{
    struct recipient *set = recipients[(uint64_t)key % SETS], *oldest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i].pace;
        if (set[i].pace < oldest->pace)
            oldest = &set[i];
    }
    *oldest = (struct recipient){key, 0};
    return &oldest->pace;
}

usec pace_send_at(const struct notification_conf *conf, const char *channel, int64_t recipient_key,
                  usec now)
{
    size_t sms = strcmp(channel, "sms") == 0;
    int64_t rate = sms ? conf->sms_per_second : conf->email_per_second;
    usec at = now, at_channel = now;

    pthread_mutex_lock(&lock);
    if (conf->cap_per_hour)
        at = rule_pace(bucket_of(recipient_key ^ (int64_t)sms), now,
                       3600 * USEC_PER_SECOND / conf->cap_per_hour, conf->cap_per_hour);
    if (rate)
        at_channel = rule_pace(&channels[sms], now, USEC_PER_SECOND / rate, rate);
    pthread_mutex_unlock(&lock);
    at = at > at_channel ? at : at_channel;
    return at > now ? (at / TICK + 1) * TICK : 0;
}
