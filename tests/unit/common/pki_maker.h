/* A TEST authority in memory and in a folder, for the unit tests of trust, cms and document. P-256
 * only. */
#pragma once

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "common/ossl.h"
#include "common/trust.h"

#define MAKER_NOW ((time_t)1800000000) /* everything is judged around this moment */
#define MAKER_DAY 86400

struct maker {
    char folder[64]; /* trust directory */
    EVP_PKEY *root_key, *ca_key, *leaf_key;
    X509 *root, *ca, *leaf;
};

static inline void maker_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* issuer NULL: self-signed. usage NULL: a CA. */
static inline X509 *maker_certificate(const char *name, EVP_PKEY *key, X509 *issuer,
                                      EVP_PKEY *signer, long serial, const char *usage,
                                      long from_day, long to_day)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"TEST", -1, -1,
                               0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject);
    ASN1_TIME_set(X509_getm_notBefore(certificate), MAKER_NOW + from_day * MAKER_DAY);
    ASN1_TIME_set(X509_getm_notAfter(certificate), MAKER_NOW + to_day * MAKER_DAY);
    X509_set_pubkey(certificate, key);
    maker_extension(certificate, issuer ? issuer : certificate, NID_basic_constraints,
                    usage ? "critical,CA:FALSE" : "critical,CA:TRUE");
    maker_extension(certificate, issuer ? issuer : certificate, NID_key_usage,
                    usage ? usage : "critical,keyCertSign,cRLSign");
    maker_extension(certificate, issuer ? issuer : certificate, NID_crl_distribution_points,
                    issuer && !usage ? "URI:http://127.0.0.1:9/root.crl"
                                     : "URI:http://127.0.0.1:9/ca.crl");
    X509_sign(certificate, signer, EVP_sha256());
    return certificate;
}

static inline X509 *maker_leaf(const struct maker *m, const char *name, long serial,
                               const char *usage, long from_day, long to_day)
{
    return maker_certificate(name, m->leaf_key, m->ca, m->ca_key, serial, usage, from_day, to_day);
}

/* DER of a CRL; revoked_serial 0: nobody. delta: adds a delta indicator. */
static inline struct bytes maker_crl(struct arena *arena, X509 *issuer, EVP_PKEY *key,
                                     long revoked_serial, long revoked_day, long this_day,
                                     long next_day, bool delta)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, MAKER_NOW + this_day * MAKER_DAY);
    unsigned char *der = NULL;
    struct bytes out;
    int size;

    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
    X509_CRL_set1_lastUpdate(crl, when);
    ASN1_TIME_set(when, MAKER_NOW + next_day * MAKER_DAY);
    X509_CRL_set1_nextUpdate(crl, when);
    if (revoked_serial) {
        X509_REVOKED *revoked = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();

        ASN1_INTEGER_set(serial, revoked_serial);
        ASN1_TIME_set(when, MAKER_NOW + revoked_day * MAKER_DAY);
        X509_REVOKED_set_serialNumber(revoked, serial);
        X509_REVOKED_set_revocationDate(revoked, when);
        X509_CRL_add0_revoked(crl, revoked);
        ASN1_INTEGER_free(serial);
    }
    if (delta) {
        ASN1_INTEGER *base = ASN1_INTEGER_new();

        ASN1_INTEGER_set(base, 1);
        X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0);
        ASN1_INTEGER_free(base);
    }
    X509_CRL_sort(crl);
    X509_CRL_sign(crl, key, EVP_sha256());
    size = i2d_X509_CRL(crl, &der);
    out = arena_bytes(arena, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    ASN1_TIME_free(when);
    X509_CRL_free(crl);
    return out;
}

static inline void maker_write(const struct maker *m, const char *name, X509 *certificate)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", m->folder, name);
    file = fopen(path, "w");
    PEM_write_X509(file, certificate);
    fclose(file);
}

static inline void maker_init(struct maker *m)
{
    char path[96];

    snprintf(m->folder, sizeof(m->folder), "/tmp/trien-trust-XXXXXX");
    if (!mkdtemp(m->folder))
        abort();
    snprintf(path, sizeof(path), "%s/anchors", m->folder);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/intermediates", m->folder);
    mkdir(path, 0700);
    m->root_key = EVP_EC_gen("P-256");
    m->ca_key = EVP_EC_gen("P-256");
    m->leaf_key = EVP_EC_gen("P-256");
    m->root = maker_certificate("TEST Root", m->root_key, NULL, m->root_key, 1, NULL, -1000, 5000);
    m->ca = maker_certificate("TEST CA", m->ca_key, m->root, m->root_key, 2, NULL, -900, 4000);
    m->leaf = maker_leaf(m, "TEST Seal", 3, "critical,digitalSignature", -100, 100);
    maker_write(m, "anchors/root.pem", m->root);
    maker_write(m, "intermediates/ca.pem", m->ca);
}

static inline void maker_done(struct maker *m)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", m->folder);
    if (system(command) != 0)
        abort();
    EVP_PKEY_free(m->root_key);
    EVP_PKEY_free(m->ca_key);
    EVP_PKEY_free(m->leaf_key);
    X509_free(m->root);
    X509_free(m->ca);
    X509_free(m->leaf);
}
