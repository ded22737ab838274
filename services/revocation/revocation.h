/* revocation: owns the status of every certificate and the lists that say so. Its handlers, its
 * configuration, and what one process keeps.
 *
 * A revocation's way: an event or an officer's call changes the state and says so, and nothing else
 * is waited for. A timer sees that a list is due, writes the next one down complete, and an effect
 * has it signed; a list that cannot be signed holds up no revocation. */
#pragma once

#include <stdatomic.h>

#include "common/svc.h"
#include "common/x509_ca.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"
#include "services/revocation/rules.h"
#include "services/revocation/store.h"

#define REVOCATION_MAX_ISSUERS 8

struct revocation_conf {
    const char *ca_dir; /* issuing1.pem, issuing2.pem …; every one gets lists */
    int64_t interval_ms, lifetime_ms, pause_ms;
    int64_t officer_hourly; /* an officer revokes no more within an hour */
};

/* Where an issuer's lists stood when this process looked last; only the replica whose timers run
 * looks. */
struct watch {
    atomic_llong seen_at; /* 0: never */
    atomic_llong issued_update, issued_until;
    atomic_ullong behind;
};

/* tx->state and fx->state; read by many threads, changed by none after the start but for `turn`. */
struct revocation {
    struct arena *arena;
    struct x509_ca issuers[REVOCATION_MAX_ISSUERS];
    size_t issuer_count; /* one at least */
    struct watch watch[REVOCATION_MAX_ISSUERS];
    usec list_limit;    /* a newest list that is older is too old */
    atomic_size_t turn; /* of the timer: whose list it looks after next */
};

extern const struct state_table revocation_states[];

/* --- the process (state.c) ----------------------------------------------------------------------
 */

/** Reads the CA certificates. FATAL KEY_FILE: none, or one that may not sign lists. */
enum rc revocation_early(const void *own_conf, struct err *err, void **ret_state) MUST_USE;
void revocation_late(void *state);

/** Notes where the issuer's lists stand, for /healthz. */
void watch_set(struct watch *watch, const struct issuer_row *row, usec now);
/** "lists": per issuer the age of the newest list; `ok` false when one is older than two intervals.
 *  Unhealthy once one is over, or when none may be made: then people are needed. */
bool revocation_health(void *state, struct arena *arena, const char **ret_json_members);

/* --- events, timers (handlers.c) ----------------------------------------------------------------
 */

/** CertificateIssued: the certificate is valid from now on. */
enum rc on_certificate_issued(struct tx *tx, const void *in) MUST_USE;

/** RevocationAuthorized: CertificateRevoked, or RevocationRefused with the reason. NOT_YET before
 *  the certificate was heard of. */
enum rc on_revocation_authorized(struct tx *tx, const void *in) MUST_USE;

/** CertificateExpired for every certificate whose time is over: a batch, and at once the next one
 *  while batches are full. */
enum rc on_expiry_timer(struct tx *tx) MUST_USE;

/** Makes next months' partitions. */
enum rc on_partition_timer(struct tx *tx) MUST_USE;

/** What a revocation is done with. */
struct revocation_order {
    const char *cause;
    uint32_t reason;
    usec invalidity_at;               /* 0: not known */
    const char *request_id, *item_id; /* NULL: an officer did it */
    const char *principal, *note;     /* NULL: a request did it */
};

/** The certificate is revoked now: state and CertificateRevoked. It must be valid. */
enum rc revoke(struct tx *tx, const struct certificate_row *certificate,
               const struct revocation_order *order) MUST_USE;

/* --- calls (handlers_call.c) --------------------------------------------------------------------
 */

/** RevokeCertificate: an officer, day and night. The same serial again answers with what stands.
 *  REJECT CERTIFICATE_UNKNOWN, CERTIFICATE_EXPIRED, CAUSE_INVALID, FIELD_INVALID,
 *  OFFICER_LIMIT beyond officer/hourly: a stolen officer's key does not end every certificate. */
enum rc on_revoke_certificate(struct tx *tx, const void *in, void *reply) MUST_USE;
/** AcceptLists: an officer vouches that no revocation is missing; lists go on. REJECT WRONG_STATE.
 */
enum rc on_accept_lists(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_get_certificate_status(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_get_crl(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_revocation_lists(struct tx *tx, const void *in, void *reply) MUST_USE;
/** The service asks itself, as an effect has no database: entries of the list being signed. */
enum rc on_get_crl_entries(struct tx *tx, const void *in, void *reply) MUST_USE;

/* --- lists (lists.c, effect_list.c)
 * ---------------------------------------------------------------
 */

/** For one issuer after the other: a list that is due is written down and its signing asked for.
 * Metrics. */
enum rc on_list_timer(struct tx *tx) MUST_USE;

/** Brings the pages of the issuer's lists up to what list ret_list->number of ret_list->issuer is
 * to say: some tens of thousands of revocations that are on no list, all that ended long enough
 * ago. Memory is bounded whatever the number of entries. Sets entries and entries_bytes. (pages.c)
 */
enum rc pages_write(struct tx *tx, const struct issuer_row *row,
                    struct list_row *ret_list) MUST_USE;

/** Has the list signed: its entries go to the signer part by part, and the signature is believed
 *  when it verifies over what was sent. RETRY while the signer is away. */
enum rc sign_list_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;
/** Stores the list and says CrlIssued. */
enum rc sign_list_done(struct tx *tx, const char *key, const void *intent,
                       const void *result) MUST_USE;
/** The signer will not sign it: another is made, with the number that the signer wants. */
enum rc sign_list_failed(struct tx *tx, const char *key, const void *intent,
                         const struct err *why) MUST_USE;

enum rc ask_number_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;
enum rc ask_number_done(struct tx *tx, const char *key, const void *intent,
                        const void *result) MUST_USE;
enum rc ask_number_failed(struct tx *tx, const char *key, const void *intent,
                          const struct err *why) MUST_USE;
