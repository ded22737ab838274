/* Server and caller in one process, without a database: answers, refusals, restarts, deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "common/bus_server.h"
#include "common/log.h"
#include "common/svc_parts.h"
#include "proto/bus.pb-c.h"
#include "tests/unit/common/ports.h"

static char folder[] = "/tmp/test_bus_server.XXXXXX";
static struct svc svc;
static char address[40], named_address[40], second_of_two[80]; /* the server's */

/* --- the service: echoes texts through a message of the bus itself
 * -------------------------------- */

static enum rc on_echo(struct tx *tx, const void *in, void *reply)
{
    const Trien__ForgetFeedGroup *ask = in;
    Trien__ListDeadLettersReply *out = reply;
    Trien__DeadLetter *letter = ARENA_NEW(tx->arena, Trien__DeadLetter);

    CHECK(strcmp(ask->group, "refuse"), &tx->err, TRIEN__ERROR__FIELD_INVALID, "told to refuse");
    if (!strcmp(ask->group, "slow"))
        usleep(300000);
    trien__dead_letter__init(letter);
    letter->feed = letter->key = letter->type = letter->state = letter->error =
        arena_strdup(tx->arena, tx->principal);
    letter->key = ask->group;
    out->letters = ARENA_ARRAY(tx->arena, Trien__DeadLetter *, 1);
    out->letters[0] = letter;
    out->n_letters = 1;
    return RC_OK;
}

static const struct on_call calls[] = {
    {.in = &trien__forget_feed_group__descriptor,
     .reply = &trien__list_dead_letters_reply__descriptor,
     .from = "friend other",
     .fn = on_echo,
     .no_transaction = true},
    {.in = &trien__list_feed_groups__descriptor,
     .reply = &trien__list_feed_groups_reply__descriptor,
     .from = "other",
     .fn = on_echo,
     .no_transaction = true},
    {0},
};
static const struct svc_part *const no_parts[] = {NULL};
static const struct service service = {
    .name = "echo", .sentence = "Echoes.", .parts = no_parts, .calls = calls};

/* --- keys ------------------------------------------------------------------------------------- */

/* Paths live as long as the test: keys and callers borrow them. */
static char *path(const char *name)
{
    static char pool[32][300];
    static size_t used;

    for (size_t i = 0; i < used; i++) {
        if (!strcmp(pool[i] + strlen(folder) + 1, name))
            return pool[i];
    }
    assert_true(used < COUNT_OF(pool));
    snprintf(pool[used], sizeof(pool[0]), "%s/%s", folder, name);
    return pool[used++];
}

static void public_key(const char *name, char *ret_key)
{
    char file[300];
    FILE *in;

    snprintf(file, sizeof(file), "%s/%s.public", folder, name);
    in = fopen(file, "r");
    assert_non_null(in);
    assert_non_null(fgets(ret_key, 41, in));
    fclose(in);
}

static void write_peers(const char *names)
{
    char key[48], line[128], *rest = strdup(names), *at = rest, *name;
    FILE *out = fopen(path("peers.new"), "w");

    assert_non_null(out);
    while ((name = strsep(&at, " "))) {
        public_key(name, key);
        snprintf(line, sizeof(line), "%s = \"%s\"\n", name, key);
        fputs(line, out);
    }
    fclose(out);
    free(rest);
    assert_int_equal(rename(path("peers.new"), path("peers")), 0);
}

static struct bus_keys keys_of_principal(const char *name)
{
    char file[300];
    struct bus_keys keys;

    snprintf(file, sizeof(file), "%s.secret", name);
    keys.own_secret_file = path(file);
    snprintf(file, sizeof(file), "%s.public", name);
    keys.own_public_file = path(file);
    keys.peer_keys_file = path("peers");
    return keys;
}

