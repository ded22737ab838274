/* A whole small service as a process of its own: start, check, transactions with events, waiting
 * for a missing database, refusals of bad configuration, clean stop with a request under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/fetch.h"
#include "common/svc.h"
#include "proto/bus.pb-c.h"
#include "tests/unit/common/pg.h"
#include "tests/unit/common/ports.h"

#define DATABASE "test_svc"
#define NUMBER 18 /* the service's place in the port plan */

/* --- the service ---------------------------------------------------------------------------------
 */

static const struct db_statement statements[] = {
    {"insert_thing", "INSERT INTO thing (name) VALUES ($1)", 1, 0, {DB_TEXT}, {}},
    {"count_things", "SELECT count(*) FROM thing", 0, 1, {}, {DB_INT8}},
    {"wait_a_little", "SELECT pg_sleep(2.5) IS NULL", 0, 1, {}, {DB_BOOL}},
    {"meet_others", "SELECT meet_others()", 0, 1, {}, {DB_INT4}},
    {0},
};
enum { INSERT, COUNT, WAIT, MEET };

static enum rc count_things(struct tx *tx, struct http_response *response)
{
    struct db_rows *rows;

    TRY(db_run(tx, &statements[COUNT], &rows, 0, NULL));
    http_json(response, 200, arena_printf(tx->arena, "%d", (int)db_get_int(rows, 0, 0)));
    return RC_OK;
}

static enum rc on_get(struct tx *tx, const struct http_request *request,
                      struct http_response *response)
{
    (void)request;
    return count_things(tx, response);
}

static enum rc say(struct tx *tx, const char *subject)
{
    Trien__OperatorActed event = TRIEN__OPERATOR_ACTED__INIT;

    event.principal = event.act = (char *)"test";
    event.subject = (char *)(uintptr_t)subject;
    return emit(tx, "operator", &event);
}

static enum rc on_post(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    const char *name = arena_strndup(tx->arena, (const char *)request->body.p, request->body.n);
    Trien__GetHealth undeclared = TRIEN__GET_HEALTH__INIT;
    struct db_rows *rows;

    TRY(db_push(tx, &statements[INSERT], 1, (struct db_value[]){db_text(name)}));
    if (!strcmp(name, "wait"))
        TRY(db_run(tx, &statements[WAIT], &rows, 0, NULL));
    if (!strcmp(name, "meet"))
        TRY(db_run(tx, &statements[MEET], &rows, 0, NULL));
    if (!strcmp(name, "undeclared"))
        TRY(emit(tx, "k", &undeclared));
    TRY(say(tx, name));
    CHECK(strcmp(name, "refused"), &tx->err, TRIEN__ERROR__FIELD_INVALID, "refused");
    http_json(response, 201, "{}");
    return RC_OK;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/things", .fn = on_get},
    {.method = "POST",
     .path = "/things",
     .fn = on_post,
     .max_body_bytes = 100,
     .out = {&trien__operator_acted__descriptor}},
    {0},
};

struct own_conf {
    const char *colour;
};

static const struct conf_row conf_rows[] = {
    {"own/colour", CONF_CHOICE, offsetof(struct own_conf, colour), "red", "Its colour.", 0, 0,
     "red green"},
    {0},
};

static const struct state_step steps[] = {{"new", "Posted", "kept", "somebody posted it"}, {0}};
static const struct state_table states[] = {{"thing", steps}, {0}};
static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};

static const struct service service = {
    .name = "test",
    .sentence = "Keeps things.",
    .number = NUMBER,
    .parts = parts,
    .conf_rows = conf_rows,
    .conf_size = sizeof(struct own_conf),
    .statements = statements,
    .routes = routes,
    .states = states,
};

/* --- running it ----------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/test_svc.XXXXXX";
static char config[64];
static struct arena *arena;
static int base_port;

static const char *http_url(const char *path)
{
    return arena_printf(arena, "http://127.0.0.1:%d%s", svc_port(base_port, "http", NUMBER), path);
}

static const char *admin_url(const char *path)
{
    return arena_printf(arena, "http://127.0.0.1:%d%s", svc_port(base_port, "admin", NUMBER), path);
}

struct process {
    pid_t pid;
    FILE *out; /* its stdout and stderr */
};

