/* OCSP messages against OpenSSL's own: requests it makes are read, answers we make verify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/ossl.h"
#include "common/x509.h"
#include "services/status/ocsp_answer.h"

DEFINE_AUTOPTR(OCSP_REQUEST, OCSP_REQUEST_free)
DEFINE_AUTOPTR(OCSP_RESPONSE, OCSP_RESPONSE_free)
DEFINE_AUTOPTR(OCSP_BASICRESP, OCSP_BASICRESP_free)

static struct arena *arena;
static EVP_PKEY *ca_key, *responder_key;
static X509 *ca, *responder;

static void add_extension(X509 *certificate, int nid, const char *value)
{
    autoptr(X509_EXTENSION) extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
}

static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 77);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate));
    X509_set_pubkey(certificate, key);
    add_extension(certificate, issuer ? NID_ext_key_usage : NID_basic_constraints,
                  issuer ? "OCSPSigning" : "critical,CA:TRUE");
    assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
    return certificate;
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    ca_key = EVP_EC_gen("P-256");
    responder_key = EVP_EC_gen("P-256");
    ca = make_certificate("CA TEST", ca_key, NULL, ca_key);
    responder = make_certificate("OCSP TEST", responder_key, ca, ca_key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    X509_free(ca);
    X509_free(responder);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(responder_key);
    return 0;
}

static OCSP_CERTID *certid(const EVP_MD *digest, const char *serial_hex)
{
    autoptr(BIGNUM) number = NULL;
    ASN1_INTEGER *serial;
    OCSP_CERTID *id;

    BN_hex2bn(&number, serial_hex);
    serial = BN_to_ASN1_INTEGER(number, NULL);
    id = OCSP_cert_id_new(digest, X509_get_subject_name(ca), X509_get0_pubkey_bitstr(ca), serial);
    ASN1_INTEGER_free(serial);
    return id;
}

static struct bytes request_der(OCSP_REQUEST *request)
{
    return x509_der(arena, request, i2d_OCSP_REQUEST);
}

static void test_requests_of_openssl(void **state)
{
    autoptr(OCSP_REQUEST) request = OCSP_REQUEST_new();
    uint8_t nonce[32] = {1, 2, 3};
    struct ocsp_request read;

    (void)state;
    OCSP_request_add0_id(request, certid(EVP_sha1(), "00f1e2"));
    OCSP_request_add0_id(request, certid(EVP_sha256(), "7fffffffffffffffffffffffffffffffffffffff"));
    OCSP_request_add1_nonce(request, nonce, sizeof(nonce));
    assert_int_equal(ocsp_request_read(arena, request_der(request), &read), OCSP_REQUEST_FINE);
    assert_int_equal(read.count, 2);
    assert_int_equal(read.ids[0].hash, OCSP_SHA1);
    assert_int_equal(read.ids[0].serial.n, 2);
    assert_memory_equal(read.ids[0].serial.p, "\xf1\xe2", 2);
    assert_int_equal(read.ids[1].hash, OCSP_SHA256);
    assert_int_equal(read.ids[1].name_hash.n, 32);
    assert_int_equal(read.ids[1].serial.n, 20);
    assert_true(bytes_equal(read.nonce, bytes_of(nonce, sizeof(nonce))));
}

static enum ocsp_request_verdict read_with_nonce(struct bytes value)
{
    autoptr(OCSP_REQUEST) request = OCSP_REQUEST_new();
    autoptr(ASN1_OCTET_STRING) string = ASN1_OCTET_STRING_new();
    autoptr(X509_EXTENSION) extension = NULL;
    struct ocsp_request read;

    OCSP_request_add0_id(request, certid(EVP_sha1(), "1234"));
    ASN1_OCTET_STRING_set(string, value.p, (int)value.n);
    extension = X509_EXTENSION_create_by_NID(NULL, NID_id_pkix_OCSP_Nonce, 0, string);
    OCSP_REQUEST_add_ext(request, extension, -1);
    return ocsp_request_read(arena, request_der(request), &read);
}

static void test_nonces(void **state)
{
    uint8_t inner[200] = {4};

    (void)state;
    inner[1] = 1;
    assert_int_equal(read_with_nonce(bytes_of(inner, 3)), OCSP_REQUEST_FINE);
    inner[1] = 127;
    assert_int_equal(read_with_nonce(bytes_of(inner, 129)), OCSP_REQUEST_FINE);
    inner[1] = 0x81;
    inner[2] = 128;
    assert_int_equal(read_with_nonce(bytes_of(inner, 131)), OCSP_REQUEST_FINE);
    inner[2] = 129;
    assert_int_equal(read_with_nonce(bytes_of(inner, 132)), OCSP_REQUEST_MALFORMED);
    inner[1] = 0;
    assert_int_equal(read_with_nonce(bytes_of(inner, 2)), OCSP_REQUEST_MALFORMED);
    inner[1] = 5; /* longer than what follows */
    assert_int_equal(read_with_nonce(bytes_of(inner, 4)), OCSP_REQUEST_MALFORMED);
    inner[0] = 2; /* no OCTET STRING */
    inner[1] = 2;
    assert_int_equal(read_with_nonce(bytes_of(inner, 4)), OCSP_REQUEST_MALFORMED);
    assert_int_equal(read_with_nonce(bytes_of(inner, 0)), OCSP_REQUEST_MALFORMED);
}