static void choose_address(void)
{
    int port = free_ports((const int[]){0}, 1);

    snprintf(address, sizeof(address), "tcp://127.0.0.1:%d", port);
    snprintf(named_address, sizeof(named_address), "tcp://localhost:%d", port);
    snprintf(second_of_two, sizeof(second_of_two), "tcp://127.0.0.1:1 %s", address);
}

static int set_up(void **state)
{
    static const char *const names[] = {"echo", "friend", "other", "stranger"};
    struct err err = {0};

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct bus_keys keys = keys_of_principal(names[i]);
        if (bus_make_keys(keys.own_secret_file, keys.own_public_file, &err) != RC_OK)
            return -1;
    }
    write_peers("echo friend other");
    log_set_level(LOG_ERROR);
    svc.service = &service;
    choose_address();
    svc.core.bus_bind = address;
    svc.core.bus_workers = 2;
    svc.core.log_messages = "none";
    svc.keys = keys_of_principal("echo");
    svc.waiting = svc_waiting_new();
    return bus_server_start(&svc, &err) == RC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[300];

    (void)state;
    bus_server_stop(&svc);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* --- a caller ------------------------------------------------------------------------------------
 */

static const struct bus_peer peers[] = {
    {"echo", second_of_two}, {"nowhere", "tcp://127.0.0.1:1"}, {"echo-by-name", named_address}};

static struct bus_caller *caller_of(const char *principal)
{
    struct bus_keys keys = keys_of_principal(principal);
    struct bus_caller *caller = NULL;
    struct err err = {0};

    assert_int_equal(bus_caller_new(&keys, peers, COUNT_OF(peers), &err, &caller), RC_OK);
    return caller;
}

static Trien__Error call(struct bus_caller *caller, const char *peer, const char *text,
                         int deadline_ms, const char *key)
{
    Trien__ForgetFeedGroup ask = TRIEN__FORGET_FEED_GROUP__INIT;
    struct arena *arena = arena_new(1 << 20);
    ProtobufCMessage *reply = NULL;
    struct err err = {0};

    ask.group = (char *)text;
    if (bus_call(caller, peer, &ask.base, &trien__list_dead_letters_reply__descriptor, deadline_ms,
                 key, "", arena, &err, &reply) == RC_OK) {
        assert_int_equal(((Trien__ListDeadLettersReply *)reply)->n_letters, 1);
        assert_string_equal(((Trien__ListDeadLettersReply *)reply)->letters[0]->key, text);
    }
    arena_free(&arena);
    return err.code;
}

static void test_answers(void **state)
{
    struct bus_caller *caller = caller_of("friend");

    (void)state;
    for (int i = 0; i < 2000; i++) /* each is answered: see DEALER_SNDHWM */
        assert_int_equal(call(caller, "echo", "hello", 5000, NULL), 0);
    assert_int_equal(call(caller, "echo", "refuse", 5000, NULL), TRIEN__ERROR__FIELD_INVALID);
    bus_caller_free(&caller);
}

static void test_methods_are_for_their_principals(void **state)
{
    Trien__ListFeedGroups ask = TRIEN__LIST_FEED_GROUPS__INIT;
    Trien__GetMetrics metrics = TRIEN__GET_METRICS__INIT;
    struct bus_caller *caller = caller_of("friend");
    struct arena *arena = arena_new(1 << 20);
    ProtobufCMessage *reply;
    struct err err = {0};

    (void)state;
    assert_int_equal(bus_call(caller, "echo", &ask.base, &trien__list_feed_groups_reply__descriptor,
                              5000, NULL, "", arena, &err, &reply),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__FORBIDDEN);
    assert_int_equal(bus_call(caller, "echo", &metrics.base, &trien__get_metrics_reply__descriptor,
                              5000, NULL, "", arena, &err, &reply),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__FORBIDDEN);
    arena_free(&arena);
    bus_caller_free(&caller);
}

