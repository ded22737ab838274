/* What signing and validation say, and what time does. A revocation is one transaction of its own:
 * it waits for no list, no signer and no reader. */
#include <string.h>

#include "common/metrics.h"
#include "common/serial.h"
#include "services/revocation/revocation.h"

#define EXPIRY_ROWS 500
#define PARTITION_MONTHS 3

METRIC_FAMILY(revoked) = {
    .kind = METRIC_COUNTER,
    .name = "trien_revocation_revoked_total",
    .help = "Certificates revoked, by cause and by who asked.",
    .labels = "cause,by",
};
METRIC_FAMILY(refused) = {
    .kind = METRIC_COUNTER,
    .name = "trien_revocation_refused_total",
    .help = "Revocations that were authorised and could not be done.",
    .labels = "code",
};

enum rc on_certificate_issued(struct tx *tx, const void *in)
{
    const Trien__CertificateIssued *event = in;

    CHECK(serial_is(event->serial), &tx->err, TRIEN__ERROR__MALFORMED, "no serial number: %.50s",
          event->serial);
    CHECK(event->organ_id, &tx->err, TRIEN__ERROR__MALFORMED, "certificate %s has no agency",
          event->serial);
    return store_insert_certificate(tx, event);
}

/* --- revoking
 * ---------------------------------------------------------------------------------------- */

static enum rc say_revoked(struct tx *tx, const struct certificate_row *certificate,
                           const struct revocation_order *order)
{
    Trien__CertificateRevoked event = TRIEN__CERTIFICATE_REVOKED__INIT;

    event.serial = (char *)certificate->serial;
    event.issuer = (char *)certificate->issuer;
    event.lineage_id = (char *)certificate->lineage_id;
    event.certificate_request_id = (char *)certificate->certificate_request_id;
    event.cause = (char *)order->cause;
    event.reason = order->reason;
    event.revoked_at = tx->now;
    event.has_invalidity_at = order->invalidity_at != 0;
    event.invalidity_at = order->invalidity_at;
    event.request_id = (char *)order->request_id;
    event.item_id = (char *)order->item_id;
    event.device_serial = (char *)certificate->device_serial;
    event.subscriber_name = (char *)certificate->subscriber_name;
    event.principal = (char *)order->principal;
    event.organ_id = (char *)certificate->organ_id;
    return emit(tx, event.lineage_id, &event);
}

enum rc revoke(struct tx *tx, const struct certificate_row *certificate,
               const struct revocation_order *order)
{
    TRY(store_set_revoked(tx, certificate->serial, order));
    TRY(say_revoked(tx, certificate, order));
    metric_add(&revoked, 1, METRIC_LABELS(order->cause, order->principal ? "officer" : "request"));
    return RC_OK;
}

static enum rc say_refused(struct tx *tx, const Trien__RevocationAuthorized *order,
                           Trien__Error code)
{
    const struct err_entry *entry = err_entry(code);
    Trien__RevocationRefused event = TRIEN__REVOCATION_REFUSED__INIT;
    Trien__Reason reason = TRIEN__REASON__INIT, *reasons = &reason;

    reason.code = code;
    reason.text_vi = (char *)entry->vi;
    reason.text_en = (char *)entry->en;
    event.request_id = order->request_id;
    event.item_id = order->item_id;
    event.serial = order->certificate_serial;
    event.n_reasons = 1;
    event.reasons = &reasons;
    event.refused_at = tx->now;
    metric_add(&refused, 1, METRIC_LABELS(entry->name));
    return emit(tx, order->request_id, &event);
}

/* The agency is compared once more: validation said it, the certificate's own event says it too. */
static Trien__Error judge(const struct certificate_row *certificate,
                          const Trien__RevocationAuthorized *order, usec now)
{
    if (strcmp(certificate->organ_id, order->organ_id) != 0)
        return TRIEN__ERROR__CERTIFICATE_UNKNOWN;
    return rule_may_revoke(certificate->state, certificate->not_after, now);
}

enum rc on_revocation_authorized(struct tx *tx, const void *in)
{
    const Trien__RevocationAuthorized *event = in;
    struct certificate_row certificate;
    Trien__Error code;
    bool found = false;
    const struct revocation_order order = {
        .cause = event->cause,
        .reason = event->reason,
        .invalidity_at = event->has_lost_at ? rule_invalidity(event->lost_at, tx->now) : 0,
        .request_id = event->request_id,
        .item_id = event->item_id,
    };

    TRY(store_lock_certificate(tx, event->certificate_serial, &found, &certificate));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_YET, "certificate %.40s is not known yet",
          event->certificate_serial);
    code = judge(&certificate, event, tx->now);
    return code == TRIEN__ERROR__NONE ? revoke(tx, &certificate, &order)
                                      : say_refused(tx, event, code);
}

/* --- time
 * -------------------------------------------------------------------------------------------- */

static enum rc say_expired(struct tx *tx, const struct certificate_row *certificate)
{
    Trien__CertificateExpired event = TRIEN__CERTIFICATE_EXPIRED__INIT;

    event.serial = (char *)certificate->serial;
    event.issuer = (char *)certificate->issuer;
    event.lineage_id = (char *)certificate->lineage_id;
    event.certificate_request_id = (char *)certificate->certificate_request_id;
    event.expired_at = certificate->not_after;
    event.device_serial = (char *)certificate->device_serial;
    event.subscriber_name = (char *)certificate->subscriber_name;
    event.organ_id = (char *)certificate->organ_id;
    return emit(tx, event.lineage_id, &event);
}

enum rc on_expiry_timer(struct tx *tx)
{
    struct certificate_row *certificates;
    size_t count = 0;

    /* not_after is the last second of validity */
    TRY(store_set_expired(tx, tx->now - USEC_PER_SECOND, EXPIRY_ROWS, &count, &certificates));
    for (size_t i = 0; i < count; i++)
        TRY(say_expired(tx, &certificates[i]));
    if (count == EXPIRY_ROWS)
        timer_again(tx);
    return RC_OK;
}

enum rc on_partition_timer(struct tx *tx)
{
    return store_make_partitions(tx, PARTITION_MONTHS);
}
