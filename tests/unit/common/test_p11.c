/* Keys in a token, against a real SoftHSM token in a folder of its own. */
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/p11.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

#ifdef TRIEN_ASAN
/* libp11 0.4.12 keeps a key object and its label (about 500 bytes) of every token that was open. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libp11.so\nleak:CRYPTO_strdup\n";
}
#endif

static char folder[64], config_path[96], pin_path[96], so_pin_path[96], refusal_path[96];
static struct p11_config config;

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* What a token worker lives with, and everybody but root: files that are read-only are. */
static bool lose_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capset, &header, none) == 0;
}

static int make_token(void **state)
{
    struct err err = {0};
    char text[256], tokens[96];

    (void)state;
    assert_true(lose_capabilities());
    strcpy(folder, "/tmp/trien-p11-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(tokens, sizeof(tokens), "%s/tokens", folder);
    snprintf(config_path, sizeof(config_path), "%s/softhsm2.conf", folder);
    snprintf(pin_path, sizeof(pin_path), "%s/pin", folder);
    snprintf(so_pin_path, sizeof(so_pin_path), "%s/so-pin", folder);
    snprintf(refusal_path, sizeof(refusal_path), "%s/refused", folder);
    assert_int_equal(mkdir(tokens, 0700), 0);
    snprintf(text, sizeof(text), "directories.tokendir = %s\nlog.level = ERROR\n", tokens);
    write_text(config_path, text);
    write_text(pin_path, "12345678\n");
    write_text(so_pin_path, "87654321\n");
    config = (struct p11_config){.module_path = MODULE,
                                 .token_label = "unit",
                                 .pin_path = pin_path,
                                 .softhsm_config = config_path,
                                 .refusal_path = refusal_path,
                                 .writable = true};
    assert_int_equal(p11_init_token(&config, so_pin_path, &err), RC_OK);
    return 0;
}

static int remove_token(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static struct p11 *open_token(void)
{
    struct err err = {0};
    struct p11 *token = NULL;

    if (p11_open(&config, &err, &token) != RC_OK)
        fail_msg("%s %s", err.detail, err.native);
    return token;
}

static bool verifies(EVP_PKEY *key, const uint8_t digest[32], const uint8_t *signature, size_t size)
{
    autoptr(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new(key, NULL);

    return EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_verify(ctx, signature, size, digest, 32) == 1;
}

static void makes_finds_and_signs(void **state)
{
    static const char *const kinds[] = {"p256", "rsa2048", "rsa3072"};
    autoptr(p11_t) token = open_token();
    autoptr(arena_t) arena = arena_new(1024 * 1024);
    struct p11_key_row *rows;
    struct err err = {0};
    size_t count;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct p11_key *key = NULL;
        uint8_t digest[32] = {(uint8_t)i}, signature[P11_MAX_SIGNATURE_BYTES];
        size_t size;
        char label[32];

        snprintf(label, sizeof(label), "key-%s", kinds[i]);
        assert_int_equal(p11_generate_key(token, label, kinds[i], &err, &key), RC_OK);
        assert_string_equal(p11_key_kind(key), kinds[i]);
        assert_int_equal(p11_sign_sha256(key, digest, &err, signature, &size), RC_OK);
        assert_true(verifies(p11_key_public(key), digest, signature, size));
        digest[31] ^= 1;
        assert_false(verifies(p11_key_public(key), digest, signature, size));
        assert_int_equal(p11_generate_key(token, label, kinds[i], &err, &key), RC_REJECT);
        assert_int_equal(err.code, TRIEN__ERROR__ALREADY_EXISTS);
    }
    assert_int_equal(p11_list_keys(token, arena, &err, &rows, &count), RC_OK);
    assert_int_equal(count, COUNT_OF(kinds));
    assert_true(rows[0].spki_der.n > 64 && rows[0].id.n == 20);
    assert_int_equal(p11_probe(token, &err), RC_OK);
}

/* The same keys after the token was closed and opened again, as a later process sees them. */
static void finds_again(void **state)
{
    struct err err = {0};
    struct p11_key *key = NULL, *again = NULL;
    struct p11_key_facts facts;
    struct p11 *token = open_token();

    (void)state;
    assert_int_equal(p11_find_key(token, "key-p256", &err, &key), RC_OK);
    assert_non_null(key);
    assert_int_equal(p11_find_key(token, "key-p256", &err, &again), RC_OK);
    assert_ptr_equal(key, again);
    assert_int_equal(p11_find_key(token, "no such key", &err, &key), RC_OK);
    assert_null(key);
    assert_int_equal(p11_read_key_facts(token, "key-p256", &err, &facts), RC_OK);
    assert_true(facts.sensitive && facts.always_sensitive && facts.never_extractable &&
                facts.local && facts.sign);
    assert_false(facts.extractable || facts.decrypt || facts.unwrap);
    assert_int_equal(p11_read_key_facts(token, "no such key", &err, &facts), RC_REJECT);
    p11_close(&token);
    assert_null(token);
}

static void refuses_other_kinds_and_read_only(void **state)
{
    struct p11_config reading = config;
    autoptr(p11_t) token = open_token();
    struct p11 *reader = NULL;
    struct p11_key *key = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(p11_generate_key(token, "x", "ed25519", &err, &key), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__FIELD_INVALID);
    p11_close(&token);
    reading.writable = false;
    assert_int_equal(p11_open(&reading, &err, &reader), RC_OK);
    assert_int_equal(p11_generate_key(reader, "x", "p256", &err, &key), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__TOKEN_REFUSED);
    p11_close(&reader);
}

static X509 *self_signed(struct p11_key *key, const char *name)
{
    X509 *cert = X509_new();

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 77);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, p11_key_public(key));
    assert_true(X509_sign(cert, p11_key_private(key), EVP_sha256()) > 0);
    assert_int_equal(X509_verify(cert, p11_key_public(key)), 1);
    return cert;
}

