/* Configuration: values, units, defaults; and every refusal names file, line and key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "common/conf.h"

struct sample {
    const char *text, *file, *secret, *address, *url, *choice, *fallback, *optional;
    int64_t number, ms, bytes;
    bool flag;
    const struct conf_node *tree;
};
#define AT(member) offsetof(struct sample, member)

static const struct conf_row rows[] = {
    {"a/text", CONF_TEXT, AT(text), NULL, "A text.", 0, 0, 0},
    {"a/number", CONF_INT, AT(number), "7", "A number.", 1, 100, 0},
    {"a/ms", CONF_MS, AT(ms), "30s", "A time.", 0, 0, 0},
    {"a/bytes", CONF_BYTES, AT(bytes), "20M", "A size.", 0, 0, 0},
    {"a/flag", CONF_BOOL, AT(flag), "false", "A flag.", 0, 0, 0},
    {"b/file", CONF_FILE, AT(file), "", "A file.", 0, 0, 0},
    {"b/secret", CONF_SECRET, AT(secret), "", "A secret.", 0, 0, 0},
    {"b/address", CONF_ADDRESS, AT(address), "127.0.0.1:80", "An address.", 0, 0, 0},
    {"b/url", CONF_URL, AT(url), "", "A URL.", 0, 0, 0},
    {"b/choice", CONF_CHOICE, AT(choice), "red", "A colour.", 0, 0, "red green"},
    {"b/optional", CONF_TEXT, AT(optional), "", "Maybe.", 0, 0, 0},
    {"peers", CONF_TREE, AT(tree), "", "Others.", 0, 0, 0},
    {0},
};

static struct conf *conf;
static struct sample sample;
static struct err err;

static enum rc parse(const char *text)
{
    enum rc rc;

    conf_free(&conf);
    err_clear(&err);
    memset(&sample, 0, sizeof(sample));
    rc = conf_parse("x.conf", bytes_of_text(text), &err, &conf);
    if (rc == RC_OK)
        rc = conf_fill(conf, rows, &sample, &err);
    if (rc == RC_OK)
        rc = conf_no_strangers(conf, &err);
    return rc;
}

static void refused(const char *text, const char *detail)
{
    assert_int_equal(parse(text), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
    if (!strstr(err.detail, detail))
        fail_msg("`%s` does not say `%s`", err.detail, detail);
    assert_non_null(strstr(err.detail, "x.conf"));
}

static void values_and_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("# a comment\n"
                           "a\n"
                           "    text = \"two words # no comment\"   # comment\n"
                           "    ms = 250ms\n"
                           "    bytes = 64k # comment\n"
                           "    flag = true\r\n"
                           "\n"
                           "b\n"
                           "    choice = 'green'\n"
                           "    url = smtp://mail:25\n"
                           "peers\n"
                           "    intake = \"tcp://127.0.0.1:8100\"\n"
                           "    other = again\n"
                           "        deeper = x\n"),
                     RC_OK);
    assert_string_equal(sample.text, "two words # no comment");
    assert_int_equal(sample.number, 7);
    assert_int_equal(sample.ms, 250);
    assert_int_equal(sample.bytes, 65536);
    assert_true(sample.flag);
    assert_string_equal(sample.choice, "green");
    assert_string_equal(sample.address, "127.0.0.1:80");
    assert_string_equal(sample.optional, "");
    assert_string_equal(sample.file, "");
    assert_string_equal(sample.url, "smtp://mail:25");
    assert_string_equal(sample.tree->child->name, "intake");
    assert_string_equal(sample.tree->child->next->child->name, "deeper");
    assert_string_equal(conf_find(conf_root(conf), "peers/intake")->value, "tcp://127.0.0.1:8100");
    assert_null(conf_find(conf_root(conf), "peers/third"));
}

static void refusals_name_line_and_key(void **state)
{
    (void)state;
    refused("", "a/text: is missing");
    refused("a\n    text = x\n    number = 0\n", "x.conf:3: a/number");
    refused("a\n    text = x\n    number = 9z\n", "unknown unit");
    refused("a\n    text = x\n    number = \n", "is not a number");
    refused("a\n    text = x\n    bytes = 99999999999G\n", "is too large");
    refused("a\n    text = x\n    flag = yes\n", "true or false");
    refused("a\n    text = \n", "a/text: `` is empty");
    refused("a\n    text = x\n    text = y\n", "x.conf:3: a/text: stands twice; first in line 2");
    refused("a\n    text = x\na\n    number = 8\n", "x.conf:3: a: stands twice; first in line 1");
    refused("a\n    text = x\nb\na\n    text = y\n", "x.conf:4: a: stands twice");
    refused("a\n    text = x\npeers\n    one = 1\n    two = 2\n    one = 3\n",
            "x.conf:6: peers/one: stands twice; first in line 4");
    refused("a\n    text = x\n    colour = y\n", "x.conf:3: a/colour: is not a key");
    refused("a\n    text = x\nc = 1\n", "x.conf:3: c: is not a key");
    refused("a = 5\n    text = x\n", "has keys below it");
    refused("a\n    text = x\n        deeper = y\n", "has a value");
    refused("a\n    text = x\nb\n    choice = blue\n", "is not one of its choices");
    refused("a\n    text = x\nb\n    address = here\n", "is not host:port");
    refused("a\n    text = x\nb\n    address = here:99999\n", "has no port");
    refused("a\n    text = x\nb\n    url = gopher://x\n", "is not an http");
    refused("a\n    text = x\nb\n    file = /nonexistent\n", "No such file");
    refused("a\n  text = x\n", "x.conf:2: indentation");
    refused("a\n        text = x\n", "indentation");
    refused("a\n    text = \"x\n", "a quote is not closed");
    refused("a\n    text = \"x\" y\n", "text behind a quoted value");
    refused("a\n    text x\n", "expected `=`");
    refused("a\n    = x\n", "expected a key");
}

static void secrets_are_for_owner_and_group(void **state)
{
    char path[] = "/tmp/test_conf.XXXXXX", text[256];
    int fd = mkstemp(path);

    (void)state;
    snprintf(text, sizeof(text), "a\n    text = x\nb\n    secret = %s\n", path);
    assert_int_equal(fchmod(fd, 0644), 0);
    refused(text, "others may read");
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_int_equal(parse(text), RC_OK);
    assert_string_equal(sample.secret, path);
    close(fd);
    unlink(path);
}

static void files_that_cannot_be_read(void **state)
{
    struct conf *none = NULL;

    (void)state;
    err_clear(&err);
    assert_int_equal(conf_load("/nonexistent.conf", &err, &none), RC_FATAL);
    assert_non_null(strstr(err.detail, "/nonexistent.conf"));
    assert_int_equal(conf_load("/tmp", &err, &none), RC_FATAL);
    assert_null(none);
}

static void rows_are_their_own_documentation(void **state)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    (void)state;
    conf_print_rows(out, rows);
    fclose(out);
    assert_non_null(strstr(text, "a/number"));
    assert_non_null(strstr(text, "number, 1 to 100, default 7"));
    assert_non_null(strstr(text, "required"));
    assert_non_null(strstr(text, "red green, default red"));
    free(text);
    conf_free(&conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_defaults),
        cmocka_unit_test(refusals_name_line_and_key),
        cmocka_unit_test(secrets_are_for_owner_and_group),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(rows_are_their_own_documentation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
