/* What happens in the token and with the station operator's key. The private key never leaves the
 * token; the signing request is signed inside it, which proves that it is there. */
#include "services/trienctl/station.h"

#include <string.h>

#include "common/pb_bytes.h"
#include "services/trienctl/trienctl.h"

enum rc station_open(const struct station_options *options, struct err *err,
                     struct station *ret_station)
{
    const struct p11_config config = {.module_path = options->module,
                                      .token_label = options->token_label,
                                      .pin_path = options->pin_file,
                                      .softhsm_config = options->softhsm_config,
                                      .writable = true};
    struct station station = {.options = options};

    TRY(x509_key_load(options->key_file, err, &station.key));
    if (p11_open(&config, err, &station.token) != RC_OK) {
        x509_key_free(&station.key);
        return err_rc(err->code);
    }
    *ret_station = station;
    return RC_OK;
}

void station_close(struct station *station)
{
    if (station->token)
        p11_close(&station->token);
    x509_key_free(&station->key);
}

const char *station_label(const char *order_id)
{
    return arena_printf(ctl_arena(), "trien %s", order_id);
}

enum rc station_has_key(struct station *station, const char *order_id, struct err *err,
                        bool *ret_has)
{
    struct p11_key *key = NULL;

    TRY(p11_find_key(station->token, station_label(order_id), err, &key));
    *ret_has = key != NULL;
    return RC_OK;
}

static enum rc find_or_make(struct station *station, const Trien__WorkOrder *order, struct err *err,
                            struct p11_key **ret_key)
{
    const char *label = station_label(order->order_id);

    TRY(p11_find_key(station->token, label, err, ret_key));
    if (!*ret_key)
        TRY(p11_generate_key(station->token, label, order->key_kind, err, ret_key));
    return RC_OK;
}

/* Subject and attributes say nothing: the CA takes the key alone. */
static enum rc make_request(struct p11_key *key, struct err *err, struct bytes *ret_csr_der)
{
    autoptr(X509_REQ) request = X509_REQ_new();

    CHECK(request && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
              X509_REQ_set_pubkey(request, p11_key_public(key)) == 1,
          err, TRIEN__ERROR__INTERNAL, "signing request: %s", x509_openssl_error(ctl_arena()));
    if (X509_REQ_sign(request, p11_key_private(key), EVP_sha256()) <= 0)
        return p11_take_error(err, "sign the signing request");
    *ret_csr_der = x509_der(ctl_arena(), request, i2d_X509_REQ);
    return RC_OK;
}

/* In the embedded default one token stands for every device; the order says which one it is now. */
static struct bytes state_device(const Trien__WorkOrder *order, const struct x509_csr *csr)
{
    Trien__DeviceStatement statement = TRIEN__DEVICE_STATEMENT__INIT;
    uint8_t *packed;

    statement.version = 1;
    statement.order_id = order->order_id;
    statement.device_serial = order->device_serial;
    statement.key_sha256 = pb_of_bytes(bytes_of(csr->key_sha256, sizeof(csr->key_sha256)));
    statement.stated_at = clock_now();
    packed = arena_alloc(ctl_arena(), trien__device_statement__get_packed_size(&statement));
    return bytes_of(packed, trien__device_statement__pack(&statement, packed));
}

enum rc station_make_submission(struct station *station, const Trien__WorkOrder *order,
                                struct err *err, Trien__SubmitDeviceKey *ret_call)
{
    Trien__KeySignature *signature = ARENA_NEW(ctl_arena(), Trien__KeySignature);
    Trien__SubmitDeviceKey call = TRIEN__SUBMIT_DEVICE_KEY__INIT;
    struct p11_key *key = NULL;
    struct bytes csr_der, statement;
    struct x509_csr csr;

    CHECK(order->device_serial, err, TRIEN__ERROR__NOT_YET, "no device is assigned to %s",
          order->order_id);
    CHECK(!station->options->device_serial ||
              !strcmp(station->options->device_serial, order->device_serial),
          err, TRIEN__ERROR__DEVICE_NOT_THE_ASSIGNED, "device %s is in the reader, %s is assigned",
          station->options->device_serial, order->device_serial);
    TRY(find_or_make(station, order, err, &key));
    TRY(make_request(key, err, &csr_der));
    TRY(x509_csr_check(ctl_arena(), csr_der, err, &csr));
    statement = state_device(order, &csr);
    TRY(x509_sign_p256(station->key, ctl_arena(), statement, err, signature));
    call.order_id = order->order_id;
    call.csr_der = pb_of_bytes(csr_der);
    call.statement = pb_of_bytes(statement);
    call.station = signature;
    *ret_call = call;
    return RC_OK;
}

enum rc station_write_certificate(struct station *station, const char *order_id,
                                  struct bytes certificate_der, struct err *err)
{
    const char *label = station_label(order_id);
    autoptr(X509) certificate = x509_parse(certificate_der);
    struct p11_key *key = NULL;

    TRY(p11_find_key(station->token, label, err, &key));
    CHECK(key, err, TRIEN__ERROR__NOT_FOUND, "the token holds no key %s", label);
    CHECK(certificate && EVP_PKEY_eq(X509_get0_pubkey(certificate), p11_key_public(key)) == 1, err,
          TRIEN__ERROR__ANSWER_MISMATCH, "the certificate is not for the key in this token");
    return p11_put_certificate(station->token, label, certificate_der, err);
}

static const struct {
    Trien__Error code;
    const char *advice;
} advices[] = {
    {TRIEN__ERROR__TOKEN_UNAVAILABLE,
     "put the device into the reader, see that --module, --token and --softhsm-config name it, and "
     "run this again: nothing is lost"},
    {TRIEN__ERROR__PIN_REFUSED,
     "do not try again: write the right PIN into the --pin-file first, another wrong one may lock "
     "the device"},
    {TRIEN__ERROR__KEY_FILE,
     "--key names the station operator's P-256 key (PEM, readable by the owner alone)"},
    {TRIEN__ERROR__STATION_INVALID,
     "look at this machine's clock; else enrol this station: add the "
     "public half of --key to the stations' ring of signing and "
     "signer, then SIGHUP both. The key in the device stays good"},
    {TRIEN__ERROR__KEY_REUSED, "this device's key belongs to somebody else: take a fresh device"},
    {TRIEN__ERROR__KEY_WEAK, "this device makes keys that are not accepted: take another model"},
    {TRIEN__ERROR__FORBIDDEN,
     "the station's CURVE key is not enrolled: `trienctl keys station`, then SIGHUP signing"},
    {TRIEN__ERROR__NOT_YET,
     "no device of this kind is in stock: `trienctl device add FILE`, then run this again"},
    {TRIEN__ERROR__DEVICE_NOT_THE_ASSIGNED,
     "put the device into the reader that `trienctl station list` names; a broken one is taken out "
     "of "
     "use with `trienctl device retire`, and the order gets another"},
    {TRIEN__ERROR__NOT_FOUND, "see `trienctl station list` for the orders that wait"},
    {TRIEN__ERROR__PEER_UNAVAILABLE, "see `trienctl status`; run this again when signing is there"},
    {TRIEN__ERROR__DEADLINE_PASSED,
     "the order goes on by itself: run `trienctl station run --order …` again to write the "
     "certificate"},
    {TRIEN__ERROR__ORDER_CONFLICT,
     "another station has made a key for this order: finish it there with the same device"},
};

const char *station_advice(const struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(advices); i++)
        if (advices[i].code == err->code)
            return advices[i].advice;
    return "";
}
