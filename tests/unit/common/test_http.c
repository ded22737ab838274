/* The HTTP listener over real sockets: routes, limits, refusals, multipart, slow and wrong clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http_exchange.h"
#include "tests/unit/common/frame.h"

#define LIMIT ((size_t)100000)

static struct svc svc;
static const struct service service = {.name = "test"};
static struct http_listener *listener;
static uint16_t port;

/* --- handlers ------------------------------------------------------------------------------------
 */

static enum rc on_echo(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    const char *query = http_query_value(request, "q");

    http_add_header(response, "X-Id", http_path_value(request, "id"));
    http_json(response, 201,
              arena_printf(tx->arena, "{\"id\":\"%s\",\"q\":\"%s\",\"n\":%zu}",
                           http_path_value(request, "id"), query ? query : "(none)",
                           request->body.n));
    return RC_OK;
}

static enum rc on_refuse(struct tx *tx, const struct http_request *request,
                         struct http_response *response)
{
    (void)response;
    err_field(&tx->err, "/subscribers/0/\"email\"");
    FAIL(&tx->err, (Trien__Error)atoi(http_path_value(request, "code")), "the operator's secret");
}

static enum rc on_parts(struct tx *tx, const struct http_request *request,
                        struct http_response *response)
{
    const char *text = "";

    for (size_t i = 0; i < request->part_count; i++)
        text = arena_printf(tx->arena, "%s%s|%s|%s|%zu;", text, request->parts[i].name,
                            request->parts[i].filename ? request->parts[i].filename : "-",
                            request->parts[i].content_type ? request->parts[i].content_type : "-",
                            request->parts[i].body.n);
    response->content_type = "text/plain";
    response->body = bytes_of_text(text);
    return RC_OK;
}

static int released;

static void release(void *owner)
{
    (void)owner;
    released++;
}

static enum rc on_owned(struct tx *tx, const struct http_request *request,
                        struct http_response *response)
{
    (void)tx;
    (void)request;
    response->body = bytes_of_text("owned");
    response->owner = &released;
    response->release = release;
    return RC_OK;
}

static bool on_hot(struct tx *tx, const struct http_request *request,
                   struct http_response *response)
{
    assert_null(tx->db);
    if (strcmp(http_path_value(request, "which"), "warm"))
        return false;
    http_json(response, 200, "\"from memory\"");
    return true;
}

/* --- worked together ---
 */

static sem_t at_gate, gate;
static atomic_size_t together_most; /* requests in one call of on_together() */

static bool is_named(const struct http_request *request, const char *name)
{
    return !strcmp(http_path_value(request, "id"), name);
}

static enum rc on_alone(struct tx *tx, const struct http_request *request,
                        struct http_response *response)
{
    if (is_named(request, "gate")) {
        sem_post(&at_gate);
        sem_wait(&gate);
    }
    if (is_named(request, "refused"))
        FAIL(&tx->err, TRIEN__ERROR__FORBIDDEN, "alone");
    http_json(
        response, 200,
        arena_printf(tx->arena, "\"%s %zu\"", http_path_value(request, "id"), request->body.n));
    return RC_OK;
}

static enum rc on_together(struct tx *tx, struct http_item *items, size_t count)
{
    if (count > atomic_load(&together_most))
        atomic_store(&together_most, count);
    for (size_t i = 0; i < count; i++) {
        const struct http_request *request = items[i].request;

        assert_int_equal(items[i].rc, RC_OK);
        assert_false(items[i].alone);
        assert_int_equal(items[i].response.status, 0);
        if (is_named(request, "spoil"))
            FAIL(&tx->err, TRIEN__ERROR__FIELD_INVALID, "nobody's fault but one's");
        items[i].alone = is_named(request, "apart");
        if (is_named(request, "refused")) {
            items[i].rc = err_set(&items[i].err, TRIEN__ERROR__FORBIDDEN, __FILE__, __LINE__, "no");
            continue;
        }
        http_json(
            &items[i].response, 200,
            arena_printf(tx->arena, "\"%s %zu\"", http_path_value(request, "id"), request->body.n));
    }
    return RC_OK;
}

