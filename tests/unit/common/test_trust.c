/* The trust store: paths, usage, revocation at a moment, and CRLs that may not speak. */
#include "common/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/common/pki_maker.h"

#define AT(day) ((usec)(MAKER_NOW + (day)*MAKER_DAY) * USEC_PER_SECOND)

struct fixture {
    struct maker maker;
    struct trust *trust;
    struct arena *arena;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->arena = arena_new(8 * 1024 * 1024);
    maker_init(&f->maker);
    *state = f;
    return trust_new(f->maker.folder, &f->err, &f->trust) == RC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    trust_free(&f->trust);
    maker_done(&f->maker);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static void put(struct fixture *f, X509 *issuer, EVP_PKEY *key, long serial, long revoked_day,
                long this_day, long next_day)
{
    struct trust_crl facts;
    struct bytes crl =
        maker_crl(f->arena, issuer, key, serial, revoked_day, this_day, next_day, false);

    assert_int_equal(trust_put_crl(f->trust, crl, f->arena, &f->err, &facts), RC_OK);
    assert_true(trust_has_crl(f->trust, facts.sha256));
}

static void put_fresh(struct fixture *f)
{
    put(f, f->maker.root, f->maker.root_key, 0, 0, -5, 30);
    put(f, f->maker.ca, f->maker.ca_key, 0, 0, -1, 1);
}

static struct trust_judgement judge(struct fixture *f, X509 *signer, long day)
{
    struct trust_judgement judgement;

