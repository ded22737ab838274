/* Events and timers: orders begin here, and end here when they can never be issued. */
#include <string.h>

#include "services/signing/signing.h"

#define PARTITION_MONTHS_AHEAD 3
#define EXPIRY_ROWS 200

/* A partition of next month is there before the month is. */
enum rc on_partition_timer(struct tx *tx)
{
    return store_make_partitions(tx, PARTITION_MONTHS_AHEAD);
}

static enum rc ask_for_preparation(struct tx *tx, Trien__ItemAuthorized *item)
{
    Trien__PrepareOrder intent = TRIEN__PREPARE_ORDER__INIT;

    intent.order_id = item->item_id;
    intent.item = item;
    return effect_add(tx, "prepare", item->item_id, &intent, 0);
}

static enum rc say_key_awaited(struct tx *tx, const Trien__ItemAuthorized *item,
                               const Trien__Authorization *authorization)
{
    Trien__KeyAwaited event = TRIEN__KEY_AWAITED__INIT;

    event.request_id = item->request_id;
    event.item_id = item->item_id;
    event.order_id = item->item_id;
    event.lineage_id = authorization->lineage_id;
    event.device_kind = item->device_kind;
    return emit(tx, event.lineage_id, &event);
}

enum rc on_item_authorized(struct tx *tx, const void *in)
{
    const Trien__ItemAuthorized *item = in;
    Trien__Authorization *authorization;
    struct order_row order = {.state = item->has_csr_der ? "preparing" : "awaiting_key",
                              .device_kind = item->device_kind,
                              .subscriber_name = item->subscriber_name};
    size_t size = trien__item_authorized__get_packed_size(item);
    uint8_t *packed = arena_alloc(tx->arena, size);

    CHECK(rule_order_id(item->item_id, &order.id), &tx->err, TRIEN__ERROR__MALFORMED,
          "item id \"%.60s\"", item->item_id);
    TRY(rule_read_authorization(tx->arena, item, &tx->err, &authorization));
    order.profile = authorization->profile;
    order.expires_at = authorization->expires_at;
    order.item = bytes_of(packed, trien__item_authorized__pack(item, packed));
    TRY(store_insert_order(tx, &order));
    if (item->has_csr_der)
        return ask_for_preparation(tx, (Trien__ItemAuthorized *)(uintptr_t)item);
    return say_key_awaited(tx, item, authorization);
}

/* Courier assigns a device before a key is made on one; its feed may be read late, never early. */
enum rc on_device_assigned(struct tx *tx, const void *in)
{
    const Trien__DeviceAssigned *event = in;
    struct order_id id;
    bool known;

    CHECK(rule_order_id(event->order_id, &id), &tx->err, TRIEN__ERROR__MALFORMED,
          "order id \"%.60s\"", event->order_id);
    TRY(store_set_device_assigned(tx, &id, event->device_serial, event->assigned_at, &known));
    CHECK(known, &tx->err, TRIEN__ERROR__NOT_FOUND, "order %.60s", event->order_id);
    return RC_OK;
}

enum rc fail_order(struct tx *tx, const char *order_id, const Trien__ItemAuthorized *item,
                   const struct err *why)
{
    Trien__IssuanceFailed event = TRIEN__ISSUANCE_FAILED__INIT;
    Trien__Reason *reason = rule_reason(tx->arena, why);
    Trien__Authorization *authorization;
    struct order_id id;
    bool moved;

    CHECK(rule_order_id(order_id, &id), &tx->err, TRIEN__ERROR__INTERNAL, "order id \"%.60s\"",
          order_id);
    TRY(rule_read_authorization(tx->arena, item, &tx->err, &authorization));
    TRY(store_set_failed(tx, &id, why, &moved));
    if (!moved)
        return RC_OK;
    event.request_id = item->request_id;
    event.item_id = item->item_id;
    event.order_id = (char *)order_id;
    event.lineage_id = authorization->lineage_id;
    event.n_reasons = 1;
    event.reasons = &reason;
    event.failed_at = tx->now;
    return emit(tx, event.lineage_id, &event);
}

enum rc on_expiry_timer(struct tx *tx)
{
    struct order_row *orders;
    struct err why = {.code = TRIEN__ERROR__AUTHORIZATION_INVALID,
                      .detail = "the authorisation expired before a key was made"};
    size_t count;

    TRY(store_list_expired(tx, EXPIRY_ROWS, &orders, &count));
    for (size_t i = 0; i < count; i++) {
        const Trien__ItemAuthorized *item = trien__item_authorized__unpack(
            arena_allocator(tx->arena), orders[i].item.n, orders[i].item.p);
        CHECK(item, &tx->err, TRIEN__ERROR__INTERNAL, "a stored item cannot be read");
        TRY(fail_order(tx, item->item_id, item, &why));
    }
    if (count == EXPIRY_ROWS)
        timer_again(tx);
    return RC_OK;
}
