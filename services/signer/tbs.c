/* The to-be-signed certificate, parsed by ourselves with an ASN.1 template of RFC 5280 4.1.
 * OpenSSL's own parser wants a whole certificate and decodes its key through the providers, which
 * costs more than verifying a signature. Refuses whatever is not the one DER encoding of what it
 * says: two parsers must not be able to read it in two ways. */
#include "services/signer/tbs.h"

#include <openssl/asn1t.h>
#include <string.h>

#include "services/signer/tbs_key.h"

/* clang-format off */
ASN1_SEQUENCE(TBS_SPKI) = {
    ASN1_SIMPLE(TBS_SPKI, algorithm, X509_ALGOR),
    ASN1_SIMPLE(TBS_SPKI, key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(TBS_SPKI)

ASN1_SEQUENCE(TBS_CERTIFICATE) = {
    ASN1_EXP_OPT(TBS_CERTIFICATE, version, ASN1_INTEGER, 0),
    ASN1_SIMPLE(TBS_CERTIFICATE, serial, ASN1_INTEGER),
    ASN1_SIMPLE(TBS_CERTIFICATE, algorithm, X509_ALGOR),
    ASN1_SIMPLE(TBS_CERTIFICATE, issuer, X509_NAME),
    ASN1_SIMPLE(TBS_CERTIFICATE, validity, X509_VAL),
    ASN1_SIMPLE(TBS_CERTIFICATE, subject, X509_NAME),
    ASN1_SIMPLE(TBS_CERTIFICATE, spki, TBS_SPKI),
    ASN1_IMP_OPT(TBS_CERTIFICATE, issuer_uid, ASN1_BIT_STRING, 1),
    ASN1_IMP_OPT(TBS_CERTIFICATE, subject_uid, ASN1_BIT_STRING, 2),
    ASN1_EXP_SEQUENCE_OF_OPT(TBS_CERTIFICATE, extensions, X509_EXTENSION, 3),
} static_ASN1_SEQUENCE_END(TBS_CERTIFICATE)
    /* clang-format on */

    static void free_tbs(void *fields)
{
    ASN1_item_free(fields, ASN1_ITEM_rptr(TBS_CERTIFICATE));
}

static bool is_canonical(const TBS_CERTIFICATE *fields, struct bytes der)
{
    unsigned char *again = NULL;
    int length = ASN1_item_i2d((const ASN1_VALUE *)fields, &again, ASN1_ITEM_rptr(TBS_CERTIFICATE));
    bool same = length > 0 && bytes_equal(der, bytes_of(again, (size_t)length));

    OPENSSL_free(again);
    return same;
}

static TBS_CERTIFICATE *parse(struct bytes der)
{
    const unsigned char *p = der.p;
    void *fields = ASN1_item_d2i(NULL, &p, (long)der.n, ASN1_ITEM_rptr(TBS_CERTIFICATE));

    ERR_clear_error();
    if (fields && p != der.p + der.n) {
        free_tbs(fields);
        return NULL;
    }
    return fields;
}

static struct bytes encode_spki(const TBS_CERTIFICATE *fields, struct arena *arena)
{
    unsigned char *der = NULL;
    int length = ASN1_item_i2d((const ASN1_VALUE *)fields->spki, &der, ASN1_ITEM_rptr(TBS_SPKI));
    struct bytes copy = {NULL, 0};

    if (length > 0)
        copy = arena_bytes(arena, bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    return copy;
}

enum rc tbs_parse(struct bytes der, struct arena *arena, struct err *err, struct tbs *ret_tbs)
{
    struct tbs tbs = {.der = der};

    CHECK(der.n > 0 && der.n <= RULES_MAX_TBS_BYTES, err, TRIEN__ERROR__SIGNER_LIMIT,
          "%zu bytes to be signed", der.n);
    tbs.fields = parse(der);
    CHECK(tbs.fields, err, TRIEN__ERROR__SIGNER_LIMIT, "not a to-be-signed certificate");
    arena_defer(arena, tbs.fields, free_tbs);
    CHECK(is_canonical(tbs.fields, der), err, TRIEN__ERROR__SIGNER_LIMIT, "not in DER");
    x509_spki_sha256(encode_spki(tbs.fields, arena), tbs.key_sha256);
    tbs.key = tbs_key_read(tbs.fields->spki, arena);
    tbs.serial = x509_serial_hex(arena, tbs.fields->serial);
    tbs.issuer_der = x509_der(arena, tbs.fields->issuer, i2d_X509_NAME);
    tbs.subject_der = x509_der(arena, tbs.fields->subject, i2d_X509_NAME);
    tbs.not_before = x509_time_us(tbs.fields->validity->notBefore);
    tbs.not_after = x509_time_us(tbs.fields->validity->notAfter);
    *ret_tbs = tbs;
    return RC_OK;
}
