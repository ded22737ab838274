/* Any bytes as a certificate before the table of checks: the first octet chooses the profile.
 * Nothing a fuzzer makes up carries the issuer's signature, so nothing passes. */
// links: services/signing
#include <string.h>

#include "services/signing/lint.h"
#include "services/signing/tbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static const struct issuer_places places = {"http://127.0.0.1:8081", "1.3.6.1.4.1.32473.68.1",
                                            "http://127.0.0.1:8081/policies/cps/1"};

static EVP_PKEY *issuer_key;

/* The smallest certificate that issuer_init() takes. */
static void make_issuer(struct issuer *issuer, struct arena *arena)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = X509_new();
    X509V3_CTX context;
    struct err err = {0};
    static const struct {
        int nid;
        const char *value;
    } rows[] = {{NID_basic_constraints, "critical,CA:TRUE"},
                {NID_key_usage, "critical,keyCertSign"},
                {NID_subject_key_identifier, "hash"}};

    X509_set_version(ca, X509_VERSION_3);
    X509_set_pubkey(ca, key);
    X509_gmtime_adj(X509_getm_notBefore(ca), 0);
    X509_gmtime_adj(X509_getm_notAfter(ca), 86400L * 365);
    X509V3_set_ctx(&context, ca, ca, NULL, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoptr(X509_EXTENSION) extension =
            X509V3_EXT_conf_nid(NULL, &context, rows[i].nid, rows[i].value);
        X509_add_ext(ca, extension, -1);
    }
    X509_sign(ca, key, EVP_sha256());
    if (issuer_init(issuer, arena, "issuing1", ca, &places, &err) != RC_OK)
        __builtin_trap();
    X509_free(ca);
    issuer_key = key;
}

static struct bytes good[7];

/* The certificate that the issuer makes of it. */
static struct bytes sign(const struct issuer *issuer, struct bytes linted, struct arena *arena)
{
    struct bytes tbs = tbs_of(linted), certificate;
    uint8_t signature[80];
    size_t length = sizeof(signature);
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    struct err err = {0};

    if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, issuer_key) != 1 ||
        EVP_DigestSign(context, signature, &length, tbs.p, tbs.n) != 1 ||
        tbs_assemble(issuer, tbs, bytes_of(signature, length), arena, &err, &certificate) != RC_OK)
        __builtin_trap();
    return certificate;
}

static void make_good(const struct issuer *issuer, struct arena *arena)
{
    static const char *const host[] = {"cong.gov.vn"}, *const email[] = {"a@gov.vn"};
    const struct x509_name name = {
        .organisation = "Sở A", .common_name = "Bình", .locality = "Huế"};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct err err = {0};

    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct tbs_order order = {.profile = &profiles[i],
                                  .spki_der = x509_der(arena, key, i2d_PUBKEY),
                                  .key_kind = "p256",
                                  .dns_names = host,
                                  .emails = email};
        order.dns_count = profiles[i].san_allowed & SAN_DNS ? 1 : 0;
        order.email_count = profiles[i].san_allowed & SAN_EMAIL ? 1 : 0;
        if (x509_name_build(arena, &name, &err, &order.subject_der) != RC_OK ||
            tbs_random_serial(arena, 84, &err, &order.serial) != RC_OK ||
            tbs_validity(issuer, order.profile, issuer->not_after_us - INT64_C(86400000000) * 40,
                         30, &err, &order) != RC_OK ||
            tbs_build(issuer, &order, arena, &err, &good[i]) != RC_OK)
            __builtin_trap();
        good[i] = sign(issuer, good[i], arena);
    }
    EVP_PKEY_free(key);
}

static struct bytes edit(struct arena *arena, struct bytes certificate, const uint8_t *edits,
                         size_t size_bytes)
{
    struct bytes copy = arena_bytes(arena, certificate);
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.p;

    for (size_t i = 0; i + 2 < size_bytes && i < 24; i += 3)
        bytes[(size_t)(edits[i] << 8 | edits[i + 1]) % copy.n] = edits[i + 2];
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static struct arena *arena, *kept;
    static struct issuer issuer;
    struct err err = {0};
    struct lint_report report;
    struct bytes certificate;
    size_t chosen;

    if (!arena) {
        arena = arena_new((size_t)64 << 20);
        kept = arena_new((size_t)4 << 20);
        make_issuer(&issuer, kept);
        make_good(&issuer, kept);
    }
    if (size_bytes < 2)
        return 0;
    chosen = input[0] % COUNT_OF(good);
    certificate = input[0] & 0x80 ? bytes_of(input + 1, size_bytes - 1)
                                  : edit(arena, good[chosen], input + 1, size_bytes - 1);
    if (lint_certificate(&issuer, &profiles[chosen], certificate, issuer_key, arena, &err,
                         &report) == RC_OK &&
        !bytes_equal(certificate, good[chosen]))
        __builtin_trap();
    arena_reset(arena);
    return 0;
}
