/* Going out: HTTP within limits against our own listener, files only where allowed, SMTP answers
 * told apart against a scripted MTA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fetch.h"
#include "common/http_internal.h"
#include "tests/unit/common/frame.h"

static struct svc svc;
static const struct service service = {.name = "test"};
static struct http_listener *listener;
static struct arena *arena;
static char url[64];

static enum rc on_echo(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    const char *header = http_header(request, "X-Test");

    response->content_type = "text/plain";
    response->status = request->body.n ? 201 : 200;
    response->body = bytes_of_text(arena_printf(tx->arena, "%s:%.*s", header ? header : "-",
                                                (int)request->body.n, request->body.p));
    return RC_OK;
}

static enum rc on_large(struct tx *tx, const struct http_request *request,
                        struct http_response *response)
{
    (void)request;
    response->body = bytes_of(arena_alloc(tx->arena, 100000), 100000);
    return RC_OK;
}

static enum rc on_elsewhere(struct tx *tx, const struct http_request *request,
                            struct http_response *response)
{
    (void)tx;
    (void)request;
    response->status = 302;
    http_add_header(response, "Location", "file:///etc/passwd");
    return RC_OK;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/echo", .fn = on_echo},
    {.method = "POST", .path = "/echo", .fn = on_echo, .max_body_bytes = 1000},
    {.method = "GET", .path = "/large", .fn = on_large},
    {.method = "GET", .path = "/elsewhere", .fn = on_elsewhere},
    {0},
};

static int up(void **state)
{
    struct http_options options = {.bind = "127.0.0.1:0",
                                   .threads = 1,
                                   .max_connections = 10,
                                   .timeout_ms = 5000,
                                   .body_memory_bytes = 100000,
                                   .arena_bytes = (size_t)1 << 20,
                                   .waiting_for = "test",
                                   .routes = routes};
    struct err err = {0};

    (void)state;
    svc.service = &service;
    arena = arena_new((size_t)1 << 24);
    return http_listen(&svc, &options, &err, &listener) == RC_OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    http_stop(&listener);
    arena_free(&arena);
    return 0;
}

static const char *at(const char *path)
{
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_port(listener), path);
    return url;
}

static enum rc fetch(const struct fetch_request *request, struct err *err, int *ret_status,
                     struct bytes *ret_body)
{
    err_clear(err);
    return fetch_http(request, arena, err, ret_status, ret_body);
}

static void get_and_post(void **state)
{
    struct fetch_request request = {.url = at("/echo"), .headers = {"X-Test: a", "X-Other: b"}};
    struct bytes body;
    struct err err = {0};
    int status = 0;

    (void)state;
    assert_int_equal(fetch(&request, &err, &status, &body), RC_OK);
    assert_int_equal(status, 200);
    assert_true(bytes_equal(body, bytes_of_text("a:")));
    request.method = "POST";
    request.body = bytes_of_text("hello");
    assert_int_equal(fetch(&request, &err, &status, &body), RC_OK);
    assert_int_equal(status, 201);
    assert_true(bytes_equal(body, bytes_of_text("a:hello")));
    request = (struct fetch_request){.url = at("/none")};
    assert_int_equal(fetch(&request, &err, &status, &body), RC_OK);
    assert_int_equal(status, 404);
}

static void an_answer_beyond_its_limit(void **state)
{
    struct fetch_request request = {.url = at("/large"), .max_bytes = 99999};
    struct bytes body;
    struct err err = {0};
    int status;

    (void)state;
    assert_int_equal(fetch(&request, &err, &status, &body), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__TOO_LARGE);
    request.max_bytes = 100000;
    assert_int_equal(fetch(&request, &err, &status, &body), RC_OK);
    assert_int_equal(body.n, 100000);
}

static void redirects_are_not_followed(void **state)
{
    struct fetch_request request = {.url = at("/elsewhere"), .allow_file = true};
    struct bytes body;
    struct err err = {0};
    int status;

    (void)state;
    assert_int_equal(fetch(&request, &err, &status, &body), RC_OK);
    assert_int_equal(status, 302);
    assert_int_equal(body.n, 0);
}

static void files_only_where_allowed(void **state)
{
    struct fetch_request request = {.url = "file:///etc/hostname"};
    struct bytes body;
    struct err err = {0};
    int status;

    (void)state;
    assert_int_equal(fetch(&request, &err, &status, &body), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
    request.allow_file = true;
    assert_int_equal(fetch(&request, &err, &status, &body), RC_OK);
    assert_int_equal(status, 200);
    assert_true(body.n > 0);
    request.url = "gopher://127.0.0.1/";
    assert_int_equal(fetch(&request, &err, &status, &body), RC_FATAL);
}

static void nobody_there(void **state)
{
    struct fetch_request request = {.url = "http://127.0.0.1:1/x?token=secret"};
    struct bytes body;
    struct err err = {0};
    int status;

    (void)state;
    assert_int_equal(fetch(&request, &err, &status, &body), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__PEER_UNAVAILABLE);
    assert_string_equal(err.native, "curl 7");
    assert_null(strstr(err.detail, "secret"));
}

/* --- mail ----------------------------------------------------------------------------------------
 */

