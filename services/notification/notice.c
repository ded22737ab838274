/* From fields to a queued notice. Sends nothing: delivery is an effect per way, and a notice that
 * has no way is said to have failed, never an error. */
#include "services/notification/notice.h"

#include <string.h>

#include "services/notification/rules.h"
#include "services/notification/sms.h"

#define MAX_FIELDS 16

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

static size_t find_ways(struct arena *arena, const struct notice_address *address,
                        struct notice_way ways[2])
{
    size_t count = 0;

    if (*address->emails) {
        const char *first = first_email(arena, address->emails);
        ways[count++] = (struct notice_way){.channel = "email",
                                            .recipient = rule_mask_email(arena, first),
                                            .recipient_key = rule_recipient_key(first)};
    }
    if (*address->mobile)
        ways[count++] = (struct notice_way){.channel = "sms",
                                            .recipient = rule_mask_mobile(arena, address->mobile),
                                            .recipient_key = rule_recipient_key(address->mobile)};
    return count;
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

static enum rc queue_mail(struct tx *tx, const struct rendering *r, const struct notice_way *way)
{
    Trien__MailDelivery mail = TRIEN__MAIL_DELIVERY__INIT;

    mail.request_id = (char *)r->request_id;
    mail.notice_id = (char *)r->notice_id;
    mail.template_ = (char *)r->template->name;
    mail.number = r->number;
    split_emails(tx->arena, r->address->emails, &mail);
    mail.subject = (char *)template_render(tx->arena, r->template->subject, r->fields);
    mail.body = (char *)template_render(tx->arena, r->template->body, r->fields);
    mail.queued_at = tx->now;
    mail.recipient = (char *)way->recipient;
    return effect_add(tx, "mail", arena_printf(tx->arena, "%s/%s", r->request_id, r->notice_id),
                      &mail, way->send_at > tx->now ? way->send_at : 0);
}

static enum rc queue_sms(struct tx *tx, const struct rendering *r, const struct notice_way *way)
{
    Trien__SmsDelivery sms = TRIEN__SMS_DELIVERY__INIT;
    const char *text = template_render(tx->arena, r->template->sms, r->fields);

    sms.request_id = (char *)r->request_id;
    sms.notice_id = (char *)r->notice_id;
    sms.template_ = (char *)r->template->name;
    sms.number = r->number;
    sms.to = (char *)r->address->mobile;
    sms.text = (char *)sms_one_segment(tx->arena, sms_unaccented(tx->arena, text));
    sms.recipient = (char *)way->recipient;
    return effect_add(tx, "sms", arena_printf(tx->arena, "%s/%s", r->request_id, r->notice_id),
                      &sms, way->send_at > tx->now ? way->send_at : 0);
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
    const struct notification_conf *conf = tx->conf;
    struct notice_way ways[2];
    struct notice_key key = {request_id, template->name, number, NULL};
    struct rendering rendering = {
        .request_id = request_id,
        .notice_id =
            rule_notice_id(tx->arena, (struct notice_name){request_id, template->name, number}),
        .number = number,
        .template = template,
        .address = address,
        .fields = with_own_fields(tx, fields),
    };
    size_t count = find_ways(tx->arena, address, ways);

    if (count == 0)
        return say_no_way(tx, request_id, rendering.notice_id, template->name);
    TRY(store_insert_notice(tx, &key, conf->cap_per_hour, ways, count));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ways[i].channel, "email") == 0)
            TRY(queue_mail(tx, &rendering, &ways[i]));
        else
            TRY(queue_sms(tx, &rendering, &ways[i]));
    }
    return RC_OK;
}
