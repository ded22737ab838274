/* courier: key devices, their shipments, in whose hand they are. Its configuration, its handlers
 * and what one process keeps. The tables that name them are in main.c. */
#pragma once

#include <stdatomic.h>

#include "common/secret.h"
#include "common/svc.h"
#include "proto/courier.pb-c.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"
#include "services/courier/rules.h"
#include "services/courier/store.h"

#define COURIER_MAX_CARRIERS 16
#define DISPATCH_MAX_DEVICES 200
#define PARTITION_MONTHS_AHEAD 3

struct courier_conf {
    const struct conf_node *carriers; /* <id> / name, secret_file, previous_secret_file */
    int64_t webhook_window_ms;
};

/* One carrier whose webhook is heard. */
struct carrier {
    const char *id, *name;
    struct secret *secret, *previous; /* previous: while the carrier changes over, else NULL */
};

/* tx->state; the carriers are read by many threads and changed by none after the start. */
struct courier {
    struct carrier carriers[COURIER_MAX_CARRIERS];
    size_t carrier_count;
    atomic_llong waiting_orders; /* as the timer last saw it, for /healthz */
};

/* --- the process (carriers.c) -------------------------------------------------------------------
 */

/** Loads the carriers' secrets into locked memory. CONFIG_INVALID, KEY_FILE. */
enum rc courier_early(const void *conf, struct err *err, void **ret_state) MUST_USE;
void courier_late(void *state);
/** How many orders wait for a device; never unhealthy: orders that wait are no fault of the
 * process. */
bool courier_health(void *state, struct arena *arena, const char **ret_json_members);

/** The carrier with this id; with NULL the only one there is. NULL when there is none. */
const struct carrier *courier_carrier(const struct courier *courier, const char *id);

/** The carrier whose secret made this HMAC-SHA-256 over the body, or NULL. Every secret is tried.
 */
const struct carrier *courier_signer_of(const struct courier *courier, struct bytes body,
                                        struct bytes mac);

/* --- events (handlers.c, handlers_report.c) ----------------------------------------------------
 */
enum rc on_request_accepted(struct tx *tx, const void *in) MUST_USE;
/** KeyAwaited: a device from stock, or the order waits for one. */
enum rc on_key_awaited(struct tx *tx, const void *in) MUST_USE;
enum rc on_certificate_issued(struct tx *tx, const void *in) MUST_USE;
enum rc on_issuance_failed(struct tx *tx, const void *in) MUST_USE;
enum rc on_certificate_revoked(struct tx *tx, const void *in) MUST_USE;
enum rc on_certificate_expired(struct tx *tx, const void *in) MUST_USE;
/** DeviceReported: forms 07 and 08, against what the device's state allows. */
enum rc on_device_reported(struct tx *tx, const void *in) MUST_USE;

/* --- calls (handlers_stock.c, handlers_call.c, handlers_dispatch.c) ----------------------------
 */
enum rc on_add_devices(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_retire_device(struct tx *tx, const void *in, void *reply) MUST_USE;
/** The way back into stock: emptied by the station, then seen by an officer. Said again, each
 *  answers with what stands. */
enum rc on_initialise_device(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_check_device(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_devices(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_shipments(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_list_carriers(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_dispatch_devices(struct tx *tx, const void *in, void *reply) MUST_USE;
enum rc on_record_delivery(struct tx *tx, const void *in, void *reply) MUST_USE;

/* --- webhook (handlers_tracking.c) --------------------------------------------------------------
 */
enum rc http_tracking_events(struct tx *tx, const struct http_request *request,
                             struct http_response *response) MUST_USE;

/* --- timers (timers.c) --------------------------------------------------------------------------
 */
/** Orders that waited get devices that came. */
enum rc on_stock_timer(struct tx *tx) MUST_USE;
enum rc on_overdue_timer(struct tx *tx) MUST_USE;
enum rc on_figures_timer(struct tx *tx) MUST_USE;
enum rc on_partition_timer(struct tx *tx) MUST_USE;

/** The device is to come back: state and the effect that has its day counted. `request_id` is the
 *  revocation's, NULL when none is known. */
enum rc recall_device(struct tx *tx, const struct device_row *device, const char *event,
                      const char *request_id) MUST_USE;

/** A device of the kind for the order, and DeviceAssigned; *ret_assigned false when none is there.
 *  Of two assignments of an order signing takes the later one: this one's time lies after
 *  `waiting->since`. */
enum rc assign_device(struct tx *tx, const struct waiting_row *waiting,
                      bool *ret_assigned) MUST_USE;

/* --- effect `recall` (effect_recall.c) -----------------------------------------------------------
 */
enum rc recall_act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result) MUST_USE;
enum rc recall_done(struct tx *tx, const char *key, const void *intent,
                    const void *result) MUST_USE;
enum rc recall_failed(struct tx *tx, const char *key, const void *intent,
                      const struct err *why) MUST_USE;

/* --- shipments (shipment.c)
 * ----------------------------------------------------------------------- */

/** Folds all that is known of a locked shipment into its state; when that changed, stores it, takes
 *  its devices along and says so. */
enum rc shipment_refold(struct tx *tx, struct shipment_row *shipment) MUST_USE;

/** DeviceLost, for a device whose request is known. `request_id` may be NULL. */
enum rc say_device_lost(struct tx *tx, const struct device_row *device,
                        const char *request_id) MUST_USE;
