/* Whose secret made a webhook's signature: RFC 4231's key and text through a carrier's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/courier/courier.h"

static char folder[] = "/tmp/trien-carriers-XXXXXX";
static struct arena *arena;
static struct conf *loaded;

static const char *write_secret(const char *name, const char *text, mode_t mode)
{
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static enum rc load(const char *text, struct err *err, struct courier **ret_courier)
{
    static struct courier_conf conf;
    void *state = NULL;
    enum rc rc;

    conf_free(&loaded); /* of the load before */
    assert_int_equal(conf_parse("test", bytes_of_text(text), err, &loaded), RC_OK);
    conf.carriers = conf_find(conf_root(loaded), "carriers");
    rc = courier_early(&conf, err, &state);
    *ret_courier = state;
    return rc;
}

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return mkdtemp(folder) ? 0 : -1;
}

static int down(void **state)
{
    char command[64];

    (void)state;
    conf_free(&loaded);
    arena_free(&arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static const char *mac_of(const char *key)
{
    return arena_printf(
        arena,
        "printf %%s 'what do ya want for nothing?' | openssl dgst -sha256 -hmac '%s' "
        "-r | cut -c1-64",
        key);
}

static struct bytes openssl_mac(const char *key)
{
    char hex[65] = "";
    struct bytes mac;
    FILE *out = popen(mac_of(key), "r");

    assert_non_null(out);
    assert_int_equal(fread(hex, 1, 64, out), 64);
    pclose(out);
    assert_true(bytes_from_hex(arena, hex, &mac));
    return mac;
}

static void the_signer_is_found_by_its_secret(void **state)
{
    const struct bytes body = bytes_of_text("what do ya want for nothing?");
    struct err err = {0};
    struct courier *courier;

    (void)state;
    assert_int_equal(load(arena_printf(arena,
                                       "carriers\n    a\n        secret_file = \"%s\"\n    b\n"
                                       "        name = \"B\"\n        secret_file = \"%s\"\n"
                                       "        previous_secret_file = \"%s\"\n",
                                       write_secret("a", "0123456789abcdef-a\n", 0600),
                                       write_secret("b", "0123456789abcdef-b\n", 0600),
                                       write_secret("old", "0123456789abcdef-old", 0600)),
                          &err, &courier),
                     RC_OK);
    assert_int_equal(courier->carrier_count, 2);
    assert_string_equal(courier_signer_of(courier, body, openssl_mac("0123456789abcdef-a"))->id,
                        "a");
    assert_string_equal(courier_signer_of(courier, body, openssl_mac("0123456789abcdef-b"))->id,
                        "b");
    assert_string_equal(courier_signer_of(courier, body, openssl_mac("0123456789abcdef-old"))->id,
                        "b");
    assert_null(courier_signer_of(courier, body, openssl_mac("0123456789abcdef-c")));
    assert_null(courier_signer_of(courier, bytes_of_text("what do ya want for nothing!"),
                                  openssl_mac("0123456789abcdef-a")));
    assert_null(courier_carrier(courier, NULL)); /* two of them: it has to be named */
    assert_string_equal(courier_carrier(courier, "b")->name, "B");
    assert_null(courier_carrier(courier, "c"));
    courier_late(courier);
    courier->carrier_count = 0;
}

static void weak_or_open_secrets_stop_the_start(void **state)
{
    struct err err = {0};
    struct courier *courier;
    const char *form = "carriers\n    a\n        secret_file = \"%s\"\n";

    (void)state;
#define LOAD(name, text, mode)                                                                     \
    load(arena_printf(arena, form, write_secret(name, text, mode)), &err, &courier)
    assert_int_equal(LOAD("short", "0123456789", 0600), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__KEY_FILE);
    assert_int_equal(LOAD("open", "0123456789abcdef", 0644), RC_FATAL);
    assert_int_equal(load("carriers\n    a\n        name = \"A\"\n", &err, &courier), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
    assert_int_equal(load("carriers\n    a\n        secret = \"A\"\n", &err, &courier), RC_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signer_is_found_by_its_secret),
        cmocka_unit_test(weak_or_open_secrets_stop_the_start),
    };

    return cmocka_run_group_tests(tests, up, down);
}
