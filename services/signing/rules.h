/* Pure rules of signing: values in, verdict out; no clock, no database, no network. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/x509.h"
#include "proto/signing.pb-c.h"

/* An order is an item: "<request uuid>/<n>", n from 1. */
struct order_id {
    uint8_t request[16];
    int32_t number;
};

/** False unless the text has exactly this form. */
bool rule_order_id(const char *text, struct order_id *ret_id);
const char *rule_order_text(struct arena *arena, const struct order_id *id);

/** The authorisation inside an event: readable, version 1, about this very item, action "issue".
 *  Nothing is verified. REJECT AUTHORIZATION_INVALID. */
enum rc rule_read_authorization(struct arena *arena, const Trien__ItemAuthorized *item,
                                struct err *err, Trien__Authorization **ret_authorization) MUST_USE;

/** Signed by an enrolled key of the registration authority, and not expired.
 *  REJECT AUTHORIZATION_INVALID. */
enum rc rule_authorization_holds(const struct x509_ring *registration,
                                 const Trien__ItemAuthorized *item,
                                 const Trien__Authorization *authorization, usec now,
                                 struct err *err) MUST_USE;

/** The key is the one that was authorised (REJECT BEYOND_AUTHORIZATION), where a request brought
 * it; and of a kind the profile takes (REJECT KEY_WEAK). */
enum rc rule_key_is_authorized(const Trien__Authorization *authorization,
                               const struct x509_csr *csr, struct err *err) MUST_USE;

/** The station's statement: signed by an enrolled key, about this order, this key, and the device
 * of the authorisation where it names one; made between the authorisation and `now`, give or take
 * RULE_STATION_SKEW, with no field that is not known here. The signer asks the same, but what it
 * refuses is refused for ever: a station whose clock is wrong is told so while the order waits.
 * REJECT STATION_INVALID. */
#define RULE_STATION_SKEW (INT64_C(300) * USEC_PER_SECOND) /* the signer's own, RULES_SKEW */
enum rc rule_station_holds(const struct x509_ring *stations, const char *order_id,
                           const Trien__Authorization *authorization, const struct x509_csr *csr,
                           struct bytes statement, const Trien__KeySignature *station, usec now,
                           struct arena *arena, struct err *err,
                           Trien__DeviceStatement **ret_statement) MUST_USE;

/** The statement is about the device that courier assigned to the order. RETRY NOT_YET while none
 * is assigned, REJECT DEVICE_NOT_THE_ASSIGNED. */
enum rc rule_device_is_assigned(const char *assigned, const Trien__DeviceStatement *statement,
                                struct err *err) MUST_USE;

/** The signed document says what was authorised: the same mapping of common/subscriber.h over the
 *  same row gives the same profile, subject, names, kind of device and key. REJECT
 *  ORDER_NOT_BORNE_OUT with the field. */
enum rc rule_is_borne_out(const json_t *request, const Trien__ItemAuthorized *item,
                          const Trien__Authorization *authorization, struct arena *arena,
                          struct err *err) MUST_USE;

/** A reason for people out of an error: code, field, the registry's texts. In the arena. */
Trien__Reason *rule_reason(struct arena *arena, const struct err *why);

/* What an officer's approval of a responder must be. */
#define RULE_RESPONDER_MAX_DAYS 31u
#define RULE_APPROVAL_MAX_DAYS 1096 /* three years */

/** The approval is readable, version 1, for this key, within the limits above, and not expired.
 *  REJECT MALFORMED, BEYOND_AUTHORIZATION, FIELD_INVALID. */
enum rc rule_approval(struct arena *arena, struct bytes approval, const struct x509_csr *csr,
                      usec now, struct err *err, Trien__ResponderApproval **ret_approval) MUST_USE;
