/* To-be-signed revocation lists for tests and fuzzing: right in every respect until one thing is
 * changed. */
#pragma once

#include "services/signer/list.h"
#include "tests/unit/signer/world.h"

#define WORLD_MAX_ENTRIES 4

struct world_entry {
    const char *serial_hex;
    usec revoked_at;
    long reason;         /* -1: none */
    usec invalidity_at;  /* 0: none */
    const char *strange; /* one more extension: OID */
    bool critical;
};

struct world_list {
    uint64_t number, said_number; /* in the bytes; in the call */
    long version;
    usec this_update, next_update; /* next_update 0: absent */
    struct bytes issuer_der;
    EVP_PKEY *algorithm_of;
    struct world_extension extensions[6];
    struct world_entry entries[WORLD_MAX_ENTRIES]; /* ends with serial_hex NULL */
    bool unsorted, general_times;
};

/* "DER:" and the INTEGER, for extensions that OpenSSL writes no text for. */
static inline const char *world_integer(struct world *w, uint64_t number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    unsigned char *der = NULL;
    const char *text;
    int size;

    ASN1_INTEGER_set_uint64(value, number);
    size = i2d_ASN1_INTEGER(value, &der);
    text = arena_printf(w->arena, "DER:%s", bytes_to_hex(w->arena, bytes_of(der, (size_t)size)));
    OPENSSL_free(der);
    ASN1_INTEGER_free(value);
    return text;
}

static inline struct world_list world_good_list(struct world *w, uint64_t number)
{
    return (struct world_list){
        .number = number,
        .said_number = number,
        .version = X509_CRL_VERSION_2,
        .this_update = WORLD_NOW,
        .next_update = WORLD_NOW + 7 * WORLD_DAY,
        .issuer_der = w->issuer.subject_der,
        .algorithm_of = w->issuer_key,
        .extensions = {{"authorityKeyIdentifier", "keyid:always", false},
                       {"crlNumber", world_integer(w, number), false}},
        .entries = {{"5401", WORLD_NOW - WORLD_DAY, 1, WORLD_NOW - 2 * WORLD_DAY, NULL, false},
                    {"5402", WORLD_NOW - WORLD_DAY, -1, 0, NULL, false},
                    {"54ff00ff00ff00ff00ff", WORLD_NOW, 9, 0, NULL, false}},
    };
}

static inline void world_add_to_list(struct world *w, X509_CRL *crl,
                                     const struct world_extension *e)
{
    const unsigned char *p = w->issuer.certificate_der.p;
    X509 *issuer = d2i_X509(NULL, &p, (long)w->issuer.certificate_der.n);
    X509_EXTENSION *extension;
    X509V3_CTX ctx;
    CONF *empty = NCONF_new(NULL);

    X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
    X509V3_set_nconf(&ctx, empty);
    if (strncmp(e->value, "DER:", 4) == 0) {
        long size = 0;
        unsigned char *der = OPENSSL_hexstr2buf(e->value + 4, &size);
        ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();

        ASN1_OCTET_STRING_set(content, der, (int)size);
        extension =
            X509_EXTENSION_create_by_NID(NULL, OBJ_txt2nid(e->nid_or_oid), e->critical, content);
        ASN1_OCTET_STRING_free(content);
        OPENSSL_free(der);
    } else {
        extension = X509V3_EXT_nconf_nid(empty, &ctx, OBJ_txt2nid(e->nid_or_oid), e->value);
    }
    if (!extension)
        fail_msg("extension %s = %s", e->nid_or_oid, e->value);
    X509_EXTENSION_set_critical(extension, e->critical);
    assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
    X509_EXTENSION_free(extension);
    NCONF_free(empty);
    X509_free(issuer);
}

static inline ASN1_TIME *world_time(usec at, bool general)
{
    ASN1_TIME *time = ASN1_TIME_new();

    world_set_time(time, at, general);
    return time;
}

static inline X509_REVOKED *world_entry(const struct world_entry *e)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial = NULL;
    ASN1_TIME *at = world_time(e->revoked_at, false);

    BN_hex2bn(&number, e->serial_hex);
    serial = BN_to_ASN1_INTEGER(number, NULL);
    X509_REVOKED_set_serialNumber(entry, serial);
    X509_REVOKED_set_revocationDate(entry, at);
    if (e->reason >= 0) {
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
        ASN1_ENUMERATED_set(reason, e->reason);
        X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, e->critical, 0);
        ASN1_ENUMERATED_free(reason);
    }
    if (e->invalidity_at) {
        ASN1_GENERALIZEDTIME *when =
            ASN1_GENERALIZEDTIME_set(NULL, (time_t)(e->invalidity_at / USEC_PER_SECOND));
        X509_REVOKED_add1_ext_i2d(entry, NID_invalidity_date, when, 0, 0);
        ASN1_GENERALIZEDTIME_free(when);
    }
    if (e->strange) {
        X509_EXTENSION *extension = X509_EXTENSION_new();
        ASN1_OBJECT *oid = OBJ_txt2obj(e->strange, 0);
        ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(content, (const unsigned char *)"\x05", 2);
        X509_EXTENSION_set_object(extension, oid);
        X509_EXTENSION_set_data(extension, content);
        X509_REVOKED_add_ext(entry, extension, -1);
        ASN1_OCTET_STRING_free(content);
        ASN1_OBJECT_free(oid);
        X509_EXTENSION_free(extension);
    }
    ASN1_TIME_free(at);
    ASN1_INTEGER_free(serial);
    BN_free(number);
    return entry;
}

static inline struct bytes world_build_list(struct world *w, const struct world_list *l)
{
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *name = world_read_name(l->issuer_der);
    ASN1_TIME *from = world_time(l->this_update, l->general_times);
    ASN1_TIME *to = l->next_update ? world_time(l->next_update, false) : NULL;
    unsigned char *der = NULL;
    struct bytes out;
    int size;

    X509_CRL_set_version(crl, l->version);
    X509_CRL_set_issuer_name(crl, name);
    X509_CRL_set1_lastUpdate(crl, from);
    if (to)
        X509_CRL_set1_nextUpdate(crl, to);
    for (size_t i = 0; i < WORLD_MAX_ENTRIES && l->entries[i].serial_hex; i++)
        X509_CRL_add0_revoked(crl, world_entry(&l->entries[i]));
    if (!l->unsorted)
        X509_CRL_sort(crl);
    for (size_t i = 0; i < 6 && l->extensions[i].nid_or_oid; i++)
        world_add_to_list(w, crl, &l->extensions[i]);
    assert_true(X509_CRL_sign(crl, l->algorithm_of, EVP_sha256()) > 0);
    size = i2d_re_X509_CRL_tbs(crl, &der);
    assert_true(size > 0);
    out = arena_bytes(w->arena, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_NAME_free(name);
    X509_CRL_free(crl);
    return out;
}

static inline Trien__SignCrl world_list_call(struct world *w, const struct world_list *l)
{
    Trien__SignCrl call = TRIEN__SIGN_CRL__INIT;
    struct bytes tbs = world_build_list(w, l);

    call.issuer = (char *)w->issuer.name;
    call.number = l->said_number;
    call.tbs_der = (ProtobufCBinaryData){tbs.n, (uint8_t *)(uintptr_t)tbs.p};
    return call;
}
