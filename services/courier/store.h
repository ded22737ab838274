/* courier's tables, one function per statement of store.sql. Texts that are handed out live as long
 * as the message. "Not found" is a value. */
#pragma once

#include <stdbool.h>

#include "common/svc.h"
#include "services/courier/rules.h"

extern const struct db_statement store_statements[];

/* An order is an item: "<request uuid>/<n>", n from 1. */
struct order_key {
    uint8_t request[16];
    int32_t number;
};

/** REJECT MALFORMED when the text has not exactly this form. */
enum rc store_parse_order(struct tx *tx, const char *order_id, struct order_key *ret_key) MUST_USE;
const char *store_order_text(struct arena *arena, const struct order_key *key);

/* --- devices (store.c) -------------------------------------------------------------------------
 */

struct device_row {
    const char *serial, *kind, *model, *state;
    const char *request_id, *item_id; /* of the order it serves, NULL without */
    const char *certificate_serial;   /* NULL without */
    const char *shipment_id;          /* the last one, NULL without */
    const char *due_on;               /* of a recall, NULL without */
    usec changed_at;
    const char *organ_id, *delivery; /* of the request; NULL while it is not known */
    usec certificate_ended_at;       /* revoked or expired; 0: it still stands */
};

enum rc store_insert_request(struct tx *tx, const char *request_id, const char *organ_id,
                             const char *agency_name, const char *delivery) MUST_USE;

/** *ret_added: how many were not known. */
enum rc store_insert_devices(struct tx *tx, const char *const *serials, const char *const *kinds,
                             const char *const *models, size_t count, size_t *ret_added) MUST_USE;

/** The device of an order, NULL when it has none. */
enum rc store_find_device_of_order(struct tx *tx, const struct order_key *order,
                                   const char **ret_serial) MUST_USE;

/** in_stock → assigned; *ret_serial NULL when none of the kind is in stock. */
enum rc store_assign_device(struct tx *tx, const struct order_key *order, const char *kind, usec at,
                            const char **ret_serial) MUST_USE;

enum rc store_insert_waiting(struct tx *tx, const struct order_key *order, const char *kind,
                             usec since) MUST_USE;
enum rc store_delete_waiting(struct tx *tx, const struct order_key *order) MUST_USE;

struct waiting_row {
    struct order_key order;
    const char *kind;
    usec since;
};
/** Waiting orders of which stock has a device, the longest waiting first; locked. */
enum rc store_list_waiting(struct tx *tx, int limit, struct waiting_row **ret_rows,
                           size_t *ret_count) MUST_USE;

struct figure_row {
    const char *kind;
    int64_t count;
    usec since; /* of the longest waiting one */
};
enum rc store_count_waiting(struct tx *tx, struct figure_row **ret_rows,
                            size_t *ret_count) MUST_USE;
enum rc store_count_stock(struct tx *tx, struct figure_row **ret_rows, size_t *ret_count) MUST_USE;
/** Devices that are lost or destroyed while their certificate still stands. */
enum rc store_count_gone_valid(struct tx *tx, int64_t *ret_count) MUST_USE;
enum rc store_count_overdue(struct tx *tx, int64_t *ret_count) MUST_USE;

/** The devices of these serials that are known, by serial; locked. */
enum rc store_get_devices(struct tx *tx, const char *const *serials, size_t count,
                          struct device_row **ret_rows, size_t *ret_count) MUST_USE;
/** One of them; *ret_row NULL when it is not known. */
enum rc store_get_device(struct tx *tx, const char *serial, struct device_row **ret_row) MUST_USE;
/** The device, or none; not locked: for those who only read. */
enum rc store_find_device(struct tx *tx, const char *serial, struct device_row **ret_rows,
                          size_t *ret_count) MUST_USE;
/** In a state (NULL: any), after a serial; not locked. */
enum rc store_list_devices(struct tx *tx, const char *state, const char *after, int limit,
                           struct device_row **ret_rows, size_t *ret_count) MUST_USE;

/** Devices of a request that may leave, by serial; locked. REJECT MALFORMED. */
enum rc store_list_ready(struct tx *tx, const char *request_id, int limit,
                         const char *const **ret_serials, size_t *ret_count) MUST_USE;
/** How many of them there are now. */
enum rc store_count_ready(struct tx *tx, const char *request_id, size_t *ret_count) MUST_USE;

/* A step of one device. The database refuses what states.c does not have. Queued. */
enum rc store_set_device_state(struct tx *tx, const char *serial, const char *event,
                               const char *state, const char *note) MUST_USE;
enum rc store_set_device_released(struct tx *tx, const char *serial, const char *event) MUST_USE;
enum rc store_set_device_personalised(struct tx *tx, const char *serial,
                                      const char *certificate_serial) MUST_USE;
/** No step: a renewed certificate for the key that is there. */
enum rc store_set_device_certificate(struct tx *tx, const char *serial,
                                     const char *certificate_serial) MUST_USE;
