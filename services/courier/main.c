/* courier: key devices, their shipments, in whose hand they are. The tables below are the whole
 * service: which messages come in, who may send them, which go out. */
#include "proto/bus.pb-c.h"
#include "services/courier/courier.h"

#define CONF(member) offsetof(struct courier_conf, member)

static const struct conf_row conf_rows[] = {
    {"carriers", CONF_TREE, CONF(carriers), "",
     "carriers whose webhook is heard: <id> / name, secret_file, previous_secret_file", 0, 0, NULL},
    {"webhook/window", CONF_MS, CONF(webhook_window_ms), "5m",
     "how far the time a webhook was sent may lie from ours", 1000, 3600 * 1000, NULL},
    {0},
};

static const struct on_event events[] = {
    {.feed = "validation", .in = &trien__request_accepted__descriptor, .fn = on_request_accepted},
    {.feed = "validation",
     .in = &trien__device_reported__descriptor,
     .fn = on_device_reported,
     .out = {&trien__device_handed_over__descriptor, &trien__device_returned__descriptor,
             &trien__device_report_refused__descriptor}},
    {.feed = "signing",
     .in = &trien__key_awaited__descriptor,
     .fn = on_key_awaited,
     .out = {&trien__device_assigned__descriptor}},
    {.feed = "signing", .in = &trien__certificate_issued__descriptor, .fn = on_certificate_issued},
    {.feed = "signing", .in = &trien__issuance_failed__descriptor, .fn = on_issuance_failed},
    {.feed = "revocation",
     .in = &trien__certificate_revoked__descriptor,
     .fn = on_certificate_revoked,
     .out = {&trien__device_lost__descriptor}},
    {.feed = "revocation",
     .in = &trien__certificate_expired__descriptor,
     .fn = on_certificate_expired},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__add_devices__descriptor,
     .reply = &trien__add_devices_reply__descriptor,
     .from = "operator station",
     .fn = on_add_devices,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__retire_device__descriptor,
     .reply = &trien__retire_device_reply__descriptor,
     .from = "operator station",
     .fn = on_retire_device,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__initialise_device__descriptor,
     .reply = &trien__initialise_device_reply__descriptor,
     .from = "station",
     .fn = on_initialise_device,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__check_device__descriptor,
     .reply = &trien__check_device_reply__descriptor,
     .from = "officers",
     .fn = on_check_device,
     .out = {&trien__operator_acted__descriptor}},
    {.in = &trien__list_devices__descriptor,
     .reply = &trien__list_devices_reply__descriptor,
     .from = "operator station auditor",
     .fn = on_list_devices},
    {.in = &trien__dispatch_devices__descriptor,
     .reply = &trien__dispatch_devices_reply__descriptor,
     .from = "operator station",
     .fn = on_dispatch_devices,
     .out = {&trien__device_dispatched__descriptor, &trien__shipment_moved__descriptor,
             &trien__device_delivered__descriptor, &trien__device_lost__descriptor}},
    {.in = &trien__record_delivery__descriptor,
     .reply = &trien__record_delivery_reply__descriptor,
     .from = "operator",
     .fn = on_record_delivery,
     .out = {&trien__operator_acted__descriptor, &trien__shipment_moved__descriptor,
             &trien__device_delivered__descriptor, &trien__device_lost__descriptor}},
    {.in = &trien__list_shipments__descriptor,
     .reply = &trien__list_shipments_reply__descriptor,
     .from = "operator station auditor",
     .fn = on_list_shipments},
    {.in = &trien__list_carriers__descriptor,
     .reply = &trien__list_carriers_reply__descriptor,
     .from = "operator station auditor",
     .fn = on_list_carriers,
     .no_transaction = true},
    {0},
};

static const struct on_effect effects[] = {
    {.kind = "recall",
     .intent = &trien__recall_device__descriptor,
     .result = &trien__recall_due__descriptor,
     .act = recall_act,
     .done = recall_done,
     .failed = recall_failed,
     .out = {&trien__device_recalled__descriptor}},
    {0},
};

static const struct on_timer timers[] = {
    {.name = "stock",
     .period_ms = 500,
     .fn = on_stock_timer,
     .out = {&trien__device_assigned__descriptor}},
    {.name = "overdue",
     .period_ms = 60 * 1000,
     .fn = on_overdue_timer,
     .out = {&trien__recall_overdue__descriptor}},
    {.name = "figures", .period_ms = 5 * 1000, .fn = on_figures_timer},
    {.name = "partitions", .period_ms = 6 * 3600 * 1000, .fn = on_partition_timer},
    {0},
};

static const struct http_route routes[] = {
    {.method = "POST",
     .path = "/v1/tracking-events",
     .fn = http_tracking_events,
     .max_body_bytes = WEBHOOK_MAX_BYTES,
     .out = {&trien__shipment_moved__descriptor, &trien__device_delivered__descriptor,
             &trien__device_lost__descriptor}},
    {0},
};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};
static const char *const feed_readers[] = {"intake", "signing", "notification", "audit", NULL};

static const struct service service = {
    .name = "courier",
    .sentence = "keeps key devices: stock, orders, shipments, in whose hand each one is",
    .number = 3,
    .parts = parts,
    .conf_rows = conf_rows,
    .conf_size = sizeof(struct courier_conf),
    .statements = store_statements,
    .events = events,
    .calls = calls,
    .effects = effects,
    .timers = timers,
    .routes = routes,
    .states = courier_states,
    .feed_readers = feed_readers,
    .early = courier_early,
    .health = courier_health,
    .late = courier_late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
