/* Rows on their way from PostgreSQL: typed readers of the binary wire form. They copy nothing and
 * cannot fail; a reader of the wrong type ends the process, because preparing has compared every
 * column with its statement already. */
#include <endian.h>
#include <stdlib.h>

#include "common/db_internal.h"

#define PG_EPOCH_DAYS 10957

size_t db_count(const struct db_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

int64_t db_affected(const struct db_rows *rows)
{
    return strtoll(PQcmdTuples(rows->result), NULL, 10);
}

static enum db_type type_at(const struct db_rows *rows, size_t row, size_t column)
{
    if (column >= rows->statement->column_count || row >= db_count(rows))
        db_misuse(rows->statement->name, "no such row or column", column);
    return rows->statement->columns[column];
}

bool db_is_null(const struct db_rows *rows, size_t row, size_t column)
{
    type_at(rows, row, column);
    return PQgetisnull(rows->result, (int)row, (int)column);
}

static struct bytes value_at(const struct db_rows *rows, size_t row, size_t column)
{
    if (PQgetisnull(rows->result, (int)row, (int)column))
        return (struct bytes){NULL, 0};
    return bytes_of(PQgetvalue(rows->result, (int)row, (int)column),
                    (size_t)PQgetlength(rows->result, (int)row, (int)column));
}

/* A big-endian number of 1, 2, 4 or 8 bytes; 0 for NULL. */
static int64_t number_of(struct bytes wire)
{
    uint64_t value = 0;

    for (size_t i = 0; i < wire.n; i++)
        value = value << 8 | wire.p[i];
    if (wire.n == 2)
        return (int16_t)value;
    if (wire.n == 4)
        return (int32_t)value;
    return (int64_t)value;
}

static int64_t number_at(const struct db_rows *rows, size_t row, size_t column)
{
    return number_of(value_at(rows, row, column));
}

static void expect(bool right, const struct db_rows *rows, size_t column)
{
    if (!right)
        db_misuse(rows->statement->name, "wrong reader for column", column);
}

bool db_get_bool(const struct db_rows *rows, size_t row, size_t column)
{
    expect(type_at(rows, row, column) == DB_BOOL, rows, column);
    return number_at(rows, row, column) != 0;
}

int64_t db_get_int(const struct db_rows *rows, size_t row, size_t column)
{
    enum db_type type = type_at(rows, row, column);

    expect(type == DB_INT2 || type == DB_INT4 || type == DB_INT8, rows, column);
    return number_at(rows, row, column);
}

const char *db_get_text(const struct db_rows *rows, size_t row, size_t column)
{
    enum db_type type = type_at(rows, row, column);
    struct bytes value = value_at(rows, row, column);

    expect(type == DB_TEXT || type == DB_JSONB, rows, column);
    if (!value.p)
        return "";
    return (const char *)value.p + (type == DB_JSONB); /* behind jsonb's version byte */
}

const char *db_get_text_or_null(const struct db_rows *rows, size_t row, size_t column)
{
    return db_is_null(rows, row, column) ? NULL : db_get_text(rows, row, column);
}

struct bytes db_get_bytes(const struct db_rows *rows, size_t row, size_t column)
{
    enum db_type type = type_at(rows, row, column);

    expect(type == DB_BYTEA || type == DB_TEXT || type == DB_UUID, rows, column);
    return value_at(rows, row, column);
}

const uint8_t *db_get_uuid(const struct db_rows *rows, size_t row, size_t column)
{
    static const uint8_t zero[16];
    struct bytes value;

    expect(type_at(rows, row, column) == DB_UUID, rows, column);
    value = value_at(rows, row, column);
    return value.n == 16 ? value.p : zero;
}

usec db_get_time(const struct db_rows *rows, size_t row, size_t column)
{
    expect(type_at(rows, row, column) == DB_TIMESTAMPTZ, rows, column);
    if (PQgetisnull(rows->result, (int)row, (int)column))
        return 0;
    return number_at(rows, row, column) + (usec)PG_EPOCH_DAYS * USEC_PER_DAY;
}

civil_day db_get_date(const struct db_rows *rows, size_t row, size_t column)
{
    expect(type_at(rows, row, column) == DB_DATE, rows, column);
    if (PQgetisnull(rows->result, (int)row, (int)column))
        return 0;
    return (civil_day)number_at(rows, row, column) + PG_EPOCH_DAYS;
}

/* --- arrays --------------------------------------------------------------------------------------
 */

/* array_send: dimensions, has nulls, element type, length and lower bound, then each element's
 * length
 * (-1: NULL) and bytes. Checked all the same: a short one reads as empty. */
static const struct bytes *elements_at(const struct db_rows *rows, size_t row, size_t column,
                                       enum db_type declared, size_t *ret_count)
{
    struct bytes wire, *elements;
    size_t count, n = 0;

    expect(type_at(rows, row, column) == declared, rows, column);
    wire = value_at(rows, row, column);
    *ret_count = 0;
    if (wire.n < 20 || number_of(bytes_of(wire.p, 4)) != 1)
        return NULL;
    count = (size_t)number_of(bytes_of(wire.p + 12, 4));
    elements = ARENA_ARRAY(rows->arena, struct bytes, count);
    for (const uint8_t *at = wire.p + 20, *end = wire.p + wire.n; n < count && end - at >= 4; n++) {
        int64_t length = number_of(bytes_of(at, 4));

        at += 4;
        if (length >= 0 && length <= end - at) {
            elements[n] = bytes_of(at, (size_t)length);
            at += length;
        }
    }
    *ret_count = n;
    return elements;
}

const int16_t *db_get_int2s(const struct db_rows *rows, size_t row, size_t column,
                            size_t *ret_count)
{
    const struct bytes *elements = elements_at(rows, row, column, DB_INT2_ARRAY, ret_count);
    int16_t *values = ARENA_ARRAY(rows->arena, int16_t, *ret_count);

    for (size_t i = 0; i < *ret_count; i++)
        values[i] = (int16_t)number_of(elements[i]);
    return values;
}

const int64_t *db_get_int8s(const struct db_rows *rows, size_t row, size_t column,
                            size_t *ret_count)
{
    const struct bytes *elements = elements_at(rows, row, column, DB_INT8_ARRAY, ret_count);
    int64_t *values = ARENA_ARRAY(rows->arena, int64_t, *ret_count);

    for (size_t i = 0; i < *ret_count; i++)
        values[i] = number_of(elements[i]);
    return values;
}

const char *const *db_get_texts(const struct db_rows *rows, size_t row, size_t column,
                                size_t *ret_count)
{
    const struct bytes *elements = elements_at(rows, row, column, DB_TEXT_ARRAY, ret_count);
    const char **texts = ARENA_ARRAY(rows->arena, const char *, *ret_count);

    for (size_t i = 0; i < *ret_count; i++)
        if (elements[i].p)
            texts[i] = arena_strndup(rows->arena, (const char *)elements[i].p, elements[i].n);
    return texts;
}

const struct bytes *db_get_byteas(const struct db_rows *rows, size_t row, size_t column,
                                  size_t *ret_count)
{
    return elements_at(rows, row, column, DB_BYTEA_ARRAY, ret_count);
}
