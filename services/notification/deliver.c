/* The two effects: a mail and a short message on their way out, and what is said afterwards. Acting
 * again is harmless: files have the notice's name, a mail its Message-ID. */
#include <string.h>

#include "common/fetch.h"
#include "common/file.h"
#include "services/notification/gateway.h"
#include "services/notification/mime.h"
#include "services/notification/store.h"

static struct bytes mail_bytes(struct fx *fx, const Trien__MailDelivery *mail)
{
    const struct notification_conf *conf = fx->conf;
    const char **to = ARENA_ARRAY(fx->arena, const char *, mail->n_to + 1);
    const char *domain = strchr(conf->email_from, '@');

    for (size_t i = 0; i < mail->n_to; i++)
        to[i] = mail->to[i];
    return mime_message(fx->arena,
                        &(struct mime_mail){
                            .from_address = conf->email_from,
                            .from_name = conf->email_from_name,
                            .to = to,
                            .subject = mail->subject,
                            .body = mail->body,
                            .message_id = arena_printf(fx->arena, "%s%s", mail->notice_id, domain),
                            .date = mail->queued_at,
                        });
}

static enum rc smtp_send(struct fx *fx, const char *const *to, struct bytes message)
{
    const struct notification_conf *conf = fx->conf;
    const struct fetch_mail mail = {
        .url = conf->smtp_url,
        .user = *conf->smtp_user ? conf->smtp_user : NULL,
        .password_file = *conf->smtp_password_file ? conf->smtp_password_file : NULL,
        .ca_file = *conf->smtp_ca_file ? conf->smtp_ca_file : NULL,
        .require_tls = conf->smtp_tls,
        .from = conf->email_from,
        .to = to,
        .message = message,
        .timeout_ms = (int)conf->smtp_timeout_ms,
    };

    return fetch_mail(&mail, fx->arena, &fx->err);
}

/* One refused address must not keep the mail from the others: then each gets it by itself. */
static enum rc smtp_send_all(struct fx *fx, const Trien__MailDelivery *mail, struct bytes message)
{
    const char *to[16] = {NULL};
    size_t taken = 0;
    enum rc rc;

    for (size_t i = 0; i < mail->n_to && i < COUNT_OF(to) - 1; i++)
        to[i] = mail->to[i];
    rc = smtp_send(fx, to, message);
    if (rc != RC_REJECT || mail->n_to < 2)
        return rc;
    for (size_t i = 0; to[i]; i++) {
        rc = smtp_send(fx, (const char *const[]){to[i], NULL}, message);
        if (rc != RC_OK && rc != RC_REJECT)
            return rc;
        taken += rc == RC_OK;
    }
    return taken ? RC_OK : RC_REJECT; /* fx->err says why the last one was refused */
}

static void result_set(struct fx *fx, bool awaits_receipt, ProtobufCMessage **ret_result)
{
    Trien__DeliveryResult *result = ARENA_NEW(fx->arena, Trien__DeliveryResult);

    trien__delivery_result__init(result);
    result->at = fx->now;
    result->awaits_receipt = awaits_receipt;
    *ret_result = &result->base;
}

enum rc act_mail(struct fx *fx, const void *intent, ProtobufCMessage **ret_result)
{
    const struct notification_conf *conf = fx->conf;
    const struct notification_state *state = fx->state;
    const Trien__MailDelivery *mail = intent;
    struct bytes message = mail_bytes(fx, mail);

    if (strcmp(conf->email_transport, "smtp") == 0)
        TRY(smtp_send_all(fx, mail, message));
    else
        TRY(file_write(state->email_folder, arena_printf(fx->arena, "%s.eml", mail->notice_id),
                       message, &fx->err));
    result_set(fx, false, ret_result);
    return RC_OK;
}

enum rc act_sms(struct fx *fx, const void *intent, ProtobufCMessage **ret_result)
{
    const struct notification_conf *conf = fx->conf;
    const struct notification_state *state = fx->state;
    const Trien__SmsDelivery *sms = intent;