/* The configuration; `more` is added at the end. */
static void configure(const char *host, const char *more)
{
    FILE *out = fopen(config, "w");

    fprintf(out,
            "base_port = %d\n"
            "bus\n    secret_key = %s/k.secret\n    public_key = %s/k.public\n"
            "    peer_keys = %s/peers\n"
            "database\n    host = %s\n    name = %s\n    user = postgres\n%s",
            base_port, folder, folder, folder, host, DATABASE, more);
    fclose(out);
}

static struct process spawn(const char *option)
{
    char *argv[] = {(char *)"test", (char *)"--config", config, NULL, NULL};
    struct process process;
    int ends[2], argc = 3;

    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    process.pid = fork();
    if (process.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing running */
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (option)
            argv[argc++] = (char *)(uintptr_t)option;
        argc = svc_main(&service, argc, argv);
        fflush(stdout);
        _exit(argc);
    }
    close(ends[1]);
    process.out = fdopen(ends[0], "r");
    return process;
}

/* Reads lines until one holds the text; false at the end of the output. */
static bool wait_for_line(struct process *process, const char *text)
{
    char line[8192];

    while (fgets(line, sizeof(line), process->out))
        if (strstr(line, text))
            return true;
    return false;
}

static int wait_for_exit(struct process *process)
{
    int status;

    while (wait_for_line(process, "\n")) {
    }
    fclose(process->out);
    waitpid(process->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static struct process start(void)
{
    struct process process = spawn(NULL);

    if (!wait_for_line(&process, "\"event\":\"started\""))
        fail_msg("did not start: exit %d", wait_for_exit(&process));
    return process;
}

static int stop(struct process *process)
{
    kill(process->pid, SIGTERM);
    return wait_for_exit(process);
}

/* Exit status of a run that ends by itself; *ret_said: it said so. */
static int run(const char *option, const char *text, bool *ret_said)
{
    struct process process = spawn(option);

    *ret_said = wait_for_line(&process, text);
    return wait_for_exit(&process);
}

static int ask(const char *method, const char *url, const char *body, const char **ret_text)
{
    struct fetch_request request = {
        .method = method, .url = url, .body = bytes_of_text(body), .timeout_ms = 20000};
    struct err err = {0};
    struct bytes answer = {0};
    int status = 0;

    if (fetch_http(&request, arena, &err, &status, &answer) != RC_OK)
        return 0;
    if (ret_text)
        *ret_text = arena_strndup(arena, (const char *)answer.p, answer.n);
    return status;
}

static int things(void)
{
    const char *text = "-1";

    assert_int_equal(ask("GET", http_url("/things"), "", &text), 200);
    return atoi(text);
}

/* Asks until the status comes; the deadline is 20 s. */
static const char *wait_for_status(const char *url, int status)
{
    usec until = clock_monotonic() + 20 * USEC_PER_SECOND;
    const char *text = "";

    while (ask("GET", url, "", &text) != status) {
        if (clock_monotonic() > until)
            fail_msg("never %d: %s", status, text);
        poll(NULL, 0, 20);
    }
    return text;
}

static void has(const char *text, const char *piece)
{
    if (!strstr(text, piece))
        fail_msg("no `%s` in %s", piece, text);
}

static void need_database(void)
{
    if (!getenv("TRIEN_TEST_PG"))
        skip();
    configure(getenv("TRIEN_TEST_PG"), "");
}

static int up(void **state)
{
    char secret[64], public[64], peers[64];
    struct err err = {0};
    FILE *out;

    (void)state;
    arena = arena_new((size_t)1 << 24);
    base_port = free_ports((const int[]){NUMBER, 20 + NUMBER, 40 + NUMBER}, 3);
    if (!mkdtemp(folder))
        return -1;
    snprintf(config, sizeof(config), "%s/test.conf", folder);
    snprintf(secret, sizeof(secret), "%s/k.secret", folder);
    snprintf(public, sizeof(public), "%s/k.public", folder);
    snprintf(peers, sizeof(peers), "%s/peers", folder);
    if (bus_make_keys(secret, public, &err) != RC_OK)
        return -1;
    out = fopen(peers, "w");
    fclose(out);
    if (!pg_database(DATABASE))
        return 0;
    return pg_deploy_frame(DATABASE) ||
           pg_sql(DATABASE, "CREATE TABLE thing (name text NOT NULL);"
                            "CREATE SEQUENCE meetings; CREATE FUNCTION meet_others() RETURNS int "
                            "LANGUAGE plpgsql AS 'BEGIN IF nextval(''meetings'') < 3 THEN RAISE "
                            "EXCEPTION ''met'' USING ERRCODE = ''40001''; END IF; RETURN 1; END'");
}

static int down(void **state)
{
    char command[128];

    (void)state;
    fetch_forget();
    arena_free(&arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* --- tests ---------------------------------------------------------------------------------------
 */

static void it_prints_what_it_is(void **state)
{
    bool said;

    (void)state;
    assert_int_equal(run("--flow", "| http | POST /things | the public | OperatorActed |", &said),
                     0);
    assert_true(said);
    assert_int_equal(run("--states", "| new | Posted | kept | somebody posted it |", &said), 0);
    assert_true(said);
    assert_int_equal(run("--help-config", "own/colour", &said), 0);
    assert_true(said);
    assert_int_equal(run("--version", "trien-test ", &said), 0);
    assert_true(said);
    assert_int_equal(run("--nonsense", "usage:", &said), 64);
    assert_true(said);
}

static void a_wrong_configuration_ends_it_with_the_key(void **state)
{
    bool said;

    (void)state;
    configure("/tmp", "own\n    colour = blue\n");
    assert_int_equal(run(NULL, "own/colour: `blue`", &said), 78);
    assert_true(said);
    configure("/tmp", "strange = 1\n");
    assert_int_equal(run(NULL, "strange: is not a key", &said), 78);
    assert_true(said);
    configure("/tmp", "http\n    bind = 0.0.0.0:17300\n");
    assert_int_equal(run(NULL, "not a loopback address", &said), 78);
    assert_true(said);
    configure("/tmp", "peers\n    intake = nowhere\n");
    assert_int_equal(run(NULL, "peers/intake", &said), 78);
    assert_true(said);
}

static void check_asks_the_real_database(void **state)
{
    bool said;

    (void)state;
    need_database();
    assert_int_equal(run("--check", "are as they should be", &said), 0);
    assert_true(said);
    configure("/nonexistent", "");
    assert_int_equal(run("--check", "database_unavailable", &said), 69);
    assert_true(said);
    need_database();
    assert_int_equal(pg_sql(DATABASE, "ALTER TABLE thing RENAME name TO title"), 0);
    assert_int_equal(run("--check", "statement insert_thing", &said), 78);
    assert_true(said);
    assert_int_equal(run(NULL, "schema_mismatch", &said), 78);
    assert_true(said);
    assert_int_equal(pg_sql(DATABASE, "ALTER TABLE thing RENAME title TO name"), 0);
}

static void a_post_commits_its_row_with_its_event(void **state)
{
    struct process process;
    const char *text = "";

    (void)state;
    need_database();
    process = start();
    assert_int_equal(ask("POST", http_url("/things"), "first", NULL), 201);
    assert_int_equal(things(), 1);
    assert_int_equal(ask("POST", http_url("/things"), "refused", &text), 400);
    has(text, "\"code\":\"field_invalid\"");
    assert_int_equal(ask("POST", http_url("/things"), "undeclared", &text), 500);
    has(text, "\"code\":\"undeclared_message\"");
    assert_int_equal(things(), 1);
    assert_int_equal(pg_sql(DATABASE,
                            "SELECT 1 / (count(*) = 1 AND min(type) = 'OperatorActed' AND "
                            "min(length(traceparent)) = 55)::int FROM outbox"),
                     0);
    wait_for_status(admin_url("/healthz"), 200);
    assert_int_equal(ask("GET", admin_url("/metrics"), "", &text), 200);
    has(text, "trien_messages_total{kind=\"http\",name=\"/things\",outcome=\"reject\"} 1\n");
    has(text, "process_resident_memory_bytes");
    assert_int_equal(stop(&process), 0);
}

static void others_at_the_same_time_are_met_again(void **state)
{
    struct process process;
    int before;

    (void)state;
    need_database();
    process = start();
    before = things();
    assert_int_equal(ask("POST", http_url("/things"), "meet", NULL),
                     201); /* the third try succeeds */
    assert_int_equal(things(), before + 1);
    assert_true(
        wait_for_line(&process, "\"event\":\"handled\",\"kind\":\"http\",\"name\":\"/things\""));
    assert_int_equal(stop(&process), 0);
}

static void a_missing_database_is_waited_for(void **state)
{
    struct process process;
    const char *text = "";

    (void)state;
    need_database();
    assert_int_equal(pg_sql("postgres", "ALTER DATABASE test_svc ALLOW_CONNECTIONS false"), 0);
    process = start();
    text = wait_for_status(admin_url("/healthz"), 503);
    has(text, "\"database\":{\"ok\":false,\"code\":\"database_unavailable\"}");
    assert_int_equal(ask("GET", http_url("/things"), "", &text), 503);
    has(text, "\"code\":\"database_unavailable\"");
    assert_int_equal(pg_sql("postgres", "ALTER DATABASE test_svc ALLOW_CONNECTIONS true"), 0);
    wait_for_status(admin_url("/healthz"), 200);
    wait_for_status(http_url("/things"), 200);
    /* And lost in the middle of everything: */
    assert_int_equal(pg_sql("postgres", "SELECT pg_terminate_backend(pid, 5000) FROM "
                                        "pg_stat_activity WHERE datname = 'test_svc'"),
                     0);
    assert_int_equal(ask("GET", http_url("/things"), "", &text), 200);
    wait_for_status(admin_url("/healthz"), 200);
    assert_int_equal(stop(&process), 0);
}

static void *post_and_wait(void *arg)
{
    *(int *)arg = ask("POST", http_url("/things"), "wait", NULL);
    fetch_forget();
    return NULL;
}

static void a_clean_stop_finishes_what_runs(void **state)
{
    struct process process;
    usec until = clock_monotonic() + 20 * USEC_PER_SECOND;
    pthread_t thread;
    int status = 0, before;

    (void)state;
    need_database();
    process = start();
    before = things();
    fetch_forget();
    pthread_create(&thread, NULL, post_and_wait, &status);
    while (pg_sql(DATABASE, "SELECT 1 / count(*) FROM pg_stat_activity WHERE query LIKE "
                            "'%pg_sleep(2.5%' AND state = 'active' AND pid <> pg_backend_pid()")) {
        assert_true(clock_monotonic() < until);
        poll(NULL, 0, 10);
    }
    kill(process.pid, SIGTERM);
    pthread_join(thread, NULL);
    assert_int_equal(status, 201);
    assert_int_equal(wait_for_exit(&process), 0);
    process = start();
    assert_int_equal(things(), before + 1);
    assert_int_equal(stop(&process), 0);
}

static void an_address_in_use_is_waited_for(void **state)
{
    struct process first, second;

    (void)state;
    need_database();
    first = start();
    second = start(); /* the same ports: it waits for them */
    assert_int_equal(stop(&first), 0);
    wait_for_status(http_url("/things"), 200);
    assert_int_equal(stop(&second), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_prints_what_it_is),
        cmocka_unit_test(a_wrong_configuration_ends_it_with_the_key),
        cmocka_unit_test(check_asks_the_real_database),
        cmocka_unit_test(a_post_commits_its_row_with_its_event),
        cmocka_unit_test(others_at_the_same_time_are_met_again),
        cmocka_unit_test(a_missing_database_is_waited_for),
        cmocka_unit_test(a_clean_stop_finishes_what_runs),
        cmocka_unit_test(an_address_in_use_is_waited_for),
    };

    return cmocka_run_group_tests(tests, up, down);
}
