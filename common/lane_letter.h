/* Dead letters; lane_letter.c and lane_retry.c among themselves. */
#pragma once

#include "common/lane.h"

/** Counts an event that became a letter: state "parked" or "dead", and why. */
void letters_count(const struct lane_feed *feed, const char *state, const struct err *why);

/** Where the entry of a key stands or would stand. */
struct blocked **letters_place(const struct letters *letters, const struct lane_feed *feed,
                               const char *key);
/** The entry of a key, made when it is not there. */
struct blocked *letters_blocked(struct letters *letters, const struct lane_feed *feed,
                                const char *key, unsigned partition);
void letters_unblock(struct letters *letters, struct blocked **at);
/** Monotonic time of the next try. */
void letters_set_due(struct letters *letters, struct blocked *b, usec due);

/** Tried again by itself? What waits for something else (NOT_YET) waits as long as it takes; what
 *  merely fails does so a limited number of times; a refusal is for people. */
bool letters_parks(const struct lane *lane, const struct err *why, unsigned attempts);
/** Pause before the next try, growing. */
usec letters_retry_after(unsigned attempts);
/** "code: detail native", for the table. */
const char *letters_describe(struct arena *arena, const struct err *why);
