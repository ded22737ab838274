/* Criteria of a decision evaluated against the running system: which program answers which
 * criterion, what it looked at, and what is to be said of the others. */
#pragma once

#include "services/trienctl/decision.h"
#include "services/trienctl/trienctl.h"

struct evidence;

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_NOT_APPLICABLE, VERDICT_NOT_YET, VERDICTS };

extern const char *const verdict_names[];    /* "pass", "fail", "not_applicable", "not_yet" */
extern const char *const verdict_names_vi[]; /* "đạt" … */

/* What is said of one criterion. */
struct finding {
    const struct criterion *criterion;
    enum verdict verdict;
    const char *reason_vi; /* why it is not a pass; "" of one */
    json_t *evidence;      /* array of {what, value, at}; owned */
};

/** Notes something that was looked at, with the time. */
void finding_note(struct finding *finding, const char *what, const char *format, ...)
    PRINTF_LIKE(3, 4);

/** The criterion is not kept; several reasons are put together. */
void finding_fail(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);

/** It cannot be judged yet. A failure that was found stays. */
void finding_not_yet(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);

/** finding_fail() when the evidence could not be had: `what` could not be read, and why. */
bool finding_has(struct finding *finding, const char *what, const struct err *why);

/** finding_not_yet() when the journal holds more events than were kept: true when all of them were
 *  looked at. */
bool criteria_journal_is_whole(const struct evidence *evidence, struct finding *finding);

struct findings {
    const struct decision *decision;
    struct finding *rows; /* of every criterion, in the decision's order */
    size_t count, by_verdict[VERDICTS];
};

/** Judges every criterion chosen (NULL: all; the others are left out): by its evaluator, or by the
 *  table of what is not offered, or "not yet". Findings live in ctl_arena(); free with
 *  criteria_free(). */
void criteria_judge(const struct decision *decision, const bool *chosen,
                    const struct evidence *evidence, struct findings *ret_findings);
void criteria_free(struct findings *findings);

/** Reads "16.18-2a,16.*,14.11": ids, items, groups. `chosen` by place. REJECT FIELD_INVALID. */
MUST_USE enum rc criteria_choose(const struct decision *decision, const char *text, struct err *err,
                                 bool *chosen);

/* --- the evaluators, by what they look at; each starts with a pass
 * -------------------------------- */

void judge_repository(const struct evidence *evidence, struct finding *finding);   /* 16.15-3 */
void judge_ca_published(const struct evidence *evidence, struct finding *finding); /* 14.13-1 */
void judge_ca_genuine(const struct evidence *evidence, struct finding *finding);   /* 14.13-2 */

void judge_possession(const struct evidence *evidence, struct finding *finding);  /* 16.14-5 */
void judge_key_lengths(const struct evidence *evidence, struct finding *finding); /* 14.11-2c */
void judge_ca_key_use(const struct evidence *evidence, struct finding *finding);  /* 14.14-3 */

void judge_list_signed(const struct evidence *evidence, struct finding *finding);  /* 16.18-2a */
void judge_list_regular(const struct evidence *evidence, struct finding *finding); /* 16.18-2b */
void judge_list_kept(const struct evidence *evidence, struct finding *finding);    /* 16.18-2c */
void judge_list_cycle(const struct evidence *evidence, struct finding *finding);   /* 16.16-1d */
void judge_formats(const struct evidence *evidence, struct finding *finding);      /* 16.18-3 */

void judge_ocsp_messages(const struct evidence *evidence, struct finding *finding); /* 16.18-4a */
void judge_ocsp_answers(const struct evidence *evidence, struct finding *finding);  /* 16.18-4b */
void judge_ocsp_contents(const struct evidence *evidence, struct finding *finding); /* 16.18-4c */
void judge_ocsp_signed(const struct evidence *evidence, struct finding *finding);   /* 16.18-4d */

void judge_journal(const struct evidence *evidence, struct finding *finding);         /* 13.20-2 */
void judge_revocation_time(const struct evidence *evidence, struct finding *finding); /* 16.16-1c */
