/* The to-be-signed certificate, parsed by ourselves. OpenSSL has no parser for one alone, so an
 * empty signature is put behind it. Refuses whatever is not the one DER encoding of what it says:
 * two parsers must not be able to read it in two ways. */
#include <string.h>

#include "services/signer/rules.h"

static void free_cert(void *cert)
{
    X509_free(cert);
}

static size_t put_length(uint8_t *out, size_t length)
{
    out[0] = 0x82;
    out[1] = (uint8_t)(length >> 8);
    out[2] = (uint8_t)length;
    return 3;
}

/* SEQUENCE { tbs, algorithm, BIT STRING of one zero octet }; the length in long form is no matter,
 * since these outer bytes are ours. */
static struct bytes wrap(struct arena *arena, struct bytes der, struct bytes algorithm_der)
{
    static const uint8_t signature[] = {0x03, 0x02, 0x00, 0x00};
    size_t length = der.n + algorithm_der.n + sizeof(signature), at = 0;
    uint8_t *out = arena_alloc(arena, length + 4);

    out[at++] = 0x30;
    at += put_length(out + at, length);
    memcpy(out + at, der.p, der.n);
    at += der.n;
    memcpy(out + at, algorithm_der.p, algorithm_der.n);
    at += algorithm_der.n;
    memcpy(out + at, signature, sizeof(signature));
    return bytes_of(out, at + sizeof(signature));
}

/* OpenSSL keeps the bytes it read; i2d_re_X509_tbs() makes them anew from the parsed values. */
static bool is_canonical(X509 *cert, struct bytes der)
{
    unsigned char *again = NULL;
    int length = i2d_re_X509_tbs(cert, &again);
    bool same = length > 0 && bytes_equal(der, bytes_of(again, (size_t)length));

    OPENSSL_free(again);
    return same;
}

enum rc tbs_parse(struct bytes der, struct bytes algorithm_der, struct arena *arena,
                  struct err *err, struct tbs *ret_tbs)
{
    struct tbs tbs = {.der = der};
    struct bytes spki;
    EVP_PKEY *key;

    CHECK(der.n > 0 && der.n <= RULES_MAX_TBS_BYTES, err, TRIEN__ERROR__SIGNER_LIMIT,
          "%zu bytes to be signed", der.n);
    tbs.cert = x509_parse(wrap(arena, der, algorithm_der));
    ERR_clear_error();
    CHECK(tbs.cert, err, TRIEN__ERROR__SIGNER_LIMIT, "not a to-be-signed certificate");
    arena_defer(arena, tbs.cert, free_cert);
    CHECK(is_canonical(tbs.cert, der), err, TRIEN__ERROR__SIGNER_LIMIT, "not in DER");
    key = X509_get0_pubkey(tbs.cert);
    ERR_clear_error();
    CHECK(key, err, TRIEN__ERROR__SIGNER_LIMIT, "the public key cannot be read");
    spki = x509_der(arena, X509_get_X509_PUBKEY(tbs.cert), i2d_X509_PUBKEY);
    x509_spki_sha256(spki, tbs.key_sha256);
    tbs.key_kind = x509_key_kind(arena, key);
    tbs.serial = x509_serial_hex(arena, X509_get0_serialNumber(tbs.cert));
    tbs.issuer_der = x509_der(arena, X509_get_issuer_name(tbs.cert), i2d_X509_NAME);
    tbs.subject_der = x509_der(arena, X509_get_subject_name(tbs.cert), i2d_X509_NAME);
    tbs.not_before = x509_time_us(X509_get0_notBefore(tbs.cert));
    tbs.not_after = x509_time_us(X509_get0_notAfter(tbs.cert));
    *ret_tbs = tbs;
    return RC_OK;
}