/* What OpenSSL signs with the token's key verifies; certificates are written, replaced, read. */
static void keeps_certificates(void **state)
{
    static const char *const labels[] = {"key-p256", "key-rsa2048"};
    autoptr(p11_t) token = open_token();
    autoptr(arena_t) arena = arena_new(1024 * 1024);
    struct err err = {0};
    struct bytes found;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        struct p11_key *key = NULL;
        assert_int_equal(p11_find_key(token, labels[i], &err, &key), RC_OK);
        for (int round = 0; round < 2; round++) {
            autoptr(X509) cert = self_signed(key, round ? "TEST two" : "TEST one");
            unsigned char *der = NULL;
            int size = i2d_X509(cert, &der);
            struct bytes bytes = bytes_of(der, (size_t)size);

            assert_int_equal(p11_put_certificate(token, labels[i], bytes, &err), RC_OK);
            assert_int_equal(p11_put_certificate(token, labels[i], bytes, &err), RC_OK);
            assert_int_equal(p11_find_certificate(token, labels[i], arena, &err, &found), RC_OK);
            assert_true(bytes_equal(found, bytes));
            OPENSSL_free(der);
        }
    }
    assert_int_equal(p11_put_certificate(token, "no such key", found, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__NOT_FOUND);
    assert_int_equal(p11_remove(token, "key-rsa2048", &err), RC_OK);
    assert_int_equal(p11_find_certificate(token, "key-rsa2048", arena, &err, &found), RC_OK);
    assert_int_equal(found.n, 0);
    {
        struct p11_key *key = NULL; /* the label is free again, in the same session too */
        uint8_t digest[32] = {9}, signature[P11_MAX_SIGNATURE_BYTES];
        size_t size;

        assert_int_equal(p11_find_key(token, "key-rsa2048", &err, &key), RC_OK);
        assert_null(key);
        assert_int_equal(p11_generate_key(token, "key-rsa2048", "p256", &err, &key), RC_OK);
        assert_int_equal(p11_sign_sha256(key, digest, &err, signature, &size), RC_OK);
        assert_true(verifies(p11_key_public(key), digest, signature, size));
    }
}

static void same_label_is_not_initialised_twice(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(p11_init_token(&config, so_pin_path, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ALREADY_EXISTS);
}

static void misses_token_and_module(void **state)
{
    struct p11_config wrong = config;
    struct p11 *token = NULL;
    struct err err = {0};

    (void)state;
    wrong.token_label = "another";
    assert_int_equal(p11_open(&wrong, &err, &token), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__TOKEN_UNAVAILABLE);
    wrong.module_path = "/nonexistent.so";
    assert_int_equal(p11_open(&wrong, &err, &token), RC_RETRY);
    wrong = config;
    wrong.pin_path = "/nonexistent";
    assert_int_equal(p11_open(&wrong, &err, &token), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_FILE);
    assert_null(token);
}

/* A refused PIN is remembered: the token is not even asked until the file was replaced. */
static void wrong_pin_is_tried_once(void **state)
{
    struct p11 *token = NULL;
    struct err err = {0};

    (void)state;
    write_text(pin_path, "00000000\n");
    assert_int_equal(p11_open(&config, &err, &token), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__PIN_REFUSED);
    assert_non_null(strstr(err.native, "CKR_PIN_INCORRECT"));
    err_clear(&err);
    assert_int_equal(p11_open(&config, &err, &token), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__PIN_REFUSED);
    assert_string_equal(err.native, ""); /* no Cryptoki call was made for it */
    write_text(pin_path, "12345678\n");
    token = open_token();
    p11_close(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_finds_and_signs),
        cmocka_unit_test(finds_again),
        cmocka_unit_test(refuses_other_kinds_and_read_only),
        cmocka_unit_test(keeps_certificates),
        cmocka_unit_test(same_label_is_not_initialised_twice),
        cmocka_unit_test(misses_token_and_module),
        cmocka_unit_test(wrong_pin_is_tried_once),
    };

    return cmocka_run_group_tests_name("p11", tests, make_token, remove_token);
}
