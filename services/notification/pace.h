/* When a notice may go: caps that protect people, and a pace that gateways and this machine bear.
 * Kept in this process' memory: replicas count by themselves, a restart forgets. */
#pragma once

#include "services/notification/notification.h"

/** The earliest time for one more notice to this recipient by this channel ("email", "sms"): under
 *  notices/cap_per_hour and the channel's own pace. 0: at once. Any thread. */
usec pace_send_at(const struct notification_conf *conf, const char *channel, int64_t recipient_key,
                  usec now);
