/* What operators do with dead letters and feeds of a service: list, show, retry, resolve; groups,
 * forget. Every act is an event of the service (OperatorActed), so audit has it. Operators only. */
#define DB_STATEMENTS_ELSEWHERE
#include "common/bus_server.h"
#include "gen/common/frame.inc"

#define OPERATORS "operator"
#define MAX_REASON 500

/* Row of letter_list and letter_get. */
static Trien__DeadLetter *letter_from(struct arena *arena, const struct db_rows *rows, size_t row)
{
    Trien__DeadLetter *letter = ARENA_NEW(arena, Trien__DeadLetter);

    trien__dead_letter__init(letter);
    letter->feed = (char *)db_get_text(rows, row, 0);
    letter->partition = (uint32_t)db_get_int(rows, row, 1);
    letter->offset = db_get_int(rows, row, 2);
    letter->key = (char *)db_get_text(rows, row, 3);
    letter->type = (char *)db_get_text(rows, row, 4);
    letter->state = (char *)db_get_text(rows, row, 5);
    letter->error = (char *)db_get_text(rows, row, 6);
    letter->attempts = (uint32_t)db_get_int(rows, row, 7);
    letter->created_at = db_get_time(rows, row, 8);
    letter->has_retry_at = !db_is_null(rows, row, 9);
    letter->retry_at = db_get_time(rows, row, 9);
    if (!db_is_null(rows, row, 10))
        letter->resolution = (char *)db_get_text(rows, row, 10);
    return letter;
}

static enum rc on_list_dead_letters(struct tx *tx, const void *in, void *reply)
{
    const Trien__ListDeadLetters *ask = in;
    Trien__ListDeadLettersReply *out = reply;
    struct db_rows *rows;

    TRY(DB_RUN(tx, letter_list, &rows, db_text(ask->feed),
               db_bool(ask->has_resolved && ask->resolved)));
    out->n_letters = db_count(rows);
    out->letters = ARENA_ARRAY(tx->arena, Trien__DeadLetter *, out->n_letters + 1);
    for (size_t i = 0; i < out->n_letters; i++)
        out->letters[i] = letter_from(tx->arena, rows, i);
    return RC_OK;
}

static enum rc on_get_dead_letter(struct tx *tx, const void *in, void *reply)
{
    const Trien__GetDeadLetter *ask = in;
    Trien__GetDeadLetterReply *out = reply;
    struct db_rows *rows;
    struct bytes payload;

    TRY(DB_RUN(tx, letter_get, &rows, db_text(ask->feed), db_int2((int16_t)ask->partition),
               db_int8(ask->offset)));
    CHECK(db_count(rows), &tx->err, TRIEN__ERROR__NOT_FOUND, "no letter %s %u/%lld", ask->feed,
          ask->partition, (long long)ask->offset);
    out->letter = letter_from(tx->arena, rows, 0);
    payload = db_get_bytes(rows, 0, 11);
    out->letter->has_payload = true;
    out->letter->payload = (ProtobufCBinaryData){payload.n, (uint8_t *)payload.p};
    return RC_OK;
}

static const char *letter_name(struct arena *arena, const char *feed, uint32_t partition,
                               int64_t offset)
{
    return arena_printf(arena, "%s %u/%lld", feed, partition, (long long)offset);
}

static enum rc on_retry_dead_letter(struct tx *tx, const void *in, void *reply)
{
    const Trien__RetryDeadLetter *ask = in;
    const char *name = letter_name(tx->arena, ask->feed, ask->partition, ask->offset);
    struct db_rows *rows;

    (void)reply;
    TRY(DB_RUN(tx, letter_retry, &rows, db_text(ask->feed), db_int2((int16_t)ask->partition),
               db_int8(ask->offset), db_time(tx->now)));
    CHECK(db_count(rows), &tx->err, TRIEN__ERROR__WRONG_STATE,
          "%s is no parked or dead letter; one that is behind another waits for it", name);
    return emit_operator_act(tx, "dead-letter retry", name, NULL);
}

static enum rc on_resolve_dead_letter(struct tx *tx, const void *in, void *reply)
{
    const Trien__ResolveDeadLetter *ask = in;
    const char *name = letter_name(tx->arena, ask->feed, ask->partition, ask->offset);
    struct db_rows *rows;

    (void)reply;
    CHECK(*ask->reason && strlen(ask->reason) <= MAX_REASON, &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "a reason of 1 to %d bytes is needed", MAX_REASON);
    TRY(DB_RUN(tx, letter_resolve, &rows, db_text(ask->feed), db_int2((int16_t)ask->partition),
               db_int8(ask->offset), db_time(tx->now), db_text(tx->principal),
               db_text(ask->reason)));
    CHECK(db_count(rows), &tx->err, TRIEN__ERROR__WRONG_STATE, "%s is no parked or dead letter",
          name);
    TRY(DB_PUSH(tx, letter_next_due, db_text(ask->feed), db_text(db_get_text(rows, 0, 0)),
                db_time(tx->now)));
    return emit_operator_act(tx, "dead-letter resolve", name, ask->reason);
}

static enum rc on_list_feed_groups(struct tx *tx, const void *in, void *reply)
{
    Trien__ListFeedGroupsReply *out = reply;
    struct db_rows *rows;

    (void)in;
    TRY(DB_RUN(tx, feed_group_list, &rows));
    out->n_groups = db_count(rows);
    out->groups = ARENA_ARRAY(tx->arena, Trien__FeedGroup *, out->n_groups + 1);
    for (size_t i = 0; i < out->n_groups; i++) {
        Trien__FeedGroup *group = ARENA_NEW(tx->arena, Trien__FeedGroup);

        trien__feed_group__init(group);
        group->group = (char *)db_get_text(rows, i, 0);
        group->partition = (uint32_t)db_get_int(rows, i, 1);
        group->committed_offset = db_get_int(rows, i, 2);
        group->seen_at = db_get_time(rows, i, 3);
        group->head_offset = db_get_int(rows, i, 4);
        out->groups[i] = group;
    }
    return RC_OK;
}

static enum rc on_forget_feed_group(struct tx *tx, const void *in, void *reply)
{
    const Trien__ForgetFeedGroup *ask = in;
    Trien__ForgetFeedGroupReply *out = reply;
    struct db_rows *rows;

    TRY(DB_RUN(tx, feed_group_forget, &rows, db_text(ask->group)));
    out->partitions = (uint32_t)db_affected(rows);
    CHECK(out->partitions, &tx->err, TRIEN__ERROR__NOT_FOUND, "no group %s", ask->group);
    return emit_operator_act(tx, "feed forget", ask->group, NULL);
}

#define ACTS .out = {&trien__operator_acted__descriptor}
#define CALL(type, function)                                                                       \
    .in = &trien__##type##__descriptor, .reply = &trien__##type##_reply__descriptor,               \
    .from = OPERATORS, .fn = function

const struct on_call operator_letter_calls[] = {
    {CALL(list_dead_letters, on_list_dead_letters)},
    {CALL(get_dead_letter, on_get_dead_letter)},
    {CALL(retry_dead_letter, on_retry_dead_letter), ACTS},
    {CALL(resolve_dead_letter, on_resolve_dead_letter), ACTS},
    {CALL(list_feed_groups, on_list_feed_groups)},
    {CALL(forget_feed_group, on_forget_feed_group), ACTS},
    {0},
};
