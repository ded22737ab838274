/* What courier decides, as pure functions: steps of a device, tracking numbers, what the words of
 * carriers add up to, what a webhook must be. Values in, verdict out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/svc.h"
#include "proto/courier.pb-c.h"
#include "proto/validation.pb-c.h"

extern const struct state_table courier_states[];

/* Decree 68/2024 as provinces apply it: a device is back five working days after the notice. */
#define RECALL_WORKING_DAYS 5u

/* --- devices (rules.c, states.c) -------------------------------------------------------------- */

/** The state a device of `state` is in after the event; NULL when the event may not be. */
const char *rule_device_next(const char *state, const char *event);

/** pki_token, sim_pki: what stock may hold. */
bool rule_is_stock_kind(const char *text);
/** in_person, cipher_organisation, public_post (R06 of the guidance). */
bool rule_is_method(const char *text);

/* A device as a report is held against it. */
struct device_facts {
    const char *state, *organ_id, *certificate_serial; /* NULL where it has none */
};

/** Why the report (form 07, 08) cannot stand, every reason at once, in the arena; *ret_count 0 when
 *  it can. `device` NULL: there is no such device. */
Trien__Reason **rule_report_reasons(struct arena *arena, const Trien__DeviceReported *report,
                                    const struct device_facts *device, size_t *ret_count);

/** The step a form asks for: HandoverReported (07) or ReturnReported (08); NULL for another form.
 */
const char *rule_report_event(const char *form);

/* --- UPU S10 (rules_s10.c) -------------------------------------------------------------------- */

/** The text is a UPU S10-12 identifier: two letters, eight digits, check digit (weights 8 6 4 2 3 5
 *  9 7, modulo 11), two letters of a country. */
bool rule_s10_is_valid(const char *text);
/** Check digit of eight digits, '0'…'9'. */
char rule_s10_check_digit(const char *serial);
/** Valid, of Vietnam, and of a service that is followed: EMS (E), registered (R), parcel (C). */
bool rule_s10_is_ours(const char *text);

/* --- shipments (rules_tracking.c) ------------------------------------------------------------- */

/* In the order of a journey: of two events of one instant the later state counts. */
enum shipment_state {
    SHIPMENT_CREATED,
    SHIPMENT_ACCEPTED,
    SHIPMENT_IN_TRANSIT,
    SHIPMENT_AT_DELIVERY_OFFICE,
    SHIPMENT_OUT_FOR_DELIVERY,
    SHIPMENT_ATTEMPTED,
    SHIPMENT_RETURNING,
    SHIPMENT_LOST,
    SHIPMENT_RETURNED,
    SHIPMENT_DELIVERED,
};

/** "CREATED" … "DELIVERED" */
const char *rule_shipment_state_name(enum shipment_state state);
bool rule_shipment_state_of(const char *name, enum shipment_state *ret_state);

/** What a carrier's code says: EMSEVT V3 of the UPU, and RETURNING, RETURNED, LOST for what EMSEVT
 *  has no code for. False for a code that is not known. */
bool rule_tracking_code(const char *code, enum shipment_state *ret_state);

/* One word about a shipment. */
struct tracking_point {
    enum shipment_state state;
    usec at;          /* when it happened */
    usec recorded_at; /* of a correction: when a person said so; 0: the carrier's */
    const char *place;
};

/** What the words add up to, whatever their order and however often each was said: the last of the
 *  corrections when there is one; else, by the time of the event, the first that is final
 * (DELIVERED, RETURNED), else the last. `start` is what holds without any. */
struct tracking_point rule_fold(const struct tracking_point *points, size_t count,
                                struct tracking_point start);

/* --- webhook (rules_webhook.c) ---------------------------------------------------------------- */

#define WEBHOOK_MAX_BYTES ((size_t)256 * 1024)
#define WEBHOOK_MAX_EVENTS 500
#define WEBHOOK_MAX_PLACE 200 /* characters */

struct webhook_event {
    const char *tracking_number, *code, *place;
    usec at;
};
struct webhook {
    const char *carrier;
    usec sent_at;
    size_t count;
    struct webhook_event *events; /* by number, time, code; none twice */
};

/** Reads a body whose signature was verified. Nothing of it is kept when one event is wrong. REJECT
 *  MALFORMED, FIELD_MISSING, FIELD_INVALID, TRACKING_NUMBER_INVALID, TOO_LARGE with the JSON
 * pointer as field. Texts in the arena. */
enum rc rule_webhook_read(struct arena *arena, struct bytes body, struct err *err,
                          struct webhook *ret_webhook) MUST_USE;

/** The body was sent within `window` of now, and nothing in it happened later than that or longer
 *  than half a year ago. REJECT WEBHOOK_TIME, FIELD_INVALID. */
enum rc rule_webhook_times(const struct webhook *webhook, usec now, usec window,
                           struct err *err) MUST_USE;

/** The 32 bytes of a Trien-Signature header: 64 hexadecimal digits, "sha256=" before them or not.
 */
bool rule_webhook_signature(struct arena *arena, const char *header, struct bytes *ret_mac);
