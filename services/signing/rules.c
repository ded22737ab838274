/* What must hold before an order is believed. Each rule asks one question. */
#include "services/signing/rules.h"

#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/pb_bytes.h"
#include "common/subscriber.h"
#include "services/signing/profile.h"

bool rule_order_id(const char *text, struct order_id *ret_id)
{
    struct order_id id;
    char uuid[37] = "";
    char *end;
    long number;

    if (strnlen(text, 38) < 38 || text[36] != '/' || text[37] < '1' || text[37] > '9')
        return false;
    memcpy(uuid, text, 36);
    number = strtol(text + 37, &end, 10);
    if (*end || number > 1000000 || !bus_uuid_parse(uuid, id.request))
        return false;
    id.number = (int32_t)number;
    *ret_id = id;
    return true;
}

const char *rule_order_text(struct arena *arena, const struct order_id *id)
{
    return arena_printf(arena, "%s/%d", bus_uuid_text(arena, id->request), (int)id->number);
}

enum rc rule_read_authorization(struct arena *arena, const Trien__ItemAuthorized *item,
                                struct err *err, Trien__Authorization **ret_authorization)
{
    Trien__Authorization *authorization = trien__authorization__unpack(
        arena_allocator(arena), item->authorization.len, item->authorization.data);

    CHECK(authorization && authorization->version == 1 && !strcmp(authorization->action, "issue"),
          err, TRIEN__ERROR__AUTHORIZATION_INVALID, "not an authorisation to issue");
    CHECK(!strcmp(authorization->item_id, item->item_id) &&
              !strcmp(authorization->request_id, item->request_id),
          err, TRIEN__ERROR__AUTHORIZATION_INVALID, "the authorisation is about another item");
    *ret_authorization = authorization;
    return RC_OK;
}

enum rc rule_authorization_holds(const struct x509_ring *registration,
                                 const Trien__ItemAuthorized *item,
                                 const Trien__Authorization *authorization, usec now,
                                 struct err *err)
{
    CHECK(x509_ring_verify(registration, bytes_of_pb(item->authorization),
                           item->registration_authority),
          err, TRIEN__ERROR__AUTHORIZATION_INVALID, "not signed by an enrolled key");
    CHECK(now < authorization->expires_at, err, TRIEN__ERROR__AUTHORIZATION_INVALID,
          "the authorisation has expired");
    return RC_OK;
}

enum rc rule_key_is_authorized(const Trien__Authorization *authorization,
                               const struct x509_csr *csr, struct err *err)
{
    const struct profile *profile = profile_find(authorization->profile);

    CHECK(profile, err, TRIEN__ERROR__PROFILE_UNKNOWN, "%s", authorization->profile);
    CHECK(!authorization->has_key_sha256 ||
              bytes_equal(bytes_of_pb(authorization->key_sha256), bytes_of(csr->key_sha256, 32)),
          err, TRIEN__ERROR__BEYOND_AUTHORIZATION, "another key was authorised");
    CHECK(profile_accepts_key(profile, csr->key_kind), err, TRIEN__ERROR__KEY_WEAK,
          "profile %s takes no %s key", profile->name, csr->key_kind);
    return RC_OK;
}

enum rc rule_station_holds(const struct x509_ring *stations, const char *order_id,
                           const Trien__Authorization *authorization, const struct x509_csr *csr,
                           struct bytes statement, const Trien__KeySignature *station, usec now,
                           struct arena *arena, struct err *err,
                           Trien__DeviceStatement **ret_statement)
{
    Trien__DeviceStatement *said =
        trien__device_statement__unpack(arena_allocator(arena), statement.n, statement.p);

    CHECK(said && said->version == 1 && said->base.n_unknown_fields == 0, err,
          TRIEN__ERROR__STATION_INVALID, "no device statement of version 1");
    CHECK(x509_ring_verify(stations, statement, station), err, TRIEN__ERROR__STATION_INVALID,
          "not signed by an enrolled key of a station");
    CHECK(!strcmp(said->order_id, order_id), err, TRIEN__ERROR__STATION_INVALID,
          "the statement is about another order");
    CHECK(bytes_equal(bytes_of_pb(said->key_sha256), bytes_of(csr->key_sha256, 32)), err,
          TRIEN__ERROR__STATION_INVALID, "the statement is about another key");
    CHECK(*said->device_serial && (!authorization->device_serial ||
                                   !strcmp(said->device_serial, authorization->device_serial)),
          err, TRIEN__ERROR__STATION_INVALID, "another device was authorised");
    CHECK(said->stated_at >= authorization->authorized_at - RULE_STATION_SKEW &&
              said->stated_at <= now + RULE_STATION_SKEW,
          err, TRIEN__ERROR__STATION_INVALID,
          "the station's clock is off: it says %s, here it is %s",
          clock_utc_text(arena, said->stated_at), clock_utc_text(arena, now));
    *ret_statement = said;
    return RC_OK;
}

