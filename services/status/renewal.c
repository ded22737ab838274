/* How the responder gets its certificates and keeps them: a timer sees that one is missing or old,
 * an effect asks signing, the answer is checked and stored. Whether officers have approved the key
 * is signing's business; until then the answer is no, and it is asked again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/metrics.h"
#include "services/status/status.h"
#include "services/status/store.h"

#define ASK_ABSENT (3 * USEC_PER_SECOND) /* between two requests while there is no certificate */
#define ASK_RENEWAL (600 * USEC_PER_SECOND)

METRIC_FAMILY(life_left) = {
    .kind = METRIC_GAUGE,
    .name = "trien_ocsp_responder_life_left",
    .help = "Part of its life that the responder's certificate has left, 1 to 0; it is renewed at "
            "a third. 0: there is none.",
    .labels = "issuer",
    .stale_after_s = 60,
};

static void take_over_issuer(struct status_state *state, const struct responder_row *row)
{
    const struct responder_certificate certificate = {row->certificate_der, row->not_before,
                                                      row->not_after};

    for (unsigned i = 0; i < state->issuer_count; i++)
        if (strcmp(state->issuers[i]->id, row->issuer) == 0 &&
            responder_use(state->responder, i, &certificate))
            cache_clear(state->cache);
}

enum rc renewal_take_over(struct tx *tx)
{
    struct status_state *state = tx->state;
    struct responder_row *rows;
    uint8_t key[32];
    size_t count;

    if (responder_key_sha256(state->responder, &tx->err, key) != RC_OK) {
        err_clear(&tx->err); /* the token is missed: /healthz says so */
        return RC_OK;
    }
    TRY(store_list_responder_certificates(tx, key, &rows, &count));
    for (size_t i = 0; i < count; i++)
        take_over_issuer(state, &rows[i]);
    return RC_OK;
}

static enum rc ask_if_needed(struct tx *tx, struct status_state *state, unsigned i)
{
    Trien__ResponderRenewal renewal = TRIEN__RESPONDER_RENEWAL__INIT;
    usec not_before, not_after, every = ASK_RENEWAL;
    bool valid =
        responder_validity(state->responder, i, &not_before, &not_after) && not_after > tx->now;
    const char *key;

    metric_set(&life_left,
               valid ? (double)(not_after - tx->now) / (double)(not_after - not_before) : 0,
               METRIC_LABELS(state->issuers[i]->id));
    if (!valid)
        every = ASK_ABSENT;
    else if (!rule_renew(tx->now, not_before, not_after))
        return RC_OK;
    renewal.issuer = (char *)state->issuers[i]->id;
    /* One effect per issuer and stretch of time: the key says which. */
    key = arena_printf(tx->arena, "%s/%lld", state->issuers[i]->id, (long long)(tx->now / every));
    return effect_add(tx, "responder_renewal", key, &renewal, 0);
}

enum rc on_responder_timer(struct tx *tx)
{
    struct status_state *state = tx->state;

    TRY(renewal_take_over(tx));
    for (unsigned i = 0; i < state->issuer_count; i++)
        TRY(ask_if_needed(tx, state, i));
    return RC_OK;
}

/* The request as a file for those who prefer to see what they approve. */
static enum rc write_request(struct fx *fx, const char *path, struct bytes csr)
{
    const char *unfinished = arena_printf(fx->arena, "%s.new", path);
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, csr.p, csr.n) == (ssize_t)csr.n;

    if (fd >= 0)
        close(fd);
    CHECK(written && rename(unfinished, path) == 0, &fx->err, TRIEN__ERROR__OVERLOADED, "%s: %s",
          path, strerror(errno));
    return RC_OK;
}

static const struct authority *find_issuer(const struct status_state *state, const char *id)
{
    for (size_t i = 0; i < state->issuer_count; i++)
        if (strcmp(state->issuers[i]->id, id) == 0)
            return state->issuers[i];
    return NULL;
}

enum rc act_renewal(struct fx *fx, const void *intent, ProtobufCMessage **ret_result)
{
    const Trien__ResponderRenewal *renewal = intent;
    struct status_state *state = fx->state;
    const struct authority *issuer = find_issuer(state, renewal->issuer);
    const char *path = state->conf->responder.request_file;
    Trien__GetResponderCertificate ask = TRIEN__GET_RESPONDER_CERTIFICATE__INIT;
    Trien__GetResponderCertificateReply *given;
    Trien__ResponderRenewed *result = ARENA_NEW(fx->arena, Trien__ResponderRenewed);
    struct responder_certificate certificate;
    struct bytes csr, subject;

    CHECK(issuer, &fx->err, TRIEN__ERROR__NOT_FOUND, "no issuer %s any more", renewal->issuer);
    TRY(responder_request(state->responder, fx->arena, &fx->err, &csr, &subject));
    if (*path && access(path, F_OK) != 0)
        TRY(write_request(fx, path, csr));
    ask.issuer = renewal->issuer;
    ask.csr_der = (ProtobufCBinaryData){csr.n, (uint8_t *)csr.p};
    TRY(fx_call(fx, "signing", &ask, &trien__get_responder_certificate_reply__descriptor, 20000,
                fx->key, &given));
    TRY(responder_check(state->responder,
                        bytes_of(given->certificate_der.data, given->certificate_der.len),
                        issuer->der, clock_now(), &fx->err, &certificate));
    trien__responder_renewed__init(result);
    result->issuer = renewal->issuer;
    result->certificate_der = given->certificate_der;
    result->not_before = certificate.not_before;
    result->not_after = certificate.not_after;
    result->key_sha256 = (ProtobufCBinaryData){32, arena_alloc(fx->arena, 32)};
    TRY(responder_key_sha256(state->responder, &fx->err, result->key_sha256.data));
    *ret_result = &result->base;
    return RC_OK;
}

enum rc done_renewal(struct tx *tx, const char *key, const void *intent, const void *result_)
{
    const Trien__ResponderRenewed *result = result_;
    const struct responder_row row = {
        result->issuer, bytes_of(result->certificate_der.data, result->certificate_der.len),
        result->not_before, result->not_after};

    (void)key;
    (void)intent;
    return store_insert_responder_certificate(tx, result->key_sha256.data, &row);
}

enum rc failed_renewal(struct tx *tx, const char *key, const void *intent, const struct err *why)
{
    (void)tx;
    (void)key;
    (void)intent;
    (void)why; /* the frame has logged it; the timer asks again */
    return RC_OK;
}

enum rc on_partitions(struct tx *tx)
{
    return store_make_partitions(tx, 7);
}
