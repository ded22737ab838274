/* Events become entries of the journal. */
#pragma once

#include "common/svc.h"
#include "proto/bus.pb-c.h"

/** Appends the events to the journal in their order: entries, contents, the tiles that became
 *  complete, the new head. One row lock, taken late and held to the commit. REJECT JOURNAL_FORKED
 *  when what stands does not bear out the head. */
enum rc journal_append(struct tx *tx, const char *feed, Trien__Event *const *events,
                       size_t count) MUST_USE;
