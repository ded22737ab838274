/* signing: makes certificates of authorised items. Its handlers, its configuration, and what one
 * process keeps.
 *
 * An order's way: on_item_authorized() writes it down; prepare_act() looks at the signed document,
 * proves possession of the key, builds and lints the to-be-signed bytes; prepare_done() stores them
 * with serial and key, unique for ever, before sign_act() asks the signer; sign_done() stores the
 * certificate and says so. */
#pragma once

#include "common/document.h"
#include "common/svc.h"
#include "common/x509.h"
#include "proto/courier.pb-c.h"
#include "proto/signing.pb-c.h"
#include "services/signing/issuer.h"
#include "services/signing/look.h"
#include "services/signing/rules.h"
#include "services/signing/store.h"

#define SIGNING_MAX_ISSUERS 8
#define SIGNING_OFFICERS_NEEDED 2u

struct signing_conf {
    const char *trust_dir;        /* anchors/ and intermediates/ of common/trust.h */
    const struct conf_node *crls; /* <name> = "<url>" */
    int64_t crl_timeout_ms;
    const char *ca_dir, *issuer; /* <ca_dir>/<issuer>.pem is the current generation */
    const char *registration_keys, *station_keys, *officer_keys; /* rings, PEM */
    const char *public_url, *policy_oid, *cps_url;
    const char *weak_keys; /* list for x509_weak_list_load(), or "" */
    int64_t serial_prefix;
    struct document_limits gate;
};

/* tx->state and fx->state; read by many threads, changed by none after the start. */
struct signing {
    struct arena *arena;
    struct document_gate *gate;
    struct trust *trust;
    struct look_cache *looks;
    struct x509_enrolled enrolled;
    struct issuer_places places;
    struct issuer issuers[SIGNING_MAX_ISSUERS];
    size_t issuer_count;
    const struct issuer *current; /* signs new certificates */
};

extern const struct state_table signing_states[];

/* --- the process (state.c) ----------------------------------------------------------------------
 */

/** The generation with this id; NULL when it is not known here. */
const struct issuer *signing_issuer(const struct signing *signing, const char *id);

/** Forks the inspector, then reads trust, rings and CA certificates. FATAL KEY_FILE names the file.
 */
enum rc signing_early(const void *own_conf, struct err *err, void **ret_state) MUST_USE;
void signing_late(void *state);

/** Reads the enrolled keys again; on failure those from before go on. */
enum rc signing_reread(const void *own_conf, void *state, struct err *err) MUST_USE;

/** Inspector and issuer, for /healthz. */
bool signing_health(void *state, struct arena *arena, const char **ret_json_members);

/* --- events, timers (handlers.c) ----------------------------------------------------------------
 */

/** ItemAuthorized: one order per item; asks for its preparation, or says that it awaits a key. */
enum rc on_item_authorized(struct tx *tx, const void *in) MUST_USE;

/** DeviceAssigned: the order's key is made on this device and on no other. */
enum rc on_device_assigned(struct tx *tx, const void *in) MUST_USE;

/** Gives up orders whose authorisation expired before a key was made. */
enum rc on_expiry_timer(struct tx *tx) MUST_USE;

/** Makes next months' partitions. */
enum rc on_partition_timer(struct tx *tx) MUST_USE;

/** The order can never be issued: stores why, says IssuanceFailed. Nothing when it has ended. */
enum rc fail_order(struct tx *tx, const char *order_id, const Trien__ItemAuthorized *item,
                   const struct err *why) MUST_USE;

/* --- calls (handlers_call.c, handlers_responder.c)
 * ------------------------------------------------- */

enum rc on_list_work_orders(struct tx *tx, const void *in, void *reply) MUST_USE;
/** SubmitDeviceKey: checks possession, statement and reuse at once; a refusal leaves the order
 *  waiting for a better key. The same statement again gets the same answer. */
enum rc on_submit_device_key(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_find_certificate(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_certificates(struct tx *tx, const void *in, void *reply) MUST_USE;

/** ApproveResponder: records one officer's signature; the second one orders the certificate. */
enum rc on_approve_responder(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_get_responder_certificate(struct tx *tx, const void *in, void *reply) MUST_USE;
/** Orders certificates for approved keys that have none with a third of its life left. */
enum rc on_responder_timer(struct tx *tx) MUST_USE;

/* --- effects (effect_prepare.c, effect_sign.c)
 * -------------------------------------------------------- */

enum rc prepare_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;
enum rc prepare_done(struct tx *tx, const char *key, const void *intent,
                     const void *result) MUST_USE;
enum rc prepare_failed(struct tx *tx, const char *key, const void *intent,
                       const struct err *why) MUST_USE;
enum rc sign_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;
enum rc sign_done(struct tx *tx, const char *key, const void *intent, const void *result) MUST_USE;
enum rc sign_failed(struct tx *tx, const char *key, const void *intent,
                    const struct err *why) MUST_USE;
