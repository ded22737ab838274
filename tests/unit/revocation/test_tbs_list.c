/* Revocation lists written by ourselves, read by OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ossl.h"
#include "services/revocation/tbs_list.h"

#define NOW (INT64_C(1795500000) * USEC_PER_SECOND)

static struct arena *arena;
static EVP_PKEY *key;
static struct x509_ca issuer;

static void add(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static int up(void **state)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    struct err err = {0};

    (void)state;
    arena = arena_new((size_t)128 << 20);
    key = EVP_EC_gen("P-256");
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"TEST Issuing CA", -1,
                               -1, 0);
    X509_set_issuer_name(cert, name);
    ASN1_TIME_set(X509_getm_notBefore(cert), 1700000000);
    ASN1_TIME_set(X509_getm_notAfter(cert), 2500000000);
    X509_set_pubkey(cert, key);
    add(cert, NID_basic_constraints, "critical,CA:TRUE");
    add(cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    add(cert, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(
        x509_ca_read(arena, "issuing1", x509_der(arena, cert, i2d_X509), &err, &issuer), RC_OK);
    X509_free(cert);
    return 0;
}

static int down(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    arena_free(&arena);
    return 0;
}

static struct bytes sign(struct bytes tbs)
{
    autoptr(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
    uint8_t *signature = arena_alloc(arena, 256);
    size_t size = 256;

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &size, tbs.p, tbs.n), 1);
    return bytes_of(signature, size);
}

static struct bytes join(struct bytes before, struct bytes middle, struct bytes after)
{
    uint8_t *whole = arena_alloc(arena, before.n + middle.n + after.n + 1);

    memcpy(whole, before.p, before.n);
    memcpy(whole + before.n, middle.p, middle.n);
    memcpy(whole + before.n + middle.n, after.p, after.n);
    return bytes_of(whole, before.n + middle.n + after.n);
}

static struct bytes write_entries(const struct tbs_entry *entries, size_t count)
{
    uint8_t *der = arena_array(arena, count + 1, TBS_ENTRY_MAX_BYTES);
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += tbs_entry_write(&entries[i], der + size);
    return bytes_of(der, size);
}

/* The list as it is put together from what stands around its entries, signed. */
static X509_CRL *make(struct tbs_list list, const struct tbs_entry *entries, size_t count)
{
    struct bytes between = write_entries(entries, count), tbs, crl;
    struct tbs_edges edges;
    const uint8_t *p;
    X509_CRL *made;

    list.entries_bytes = between.n;
    edges = tbs_list_edges(arena, &list);
    tbs = join(edges.before, between, edges.after);
    edges = tbs_list_signed_edges(arena, &list, sign(tbs));
    crl = join(edges.before, between, edges.after);
    p = crl.p;
    made = d2i_X509_CRL(NULL, &p, (long)crl.n);
    assert_non_null(made);
    assert_ptr_equal(p, crl.p + crl.n);
    assert_int_equal(X509_CRL_verify(made, issuer.public_key), 1);
    return made;
}

static long number_of(X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    long value = ASN1_INTEGER_get(number);

    ASN1_INTEGER_free(number);
    return value;
}

