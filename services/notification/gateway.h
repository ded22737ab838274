/* The SMS gateway's HTTP interface: Kannel's sendsms (Kannel user's guide, "SMS Push requests"). */
#pragma once

#include "services/notification/notification.h"

/** The request's URL with everything escaped; `password` may be "". In the arena; it carries the
 *  password and must not be logged. `receipt_token` NULL asks for no delivery reports. */
const char *gateway_url(struct arena *arena, const struct notification_conf *conf,
                        const char *password, const Trien__SmsDelivery *sms,
                        const char *receipt_token);

/** Hands one message over. GATEWAY_UNAVAILABLE or RECIPIENT_REFUSED when it is not taken. */
enum rc gateway_send(struct fx *fx, const Trien__SmsDelivery *sms) MUST_USE;

/** Receipts are configured: a message that was taken is not delivered yet. */
bool gateway_gives_receipts(const struct notification_conf *conf);
