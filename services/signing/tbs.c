/* Builds certificates for signing (RFC 5280 4.1, 4.2) and assembles them afterwards. OpenSSL has no
 * way to put a foreign signature into a certificate: it encodes the to-be-signed bytes, and the
 * outer SEQUENCE is written here, first around the throw-away signature, then around the CA's. */
#include "services/signing/tbs.h"

#include <arpa/inet.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

DEFINE_AUTOPTR(ASN1_BIT_STRING, ASN1_BIT_STRING_free)

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

enum rc tbs_random_serial(struct arena *arena, uint8_t prefix, struct err *err,
                          struct bytes *ret_serial)
{
    uint8_t *serial = arena_alloc(arena, TBS_SERIAL_BYTES);

    CHECK(prefix >= 1 && prefix <= 127, err, TRIEN__ERROR__CONFIG_INVALID, "serial_prefix");
    serial[0] = prefix;
    CHECK(RAND_bytes(serial + 1, TBS_SERIAL_BYTES - 1) == 1, err, TRIEN__ERROR__OVERLOADED,
          "no randomness: %s", x509_openssl_error(arena));
    *ret_serial = bytes_of(serial, TBS_SERIAL_BYTES);
    return RC_OK;
}

enum rc tbs_validity(const struct issuer *issuer, const struct profile *profile, int64_t now_us,
                     unsigned days, struct err *err, struct tbs_order *order)
{
    int64_t not_before = now_us - now_us % SECOND;
    int64_t life = (days < profile->max_days ? days : profile->max_days) * DAY;
    int64_t not_after = not_before + life - SECOND;

    if (not_after > issuer->not_after_us)
        not_after = issuer->not_after_us;
    CHECK(not_after - not_before >= DAY - SECOND, err, TRIEN__ERROR__SIGNER_LIMIT,
          "less than a day of life would be left");
    order->not_before_us = not_before;
    order->not_after_us = not_after;
    return RC_OK;
}

/* RFC 7093 2 (1): the leftmost 160 bits of SHA-256 over the BIT STRING's content. */
static X509_EXTENSION *subject_key_id_of(X509 *certificate)
{
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(certificate);
    autoptr(ASN1_OCTET_STRING) key_id = ASN1_OCTET_STRING_new();
    uint8_t digest[32];

    if (!key || !key_id)
        return NULL;
    bytes_sha256(bytes_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)), digest);
    if (!ASN1_OCTET_STRING_set(key_id, digest, 20))
        return NULL;
    return X509V3_EXT_i2d(NID_subject_key_identifier, 0, key_id);
}

static X509_EXTENSION *key_usage_of(unsigned bits)
{
    ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    X509_EXTENSION *extension = NULL;
    bool good = usage != NULL;

    /* KU_… are the octet of the encoding: bit 0 (digitalSignature) is 0x80. */
    for (int bit = 0; good && bit < 8; bit++)
        if (bits & (0x80u >> bit))
            good = ASN1_BIT_STRING_set_bit(usage, bit, 1) == 1;
    if (good)
        extension = X509V3_EXT_i2d(NID_key_usage, 1, usage);
    ASN1_BIT_STRING_free(usage);
    return extension;
}

static GENERAL_NAME *text_name(int type, const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();

    if (!name || !value || !ASN1_STRING_set(value, text, -1)) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, type, value);
    return name;
}

static GENERAL_NAME *address_name(const char *text)
{
    unsigned char address[16];
    bool v6 = strchr(text, ':') != NULL;
    GENERAL_NAME *name;
    ASN1_OCTET_STRING *value;

    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, address) != 1)
        return NULL;
    name = GENERAL_NAME_new();
    value = ASN1_OCTET_STRING_new();
    if (!name || !value || !ASN1_OCTET_STRING_set(value, address, v6 ? 16 : 4)) {
        GENERAL_NAME_free(name);
        ASN1_OCTET_STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_IPADD, value);
    return name;
}

