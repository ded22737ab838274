/* Statement keys: files, rings, signatures; what a key file or a signature must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/x509.h"

static struct arena *arena;
static struct err err;
static char path[] = "/tmp/trien-test-key-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    err_clear(&err);
    strcpy(path + sizeof(path) - 7, "XXXXXX");
    close(mkstemp(path));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    unlink(path);
    return 0;
}

static void write_private(EVP_PKEY *pkey)
{
    FILE *file = fopen(path, "w");

    assert_int_equal(PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void append_public(EVP_PKEY *pkey)
{
    FILE *file = fopen(path, "a");

    fputs("registration authority 1\n", file);
    assert_int_equal(PEM_write_PUBKEY(file, pkey), 1);
    fclose(file);
}

static void test_sign_and_verify(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    autoptr(x509_key_t) key = NULL;
    autoptr(x509_key_t) public_half = NULL;
    struct bytes message = bytes_of_text("statement");
    Trien__KeySignature signature;

    (void)state;
    write_private(pkey);
    assert_int_equal(x509_key_load(path, &err, &key), RC_OK);
    assert_int_equal(x509_sign_p256(key, arena, message, &err, &signature), RC_OK);
    assert_int_equal(strlen(signature.key_id), 64);
    assert_int_equal(x509_key_from_spki(x509_key_spki(key), &err, &public_half), RC_OK);
    assert_string_equal(x509_key_id(public_half), signature.key_id);
    struct bytes value = bytes_of(signature.signature.data, signature.signature.len);
    assert_true(x509_verify_p256(public_half, message, value));
    assert_false(x509_verify_p256(public_half, bytes_of_text("statemenT"), value));
    value.n--;
    assert_false(x509_verify_p256(public_half, message, value));
    assert_false(x509_verify_p256(public_half, message, bytes_of("", 0)));
}

static void test_key_files_that_are_refused(void **state)
{
    autoptr(EVP_PKEY) other = EVP_EC_gen("P-384");
    autoptr(EVP_PKEY) good = EVP_EC_gen("P-256");
    autoptr(x509_key_t) key = NULL;

    (void)state;
    assert_int_equal(x509_key_load("/nonexistent", &err, &key), RC_FATAL);
    assert_int_equal(x509_key_load(path, &err, &key), RC_FATAL);
    write_private(other);
    assert_int_equal(x509_key_load(path, &err, &key), RC_FATAL);
    write_private(good);
    chmod(path, 0644);
    assert_int_equal(x509_key_load(path, &err, &key), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_FILE);
    chmod(path, 0600);
    assert_int_equal(x509_key_load(path, &err, &key), RC_OK);
}

static void test_ring(void **state)
{
    autoptr(EVP_PKEY) first = EVP_EC_gen("P-256");
    autoptr(EVP_PKEY) second = EVP_EC_gen("P-256");
    autoptr(x509_key_t) key = NULL;
    autoptr(x509_ring_t) ring = NULL;
    struct bytes message = bytes_of_text("statement");
    Trien__KeySignature signature;

    (void)state;
    write_private(second);
    assert_int_equal(x509_key_load(path, &err, &key), RC_OK);
    assert_int_equal(x509_ring_load(path, &err, &ring), RC_FATAL); /* a private key is no ring */
    assert_int_equal(truncate(path, 0), 0);
    append_public(first);
    append_public(second);
    assert_int_equal(x509_ring_load(path, &err, &ring), RC_OK);
    assert_int_equal(x509_ring_count(ring), 2);
    assert_int_equal(x509_sign_p256(key, arena, message, &err, &signature), RC_OK);
    assert_true(x509_ring_verify(ring, message, &signature));
    assert_false(x509_ring_verify(ring, bytes_of_text("other"), &signature));
    signature.key_id[0] = signature.key_id[0] == 'a' ? 'b' : 'a';
    assert_false(x509_ring_verify(ring, message, &signature));
}

static void test_a_damaged_ring(void **state)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    autoptr(x509_ring_t) ring = NULL;
    FILE *file;

    (void)state;
    append_public(pkey);
    file = fopen(path, "a");
    fputs("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", file);
    fclose(file);
    assert_int_equal(x509_ring_load(path, &err, &ring), RC_FATAL);
    assert_null(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sign_and_verify, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_files_that_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_ring, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("x509_key", tests, NULL, NULL);
}
