/* What other services said about a request: states and timeline. The feeds come in any order, so
 * every step names the states it may follow (states.c) and an event that comes early makes the row
 * it needs. Nothing is decided here and nothing is said. */
#include "services/intake/intake.h"

#include "common/bus.h"
#include "proto/notification.pb-c.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"

static enum rc parse_request_id(struct tx *tx, const char *text, uint8_t ret_request_id[16])
{
    CHECK(bus_uuid_parse(text, ret_request_id), &tx->err, TRIEN__ERROR__MALFORMED,
          "not a request id");
    return RC_OK;
}

static enum rc parse_item(struct tx *tx, const char *item_id, struct item_step *step)
{
    CHECK(rule_item_parse(item_id, step->request_id, &step->number), &tx->err,
          TRIEN__ERROR__MALFORMED, "not an item id");
    return RC_OK;
}

enum rc on_request_accepted(struct tx *tx, const void *in)
{
    const Trien__RequestAccepted *event = in;
    uint8_t request_id[16];
    size_t count = event->n_items;
    int32_t *numbers = ARENA_ARRAY(tx->arena, int32_t, count);
    const char **names = ARENA_ARRAY(tx->arena, const char *, count);
    const char **profiles = ARENA_ARRAY(tx->arena, const char *, count);
    const char **device_kinds = ARENA_ARRAY(tx->arena, const char *, count);
    TRY(parse_request_id(tx, event->request_id, request_id));
    for (size_t i = 0; i < count; i++) {
        struct item_step step;
        TRY(parse_item(tx, event->items[i]->item_id, &step));
        numbers[i] = step.number;
        names[i] = event->items[i]->subscriber_name;
        profiles[i] = event->items[i]->profile;
        device_kinds[i] = event->items[i]->device_kind;
    }
    const struct acceptance acceptance = {
        .at = event->accepted_at,
        .form = event->form,
        .organ_id = event->organ_id,
        .agency_name = event->agency_name,
        .document_number = event->document->number,
        .document_date = event->document->date,
        .due_on = event->due_on,
        .numbers = numbers,
        .names = names,
        .profiles = profiles,
        .device_kinds = device_kinds,
        .item_count = count,
    };
    return store_set_accepted(tx, request_id, &acceptance);
}

enum rc on_request_rejected(struct tx *tx, const void *in)
{
    const Trien__RequestRejected *event = in;
    uint8_t request_id[16];
    TRY(parse_request_id(tx, event->request_id, request_id));
    const struct refusal refusal = {
        .at = event->rejected_at,
        .form = event->form,
        .organ_id = event->organ_id,
        .agency_name = event->agency_name,
        .document_number = event->document ? event->document->number : NULL,
        .document_date = event->document ? event->document->date : NULL,
        .reasons_json = view_reasons(tx, event->reasons, event->n_reasons),
    };
    return store_set_rejected(tx, request_id, &refusal);
}

enum rc on_request_waiting(struct tx *tx, const void *in)
{
    const Trien__RequestWaiting *event = in;
    uint8_t request_id[16];
    TRY(parse_request_id(tx, event->request_id, request_id));
    return store_insert_notice(
        tx, request_id, event->waiting_since, "RequestWaiting", event->issuer,
        event->code == TRIEN__ERROR__CRL_STALE ? NULL : err_entry(event->code)->name);
}

enum rc on_item_authorized(struct tx *tx, const void *in)
{
    const Trien__ItemAuthorized *event = in;
    struct item_step step = {
        .at = tx->now, .event = "ItemAuthorized", .subscriber_name = event->subscriber_name};
    TRY(parse_item(tx, event->item_id, &step));
    return store_set_item_state(tx, &step, "authorized");
}

enum rc on_key_awaited(struct tx *tx, const void *in)
{
    const Trien__KeyAwaited *event = in;
    struct item_step step = {.at = tx->now, .event = "KeyAwaited"};
    TRY(parse_item(tx, event->item_id, &step));
    return store_set_item_state(tx, &step, "key_awaited");
}

