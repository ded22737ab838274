/* Who vouches for an order. Believes only signatures of enrolled keys over the bytes that are here,
 * and only messages it understands to the last field: a field it does not know could be a
 * restriction. */
#include <string.h>

#include "common/pb_bytes.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"
#include "services/signer/rules.h"

static const char *hex_digest(struct arena *arena, struct bytes in)
{
    uint8_t digest[32];

    bytes_sha256(in, digest);
    return bytes_to_hex(arena, bytes_of(digest, sizeof(digest)));
}

/* --- subscribers ---------------------------------------------------------------------------------
 */

static enum rc read_authorization(const Trien__SubscriberGround *in,
                                  const struct x509_enrolled *rings, struct arena *arena,
                                  struct err *err, Trien__Authorization **ret_authorization)
{
    Trien__Authorization *a;

    CHECK(x509_ring_verify(rings->registration_authority, bytes_of_pb(in->authorization),
                           in->registration_authority),
          err, TRIEN__ERROR__AUTHORIZATION_INVALID,
          "not signed by an enrolled key of the registration authority");
    a = trien__authorization__unpack(arena_allocator(arena), in->authorization.len,
                                     in->authorization.data);
    CHECK(a && a->base.n_unknown_fields == 0 && a->version == 1, err,
          TRIEN__ERROR__AUTHORIZATION_INVALID, "not an authorisation of version 1");
    CHECK(strcmp(a->action, "issue") == 0, err, TRIEN__ERROR__AUTHORIZATION_INVALID,
          "action %.32s is not known", a->action);
    CHECK(!a->has_key_sha256 || a->key_sha256.len == 32, err, TRIEN__ERROR__AUTHORIZATION_INVALID,
          "the key's digest is no SHA-256");
    *ret_authorization = a;
    return RC_OK;
}

static enum rc check_statement(const Trien__DeviceStatement *statement,
                               const Trien__Authorization *a, const char *order_id, usec now,
                               struct err *err)
{
    CHECK(strcmp(statement->order_id, order_id) == 0, err, TRIEN__ERROR__STATION_INVALID,
          "the station's statement is about another order");
    CHECK(statement->key_sha256.len == 32, err, TRIEN__ERROR__STATION_INVALID,
          "the key's digest is no SHA-256");
    CHECK(!a->device_serial || strcmp(statement->device_serial, a->device_serial) == 0, err,
          TRIEN__ERROR__STATION_INVALID, "the key was made on another device than authorised");
    CHECK(!a->has_key_sha256 ||
              bytes_equal(bytes_of_pb(a->key_sha256), bytes_of_pb(statement->key_sha256)),
          err, TRIEN__ERROR__STATION_INVALID, "the station's key is not the authorised one");
    CHECK(statement->stated_at >= a->authorized_at - RULES_SKEW, err, TRIEN__ERROR__STATION_INVALID,
          "the station's statement is older than the authorisation");
    CHECK(statement->stated_at <= now + RULES_SKEW, err, TRIEN__ERROR__NOT_YET,
          "the station's statement is of the future: whose clock is wrong?");
    return RC_OK;
}

static enum rc read_statement(const Trien__SubscriberGround *in, const struct x509_enrolled *rings,
                              struct arena *arena, struct err *err,
                              Trien__DeviceStatement **ret_statement)
{
    Trien__DeviceStatement *statement;

    CHECK(in->station, err, TRIEN__ERROR__STATION_INVALID, "a statement without signature");
    CHECK(x509_ring_verify(rings->station, bytes_of_pb(in->statement), in->station), err,
          TRIEN__ERROR__STATION_INVALID, "not signed by an enrolled key of a station");
    statement = trien__device_statement__unpack(arena_allocator(arena), in->statement.len,
                                                in->statement.data);
    CHECK(statement && statement->base.n_unknown_fields == 0 && statement->version == 1, err,
          TRIEN__ERROR__STATION_INVALID, "not a device statement of version 1");
    *ret_statement = statement;
    return RC_OK;
}

/* The digest of the key that may be certified: from the request's CSR or from the station. */
static enum rc find_key(const Trien__SignCertificate *order, const Trien__Authorization *a,
                        const struct x509_enrolled *rings, usec now, struct arena *arena,
                        struct err *err, struct ground *ground)
{
    const Trien__SubscriberGround *in = order->subscriber;
    Trien__DeviceStatement *statement = NULL;

    if (in->has_statement) {
        TRY(read_statement(in, rings, arena, err, &statement));
        TRY(check_statement(statement, a, order->order_id, now, err));
        ground->key_sha256 = bytes_of_pb(statement->key_sha256);
        ground->vouchers =
            arena_printf(arena, "%s,%s", in->registration_authority->key_id, in->station->key_id);
        return RC_OK;
    }
    CHECK(!a->device_serial, err, TRIEN__ERROR__STATION_INVALID,
          "a key on a device needs the station's statement");
    CHECK(a->has_key_sha256, err, TRIEN__ERROR__BEYOND_AUTHORIZATION,
          "neither the authorisation nor a station names the key");
    ground->key_sha256 = bytes_of_pb(a->key_sha256);
    ground->vouchers = in->registration_authority->key_id;
    return RC_OK;
}

