/* CMS signatures made by OpenSSL's own CMS_sign(): which are taken, and what is said of the others.
 */
#include "common/cms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cms_apart.h"
#include "common/x509.h"
#include "tests/unit/common/pki_maker.h"

#define TEXT "the signed bytes"

struct fixture {
    struct maker maker;
    struct arena *arena;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->arena = arena_new(4 * 1024 * 1024);
    maker_init(&f->maker);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    maker_done(&f->maker);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static struct bytes make(struct fixture *f, unsigned flags, const EVP_MD *digest, int signers)
{
    autoptr(BIO) in = BIO_new_mem_buf(TEXT, -1);
    autoptr(CMS_ContentInfo) cms =
        CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | (flags & CMS_DETACHED) | CMS_BINARY);
    unsigned char *der = NULL;
    struct bytes out;
    int size;

    for (int i = 0; i < signers; i++)
        assert_non_null(CMS_add1_signer(cms, f->maker.leaf, f->maker.leaf_key, digest,
                                        flags | CMS_BINARY | CMS_PARTIAL | (i ? CMS_NOCERTS : 0)));
    assert_int_equal(CMS_final(cms, in, NULL, flags | CMS_BINARY), 1);
    size = i2d_CMS_ContentInfo(cms, &der);
    out = arena_bytes(f->arena, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    return out;
}

static Trien__Error check(struct fixture *f, struct bytes contents, const char *first,
                          const char *second)
{
    struct bytes ranges[] = {bytes_of_text(first), bytes_of_text(second)};
    struct cms_signed signed_by;

    cms_check(f->arena, contents, ranges, COUNT_OF(ranges), NULL, &signed_by);
    if (signed_by.reason_count == 0) {
        assert_int_equal(X509_cmp(signed_by.signer, f->maker.leaf), 0);
        assert_string_equal(signed_by.digest, "SHA256");
        assert_true(signed_by.claimed_at > 0);
        return TRIEN__ERROR__NONE;
    }
    return signed_by.reasons[0].code;
}

static void test_taken(void **state)
{
    struct fixture *f = *state;
    struct bytes cms = make(f, CMS_DETACHED, EVP_sha256(), 1), padded;
    uint8_t *room = arena_alloc(f->arena, cms.n + 100);

    assert_int_equal(check(f, cms, TEXT, ""), TRIEN__ERROR__NONE);
    assert_int_equal(check(f, cms, "the signed", " bytes"), TRIEN__ERROR__NONE);
    memcpy(room, cms.p, cms.n);
    padded = bytes_of(room, cms.n + 100);
    assert_int_equal(check(f, padded, TEXT, ""), TRIEN__ERROR__NONE);
    assert_int_equal(check(f, make(f, CMS_DETACHED | CMS_CADES, EVP_sha256(), 1), TEXT, ""),
                     TRIEN__ERROR__NONE);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    struct bytes cms = make(f, CMS_DETACHED, EVP_sha256(), 1), cut = cms, longer;
    uint8_t *room = arena_alloc(f->arena, cms.n + 2);

    memcpy(room, cms.p, cms.n);
    room[cms.n + 1] = 1;
    longer = bytes_of(room, cms.n + 2);
    cut.n--;
    assert_int_equal(check(f, cms, "other bytes", ""), TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, cut, TEXT, ""), TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, longer, TEXT, ""), TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, bytes_of_text("no message"), TEXT, ""),
                     TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, bytes_of("", 0), TEXT, ""), TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, make(f, 0, EVP_sha256(), 1), TEXT, ""),
                     TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, make(f, CMS_DETACHED | CMS_NOATTR, EVP_sha256(), 1), TEXT, ""),
                     TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, make(f, CMS_DETACHED | CMS_NOCERTS, EVP_sha256(), 1), TEXT, ""),
                     TRIEN__ERROR__SIGNATURE_INVALID);
    assert_int_equal(check(f, make(f, CMS_DETACHED, EVP_sha256(), 2), TEXT, ""),
                     TRIEN__ERROR__SIGNATURE_INVALID);
}

static void test_weak(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(check(f, make(f, CMS_DETACHED, EVP_sha1(), 1), TEXT, ""),
                     TRIEN__ERROR__SIGNATURE_WEAK);
    assert_int_equal(check(f, make(f, CMS_DETACHED, EVP_sha224(), 1), TEXT, ""),
                     TRIEN__ERROR__SIGNATURE_WEAK);
    assert_true(cms_digest_is_strong(NID_sha384));
    assert_false(cms_digest_is_strong(NID_undef));
}

/* Every byte that is signed or names the signer counts. */
static void test_broken_bytes(void **state)
{
    struct fixture *f = *state;
    struct bytes cms = make(f, CMS_DETACHED, EVP_sha256(), 1);
    uint8_t *bytes = (uint8_t *)arena_bytes(f->arena, cms).p;

    for (size_t i = cms.n - 150; i < cms.n; i++) { /* the end: digest, algorithms, signature */
        bytes[i] ^= 1;
        assert_int_not_equal(check(f, bytes_of(bytes, cms.n), TEXT, ""), TRIEN__ERROR__NONE);
        bytes[i] ^= 1;
    }
}

