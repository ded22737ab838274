/* Reviews and votes: one function per statement of store.sql. */
#include <string.h>

#include "services/validation/store.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/validation/store.inc"

enum rc store_insert_review(struct tx *tx, const struct review_row *review, uint32_t round)
{
    TRY(DB_PUSH(tx, set_waiting, db_uuid(review->request_id)));
    TRY(DB_PUSH(tx, insert_waiting, db_uuid(review->request_id), db_text(""),
                db_time(review->asked_at), db_null(DB_INT8), db_int4((int32_t)round)));
    return DB_PUSH(tx, insert_review, db_uuid(review->request_id), db_text(review->form),
                   db_text(review->organ_id), db_text(review->agency_name),
                   db_text(review->document_number), db_text(review->document_date),
                   db_int4(review->item_count), db_time(review->asked_at));
}

enum rc store_lock_review(struct tx *tx, const uint8_t request_id[16], bool *ret_open)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, lock_review, &rows, db_uuid(request_id)));
    *ret_open = db_count(rows) == 1;
    return RC_OK;
}

enum rc store_insert_vote(struct tx *tx, const uint8_t request_id[16],
                          const struct review_vote *vote)
{
    return DB_PUSH(tx, insert_vote, db_uuid(request_id), db_text(vote->officer),
                   db_bool(vote->approves), db_text(vote->note), db_time(vote->voted_at));
}

enum rc store_list_votes(struct tx *tx, const uint8_t request_id[16],
                         struct review_votes *ret_votes)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, list_votes, &rows, db_uuid(request_id)));
    ret_votes->count = db_count(rows);
    ret_votes->rows = ARENA_ARRAY(tx->arena, struct review_vote, ret_votes->count);
    for (size_t i = 0; i < ret_votes->count; i++)
        ret_votes->rows[i] = (struct review_vote){
            .officer = db_get_text(rows, i, 0),
            .approves = db_get_bool(rows, i, 1),
            .note = db_get_text(rows, i, 2),
            .voted_at = db_get_time(rows, i, 3),
        };
    return RC_OK;
}

enum rc store_list_reviews(struct tx *tx, const uint8_t *request_id, size_t *ret_count,
                           struct review_row **ret_reviews)
{
    struct db_rows *rows = NULL;
    struct review_row *reviews;

    TRY(DB_RUN(tx, list_reviews, &rows, db_uuid(request_id)));
    reviews = ARENA_ARRAY(tx->arena, struct review_row, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++) {
        reviews[i] = (struct review_row){
            .receipt_number = db_get_text(rows, i, 1),
            .form = db_get_text(rows, i, 2),
            .organ_id = db_get_text(rows, i, 3),
            .agency_name = db_get_text(rows, i, 4),
            .document_number = db_get_text(rows, i, 5),
            .document_date = db_get_text(rows, i, 6),
            .item_count = (int32_t)db_get_int(rows, i, 7),
            .asked_at = db_get_time(rows, i, 8),
        };
        memcpy(reviews[i].request_id, db_get_uuid(rows, i, 0), 16);
    }
    *ret_count = db_count(rows);
    *ret_reviews = reviews;
    return RC_OK;
}
