/* validation: decides requests. Its handlers, its configuration, and what one process keeps.
 *
 * A request's way: on_request_submitted() writes it down and asks for its examination;
 * examine_act() fetches the document, passes it through the gate and applies the pure rules;
 * examine_done() adds what the registry knows and decides. */
#pragma once

#include "common/document.h"
#include "common/svc.h"
#include "common/x509.h"
#include "proto/validation.pb-c.h"
#include "services/validation/forms.h"
#include "services/validation/knowledge.h"
#include "services/validation/reasons.h"
#include "services/validation/store.h"

struct validation_conf {
    const char *trust_dir;        /* anchors/ and intermediates/ of common/trust.h */
    const char *registration_key; /* P-256, PEM */
    const char *official_mail_domains;
    const struct conf_node *crls; /* <name> = "<url>" */
    int64_t crl_period_ms, crl_retry_ms, crl_timeout_ms;
    int64_t validity_days, authorization_days;
    const char *review_forms; /* codes between spaces */
    struct document_limits gate;
};

/* tx->state and fx->state. */
struct validation {
    struct document_gate *gate;
    struct trust *trust;
    struct x509_key *registration_key;
    struct knowledge *knowledge;
};

extern const struct state_table validation_states[];

/* --- requests (handlers.c, effect_examine.c, decide.c, authorize.c) ------------------------------
 */

/** RequestSubmitted: writes the request down and asks for its examination. */
enum rc on_request_submitted(struct tx *tx, const void *in) MUST_USE;

/** Fetches the document from intake, judges it, applies every pure rule. RETRY while intake or the
 *  inspector is away. With nothing known yet it judges nothing and says so (knowledge 0). */
enum rc examine_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;

/** Decides, or lets the request wait for a revocation list, or has it examined again when more is
 *  known now than it was judged with. */
enum rc examine_done(struct tx *tx, const char *key, const void *intent,
                     const void *result) MUST_USE;

/** The document can never be examined: refuses the request for that. */
enum rc examine_failed(struct tx *tx, const char *key, const void *intent,
                       const struct err *why) MUST_USE;

/** Asks for an examination, not before `pause` is over; `round` is 1 for the first. */
enum rc examine_ask(struct tx *tx, const Trien__ExamineDocument *request, usec pause) MUST_USE;

/** RequestWaiting with this code; `issuer` is the authority whose list is awaited, or "". */
enum rc examine_say_waiting(struct tx *tx, const Trien__ExamineDocument *request, Trien__Error code,
                            const char *issuer) MUST_USE;

/** Fetches a part and passes it through the gate, as of the receipt. */
enum rc examine_check(struct fx *fx, const Trien__ExamineDocument *request, uint32_t part,
                      struct document_report *ret_report) MUST_USE;

/** What the rules know besides the request. */
struct rule_context examine_context(struct fx *fx, const Trien__ExamineDocument *request,
                                    bool enclosed);

/** The signers without time stamps, in the order of the file. */
void examine_pack_signers(struct arena *arena, const struct document_report *report,
                          size_t *ret_count, Trien__ExaminedSigner ***ret_signers);

/** The lists that judging waits for. */
void examine_pack_needs(struct arena *arena, const struct document_report *report,
                        Trien__ExaminedDocument *examined);

/** Looks at the attachments when a row rests on one; a list that one of them waits for makes the
 *  whole document wait. effect_enclosed.c. */
enum rc examine_enclosures(struct fx *fx, const Trien__ExamineDocument *request,
                           Trien__ExaminedDocument *examined) MUST_USE;

/** Stores the acceptance, says RequestAccepted and one ItemAuthorized per item. */
enum rc decide_accept(struct tx *tx, const Trien__ExamineDocument *request,
                      const Trien__ExaminedDocument *examined, const struct facts *facts) MUST_USE;

/** Stores the refusal and says RequestRejected with every reason. `facts` may be NULL. */
enum rc decide_reject(struct tx *tx, const Trien__ExamineDocument *request,
                      const Trien__ExaminedDocument *examined, const struct facts *facts,
                      struct reasons *reasons) MUST_USE;

/** Says ItemAuthorized for items[row]: the authorisation's bytes, signed once; or what else the
 *  form's purpose asks for. */
enum rc authorize_item(struct tx *tx, const Trien__ExamineDocument *request,
                       const Trien__ExaminedDocument *examined, size_t row) MUST_USE;

/* --- the registry of certificates (handlers_certificates.c)
 * ------------------------------------------
 */

/** CertificateIssued: the certificate is its request's agency's. */
enum rc on_certificate_issued(struct tx *tx, const void *in) MUST_USE;
/** CertificateRevoked, CertificateExpired: its state; NOT_YET before it was issued. */
enum rc on_certificate_revoked(struct tx *tx, const void *in) MUST_USE;
enum rc on_certificate_expired(struct tx *tx, const void *in) MUST_USE;

/* --- revocation lists (effect_crl.c)
 * ----------------------------------------------------------------
 */

/** Fetches a list and checks it (common/trust.h). */
enum rc fetch_crl_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;

/** Stores the list when it is newer and its number did not go back; wakes who waits for it. */
enum rc fetch_crl_done(struct tx *tx, const char *key, const void *intent,
                       const void *result) MUST_USE;

/** Notes why a list could not be had; the timer tries again. */
enum rc fetch_crl_failed(struct tx *tx, const char *key, const void *intent,
                         const struct err *why) MUST_USE;

/** Asks for the lists that are due, wakes who waits for one that is there, loads what is new, keeps
 *  the metrics. */
enum rc on_crl_timer(struct tx *tx) MUST_USE;

/** Has the requests examined again that were judged with older lists than there are now. */
enum rc wake_waiting(struct tx *tx) MUST_USE;

/** Makes next months' partitions. */
enum rc on_partition_timer(struct tx *tx) MUST_USE;

/* --- alarms (effect_alarm.c)
 * ------------------------------------------------------------------------
 */

/** The calendar ends before a due date: metric at once, one log line per calendar and year. */
enum rc alarm_calendar_ends(struct tx *tx, const char *calendar_version, civil_day due_on) MUST_USE;

/** A list that judging needs is over: one log line per list. */
enum rc alarm_list_stale(struct tx *tx, const struct crl_listed *list) MUST_USE;

/** Writes the alarm's log line. */
enum rc raise_alarm_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;
enum rc raise_alarm_done(struct tx *tx, const char *key, const void *intent,
                         const void *result) MUST_USE;
enum rc raise_alarm_failed(struct tx *tx, const char *key, const void *intent,
                           const struct err *why) MUST_USE;

/* --- calls of the operator (handlers_call.c)
 * --------------------------------------------------------
 */

/** PutAgency: new, or replaces name, province, validity and contacts; adds signers. */
enum rc on_put_agency(struct tx *tx, const void *in, void *reply) MUST_USE;
/** WithdrawSigner: NOT_FOUND when the agency has no such signer; again is no error and no event. */
enum rc on_withdraw_signer(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_agencies(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_put_calendar(struct tx *tx, const void *in, void *reply) MUST_USE;
/** CountWorkingDays: by the calendar in force. */
enum rc on_count_working_days(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_crls(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_reviews(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_decide_review(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_forms(struct tx *tx, const void *in, void *reply) MUST_USE;
