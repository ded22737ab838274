/* A small world for the signer's tests: keys of everybody, an issuer, and orders that are right in
 * every respect until a test changes one thing. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef WORLD_WITHOUT_CMOCKA /* fuzz targets and benchmarks */
#define world_insist(what) ((what) ? (void)0 : abort())
#define assert_true(what) world_insist(what)
#define assert_int_equal(a, b) world_insist((a) == (b))
#define assert_non_null(p) world_insist((p) != NULL)
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), abort())
#else
#include <cmocka.h>
#endif
#include <openssl/conf.h>
#include <openssl/pem.h>

#include "common/clock.h"
#include "common/subscriber.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"
#include "services/signer/rules.h"

#define WORLD_NOW (INT64_C(1795500000) * USEC_PER_SECOND) /* November 2026 */
#define WORLD_DAY USEC_PER_DAY

struct world {
    char folder[64];
    struct arena *arena;
    struct x509_key *registration, *station, *officer1, *officer2, *stranger;
    struct x509_ring *registrations, *stations, *officers;
    struct x509_enrolled rings;
    EVP_PKEY *issuer_key, *subscriber_key;
    struct x509_ca issuer;
};

/* One extension: as OpenSSL's configuration writes it, or as raw DER. */
struct world_extension {
    const char *nid_or_oid, *value; /* value "DER:<hex>" for raw content */
    bool critical;
};

/* What stands in the to-be-signed certificate. */
struct world_tbs {
    long version;
    const char *serial_hex;
    struct bytes issuer_der, subject_der;
    usec not_before, not_after;
    EVP_PKEY *key;
    struct world_extension extensions[16];
    const EVP_MD *digest;    /* SHA-256 */
    EVP_PKEY *algorithm_of;  /* NULL: of the kind of the issuer's key */
    bool general_not_before; /* GeneralizedTime where UTCTime belongs */
};

/* An order in parts; world_order() signs and packs them. */
struct world_order {
    const char *order_id, *issuer, *profile;
    struct world_tbs tbs;
    Trien__Authorization authorization;
    Trien__DeviceStatement statement;
    bool with_statement;
    const struct x509_key *signs_authorization, *signs_statement;
    Trien__ResponderApproval approval;
    bool responder;
    const struct x509_key *approves[3];
    size_t approvals;
    uint8_t key_sha256[32];
    char *emails[4], *names[4], *addresses[4];
    int break_tbs; /* 1: a byte behind it, 2: not DER, 3: garbage */
    bool flip_authorization;
    struct bytes tbs_der; /* when set, used as it is */
};

static inline EVP_PKEY *world_new_key(const char *kind)
{
    EVP_PKEY *key = strcmp(kind, "p256") == 0   ? EVP_EC_gen("P-256")
                    : strcmp(kind, "p384") == 0 ? EVP_EC_gen("P-384")
                    : strcmp(kind, "p521") == 0 ? EVP_EC_gen("P-521")
                                                : EVP_RSA_gen((unsigned)atoi(kind + 3));
    assert_non_null(key);
    return key;
}

static inline struct x509_key *world_person(struct world *w, const char *name)
{
    char path[128];
    struct err err = {0};
    struct x509_key *key = NULL;
    EVP_PKEY *fresh = world_new_key("p256");
    FILE *file;
    int fd;

    snprintf(path, sizeof(path), "%s/%s.key", w->folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, fresh, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    EVP_PKEY_free(fresh);
    assert_int_equal(x509_key_load(path, &err, &key), RC_OK);
    return key;
}

static inline struct x509_ring *world_ring(struct world *w, const char *name,
                                           const struct x509_key *a, const struct x509_key *b)
{
    const struct x509_key *keys[] = {a, b};
    char path[128];
    struct err err = {0};
    struct x509_ring *ring = NULL;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.pub", w->folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < 2 && keys[i]; i++) {
        struct bytes spki = x509_key_spki(keys[i]);
        fprintf(file, "key %zu\n", i);
        PEM_write(file, "PUBLIC KEY", "", spki.p, (long)spki.n);
    }
    fclose(file);
    assert_int_equal(x509_ring_load(path, &err, &ring), RC_OK);
    return ring;
}

