/* The facts of a certificate, and the small things every user of OpenSSL's X.509 needs. It decides
 * nothing: chains, status and profiles are judged elsewhere. */
#include "common/x509.h"

#include <limits.h>
#include <openssl/pem.h>
#include <string.h>
#include <time.h>

X509 *x509_parse(struct bytes der)
{
    const unsigned char *p = der.p;
    X509 *certificate;

    if (der.n == 0 || der.n > X509_MAX_DER_BYTES)
        return NULL;
    certificate = d2i_X509(NULL, &p, (long)der.n);
    if (certificate && p != der.p + der.n) {
        X509_free(certificate);
        certificate = NULL;
    }
    if (!certificate)
        ERR_clear_error();
    return certificate;
}

int64_t x509_time_us(const ASN1_TIME *when)
{
    struct tm parts;

    if (!when || ASN1_TIME_to_tm(when, &parts) != 1)
        return INT64_MIN;
    return (int64_t)timegm(&parts) * INT64_C(1000000);
}

const char *x509_serial_hex(struct arena *arena, const ASN1_INTEGER *serial)
{
    struct bytes in = bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    const char *hex = bytes_to_hex(arena, in);

    while (hex[0] == '0' && hex[1])
        hex++;
    return hex;
}

const char *x509_openssl_error(struct arena *arena)
{
    unsigned long code = ERR_peek_error();
    char text[256] = "";

    if (code)
        ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return arena_strdup(arena, text);
}

enum rc x509_facts_read(struct arena *arena, struct bytes der, struct err *err,
                        struct x509_facts *ret_facts)
{
    autoptr(X509) certificate = x509_parse(der);
    struct x509_facts facts = {.der = der};

    CHECK(certificate, err, TRIEN__ERROR__MALFORMED, "not one DER certificate");
    facts.serial = x509_serial_hex(arena, X509_get0_serialNumber(certificate));
    facts.issuer_der = x509_der(arena, X509_get_issuer_name(certificate), i2d_X509_NAME);
    facts.subject_der = x509_der(arena, X509_get_subject_name(certificate), i2d_X509_NAME);
    facts.subject_text = x509_name_text(arena, facts.subject_der);
    facts.common_name = x509_name_find(arena, facts.subject_der, NID_commonName);
    facts.spki_der = x509_der(arena, X509_get_X509_PUBKEY(certificate), i2d_X509_PUBKEY);
    bytes_sha256(facts.spki_der, facts.key_sha256);
    facts.not_before_us = x509_time_us(X509_get0_notBefore(certificate));
    facts.not_after_us = x509_time_us(X509_get0_notAfter(certificate));
    CHECK(facts.subject_text && facts.not_before_us != INT64_MIN && facts.not_after_us != INT64_MIN,
          err, TRIEN__ERROR__MALFORMED, "a name or time of the certificate is malformed");
    if (!facts.common_name)
        facts.common_name = "";
    *ret_facts = facts;
    return RC_OK;
}

enum rc x509_certificates_load(const char *path, struct err *err, X509_stack **ret_stack)
{
    autoptr(BIO) file = BIO_new_file(path, "r");
    autoptr(X509_stack) stack = sk_X509_new_null();
    X509 *certificate;

    CHECK(file && stack, err, TRIEN__ERROR__KEY_FILE, "%s: cannot be read", path);
    while ((certificate = PEM_read_bio_X509(file, NULL, NULL, (void *)"")))
        if (sk_X509_push(stack, certificate) <= 0)
            abort();
    CHECK(ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE, err, TRIEN__ERROR__KEY_FILE,
          "%s: a CERTIFICATE block is damaged", path);
    ERR_clear_error();
    CHECK(sk_X509_num(stack) > 0, err, TRIEN__ERROR__KEY_FILE, "%s: no CERTIFICATE block", path);
    *ret_stack = TAKE(stack);
    return RC_OK;
}
