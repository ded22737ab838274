/* One batch while it is applied; lane_batch.c and lane_event.c among themselves. */
#pragma once

#include "common/lane.h"

/* What became of an event in this transaction. */
enum fate { APPLIED, SKIPPED, BEHIND, LETTER };

struct item {
    Trien__Event *event;
    enum fate fate;
    usec took;
    struct err why; /* of a LETTER */
};

struct batch {
    struct lane *lane;
    struct lane_feed *feed;
    struct item *items;
    size_t count;
    bool guarded;
    const struct on_feed *all; /* the row that takes the whole batch, or NULL */
    Trien__Event **events;     /* of the items */
};

/** Runs one event through its handler in the running transaction, or puts it behind its key's
 *  letter. The handler's outcome; tx->err says why. */
MUST_USE enum rc event_handle(struct batch *batch, struct item *item);

/** The same behind a savepoint: a failure that says something about the event alone makes it a
 *  letter and is RC_OK. */
MUST_USE enum rc event_handle_guarded(struct batch *batch, struct item *item);

/** Queues the event's letter, for the reason in tx->err. */
MUST_USE enum rc event_make_letter(struct batch *batch, struct item *item);

/** The failure came from the handler, not from a statement: a savepoint can undo it. */
bool event_can_be_undone(const struct err *err);

/** After the commit: log lines, metrics, letters noted, keys moved. */
void batch_settle(struct batch *batch, size_t first, size_t count);