/* An MTA that says what it is told: one answer for RCPT, one for the message. */
struct mta {
    int fd;
    const char *to_recipient, *to_message;
    char message[4096];
};

static void say(int fd, const char *line)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "%s\r\n", line);

    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
        return;
}

static void converse(struct mta *mta, FILE *in, int fd)
{
    char line[1024];
    bool in_message = false;

    say(fd, "220 test");
    while (fgets(line, sizeof(line), in)) {
        if (in_message) {
            strncat(mta->message, line, sizeof(mta->message) - strlen(mta->message) - 1);
            if (!strcmp(line, ".\r\n")) {
                in_message = false;
                say(fd, mta->to_message);
            }
        } else if (!strncmp(line, "RCPT", 4)) {
            say(fd, mta->to_recipient);
        } else if (!strncmp(line, "DATA", 4)) {
            say(fd, "354 go on");
            in_message = true;
        } else if (!strncmp(line, "QUIT", 4)) {
            say(fd, "221 bye");
            return;
        } else {
            say(fd, "250 ok");
        }
    }
}

static void *serve(void *arg)
{
    struct mta *mta = arg;
    int fd = accept(mta->fd, NULL, NULL);
    FILE *in = fdopen(dup(fd), "r");

    converse(mta, in, fd);
    fclose(in);
    close(fd);
    return NULL;
}

static enum rc mail(struct mta *mta, struct err *err)
{
    static const char *const to[] = {"<an@example.gov.vn>", NULL};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    struct fetch_mail request = {.url = url,
                                 .require_tls = "never",
                                 .from = "<trien@example.gov.vn>",
                                 .to = to,
                                 .message = bytes_of_text("Subject: x\r\n\r\n.dot\r\n"),
                                 .timeout_ms = 5000};
    pthread_t thread;
    enum rc rc;

    mta->fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(mta->fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(mta->fd, 1), 0);
    getsockname(mta->fd, (struct sockaddr *)&address, &length);
    snprintf(url, sizeof(url), "smtp://127.0.0.1:%u", ntohs(address.sin_port));
    pthread_create(&thread, NULL, serve, mta);
    err_clear(err);
    rc = fetch_mail(&request, arena, err);
    fetch_forget(); /* closes the kept connection, or the MTA would wait for more */
    pthread_join(thread, NULL);
    close(mta->fd);
    return rc;
}

static void a_mail_is_handed_over(void **state)
{
    struct mta mta = {.to_recipient = "250 ok", .to_message = "250 queued"};
    struct err err = {0};

    (void)state;
    assert_int_equal(mail(&mta, &err), RC_OK);
    assert_string_equal(mta.message, "Subject: x\r\n\r\n..dot\r\n.\r\n");
}

static void refused_for_good_or_for_now(void **state)
{
    struct mta unknown = {.to_recipient = "550 no such user", .to_message = "250 queued"};
    struct mta later = {.to_recipient = "451 greylisted", .to_message = "250 queued"};
    struct mta spam = {.to_recipient = "250 ok", .to_message = "554 no spam"};
    struct mta full = {.to_recipient = "250 ok", .to_message = "452 disk full"};
    struct err err = {0};

    (void)state;
    assert_int_equal(mail(&unknown, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__RECIPIENT_REFUSED);
    assert_string_equal(err.native, "smtp 550");
    assert_int_equal(mail(&spam, &err), RC_REJECT);
    assert_int_equal(mail(&later, &err), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__GATEWAY_UNAVAILABLE);
    assert_int_equal(mail(&full, &err), RC_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_and_post),
        cmocka_unit_test(an_answer_beyond_its_limit),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(files_only_where_allowed),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(a_mail_is_handed_over),
        cmocka_unit_test(refused_for_good_or_for_now),
    };

    return cmocka_run_group_tests(tests, up, down);
}
