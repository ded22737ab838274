/* Rows gathered from many messages against a real PostgreSQL: how many statements they become, and
 * that nobody can see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/db.h"

#define DATABASE "test_db_gather"

/* clang-format off */
static const struct db_statement statements[] = {
    {"put", "INSERT INTO t (id, note, at) SELECT r.id, r.note || $3, r.at"
            " FROM unnest($1, $2, $4) AS r(id, note, at)"
            " ON CONFLICT (id) DO UPDATE SET note = excluded.note", 4, 0,
     {DB_INT8_ARRAY, DB_TEXT_ARRAY, DB_TEXT, DB_DATE_ARRAY}, {}},
    {"drop", "DELETE FROM t USING unnest($1) AS r(id) WHERE t.id = r.id", 1, 0, {DB_INT8_ARRAY}, {}},
    {"find", "SELECT note FROM t WHERE id = $1", 1, 1, {DB_INT8}, {DB_TEXT}},
    {"count", "SELECT (SELECT count(*) FROM t), (SELECT last_value - 1 FROM statement_number)", 0, 2,
     {}, {DB_INT8, DB_INT8}},
};
/* clang-format on */
enum { PUT, DROP, FIND, COUNT };

#include "tests/unit/common/database.h"

static int up(void **state)
{
    (void)state;
    return database_up(
        "CREATE TABLE t (id bigint PRIMARY KEY, note text, at date);"
        "CREATE SEQUENCE statement_number;"
        "CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM nextval(''statement_number''); RETURN NULL; END';"
        "CREATE TRIGGER s AFTER INSERT OR DELETE ON t EXECUTE FUNCTION note_statement();");
}

/* An empty table, and statements counted from 0 (1 behind: a fresh sequence says 1 for none). */
static int fresh(void **state)
{
    (void)state;
    return have_database ? pg_sql(DATABASE, "TRUNCATE t; SELECT setval('statement_number', 1)") != 0
                         : 0;
}

static enum rc put(int64_t id, const char *note, const char *tail)
{
    return db_row(tx, &statements[PUT], 1, 4,
                  (struct db_value[]){db_int8(id), db_text(note), db_text(tail), db_null(DB_DATE)});
}

static enum rc drop(int64_t id)
{
    return db_row(tx, &statements[DROP], 1, 1, (struct db_value[]){db_int8(id)});
}

static void assert_counts(int64_t rows_there, int64_t statements_seen)
{
    struct db_rows *rows;

    begin();
    assert_int_equal(db_run(tx, &statements[COUNT], &rows, 0, NULL), RC_OK);
    assert_int_equal(db_get_int(rows, 0, 0), rows_there);
    assert_int_equal(db_get_int(rows, 0, 1), statements_seen);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void assert_note(int64_t id, const char *note)
{
    struct db_rows *rows;

    begin();
    assert_int_equal(db_run(tx, &statements[FIND], &rows, 1, (struct db_value[]){db_int8(id)}),
                     RC_OK);
    assert_int_equal(db_count(rows), note != NULL);
    if (note)
        assert_string_equal(db_get_text(rows, 0, 0), note);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void many_rows_are_one_statement(void **state)
{
    char note[16];

    (void)state;
    begin();
    for (int64_t id = 1; id <= 100; id++) {
        snprintf(note, sizeof(note), "n%lld",
                 (long long)id); /* copied: the next one overwrites it */
        assert_int_equal(put(id, id == 7 ? NULL : note, "."), RC_OK);
    }
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_counts(100, 1);
    assert_note(42, "n42.");
    assert_note(7, "");
}

static void two_rows_of_one_key_go_one_after_the_other(void **state)
{
    (void)state;
    begin();
    assert_int_equal(put(1, "first", ""), RC_OK);
    assert_int_equal(put(2, "other", ""), RC_OK);
    assert_int_equal(put(1, "second", ""), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_counts(2, 2);
    assert_note(1, "second");
}

static void rows_of_one_key_keep_their_order_between_statements(void **state)
{
    (void)state;
    begin();
    assert_int_equal(drop(1), RC_OK);
    assert_int_equal(put(2, "two", ""), RC_OK); /* another key: may go before */
    assert_int_equal(put(1, "there", ""), RC_OK);
    assert_int_equal(drop(2), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_note(1, "there");
    assert_note(2, NULL);
}

static void rows_with_another_common_value_are_another_statement(void **state)
{
    (void)state;
    begin();
    assert_int_equal(put(1, "a", "!"), RC_OK);
    assert_int_equal(put(2, "b", "?"), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_counts(2, 2);
    assert_note(1, "a!");
    assert_note(2, "b?");
}

static void who_looks_by_a_key_sees_its_rows(void **state)
{
    struct db_rows *rows;

    (void)state;
    begin();
    assert_int_equal(put(1, "one", ""), RC_OK);
    assert_int_equal(db_peek(tx, &statements[FIND], &rows, 1, (struct db_value[]){db_int8(2)}),
                     RC_OK);
    assert_non_null(tx->frame->gathered);
    assert_int_equal(db_peek(tx, &statements[FIND], &rows, 1, (struct db_value[]){db_int8(1)}),
                     RC_OK);
    assert_null(tx->frame->gathered);
    assert_int_equal(db_count(rows), 1);
    assert_int_equal(put(3, "three", ""), RC_OK);
    assert_int_equal(db_run(tx, &statements[FIND], &rows, 1, (struct db_value[]){db_int8(3)}),
                     RC_OK);
    assert_int_equal(db_count(rows), 1);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void a_rollback_forgets_rows(void **state)
{
    (void)state;
    begin();
    assert_int_equal(put(1, "gone", ""), RC_OK);
    tx_rollback(tx);
    begin();
    assert_int_equal(put(2, "stays", ""), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    assert_counts(1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(many_rows_are_one_statement, fresh),
        cmocka_unit_test_setup(two_rows_of_one_key_go_one_after_the_other, fresh),
        cmocka_unit_test_setup(rows_of_one_key_keep_their_order_between_statements, fresh),
        cmocka_unit_test_setup(rows_with_another_common_value_are_another_statement, fresh),
        cmocka_unit_test_setup(who_looks_by_a_key_sees_its_rows, fresh),
        cmocka_unit_test_setup(a_rollback_forgets_rows, fresh),
    };
    return cmocka_run_group_tests(tests, up, down);
}
