/* signer: holds the issuing key's token and the journal, and signs what its own rules allow. */
#pragma once

#include "common/conf.h"
#include "common/svc.h"
#include "common/token.h"
#include "proto/signer.pb-c.h"
#include "services/signer/journal.h"
#include "services/signer/rules.h"

#define SIGNER_MAX_ISSUERS 8
#define SIGNER_MAX_CLAIMS 64

/* The service's own configuration; rows in main.c. */
struct signer_conf {
    const char *journal_folder;
    int64_t journal_segment_bytes;
    bool journal_rebuild_index;
    const char *token_module, *token_label, *token_pin, *token_softhsm_config;
    int64_t token_workers, token_sign_timeout_ms, token_start_timeout_ms, token_probe_ms;
    bool token_network;
    const char *ring_registration_authority, *ring_station, *ring_officer;
    const struct conf_node *issuers; /* <key label> = <certificate file> */
};

struct claims; /* orders that a thread is working on */
struct list_streams;

struct signer {
    struct arena *arena; /* of the process */
    struct journal *journal;
    struct token *token;
    struct x509_ca issuers[SIGNER_MAX_ISSUERS];
    size_t issuer_count;
    struct x509_enrolled enrolled;
    struct claims *claims;
    struct list_streams *streams; /* lists that come in parts */
};

/** Forks the token's nursery, loads keys and certificates, opens the journal, starts the threads.
 *  FATAL CONFIG_INVALID (a key enrolled in two roles …), KEY_FILE, JOURNAL_UNWRITABLE. A token that
 *  is not there yet is waited for. */
enum rc signer_open(const struct signer_conf *conf, usec now, struct err *err,
                    struct signer **ret_signer) MUST_USE;
void signer_close(struct signer **signer);

/** Reads the enrolled keys again (SIGHUP). On failure those from before go on: KEY_FILE,
 *  CONFIG_INVALID. */
enum rc signer_reread_keys(struct signer *signer, const struct signer_conf *conf,
                           struct err *err) MUST_USE;

/** One order, from call to answer (sign.c). Any number of threads. Texts and bytes of *ret_reply
 *  live in the arena. REJECT with the rule that refused; ORDER_CONFLICT; RETRY TOKEN_UNAVAILABLE
 *  (the same order may come again); FATAL PIN_REFUSED, JOURNAL_UNWRITABLE. */
enum rc signer_sign(struct signer *signer, const Trien__SignCertificate *order, usec now,
                    struct arena *arena, struct err *err,
                    Trien__SignCertificateReply *ret_reply) MUST_USE;

/** One revocation list, likewise. Its order is issuer and number; a number is signed when the one
 *  before it was (the first is 1), so numbers only grow, over restarts too. ORDER_CONFLICT: the
 *  number has other bytes, or leaves a gap. RETRY NOT_YET: its entries did not come, or a restart
 *  forgot them. */
enum rc signer_sign_list(struct signer *signer, const Trien__SignCrl *call, usec now,
                         struct arena *arena, struct err *err,
                         Trien__SignCrlReply *ret_reply) MUST_USE;

/** Entries of a list that comes in parts (list_stream.h). */
enum rc signer_add_entries(struct signer *signer, const Trien__AddCrlEntries *call, usec now,
                           struct arena *arena, struct err *err,
                           Trien__AddCrlEntriesReply *ret_reply) MUST_USE;

/** The number of the newest list an issuer was asked to sign; 0: none. */
enum rc signer_last_list(struct signer *signer, const char *issuer, struct arena *arena,
                         struct err *err, uint64_t *ret_number) MUST_USE;

/* One thread at a time works on an order (claims.c). */
struct claims *claims_new(struct arena *arena);
void claims_done(struct claims *claims);
/** Waits until nobody works on the order and takes it. */
void claims_take(struct claims *claims, const char *order_id);
void claims_give(struct claims *claims, const char *order_id);

/* handlers.c */
enum rc on_sign_certificate(struct tx *tx, const void *in, void *reply);
enum rc on_sign_crl(struct tx *tx, const void *in, void *reply);
enum rc on_add_crl_entries(struct tx *tx, const void *in, void *reply);
enum rc on_list_issuers(struct tx *tx, const void *in, void *reply);
enum rc signer_early(const void *conf, struct err *err, void **ret_state);
bool signer_health(void *state, struct arena *arena, const char **ret_json_members);
enum rc signer_reread(const void *conf, void *state, struct err *err);
void signer_late(void *state);