static const struct http_route routes[] = {
    {.method = "POST",
     .path = "/together/{id}",
     .fn = on_alone,
     .together = on_together,
     .max_body_bytes = LIMIT},
    {.method = "POST",
     .path = "/together/{id}/parts",
     .fn = on_alone,
     .together = on_together,
     .multipart = true,
     .max_body_bytes = LIMIT},
    {.method = "GET", .path = "/v1/things/{id}", .fn = on_echo, .no_transaction = true},
    {.method = "POST", .path = "/v1/things/{id}", .fn = on_echo, .max_body_bytes = LIMIT},
    {.method = "GET", .path = "/refuse/{code}", .fn = on_refuse},
    {.method = "POST",
     .path = "/parts",
     .fn = on_parts,
     .max_body_bytes = LIMIT,
     .multipart = true},
    {.method = "GET", .path = "/owned", .fn = on_owned},
    {.method = "GET", .path = "/hot/{which}", .fn = on_echo, .hot = on_hot},
    {.method = "GET", .path = "/crl/{id}-delta.crl", .fn = on_echo},
    {.method = "GET", .path = "/crl/{id}-{shard}.crl", .fn = on_echo},
    {.method = "GET", .path = "/crl/{id}.crl", .fn = on_echo},
    {.method = "GET", .path = "/ocsp/{id+}", .fn = on_echo},
    {0},
};

/* --- a client ------------------------------------------------------------------------------------
 */

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Everything until the far side closes; waits 10 s at most for the next piece. */
static const char *read_all(int fd)
{
    static char answer[300000];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    size_t have = 0;
    ssize_t n;

    while (poll(&ready, 1, 10000) == 1 &&
           (n = recv(fd, answer + have, sizeof(answer) - 1 - have, 0)) > 0)
        have += (size_t)n;
    answer[have] = 0;
    close(fd);
    return answer;
}

static const char *ask_bytes(const char *wire, size_t length)
{
    int fd = dial();

    if (send(fd, wire, length, MSG_NOSIGNAL) < 0) {
        /* refused early: the answer is there all the same */
    }
    return read_all(fd);
}

static const char *ask(const char *method, const char *path, const char *headers, const char *body)
{
    char head[4096];
    int fd = dial(), n;

    n = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
                 method, path, headers);
    assert_int_equal(send(fd, head, (size_t)n, MSG_NOSIGNAL), n);
    if (*body)
        send(fd, body, strlen(body), MSG_NOSIGNAL);
    return read_all(fd);
}

static const char *get(const char *path)
{
    return ask("GET", path, "", "");
}

static const char *post(const char *path, const char *type, const char *body)
{
    char headers[256];

    snprintf(headers, sizeof(headers), "Content-Type: %s\r\nContent-Length: %zu\r\n", type,
             strlen(body));
    return ask("POST", path, headers, body);
}

static void status_is(const char *answer, int status)
{
    char line[32];

    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    if (strncmp(answer, line, strlen(line)))
        fail_msg("not %d: %.2000s", status, answer);
}

static void has(const char *answer, const char *text)
{
    if (!strstr(answer, text))
        fail_msg("no `%s` in %.2000s", text, answer);
}

static int up(void **state)
{
    struct http_options options = {.bind = "127.0.0.1:0",
                                   .threads = 2,
                                   .max_connections = 50,
                                   .timeout_ms = 1000,
                                   .body_memory_bytes = 150000,
                                   .arena_bytes = (size_t)16 * 1024 * 1024,
                                   .waiting_for = "test",
                                   .routes = routes};
    struct err err = {0};

    (void)state;
    svc.service = &service;
    sem_init(&at_gate, 0, 0);
    sem_init(&gate, 0, 0);
    if (http_listen(&svc, &options, &err, &listener) != RC_OK)
        return -1;
    port = http_port(listener);
    return port ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    http_stop(&listener);
    return listener != NULL;
}

/* --- tests ---------------------------------------------------------------------------------------
 */

static void paths_and_queries_are_decoded(void **state)
{
    const char *answer;

    (void)state;
    answer = get("/v1/things/a%2Fb%20c?q=x%20y+z%26&other=1");
    status_is(answer, 201);
    has(answer, "\"id\":\"a/b c\",\"q\":\"x y z&\"");
    has(answer, "X-Id: a/b c");
    has(answer, "Content-Type: application/json");
    assert_null(strstr(answer, "Server:"));
    has(get("/v1/things/x"), "\"q\":\"(none)\"");
    answer = get("/v1/things/x?other=1&q=%zz");
    status_is(answer, 400);
    has(answer, "\"field\":\"q\"");
    status_is(get("/v1/things/x?%ff=%ff"), 400);
    has(get("/ocsp/MEYw/RDBC%2BMEA%3D"), "\"id\":\"MEYw/RDBC+MEA=\"");
    has(get("/crl/issuing1.crl"), "\"id\":\"issuing1\"");
    has(get("/crl/issuing1-7.crl"), "\"id\":\"issuing1\"");
    has(get("/crl/issuing1-delta.crl"), "\"id\":\"issuing1\"");
    status_is(ask("HEAD", "/v1/things/x", "", ""), 201);
}

