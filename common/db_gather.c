/* Rows of one statement from many messages. A batch calls its handlers one by one; what each writes
 * is gathered here and goes as one statement with arrays. Order is kept where it can be seen:
 * between rows of one key. Nothing is merged, nothing dropped. */
#include "common/db_internal.h"
#include "common/tx.h"

struct db_gather {
    struct db_gather *next; /* in the order of store.sql */
    const struct db_statement *statement;
    size_t keys, count, room;
    struct db_value *rows; /* param_count values each */
};

static const struct db_value *row_at(const struct db_gather *gather, size_t i)
{
    return gather->rows + i * gather->statement->param_count;
}

static bool same_value(const struct db_value *a, const struct db_value *b)
{
    if (db_type_row(a->type)->is_array) {
        if (a->count != b->count)
            return false;
        for (size_t i = 0; i < a->count; i++) {
            struct db_value x = db_element_at(a, i), y = db_element_at(b, i);
            if (!same_value(&x, &y))
                return false;
        }
        return true;
    }
    return a->type == b->type && a->is_null == b->is_null && a->number == b->number &&
           bytes_equal(a->bytes, b->bytes);
}

/* The value is the whole parameter, not an element of it. */
static bool is_common(const struct db_statement *statement, const struct db_value *values, size_t i)
{
    return values[i].type == statement->params[i];
}

static bool has_key(const struct db_gather *gather, size_t keys, const struct db_value *values)
{
    for (size_t r = 0; r < gather->count; r++) {
        const struct db_value *row = row_at(gather, r);
        size_t same = 0;

        while (same < keys && same_value(&row[same], &values[same]))
            same++;
        if (same == keys)
            return true;
    }
    return false;
}

/* A statement whose rows have no key stands in nobody's way. */
static bool has_first_key(const struct db_gather *gather, const struct db_value *values)
{
    return gather->keys && has_key(gather, 1, values);
}

/* The new row may not go in the same statement as these, or would overtake one of its own key. */
static bool clashes(const struct db_gather *gather, const struct db_statement *statement,
                    size_t keys, const struct db_value *values)
{
    if (gather->statement < statement)
        return false;
    if (gather->statement > statement)
        return keys && has_first_key(gather, values);
    for (size_t i = 0; i < statement->param_count; i++)
        if (is_common(statement, values, i) && !same_value(&values[i], &gather->rows[i]))
            return true;
    return keys && has_key(gather, keys, values);
}

/* The statement's rows; begun where its place in store.sql is. */
static struct db_gather *find_gather(struct tx *tx, const struct db_statement *statement,
                                     size_t keys)
{
    struct db_gather **at = &tx->frame->gathered, *fresh;

    while (*at && (*at)->statement < statement)
        at = &(*at)->next;
    if (*at && (*at)->statement == statement)
        return *at;
    fresh = ARENA_NEW(tx->arena, struct db_gather);
    *fresh = (struct db_gather){.next = *at, .statement = statement, .keys = keys};
    return *at = fresh;
}

static void append(struct tx *tx, struct db_gather *gather, const struct db_value *values)
{
    size_t width = gather->statement->param_count;
    struct db_value *row;

    if (gather->count == gather->room) {
        struct db_value *larger;

        gather->room = gather->room ? gather->room * 2 : 4;
        larger = arena_array(tx->arena, gather->room * width, sizeof(*larger));
        if (gather->count)
            memcpy(larger, gather->rows, gather->count * width * sizeof(*larger));
        gather->rows = larger;
    }
    row = gather->rows + gather->count++ * width;
    for (size_t i = 0; i < width; i++) {
        row[i] = values[i];
        if (row[i].bytes.n)
            row[i].bytes.p =
                memcpy(arena_alloc(tx->arena, row[i].bytes.n), row[i].bytes.p, row[i].bytes.n);
    }
}

enum rc db_row(struct tx *tx, const struct db_statement *statement, size_t keys, size_t value_count,
               const struct db_value *values)
{
    if (value_count != statement->param_count || keys > value_count)
        db_misuse(statement->name, "wrong number of values in a row", value_count);
    for (size_t i = 0; i < value_count; i++)
        if (!is_common(statement, values, i) &&
            (!db_type_row(statement->params[i])->is_array ||
             values[i].type != db_type_row(statement->params[i])->element))
            db_misuse(statement->name, "wrong type in a row", i + 1);
    for (const struct db_gather *g = tx->frame->gathered; g; g = g->next) {
        if (clashes(g, statement, keys, values)) {
            TRY(db_send_rows(tx));
            break;
        }
    }
    append(tx, find_gather(tx, statement, keys), values);
    return RC_OK;
}

static enum rc send_gather(struct tx *tx, const struct db_gather *gather)
{
    struct db_value values[DB_MAX_PARAMS];

    for (size_t i = 0; i < gather->statement->param_count; i++) {
        values[i] = gather->rows[i];
        if (!is_common(gather->statement, gather->rows, i))
            values[i] = (struct db_value){.type = gather->statement->params[i],
                                          .array = gather->rows + i,
                                          .count = gather->count,
                                          .stride = gather->statement->param_count};
    }
    return db_push(tx, gather->statement, gather->statement->param_count, values);
}

enum rc db_send_rows(struct tx *tx)
{
    const struct db_gather *gather = tx->frame->gathered;

    tx->frame->gathered = NULL; /* db_push would come here again */
    for (; gather; gather = gather->next)
        TRY(send_gather(tx, gather));
    return RC_OK;
}

enum rc db_peek(struct tx *tx, const struct db_statement *statement, struct db_rows **ret_rows,
                size_t value_count, const struct db_value *values)
{
    struct db_gather *gathered = tx->frame->gathered;
    bool awaited = false;
    enum rc rc;

    for (const struct db_gather *g = gathered; g && value_count; g = g->next)
        awaited |= has_first_key(g, values);
    if (!awaited)
        tx->frame->gathered = NULL; /* out of db_run's sight */
    rc = db_run(tx, statement, ret_rows, value_count, values);
    if (!awaited)
        tx->frame->gathered = gathered;
    return rc;
}