static bool push_name(GENERAL_NAMES *names, GENERAL_NAME *name)
{
    if (name && sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static enum rc alternative_names(const struct tbs_order *order, struct err *err,
                                 X509_EXTENSION **ret_extension)
{
    autoptr(GENERAL_NAMES) names = sk_GENERAL_NAME_new_null();
    bool good = names != NULL;

    for (size_t i = 0; good && i < order->email_count; i++)
        good = push_name(names, text_name(GEN_EMAIL, order->emails[i]));
    for (size_t i = 0; good && i < order->dns_count; i++)
        good = push_name(names, text_name(GEN_DNS, order->dns_names[i]));
    for (size_t i = 0; good && i < order->ip_count; i++)
        good = push_name(names, address_name(order->ip_addresses[i]));
    CHECK(good && order->email_count + order->dns_count + order->ip_count <= TBS_MAX_NAMES, err,
          TRIEN__ERROR__FIELD_INVALID, "a name cannot stand in subjectAltName");
    if (sk_GENERAL_NAME_num(names) > 0)
        *ret_extension = X509V3_EXT_i2d(NID_subject_alt_name, 0, names);
    return RC_OK;
}

static enum rc add_extensions(X509 *certificate, const struct issuer *issuer,
                              const struct tbs_order *order, struct err *err)
{
    const struct profile *profile = order->profile;
    const struct issuer_profile *ready = issuer_profile_of(issuer, profile);
    autoptr(X509_EXTENSION) subject_key = subject_key_id_of(certificate);
    autoptr(X509_EXTENSION) usage = key_usage_of(profile_key_usage(profile, order->key_kind));
    autoptr(X509_EXTENSION) names = NULL;

    TRY(alternative_names(order, err, &names));
    const struct {
        X509_EXTENSION *extension;
        bool wanted;
    } rows[] = {
        {issuer->authority_key_id, true},
        {subject_key, true},
        {usage, true},
        {ready->policies, true},
        {names, names != NULL},
        {issuer->basic_constraints, true},
        {ready->extended_usage, true},
        {issuer->crl_points, !profile->ocsp_no_check},
        {profile->ocsp_no_check ? issuer->issuers_access : issuer->authority_access, true},
        {issuer->no_check, profile->ocsp_no_check},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].wanted)
            CHECK(rows[i].extension && X509_add_ext(certificate, rows[i].extension, -1) == 1, err,
                  TRIEN__ERROR__INTERNAL, "extension %zu", i);
    return RC_OK;
}

static bool set_names(X509 *certificate, const struct issuer *issuer, struct bytes subject_der)
{
    const unsigned char *p = subject_der.p;
    autoptr(X509_NAME) subject = d2i_X509_NAME(NULL, &p, (long)subject_der.n);

    return subject && p == subject_der.p + subject_der.n &&
           X509_set_subject_name(certificate, subject) == 1 &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate)) == 1;
}

/* Into the certificate's own field: the bytes stay as they came, and nothing decodes a key that the
 * caller has decoded (a tenth of a millisecond each time with OpenSSL 3.0). */
static bool set_key(X509 *certificate, struct bytes spki_der)
{
    const unsigned char *p = spki_der.p, *end = spki_der.p + spki_der.n;
    long length;
    int tag, class, parameter_type;
    const void *parameter;
    const ASN1_OBJECT *object;
    autoptr(X509_ALGOR) algorithm = NULL;
    autoptr(ASN1_BIT_STRING) key = NULL;

    if (ASN1_get_object(&p, &length, &tag, &class, (long)spki_der.n) & 0x80 || p + length != end)
        return false;
    algorithm = d2i_X509_ALGOR(NULL, &p, (long)(end - p));
    key = algorithm ? d2i_ASN1_BIT_STRING(NULL, &p, (long)(end - p)) : NULL;
    if (!key || p != end)
        return false;
    X509_ALGOR_get0(&object, &parameter_type, &parameter, algorithm);
    if (parameter_type == V_ASN1_OBJECT)
        parameter = OBJ_dup(parameter);
    else if (parameter_type != V_ASN1_NULL && parameter_type != V_ASN1_UNDEF)
        return false;
    /* Takes object, parameter and octets over when it succeeds; it fails only without memory. */
    return X509_PUBKEY_set0_param(
               X509_get_X509_PUBKEY(certificate), OBJ_dup(object), parameter_type,
               (void *)(uintptr_t)parameter,
               OPENSSL_memdup(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)),
               ASN1_STRING_length(key)) == 1;
}

static bool set_serial(X509 *certificate, struct bytes serial)
{
    autoptr(BIGNUM) number = BN_bin2bn(serial.p, (int)serial.n, NULL);

    return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
}

/* ASN1_TIME_set: UTCTime through 2049, GeneralizedTime after (RFC 5280 4.1.2.5). */
static bool set_validity(X509 *certificate, const struct tbs_order *order)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate),
                         (time_t)(order->not_before_us / SECOND)) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(order->not_after_us / SECOND));
}

