/* What revocation decides, as pure functions: values in, verdict out; no clock, no database. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "proto/error.pb-c.h"

/** Whether a certificate may be revoked at `now`: NONE, CERTIFICATE_REVOKED or CERTIFICATE_EXPIRED.
 *  `state` is a state of certificate_steps. Its time is over a second after not_after, the last
 *  second of validity (RFC 5280 4.1.2.5). */
Trien__Error rule_may_revoke(const char *state, usec not_after, usec now);

/** The moment of a loss as a list may carry it; 0 (not known) for one that the signer would refuse,
 *  as one such entry would keep every list back: before 1970-01-01T00:00:01Z, or after `now`. */
usec rule_invalidity(usec said, usec now);

/* When an issuer's next list is due. All in microseconds. */
struct list_times {
    usec planned_at; /* of the newest list; 0: there is none */
    usec interval;   /* between two regular lists */
    usec pause;      /* two lists are never closer than this */
    bool unlisted;   /* a revocation is on no list yet */
    bool refused;    /* the newest one was refused: it is no list */
};

/** A list is to be made now: a regular one, the first one, or one for what was revoked meanwhile.
 */
bool rule_list_due(const struct list_times *times, usec now);

/** The shortest time between two lists: `pause` as it was configured, and longer the more bytes the
 *  last one had, so that signing and giving out lists never takes all there is. A revocation after
 *  a quiet time does not wait for it. */
usec rule_pause(usec pause, uint64_t list_bytes);

/* How an issuer's newest list is: not there yet; as it should be; older than its limit; past its
 * nextUpdate, so that nobody may go by it (RFC 5280 5.1.2.5); none may be made, as lists are not
 * known here that were signed. */
enum list_health { LIST_NONE, LIST_FRESH, LIST_OLD, LIST_OVER, LIST_FORGOTTEN };
struct list_watch {
    usec update, until; /* of the newest list; 0: there is none */
    bool forgotten;
};
enum list_health rule_list_health(const struct list_watch *watch, usec limit, usec now);
const char *rule_list_health_name(enum list_health health);

/** nextUpdate of a list of this moment: `lifetime` later, but not beyond the authority's own end;
 *  in whole seconds. */
usec rule_next_update(usec this_update, usec lifetime, usec issuer_not_after);

/** An entry whose certificate ended before this is left out: a regular list after its end has
 *  carried it (RFC 5280 3.3). `previous_update` is thisUpdate of the list before; 0: none, nothing
 *  is left out. */
usec rule_listed_from(usec previous_update);
