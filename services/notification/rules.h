/* What notification decides, as pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"

/** "+84" and nine digits when the text is a Vietnamese mobile number (numbering plan of 2018:
 *  prefixes 3 5 7 8 9), in any of the ways people write it; NULL for landlines and anything else.
 */
const char *rule_mobile(struct arena *arena, const char *text);

/** The address may stand in a mail's header and envelope: ASCII, one '@', a dotted domain, 254
 *  characters at most, none that means something to a mail program. */
bool rule_email_usable(const char *address);

/** "vanthu@example.gov.vn" → "v…u@example.gov.vn"; "" for "". */
const char *rule_mask_email(struct arena *arena, const char *address);

/** "+84912345678" → "+84…678"; "" for "". */
const char *rule_mask_mobile(struct arena *arena, const char *mobile);

/** Stands for an address where the address itself must not: first 8 bytes of its SHA-256. */
int64_t rule_recipient_key(const char *address);

/** When the next one may go, if `burst` may go at once and then one every `interval` (a leaky
 * bucket: *pace is its whole memory, 0 at first). Counts it as gone. */
usec rule_pace(usec *pace, usec now, usec interval, int64_t burst);

/** The digest goes out now: every item has ended. (Before that it goes out by its time only.) */
bool rule_digest_is_due(int64_t items, int64_t ended);

enum receipt_meaning { RECEIPT_UNDERWAY, RECEIPT_DELIVERED, RECEIPT_FAILED, RECEIPT_NONSENSE };

/** A delivery report's bit (Kannel user's guide, "delivery reports"): 1 delivered, 2 failed, 4
 * queued, 8 accepted by the network, 16 rejected by it. */
enum receipt_meaning rule_receipt(const char *status);

enum gateway_answer { GATEWAY_TOOK_IT, GATEWAY_LATER, GATEWAY_REFUSED };

/** sendsms' answer: 202 with "0: Accepted for delivery" or "3: Queued for later delivery" is a yes;
 *  401, 403, 404, 408, 429 and 5xx may pass (our credentials or their trouble); other 4xx are about
 *  this message. */
enum gateway_answer rule_gateway_answer(int status, struct bytes body);

/* The parts of a notice id "<request id>-<template>-<number>". */
struct notice_name {
    const char *request_id, *template_name;
    int64_t number;
};
const char *rule_notice_id(struct arena *arena, struct notice_name name);
/** False unless the text is a notice id. */
bool rule_notice_id_parse(struct arena *arena, const char *text, struct notice_name *ret_name);
