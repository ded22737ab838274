/* What a commit hands to the feed: byte for byte what the log would have said, only what was
 * committed, and never without bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DB_STATEMENTS_ELSEWHERE
#include "common/outbox.h"
#include "gen/common/frame.inc"
#include "proto/bus.pb-c.h"
#include "tests/unit/common/frame.h"
#include "tests/unit/common/pg.h"

#define DATABASE "test_outbox_fresh"

static const char *const readers[] = {"reader", NULL};
static const struct service service = {.name = "test", .feed_readers = readers};
static const struct service alone = {.name = "test"};
static const ProtobufCMessageDescriptor *const out[MAX_OUT] = {&trien__operator_acted__descriptor};
static struct svc svc = {.service = &service, .fresh.lock = PTHREAD_MUTEX_INITIALIZER};
static struct tx *tx;

static enum rc open_it(struct svc *of, const char *application, struct err *err, struct db **ret_db)
{
    struct db_conf conf = pg_conf(DATABASE);
    struct db *db = NULL;
    size_t count = 0;

    (void)of;
    while (frame_statements[count].name)
        count++;
    TRY(db_open(&conf, application, err, &db));
    TRY(db_prepare(db, frame_statements, count, err));
    *ret_db = db;
    return RC_OK;
}

static const struct tx_ops operations = {
    .connect = open_it,
    .close = db_close,
    .alive = db_alive,
    .begin = db_begin,
    .flush = outbox_flush,
    .commit = db_commit,
    .rollback = db_rollback,
    .events_added = outbox_events_added,
};

static int up(void **state)
{
    (void)state;
    if (!pg_database(DATABASE) || pg_deploy(DATABASE, "frame", "postgres"))
        return -1;
    svc.tx_ops = &operations;
    tx = tx_new(&svc, NULL, "test", (size_t)1 << 24);
    return 0;
}

static int down(void **state)
{
    (void)state;
    tx_free(&tx);
    return 0;
}

static void say(const char *key, const char *subject, const char *traceparent)
{
    Trien__OperatorActed event = TRIEN__OPERATOR_ACTED__INIT;

    event.principal = event.act = (char *)"test";
    event.subject = (char *)(uintptr_t)subject;
    tx_enter(tx, traceparent, out);
    assert_int_equal(emit(tx, key, &event), RC_OK);
}

static void begin(void)
{
    tx_reset(tx);
    assert_int_equal(tx_begin(tx, clock_now(), "test", "", out), RC_OK);
}

static size_t count_of(const struct packed *events)
{
    size_t n = 0;

    for (; events; events = events->next)
        n++;
    return n;
}

/* Row of the log at the event's place, packed. */
static struct packed from_log(const struct packed *event)
{
    int16_t partition = (int16_t)event->partition;
    struct db_rows *rows;

    assert_int_equal(DB_RUN(tx, outbox_read, &rows, db_int2s(&partition, 1),
                            db_int8s(&event->offset, 1), db_int4(1), db_int8(1 << 20)),
                     RC_OK);
    assert_int_equal(db_count(rows), 1);
    return outbox_pack_row(tx->arena, rows, 0);
}

static void check_and_free(struct packed *events, size_t count)
{
    int64_t last[BUS_PARTITIONS] = {0};

    assert_int_equal(count_of(events), count);
    for (const struct packed *event = events; event; event = event->next) {
        struct packed row = from_log(event);
        struct db_log log = db_log(tx->db);

        assert_int_equal(row.partition, event->partition);
        assert_int_equal(row.offset, event->offset);
        assert_memory_equal(row.id, event->id, 16);
        assert_int_equal(row.bytes.n, event->bytes.n);
        assert_memory_equal(row.bytes.p, event->bytes.p, row.bytes.n);
        assert_true(!last[event->partition] || event->offset == last[event->partition] + 1);
        last[event->partition] = event->offset;
        assert_int_equal(event->log.server_started, log.server_started);
        assert_int_equal(event->log.database, log.database);
    }
    packed_free_all(events);
}

static void is_what_the_log_says(void **state)
{
    bool lost = true;
    char key[16];

    (void)state;
    begin();
    say("one", "alone", "");
    assert_int_equal(tx_commit(tx), RC_OK);
    begin();
    say("one", "first", "00-trace");
    say("one", "", "");
    say("one", "third", "00-other");
    assert_int_equal(tx_commit(tx), RC_OK);
    begin();
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        say(key, key, "");
    }
    assert_int_equal(tx_commit(tx), RC_OK);
    begin();
    check_and_free(fresh_take(&svc.fresh, &lost), 204);
    assert_false(lost);
    assert_null(fresh_take(&svc.fresh, &lost));
}

static void what_was_rolled_back_is_nowhere(void **state)
{
    bool lost;

    (void)state;
    begin();
    say("one", "never", "");
    tx_rollback(tx);
    assert_null(fresh_take(&svc.fresh, &lost));
    assert_false(lost);
}

static void commit_large(void)
{
    static char large[40001];

    memset(large, 'x', sizeof(large) - 1);
    begin();
    say("large", large, "");
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void too_much_is_dropped_as_a_whole(void **state)
{
    struct packed *events;
    bool lost = false;

    (void)state;
    for (int i = 0; i < 40; i++)
        commit_large();
    events = fresh_take(&svc.fresh, &lost);
    assert_null(events);
    assert_true(lost);
    commit_large();
    events = fresh_take(&svc.fresh, &lost);
    assert_false(lost);
    begin();
    check_and_free(events, 1);
}

static void nothing_is_kept_that_nobody_reads(void **state)
{
    bool lost;

    (void)state;
    svc.service = &alone;
    commit_large();
    svc.service = &service;
    assert_null(fresh_take(&svc.fresh, &lost));
    assert_false(lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_the_log_says),
        cmocka_unit_test(what_was_rolled_back_is_nowhere),
        cmocka_unit_test(too_much_is_dropped_as_a_whole),
        cmocka_unit_test(nothing_is_kept_that_nobody_reads),
    };

    return cmocka_run_group_tests(tests, up, down);
}
