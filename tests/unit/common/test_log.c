/* Log lines: always one JSON object, whatever the texts; levels; held lines. */
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
#include <jansson.h>

#include "common/log.h"

static char output[262144];

/* Runs fn with stdout in a file and reads what it wrote. */
static void capture(void (*fn)(void))
{
    char path[] = "/tmp/test_log.XXXXXX";
    int fd = mkstemp(path), saved;
    ssize_t n;

    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    fn();
    dup2(saved, STDOUT_FILENO);
    close(saved);
    n = pread(fd, output, sizeof(output) - 1, 0);
    output[n > 0 ? n : 0] = 0;
    close(fd);
    unlink(path);
}

static const char *member(json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));

    return text ? text : "(none)";
}

static json_t *only_line(void)
{
    json_error_t error;
    json_t *line = json_loads(output, 0, &error);

    if (!line)
        fail_msg("%s: %s", error.text, output);
    assert_int_equal(output[strlen(output) - 1], '\n');
    assert_null(strchr(strchr(output, '\n') + 1, '\n'));
    return line;
}

static void say_all(void)
{
    log_open("intake", "a\"b");
    log_event(LOG_WARNING, "sample", LOG_TEXT("text", "dòng \"một\"\n\t\\ \x01"),
              LOG_TEXT("absent", NULL), LOG_TEXT("broken", "\xff\xfeok"),
              LOG_INT("least", INT64_MIN), LOG_INT("zero", 0));
}

static void every_text_becomes_json(void **state)
{
    json_t *line;

    (void)state;
    capture(say_all);
    line = only_line();
    assert_string_equal(member(line, "service"), "intake");
    assert_string_equal(member(line, "instance"), "a\"b");
    assert_string_equal(member(line, "level"), "warning");
    assert_string_equal(member(line, "event"), "sample");
    assert_string_equal(member(line, "text"), "dòng \"một\"\n\t\\ \x01");
    assert_string_equal(member(line, "broken"), "??ok");
    assert_null(json_object_get(line, "absent"));
    assert_true(json_integer_value(json_object_get(line, "least")) == INT64_MIN);
    assert_int_equal(strlen(member(line, "time")), 27);
    json_decref(line);
}

static char long_text[10000];

static void say_too_much(void)
{
    memset(long_text, '"', sizeof(long_text) - 1);
    log_event(LOG_ERROR, "long", LOG_TEXT("fits", "yes"), LOG_TEXT("too_long", long_text),
              LOG_TEXT("behind", "no"));
}

static void a_line_that_is_too_long_loses_members_not_form(void **state)
{
    json_t *line;

    (void)state;
    capture(say_too_much);
    line = only_line();
    assert_string_equal(member(line, "fits"), "yes");
    assert_null(json_object_get(line, "too_long"));
    json_decref(line);
}

static void say_below(void)
{
    log_set_level(LOG_ERROR);
    log_event(LOG_WARNING, "unheard");
    log_set_level(LOG_INFO);
}

static void levels(void **state)
{
    (void)state;
    capture(say_below);
    assert_string_equal(output, "");
    assert_true(log_wants(LOG_INFO));
    assert_false(log_wants(LOG_DEBUG));
}

static void say_held(void)
{
    log_hold();
    for (int i = 0; i < 2000; i++)
        log_event(LOG_INFO, "held", LOG_INT("i", i));
    log_release();
    log_event(LOG_INFO, "free");
}

static void held_lines_come_whole_and_in_order(void **state)
{
    char *line, *rest = output;
    int n = 0;

    (void)state;
    capture(say_held);
    while ((line = strsep(&rest, "\n")) && *line) {
        json_t *object = json_loads(line, 0, NULL);

        assert_non_null(object);
        if (n < 2000)
            assert_int_equal(json_integer_value(json_object_get(object, "i")), n);
        n++;
        json_decref(object);
    }
    assert_int_equal(n, 2001);
}

static void say_error(void)
{
    struct err err = {0};
    enum rc rc;

    err_field(&err, "/subscribers/0");
    err_native(&err, "curl 28");
    rc = err_set(&err, TRIEN__ERROR__DEADLINE_PASSED, __FILE__, __LINE__, "late by %d", 5);
    assert_int_equal(rc, RC_RETRY);
    log_error(LOG_ERROR, "failed", &err);
}

static void errors_bring_all_they_know(void **state)
{
    json_t *line;

    (void)state;
    capture(say_error);
    line = only_line();
    assert_string_equal(member(line, "code"), "deadline_passed");
    assert_string_equal(member(line, "detail"), "late by 5");
    assert_string_equal(member(line, "field"), "/subscribers/0");
    assert_string_equal(member(line, "native"), "curl 28");
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_becomes_json),
        cmocka_unit_test(a_line_that_is_too_long_loses_members_not_form),
        cmocka_unit_test(levels),
        cmocka_unit_test(held_lines_come_whole_and_in_order),
        cmocka_unit_test(errors_bring_all_they_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