static enum rc check_subscriber(const Trien__SignCertificate *order,
                                const struct x509_enrolled *rings, usec now, struct arena *arena,
                                struct err *err, struct ground *ret_ground)
{
    Trien__Authorization *a = NULL;
    struct ground ground = {.kind = "subscriber", .once = true};

    TRY(read_authorization(order->subscriber, rings, arena, err, &a));
    CHECK(now <= a->expires_at, err, TRIEN__ERROR__BEYOND_AUTHORIZATION,
          "the authorisation has expired");
    CHECK(a->authorized_at <= now + RULES_SKEW, err, TRIEN__ERROR__NOT_YET,
          "the authorisation is of the future: whose clock is wrong?");
    CHECK(strcmp(order->order_id, a->item_id) == 0, err, TRIEN__ERROR__BEYOND_AUTHORIZATION,
          "the authorisation is about another order");
    TRY(find_key(order, a, rings, now, arena, err, &ground));
    ground.sha256 = hex_digest(arena, bytes_of_pb(order->subscriber->authorization));
    ground.profile = a->profile;
    ground.subject_der = bytes_of_pb(a->subject_der);
    ground.email = a->email;
    ground.email_count = a->n_email;
    ground.dns_name = a->dns_name;
    ground.dns_name_count = a->n_dns_name;
    ground.ip_address = a->ip_address;
    ground.ip_address_count = a->n_ip_address;
    ground.validity_days = a->validity_days;
    ground.not_before = a->authorized_at - RULES_SKEW;
    ground.expires_at = a->expires_at;
    *ret_ground = ground;
    return RC_OK;
}

/* --- OCSP responders
 * ------------------------------------------------------------------------------- */

static enum rc check_officers(const Trien__ResponderGround *in, const struct x509_enrolled *rings,
                              struct err *err)
{
    CHECK(in->n_officers == 2, err, TRIEN__ERROR__APPROVALS_MISSING,
          "exactly two officers approve a responder");
    for (size_t i = 0; i < in->n_officers; i++)
        CHECK(x509_ring_verify(rings->officer, bytes_of_pb(in->approval), in->officers[i]), err,
              TRIEN__ERROR__APPROVALS_MISSING, "not signed by an enrolled key of an officer");
    CHECK(strcmp(in->officers[0]->key_id, in->officers[1]->key_id) != 0, err,
          TRIEN__ERROR__APPROVALS_MISSING, "one officer approved twice");
    return RC_OK;
}

static enum rc check_responder(const Trien__SignCertificate *order,
                               const struct x509_enrolled *rings, usec now, struct arena *arena,
                               struct err *err, struct ground *ret_ground)
{
    const Trien__ResponderGround *in = order->responder;
    Trien__ResponderApproval *a;

    TRY(check_officers(in, rings, err));
    a = trien__responder_approval__unpack(arena_allocator(arena), in->approval.len,
                                          in->approval.data);
    CHECK(a && a->base.n_unknown_fields == 0 && a->version == 1 && a->key_sha256.len == 32, err,
          TRIEN__ERROR__APPROVALS_MISSING, "not a responder approval of version 1");
    CHECK(now <= a->expires_at, err, TRIEN__ERROR__BEYOND_AUTHORIZATION,
          "the approval has expired");
    *ret_ground = (struct ground){
        .kind = "responder",
        .sha256 = hex_digest(arena, bytes_of_pb(in->approval)),
        .vouchers = arena_printf(arena, "%s,%s", in->officers[0]->key_id, in->officers[1]->key_id),
        .issuer = a->issuer,
        .subject_der = bytes_of_pb(a->subject_der),
        .key_sha256 = bytes_of_pb(a->key_sha256),
        .validity_days = a->validity_days,
        .not_before = now - USEC_PER_DAY,
        .expires_at = a->expires_at,
    };
    return RC_OK;
}

enum rc ground_check(const Trien__SignCertificate *order, const struct x509_enrolled *rings,
                     usec now, struct arena *arena, struct err *err, struct ground *ret_ground)
{
    switch (order->ground_case) {
    case TRIEN__SIGN_CERTIFICATE__GROUND_SUBSCRIBER:
        return check_subscriber(order, rings, now, arena, err, ret_ground);
    case TRIEN__SIGN_CERTIFICATE__GROUND_RESPONDER:
        return check_responder(order, rings, now, arena, err, ret_ground);
    default:
        FAIL(err, TRIEN__ERROR__AUTHORIZATION_INVALID, "the order has no ground");
    }
}
