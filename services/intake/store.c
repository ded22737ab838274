/* Posts, clients and events as rows: one function per statement of store.sql. No decision is made
 * here. The readers are in store_read.c. */
#include "services/intake/store.h"

#include <string.h>

#include "gen/services/intake/store.inc"

/* Binds "" as SQL NULL: a text that a message did not carry. */
static struct db_value text_or_null(const char *text)
{
    return db_text(text && *text ? text : NULL);
}

static struct db_value sha256_value(const uint8_t sha256[32])
{
    return db_bytea(bytes_of(sha256, 32));
}

/* --- posts --- */

/* Each part by itself: in an array with others PostgreSQL would copy its bytes several times. */
static enum rc insert_part(struct tx *tx, const struct new_post *post, size_t number)
{
    const struct posted_part *part = &post->post->parts[number];
    return DB_PUSH(tx, insert_part, db_uuid(post->request_id), db_int2((int16_t)number),
                   db_text(part->name), db_text(part->content_type),
                   sha256_value(post->part_sha256[number]), db_bytea(part->content));
}

enum rc store_insert_parts(struct tx *tx, const struct new_post *posts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t number = 0; number < posts[i].post->count; number++)
            TRY(insert_part(tx, &posts[i], number));
    return RC_OK;
}

enum rc store_insert_posts(struct tx *tx, const struct new_post *posts, size_t count,
                           struct stored_post *ret_stored)
{
    struct db_rows *rows = NULL;
    struct bytes *tokens = ARENA_ARRAY(tx->arena, struct bytes, count);
    struct bytes *digests = ARENA_ARRAY(tx->arena, struct bytes, count);
    struct bytes *documents = ARENA_ARRAY(tx->arena, struct bytes, count);
    uint8_t(*request_ids)[16] = arena_array(tx->arena, count, 16);
    const char **keys = ARENA_ARRAY(tx->arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        tokens[i] = bytes_of(posts[i].token_sha256, 32);
        digests[i] = bytes_of(posts[i].post_sha256, 32);
        documents[i] = bytes_of(posts[i].part_sha256[0], 32);
        memcpy(request_ids[i], posts[i].request_id, 16);
        keys[i] = posts[i].idempotency_key;
    }
    TRY(DB_RUN(tx, insert_posts, &rows, db_byteas(tokens, count),
               db_uuids((const uint8_t(*)[16])request_ids, count), db_time(tx->now),
               db_byteas(digests, count), db_texts(keys, count), db_text(posts[0].channel),
               db_byteas(documents, count)));
    memset(ret_stored, 0, count * sizeof(*ret_stored));
    for (size_t row = 0; row < db_count(rows); row++)
        ret_stored[db_get_int(rows, row, 0) - 1] = (struct stored_post){
            .client_id = db_get_text(rows, row, 1),
            .is_new = !db_is_null(rows, row, 2),
            .receipt_no = db_get_int(rows, row, 2),
            .key_fits = db_get_bool(rows, row, 3),
        };
    return RC_OK;
}

enum rc store_get_post(struct tx *tx, const uint8_t sha256[32], struct first_answer *ret_answer)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, find_post, &rows, sha256_value(sha256)));
    CHECK(db_count(rows) == 1, &tx->err, TRIEN__ERROR__DATABASE_CONFLICT,
          "the first post with these bytes is not visible");
    ret_answer->request_id = db_get_uuid(rows, 0, 0);
    ret_answer->receipt_no = db_get_int(rows, 0, 1);
    ret_answer->received_at = db_get_time(rows, 0, 2);
    return RC_OK;
}

enum rc store_insert_key(struct tx *tx, const char *client_id, const char *key,
                         const uint8_t post_sha256[32], bool *ret_fits)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, insert_key, &rows, db_text(client_id), db_text(key), sha256_value(post_sha256)));
    CHECK(db_count(rows) == 1, &tx->err, TRIEN__ERROR__DATABASE_CONFLICT,
          "another post takes this key at the moment");
    *ret_fits = bytes_equal(db_get_bytes(rows, 0, 0), bytes_of(post_sha256, 32));
    return RC_OK;
}

/* --- clients --- */

enum rc store_insert_client(struct tx *tx, const struct client_row *client,
                            struct bytes token_sha256, bool *ret_is_new)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, insert_client, &rows, db_text(client->client_id), db_text(client->name),
               db_bytea(token_sha256), db_texts(client->organ_ids, client->organ_count),
               db_time(client->created_at)));
    *ret_is_new = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_set_client_revoked(struct tx *tx, const char *client_id, bool *ret_found,
                                 bool *ret_was_revoked)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, set_client_revoked, &rows, db_text(client_id), db_time(tx->now)));
    *ret_found = db_count(rows) == 1;
    *ret_was_revoked = *ret_found && db_get_bool(rows, 0, 0);
    return RC_OK;
}

/* --- events --- */

/* The states an event may follow, as an array to bind. */
static struct db_value states_before(struct tx *tx, const struct state_step *steps,
                                     const char *event)
{
    const char **states = ARENA_ARRAY(tx->arena, const char *, 8);
    return db_texts(states, rule_states_before(steps, event, states));
}