enum rc on_certificate_issued(struct tx *tx, const void *in)
{
    const Trien__CertificateIssued *event = in;
    struct item_step step = {.at = event->issued_at,
                             .event = "CertificateIssued",
                             .subscriber_name = event->subscriber_name};
    TRY(parse_item(tx, event->item_id, &step));
    const struct issued issued = {
        .serial = event->serial,
        .issuer = event->issuer,
        .certificate_der = bytes_of(event->certificate_der.data, event->certificate_der.len),
        .not_before = event->not_before,
        .not_after = event->not_after,
    };
    return store_set_item_issued(tx, &step, &issued);
}

enum rc on_issuance_failed(struct tx *tx, const void *in)
{
    const Trien__IssuanceFailed *event = in;
    struct item_step step = {.at = event->failed_at, .event = "IssuanceFailed"};
    if (event->n_reasons)
        step.detail = err_entry(event->reasons[0]->code)->name;
    TRY(parse_item(tx, event->item_id, &step));
    return store_set_item_failed(tx, &step, view_reasons(tx, event->reasons, event->n_reasons));
}

/* --- revocation --- */

enum rc on_revocation_authorized(struct tx *tx, const void *in)
{
    const Trien__RevocationAuthorized *event = in;
    struct item_step step = {.at = event->authorized_at,
                             .event = "RevocationAuthorized",
                             .detail = event->certificate_serial};
    TRY(parse_item(tx, event->item_id, &step));
    return store_set_item_state(tx, &step, "authorized");
}

/* The request that asked for it is done; the request the certificate came from shows it too. */
enum rc on_certificate_revoked(struct tx *tx, const void *in)
{
    const Trien__CertificateRevoked *event = in;
    struct item_step step = {.at = event->revoked_at,
                             .event = "CertificateRevoked",
                             .subscriber_name = event->subscriber_name,
                             .detail = event->serial};
    bool known = false;
    TRY(parse_item(tx, event->lineage_id, &step));
    TRY(store_set_certificate_revoked(tx, &step, &known));
    CHECK(known, &tx->err, TRIEN__ERROR__NOT_YET, "item %s is not there yet", event->lineage_id);
    TRY(store_insert_item_line(tx, &step));
    if (!event->item_id)
        return RC_OK;
    TRY(parse_item(tx, event->item_id, &step));
    return store_set_item_done(tx, &step);
}

enum rc on_revocation_refused(struct tx *tx, const void *in)
{
    const Trien__RevocationRefused *event = in;
    struct item_step step = {
        .at = event->refused_at, .event = "RevocationRefused", .detail = event->serial};
    TRY(parse_item(tx, event->item_id, &step));
    return store_set_item_failed(tx, &step, view_reasons(tx, event->reasons, event->n_reasons));
}

enum rc on_certificate_expired(struct tx *tx, const void *in)
{
    const Trien__CertificateExpired *event = in;
    struct item_step step = {.at = event->expired_at,
                             .event = "CertificateExpired",
                             .subscriber_name = event->subscriber_name,
                             .detail = event->serial};
    TRY(parse_item(tx, event->lineage_id, &step));
    return store_insert_item_line(tx, &step);
}

/* The detail is "channel template": "email issued". */
static enum rc add_notice(struct tx *tx, const char *request_id, usec at, const char *event,
                          const char *recipient, const char *detail)
{
    uint8_t id[16];
    TRY(parse_request_id(tx, request_id, id));
    return store_insert_notice(tx, id, at, event, recipient, detail);
}

enum rc on_notice_delivered(struct tx *tx, const void *in)
{
    const Trien__NoticeDelivered *event = in;
    return add_notice(tx, event->request_id, event->delivered_at, "NoticeDelivered",
                      event->recipient,
                      arena_printf(tx->arena, "%s %s", event->channel, event->template_));
}

enum rc on_notice_failed(struct tx *tx, const void *in)
{
    const Trien__NoticeFailed *event = in;
    return add_notice(tx, event->request_id, event->failed_at, "NoticeFailed", event->recipient,
                      arena_printf(tx->arena, "%s %s", event->channel, event->template_));
}