static void test_bad_requests(void **state)
{
    autoptr(OCSP_REQUEST) many = OCSP_REQUEST_new();
    autoptr(OCSP_REQUEST) sha512 = OCSP_REQUEST_new();
    autoptr(OCSP_REQUEST) huge = OCSP_REQUEST_new();
    struct bytes good;
    struct ocsp_request read;

    (void)state;
    OCSP_request_add0_id(huge, certid(EVP_sha1(), "017fffffffffffffffffffffffffffffffffffffff"));
    assert_int_equal(ocsp_request_read(arena, request_der(huge), &read), OCSP_REQUEST_MALFORMED);
    OCSP_request_add0_id(sha512, certid(EVP_sha512(), "12"));
    assert_int_equal(ocsp_request_read(arena, request_der(sha512), &read), OCSP_REQUEST_FOREIGN);
    assert_int_equal(ocsp_request_read(arena, request_der(many), &read), OCSP_REQUEST_MALFORMED);
    for (int i = 0; i < OCSP_MAX_CERTIFICATES; i++)
        OCSP_request_add0_id(many, certid(EVP_sha1(), "12"));
    good = request_der(many);
    assert_int_equal(ocsp_request_read(arena, good, &read), OCSP_REQUEST_FINE);
    OCSP_request_add0_id(many, certid(EVP_sha1(), "12"));
    assert_int_equal(ocsp_request_read(arena, request_der(many), &read), OCSP_REQUEST_MALFORMED);
    assert_int_equal(ocsp_request_read(arena, bytes_of(good.p, good.n - 1), &read),
                     OCSP_REQUEST_MALFORMED);
    assert_int_equal(ocsp_request_read(arena, bytes_of(good.p, good.n + 1), &read),
                     OCSP_REQUEST_MALFORMED);
    assert_int_equal(ocsp_request_read(arena, bytes_of("", 0), &read), OCSP_REQUEST_MALFORMED);
}

/* What responder.c does, with a key in memory. */
static struct bytes answer(const struct ocsp_certid *ids, const struct ocsp_fact *facts,
                           size_t count, struct bytes nonce)
{
    static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                           0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    usec now = clock_now() / USEC_PER_SECOND * USEC_PER_SECOND;
    uint8_t key_hash[20], signature[80];
    size_t size = sizeof(signature);
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    struct ocsp_response_data in = {
        .responder_key_hash = bytes_of(key_hash, 20),
        .produced_at = now,
        .this_update = now,
        .next_update = now + 3600 * USEC_PER_SECOND,
        .count = count,
        .ids = ids,
        .facts = facts,
        .nonce = nonce,
    };
    struct bytes signed_bytes;

    X509_pubkey_digest(responder, EVP_sha1(), key_hash, NULL);
    signed_bytes = ocsp_response_data(arena, &in);
    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, responder_key);
    assert_int_equal(EVP_DigestSign(context, signature, &size, signed_bytes.p, signed_bytes.n), 1);
    return ocsp_response(arena, signed_bytes, bytes_of(ecdsa_sha256, sizeof(ecdsa_sha256)),
                         bytes_of(signature, size), x509_der(arena, responder, i2d_X509));
}

