/* What validation and signing said, as notices. Each handler stores what later events need and
 * queues what the agency shall read. It never sends. */
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "services/notification/notice.h"
#include "services/notification/rules.h"

enum rc on_request_accepted(struct tx *tx, const void *in)
{
    const Trien__RequestAccepted *event = in;
    struct notice_address address = notice_addresses(
        tx->arena, event->receiver, event->agency_contacts, event->n_agency_contacts);
    const struct request_row row = {
        .request_id = event->request_id,
        .receipt_number = event->receipt_number,
        .agency_name = event->agency_name,
        .document_number = event->document->number,
        .document_date = event->document->date,
        .items = event->item_count,
        .emails = address.emails,
        .mobile = address.mobile,
        .form = event->form,
    };
    const struct template_field fields[] = {
        {"receipt", event->receipt_number, false},
        {"agency", event->agency_name, false},
        {"document", event->document->number, false},
        {"document_day", template_day(tx->arena, event->document->date), false},
        {"form", template_form(event->form), false},
        {"items", arena_printf(tx->arena, "%u", event->item_count), false},
        {"received", clock_vietnamese_text(tx->arena, event->received_at), false},
        {"due", template_day(tx->arena, event->due_on), false},
        {NULL, NULL, false},
    };

    TRY(store_insert_request(tx, &row));
    return notice_queue(tx, event->request_id, 1, &template_accepted, &address, fields);
}

/* "1. Sentence.\n" for each reason. */
static const char *numbered_reasons(struct arena *arena, Trien__Reason *const *reasons,
                                    size_t count)
{
    size_t room = 1;
    char *text, *end;

    for (size_t i = 0; i < count; i++)
        room += strlen(reasons[i]->text_vi) + 32;
    end = text = arena_alloc(arena, room);
    for (size_t i = 0; i < count; i++)
        end = stpcpy(end, arena_printf(arena, "  %zu. %s\n", i + 1,
                                       template_one_line(arena, reasons[i]->text_vi, 1000)));
    return text;
}

enum rc on_request_rejected(struct tx *tx, const void *in)
{
    const Trien__RequestRejected *event = in;
    struct arena *arena = tx->arena;
    uint8_t id[16];
    struct notice_address address =
        notice_addresses(arena, NULL, event->contacts, event->n_contacts);
    const char *document = event->document
                               ? arena_printf(arena, "số %s ngày %s", event->document->number,
                                              template_day(arena, event->document->date))
                               : "không đọc được số, ngày văn bản";
    const struct template_field fields[] = {
        {"receipt", event->receipt_number, false},
        {"agency", event->agency_name ? event->agency_name : "Quý cơ quan, tổ chức", false},
        {"document_full", document, false},
        {"rejected", clock_vietnamese_text(arena, event->rejected_at), false},
        {"reason_count", arena_printf(arena, "%zu", event->n_reasons), false},
        {"reasons", numbered_reasons(arena, event->reasons, event->n_reasons), true},
        {NULL, NULL, false},
    };

    /* The id becomes a file's name. */
    CHECK(bus_uuid_parse(event->request_id, id), &tx->err, TRIEN__ERROR__MALFORMED,
          "request id is no UUID: %.40s", event->request_id);
    return notice_queue(tx, event->request_id, 1, &template_rejected, &address, fields);
}

/* One more item has ended; the last one sends the digest. A revocation's events lie in another
 * partition than the request they end, so RequestAccepted may be committed between two statements
 * here: only an item that does not count although the request was known before had already ended.
 */
enum rc notice_end_item(struct tx *tx, const char *request_id, const struct item_row *item)
{
    const struct notification_conf *conf = tx->conf;
    usec digest_due_at = tx->now + conf->digest_delay_ms * USEC_PER_MS;
    struct request_row request = {0};
    bool counted, known;

    TRY(store_set_item_ended(tx, request_id, item, digest_due_at, &counted, &request));
    if (!counted) {
        TRY(store_find_request(tx, request_id, &known));
        CHECK(known, &tx->err, TRIEN__ERROR__NOT_YET, "RequestAccepted of %s has not arrived",
              request_id);
        TRY(store_set_item_ended(tx, request_id, item, digest_due_at, &counted, &request));
    }
    if (!counted)
        return RC_OK; /* the same item again, by a renewed certificate: told before */
    if (!rule_digest_is_due(request.items, request.ended))
        return RC_OK;
    return notice_queue_digest(tx, &request, request.ended - request.told == 1 ? item : NULL);
}

/* "<request id>/<n>" → n */
int64_t notice_item_number(const char *item_id)
{
    const char *slash = strchr(item_id, '/');

    return slash ? strtoll(slash + 1, NULL, 10) : 0;
}

enum rc on_certificate_issued(struct tx *tx, const void *in)
{
    const Trien__CertificateIssued *event = in;
    const struct item_row item = {
        .number = notice_item_number(event->item_id),
        .subscriber_name = event->subscriber_name ? event->subscriber_name : event->subject,
        .serial = event->serial,
    };

    if (!*event->request_id) /* our own responders' certificates belong to no request */
        return RC_OK;
    return notice_end_item(tx, event->request_id, &item);
}

const char *notice_reasons(struct arena *arena, Trien__Reason *const *reasons, size_t count)
{
    const char *text = "";

    for (size_t i = 0; i < count; i++)
        text = arena_printf(arena, "%s%s%s", text, i ? " " : "",
                            template_one_line(arena, reasons[i]->text_vi, 300));
    return *text ? text : err_entry(TRIEN__ERROR__INTERNAL)->vi;
}

enum rc on_issuance_failed(struct tx *tx, const void *in)
{
    const Trien__IssuanceFailed *event = in;
    const struct item_row item = {
        .number = notice_item_number(event->item_id),
        .subscriber_name = arena_printf(tx->arena, "Thuê bao thứ %lld",
                                        (long long)notice_item_number(event->item_id)),
        .reason = notice_reasons(tx->arena, event->reasons, event->n_reasons),
    };

    return notice_end_item(tx, event->request_id, &item);
}
