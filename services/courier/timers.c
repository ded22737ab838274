/* What happens by time: orders that waited for a device, recalls that are overdue, figures for the
 * operator, next month's partitions. */
#include "common/metrics.h"
#include "services/courier/courier.h"

#define SERVED_A_TURN 200
#define OVERDUE_A_TURN 200
#define STALE_S 20 /* four periods: another replica shows them */

METRIC_FAMILY(stock) = {.kind = METRIC_GAUGE,
                        .name = "trien_courier_devices_in_stock",
                        .help = "Devices in stock by kind.",
                        .labels = "device_kind",
                        .stale_after_s = STALE_S};
METRIC_FAMILY(waiting) = {.kind = METRIC_GAUGE,
                          .name = "trien_courier_orders_waiting_for_device",
                          .help = "Orders whose key awaits a device that is not in stock.",
                          .labels = "device_kind",
                          .stale_after_s = STALE_S};
METRIC_FAMILY(waiting_seconds) = {.kind = METRIC_GAUGE,
                                  .name = "trien_courier_orders_waiting_seconds",
                                  .help = "How long the longest waiting order has waited.",
                                  .labels = "device_kind",
                                  .stale_after_s = STALE_S};
METRIC_FAMILY(overdue) = {.kind = METRIC_GAUGE,
                          .name = "trien_courier_recalls_overdue",
                          .help = "Recalled devices that are not back by their day.",
                          .stale_after_s = STALE_S};

METRIC_FAMILY(gone_valid) = {
    .kind = METRIC_GAUGE,
    .name = "trien_courier_lost_certificates_valid",
    .help = "Lost or destroyed devices whose certificate is neither revoked nor over.",
    .stale_after_s = STALE_S};

enum rc on_stock_timer(struct tx *tx)
{
    struct waiting_row *orders;
    size_t count, served = 0;

    TRY(store_list_waiting(tx, SERVED_A_TURN, &orders, &count));
    for (size_t i = 0; i < count; i++) {
        bool assigned;
        TRY(assign_device(tx, &orders[i], &assigned));
        if (assigned)
            TRY(store_delete_waiting(tx, &orders[i].order));
        served += assigned;
    }
    if (served == SERVED_A_TURN)
        timer_again(tx);
    return RC_OK;
}

enum rc on_overdue_timer(struct tx *tx)
{
    struct overdue_row *devices;
    size_t count;

    TRY(store_claim_overdue(tx, clock_civil_day(tx->now), OVERDUE_A_TURN, &devices, &count));
    for (size_t i = 0; i < count; i++) {
        Trien__RecallOverdue event = TRIEN__RECALL_OVERDUE__INIT;
        event.device_serial = (char *)devices[i].serial;
        event.certificate_request_id = (char *)devices[i].request_id;
        event.certificate_item_id = (char *)devices[i].item_id;
        event.due_on = (char *)devices[i].due_on;
        TRY(emit(tx, devices[i].serial, &event));
    }
    if (count == OVERDUE_A_TURN)
        timer_again(tx);
    return RC_OK;
}

static enum rc show_waiting(struct tx *tx)
{
    static const char *const kinds[] = {"pki_token", "sim_pki"};
    struct courier *courier = tx->state;
    struct figure_row *rows;
    long long total = 0;
    size_t count;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        metric_set(&waiting, 0, METRIC_LABELS(kinds[i]));
        metric_set(&waiting_seconds, 0, METRIC_LABELS(kinds[i]));
    }
    TRY(store_count_waiting(tx, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        total += rows[i].count;
        metric_set(&waiting, (double)rows[i].count, METRIC_LABELS(rows[i].kind));
        metric_set(&waiting_seconds, (double)(tx->now - rows[i].since) / 1e6,
                   METRIC_LABELS(rows[i].kind));
    }
    atomic_store(&courier->waiting_orders, total);
    return RC_OK;
}

enum rc on_figures_timer(struct tx *tx)
{
    struct figure_row *rows;
    int64_t late, valid;
    size_t count;

    TRY(show_waiting(tx));
    TRY(store_count_stock(tx, &rows, &count));
    for (size_t i = 0; i < count; i++)
        metric_set(&stock, (double)rows[i].count, METRIC_LABELS(rows[i].kind));
    TRY(store_count_overdue(tx, &late));
    metric_set(&overdue, (double)late, NULL);
    TRY(store_count_gone_valid(tx, &valid));
    metric_set(&gone_valid, (double)valid, NULL);
    return RC_OK;
}

enum rc on_partition_timer(struct tx *tx)
{
    return store_make_partitions(tx, PARTITION_MONTHS_AHEAD);
}