static inline struct bytes world_name(struct arena *arena, const char *organisation,
                                      const char *common_name)
{
    struct x509_name name = {.organisation = organisation, .common_name = common_name};
    struct err err = {0};
    struct bytes der;

    assert_int_equal(x509_name_build(arena, &name, &err, &der), RC_OK);
    return der;
}

static inline X509_NAME *world_read_name(struct bytes der)
{
    const unsigned char *p = der.p;
    X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);

    assert_non_null(name);
    return name;
}

static inline void world_add(X509 *cert, X509 *issuer, const struct world_extension *e)
{
    X509_EXTENSION *extension;

    if (strncmp(e->value, "DER:", 4) == 0) {
        long size = 0;
        unsigned char *der = OPENSSL_hexstr2buf(e->value + 4, &size);
        ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
        ASN1_OBJECT *oid = OBJ_txt2obj(e->nid_or_oid, 0);

        assert_non_null(oid);
        ASN1_OCTET_STRING_set(content, der, (int)size);
        extension = X509_EXTENSION_create_by_OBJ(NULL, oid, e->critical, content);
        ASN1_OCTET_STRING_free(content);
        ASN1_OBJECT_free(oid);
        OPENSSL_free(der);
    } else {
        X509V3_CTX ctx;
        X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
        CONF *empty = NCONF_new(NULL); /* some extensions insist on one */
        X509V3_set_nconf(&ctx, empty);
        extension = X509V3_EXT_nconf_nid(empty, &ctx, OBJ_txt2nid(e->nid_or_oid), e->value);
        NCONF_free(empty);
        if (!extension)
            fail_msg("extension %s = %s", e->nid_or_oid, e->value);
        X509_EXTENSION_set_critical(extension, e->critical);
    }
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void world_set_time(ASN1_TIME *into, usec at, bool general)
{
    assert_non_null(general ? (void *)ASN1_GENERALIZEDTIME_set(into, (time_t)(at / 1000000))
                            : (void *)ASN1_TIME_set(into, (time_t)(at / 1000000)));
}

/* The to-be-signed bytes of a certificate that a throw-away key signed. */
static inline struct bytes world_build_tbs(struct world *w, const struct world_tbs *t)
{
    X509 *cert = X509_new(), *issuer = NULL;
    BIGNUM *serial = NULL;
    X509_NAME *name;
    EVP_PKEY *throwaway = t->algorithm_of ? t->algorithm_of : w->issuer_key;
    const unsigned char *p = w->issuer.certificate_der.p;
    unsigned char *der = NULL;
    struct bytes out;
    int size;

    issuer = d2i_X509(NULL, &p, (long)w->issuer.certificate_der.n);
    X509_set_version(cert, t->version);
    BN_hex2bn(&serial, t->serial_hex);
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));
    X509_set_issuer_name(cert, name = world_read_name(t->issuer_der));
    X509_NAME_free(name);
    X509_set_subject_name(cert, name = world_read_name(t->subject_der));
    X509_NAME_free(name);
    world_set_time(X509_getm_notBefore(cert), t->not_before, t->general_not_before);
    world_set_time(X509_getm_notAfter(cert), t->not_after, false);
    X509_set_pubkey(cert, t->key);
    for (size_t i = 0; i < 16 && t->extensions[i].nid_or_oid; i++)
        world_add(cert, issuer, &t->extensions[i]);
    assert_true(X509_sign(cert, throwaway, t->digest) > 0);
    size = i2d_re_X509_tbs(cert, &der);
    assert_true(size > 0);
    out = arena_bytes(w->arena, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    BN_free(serial);
    X509_free(issuer);
    X509_free(cert);
    return out;
}

/* A CA certificate around the issuer's key. */
static inline X509 *world_ca(struct world *w, EVP_PKEY *key, usec not_before, usec not_after)
{
    X509 *cert = X509_new();
    struct bytes name_der = world_name(w->arena, "Triện TEST", "TEST Issuing CA");
    X509_NAME *name = world_read_name(name_der);
    static const struct world_extension extensions[] = {
        {"basicConstraints", "CA:TRUE,pathlen:0", true},
        {"keyUsage", "keyCertSign,cRLSign", true},
        {"subjectKeyIdentifier", "hash", false},
    };

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_set_subject_name(cert, name);
    X509_set_issuer_name(cert, name);
    X509_NAME_free(name);
    world_set_time(X509_getm_notBefore(cert), not_before, false);
    world_set_time(X509_getm_notAfter(cert), not_after, false);
    X509_set_pubkey(cert, key);
    for (size_t i = 0; i < COUNT_OF(extensions); i++)
        world_add(cert, cert, &extensions[i]);
    return cert;
}

