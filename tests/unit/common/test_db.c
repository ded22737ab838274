/* The database wrapper against a real PostgreSQL: every type there and back, pipelining, failures
 * of queued statements, lost connections, schema comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/db.h"

#define DATABASE "test_db"

/* clang-format off */
static const struct db_statement statements[] = {
    {"types", "SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::text, $6::bytea, $7::uuid, $8::date,"
              " $9::timestamptz, $10::jsonb", 10, 10,
     {DB_BOOL, DB_INT2, DB_INT4, DB_INT8, DB_TEXT, DB_BYTEA, DB_UUID, DB_DATE, DB_TIMESTAMPTZ, DB_JSONB},
     {DB_BOOL, DB_INT2, DB_INT4, DB_INT8, DB_TEXT, DB_BYTEA, DB_UUID, DB_DATE, DB_TIMESTAMPTZ, DB_JSONB}},
    {"arrays", "SELECT a::text, b::text, c::text, d, e, f, g FROM unnest($1::int2[], $2::int4[], $3::int8[],"
               " $4::text[], $5::bytea[], $6::uuid[], $7::timestamptz[]) AS t(a, b, c, d, e, f, g)", 7, 7,
     {DB_INT2_ARRAY, DB_INT4_ARRAY, DB_INT8_ARRAY, DB_TEXT_ARRAY, DB_BYTEA_ARRAY, DB_UUID_ARRAY,
      DB_TIMESTAMPTZ_ARRAY},
     {DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_BYTEA, DB_UUID, DB_TIMESTAMPTZ}},
    {"insert", "INSERT INTO t (id, note) VALUES ($1, $2)", 2, 0, {DB_INT8, DB_TEXT}, {}},
    {"count", "SELECT count(*) FROM t", 0, 1, {}, {DB_INT8}},
    {"raise", "SELECT raise_lost()", 0, 1, {}, {DB_INT4}},
    {"kill_me", "SELECT pg_terminate_backend(pg_backend_pid())", 0, 1, {}, {DB_BOOL}},
    {"delete", "DELETE FROM t WHERE id >= $1", 1, 0, {DB_INT8}, {}},
    {"back", "SELECT $1::int2[], $2::int8[], $3::text[], $4::bytea[]", 4, 4,
     {DB_INT2_ARRAY, DB_INT8_ARRAY, DB_TEXT_ARRAY, DB_BYTEA_ARRAY},
     {DB_INT2_ARRAY, DB_INT8_ARRAY, DB_TEXT_ARRAY, DB_BYTEA_ARRAY}},
    {"empty", "SELECT cardinality($1::int8[])", 1, 1, {DB_INT8_ARRAY}, {DB_INT4}},
    {"late", "INSERT INTO late (id) VALUES ($1)", 1, 0, {DB_INT8}, {}},
    {"mark", "SAVEPOINT mark", 0, 0, {}, {}},
    {"unmark", "ROLLBACK TO SAVEPOINT mark", 0, 0, {}, {}},
};
/* clang-format on */
enum { TYPES, ARRAYS, INSERT, COUNT, RAISE, KILL_ME, DELETE, BACK, EMPTY, LATE, MARK, UNMARK };

#include "tests/unit/common/database.h"

static int up(void **state)
{
    (void)state;
    return database_up("CREATE TABLE t (id bigint PRIMARY KEY, note text);"
                       "CREATE TABLE late (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED);"
                       "CREATE FUNCTION raise_lost() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE "
                       "EXCEPTION ''lost'' USING ERRCODE = ''T1010''; END'");
}

static int64_t count(void)
{
    struct db_rows *rows;

    begin();
    assert_int_equal(db_run(tx, &statements[COUNT], &rows, 0, NULL), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    return db_get_int(rows, 0, 0);
}

#define RUN(which, rows, ...)                                                                      \
    db_run(tx, &statements[which], rows,                                                           \
           sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value),                     \
           (struct db_value[]){__VA_ARGS__})
#define PUSH(which, ...)                                                                           \
    db_push(tx, &statements[which],                                                                \
            sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value),                    \
            (struct db_value[]){__VA_ARGS__})