    assert_int_equal(trust_judge(f->trust, signer, TRUST_SIGNS_DOCUMENTS, AT(day), f->arena,
                                 &f->err, &judgement),
                     RC_OK);
    return judgement;
}

static void assert_reason(struct fixture *f, X509 *signer, long day, Trien__Error code)
{
    struct trust_judgement judgement = judge(f, signer, day);

    assert_int_equal(judgement.reason_count, 1);
    assert_int_equal(judgement.reasons[0].code, code);
}

static void test_good_signer(void **state)
{
    struct fixture *f = *state;
    size_t anchors, intermediates;

    trust_count(f->trust, &anchors, &intermediates);
    assert_int_equal(anchors, 1);
    assert_int_equal(intermediates, 1);
    put_fresh(f);
    for (int i = 0; i < 2; i++) { /* the second time from the remembered path */
        struct trust_judgement judgement = judge(f, f->maker.leaf, 0);

        assert_int_equal(judgement.reason_count, 0);
        assert_int_equal(judgement.need_count, 0);
    }
}

static void test_moment_counts(void **state)
{
    struct fixture *f = *state;

    put(f, f->maker.root, f->maker.root_key, 0, 0, -5, 3000);
    put(f, f->maker.ca, f->maker.ca_key, 0, 0, -1, 3000);
    assert_int_equal(judge(f, f->maker.leaf, 0).reason_count, 0);
    assert_reason(f, f->maker.leaf, 101, TRIEN__ERROR__SIGNER_EXPIRED);
    assert_reason(f, f->maker.leaf, -101, TRIEN__ERROR__SIGNER_NOT_YET_VALID);
}

static void test_missing_and_stale_lists(void **state)
{
    struct fixture *f = *state;
    struct trust_judgement judgement = judge(f, f->maker.leaf, 0);

    assert_int_equal(judgement.reason_count, 0);
    assert_int_equal(judgement.need_count, 2);
    assert_string_equal(judgement.needs[0].url, "http://127.0.0.1:9/ca.crl");
    assert_string_equal(judgement.needs[1].url, "http://127.0.0.1:9/root.crl");
    assert_int_equal(judgement.needs[0].stale_since, 0);
    put_fresh(f);
    judgement = judge(f, f->maker.leaf, 2);
    assert_int_equal(judgement.need_count, 1);
    assert_int_equal(judgement.needs[0].stale_since, AT(1));
    put(f, f->maker.ca, f->maker.ca_key, 0, 0, 2, 4);
    assert_int_equal(judge(f, f->maker.leaf, 2).need_count, 0);
}

static void test_revoked(void **state)
{
    struct fixture *f = *state;

    put(f, f->maker.root, f->maker.root_key, 0, 0, -5, 30);
    put(f, f->maker.ca, f->maker.ca_key, 3, -1, -1, 10);
    assert_reason(f, f->maker.leaf, 0, TRIEN__ERROR__SIGNER_REVOKED);
    assert_reason(f, f->maker.leaf, -1, TRIEN__ERROR__SIGNER_REVOKED);
    assert_int_equal(judge(f, f->maker.leaf, -2).reason_count, 0);
    /* A stale list still says who is revoked. */
    assert_reason(f, f->maker.leaf, 20, TRIEN__ERROR__SIGNER_REVOKED);
}

static void test_revoked_authority(void **state)
{
    struct fixture *f = *state;

    put(f, f->maker.root, f->maker.root_key, 2, -3, -2, 30);
    put(f, f->maker.ca, f->maker.ca_key, 0, 0, -1, 10);
    assert_reason(f, f->maker.leaf, 0, TRIEN__ERROR__SIGNER_REVOKED);
}

static void test_older_list_does_not_come_back(void **state)
{
    struct fixture *f = *state;

    put(f, f->maker.root, f->maker.root_key, 0, 0, -5, 30);
    put(f, f->maker.ca, f->maker.ca_key, 3, -1, -1, 10);
    put(f, f->maker.ca, f->maker.ca_key, 0, 0, -2, 20);
    assert_reason(f, f->maker.leaf, 0, TRIEN__ERROR__SIGNER_REVOKED);
}

static void test_lists_that_may_not_speak(void **state)
{
    struct fixture *f = *state;
    struct maker *m = &f->maker;
    X509 *stranger =
        maker_certificate("TEST Stranger", m->leaf_key, NULL, m->leaf_key, 9, NULL, -1, 9);
    struct bytes noise = bytes_of_text("not a list"), cut;
    struct trust_crl facts;
    struct {
        struct bytes crl;
        Trien__Error code;
    } cases[] = {
        {maker_crl(f->arena, m->ca, m->leaf_key, 0, 0, -1, 1, false),
         TRIEN__ERROR__SIGNATURE_INVALID},
        {maker_crl(f->arena, stranger, m->leaf_key, 0, 0, -1, 1, false),
         TRIEN__ERROR__SIGNER_UNTRUSTED},
        {maker_crl(f->arena, m->ca, m->ca_key, 0, 0, -1, 1, true), TRIEN__ERROR__UNSUPPORTED_TYPE},
        {maker_crl(f->arena, m->ca, m->ca_key, 0, 0, 1, -1, false), TRIEN__ERROR__MALFORMED},
        {noise, TRIEN__ERROR__MALFORMED},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(trust_put_crl(f->trust, cases[i].crl, f->arena, &f->err, &facts),
                         RC_REJECT);
        assert_int_equal(f->err.code, cases[i].code);
    }
    cut = maker_crl(f->arena, m->ca, m->ca_key, 0, 0, -1, 1, false);
    cut.n--;
    assert_int_equal(trust_check_crl(f->trust, cut, f->arena, &f->err, &facts), RC_REJECT);
    assert_int_equal(judge(f, m->leaf, 0).need_count, 2);
    X509_free(stranger);
}

static void test_wrong_signers(void **state)
{
    struct fixture *f = *state;
    struct maker *m = &f->maker;
    X509 *encipher = maker_leaf(m, "TEST E", 4, "critical,keyEncipherment", -1, 1);
    X509 *authority = maker_leaf(m, "TEST A", 5, NULL, -1, 1);
    X509 *impostor = maker_certificate("TEST I", m->leaf_key, m->ca, m->leaf_key, 6,
                                       "critical,digitalSignature", -1, 1);
    X509 *alone = maker_certificate("TEST S", m->leaf_key, NULL, m->leaf_key, 7,
                                    "critical,digitalSignature", -1, 1);

    put_fresh(f);
    assert_reason(f, encipher, 0, TRIEN__ERROR__SIGNER_USAGE);
    assert_int_equal(judge(f, authority, 0).reasons[0].code, TRIEN__ERROR__SIGNER_USAGE);
    assert_int_equal(judge(f, impostor, 0).reasons[0].code, TRIEN__ERROR__SIGNER_UNTRUSTED);
    assert_int_equal(judge(f, alone, 0).reasons[0].code, TRIEN__ERROR__SIGNER_UNTRUSTED);
    X509_free(encipher);
    X509_free(authority);
    X509_free(impostor);
    X509_free(alone);
}

static void test_folders_are_checked(void **state)
{
    struct fixture *f = *state;
    struct trust *trust = NULL;

    assert_int_equal(trust_new("/nonexistent", &f->err, &trust), RC_FATAL);
    assert_int_equal(f->err.code, TRIEN__ERROR__KEY_FILE);
    maker_write(&f->maker, "anchors/ca.pem", f->maker.ca);
    assert_int_equal(trust_new(f->maker.folder, &f->err, &trust), RC_FATAL);
    maker_write(&f->maker, "anchors/ca.pem", f->maker.root);
    maker_write(&f->maker, "intermediates/leaf.pem", f->maker.leaf);
    assert_int_equal(trust_new(f->maker.folder, &f->err, &trust), RC_FATAL);
    assert_null(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_signer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_moment_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_and_stale_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_revoked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_revoked_authority, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older_list_does_not_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists_that_may_not_speak, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_signers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folders_are_checked, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