static inline void world_set_issuer(struct world *w, const char *kind)
{
    struct err err = {0};
    X509 *cert;
    unsigned char *der = NULL;
    int size;

    EVP_PKEY_free(w->issuer_key);
    w->issuer_key = world_new_key(kind);
    cert = world_ca(w, w->issuer_key, WORLD_NOW - 30 * WORLD_DAY, WORLD_NOW + 3650 * WORLD_DAY);
    assert_true(X509_sign(cert, w->issuer_key, EVP_sha256()) > 0);
    size = i2d_X509(cert, &der);
    if (x509_ca_read(w->arena, "issuing1", bytes_of(der, (size_t)size), &err, &w->issuer) != RC_OK)
        fail_msg("%s", err.detail);
    OPENSSL_free(der);
    X509_free(cert);
}

static inline void world_open(struct world *w, const char *issuer_kind)
{
    memset(w, 0, sizeof(*w));
    strcpy(w->folder, "/tmp/trien-signer-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->arena = arena_new((size_t)64 * 1024 * 1024);
    w->registration = world_person(w, "registration");
    w->station = world_person(w, "station");
    w->officer1 = world_person(w, "officer1");
    w->officer2 = world_person(w, "officer2");
    w->stranger = world_person(w, "stranger");
    w->registrations = world_ring(w, "registration", w->registration, NULL);
    w->stations = world_ring(w, "stations", w->station, NULL);
    w->officers = world_ring(w, "officers", w->officer1, w->officer2);
    w->rings = (struct x509_enrolled){w->registrations, w->stations, w->officers};
    w->subscriber_key = world_new_key("p256");
    world_set_issuer(w, issuer_kind);
}

static inline void world_close(struct world *w)
{
    char command[128];
    struct x509_key **keys[] = {&w->registration, &w->station, &w->officer1, &w->officer2,
                                &w->stranger};

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        x509_key_free(keys[i]);
    x509_ring_free(&w->registrations);
    x509_ring_free(&w->stations);
    x509_ring_free(&w->officers);
    EVP_PKEY_free(w->issuer_key);
    EVP_PKEY_free(w->subscriber_key);
    arena_free(&w->arena);
    snprintf(command, sizeof(command), "rm -rf %s", w->folder);
    assert_int_equal(system(command), 0);
}

static inline void world_key_digest(EVP_PKEY *key, uint8_t ret_digest[32])
{
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key, &der);

    x509_spki_sha256(bytes_of(der, (size_t)size), ret_digest);
    OPENSSL_free(der);
}

static inline void world_set_extension(struct world_tbs *t, const char *name, const char *value,
                                       bool critical)
{
    size_t i = 0;

    while (i < 15 && t->extensions[i].nid_or_oid && strcmp(t->extensions[i].nid_or_oid, name) != 0)
        i++;
    t->extensions[i] = (struct world_extension){name, value, critical};
}

static inline void world_drop_extension(struct world_tbs *t, const char *name)
{
    for (size_t i = 0; i < 15; i++)
        if (t->extensions[i].nid_or_oid && strcmp(t->extensions[i].nid_or_oid, name) == 0) {
            memmove(&t->extensions[i], &t->extensions[i + 1], (15 - i) * sizeof(t->extensions[0]));
            i--;
        }
}

/* Right in every respect, for a subscriber's profile; the key is named by the authorisation. */
static inline void world_good(struct world *w, const char *profile, const char *order_id,
                              struct world_order *o)
{
    bool responder = strcmp(profile, PROFILE_OCSP_RESPONDER) == 0;
    bool server = strcmp(profile, PROFILE_TLS_SERVER) == 0;
    struct bytes subject = world_name(w->arena, "Sở TEST", "Nguyễn Văn TEST");
    usec life = (responder ? 30 : 1826) * WORLD_DAY - 1000000;

