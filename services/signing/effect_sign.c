/* Has stored bytes signed and the certificate put together. The signer gives the same answer to the
 * same order, so the act may be repeated; what comes back is believed only when it verifies. */
#include <string.h>

#include "common/pb_bytes.h"
#include "common/subscriber.h"
#include "services/signing/signing.h"
#include "services/signing/tbs.h"

#define SIGNER_DEADLINE_MS 20000

enum rc sign_act(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const struct signing *signing = fx->state;
    const Trien__SignOrder *order = in;
    const struct issuer *issuer = signing_issuer(signing, order->request->issuer);
    Trien__SignCertificateReply *reply = NULL;
    Trien__SignedOrder *signed_order = ARENA_NEW(fx->arena, Trien__SignedOrder);
    struct bytes der;

    CHECK(issuer, &fx->err, TRIEN__ERROR__PEER_UNAVAILABLE,
          "this process does not know the certificate of %s", order->request->issuer);
    TRY(fx_call(fx, "signer", order->request, &trien__sign_certificate_reply__descriptor,
                SIGNER_DEADLINE_MS, order->request->order_id, &reply));
    TRY(tbs_assemble(issuer, bytes_of_pb(order->request->tbs_der), bytes_of_pb(reply->signature),
                     fx->arena, &fx->err, &der));
    trien__signed_order__init(signed_order);
    signed_order->certificate_der = (ProtobufCBinaryData){der.n, (uint8_t *)(uintptr_t)der.p};
    *ret_result = &signed_order->base;
    return RC_OK;
}

static const char *serial_text(struct arena *arena, ProtobufCBinaryData serial)
{
    const char *hex = bytes_to_hex(arena, bytes_of_pb(serial));

    while (hex[0] == '0' && hex[1])
        hex++;
    return hex;
}

static enum rc say_issued(struct tx *tx, const char *order_id, const Trien__SignOrder *order,
                          const Trien__SignedOrder *signed_order)
{
    Trien__CertificateIssued event = TRIEN__CERTIFICATE_ISSUED__INIT;

    event.request_id = order->request_id;
    event.item_id = order->item_id;
    event.order_id = (char *)order_id;
    event.lineage_id = order->lineage_id;
    event.profile = order->request->profile;
    event.issuer = order->request->issuer;
    event.serial = (char *)serial_text(tx->arena, order->serial);
    event.subject = order->subject;
    event.certificate_der = signed_order->certificate_der;
    event.not_before = order->not_before;
    event.not_after = order->not_after;
    event.key_sha256 = order->key_sha256;
    event.device_serial = order->device_serial;
    event.issued_at = tx->now;
    event.subscriber_name = order->subscriber_name;
    event.organ_id = order->organ_id;
    return emit(tx, event.lineage_id, &event);
}

enum rc sign_done(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__SignOrder *order = in;
    const Trien__SignedOrder *signed_order = result;
    struct certificate_row row = {.serial = bytes_of_pb(order->serial),
                                  .certificate_der = bytes_of_pb(signed_order->certificate_der),
                                  .profile = order->request->profile,
                                  .issuer = order->request->issuer,
                                  .not_before = order->not_before,
                                  .not_after = order->not_after};

    if (!order->item_id)
        return store_set_responder_issued(tx, key, bytes_of_pb(signed_order->certificate_der));
    CHECK(rule_order_id(key, &row.id), &tx->err, TRIEN__ERROR__INTERNAL, "order id");
    TRY(store_set_issued(tx, &row));
    return say_issued(tx, key, order, signed_order);
}

enum rc sign_failed(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    const Trien__SignOrder *order = in;
    Trien__ItemAuthorized *item;
    struct order_row row;
    struct order_id id;
    bool found;

    if (!order->item_id)
        return store_set_responder_failed(tx, key, why);
    CHECK(rule_order_id(key, &id), &tx->err, TRIEN__ERROR__INTERNAL, "order id");
    TRY(store_find_order(tx, &id, &found, &row));
    item = found
               ? trien__item_authorized__unpack(arena_allocator(tx->arena), row.item.n, row.item.p)
               : NULL;
    CHECK(item, &tx->err, TRIEN__ERROR__INTERNAL, "the order's item cannot be read");
    return fail_order(tx, key, item, why);
}
