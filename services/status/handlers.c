/* What signing and revocation said, and what officers ask. */
#include <string.h>

#include "common/serial.h"
#include "services/status/status.h"
#include "services/status/store.h"

/* The magnitude of a serial number as the project writes it. */
static enum rc read_serial(struct tx *tx, const char *hex, struct bytes *ret_serial)
{
    CHECK(serial_is(hex), &tx->err, TRIEN__ERROR__MALFORMED, "no serial number: %.50s", hex);
    if (strlen(hex) % 2)
        hex = arena_printf(tx->arena, "0%s", hex);
    CHECK(bytes_from_hex(tx->arena, hex, ret_serial), &tx->err, TRIEN__ERROR__MALFORMED,
          "no serial number: %.50s", hex);
    return RC_OK;
}

enum rc on_certificate_issued(struct tx *tx, const void *in)
{
    const Trien__CertificateIssued *event = in;
    struct certificate_row row = {
        .issuer = event->issuer,
        .lineage_id = event->lineage_id,
        .not_after = event->not_after,
        .certificate_der = bytes_of(event->certificate_der.data, event->certificate_der.len),
    };

    TRY(read_serial(tx, event->serial, &row.serial));
    return store_insert_certificate(tx, &row);
}

/* The answer in memory goes now. Who reads the database before this commits is still told good: for
 * a moment such answers are not kept (ocsp keep()), so the next question is answered anew. */
static void forget(struct status_state *state, const char *issuer, struct bytes serial)
{
    atomic_store(&state->sync.moved_at, clock_monotonic());
    atomic_fetch_add(&state->sync.epoch, 1);
    for (unsigned i = 0; i < state->issuer_count; i++)
        if (strcmp(state->issuers[i]->id, issuer) == 0)
            cache_drop(state->cache, i, serial);
}

enum rc on_certificate_revoked(struct tx *tx, const void *in)
{
    const Trien__CertificateRevoked *event = in;
    struct bytes serial;
    bool known = false;

    TRY(read_serial(tx, event->serial, &serial));
    TRY(store_set_revoked(tx, event->issuer, serial, event->revoked_at, event->reason, &known));
    CHECK(known, &tx->err, TRIEN__ERROR__NOT_YET, "certificate %s is not known yet", event->serial);
    forget(tx->state, event->issuer, serial);
    return RC_OK;
}

static Trien__ResponderStanding *standing(struct tx *tx, struct status_state *state, unsigned i)
{
    Trien__ResponderStanding *row = ARENA_NEW(tx->arena, Trien__ResponderStanding);
    usec not_before, not_after;
    bool valid =
        responder_validity(state->responder, i, &not_before, &not_after) && not_after > tx->now;

    trien__responder_standing__init(row);
    row->issuer = (char *)state->issuers[i]->id;
    row->state = (char *)(valid ? "valid" : "waiting");
    row->has_not_after = valid;
    row->not_after = not_after;
    return row;
}

enum rc on_get_responder_request(struct tx *tx, const void *in, void *out)
{
    struct status_state *state = tx->state;
    Trien__GetResponderRequestReply *reply = out;
    struct bytes csr, subject;
    uint8_t *key = arena_alloc(tx->arena, 32);

    (void)in;
    TRY(responder_request(state->responder, tx->arena, &tx->err, &csr, &subject));
    TRY(responder_key_sha256(state->responder, &tx->err, key));
    reply->csr_der = (ProtobufCBinaryData){csr.n, (uint8_t *)csr.p};
    reply->subject_der = (ProtobufCBinaryData){subject.n, (uint8_t *)subject.p};
    reply->key_sha256 = (ProtobufCBinaryData){32, key};
    reply->n_issuers = state->issuer_count;
    reply->issuers = ARENA_ARRAY(tx->arena, Trien__ResponderStanding *, state->issuer_count);
    for (unsigned i = 0; i < state->issuer_count; i++)
        reply->issuers[i] = standing(tx, state, i);
    return RC_OK;
}