    memset(o, 0, sizeof(*o));
    o->order_id = order_id;
    o->issuer = "issuing1";
    o->profile = profile;
    o->responder = responder;
    o->tbs = (struct world_tbs){.version = X509_VERSION_3,
                                .serial_hex = "7f0102030405060708090a0b0c0d0e0f10111213",
                                .issuer_der = w->issuer.subject_der,
                                .subject_der = subject,
                                .not_before = WORLD_NOW,
                                .not_after = WORLD_NOW + life,
                                .key = w->subscriber_key,
                                .digest = EVP_sha256()};
    world_set_extension(&o->tbs, "basicConstraints", "CA:FALSE", true);
    world_set_extension(
        &o->tbs, "keyUsage",
        server || responder ? "digitalSignature" : "digitalSignature,nonRepudiation", true);
    if (strcmp(profile, PROFILE_CODE_SIGNING) == 0)
        world_set_extension(&o->tbs, "keyUsage", "digitalSignature", true);
    world_set_extension(&o->tbs, "extendedKeyUsage",
                        server                                       ? "serverAuth"
                        : responder                                  ? "OCSPSigning"
                        : strcmp(profile, PROFILE_CODE_SIGNING) == 0 ? "codeSigning"
                                                                     : "clientAuth",
                        false);
    world_set_extension(&o->tbs, "subjectKeyIdentifier", "hash", false);
    world_set_extension(&o->tbs, "authorityKeyIdentifier", "keyid:always", false);
    if (responder) {
        world_set_extension(&o->tbs, "noCheck", "yes", false);
    } else {
        world_set_extension(&o->tbs, "certificatePolicies", "1.3.6.1.4.1.32473.1.1", false);
        world_set_extension(&o->tbs, "crlDistributionPoints",
                            "URI:http://test.example/crl/issuing1.crl", false);
        world_set_extension(&o->tbs, "authorityInfoAccess", "OCSP;URI:http://test.example/ocsp",
                            false);
        world_set_extension(&o->tbs, "subjectAltName",
                            server ? "DNS:dv.test.example,IP:192.0.2.7,IP:2001:db8::7"
                                   : "email:test@example.gov.vn",
                            false);
    }
    world_key_digest(w->subscriber_key, o->key_sha256);
    trien__authorization__init(&o->authorization);
    o->authorization.version = 1;
    o->authorization.request_id = (char *)"01890000-0000-7000-8000-000000000001";
    o->authorization.item_id = (char *)(uintptr_t)order_id;
    o->authorization.lineage_id = o->authorization.item_id;
    o->authorization.document_sha256 = (ProtobufCBinaryData){32, o->key_sha256};
    o->authorization.action = (char *)"issue";
    o->authorization.profile = (char *)(uintptr_t)profile;
    o->authorization.subject_der =
        (ProtobufCBinaryData){subject.n, (uint8_t *)(uintptr_t)subject.p};
    o->authorization.validity_days = 1826;
    o->authorization.has_key_sha256 = true;
    o->authorization.key_sha256 = (ProtobufCBinaryData){32, o->key_sha256};
    o->authorization.authorized_at = WORLD_NOW - 1000000;
    o->authorization.expires_at = WORLD_NOW + 30 * WORLD_DAY;
    if (server) {
        o->names[0] = (char *)"dv.test.example";
        o->addresses[0] = (char *)"192.0.2.7";
        o->addresses[1] = (char *)"2001:db8::7";
        o->authorization.n_dns_name = 1;
        o->authorization.n_ip_address = 2;
    } else {
        o->emails[0] = (char *)"test@example.gov.vn";
        o->authorization.n_email = 1;
    }
    o->authorization.email = o->emails;
    o->authorization.dns_name = o->names;
    o->authorization.ip_address = o->addresses;
    o->signs_authorization = w->registration;
    trien__device_statement__init(&o->statement);
    o->statement.version = 1;
    o->statement.order_id = (char *)(uintptr_t)order_id;
    o->statement.device_serial = (char *)"TOKEN-1";
    o->statement.key_sha256 = (ProtobufCBinaryData){32, o->key_sha256};
    o->statement.stated_at = WORLD_NOW;
    o->signs_statement = w->station;
    trien__responder_approval__init(&o->approval);
    o->approval.version = 1;
    o->approval.issuer = (char *)"issuing1";
    o->approval.key_sha256 = (ProtobufCBinaryData){32, o->key_sha256};
    o->approval.subject_der = o->authorization.subject_der;
    o->approval.validity_days = 30;
    o->approval.expires_at = WORLD_NOW + 365 * WORLD_DAY;
    o->approves[0] = w->officer1;
    o->approves[1] = w->officer2;
    o->approvals = 2;
}

