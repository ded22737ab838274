/* Calls: the officers' channel that is open day and night, where a certificate stands. Lists are in
 * handlers_list.c. */
#include <string.h>

#include "common/causes.h"
#include "common/pb_bytes.h"
#include "common/serial.h"
#include "proto/bus.pb-c.h"
#include "services/revocation/revocation.h"

#define MAX_NOTE_BYTES 2000

/* --- the 24/7 channel
 * -------------------------------------------------------------------------------- */

static enum rc check_form(struct tx *tx, const Trien__RevokeCertificate *call)
{
    size_t note = strlen(call->note);

    err_field(&tx->err, "serial");
    CHECK(serial_is(call->serial), &tx->err, TRIEN__ERROR__SERIAL_INVALID, "serial number");
    err_field(&tx->err, "note");
    CHECK(strspn(call->note, " \t\r\n") < note && note <= MAX_NOTE_BYTES &&
              bytes_are_text(bytes_of_text(call->note)),
          &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "who asked and how they were identified, 1 to %d bytes", MAX_NOTE_BYTES);
    err_field(&tx->err, "invalidity_at");
    CHECK(!call->has_invalidity_at || rule_invalidity(call->invalidity_at, tx->now), &tx->err,
          TRIEN__ERROR__DATE_INVALID, "the key was lost in the future, or before 1970");
    err_clear(&tx->err);
    return RC_OK;
}

/* No proof is asked for: the official document follows. */
static enum rc find_cause(struct tx *tx, const char *code,
                          const struct certificate_row *certificate, const struct cause **ret_cause)
{
    const struct cause *cause = cause_find(code);

    err_field(&tx->err, "cause");
    CHECK(cause && (cause->kinds & cause_kind_of_profile(certificate->profile)), &tx->err,
          TRIEN__ERROR__CAUSE_INVALID, "cause \"%.40s\" for a certificate of profile %s", code,
          certificate->profile);
    err_clear(&tx->err);
    *ret_cause = cause;
    return RC_OK;
}

/* A key that fell into wrong hands ends no more certificates than a person would within an hour. */
static enum rc check_pace(struct tx *tx)
{
    const struct revocation_conf *conf = tx->conf;
    int64_t count = 0;

    TRY(store_count_revoked_by(tx, tx->principal, tx->now - 3600 * USEC_PER_SECOND, &count));
    CHECK(count < conf->officer_hourly, &tx->err, TRIEN__ERROR__OFFICER_LIMIT,
          "%s revoked %lld certificates within the hour and officer/hourly is %lld", tx->principal,
          (long long)count, (long long)conf->officer_hourly);
    return RC_OK;
}

static enum rc revoke_now(struct tx *tx, const Trien__RevokeCertificate *call,
                          const struct certificate_row *certificate)
{
    const struct cause *cause = NULL;
    struct revocation_order order = {.principal = tx->principal, .note = call->note};

    TRY(check_pace(tx));
    TRY(find_cause(tx, call->cause, certificate, &cause));
    order.cause = cause->code;
    order.reason = cause->reason;
    order.invalidity_at = call->has_invalidity_at ? call->invalidity_at : 0;
    TRY(revoke(tx, certificate, &order));
    return emit_operator_act(tx, "revoke", call->serial, call->note);
}

enum rc on_revoke_certificate(struct tx *tx, const void *in, void *reply)
{
    const Trien__RevokeCertificate *call = in;
    Trien__RevokeCertificateReply *answer = reply;
    struct certificate_row certificate;
    Trien__Error code;
    bool found = false;

    TRY(check_form(tx, call));
    TRY(store_lock_certificate(tx, call->serial, &found, &certificate));
    CHECK(found, &tx->err, TRIEN__ERROR__CERTIFICATE_UNKNOWN, "certificate %s", call->serial);
    code = rule_may_revoke(certificate.state, certificate.not_after, tx->now);
    CHECK(code != TRIEN__ERROR__CERTIFICATE_EXPIRED, &tx->err, code, "certificate %s",
          call->serial);
    answer->state = (char *)"revoked";
    answer->revoked_at = certificate.revoked_at;
    if (code == TRIEN__ERROR__CERTIFICATE_REVOKED)
        return RC_OK;
    answer->revoked_at = tx->now;
    return revoke_now(tx, call, &certificate);
}

/* --- what stands
 * ------------------------------------------------------------------------------------- */

enum rc on_get_certificate_status(struct tx *tx, const void *in, void *reply)
{
    const Trien__GetCertificateStatus *call = in;
    Trien__GetCertificateStatusReply *answer = reply;
    struct certificate_row row;
    bool found = false;

    TRY(store_find_certificate(tx, call->serial, &found, &row));
    CHECK(found, &tx->err, TRIEN__ERROR__CERTIFICATE_UNKNOWN, "certificate %.50s", call->serial);
    answer->state = (char *)row.state;
    answer->issuer = (char *)row.issuer;
    answer->not_after = row.not_after;
    answer->has_revoked_at = answer->has_reason = row.revoked_at != 0;
    answer->revoked_at = row.revoked_at;
    answer->reason = row.reason;
    answer->cause = (char *)row.cause;
    answer->device_serial = (char *)row.device_serial;
    return RC_OK;
}

/* --- lists
 * ------------------------------------------------------------------------------------------- */
