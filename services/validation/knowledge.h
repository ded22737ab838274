/* What a process keeps in memory of the registry, so that an examination, which has no database,
 * can judge: the signers that are known, the revocation lists, the calendar. The database's row
 * `knowledge` has the version; decisions compare and load what is new. Nothing decided here is
 * final: a signer that is known must still be a signer of the agency at hand (rules_registry.h). */
#pragma once

#include "common/document.h"
#include "common/svc.h"
#include "common/trust.h"
#include "services/validation/calendar.h"

struct knowledge;

/** Nothing known yet (version 0). The trust outlives it and receives the lists. */
enum rc knowledge_new(struct trust *trust, struct err *err,
                      struct knowledge **ret_knowledge) MUST_USE;
void knowledge_free(struct knowledge **knowledge);

/** The version loaded; 0 before the first knowledge_refresh(). Any thread. */
int64_t knowledge_version(struct knowledge *knowledge);

/** Loads what is new in the database, when its version differs from the one loaded. */
enum rc knowledge_refresh(struct tx *tx, struct knowledge *knowledge) MUST_USE;

/** The calendar in force; NULL when none was loaded. Stays valid for the life of the process. */
const struct calendar *knowledge_calendar(struct knowledge *knowledge);

/** A registered signer of any agency has this certificate. For document_check(); the context is the
 *  knowledge. */
bool knowledge_knows_signer(void *context, const struct document_signature *signer, bool last);

/** How old the lists are. Any thread. */
struct knowledge_crls {
    size_t count;
    size_t stale;      /* nextUpdate is over */
    usec first_to_end; /* the smallest nextUpdate; 0 without lists */
};
struct knowledge_crls knowledge_crls(struct knowledge *knowledge, usec now);

/** A due date passed the last year of the calendar, or: it no longer does. */
void knowledge_set_calendar_short(struct knowledge *knowledge, bool is_short);
bool knowledge_calendar_short(struct knowledge *knowledge);