/* A line of the timeline; item 0: of the whole request. */
static enum rc insert_line(struct tx *tx, const struct item_step *step, const char *subject,
                           const char *detail)
{
    return DB_ROW(tx, insert_lines, 0, db_uuid(step->request_id), db_time(step->at),
                  db_text(step->event), step->number ? db_int4(step->number) : db_null(DB_INT4),
                  text_or_null(subject), text_or_null(detail));
}

static struct item_step request_step(const uint8_t request_id[16], usec at, const char *event)
{
    struct item_step step = {.at = at, .event = event};
    memcpy(step.request_id, request_id, sizeof(step.request_id));
    return step;
}

enum rc store_set_accepted(struct tx *tx, const uint8_t request_id[16],
                           const struct acceptance *acceptance)
{
    const struct acceptance *a = acceptance;
    const struct item_step step = request_step(request_id, a->at, "RequestAccepted");
    for (size_t i = 0; i < a->item_count; i++)
        TRY(DB_ROW(tx, insert_items, 2, db_uuid(request_id), db_int4(a->numbers[i]),
                   db_text(a->names[i]), db_text(a->profiles[i]), db_text(a->device_kinds[i])));
    TRY(DB_ROW(tx, set_accepted, 1, db_uuid(request_id),
               states_before(tx, request_steps, step.event), db_text(a->form), db_text(a->organ_id),
               db_text(a->agency_name), db_text(a->document_number), db_text(a->document_date),
               db_text(a->due_on), db_int4((int32_t)a->item_count)));
    return insert_line(tx, &step, a->agency_name, a->due_on);
}

enum rc store_set_rejected(struct tx *tx, const uint8_t request_id[16],
                           const struct refusal *refusal)
{
    const struct item_step step = request_step(request_id, refusal->at, "RequestRejected");
    TRY(DB_ROW(tx, set_rejected, 1, db_uuid(request_id),
               states_before(tx, request_steps, step.event), text_or_null(refusal->form),
               text_or_null(refusal->organ_id), text_or_null(refusal->agency_name),
               text_or_null(refusal->document_number), text_or_null(refusal->document_date),
               db_text(refusal->reasons_json)));
    return insert_line(tx, &step, refusal->agency_name, NULL);
}

enum rc store_set_item_state(struct tx *tx, const struct item_step *step, const char *state)
{
    TRY(DB_ROW(tx, set_item_state, 2, db_uuid(step->request_id), db_int4(step->number),
               db_text(state), states_before(tx, item_steps, step->event),
               text_or_null(step->subscriber_name)));
    return insert_line(tx, step, step->subscriber_name, step->detail);
}

enum rc store_set_item_issued(struct tx *tx, const struct item_step *step,
                              const struct issued *issued)
{
    TRY(DB_ROW(tx, set_item_issued, 2, db_uuid(step->request_id), db_int4(step->number),
               states_before(tx, item_steps, step->event), text_or_null(step->subscriber_name),
               db_text(issued->serial), db_text(issued->issuer), db_bytea(issued->certificate_der),
               db_time(issued->not_before), db_time(issued->not_after)));
    return insert_line(tx, step, step->subscriber_name, issued->serial);
}

enum rc store_set_item_failed(struct tx *tx, const struct item_step *step, const char *reasons_json)
{
    TRY(DB_ROW(tx, set_item_failed, 2, db_uuid(step->request_id), db_int4(step->number),
               states_before(tx, item_steps, step->event), db_text(reasons_json)));
    return insert_line(tx, step, NULL, step->detail);
}

enum rc store_set_item_done(struct tx *tx, const struct item_step *step)
{
    TRY(DB_ROW(tx, set_item_done, 2, db_uuid(step->request_id), db_int4(step->number),
               states_before(tx, item_steps, step->event), text_or_null(step->subscriber_name)));
    return insert_line(tx, step, step->subscriber_name, step->detail);
}

enum rc store_insert_item_line(struct tx *tx, const struct item_step *step)
{
    return insert_line(tx, step, step->subscriber_name, step->detail);
}

enum rc store_set_certificate_revoked(struct tx *tx, const struct item_step *step, bool *ret_known)
{
    struct db_rows *rows = NULL;
    TRY(DB_RUN(tx, set_certificate_revoked, &rows, db_uuid(step->request_id), db_int4(step->number),
               db_time(step->at)));
    *ret_known = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_insert_notice(struct tx *tx, const uint8_t request_id[16], usec at, const char *event,
                            const char *subject, const char *detail)
{
    const struct item_step step = request_step(request_id, at, event);
    return insert_line(tx, &step, subject, detail);
}

enum rc store_make_partitions(struct tx *tx, int months)
{
    return DB_PUSH(tx, make_partitions, db_time(tx->now), db_int4(months));
}

enum rc store_count_open(struct tx *tx, const char *today, const char *soon,
                         struct open_requests *ret_open)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, count_open, &rows, db_text(today), db_text(soon)));
    *ret_open = (struct open_requests){
        .overdue = db_get_int(rows, 0, 0),
        .due_soon = db_get_int(rows, 0, 1),
        .undecided = db_get_int(rows, 0, 2),
        .undecided_since = db_is_null(rows, 0, 3) ? 0 : db_get_time(rows, 0, 3),
    };
    return RC_OK;
}
