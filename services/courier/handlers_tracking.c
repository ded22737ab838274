/* POST /v1/tracking-events: what carriers say. Nothing is parsed before its signature verified; a
 * repeat finds its events there and changes nothing, so a replay inside the window is harmless. */
#include <string.h>

#include "common/metrics.h"
#include "services/courier/courier.h"

METRIC_FAMILY(webhooks) = {
    .kind = METRIC_COUNTER,
    .name = "trien_courier_webhooks_total",
    .help = "Calls of carriers by carrier (empty: none that is known) and outcome.",
    .labels = "carrier,outcome"};
METRIC_FAMILY(tracking_events) = {.kind = METRIC_COUNTER,
                                  .name = "trien_courier_tracking_events_total",
                                  .help = "Tracking events by carrier and whether they were new.",
                                  .labels = "carrier,outcome"};

/* Who signed the body. */
static enum rc authenticate(struct tx *tx, const struct http_request *request,
                            const struct carrier **ret_carrier)
{
    const char *header = http_header(request, "Trien-Signature");
    const struct carrier *carrier = NULL;
    struct bytes mac;

    if (header && rule_webhook_signature(tx->arena, header, &mac))
        carrier = courier_signer_of(tx->state, request->body, mac);
    if (!carrier)
        metric_add(&webhooks, 1, METRIC_LABELS("", "forged"));
    CHECK(carrier, &tx->err, TRIEN__ERROR__WEBHOOK_SIGNATURE, "%s",
          header ? "no carrier's secret made this signature" : "no Trien-Signature");
    *ret_carrier = carrier;
    return RC_OK;
}

/* What it says, if it may say it. */
static enum rc read_body(struct tx *tx, const struct carrier *carrier, struct bytes body,
                         struct webhook *webhook)
{
    const struct courier_conf *conf = tx->conf;

    TRY(rule_webhook_read(tx->arena, body, &tx->err, webhook));
    err_field(&tx->err, "/carrier");
    CHECK(strcmp(webhook->carrier, carrier->id) == 0, &tx->err, TRIEN__ERROR__WEBHOOK_SIGNATURE,
          "signed by %s, said to be of %s", carrier->id, webhook->carrier);
    err_clear(&tx->err);
    return rule_webhook_times(webhook, tx->now, conf->webhook_window_ms * USEC_PER_MS, &tx->err);
}

static enum rc move_shipments(struct tx *tx, const struct carrier *carrier,
                              const char *const *numbers, size_t count)
{
    struct shipment_row *shipments;

    if (count == 0)
        return RC_OK;
    TRY(store_list_shipments_of_numbers(tx, carrier->id, numbers, count, &shipments, &count));
    for (size_t i = 0; i < count; i++)
        TRY(shipment_refold(tx, &shipments[i]));
    return RC_OK;
}

static void answer(struct tx *tx, struct http_response *response, size_t fresh, size_t repeated)
{
    http_json(response, 200,
              arena_printf(tx->arena, "{\"accepted\":%zu,\"repeated\":%zu}", fresh, repeated));
}

enum rc http_tracking_events(struct tx *tx, const struct http_request *request,
                             struct http_response *response)
{
    const struct carrier *carrier = NULL;
    const char *const *numbers;
    struct webhook webhook;
    size_t count, fresh;
    enum rc rc;

    TRY(authenticate(tx, request, &carrier));
    rc = read_body(tx, carrier, request->body, &webhook);
    metric_add(&webhooks, 1, METRIC_LABELS(carrier->id, rc == RC_OK ? "taken" : "refused"));
    TRY(rc);
    tx->principal = arena_printf(tx->arena, "carrier %s", carrier->id); /* stands in custody */
    TRY(store_insert_events(tx, &webhook, &numbers, &count, &fresh));
    metric_add(&tracking_events, (double)fresh, METRIC_LABELS(carrier->id, "new"));
    metric_add(&tracking_events, (double)(webhook.count - fresh),
               METRIC_LABELS(carrier->id, "repeated"));
    TRY(move_shipments(tx, carrier, numbers, count));
    answer(tx, response, fresh, webhook.count - fresh);
    return RC_OK;
}
