/* status: what the public may know of certificates. Answers OCSP from memory, gives out the
 * authorities' certificates and CRLs, and published certificates. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/svc.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/status.pb-c.h"
#include "services/status/authority.h"
#include "services/status/cache.h"
#include "services/status/list_file.h"
#include "services/status/policies.h"
#include "services/status/responder.h"
#include "services/status/rules.h"

#define STATUS_MAX_CHANGES 4096 /* that one look takes out of memory; more empties it */
#define STATUS_MAX_BLOCKED 256  /* lineages kept in memory; more means asking the database */

/* The service's own configuration; rows in conf.c. Texts live as long as the process. */
struct status_conf {
    const char *ca_directory;
    const char *ca_root, *ca_issuing; /* what the aliases "root" and "issuing" stand for */
    const char *list_folder;
    const char *policies;
    const char *issuers; /* ids of the authorities we answer for, by spaces */

    int64_t validity_ms, max_age_ms, revoked_validity_ms;
    int64_t sync_ms, max_synced_ms, max_feed_ms;
    int64_t cache_answers;
    int64_t signed_per_second;
    int64_t signing_threads;

    struct responder_conf responder;
};

/* What this process knows about how true its memory is. */
struct sync {
    _Atomic usec attempted_at, synced_at; /* monotonic; 0: never */
    _Atomic usec feed_heard_at;           /* wall clock; 0: not known */
    _Atomic(const struct tx *) runner;    /* who looks now */
    int64_t changes_from;                 /* the runner's */
    _Atomic usec
        moved_at;      /* monotonic: a revocation was applied here, its commit may be on its way */
    atomic_uint epoch; /* counted up before changed certificates leave memory */

    pthread_rwlock_t lock; /* of what follows */
    atomic_size_t blocked_count;
    bool blocked_overflow;
    uint64_t blocked[STATUS_MAX_BLOCKED]; /* cache_hash() of lineages with an event not applied */
};

struct status_state {
    const struct status_conf *conf;
    struct arena *arena; /* of the process; written before threads only */
    struct authorities authorities;
    struct policies policies;
    const struct authority *issuers[RESPONDER_MAX_ISSUERS];
    size_t issuer_count;
    struct cache *cache;
    struct responder *responder;
    struct list_files *list_files;
    struct sync sync;
    pthread_mutex_t permits_lock;
    struct bucket permits;
};

extern const struct conf_row status_conf_rows[];
extern const struct state_table status_states[];

enum rc status_early(const void *conf, struct err *err, void **ret_state);
bool status_health(void *state, struct arena *arena, const char **ret_json_members);
void status_late(void *state);

/* --- handlers.c ------------------------------------------------------------------------------- */
enum rc on_certificate_issued(struct tx *tx, const void *in);
/** OCSP says revoked from the commit on. NOT_YET before the certificate was heard of. */
enum rc on_certificate_revoked(struct tx *tx, const void *in);
enum rc on_get_responder_request(struct tx *tx, const void *in, void *reply);

/* --- renewal.c: the responder's certificates -------------------------------------------------- */
/** The newest certificates that any replica was given go into use here. A token that cannot be
 *  asked is no error: nothing changes then. */
enum rc renewal_take_over(struct tx *tx) MUST_USE;
enum rc on_responder_timer(struct tx *tx);
enum rc on_partitions(struct tx *tx);
enum rc act_renewal(struct fx *fx, const void *intent, ProtobufCMessage **ret_result);
enum rc done_renewal(struct tx *tx, const char *key, const void *intent, const void *result);
enum rc failed_renewal(struct tx *tx, const char *key, const void *intent, const struct err *why);

/* --- lists.c: revocation lists -----------------------------------------------------------------
 */
/** Shows operators how old the lists are that the public gets. */
enum rc on_list_figures(struct tx *tx);
/** CrlIssued: asks for the list's bytes. */
enum rc on_crl_issued(struct tx *tx, const void *in) MUST_USE;
/** Gets the list from revocation and checks that it is the issuer's. */
enum rc act_fetch_list(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;
enum rc done_fetch_list(struct tx *tx, const char *key, const void *intent,
                        const void *result) MUST_USE;
enum rc failed_fetch_list(struct tx *tx, const char *key, const void *intent,
                          const struct err *why) MUST_USE;

/* --- sync.c ----------------------------------------------------------------------------------- */

/** Memory and feed are young enough for an answer. */
bool sync_is_trusted(const struct status_state *state, usec now);

/** It is time to look at the database and nobody else does: the caller does, in sync_run(), or
 * gives it up. Everybody else goes on with memory for as long as it is trusted. */
bool sync_claim(struct status_state *state, const struct tx *tx);

/** The caller of sync_claim() cannot look; the next try is after sync/every. */
void sync_give_up(struct status_state *state, const struct tx *tx);

/** Looks at the database: changed certificates leave memory, blocked lineages are noted, fresh
 *  responder certificates taken over. Nothing when the caller has no claim. */
enum rc sync_run(struct tx *tx) MUST_USE;

/** An event about this lineage could not be applied, or that cannot be excluded. */
bool sync_is_blocked(struct status_state *state, uint64_t lineage);

/* --- http_ocsp.c, http_files.c ---------------------------------------------------------------- */
bool hot_ocsp(struct tx *tx, const struct http_request *request, struct http_response *response);
enum rc http_ocsp(struct tx *tx, const struct http_request *request,
                  struct http_response *response);
/** The database is away: what is in memory all the same, or tryLater; malformedRequest for what
 *  cannot be read, internalError else (RFC 6960 2.3). */
void http_ocsp_failed(struct tx *tx, enum rc rc, const struct http_request *request,
                      struct http_response *response);
enum rc http_authority(struct tx *tx, const struct http_request *request,
                       struct http_response *response);
enum rc http_crl(struct tx *tx, const struct http_request *request, struct http_response *response);
enum rc http_certificate(struct tx *tx, const struct http_request *request,
                         struct http_response *response);
enum rc http_policy(struct tx *tx, const struct http_request *request,
                    struct http_response *response);
enum rc http_policies(struct tx *tx, const struct http_request *request,
                      struct http_response *response);