static void every_type_there_and_back(void **state)
{
    const uint8_t id[16] = {1, 2, 3, 0xff, [15] = 9};
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(
        RUN(TYPES, &rows, db_bool(true), db_int2(-2), db_int4(INT32_MIN), db_int8(INT64_MAX),
            db_text("Nguyễn Văn An"), db_bytea(bytes_of("a\0b", 3)), db_uuid(id),
            db_date(clock_day_of(1969, 12, 31)), db_time(-1), db_jsonb("{\"a\": [1, \"ộ\"]}")),
        RC_OK);
    assert_int_equal(db_count(rows), 1);
    assert_true(db_get_bool(rows, 0, 0));
    assert_int_equal(db_get_int(rows, 0, 1), -2);
    assert_int_equal(db_get_int(rows, 0, 2), INT32_MIN);
    assert_int_equal(db_get_int(rows, 0, 3), INT64_MAX);
    assert_string_equal(db_get_text(rows, 0, 4), "Nguyễn Văn An");
    assert_true(bytes_equal(db_get_bytes(rows, 0, 5), bytes_of("a\0b", 3)));
    assert_memory_equal(db_get_uuid(rows, 0, 6), id, 16);
    assert_int_equal(db_get_date(rows, 0, 7), clock_day_of(1969, 12, 31));
    assert_int_equal(db_get_time(rows, 0, 8), -1);
    assert_string_equal(db_get_text(rows, 0, 9), "{\"a\": [1, \"ộ\"]}");
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void nulls_of_every_type(void **state)
{
    const enum db_type *types = statements[TYPES].params;
    struct db_value values[10];
    struct db_rows *rows;

    (void)state;
    begin();
    for (size_t i = 0; i < 10; i++)
        values[i] = db_null(types[i]);
    assert_int_equal(db_run(tx, &statements[TYPES], &rows, 10, values), RC_OK);
    for (size_t i = 0; i < 10; i++)
        assert_true(db_is_null(rows, 0, i));
    assert_false(db_get_bool(rows, 0, 0));
    assert_int_equal(db_get_int(rows, 0, 3), 0);
    assert_string_equal(db_get_text(rows, 0, 4), "");
    assert_null(db_get_bytes(rows, 0, 5).p);
    assert_int_equal(db_get_time(rows, 0, 8), 0);
    assert_string_equal(db_get_text(rows, 0, 9), "");
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void arrays_with_null_elements(void **state)
{
    const int16_t a[] = {1, -2};
    const int32_t b[] = {3, -4};
    const int64_t c[] = {5, INT64_MIN};
    const char *const d[] = {"x", NULL};
    const struct bytes e[] = {{NULL, 0}, bytes_of("", 0)};
    const uint8_t f[2][16] = {{7}, {8}};
    const usec g[] = {0, clock_day_start(20000)};
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(RUN(ARRAYS, &rows, db_int2s(a, 2), db_int4s(b, 2), db_int8s(c, 2),
                         db_texts(d, 2), db_byteas(e, 2), db_uuids(f, 2), db_times(g, 2)),
                     RC_OK);
    assert_int_equal(db_count(rows), 2);
    assert_string_equal(db_get_text(rows, 1, 0), "-2");
    assert_string_equal(db_get_text(rows, 1, 1), "-4");
    assert_string_equal(db_get_text(rows, 1, 2), "-9223372036854775808");
    assert_string_equal(db_get_text(rows, 0, 3), "x");
    assert_true(db_is_null(rows, 1, 3));
    assert_true(db_is_null(rows, 0, 4));
    assert_false(db_is_null(rows, 1, 4));
    assert_int_equal(db_get_uuid(rows, 1, 5)[0], 8);
    assert_int_equal(db_get_time(rows, 1, 6), g[1]);
    assert_int_equal(RUN(EMPTY, &rows, db_int8s(NULL, 0)), RC_OK);
    assert_int_equal(db_get_int(rows, 0, 0), 0);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void arrays_there_and_back(void **state)
{
    const int16_t a[] = {63, -1};
    const int64_t b[] = {INT64_MIN};
    const char *const c[] = {"x", NULL, ""};
    const struct bytes d[] = {bytes_of("\0\1", 2)};
    struct db_rows *rows;
    size_t n;

    (void)state;
    begin();
    assert_int_equal(
        RUN(BACK, &rows, db_int2s(a, 2), db_int8s(b, 1), db_texts(c, 3), db_byteas(d, 1)), RC_OK);
    assert_int_equal(db_get_int2s(rows, 0, 0, &n)[1], -1);
    assert_int_equal(n, 2);
    assert_int_equal(db_get_int8s(rows, 0, 1, &n)[0], INT64_MIN);
    assert_null(db_get_texts(rows, 0, 2, &n)[1]);
    assert_int_equal(n, 3);
    assert_true(bytes_equal(db_get_byteas(rows, 0, 3, &n)[0], d[0]));
    assert_int_equal(
        RUN(BACK, &rows, db_int2s(a, 0), db_null(DB_INT8_ARRAY), db_texts(c, 0), db_byteas(d, 0)),
        RC_OK);
    db_get_int2s(rows, 0, 0, &n);
    assert_int_equal(n, 0);
    db_get_int8s(rows, 0, 1, &n);
    assert_int_equal(n, 0);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void queued_statements_are_there_after_the_commit(void **state)
{
    struct db_rows *rows;

    (void)state;
    begin();
    for (int64_t i = 0; i < 3000; i++) /* more than the queue of answers holds */
        assert_int_equal(PUSH(INSERT, db_int8(i), db_text("queued")), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_int_equal(count(), 3000);
    begin();
    assert_int_equal(RUN(DELETE, &rows, db_int8(0)), RC_OK);
    assert_int_equal(db_affected(rows), 3000);
    tx_rollback(tx);
    assert_int_equal(count(), 3000);
    begin();
    assert_int_equal(PUSH(DELETE, db_int8(0)), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_int_equal(count(), 0);
}

static void a_queued_failure_names_its_statement_and_undoes_all(void **state)
{
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("a")), RC_OK);
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("again")), RC_OK);
    assert_int_equal(db_run(tx, &statements[COUNT], &rows, 0, NULL), RC_FATAL);
    assert_non_null(strstr(tx->err.detail, "statement insert"));
    assert_string_equal(tx->err.native, "sqlstate 23505");
    /* Whoever goes on all the same gets the same answer, up to the commit. */
    assert_int_equal(PUSH(INSERT, db_int8(2), db_text("b")), RC_FATAL);
    assert_int_equal(tx_commit(tx), RC_FATAL);
    assert_int_equal(count(), 0);
}

static void a_failure_only_the_commit_sees(void **state)
{
    (void)state;
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("a")), RC_OK);
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("again")), RC_OK);
    assert_int_equal(tx_commit(tx), RC_FATAL);
    assert_int_equal(tx->err.code, TRIEN__ERROR__INTERNAL);
    assert_false(tx->frame->in_doubt);
    assert_int_equal(count(), 0);
}