enum rc rule_device_is_assigned(const char *assigned, const Trien__DeviceStatement *statement,
                                struct err *err)
{
    CHECK(assigned, err, TRIEN__ERROR__NOT_YET, "no device is assigned to the order");
    CHECK(!strcmp(assigned, statement->device_serial), err, TRIEN__ERROR__DEVICE_NOT_THE_ASSIGNED,
          "device %s is assigned, not %.64s", assigned, statement->device_serial);
    return RC_OK;
}

/* None and none, or one and the same. */
static bool same_name(const char *in_document, size_t count, char *const *authorized)
{
    return in_document ? count == 1 && !strcmp(in_document, authorized[0]) : count == 0;
}

static bool same_key(const struct subscriber *subscriber, const Trien__ItemAuthorized *item,
                     struct arena *arena)
{
    struct err ignored = {0};
    struct bytes der;

    if (!subscriber->csr_pem || !item->has_csr_der)
        return !subscriber->csr_pem && !item->has_csr_der;
    return x509_csr_decode(arena, bytes_of_text(subscriber->csr_pem), &ignored, &der) == RC_OK &&
           bytes_equal(der, bytes_of_pb(item->csr_der));
}

static const char *organ_of(const json_t *request)
{
    const char *organ =
        json_string_value(json_object_get(json_object_get(request, "agency"), "organ_id"));

    return organ ? organ : "";
}

enum rc rule_is_borne_out(const json_t *request, const Trien__ItemAuthorized *item,
                          const Trien__Authorization *authorization, struct arena *arena,
                          struct err *err)
{
    struct subscriber row;

    if (subscriber_read(arena, request, item->row, err, &row) != RC_OK)
        FAIL(err, TRIEN__ERROR__ORDER_NOT_BORNE_OUT, "row %u: %s", item->row,
             err_entry(err->code)->name);
    const struct {
        bool same;
        const char *what;
    } questions[] = {
        {!strcmp(row.profile, authorization->profile), "profile"},
        {bytes_equal(row.subject_der, bytes_of_pb(authorization->subject_der)), "subject"},
        {same_name(row.email, authorization->n_email, authorization->email), "email"},
        {same_name(row.dns_name, authorization->n_dns_name, authorization->dns_name), "dns_name"},
        {same_name(row.ip_address, authorization->n_ip_address, authorization->ip_address),
         "ip_address"},
        {!strcmp(row.device_kind, item->device_kind), "device_kind"},
        {same_key(&row, item, arena), "csr"},
        {!strcmp(organ_of(request), item->organ_id), "organ_id"},
    };
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        err_field(err, "/subscribers/%u", item->row);
        CHECK(questions[i].same, err, TRIEN__ERROR__ORDER_NOT_BORNE_OUT,
              "the document says another %s", questions[i].what);
    }
    err_field(err, "%s", "");
    return RC_OK;
}

Trien__Reason *rule_reason(struct arena *arena, const struct err *why)
{
    const struct err_entry *entry = err_entry(why->code);
    Trien__Reason *reason = ARENA_NEW(arena, Trien__Reason);

    trien__reason__init(reason);
    reason->code = why->code;
    if (why->field[0])
        reason->field = arena_strdup(arena, why->field);
    reason->text_vi = (char *)entry->vi;
    reason->text_en = (char *)entry->en;
    return reason;
}

enum rc rule_approval(struct arena *arena, struct bytes approval, const struct x509_csr *csr,
                      usec now, struct err *err, Trien__ResponderApproval **ret_approval)
{
    Trien__ResponderApproval *said =
        trien__responder_approval__unpack(arena_allocator(arena), approval.n, approval.p);

    CHECK(said && said->version == 1, err, TRIEN__ERROR__MALFORMED, "no responder approval");
    CHECK(bytes_equal(bytes_of_pb(said->key_sha256), bytes_of(csr->key_sha256, 32)), err,
          TRIEN__ERROR__BEYOND_AUTHORIZATION, "another key was approved");
    CHECK(now < said->expires_at, err, TRIEN__ERROR__BEYOND_AUTHORIZATION,
          "the approval has expired");
    err_field(err, "validity_days");
    CHECK(said->validity_days >= 1 && said->validity_days <= RULE_RESPONDER_MAX_DAYS, err,
          TRIEN__ERROR__FIELD_INVALID, "1 to %u days", RULE_RESPONDER_MAX_DAYS);
    err_field(err, "expires_at");
    CHECK(said->expires_at - now <= RULE_APPROVAL_MAX_DAYS * USEC_PER_DAY, err,
          TRIEN__ERROR__FIELD_INVALID, "%d days at most", RULE_APPROVAL_MAX_DAYS);
    err_field(err, "subject_der");
    CHECK(x509_name_find(arena, bytes_of_pb(said->subject_der), NID_commonName), err,
          TRIEN__ERROR__FIELD_INVALID, "no common name");
    err_field(err, "%s", "");
    *ret_approval = said;
    return RC_OK;
}