static void test_who_is_an_officer(void **state)
{
    (void)state;
    assert_true(work_is_officer("officer1"));
    assert_true(work_is_officer("officer12"));
    assert_false(work_is_officer("officer"));
    assert_false(work_is_officer("officer0"));
    assert_false(work_is_officer("officers"));
    assert_false(work_is_officer("officer1x"));
    assert_false(work_is_officer("officer1234"));
}

static void test_stranger_gets_nothing(void **state)
{
    struct bus_caller *caller = caller_of("stranger");

    (void)state;
    assert_int_equal(call(caller, "echo", "hello", 700, NULL), TRIEN__ERROR__PEER_UNAVAILABLE);
    bus_caller_free(&caller);
}

static void test_deadline(void **state)
{
    struct bus_caller *caller = caller_of("friend");
    usec started = clock_monotonic();

    (void)state;
    assert_int_equal(call(caller, "echo", "hello", 5000, NULL), 0);
    assert_int_equal(call(caller, "echo", "slow", 100, NULL), TRIEN__ERROR__DEADLINE_PASSED);
    assert_int_equal(call(caller, "nowhere", "hello", 100, NULL), TRIEN__ERROR__PEER_UNAVAILABLE);
    assert_int_equal(call(caller, "unknown", "hello", 100, NULL), TRIEN__ERROR__CONFIG_INVALID);
    assert_true(clock_monotonic() - started < 3 * USEC_PER_SECOND);
    /* the late answer is not taken for that of the next call */
    assert_int_equal(call(caller, "echo", "hello", 5000, NULL), 0);
    bus_caller_free(&caller);
}

static void *restart_later(void *unused)
{
    struct err err = {0};

    (void)unused;
    usleep(100000);
    bus_server_stop(&svc);
    assert_int_equal(bus_server_start(&svc, &err), RC_OK);
    return NULL;
}

static void test_restart_of_the_server(void **state)
{
    struct bus_caller *caller = caller_of("friend");
    pthread_t thread;

    (void)state;
    assert_int_equal(call(caller, "echo", "hello", 5000, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, restart_later, NULL), 0);
    for (int answered = 0; answered < 3;) {
        Trien__Error code = call(caller, "echo", "slow", 5000, "a key");
        if (code == TRIEN__ERROR__OVERLOADED) /* a server that is stopping says: later */
            continue;
        assert_int_equal(code, 0);
        answered++;
    }
    pthread_join(thread, NULL);
    assert_int_equal(call(caller, "echo", "hello", 5000, NULL), 0);
    bus_caller_free(&caller);
}

static void test_names_are_resolved(void **state)
{
    struct bus_keys keys = keys_of_principal("friend");
    const struct bus_peer by_name = {"echo", named_address};
    struct bus_caller *caller = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(bus_caller_new(&keys, &by_name, 1, &err, &caller), RC_OK);
    assert_int_equal(call(caller, "echo", "hello", 5000, NULL), 0);
    bus_caller_free(&caller);
}

static void test_revoked_key(void **state)
{
    struct bus_caller *caller = caller_of("friend"), *other = caller_of("other");
    usec give_up = clock_monotonic() + 5 * USEC_PER_SECOND;

    (void)state;
    assert_int_equal(call(caller, "echo", "hello", 5000, NULL), 0);
    write_peers("echo other");
    bus_server_reload_keys(&svc);
    while (call(caller, "echo", "hello", 50, NULL) == 0)
        assert_true(clock_monotonic() < give_up);
    assert_int_equal(call(other, "echo", "hello", 5000, NULL), 0);
    write_peers("echo friend other");
    bus_server_reload_keys(&svc);
    bus_caller_free(&caller);
    bus_caller_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_methods_are_for_their_principals),
        cmocka_unit_test(test_who_is_an_officer),
        cmocka_unit_test(test_stranger_gets_nothing),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_restart_of_the_server),
        cmocka_unit_test(test_names_are_resolved),
        cmocka_unit_test(test_revoked_key),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