/* The end of the transaction is the sync: what speaks only then speaks there. */
static void a_commit_that_is_refused(void **state)
{
    (void)state;
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("a")), RC_OK);
    assert_int_equal(PUSH(LATE, db_int8(1)), RC_OK);
    assert_int_equal(PUSH(LATE, db_int8(1)), RC_OK);
    assert_int_equal(tx_commit(tx), RC_FATAL);
    assert_string_equal(tx->err.native, "sqlstate 23505");
    assert_false(tx->frame->in_doubt);
    assert_true(db_alive(tx->frame->db));
    assert_int_equal(count(), 0);
}

static void what_was_queued_is_undone_with_the_rest(void **state)
{
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("never sent")), RC_OK);
    tx_rollback(tx);
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("sent")), RC_OK);
    assert_int_equal(db_run(tx, &statements[COUNT], &rows, 0, NULL), RC_OK);
    assert_int_equal(db_get_int(rows, 0, 0), 1);
    assert_int_equal(PUSH(INSERT, db_int8(2), db_text("and not")), RC_OK);
    tx_rollback(tx);
    /* Whose failure nobody has seen. */
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("a")), RC_OK);
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("again")), RC_OK);
    tx_rollback(tx);
    assert_int_equal(count(), 0);
}

static void begin_block(void)
{
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text("before the block")), RC_OK);
    db_block(tx);
    assert_int_equal(PUSH(MARK), RC_OK);
    assert_int_equal(PUSH(INSERT, db_int8(2), db_text("b")), RC_OK);
}

