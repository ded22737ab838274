/* Values on their way to PostgreSQL: constructors, and the binary wire form of each type (backend
 * send/receive functions). Nothing is copied but numbers, arrays and JSON. */
#include <endian.h>

#include "common/db_internal.h"

/* Seconds, days between 1970-01-01 and PostgreSQL's 2000-01-01. */
#define PG_EPOCH_DAYS 10957
#define PG_EPOCH_USEC ((usec)PG_EPOCH_DAYS * USEC_PER_DAY)

const struct db_type_row *db_type_row(enum db_type type)
{
    static const struct db_type_row rows[] = {
        [DB_BOOL] = {"bool", 16, DB_BOOL, false},
        [DB_INT2] = {"int2", 21, DB_INT2, false},
        [DB_INT4] = {"int4", 23, DB_INT4, false},
        [DB_INT8] = {"int8", 20, DB_INT8, false},
        [DB_TEXT] = {"text", 25, DB_TEXT, false},
        [DB_BYTEA] = {"bytea", 17, DB_BYTEA, false},
        [DB_UUID] = {"uuid", 2950, DB_UUID, false},
        [DB_DATE] = {"date", 1082, DB_DATE, false},
        [DB_TIMESTAMPTZ] = {"timestamptz", 1184, DB_TIMESTAMPTZ, false},
        [DB_JSONB] = {"jsonb", 3802, DB_JSONB, false},
        [DB_BOOL_ARRAY] = {"bool[]", 1000, DB_BOOL, true},
        [DB_INT2_ARRAY] = {"int2[]", 1005, DB_INT2, true},
        [DB_INT4_ARRAY] = {"int4[]", 1007, DB_INT4, true},
        [DB_INT8_ARRAY] = {"int8[]", 1016, DB_INT8, true},
        [DB_TEXT_ARRAY] = {"text[]", 1009, DB_TEXT, true},
        [DB_BYTEA_ARRAY] = {"bytea[]", 1001, DB_BYTEA, true},
        [DB_UUID_ARRAY] = {"uuid[]", 2951, DB_UUID, true},
        [DB_DATE_ARRAY] = {"date[]", 1182, DB_DATE, true},
        [DB_TIMESTAMPTZ_ARRAY] = {"timestamptz[]", 1185, DB_TIMESTAMPTZ, true},
    };

    return &rows[type];
}

/* --- constructors --------------------------------------------------------------------------------
 */

static struct db_value of_number(enum db_type type, int64_t number)
{
    return (struct db_value){.type = type, .number = number};
}

static struct db_value of_bytes(enum db_type type, const void *p, size_t n)
{
    return (struct db_value){.type = type, .is_null = !p, .bytes = bytes_of(p, n)};
}

static struct db_value of_array(enum db_type type, const void *array, size_t count)
{
    return (struct db_value){.type = type, .array = array, .count = count};
}

struct db_value db_bool(bool value)
{
    return of_number(DB_BOOL, value);
}

struct db_value db_int2(int16_t value)
{
    return of_number(DB_INT2, value);
}

struct db_value db_int4(int32_t value)
{
    return of_number(DB_INT4, value);
}

struct db_value db_int8(int64_t value)
{
    return of_number(DB_INT8, value);
}

struct db_value db_text(const char *value)
{
    return of_bytes(DB_TEXT, value, value ? strlen(value) : 0);
}

struct db_value db_bytea(struct bytes value)
{
    return of_bytes(DB_BYTEA, value.p, value.n);
}

struct db_value db_uuid(const uint8_t value[16])
{
    return of_bytes(DB_UUID, value, 16);
}

struct db_value db_date(civil_day value)
{
    return of_number(DB_DATE, value);
}

struct db_value db_time(usec value)
{
    return of_number(DB_TIMESTAMPTZ, value);
}

struct db_value db_jsonb(const char *value)
{
    return of_bytes(DB_JSONB, value, value ? strlen(value) : 0);
}

struct db_value db_null(enum db_type type)
{
    return (struct db_value){.type = type, .is_null = true};
}

struct db_value db_int2s(const int16_t *values, size_t count)
{
    return of_array(DB_INT2_ARRAY, values, count);
}

struct db_value db_int4s(const int32_t *values, size_t count)
{
    return of_array(DB_INT4_ARRAY, values, count);
}

struct db_value db_int8s(const int64_t *values, size_t count)
{
    return of_array(DB_INT8_ARRAY, values, count);
}

struct db_value db_texts(const char *const *values, size_t count)
{
    return of_array(DB_TEXT_ARRAY, values, count);
}

struct db_value db_byteas(const struct bytes *values, size_t count)
{
    return of_array(DB_BYTEA_ARRAY, values, count);
}

struct db_value db_uuids(const uint8_t (*values)[16], size_t count)
{
    return of_array(DB_UUID_ARRAY, values, count);
}

struct db_value db_times(const usec *values, size_t count)
{
    return of_array(DB_TIMESTAMPTZ_ARRAY, values, count);
}

/* --- the wire form -------------------------------------------------------------------------------
 */

