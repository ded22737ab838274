/* audit: the tamper-evident journal of everything the services say. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/svc.h"
#include "proto/audit.pb-c.h"
#include "services/audit/journal_key.h"

#define AUDIT_PAGE_ENTRIES 256
#define AUDIT_PAGE_CHECKPOINTS 1000
#define AUDIT_PAGE_BYTES ((size_t)1024 * 1024) /* a page ends after the row that goes beyond */

/* The service's own configuration; rows in conf.c. Texts live as long as the process. */
struct audit_conf {
    const char *origin;
    int64_t every_ms, every_entries;
    const char *directory;    /* of the daily files */
    const char *officer_keys; /* PEM file; "": nobody begins a new journal here */
    struct journal_key_conf key;
};

struct audit_state {
    const struct audit_conf *conf;
    struct journal_key *key;
    int folder;                  /* descriptor of conf->directory */
    _Atomic uint64_t known_size; /* entries that this process has seen to be there */
    _Atomic unsigned number;     /* of the journal; 0 until it was looked at */
    atomic_bool compared;        /* the journal with what was signed, since this process began */
    pthread_mutex_t lock;
    char alarm[512]; /* why nothing is signed or appended; "" when all is well */
};

extern const struct conf_row audit_conf_rows[];
extern const struct state_table audit_states[];

enum rc audit_early(const void *conf, struct err *err, void **ret_state);
bool audit_health(void *state, struct arena *arena, const char **ret_json_members);
void audit_late(void *state);

/** The journal is not what it was (`why`), or is again (NULL): kept for /healthz and the metric
 * trien_journal_alarm, logged when it changes. From any thread. */
void audit_alarm(struct audit_state *state, const struct err *why);

/* --- handlers.c ------------------------------------------------------------------------------- */
enum rc on_feed(struct tx *tx, struct Trien__Event *const *events, size_t count);
enum rc on_list_journal(struct tx *tx, const void *in, void *reply);
enum rc on_list_checkpoints(struct tx *tx, const void *in, void *reply);
enum rc on_get_checkpoint(struct tx *tx, const void *in, void *reply);
enum rc on_partitions(struct tx *tx);

/* --- sign.c: checkpoints ---------------------------------------------------------------------- */
enum rc on_checkpoint_timer(struct tx *tx);
enum rc act_checkpoint(struct fx *fx, const void *intent, ProtobufCMessage **ret_result);
enum rc done_checkpoint(struct tx *tx, const char *key, const void *intent, const void *result);

/* --- begin.c: a new journal after one that lost its end ----------------------------------------
 */
enum rc on_get_journal_break(struct tx *tx, const void *in, void *reply);
enum rc on_begin_journal(struct tx *tx, const void *in, void *reply);

/* --- http.c: proofs --------------------------------------------------------------------------- */
enum rc http_checkpoint(struct tx *tx, const struct http_request *request,
                        struct http_response *response);
enum rc http_entries(struct tx *tx, const struct http_request *request,
                     struct http_response *response);
enum rc http_inclusion(struct tx *tx, const struct http_request *request,
                       struct http_response *response);
enum rc http_consistency(struct tx *tx, const struct http_request *request,
                         struct http_response *response);