/* A message with so many certificates. */
static struct bytes make_crowded(struct fixture *f, int certificates)
{
    autoptr(BIO) in = BIO_new_mem_buf(TEXT, -1);
    autoptr(CMS_ContentInfo) cms =
        CMS_sign(f->maker.leaf, f->maker.leaf_key, NULL, in, CMS_DETACHED | CMS_BINARY);
    unsigned char *der = NULL;
    struct bytes out;
    int size;

    for (int i = 1; i < certificates; i++) {
        autoptr(X509) other = X509_dup(f->maker.ca);

        ASN1_INTEGER_set(X509_get_serialNumber(other), 1000 + i);
        X509_sign(other, f->maker.ca_key, EVP_sha256());
        assert_int_equal(CMS_add1_cert(cms, other), 1);
    }
    size = i2d_CMS_ContentInfo(cms, &der);
    out = arena_bytes(f->arena, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    return out;
}

/* 30 82 xx xx … becomes 30 80 … 00 00: the same message in BER. */
static struct bytes make_indefinite(struct fixture *f, struct bytes definite)
{
    uint8_t *out = arena_alloc(f->arena, definite.n);

    assert_int_equal(definite.p[1], 0x82);
    out[0] = 0x30;
    out[1] = 0x80;
    memcpy(out + 2, definite.p + 4, definite.n - 4);
    out[definite.n - 2] = out[definite.n - 1] = 0;
    return bytes_of(out, definite.n);
}

/* Certificates are looked at apart from the message where that can be done, and make no difference.
 */
static void test_certificates_apart(void **state)
{
    struct fixture *f = *state;
    struct cms_apart apart;
    struct bytes leaf = x509_der(f->arena, f->maker.leaf, i2d_X509);
    struct bytes one = make(f, CMS_DETACHED, EVP_sha256(), 1);
    struct bytes many = make_crowded(f, CMS_APART_CERTIFICATES);
    struct bytes too_many = make_crowded(f, CMS_APART_CERTIFICATES + 1);
    struct bytes indefinite = make_indefinite(f, one);
    const unsigned char *p;
    CMS_ContentInfo *rest;

    assert_true(cms_take_apart(f->arena, one, &apart));
    assert_int_equal(apart.count, 1);
    assert_true(bytes_equal(apart.certificates[0], leaf));
    p = apart.message.p;
    rest = d2i_CMS_ContentInfo(NULL, &p, (long)apart.message.n);
    assert_non_null(rest);
    assert_ptr_equal(p, apart.message.p + apart.message.n);
    assert_null(CMS_get1_certs(rest));
    CMS_ContentInfo_free(rest);
    assert_true(cms_take_apart(f->arena, many, &apart));
    assert_int_equal(apart.count, CMS_APART_CERTIFICATES);
    assert_int_equal(check(f, many, TEXT, ""), TRIEN__ERROR__NONE);
    assert_false(cms_take_apart(f->arena, too_many, &apart));
    assert_int_equal(check(f, too_many, TEXT, ""), TRIEN__ERROR__NONE);
    assert_false(cms_take_apart(f->arena, indefinite, &apart));
    assert_int_equal(check(f, indefinite, TEXT, ""), TRIEN__ERROR__NONE);
    assert_false(
        cms_take_apart(f->arena, make(f, CMS_DETACHED | CMS_NOCERTS, EVP_sha256(), 1), &apart));
    for (size_t n = 0; n < one.n; n++)
        assert_false(cms_take_apart(f->arena, bytes_of(one.p, n), &apart));
}

static void test_known_certificates_are_shared(void **state)
{
    struct fixture *f = *state;
    struct bytes leaf = x509_der(f->arena, f->maker.leaf, i2d_X509);
    struct bytes copy = arena_bytes(f->arena, leaf);
    autoptr(X509) first = x509_parse_shared(leaf);
    autoptr(X509) second = x509_parse_shared(copy);
    autoptr(X509) other = x509_parse_shared(x509_der(f->arena, f->maker.ca, i2d_X509));

    assert_non_null(first);
    assert_ptr_equal(first, second);
    assert_int_equal(X509_cmp(first, f->maker.leaf), 0);
    assert_int_equal(X509_cmp(other, f->maker.ca), 0);
    ((uint8_t *)(uintptr_t)copy.p)[copy.n - 1] ^= 1;
    X509_free(second);
    second = x509_parse_shared(copy);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    assert_null(x509_parse_shared(bytes_of(leaf.p, leaf.n - 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weak, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_certificates_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_known_certificates_are_shared, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("cms", tests, NULL, NULL);
}
