/* Revocation lists are fetched as DER, whatever form the place has; files only where the
 * configuration names them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <unistd.h>

#include "common/crl_fetch.h"
#include "common/fetch.h"
#include "common/x509.h"

static char folder[] = "/tmp/test_crl_fetch.XXXXXX";
static struct arena *arena;
static struct err err;
static struct bytes der;

static const char *url_of(const char *name)
{
    return arena_printf(arena, "file://%s/%s", folder, name);
}

static FILE *create(const char *name)
{
    return fopen(arena_printf(arena, "%s/%s", folder, name), "w");
}

/* One list as DER and as PEM, and something that only begins like PEM. */
static int up(void **state)
{
    autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
    autoptr(X509_CRL) crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    FILE *out;

    (void)state;
    arena = arena_new(1 << 20);
    if (!mkdtemp(folder) || !X509_CRL_set_version(crl, 1) || !X509_CRL_set1_lastUpdate(crl, now) ||
        X509_CRL_sign(crl, key, EVP_sha256()) <= 0)
        return -1;
    ASN1_TIME_free(now);
    der = x509_der(arena, crl, i2d_X509_CRL);
    out = create("list.crl");
    fwrite(der.p, 1, der.n, out);
    fclose(out);
    out = create("list.pem");
    PEM_write_X509_CRL(out, crl);
    fclose(out);
    out = create("broken.pem");
    fputs("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", out);
    fclose(out);
    return 0;
}

static int down(void **state)
{
    char command[64];

    (void)state;
    fetch_forget();
    arena_free(&arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* Fetches with these places configured. */
static enum rc fetch(const char *url, const char *configured, struct bytes *ret_list)
{
    struct conf_node other = {.name = "other", .value = "http://127.0.0.1:1/x.crl"};
    struct conf_node node = {.name = "one", .value = configured, .next = &other};
    struct conf_node root = {.name = "crls", .value = "", .child = &node};
    struct crl_places places = {configured ? &root : NULL, 2000};

    err_clear(&err);
    return crl_fetch(&places, url, arena, &err, ret_list);
}

static void what_comes_is_der(void **state)
{
    struct bytes list = {0};

    (void)state;
    assert_int_equal(fetch(url_of("list.crl"), url_of("list.crl"), &list), RC_OK);
    assert_true(bytes_equal(list, der));
    assert_int_equal(fetch(url_of("list.pem"), url_of("list.pem"), &list), RC_OK);
    assert_true(bytes_equal(list, der));
    assert_int_equal(fetch(url_of("broken.pem"), url_of("broken.pem"), &list), RC_OK);
    assert_false(bytes_equal(list, der)); /* judging it is not done here */
}

static void a_certificate_names_no_file(void **state)
{
    struct bytes list = {0};

    (void)state;
    assert_int_equal(fetch(url_of("list.crl"), NULL, &list), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__UNSUPPORTED_TYPE);
    assert_int_equal(fetch(url_of("list.crl"), url_of("list.pem"), &list), RC_REJECT);
    assert_int_equal(fetch("gopher://x/y", NULL, &list), RC_REJECT);
    assert_int_equal(fetch("not a url", NULL, &list), RC_REJECT);
    assert_null(list.p);
}

static void what_cannot_be_had_waits(void **state)
{
    struct bytes list = {0};

    (void)state;
    assert_int_equal(fetch("http://127.0.0.1:1/x.crl", NULL, &list), RC_RETRY);
    assert_null(list.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_der),
        cmocka_unit_test(a_certificate_names_no_file),
        cmocka_unit_test(what_cannot_be_had_waits),
    };

    return cmocka_run_group_tests_name("crl_fetch", tests, up, down);
}