static inline ProtobufCBinaryData world_pack(struct world *w, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *out = arena_alloc(w->arena, size + 1);

    protobuf_c_message_pack(message, out);
    return (ProtobufCBinaryData){size, out};
}

static inline Trien__KeySignature *world_signature(struct world *w, const struct x509_key *key,
                                                   ProtobufCBinaryData over)
{
    Trien__KeySignature *signature = ARENA_NEW(w->arena, Trien__KeySignature);
    struct err err = {0};

    trien__key_signature__init(signature);
    assert_int_equal(x509_sign_p256(key, w->arena, bytes_of(over.data, over.len), &err, signature),
                     RC_OK);
    return signature;
}

static inline struct bytes world_order_tbs(struct world *w, const struct world_order *o)
{
    struct bytes tbs = o->tbs_der.n ? o->tbs_der : world_build_tbs(w, &o->tbs);
    uint8_t *copy = arena_alloc(w->arena, tbs.n + 2);

    memcpy(copy, tbs.p, tbs.n);
    if (o->break_tbs == 1)
        return bytes_of(copy, tbs.n + 1);
    if (o->break_tbs == 3)
        copy[0] = 0x31;
    if (o->break_tbs == 2) { /* version [0] { INTEGER 2 } with a length in two octets */
        uint8_t *longer = arena_alloc(w->arena, tbs.n + 1);
        size_t length = ((size_t)copy[2] << 8 | copy[3]) + 1;
        memcpy(longer, copy, 5);
        longer[5] = 0x81;
        memcpy(longer + 6, copy + 5, tbs.n - 5);
        longer[2] = (uint8_t)(length >> 8);
        longer[3] = (uint8_t)length;
        return bytes_of(longer, tbs.n + 1);
    }
    return bytes_of(copy, tbs.n);
}

/* The call itself, signed by everybody who has to. */
static inline Trien__SignCertificate *world_order(struct world *w, const struct world_order *o)
{
    Trien__SignCertificate *call = ARENA_NEW(w->arena, Trien__SignCertificate);
    struct bytes tbs = world_order_tbs(w, o);

    trien__sign_certificate__init(call);
    call->order_id = (char *)(uintptr_t)o->order_id;
    call->issuer = (char *)(uintptr_t)o->issuer;
    call->profile = (char *)(uintptr_t)o->profile;
    call->tbs_der = (ProtobufCBinaryData){tbs.n, (uint8_t *)(uintptr_t)tbs.p};
    if (o->responder) {
        Trien__ResponderGround *ground = ARENA_NEW(w->arena, Trien__ResponderGround);
        trien__responder_ground__init(ground);
        ground->approval = world_pack(w, &o->approval.base);
        ground->n_officers = o->approvals;
        ground->officers = ARENA_ARRAY(w->arena, Trien__KeySignature *, 3);
        for (size_t i = 0; i < o->approvals; i++)
            ground->officers[i] = world_signature(w, o->approves[i], ground->approval);
        call->ground_case = TRIEN__SIGN_CERTIFICATE__GROUND_RESPONDER;
        call->responder = ground;
    } else {
        Trien__SubscriberGround *ground = ARENA_NEW(w->arena, Trien__SubscriberGround);
        trien__subscriber_ground__init(ground);
        ground->authorization = world_pack(w, &o->authorization.base);
        ground->registration_authority =
            world_signature(w, o->signs_authorization, ground->authorization);
        if (o->flip_authorization)
            ground->authorization.data[ground->authorization.len - 1] ^= 1;
        if (o->with_statement) {
            ground->has_statement = true;
            ground->statement = world_pack(w, &o->statement.base);
            if (o->signs_statement)
                ground->station = world_signature(w, o->signs_statement, ground->statement);
        }
        call->ground_case = TRIEN__SIGN_CERTIFICATE__GROUND_SUBSCRIBER;
        call->subscriber = ground;
    }
    return call;
}