/** A certificate came into the device; remembered for ever. Queued. */
enum rc store_insert_certificate(struct tx *tx, const char *certificate_serial,
                                 const char *device_serial) MUST_USE;
/** Was the certificate ever heard of? */
enum rc store_find_certificate(struct tx *tx, const char *certificate_serial,
                               bool *ret_known) MUST_USE;
/** An emptied device is in stock again, as new. */
enum rc store_set_device_restocked(struct tx *tx, const char *serial, const char *note) MUST_USE;
/** No step: its certificate was revoked or is over, wherever the device is. After the step, if
 * there is one. */
enum rc store_set_device_ended(struct tx *tx, const char *serial) MUST_USE;
enum rc store_set_device_recalled(struct tx *tx, const char *serial, const char *event) MUST_USE;
/** The day by which a device that was recalled at that time is to be back; *ret_set false when that
 * recall is over. */
enum rc store_set_device_due(struct tx *tx, const char *serial, civil_day due_on, usec recalled_at,
                             bool *ret_set) MUST_USE;

struct overdue_row {
    const char *serial, *request_id, *item_id, *due_on;
};
/** Recalled devices that were due before `today` and of which nobody was told; marked as told. */
enum rc store_claim_overdue(struct tx *tx, civil_day today, int limit,
                            struct overdue_row **ret_rows, size_t *ret_count) MUST_USE;

enum rc store_make_partitions(struct tx *tx, int months) MUST_USE;

/* --- shipments (store_shipment.c)
 * ----------------------------------------------------------------- */

struct shipment_row {
    uint8_t id[16];
    const char *shipment_id, *organ_id, *method;
    const char *carrier, *tracking_number; /* NULL unless public_post */
    enum shipment_state state;
    usec moved_at, dispatched_at, changed_at;
    const char *const *serials; /* only of store_list_shipments() */
    size_t serial_count;
};

/** Takes the key for this shipment; *ret_shipment_id is whose it is, *ret_same false when it was
 *  used with another content. RETRY DATABASE_CONFLICT while another call takes it. */
enum rc store_insert_dispatch_key(struct tx *tx, const char *idempotency, const uint8_t sha256[32],
                                  const uint8_t shipment_id[16], const char **ret_shipment_id,
                                  bool *ret_same) MUST_USE;

/** Keeps everybody else from recording a parcel under these numbers, or words about one, until this
 *  transaction ends. Before any row is locked. */
enum rc store_lock_numbers(struct tx *tx, const char *const *numbers, size_t count) MUST_USE;

/** False when the number was another shipment's within twelve months. */
enum rc store_claim_tracking_number(struct tx *tx, const char *tracking_number, const char *carrier,
                                    const uint8_t shipment_id[16], bool *ret_claimed) MUST_USE;

/** Stores a shipment in CREATED with its devices, which are dispatched by it. */
enum rc store_insert_shipment(struct tx *tx, const struct shipment_row *shipment,
                              const char *const *serials, size_t count) MUST_USE;

/** Locked; *ret_row NULL when it is not known. */
enum rc store_get_shipment(struct tx *tx, const char *shipment_id,
                           struct shipment_row **ret_row) MUST_USE;
/** The shipments that these numbers of a carrier stand for; locked. */
enum rc store_list_shipments_of_numbers(struct tx *tx, const char *carrier,
                                        const char *const *numbers, size_t count,
                                        struct shipment_row **ret_rows, size_t *ret_count) MUST_USE;
enum rc store_list_devices_of_shipment(struct tx *tx, const uint8_t shipment_id[16],
                                       struct device_row **ret_rows, size_t *ret_count) MUST_USE;
/** In a state (NULL: any), one (NULL: any), after one (NULL: from the first). */
enum rc store_list_shipments(struct tx *tx, const char *state, const char *one, const char *after,
                             int limit, struct shipment_row **ret_rows, size_t *ret_count) MUST_USE;
/** *ret_recorded_at: the time of this change, greater than those of all before. */
enum rc store_set_shipment_state(struct tx *tx, const uint8_t shipment_id[16],
                                 const struct tracking_point *point,
                                 usec *ret_recorded_at) MUST_USE;

/** Later than every correction before it, whatever point->recorded_at says. The shipment is locked.
 */
enum rc store_insert_correction(struct tx *tx, const uint8_t shipment_id[16],
                                const struct tracking_point *point, const char *note) MUST_USE;

/** Keeps events as they came, under the lock of their numbers; *ret_numbers are the numbers of
 * those that are new, each once, and *ret_new how many events that is. */
enum rc store_insert_events(struct tx *tx, const struct webhook *webhook,
                            const char *const **ret_numbers, size_t *ret_number_count,
                            size_t *ret_new) MUST_USE;

/** What carrier and people said about a shipment: all that rule_fold() asks for. */
enum rc store_list_points(struct tx *tx, const struct shipment_row *shipment,
                          struct tracking_point **ret_points, size_t *ret_count) MUST_USE;
