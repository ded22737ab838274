/* CMS signatures made by OpenSSL's own CMS_sign(): which are taken, and what is said of the others.
 */
#include "common/cms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

    cms_check(f->arena, contents, ranges, COUNT_OF(ranges), &signed_by);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weak, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_bytes, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("cms", tests, NULL, NULL);
}