static void a_block_has_savepoints_and_holds_what_came_before(void **state)
{
    (void)state;
    begin_block();
    assert_int_equal(PUSH(UNMARK), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_int_equal(count(), 1);
    begin();
    assert_int_equal(PUSH(DELETE, db_int8(0)), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    begin_block();
    tx_rollback(tx);
    assert_int_equal(count(), 0);
    begin_block();
    assert_int_equal(PUSH(INSERT, db_int8(2), db_text("again")), RC_OK);
    assert_int_equal(tx_commit(tx), RC_FATAL);
    assert_int_equal(count(), 0);
    begin_block();
    assert_int_equal(PUSH(INSERT, db_int8(2), db_text("again, seen by nobody")), RC_OK);
    tx_rollback(tx);
    assert_int_equal(count(), 0);
}

static void our_own_sqlstate_is_a_code_of_the_registry(void **state)
{
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(db_run(tx, &statements[RAISE], &rows, 0, NULL), RC_RETRY);
    assert_int_equal(tx->err.code, TRIEN__ERROR__LEASE_LOST);
    tx_rollback(tx);
    assert_int_equal(count(), 0);
}

static void a_lost_connection_is_noticed_and_replaced(void **state)
{
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(5), db_text("lost")), RC_OK);
    assert_int_equal(db_run(tx, &statements[KILL_ME], &rows, 0, NULL), RC_RETRY);
    assert_int_equal(tx->err.code, TRIEN__ERROR__DATABASE_UNAVAILABLE);
    assert_int_equal(tx_commit(tx), RC_RETRY);
    assert_int_equal(count(), 0);
}

static void an_idle_connection_that_was_ended_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(count(), 0);
    assert_int_equal(pg_sql("postgres",
                            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                            "WHERE application_name = 'test'"),
                     0);
    assert_int_equal(count(), 0);
}

static enum rc die_once(struct tx *of, void *arg)
{
    int *runs = arg;
    struct db_rows *rows;

    TRY(db_push(of, &statements[INSERT], 2, (struct db_value[]){db_int8(77), db_text("once")}));
    if (++*runs == 1)
        TRY(db_run(of, &statements[KILL_ME], &rows, 0, NULL));
    return RC_OK;
}