static void what_no_route_fits(void **state)
{
    const char *answer;

    (void)state;
    status_is(get("/"), 404);
    status_is(get("/v1/things/"), 404);
    status_is(get("/v1/things/a/b"), 404);
    status_is(get("/v1/things/a%00b"), 404);
    status_is(get("/v1/things/a%ff"), 404);
    status_is(get("/v1/things/a%4"), 404);
    answer = ask("DELETE", "/v1/things/a", "", "");
    status_is(answer, 405);
    has(answer, "Allow: GET, POST");
    has(answer, "\"code\":\"method_not_allowed\"");
}

static void every_refusal_is_a_problem(void **state)
{
    static const int expected[][2] = {{2001, 400}, {2002, 401}, {2003, 403}, {2004, 404},
                                      {2005, 413}, {2006, 409}, {2007, 400}, {2008, 400},
                                      {2009, 405}, {2010, 409}, {2011, 409}, {2012, 415},
                                      {2201, 422}, {1001, 503}, {1002, 503}, {3003, 500}};
    char path[32];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const char *answer, *body;
        json_t *problem;

        snprintf(path, sizeof(path), "/refuse/%d", expected[i][0]);
        answer = get(path);
        status_is(answer, expected[i][1]);
        has(answer, "Content-Type: application/problem+json");
        assert_null(strstr(answer, "secret"));
        body = strstr(answer, "\r\n\r\n") + 4;
        problem = json_loads(body, 0, NULL);
        assert_non_null(problem);
        assert_int_equal(json_integer_value(json_object_get(problem, "status")), expected[i][1]);
        assert_string_equal(json_string_value(json_object_get(problem, "code")),
                            err_entry((Trien__Error)expected[i][0])->name);
        assert_string_equal(json_string_value(json_object_get(problem, "field")),
                            "/subscribers/0/\"email\"");
        assert_non_null(json_object_get(json_object_get(problem, "text"), "vi"));
        assert_int_equal(frame_last.number, expected[i][1]);
        json_decref(problem);
    }
    has(get("/refuse/1001"), "Retry-After: 2");
    has(get("/refuse/2002"), "WWW-Authenticate: Bearer");
}

