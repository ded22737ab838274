/* revocation's decisions. Pure. */
#include "services/revocation/rules.h"

#include <string.h>

/* Clocks of replicas may differ: an entry that a list may just have missed stays on the next. */
#define LIST_MARGIN (INT64_C(3600) * USEC_PER_SECOND)

/* A list of a million entries, some 50 MB, is followed by the next after half a minute. */
#define LIST_BYTES_PER_SECOND ((uint64_t)2 * 1024 * 1024)

Trien__Error rule_may_revoke(const char *state, usec not_after, usec now)
{
    if (strcmp(state, "revoked") == 0)
        return TRIEN__ERROR__CERTIFICATE_REVOKED;
    if (strcmp(state, "expired") == 0 || now >= not_after + USEC_PER_SECOND)
        return TRIEN__ERROR__CERTIFICATE_EXPIRED;
    return TRIEN__ERROR__NONE;
}

usec rule_invalidity(usec said, usec now)
{
    return said >= USEC_PER_SECOND && said <= now ? said : 0;
}

bool rule_list_due(const struct list_times *times, usec now)
{
    if (times->planned_at == 0)
        return true;
    return now >= times->planned_at + times->interval ||
           ((times->unlisted || times->refused) && now >= times->planned_at + times->pause);
}

usec rule_pause(usec pause, uint64_t list_bytes)
{
    return pause + (usec)(list_bytes / LIST_BYTES_PER_SECOND) * USEC_PER_SECOND;
}

enum list_health rule_list_health(const struct list_watch *watch, usec limit, usec now)
{
    if (watch->forgotten)
        return LIST_FORGOTTEN;
    if (!watch->update)
        return LIST_NONE;
    if (now >= watch->until)
        return LIST_OVER;
    return now - watch->update > limit ? LIST_OLD : LIST_FRESH;
}

const char *rule_list_health_name(enum list_health health)
{
    static const char *const names[] = {"none", "fresh", "old", "over", "forgotten"};

    return names[health];
}

usec rule_next_update(usec this_update, usec lifetime, usec issuer_not_after)
{
    usec next =
        this_update + lifetime < issuer_not_after ? this_update + lifetime : issuer_not_after;

    return next - next % USEC_PER_SECOND;
}

usec rule_listed_from(usec previous_update)
{
    return previous_update > LIST_MARGIN ? previous_update - LIST_MARGIN : 0;
}
