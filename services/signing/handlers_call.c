/* Calls of station, operator and status: work orders, keys made on devices, certificates. */
#include <string.h>

#include "common/bus.h"
#include "common/pb_bytes.h"
#include "services/signing/signing.h"

#define LIST_MAX 500

static int limit_of(protobuf_c_boolean has, uint32_t limit)
{
    return has && limit > 0 && limit < LIST_MAX ? (int)limit : LIST_MAX;
}

static enum rc read_item(struct tx *tx, struct bytes packed, Trien__ItemAuthorized **ret_item,
                         Trien__Authorization **ret_authorization)
{
    Trien__ItemAuthorized *item =
        trien__item_authorized__unpack(arena_allocator(tx->arena), packed.n, packed.p);

    CHECK(item, &tx->err, TRIEN__ERROR__INTERNAL, "a stored item cannot be read");
    *ret_item = item;
    return rule_read_authorization(tx->arena, item, &tx->err, ret_authorization);
}

static enum rc work_order_of(struct tx *tx, const struct order_row *order,
                             Trien__WorkOrder **ret_row)
{
    Trien__WorkOrder *row = ARENA_NEW(tx->arena, Trien__WorkOrder);
    const struct profile *profile = profile_find(order->profile);
    Trien__ItemAuthorized *item;
    Trien__Authorization *authorization;
    const char *subject;

    TRY(read_item(tx, order->item, &item, &authorization));
    subject = x509_name_text(tx->arena, bytes_of_pb(authorization->subject_der));
    trien__work_order__init(row);
    row->order_id = row->item_id = item->item_id;
    row->subscriber_name = item->subscriber_name;
    row->subject = (char *)(subject ? subject : "");
    row->profile = (char *)order->profile;
    row->device_kind = (char *)order->device_kind;
    row->state = (char *)order->state;
    row->key_kind = (char *)(profile ? profile_device_key_kind(profile, order->device_kind) : "");
    row->created_at = order->created_at;
    row->device_serial = (char *)order->device_serial;
    *ret_row = row;
    return RC_OK;
}

enum rc on_list_work_orders(struct tx *tx, const void *in, void *out)
{
    const Trien__ListWorkOrders *ask = in;
    Trien__ListWorkOrdersReply *reply = out;
    const char *state = ask->state ? ask->state : ask->request_id ? NULL : "awaiting_key";
    struct order_row *orders;
    uint8_t request_id[16];
    size_t count;

    CHECK(!ask->request_id || bus_uuid_parse(ask->request_id, request_id), &tx->err,
          TRIEN__ERROR__MALFORMED, "request_id is no UUID");
    CHECK(ask->request_id || !strcmp(state, "awaiting_key"), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "orders of all requests can be listed only while they await a key");
    TRY(store_list_orders(tx, state, ask->request_id ? request_id : NULL,
                          limit_of(ask->has_limit, ask->limit), &orders, &count));
    reply->orders = ARENA_ARRAY(tx->arena, Trien__WorkOrder *, count);
    for (size_t i = 0; i < count; i++)
        TRY(work_order_of(tx, &orders[i], &reply->orders[i]));
    reply->n_orders = count;
    return RC_OK;
}

/* A station that did not hear the answer says the same again. */
static enum rc repeated_or_refused(struct tx *tx, const struct order_row *order,
                                   const Trien__SubmitDeviceKey *ask,
                                   Trien__SubmitDeviceKeyReply *reply)
{
    struct bytes statement;

    TRY(store_find_statement(tx, &order->id, &statement));
    CHECK(statement.n, &tx->err, TRIEN__ERROR__WRONG_STATE, "the order is %s", order->state);
    CHECK(bytes_equal(statement, bytes_of_pb(ask->statement)), &tx->err,
          TRIEN__ERROR__ORDER_CONFLICT, "the order was given another key");
    reply->state = (char *)order->state;
    return RC_OK;
}

static enum rc check_key(struct tx *tx, const Trien__SubmitDeviceKey *ask,
                         const struct order_row *order, const Trien__ItemAuthorized *item,
                         const Trien__Authorization *authorization)
{
    const struct signing *signing = tx->state;
    Trien__DeviceStatement *statement;
    struct x509_csr csr;
    const char *lineage;

    TRY(rule_authorization_holds(signing->enrolled.registration_authority, item, authorization,
                                 tx->now, &tx->err));
    TRY(x509_csr_check(tx->arena, bytes_of_pb(ask->csr_der), &tx->err, &csr));
    TRY(rule_key_is_authorized(authorization, &csr, &tx->err));
    TRY(rule_station_holds(signing->enrolled.station, ask->order_id, authorization, &csr,
                           bytes_of_pb(ask->statement), ask->station, tx->now, tx->arena, &tx->err,
                           &statement));
    TRY(rule_device_is_assigned(order->device_serial, statement, &tx->err));
    TRY(store_find_key(tx, bytes_of(csr.key_sha256, 32), &lineage));
    CHECK(!lineage || !strcmp(lineage, authorization->lineage_id), &tx->err,
          TRIEN__ERROR__KEY_REUSED, "the key belongs to another lineage");
    return RC_OK;
}