    if (strcmp(conf->sms_transport, "gateway") == 0)
        TRY(gateway_send(fx, sms));
    else
        TRY(file_write(
            state->sms_folder, arena_printf(fx->arena, "%s.sms", sms->notice_id),
            bytes_of_text(arena_printf(fx->arena, "To: %s\nFrom: %s\nNotice: %s\n\n%s\n", sms->to,
                                       conf->sms_sender, sms->notice_id, sms->text)),
            &fx->err));
    result_set(fx, gateway_gives_receipts(conf), ret_result);
    return RC_OK;
}

/* What both channels say at an end, from what both intents carry. */
struct ending {
    const char *request_id, *notice_id, *template_name, *channel, *recipient;
    int64_t number;
};

static struct ending mail_ending(const Trien__MailDelivery *mail)
{
    return (struct ending){mail->request_id, mail->notice_id, mail->template_,
                           "email",          mail->recipient, mail->number};
}

static struct ending sms_ending(const Trien__SmsDelivery *sms)
{
    return (struct ending){sms->request_id, sms->notice_id, sms->template_,
                           "sms",           sms->recipient, sms->number};
}

static enum rc end_delivered(struct tx *tx, struct ending ending, int64_t at)
{
    const struct notice_key key = {ending.request_id, ending.template_name, ending.number,
                                   ending.channel};
    Trien__NoticeDelivered delivered = TRIEN__NOTICE_DELIVERED__INIT;

    TRY(store_insert_notice(tx, &key, "delivered", ending.recipient, NULL));
    delivered.request_id = (char *)ending.request_id;
    delivered.notice_id = (char *)ending.notice_id;
    delivered.channel = (char *)ending.channel;
    delivered.template_ = (char *)ending.template_name;
    delivered.recipient = (char *)ending.recipient;
    delivered.delivered_at = at;
    return emit(tx, ending.request_id, &delivered);
}

static enum rc end_failed(struct tx *tx, struct ending ending, const struct err *why)
{
    const struct notice_key key = {ending.request_id, ending.template_name, ending.number,
                                   ending.channel};
    const char *reason = err_entry(why->code)->name;
    Trien__NoticeFailed failed = TRIEN__NOTICE_FAILED__INIT;

    TRY(store_insert_notice(tx, &key, "failed", ending.recipient, reason));
    failed.request_id = (char *)ending.request_id;
    failed.notice_id = (char *)ending.notice_id;
    failed.channel = (char *)ending.channel;
    failed.template_ = (char *)ending.template_name;
    failed.recipient = (char *)ending.recipient;
    failed.why = (char *)reason;
    failed.failed_at = tx->now;
    return emit(tx, ending.request_id, &failed);
}

enum rc done_mail(struct tx *tx, const char *key, const void *intent, const void *result)
{
    (void)key;
    return end_delivered(tx, mail_ending(intent), ((const Trien__DeliveryResult *)result)->at);
}

enum rc done_sms(struct tx *tx, const char *key, const void *intent, const void *result)
{
    const Trien__DeliveryResult *delivery = result;
    const struct ending ending = sms_ending(intent);
    const struct notice_key notice = {ending.request_id, ending.template_name, ending.number,
                                      ending.channel};

    (void)key;
    if (!delivery->awaits_receipt)
        return end_delivered(tx, ending, delivery->at);
    /* The receipt may have come before us: then its row stays as it is. */
    return store_insert_notice(tx, &notice, "handed", ending.recipient, NULL);
}

enum rc failed_mail(struct tx *tx, const char *key, const void *intent, const struct err *why)
{
    (void)key;
    return end_failed(tx, mail_ending(intent), why);
}

enum rc failed_sms(struct tx *tx, const char *key, const void *intent, const struct err *why)
{
    (void)key;
    return end_failed(tx, sms_ending(intent), why);
}