static void work_is_repeated_after_a_loss_before_the_commit(void **state)
{
    struct tx_start start = {.now = 1, .principal = "", .traceparent = ""};
    int runs = 0;

    (void)state;
    begin();
    tx_reset(tx);
    assert_int_equal(tx_work(tx, &start, die_once, &runs), RC_OK);
    assert_int_equal(runs, 2);
    assert_int_equal(count(), 1);
    begin();
    assert_int_equal(PUSH(DELETE, db_int8(0)), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void nothing_touched_costs_nothing(void **state)
{
    (void)state;
    begin();
    assert_int_equal(tx_commit(tx), RC_OK);
    begin();
    tx_rollback(tx);
}

static void outside_a_transaction_a_statement_commits_itself(void **state)
{
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_int_equal(RUN(INSERT, NULL, db_int8(9), db_text("alone")), RC_OK);
    assert_int_equal(RUN(INSERT, NULL, db_int8(9), db_text("twice")), RC_FATAL);
    assert_int_equal(db_run(tx, &statements[COUNT], &rows, 0, NULL), RC_OK);
    assert_int_equal(db_get_int(rows, 0, 0), 1);
    assert_int_equal(RUN(DELETE, NULL, db_int8(0)), RC_OK);
    assert_int_equal(count(), 0);
}

static void a_large_message_does_not_stay_in_memory(void **state)
{
    size_t n = (size_t)9 * 1024 * 1024;
    char *text;

    (void)state;
    if (!have_database)
        skip();
    text = test_malloc(n + 1);
    memset(text, 'x', n);
    text[n] = 0;
    begin();
    assert_int_equal(PUSH(INSERT, db_int8(1), db_text(text)), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_int_equal(db_socket(tx->frame->db), -1); /* closed; the next begin opens another */
    test_free(text);
    assert_int_equal(count(), 1);
    begin();
    assert_int_equal(PUSH(DELETE, db_int8(0)), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void another_shape_is_refused_by_name(void **state)
{
    static const struct db_statement wrong[] = {
        {"wrong_column", "SELECT id FROM t", 0, 1, {}, {DB_TEXT}},
        {"wrong_count", "SELECT id, note FROM t", 0, 1, {}, {DB_INT8}},
        {"no_table", "SELECT 1::int4 FROM nowhere", 0, 1, {}, {DB_INT4}},
        {"bad_grammar", "SELEC 1", 0, 1, {}, {DB_INT4}},
    };
    struct err err = {0};

    (void)state;
    begin();
    assert_int_equal(tx_commit(tx), RC_OK);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        err_clear(&err);
        assert_int_equal(db_prepare(tx->db, &wrong[i], 1, &err), RC_FATAL);
        assert_int_equal(err.code, TRIEN__ERROR__SCHEMA_MISMATCH);
        assert_non_null(strstr(err.detail, wrong[i].name));
    }
    assert_int_equal(count(), 0); /* the connection is as good as before */
}

static void a_missing_server_is_a_waiting_state(void **state)
{
    struct db_conf conf = {.host = "/nonexistent", .port = 5432, .name = "x", .user = "x"};
    struct err err = {0};
    struct db *db = NULL;

    (void)state;
    assert_int_equal(db_open(&conf, "test", &err, &db), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__DATABASE_UNAVAILABLE);
    assert_null(db);
}

static void a_role_whose_commits_do_not_wait_is_refused(void **state)
{
    struct db_conf conf = pg_conf(DATABASE);
    struct err err = {0};
    struct db *db = NULL;

    (void)state;
    if (!have_database)
        skip();
    conf.user = "careless";
    assert_int_equal(pg_sql("postgres", "DO 'BEGIN CREATE ROLE careless LOGIN; EXCEPTION WHEN "
                                        "duplicate_object THEN NULL; END'"),
                     0);
    assert_int_equal(pg_sql("postgres", "ALTER ROLE careless SET synchronous_commit = off"), 0);
    assert_int_equal(db_open(&conf, "test", &err, &db), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
}

/* The database's clock, put forward by so many minutes for its sessions. */
static void set_clock_forward(int minutes)
{
    char sql[400];

    snprintf(
        sql, sizeof(sql),
        "CREATE SCHEMA IF NOT EXISTS late; CREATE OR REPLACE FUNCTION late.clock_timestamp() "
        "RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now() + ''%d min''::interval'; "
        "GRANT USAGE ON SCHEMA late TO PUBLIC; "
        "ALTER DATABASE " DATABASE " SET search_path = late, pg_catalog, public",
        minutes);
    assert_int_equal(pg_sql(DATABASE, sql), 0);
}

/* Whose clock is wrong is for people to find out; until then nothing is written. */
static void a_clock_that_is_off_opens_nothing(void **state)
{
    static const struct {
        int minutes;
        const char *said; /* NULL: it opens */
    } cases[] = {{9, NULL}, {-9, NULL}, {11, "behind"}, {-11, "ahead of"}};
    struct db_conf conf = pg_conf(DATABASE);

    (void)state;
    if (!have_database)
        skip();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = {0};
        struct db *db = NULL;

        set_clock_forward(cases[i].minutes);
        if (cases[i].said) {
            assert_int_equal(db_open(&conf, "test", &err, &db), RC_RETRY);
            assert_int_equal(err.code, TRIEN__ERROR__DATABASE_UNAVAILABLE);
            assert_non_null(strstr(err.detail, cases[i].said));
        } else {
            assert_int_equal(db_open(&conf, "test", &err, &db), RC_OK);
            db_close(&db);
        }
    }
    assert_int_equal(pg_sql(DATABASE, "ALTER DATABASE " DATABASE " RESET search_path"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_there_and_back),
        cmocka_unit_test(nulls_of_every_type),
        cmocka_unit_test(arrays_with_null_elements),
        cmocka_unit_test(arrays_there_and_back),
        cmocka_unit_test(queued_statements_are_there_after_the_commit),
        cmocka_unit_test(a_queued_failure_names_its_statement_and_undoes_all),
        cmocka_unit_test(a_failure_only_the_commit_sees),
        cmocka_unit_test(a_commit_that_is_refused),
        cmocka_unit_test(what_was_queued_is_undone_with_the_rest),
        cmocka_unit_test(a_block_has_savepoints_and_holds_what_came_before),
        cmocka_unit_test(our_own_sqlstate_is_a_code_of_the_registry),
        cmocka_unit_test(a_lost_connection_is_noticed_and_replaced),
        cmocka_unit_test(an_idle_connection_that_was_ended_is_replaced),
        cmocka_unit_test(work_is_repeated_after_a_loss_before_the_commit),
        cmocka_unit_test(nothing_touched_costs_nothing),
        cmocka_unit_test(outside_a_transaction_a_statement_commits_itself),
        cmocka_unit_test(a_large_message_does_not_stay_in_memory),
        cmocka_unit_test(another_shape_is_refused_by_name),
        cmocka_unit_test(a_missing_server_is_a_waiting_state),
        cmocka_unit_test(a_role_whose_commits_do_not_wait_is_refused),
        cmocka_unit_test(a_clock_that_is_off_opens_nothing),
    };

    return cmocka_run_group_tests(tests, up, down);
}
