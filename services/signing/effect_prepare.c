/* From an authorised item to stored to-be-signed bytes. The act believes nobody: authorisation,
 * station, key and document are looked at again, whatever validation said. It stores nothing; done
 * stores all of it in one step or fails the order. */
#include <string.h>

#include "common/pb_bytes.h"
#include "services/signing/lint.h"
#include "services/signing/signing.h"
#include "services/signing/tbs.h"

/* What is authorised, by whom, for which key. */
static enum rc check_ground(struct fx *fx, const Trien__PrepareOrder *intent,
                            const Trien__Authorization *authorization, struct x509_csr *ret_csr)
{
    const struct signing *signing = fx->state;
    const Trien__ItemAuthorized *item = intent->item;
    bool from_device = intent->has_csr_der;
    Trien__DeviceStatement *statement;

    CHECK(from_device || item->has_csr_der, &fx->err, TRIEN__ERROR__POSSESSION_NOT_PROVED,
          "no key");
    TRY(rule_authorization_holds(signing->enrolled.registration_authority, item, authorization,
                                 fx->now, &fx->err));
    TRY(x509_csr_check(fx->arena, bytes_of_pb(from_device ? intent->csr_der : item->csr_der),
                       &fx->err, ret_csr));
    TRY(rule_key_is_authorized(authorization, ret_csr, &fx->err));
    if (!from_device)
        return RC_OK;
    CHECK(intent->has_statement && intent->station, &fx->err, TRIEN__ERROR__STATION_INVALID,
          "no statement of a station");
    return rule_station_holds(signing->enrolled.station, intent->order_id, authorization, ret_csr,
                              bytes_of_pb(intent->statement), intent->station, fx->now, fx->arena,
                              &fx->err, &statement);
}

static enum rc check_document(struct fx *fx, const Trien__ItemAuthorized *item,
                              const Trien__Authorization *authorization)
{
    json_t *request;
    enum rc rc;

    TRY(look_at_document(fx, item->request_id, bytes_of_pb(authorization->document_sha256),
                         item->received_at, &request));
    rc = rule_is_borne_out(request, item, authorization, fx->arena, &fx->err);
    json_decref(request);
    return rc;
}

static enum rc build(struct fx *fx, const Trien__Authorization *authorization,
                     const struct x509_csr *csr, Trien__PreparedOrder *prepared)
{
    const struct signing *signing = fx->state;
    const struct signing_conf *conf = fx->conf;
    const struct issuer *issuer = signing->current;
    struct tbs_order order = {
        .profile = profile_find(authorization->profile),
        .subject_der = bytes_of_pb(authorization->subject_der),
        .spki_der = csr->spki_der,
        .key_kind = csr->key_kind,
        .emails = (const char *const *)authorization->email,
        .email_count = authorization->n_email,
        .dns_names = (const char *const *)authorization->dns_name,
        .dns_count = authorization->n_dns_name,
        .ip_addresses = (const char *const *)authorization->ip_address,
        .ip_count = authorization->n_ip_address,
    };
    struct lint_report report;
    struct bytes der;

    TRY(tbs_random_serial(fx->arena, (uint8_t)conf->serial_prefix, &fx->err, &order.serial));
    TRY(tbs_validity(issuer, order.profile, fx->now, authorization->validity_days, &fx->err,
                     &order));
    TRY(tbs_build(issuer, &order, fx->arena, &fx->err, &der));
    TRY(lint_certificate(issuer, order.profile, der, NULL, fx->arena, &fx->err, &report));
    prepared->issuer = (char *)issuer->id;
    prepared->serial = pb_of_bytes(order.serial);
    prepared->tbs_der = pb_of_bytes(tbs_of(der));
    prepared->key_sha256 = pb_of_bytes(arena_bytes(fx->arena, bytes_of(csr->key_sha256, 32)));
    prepared->not_before = order.not_before_us;
    prepared->not_after = order.not_after_us;
    return RC_OK;
}