/* The number in network order into to; its size. */
static size_t put_number(enum db_type type, int64_t number, void *to)
{
    switch (type) {
    case DB_BOOL:
        *(uint8_t *)to = number != 0;
        return 1;
    case DB_INT2: {
        uint16_t wire = htobe16((uint16_t)number);
        memcpy(to, &wire, sizeof(wire));
        return sizeof(wire);
    }
    case DB_DATE:
        number -= PG_EPOCH_DAYS;
        __attribute__((fallthrough));
    case DB_INT4: {
        uint32_t wire = htobe32((uint32_t)number);
        memcpy(to, &wire, sizeof(wire));
        return sizeof(wire);
    }
    case DB_TIMESTAMPTZ:
        number -= PG_EPOCH_USEC;
        __attribute__((fallthrough));
    default: {
        uint64_t wire = htobe64((uint64_t)number);
        memcpy(to, &wire, sizeof(wire));
        return sizeof(wire);
    }
    }
}

struct db_value db_element_at(const struct db_value *array, size_t i)
{
    if (array->stride)
        return ((const struct db_value *)array->array)[i * array->stride];
    switch (array->type) {
    case DB_INT2_ARRAY:
        return db_int2(((const int16_t *)array->array)[i]);
    case DB_INT4_ARRAY:
        return db_int4(((const int32_t *)array->array)[i]);
    case DB_INT8_ARRAY:
        return db_int8(((const int64_t *)array->array)[i]);
    case DB_TIMESTAMPTZ_ARRAY:
        return db_time(((const usec *)array->array)[i]);
    case DB_TEXT_ARRAY:
        return db_text(((const char *const *)array->array)[i]);
    case DB_UUID_ARRAY:
        return db_uuid(((const uint8_t(*)[16])array->array)[i]);
    default:
        return db_bytea(((const struct bytes *)array->array)[i]);
    }
}

static bool is_bytes(enum db_type type)
{
    return type == DB_TEXT || type == DB_BYTEA || type == DB_UUID || type == DB_JSONB;
}

static size_t put_u32(uint8_t *to, uint32_t value)
{
    return put_number(DB_INT4, value, to);
}

static size_t array_size(const struct db_value *array)
{
    size_t size = 20;

    for (size_t i = 0; i < array->count; i++)
        size += 4 + (is_bytes(db_element_at(array, i).type) ? db_element_at(array, i).bytes.n : 8);
    return size;
}

/* array_recv: dimensions, has nulls, element type, then length and lower bound, then elements. */
static struct bytes put_array(struct arena *arena, const struct db_value *array)
{
    uint8_t *start = arena_alloc(arena, array_size(array)), *to = start;

    to += put_u32(to, array->count ? 1 : 0);
    to += put_u32(to, 0);
    to += put_u32(to, db_type_row(db_type_row(array->type)->element)->oid);
    if (!array->count)
        return bytes_of(start, (size_t)(to - start));
    to += put_u32(to, (uint32_t)array->count);
    to += put_u32(to, 1);
    for (size_t i = 0; i < array->count; i++) {
        struct db_value element = db_element_at(array, i);

        if (element.is_null) {
            to += put_u32(to, UINT32_MAX);
            put_u32(start + 4, 1);
        } else if (is_bytes(element.type)) {
            to += put_u32(to, (uint32_t)element.bytes.n);
            if (element.bytes.n)
                memcpy(to, element.bytes.p, element.bytes.n);
            to += element.bytes.n;
        } else {
            size_t n = put_number(element.type, element.number, to + 4);
            to += put_u32(to, (uint32_t)n) + n;
        }
    }
    return bytes_of(start, (size_t)(to - start));
}

/* jsonb_recv wants a version byte before the text. */
static struct bytes put_jsonb(struct arena *arena, struct bytes json)
{
    uint8_t *to = arena_alloc(arena, json.n + 1);

    to[0] = 1;
    memcpy(to + 1, json.p, json.n);
    return bytes_of(to, json.n + 1);
}

static struct bytes put_value(struct arena *arena, const struct db_value *value, uint64_t *room)
{
    if (db_type_row(value->type)->is_array)
        return put_array(arena, value);
    if (value->type == DB_JSONB)
        return put_jsonb(arena, value->bytes);
    if (is_bytes(value->type))
        return value->bytes;
    return bytes_of(room, put_number(value->type, value->number, room));
}

void db_encode(struct arena *arena, const struct db_statement *statement,
               const struct db_value *values, struct db_params *ret_params)
{
    ret_params->bytes = 0;
    for (size_t i = 0; i < statement->param_count; i++) {
        struct bytes wire = {NULL, 0};

        if (values[i].type != statement->params[i])
            db_misuse(statement->name, "wrong type of parameter", i + 1);
        if (!values[i].is_null) {
            wire = put_value(arena, &values[i], &ret_params->room[i]);
            if (!wire.p)
                wire.p = (const uint8_t *)"";
        }
        if (wire.n > INT32_MAX)
            db_misuse(statement->name, "too large a parameter", i + 1);
        ret_params->values[i] = (const char *)wire.p;
        ret_params->lengths[i] = (int)wire.n;
        ret_params->formats[i] = 1;
        ret_params->bytes += wire.n;
    }
}