static enum rc accept_key(struct tx *tx, const Trien__SubmitDeviceKey *ask,
                          const struct order_row *order, Trien__ItemAuthorized *item)
{
    Trien__PrepareOrder intent = TRIEN__PREPARE_ORDER__INIT;
    const struct device_key key = {.csr_der = bytes_of_pb(ask->csr_der),
                                   .statement = bytes_of_pb(ask->statement),
                                   .signature = bytes_of_pb(ask->station->signature),
                                   .key_id = ask->station->key_id};
    bool moved;

    TRY(store_set_device_key(tx, &order->id, &key, &moved));
    CHECK(moved, &tx->err, TRIEN__ERROR__DATABASE_CONFLICT, "another station was faster");
    intent.order_id = ask->order_id;
    intent.item = item;
    intent.has_csr_der = intent.has_statement = true;
    intent.csr_der = ask->csr_der;
    intent.statement = ask->statement;
    intent.station = ask->station;
    return effect_add(tx, "prepare", ask->order_id, &intent, 0);
}

enum rc on_submit_device_key(struct tx *tx, const void *in, void *out)
{
    const Trien__SubmitDeviceKey *ask = in;
    Trien__SubmitDeviceKeyReply *reply = out;
    Trien__ItemAuthorized *item;
    Trien__Authorization *authorization;
    struct order_row order;
    struct order_id id;
    bool found = false;

    if (rule_order_id(ask->order_id, &id))
        TRY(store_find_order(tx, &id, &found, &order));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_FOUND, "order %.60s", ask->order_id);
    if (strcmp(order.state, "awaiting_key") != 0)
        return repeated_or_refused(tx, &order, ask, reply);
    TRY(read_item(tx, order.item, &item, &authorization));
    TRY(check_key(tx, ask, &order, item, authorization));
    TRY(accept_key(tx, ask, &order, item));
    reply->state = (char *)"preparing";
    return RC_OK;
}

static Trien__CertificateRow *certificate_of(struct arena *arena, const struct certificate_row *in)
{
    Trien__CertificateRow *row = ARENA_NEW(arena, Trien__CertificateRow);
    const char *serial = bytes_to_hex(arena, in->serial);

    while (serial[0] == '0' && serial[1])
        serial++;
    trien__certificate_row__init(row);
    row->serial = (char *)serial;
    row->order_id = row->item_id = (char *)rule_order_text(arena, &in->id);
    row->request_id = (char *)bus_uuid_text(arena, in->id.request);
    row->certificate_der =
        (ProtobufCBinaryData){in->certificate_der.n, (uint8_t *)(uintptr_t)in->certificate_der.p};
    row->profile = (char *)in->profile;
    row->issuer = (char *)in->issuer;
    return row;
}

/* The order an ask is about: named by itself or by its serial. */
static enum rc order_asked_for(struct tx *tx, const Trien__FindCertificate *ask,
                               const char **ret_order_id)
{
    struct bytes serial;
    const char *hex = ask->serial;

    *ret_order_id = ask->order_id;
    if (ask->order_id)
        return RC_OK;
    CHECK(hex && strlen(hex) <= 40, &tx->err, TRIEN__ERROR__FIELD_MISSING, "serial or order_id");
    if (strlen(hex) % 2)
        hex = arena_printf(tx->arena, "0%s", hex);
    CHECK(bytes_from_hex(tx->arena, hex, &serial), &tx->err, TRIEN__ERROR__MALFORMED,
          "serial is not hexadecimal");
    return store_find_serial(tx, serial, ret_order_id);
}

enum rc on_find_certificate(struct tx *tx, const void *in, void *out)
{
    const Trien__FindCertificate *ask = in;
    Trien__FindCertificateReply *reply = out;
    struct certificate_row certificate;
    struct order_row order;
    struct order_id id;
    const char *order_id;
    bool found = false;

    TRY(order_asked_for(tx, ask, &order_id));
    if (order_id && rule_order_id(order_id, &id))
        TRY(store_find_order(tx, &id, &found, &order));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such order");
    reply->order_state = (char *)order.state;
    TRY(store_find_certificate(tx, &id, &found, &certificate));
    if (found && (!ask->issuer || !strcmp(ask->issuer, certificate.issuer)))
        reply->certificate = certificate_of(tx->arena, &certificate);
    return RC_OK;
}

enum rc on_list_certificates(struct tx *tx, const void *in, void *out)
{
    const Trien__ListCertificates *ask = in;
    Trien__ListCertificatesReply *reply = out;
    struct certificate_row *rows;
    struct order_id after = {0};
    size_t count;

    CHECK(!ask->after || rule_order_id(ask->after, &after), &tx->err, TRIEN__ERROR__MALFORMED,
          "after is no order");
    TRY(store_list_certificates(tx, &after, limit_of(ask->has_limit, ask->limit), &rows, &count));
    reply->certificates = ARENA_ARRAY(tx->arena, Trien__CertificateRow *, count);
    for (size_t i = 0; i < count; i++)
        reply->certificates[i] = certificate_of(tx->arena, &rows[i]);
    reply->n_certificates = count;
    return RC_OK;
}
