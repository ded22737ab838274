/* What revocation said, as notices: a request that asked for it gets its digest; whose certificate
 * an officer revoked is written to at once. That a device is to come back, and by which day, is
 * courier's to say (handlers_device.c): it knows whether there is one. */
#include <stdlib.h>
#include <string.h>

#include "common/causes.h"
#include "services/notification/notice.h"

/* An officer's act on a certificate nobody here has heard of is waited for so long. */
#define WAITS USEC_PER_DAY

static enum rc tell_agency(struct tx *tx, const Trien__CertificateRevoked *event)
{
    struct request_row request = {
        .receipt_number = "", .agency_name = "", .emails = "", .mobile = ""};
    const struct cause *cause = cause_find(event->cause);
    bool known = false;

    TRY(store_get_request(tx, event->certificate_request_id, &known, &request));
    CHECK(known || tx->now - event->revoked_at > WAITS, &tx->err, TRIEN__ERROR__NOT_YET,
          "RequestAccepted of %s has not arrived", event->certificate_request_id);
    const struct notice_address address = {request.emails, request.mobile};
    const struct template_field fields[] = {
        {"receipt", request.receipt_number, false},
        {"agency", request.agency_name, false},
        {"subscriber", event->subscriber_name ? event->subscriber_name : "", false},
        {"serial", event->serial, false},
        {"cause", cause ? cause->text_vi : event->cause, false},
        {"revoked", clock_vietnamese_text(tx->arena, event->revoked_at), false},
        {NULL, NULL, false},
    };
    return notice_queue(tx, event->certificate_request_id, notice_item_number(event->lineage_id),
                        &template_recalled, &address, fields);
}

enum rc on_certificate_revoked(struct tx *tx, const void *in)
{
    const Trien__CertificateRevoked *event = in;

    if (!event->item_id)
        return tell_agency(tx, event);
    const struct item_row item = {
        .number = notice_item_number(event->item_id),
        .subscriber_name = event->subscriber_name ? event->subscriber_name : "",
        .serial = event->serial,
    };
    return notice_end_item(tx, event->request_id, &item);
}

enum rc on_revocation_refused(struct tx *tx, const void *in)
{
    const Trien__RevocationRefused *event = in;
    const struct item_row item = {
        .number = notice_item_number(event->item_id),
        .subscriber_name = arena_printf(tx->arena, "Chứng thư số hiệu %s", event->serial),
        .reason = notice_reasons(tx->arena, event->reasons, event->n_reasons),
    };

    return notice_end_item(tx, event->request_id, &item);
}
