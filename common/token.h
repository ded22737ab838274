/* The token, kept at arm's length: PKCS#11 modules crash and hang, so they run in worker processes
 * that can be killed and started again.
 *
 *     service ─SEQPACKET── worker 1 (module, session, login)     one request at a time each,
 *            ──SEQPACKET── worker 2                              as many as token/workers
 *            ──SEQPACKET── nursery (forked first, holds nothing; forks the workers)
 *
 * A worker that does not answer in time is killed; the digest goes to another once. A worker that
 * reports a device or session fault ends itself, and a fresh one opens the module anew: nothing is
 * repaired inside a module that misbehaved. A refused PIN ends all tries until somebody replaces
 * the PIN file; workers are started one after the other, so a wrong PIN is tried once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/p11.h"

struct token; /* all workers */

/* A key the workers must have: its label and what its public half must be. */
struct token_key {
    const char *label;
    uint8_t key_sha256[32];
    const char *make_kind; /* NULL: as above. Else any key of that label will do, and one of this
                              kind ("p256") is made when there is none; p11.writable is needed */
};

struct token_config {
    struct p11_config p11; /* texts live as long as the token */
    unsigned workers;
    bool network;                 /* the module may open sockets (network HSM, pcscd) */
    int sign_timeout_ms;          /* for one signature; then the worker is killed */
    int start_timeout_ms;         /* for module, session and login */
    int probe_ms;                 /* an idle worker looks at its session so often */
    const struct token_key *keys; /* looked at in every new worker */
    size_t key_count;
};

/** Forks the nursery. First thing in main: before any thread, ZeroMQ context, or secret.
 *  `token_start` begins the work. FATAL INTERNAL. */
enum rc token_new(const struct token_config *config, struct err *err,
                  struct token **ret_token) MUST_USE;

/** Starts the keeper thread, which starts the workers and replaces dead ones. Does not wait. */
enum rc token_start(struct token *token, struct err *err) MUST_USE;

/** Kills all workers and the nursery. */
void token_free(struct token **token);

/** Signs a SHA-256 digest with the key of this label; waits for a worker for at most
 *  sign_timeout_ms. In the arena. RETRY TOKEN_UNAVAILABLE; FATAL PIN_REFUSED; REJECT TOKEN_REFUSED.
 *  Any number of threads. */
enum rc token_sign(struct token *token, const char *label, const uint8_t digest[32],
                   struct arena *arena, struct err *err, struct bytes *ret_signature) MUST_USE;

/** DER SubjectPublicKeyInfo of the key of this label, in the arena. Otherwise like token_sign(). */
enum rc token_spki(struct token *token, const char *label, struct arena *arena, struct err *err,
                   struct bytes *ret_spki) MUST_USE;

/* For health and metrics. */
struct token_state {
    unsigned workers, ready;
    uint64_t started, killed;
    bool pin_refused;
    struct err why; /* of the last worker that did not start; code 0: none */
};
void token_look(struct token *token, struct token_state *ret_state);

/** Waits until `ready` workers are ready; false after timeout_ms. For tests and tools. */
bool token_wait_ready(struct token *token, unsigned ready, int timeout_ms);

/** Process ids of the workers that are ready, for tests that kill them. Returns how many. */
unsigned token_worker_pids(struct token *token, int *ret_pids, unsigned max);