enum rc prepare_act(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const Trien__PrepareOrder *intent = in;
    Trien__PreparedOrder *prepared = ARENA_NEW(fx->arena, Trien__PreparedOrder);
    Trien__Authorization *authorization;
    struct x509_csr csr;

    trien__prepared_order__init(prepared);
    TRY(rule_read_authorization(fx->arena, intent->item, &fx->err, &authorization));
    TRY(check_ground(fx, intent, authorization, &csr));
    TRY(check_document(fx, intent->item, authorization));
    TRY(build(fx, authorization, &csr, prepared));
    *ret_result = &prepared->base;
    return RC_OK;
}

/* The signer's call, with everything that is needed to say CertificateIssued afterwards. */
static enum rc ask_for_signature(struct tx *tx, const Trien__PrepareOrder *intent,
                                 const Trien__PreparedOrder *prepared,
                                 const Trien__Authorization *authorization)
{
    Trien__SignOrder order = TRIEN__SIGN_ORDER__INIT;
    Trien__SignCertificate request = TRIEN__SIGN_CERTIFICATE__INIT;
    Trien__SubscriberGround ground = TRIEN__SUBSCRIBER_GROUND__INIT;
    Trien__DeviceStatement *statement = NULL;

    ground.authorization = intent->item->authorization;
    ground.registration_authority = intent->item->registration_authority;
    ground.has_statement = intent->has_statement;
    ground.statement = intent->statement;
    ground.station = intent->station;
    request.order_id = intent->order_id;
    request.issuer = prepared->issuer;
    request.tbs_der = prepared->tbs_der;
    request.profile = authorization->profile;
    request.ground_case = TRIEN__SIGN_CERTIFICATE__GROUND_SUBSCRIBER;
    request.subscriber = &ground;
    if (intent->has_statement)
        statement = trien__device_statement__unpack(arena_allocator(tx->arena),
                                                    intent->statement.len, intent->statement.data);
    order.request = &request;
    order.serial = prepared->serial;
    order.key_sha256 = prepared->key_sha256;
    order.not_before = prepared->not_before;
    order.not_after = prepared->not_after;
    order.request_id = intent->item->request_id;
    order.item_id = intent->item->item_id;
    order.lineage_id = authorization->lineage_id;
    order.device_serial = statement ? statement->device_serial : authorization->device_serial;
    order.subscriber_name = intent->item->subscriber_name;
    order.organ_id = intent->item->organ_id;
    order.subject =
        (char *)(uintptr_t)x509_name_text(tx->arena, bytes_of_pb(authorization->subject_der));
    return effect_add(tx, "sign", intent->order_id, &order, 0);
}

enum rc prepare_done(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__PrepareOrder *intent = in;
    const Trien__PreparedOrder *prepared = result;
    Trien__Authorization *authorization;
    struct err reused = {.code = TRIEN__ERROR__KEY_REUSED,
                         .detail = "the key belongs to another lineage"};
    struct order_id id;
    bool mine, moved;

    CHECK(rule_order_id(key, &id), &tx->err, TRIEN__ERROR__INTERNAL, "order id");
    TRY(rule_read_authorization(tx->arena, intent->item, &tx->err, &authorization));
    const struct intent row = {.order_id = key,
                               .lineage_id = authorization->lineage_id,
                               .issuer = prepared->issuer,
                               .serial = bytes_of_pb(prepared->serial),
                               .key_sha256 = bytes_of_pb(prepared->key_sha256),
                               .tbs_der = bytes_of_pb(prepared->tbs_der)};
    TRY(store_set_prepared(tx, &id, &row, &mine, &moved));
    if (!mine)
        return fail_order(tx, key, intent->item, &reused);
    return moved ? ask_for_signature(tx, intent, prepared, authorization) : RC_OK;
}

enum rc prepare_failed(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    const Trien__PrepareOrder *intent = in;

    return fail_order(tx, key, intent->item, why);
}