/* OpenSSL's own way to set it is to sign. */
static bool set_algorithm(X509 *certificate, const struct issuer *issuer)
{
    X509_ALGOR *own = (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(certificate);

    return X509_ALGOR_copy(own, issuer->algorithm) == 1;
}

static struct bytes write_certificate(struct arena *arena, struct bytes tbs, struct bytes algorithm,
                                      struct bytes signature)
{
    int bits = (int)signature.n + 1;
    int bit_string = ASN1_object_size(0, bits, V_ASN1_BIT_STRING);
    int content = (int)(tbs.n + algorithm.n) + bit_string;
    int total = ASN1_object_size(1, content, V_ASN1_SEQUENCE);
    unsigned char *der = arena_alloc(arena, (size_t)total), *p = der;

    ASN1_put_object(&p, 1, content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    p = mempcpy(p, tbs.p, tbs.n);
    p = mempcpy(p, algorithm.p, algorithm.n);
    ASN1_put_object(&p, 0, bits, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
    *p++ = 0; /* no unused bits */
    memcpy(p, signature.p, signature.n);
    return bytes_of(der, (size_t)total);
}

enum rc tbs_build(const struct issuer *issuer, const struct tbs_order *order, struct arena *arena,
                  struct err *err, struct bytes *ret_throwaway_der)
{
    autoptr(X509) certificate = X509_new();
    struct bytes tbs;

    CHECK(certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
              set_serial(certificate, order->serial) &&
              set_names(certificate, issuer, order->subject_der) &&
              set_algorithm(certificate, issuer) && set_validity(certificate, order) &&
              set_key(certificate, order->spki_der),
          err, TRIEN__ERROR__INTERNAL, "certificate not built: %s", x509_openssl_error(arena));
    TRY(add_extensions(certificate, issuer, order, err));
    tbs = x509_der(arena, certificate, i2d_re_X509_tbs);
    CHECK(tbs.n > 0, err, TRIEN__ERROR__INTERNAL, "to-be-signed bytes: %s",
          x509_openssl_error(arena));
    *ret_throwaway_der =
        write_certificate(arena, tbs, issuer->algorithm_der, issuer->throwaway_signature);
    return RC_OK;
}

/* Length of the DER element at `at`, header included; 0 when it does not fit. */
static size_t element_size(struct bytes in, size_t at, size_t *ret_header)
{
    const unsigned char *p = in.p + at;
    long length;
    int tag, class;

    if (at >= in.n || ASN1_get_object(&p, &length, &tag, &class, (long)(in.n - at)) & 0x80)
        return 0;
    *ret_header = (size_t)(p - (in.p + at));
    return *ret_header + (size_t)length;
}

struct bytes tbs_of(struct bytes certificate_der)
{
    size_t header, inner, size = element_size(certificate_der, 0, &header);

    if (size == 0 || size != certificate_der.n || certificate_der.p[0] != 0x30)
        return (struct bytes){0};
    size = element_size(certificate_der, header, &inner);
    return size ? bytes_of(certificate_der.p + header, size) : (struct bytes){0};
}

static bool verifies(const struct issuer *issuer, struct bytes tbs, struct bytes signature)
{
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

    return context &&
           EVP_DigestVerifyInit(context, NULL, issuer->digest, NULL,
                                X509_get0_pubkey(issuer->certificate)) == 1 &&
           EVP_DigestVerify(context, signature.p, signature.n, tbs.p, tbs.n) == 1;
}

enum rc tbs_assemble(const struct issuer *issuer, struct bytes tbs_der, struct bytes signature,
                     struct arena *arena, struct err *err, struct bytes *ret_certificate_der)
{
    struct bytes der;

    CHECK(signature.n > 0 && signature.n <= 1024 && tbs_der.n <= X509_MAX_DER_BYTES, err,
          TRIEN__ERROR__ANSWER_MISMATCH, "signature of %zu bytes", signature.n);
    if (!verifies(issuer, tbs_der, signature))
        FAIL(err, TRIEN__ERROR__ANSWER_MISMATCH, "the signature does not verify: %s",
             x509_openssl_error(arena));
    der = write_certificate(arena, tbs_der, issuer->algorithm_der, signature);
    CHECK(bytes_equal(tbs_of(der), tbs_der), err, TRIEN__ERROR__ANSWER_MISMATCH,
          "what was put together is no certificate");
    *ret_certificate_der = der;
    return RC_OK;
}