static void a_body_within_its_limit(void **state)
{
    char *body = test_malloc(LIMIT + 2);

    (void)state;
    memset(body, 'x', LIMIT + 1);
    body[LIMIT] = 0;
    has(post("/v1/things/a", "text/plain", body), "\"n\":100000");
    has(post("/v1/things/a", "text/plain", ""), "\"n\":0");
    has(ask("POST", "/v1/things/a", "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
        "\"n\":7");
    test_free(body);
}

static void a_body_beyond_its_limit_is_refused_early(void **state)
{
    const char *answer =
        ask("POST", "/v1/things/a", "Content-Length: 100001\r\nExpect: 100-continue\r\n", "");

    (void)state;
    status_is(answer, 413);
    has(answer, "\"code\":\"too_large\"");
    has(answer, "Connection: close");
    status_is(ask("GET", "/v1/things/a", "Content-Length: 5\r\n", "hello"), 413);
}

static void a_chunked_body_beyond_its_limit(void **state)
{
    size_t n = LIMIT + 5000;
    char *wire = test_malloc(n + 300), *end;

    (void)state;
    end = wire + sprintf(wire,
                         "POST /v1/things/a HTTP/1.1\r\nHost: x\r\nConnection: "
                         "close\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                         n);
    memset(end, 'x', n);
    end += n;
    end += sprintf(end, "\r\n0\r\n\r\n");
    status_is(ask_bytes(wire, (size_t)(end - wire)), 413);
    test_free(wire);
}

/* Announces a body, sends nothing of it and reads the beginning of what is said to that. */
static int announce(char ret_said[13])
{
    static const char begin[] = "POST /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n"
                                "Expect: 100-continue\r\n\r\n";
    int fd = dial();

    ret_said[12] = 0;
    assert_int_equal(send(fd, begin, strlen(begin), MSG_NOSIGNAL), (int)strlen(begin));
    assert_int_equal(recv(fd, ret_said, 12, MSG_WAITALL), 12);
    return fd;
}

/* Memory is for what came, not for what was announced. */
static void announcing_much_holds_little(void **state)
{
    char said[13];
    int one = announce(said), other;

    (void)state;
    assert_string_equal(said, "HTTP/1.1 100");
    other = announce(said);
    assert_string_equal(said, "HTTP/1.1 100");
    has(post("/v1/things/a", "text/plain", "some"), "\"n\":4");
    close(one);
    close(other);
}

/* Two threads, so whether the first body has come when the second is announced is for them to say:
 * asked until it was, and begun again before its silence ends it. */
static void bodies_together_have_a_limit_too(void **state)
{
    static char begin[80100];
    size_t head = (size_t)sprintf(
        begin, "POST /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    char said[13] = "";

    (void)state;
    memset(begin + head, 'x', 80000);
    for (int i = 0; i < 200 && strcmp(said, "HTTP/1.1 503") != 0; i++) {
        int first = dial();

        assert_int_equal(send(first, begin, head + 80000, MSG_NOSIGNAL), (int)head + 80000);
        for (int n = 0; n < 20 && strcmp(said, "HTTP/1.1 503") != 0; n++)
            close(announce(said));
        close(first);
    }
    assert_string_equal(said, "HTTP/1.1 503");
}

static void multipart_bodies(void **state)
{
    const char *answer =
        post("/parts", "multipart/form-data; boundary=\"b 1\"",
             "--b 1\r\nContent-Disposition: form-data; name=\"document\"; filename=\"công văn.pdf\""
             "\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--b 2\r\n--b 1\r\n"
             "content-disposition: form-data; filename=\"a\\\"b\"; name=attachment\r\n\r\n\r\n"
             "--b 1--\r\n");

    (void)state;
    status_is(answer, 200);
    has(answer, "document|công văn.pdf|application/pdf|11;attachment|a\"b|-|0;");
    status_is(post("/parts", "application/json", "{}"), 415);
    status_is(ask("POST", "/parts", "Content-Length: 2\r\n", "{}"), 415);
    status_is(post("/parts", "multipart/form-data", "x"), 400);
    status_is(post("/parts", "multipart/form-data; boundary=x", "--x"), 400);
    status_is(post("/parts", "multipart/form-data; boundary=x", "preamble\r\n--x--\r\n"), 400);
    status_is(post("/parts", "multipart/form-data; boundary=x",
                   "--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--\r\n"),
              400);
    status_is(post("/parts", "multipart/form-data; boundary=x",
                   "--x\r\nContent-Disposition: form-data; name=a\r\n\r\ncut off"),
              400);
}

static void memory_of_an_owner_is_given_back(void **state)
{
    (void)state;
    released = 0;
    has(get("/owned"), "\r\n\r\nowned");
    assert_int_equal(released, 1);
}

static void hot_answers_come_from_memory(void **state)
{
    (void)state;
    has(get("/hot/warm"), "\"from memory\"");
    assert_true(frame_last.is_quiet);
    has(get("/hot/cold"), "\"q\":\"(none)\"");
    assert_false(frame_last.is_quiet);
}

/* Sends a request whose answer is read later. */
static int send_post(const char *path, size_t body_bytes)
{
    char wire[4096];
    int fd = dial(), n;

    n = snprintf(wire, sizeof(wire),
                 "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                 path, body_bytes);
    memset(wire + n, 'x', body_bytes);
    assert_int_equal(send(fd, wire, (size_t)n + body_bytes, MSG_NOSIGNAL), n + (int)body_bytes);
    return fd;
}

static size_t open_exchanges(void)
{
    size_t count;

    pthread_mutex_lock(&listener->lock);
    count = listener->exchanges;
    pthread_mutex_unlock(&listener->lock);
    return count;
}

/* Sends them while another one is being worked; each gets its own answer, whoever travels along. */
static void all_at_once(const char *const *paths, const int *statuses, size_t count)
{
    int first = send_post("/together/gate", 1), fds[8];

    sem_wait(&at_gate); /* by itself; who comes now has to wait */
    for (size_t i = 0; i < count; i++)
        fds[i] = send_post(paths[i], i + 10);
    while (open_exchanges() < count + 1)
        sched_yield();
    sem_post(&gate);
    has(read_all(first), "\"gate 1\"");
    for (size_t i = 0; i < count; i++) {
        const char *answer = read_all(fds[i]);
        char expected[32];

        status_is(answer, statuses[i]);
        if (statuses[i] != 200)
            continue;
        snprintf(expected, sizeof(expected), "\"%s %zu\"", strrchr(paths[i], '/') + 1, i + 10);
        has(answer, expected);
    }
}

/* Whose body is there when the gate opens is for the threads to decide: so often until all were. */
static void those_who_wait_are_worked_together(void **state)
{
    static const char *const paths[] = {"/together/a", "/together/refused", "/together/b",
                                        "/together/apart", "/together/a/parts"};
    static const int statuses[] = {200, 403, 200, 200, 415};

    (void)state;
    atomic_store(&together_most, 0);
    for (int i = 0; i < 200 && atomic_load(&together_most) < 4; i++)
        all_at_once(paths, statuses, COUNT_OF(paths));
    assert_true(atomic_load(&together_most) >= 4);
    has(post("/together/c", "text/plain", "abc"), "\"c 3\"");
    status_is(post("/together/refused", "text/plain", "abc"), 403);
}

static void one_that_spoils_it_leaves_the_others_alone(void **state)
{
    static const char *const paths[] = {"/together/a", "/together/spoil", "/together/b"};
    static const int statuses[] = {200, 200, 200};

    (void)state;
    atomic_store(&together_most, 0);
    for (int i = 0; i < 200 && atomic_load(&together_most) < 3; i++)
        all_at_once(paths, statuses, COUNT_OF(paths));
    assert_true(atomic_load(&together_most) >= 3);
}

static void a_trace_is_taken_over_or_made(void **state)
{
    const char *trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    char header[100];

    (void)state;
    snprintf(header, sizeof(header), "traceparent: %s\r\n", trace);
    ask("GET", "/owned", header, "");
    assert_non_null(frame_last.traceparent);
    ask("GET", "/owned", "traceparent: nonsense\r\n", "");
    assert_non_null(frame_last.traceparent);
}

static void a_client_that_drips_is_cut_off(void **state)
{
    const char *wire = "GET /v1/things/a HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    struct pollfd ready;
    char byte;
    int fd = dial(), i;

    (void)state;
    assert_true(send(fd, wire, strlen(wire), 0) > 0);
    ready = (struct pollfd){.fd = fd, .events = POLLIN};
    for (i = 0; i < 40; i++) { /* a byte every 300 ms, so never silent for a second */
        if (poll(&ready, 1, 300) == 1 && recv(fd, &byte, 1, 0) <= 0)
            break;
        if (send(fd, "x", 1, MSG_NOSIGNAL) < 0)
            break;
    }
    assert_true(i < 40);
    close(fd);
}

static void malformed_requests_do_no_harm(void **state)
{
    static const char *const wires[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/things/a HTTP/1.1\r\nHost: x\r\nContent-Length: "
        "99999999999999999999999\r\n\r\n",
        "POST /v1/things/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wires); i++) {
        int fd = dial();

        assert_true(send(fd, wires[i], strlen(wires[i]), MSG_NOSIGNAL) > 0);
        shutdown(fd, SHUT_WR);
        assert_null(strstr(read_all(fd), "HTTP/1.1 2"));
    }
    status_is(get("/v1/things/x"), 201);
}

static void only_loopback_without_a_proxy(void **state)
{
    static const char *const refused[] = {"0.0.0.0:1", "[::]:1", "*:1", "10.0.0.1:1", "here", ":1"};
    static const char *const allowed[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1",
                                          "tcp://127.0.0.1:1"};
    struct http_options options = {.routes = routes};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        options.bind = refused[i];
        assert_int_equal(http_check_bind(&options, &err), RC_FATAL);
        assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
    }
    for (size_t i = 0; i < COUNT_OF(allowed); i++) {
        options.bind = allowed[i];
        assert_int_equal(http_check_bind(&options, &err), RC_OK);
    }
    options.bind = "0.0.0.0:1";
    options.any_address = true;
    assert_int_equal(http_check_bind(&options, &err), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_queries_are_decoded),
        cmocka_unit_test(what_no_route_fits),
        cmocka_unit_test(every_refusal_is_a_problem),
        cmocka_unit_test(a_body_within_its_limit),
        cmocka_unit_test(a_body_beyond_its_limit_is_refused_early),
        cmocka_unit_test(a_chunked_body_beyond_its_limit),
        cmocka_unit_test(announcing_much_holds_little),
        cmocka_unit_test(bodies_together_have_a_limit_too),
        cmocka_unit_test(multipart_bodies),
        cmocka_unit_test(memory_of_an_owner_is_given_back),
        cmocka_unit_test(hot_answers_come_from_memory),
        cmocka_unit_test(those_who_wait_are_worked_together),
        cmocka_unit_test(one_that_spoils_it_leaves_the_others_alone),
        cmocka_unit_test(a_trace_is_taken_over_or_made),
        cmocka_unit_test(a_client_that_drips_is_cut_off),
        cmocka_unit_test(malformed_requests_do_no_harm),
        cmocka_unit_test(only_loopback_without_a_proxy),
    };

    return cmocka_run_group_tests(tests, up, down);
}
