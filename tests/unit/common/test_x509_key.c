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

/* Files of the three roles in the test's folder; a role's file holds these keys. */
static const char *enrol(const char *role, EVP_PKEY *const *keys, size_t count)
{
    const char *file_path = arena_printf(arena, "%s.%s", path, role);
    FILE *file = fopen(file_path, "w");

    for (size_t i = 0; i < count; i++)
        PEM_write_PUBKEY(file, keys[i]);
    fclose(file);
    return file_path;
}

static bool vouches(const struct x509_ring *ring, EVP_PKEY *pkey)
{
    autoptr(x509_key_t) key = NULL;
    struct bytes message = bytes_of_text("statement");
    Trien__KeySignature signature;

    write_private(pkey);
    assert_int_equal(x509_key_load(path, &err, &key), RC_OK);
    assert_int_equal(x509_sign_p256(key, arena, message, &err, &signature), RC_OK);
    return x509_ring_verify(ring, message, &signature);
}

static void test_enrolled_keys_are_read_again(void **state)
{
    EVP_PKEY *keys[5];
    struct x509_enrolled_files files;
    struct x509_enrolled enrolled = {0}, none = {0};
    const struct x509_ring *station;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        keys[i] = EVP_EC_gen("P-256");
    files = (struct x509_enrolled_files){enrol("ra", keys, 1), enrol("station", keys + 1, 1),
                                         enrol("officer", keys + 2, 2)};
    assert_int_equal(x509_enrolled_load(&files, &err, &enrolled), RC_OK);
    station = enrolled.station; /* who has it keeps it */
    assert_true(vouches(station, keys[1]));
    assert_false(vouches(station, keys[4]));
    enrol("station", keys + 4, 1); /* the old one leaves, a new one comes */
    assert_false(vouches(station, keys[4]));
    assert_int_equal(x509_enrolled_reread(&files, &enrolled, &err), RC_OK);
    assert_true(vouches(station, keys[4]));
    assert_false(vouches(station, keys[1]));
    assert_string_equal(x509_enrolled_json(&enrolled, arena),
                        "\"keys\":{\"registration_authority\":1,\"station\":1,\"officer\":2}");

    enrol("station", keys + 2, 1); /* an officer's: nobody may vouch for himself */
    assert_int_equal(x509_enrolled_reread(&files, &enrolled, &err), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
    assert_true(vouches(station, keys[4])); /* as before */
    assert_false(vouches(station, keys[2]));
    assert_int_equal(x509_enrolled_load(&files, &err, &none), RC_FATAL);
    enrol("station", keys, 0);
    assert_int_equal(x509_enrolled_reread(&files, &enrolled, &err), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_FILE);
    assert_true(vouches(station, keys[4]));
    x509_enrolled_free(&enrolled);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        EVP_PKEY_free(keys[i]);
    unlink(files.registration_authority);
    unlink(files.station);
    unlink(files.officer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sign_and_verify, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_files_that_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_enrolled_keys_are_read_again, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("x509_key", tests, NULL, NULL);
}