static void test_answers_verify(void **state)
{
    autoptr(OCSP_REQUEST) request = OCSP_REQUEST_new();
    autoptr(OCSP_RESPONSE) response = NULL;
    autoptr(OCSP_BASICRESP) basic = NULL;
    autoptr(X509_STORE) store = X509_STORE_new();
    struct ocsp_fact facts[3] = {
        {.status = OCSP_GOOD},
        {.status = OCSP_REVOKED, .revoked_at = INT64_C(1795317302) * USEC_PER_SECOND, .reason = 1},
        {.status = OCSP_UNKNOWN},
    };
    static const char *const serials[] = {"00f1e2", "01", "7f00"};
    struct ocsp_request read;
    struct bytes der;

    (void)state;
    X509_STORE_add_cert(store, ca);
    for (int i = 0; i < 3; i++)
        OCSP_request_add0_id(request, certid(i ? EVP_sha256() : EVP_sha1(), serials[i]));
    OCSP_request_add1_nonce(request, NULL, 128);
    assert_int_equal(ocsp_request_read(arena, request_der(request), &read), OCSP_REQUEST_FINE);
    der = answer(read.ids, facts, 3, read.nonce);
    response = d2i_OCSP_RESPONSE(NULL, &(const uint8_t *){der.p}, (long)der.n);
    assert_non_null(response);
    assert_true(bytes_equal(x509_der(arena, response, i2d_OCSP_RESPONSE), der));
    assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
    basic = OCSP_response_get1_basic(response);
    assert_non_null(basic);
    assert_int_equal(OCSP_basic_verify(basic, NULL, store, 0), 1);
    assert_int_equal(OCSP_check_nonce(request, basic), 1);
    for (int i = 0; i < 3; i++) {
        static const int expected[] = {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED,
                                       V_OCSP_CERTSTATUS_UNKNOWN};
        ASN1_GENERALIZEDTIME *revoked_at = NULL, *this_update, *next_update;
        OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, i));
        int status = -1, reason = -1;
        assert_int_equal(OCSP_resp_find_status(basic, id, &status, &reason, &revoked_at,
                                               &this_update, &next_update),
                         1);
        assert_int_equal(status, expected[i]);
        assert_int_equal(OCSP_check_validity(this_update, next_update, 5, -1), 1);
        if (i == 1) {
            assert_int_equal(reason, 1);
            assert_int_equal(x509_time_us(revoked_at), facts[1].revoked_at);
        }
    }
}

static void test_refusals(void **state)
{
    static const enum ocsp_refusal refusals[] = {OCSP_MALFORMED_REQUEST, OCSP_INTERNAL_ERROR,
                                                 OCSP_TRY_LATER, OCSP_UNAUTHORIZED};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct bytes der = ocsp_refusal(refusals[i]);
        const uint8_t *p = der.p;
        autoptr(OCSP_RESPONSE) response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
        assert_non_null(response);
        assert_int_equal(OCSP_response_status(response), refusals[i]);
    }
}

static void test_paths(void **state)
{
    static const struct {
        const char *path, *text; /* text NULL: refused */
    } rows[] = {
        {"aGVsbG8=", "hello"},
        {"aGVsbG8", "hello"},
        {"aGVsbG8%3D", "hello"},
        {"%61GVsbG8%3d", "hello"},
        {"Pz8/Pw==", "\?\?\?\?"},
        {"Pz8%2FPw%3D%3D", "\?\?\?\?"},
        {"fn5+fg==", "~~~~"},
        {"", NULL},
        {"a", NULL},
        {"aGVs bG8=", NULL},
        {"aGVsbG8%", NULL},
        {"aGVsbG8%3", NULL},
        {"aGVsbG8%zz", NULL},
        {"aGVs%00bG8=", NULL},
        {"====", NULL},
        {"aGVsbG8=aGVs", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes der;
        bool fine = ocsp_path_decode(arena, rows[i].path, &der);
        assert_int_equal(fine, rows[i].text != NULL);
        if (fine)
            assert_true(bytes_equal(der, bytes_of_text(rows[i].text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_of_openssl),
        cmocka_unit_test(test_nonces),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_answers_verify),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
