/* From fields to a queued notice. Sends nothing: delivery is an effect per way, and a notice that
 * has no way is said to have failed, never an error. */
#include "services/notification/notice.h"

#include <string.h>

#include "services/notification/pace.h"
#include "services/notification/rules.h"
#include "services/notification/sms.h"

#define MAX_FIELDS 20

/* Adds an address unless it cannot be used, is there already, or there are enough. */
static const char *add_email(struct arena *arena, const char *list, const char *email,
                             size_t *count)
{
    const char *found;

    if (!email || !rule_email_usable(email) || *count == NOTICE_MAX_EMAILS)
        return list;
    for (found = strcasestr(list, email); found; found = strcasestr(found + 1, email)) {
        char after = found[strlen(email)];
        if ((found == list || found[-1] == ' ') && (after == ' ' || !after))
            return list;
    }
    ++*count;
    return arena_printf(arena, "%s%s%s", list, *list ? " " : "", email);
}

struct notice_address notice_addresses(struct arena *arena, const Trien__Contact *receiver,
                                       Trien__Contact *const *contacts, size_t contact_count)
{
    struct notice_address address = {"", ""};
    size_t count = 0;

    for (size_t i = 0; i <= contact_count; i++) {
        const Trien__Contact *contact = i ? contacts[i - 1] : receiver;
        const char *mobile;
        if (!contact)
            continue;
        address.emails = add_email(arena, address.emails, contact->email, &count);
        mobile = contact->mobile ? rule_mobile(arena, contact->mobile) : NULL;
        if (mobile && !*address.mobile)
            address.mobile = mobile;
    }
    return address;
}

/* The first of the addresses. */
static const char *first_email(struct arena *arena, const char *emails)
{
    return arena_strndup(arena, emails, strcspn(emails, " "));
}

static enum rc say_no_way(struct tx *tx, const char *request_id, const char *notice_id,
                          const char *template_name)
{
    Trien__NoticeFailed failed = TRIEN__NOTICE_FAILED__INIT;

    failed.request_id = (char *)request_id;
    failed.notice_id = (char *)notice_id;
    failed.channel = (char *)"email";
    failed.template_ = (char *)template_name;
    failed.recipient = (char *)"";
    failed.why = (char *)"no address that can be used";
    failed.failed_at = tx->now;
    return emit(tx, request_id, &failed);
}

static void split_emails(struct arena *arena, const char *emails, Trien__MailDelivery *mail)
{
    char *rest = arena_strdup(arena, emails), *word;

    mail->to = ARENA_ARRAY(arena, char *, NOTICE_MAX_EMAILS);
    while ((word = strsep(&rest, " ")) && mail->n_to < NOTICE_MAX_EMAILS)
        mail->to[mail->n_to++] = word;
}

struct rendering {
    const char *request_id, *notice_id;
    int64_t number;
    const struct notice_template *template;
    const struct notice_address *address;
    const struct template_field *fields;
};

static enum rc queue_mail(struct tx *tx, const struct rendering *r)
{
    const char *first = first_email(tx->arena, r->address->emails);
    Trien__MailDelivery mail = TRIEN__MAIL_DELIVERY__INIT;

    mail.request_id = (char *)r->request_id;
    mail.notice_id = (char *)r->notice_id;
    mail.template_ = (char *)r->template->name;
    mail.number = r->number;
    split_emails(tx->arena, r->address->emails, &mail);
    mail.subject = (char *)template_render(tx->arena, r->template->subject, r->fields);
    mail.body = (char *)template_render(tx->arena, r->template->body, r->fields);
    mail.queued_at = tx->now;
    mail.recipient = (char *)rule_mask_email(tx->arena, first);
    return effect_add(tx, "mail", arena_printf(tx->arena, "%s/%s", r->request_id, r->notice_id),
                      &mail, pace_send_at(tx->conf, "email", rule_recipient_key(first), tx->now));
}

static enum rc queue_sms(struct tx *tx, const struct rendering *r)
{
    Trien__SmsDelivery sms = TRIEN__SMS_DELIVERY__INIT;
    const char *text = template_render(tx->arena, r->template->sms, r->fields);
    const char *mobile = r->address->mobile;
    const struct notification_conf *conf = tx->conf;
    const char *kind = strcmp(conf->sms_transport, "file") == 0 ? "sms_file" : "sms";

    sms.request_id = (char *)r->request_id;
    sms.notice_id = (char *)r->notice_id;
    sms.template_ = (char *)r->template->name;
    sms.number = r->number;
    sms.to = (char *)mobile;
    sms.text = (char *)sms_one_segment(tx->arena, sms_unaccented(tx->arena, text));
    sms.recipient = (char *)rule_mask_mobile(tx->arena, mobile);
    return effect_add(tx, kind, arena_printf(tx->arena, "%s/%s", r->request_id, r->notice_id), &sms,
                      pace_send_at(tx->conf, "sms", rule_recipient_key(mobile), tx->now));
}

/* The service's own fields before the notice's. */
static const struct template_field *with_own_fields(struct tx *tx,
                                                    const struct template_field *fields)
{
    const struct notification_conf *conf = tx->conf;
    struct template_field *all = ARENA_ARRAY(tx->arena, struct template_field, MAX_FIELDS);
    size_t count = 0;

    all[count++] = (struct template_field){"authority", conf->authority, false};
    all[count++] = (struct template_field){
        "contact", *conf->contact_line ? arena_printf(tx->arena, "%s\n", conf->contact_line) : "",
        true};
    while (fields->name && count < MAX_FIELDS - 1)
        all[count++] = *fields++;
    return all;
}

enum rc notice_queue(struct tx *tx, const char *request_id, int64_t number,
                     const struct notice_template *template, const struct notice_address *address,
                     const struct template_field *fields)
{
    const struct rendering rendering = {
        .request_id = request_id,
        .notice_id =
            rule_notice_id(tx->arena, (struct notice_name){request_id, template->name, number}),
        .number = number,
        .template = template,
        .address = address,
        .fields = with_own_fields(tx, fields),
    };

    if (!*address->emails && !*address->mobile)
        return say_no_way(tx, request_id, rendering.notice_id, template->name);
    if (*address->emails)
        TRY(queue_mail(tx, &rendering));
    if (*address->mobile)
        TRY(queue_sms(tx, &rendering));
    return RC_OK;
}