static void entries_and_extensions(void **state)
{
    static const struct tbs_entry entries[] = {
        {"1", NOW, 0, 0},
        {"80", NOW, 1, NOW - USEC_PER_DAY},
        {"7fffffffffffffffffffffffffffffffffffffff", NOW - 5, 9, 0},
    };
    const struct tbs_list list = {&issuer, 300, NOW, NOW + USEC_PER_DAY, 0};
    autoptr(X509_CRL) crl = make(list, entries, COUNT_OF(entries));
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    AUTHORITY_KEYID *key_id = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
    ASN1_ENUMERATED *reason;
    ASN1_GENERALIZEDTIME *since;

    (void)state;
    assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
    assert_int_equal(number_of(crl), 300);
    assert_int_equal(X509_CRL_get_ext_count(crl), 2);
    assert_true(bytes_equal(issuer.key_id, bytes_of(ASN1_STRING_get0_data(key_id->keyid),
                                                    (size_t)ASN1_STRING_length(key_id->keyid))));
    AUTHORITY_KEYID_free(key_id);
    assert_int_equal(x509_time_us(X509_CRL_get0_lastUpdate(crl)), NOW);
    assert_int_equal(ASN1_STRING_type(X509_CRL_get0_lastUpdate(crl)), V_ASN1_UTCTIME);
    assert_int_equal(sk_X509_REVOKED_num(revoked), 3);
    assert_null(X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(revoked, 0)));
    reason =
        X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(revoked, 1), NID_crl_reason, NULL, NULL);
    since = X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(revoked, 1), NID_invalidity_date, NULL,
                                     NULL);
    assert_int_equal(ASN1_ENUMERATED_get(reason), 1);
    assert_int_equal(x509_time_us(since), NOW - USEC_PER_DAY);
    ASN1_ENUMERATED_free(reason);
    ASN1_GENERALIZEDTIME_free(since);
}

static void nobody_is_revoked(void **state)
{
    const struct tbs_list list = {&issuer, 1, NOW, NOW + USEC_PER_DAY, 0};
    autoptr(X509_CRL) crl = make(list, NULL, 0);

    (void)state;
    assert_null(X509_CRL_get_REVOKED(crl));
}

/* Past 2049 times are GeneralizedTime; numbers and lists may be large. */
static void far_and_large(void **state)
{
    size_t count = 20000;
    struct tbs_entry *entries = ARENA_ARRAY(arena, struct tbs_entry, count);
    usec later = INT64_C(2600000000) * USEC_PER_SECOND;
    const struct tbs_list list = {&issuer, 5000000000, later, later + USEC_PER_DAY, 0};
    autoptr(X509_CRL) crl = NULL;

    (void)state;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct tbs_entry){arena_printf(arena, "54%030zx", i), later, 5, 0};
    crl = make(list, entries, count);
    assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), count);
    assert_int_equal(number_of(crl), 5000000000);
    assert_int_equal(ASN1_STRING_type(X509_CRL_get0_nextUpdate(crl)), V_ASN1_GENERALIZEDTIME);
    assert_int_equal(x509_time_us(X509_CRL_get0_nextUpdate(crl)), later + USEC_PER_DAY);
}

/* OpenSSL writes the same entry in the same bytes: serials of any length, with and without what may
 * stand behind the time. */
static void entries_as_openssl_writes_them(void **state)
{
    static const char *const serials[] = {"1",    "f",    "7f",
                                          "80",   "100",  "fff",
                                          "8000", "54aa", "ffffffffffffffffffffffffffffffffffffff"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(serials); i++)
        for (uint32_t reason = 0; reason < 6; reason += 5) {
            const struct tbs_entry entry = {serials[i], NOW + (usec)i * 99 * USEC_PER_DAY, reason,
                                            i % 2 ? NOW - (usec)i * USEC_PER_DAY : 0};
            uint8_t der[TBS_ENTRY_MAX_BYTES], *again = NULL;
            size_t size = tbs_entry_write(&entry, der);
            const uint8_t *p = der;
            X509_REVOKED *read = d2i_X509_REVOKED(NULL, &p, (long)size);

            assert_non_null(read);
            assert_ptr_equal(p, der + size);
            assert_int_equal(i2d_X509_REVOKED(read, &again), size);
            assert_memory_equal(again, der, size);
            assert_int_equal(x509_time_us(X509_REVOKED_get0_revocationDate(read)),
                             entry.revoked_at);
            OPENSSL_free(again);
            X509_REVOKED_free(read);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_and_extensions),
        cmocka_unit_test(nobody_is_revoked),
        cmocka_unit_test(far_and_large),
        cmocka_unit_test(entries_as_openssl_writes_them),
    };

    return cmocka_run_group_tests_name("tbs_list", tests, up, down);
}
