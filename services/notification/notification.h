/* notification: tells the managing agency, by e-mail and SMS, that its request was accepted or
 * rejected and how it ended. A notice that cannot be sent never blocks anything else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"
#include "common/svc.h"
#include "proto/courier.pb-c.h"
#include "proto/notification.pb-c.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"

/* The service's own configuration; rows in main.c. Texts live as long as the process. */
struct notification_conf {
    const char *authority;    /* who writes, in the texts */
    const char *contact_line; /* last paragraph of every mail, or "" */

    const char *email_transport; /* file, smtp */
    const char *email_directory;
    const char *email_from, *email_from_name;
    const char *smtp_url, *smtp_user, *smtp_password_file, *smtp_ca_file, *smtp_tls;
    int64_t smtp_timeout_ms;

    const char *sms_transport; /* file, gateway */
    const char *sms_directory;
    const char *sms_sender;
    const char *gateway_url, *gateway_user, *gateway_password_file, *gateway_ca_file;
    int64_t gateway_timeout_ms;
    const char *receipt_url; /* our own door as the gateway reaches it; "": no receipts */
    const char *receipt_secret_file;
    int64_t receipt_wait_ms;

    int64_t cap_per_hour; /* notices to one recipient by one channel; 0: no cap */
    int64_t email_per_second, sms_per_second; /* 0: as fast as it goes */
    int64_t digest_delay_ms;
};

/* What `early` makes: secrets in locked memory. */
struct notification_state {
    const struct notification_conf *conf;
    int email_folder, sms_folder; /* descriptors, for the file transports */
    struct secret *gateway_password, *receipt_secret;
};

/* Opens what the configuration names; refuses a transport whose keys are missing. */
enum rc notification_early(const void *conf, struct err *err, void **ret_state);
void notification_late(void *state);

extern const struct conf_row notification_conf_rows[];
extern const struct state_table notification_states[];

/* --- handlers.c: events ----------------------------------------------------------------------- */
enum rc on_request_accepted(struct tx *tx, const void *in);
enum rc on_request_rejected(struct tx *tx, const void *in);
enum rc on_certificate_issued(struct tx *tx, const void *in);
enum rc on_certificate_revoked(struct tx *tx, const void *in);
enum rc on_revocation_refused(struct tx *tx, const void *in);
enum rc on_issuance_failed(struct tx *tx, const void *in);

/* --- handlers_device.c: courier's feed ----------------------------------------------------------
 */
enum rc on_device_dispatched(struct tx *tx, const void *in);
enum rc on_device_delivered(struct tx *tx, const void *in);
enum rc on_device_handed_over(struct tx *tx, const void *in);
enum rc on_device_recalled(struct tx *tx, const void *in);
enum rc on_recall_overdue(struct tx *tx, const void *in);
enum rc on_device_lost(struct tx *tx, const void *in);
enum rc on_device_returned(struct tx *tx, const void *in);
enum rc on_device_report_refused(struct tx *tx, const void *in);

/* --- timers.c --------------------------------------------------------------------------------- */
enum rc on_digests_due(struct tx *tx);
enum rc on_receipts_missing(struct tx *tx);
enum rc on_partitions(struct tx *tx);

/* --- deliver.c: effects; file.c, gateway.c are the ways out ----------------------------------- */
enum rc act_mail(struct fx *fx, const void *intent, ProtobufCMessage **ret_result);
enum rc act_sms(struct fx *fx, const void *intent, ProtobufCMessage **ret_result);
enum rc done_mail(struct tx *tx, const char *key, const void *intent, const void *result);
enum rc done_sms(struct tx *tx, const char *key, const void *intent, const void *result);
enum rc failed_mail(struct tx *tx, const char *key, const void *intent, const struct err *why);
enum rc failed_sms(struct tx *tx, const char *key, const void *intent, const struct err *why);

/* --- receipts.c: GET /v1/receipts ------------------------------------------------------------- */
enum rc http_receipt(struct tx *tx, const struct http_request *request,
                     struct http_response *response);

/** What the gateway must show to be believed about a notice: hex of HMAC-SHA-256(secret, notice
 *  id), 32 digits, in the arena. */
const char *receipt_token(struct arena *arena, const struct secret *secret, const char *notice_id);
