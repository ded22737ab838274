/* Waiting requests and revocation lists as rows. */
#include "common/bus.h"
#include "common/pb_bytes.h"
#include "services/validation/store.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/validation/store.inc"

enum rc store_insert_waiting(struct tx *tx, const uint8_t request_id[16], const char *issuer,
                             int64_t crl_version, uint32_t round)
{
    TRY(DB_PUSH(tx, set_waiting, db_uuid(request_id)));
    return DB_PUSH(tx, insert_waiting, db_uuid(request_id), db_text(issuer), db_time(tx->now),
                   db_int8(crl_version), db_int4((int32_t)round));
}

static void read_enclosed(struct tx *tx, const struct db_rows *rows, size_t row,
                          Trien__ExamineDocument *request)
{
    size_t count = 0, sizes_count = 0;
    const struct bytes *digests = db_get_byteas(rows, row, 6, &count);
    const int64_t *sizes = db_get_int8s(rows, row, 7, &sizes_count);
    Trien__EnclosedPart *parts = ARENA_ARRAY(tx->arena, Trien__EnclosedPart, count);

    request->enclosed = ARENA_ARRAY(tx->arena, Trien__EnclosedPart *, count);
    for (size_t i = 0; i < count && i < sizes_count; i++) {
        trien__enclosed_part__init(&parts[i]);
        parts[i].sha256 = pb_of_bytes(digests[i]);
        parts[i].size_bytes = (uint64_t)sizes[i];
        request->enclosed[request->n_enclosed++] = &parts[i];
    }
}

/* Requests that are to be examined again, as both waking statements return them. */
static Trien__ExamineDocument *read_woken(struct tx *tx, const struct db_rows *rows)
{
    Trien__ExamineDocument *requests =
        ARENA_ARRAY(tx->arena, Trien__ExamineDocument, db_count(rows));

    for (size_t i = 0; i < db_count(rows); i++) {
        trien__examine_document__init(&requests[i]);
        requests[i].request_id = (char *)bus_uuid_text(tx->arena, db_get_uuid(rows, i, 0));
        requests[i].receipt_number = (char *)db_get_text(rows, i, 1);
        requests[i].received_at = db_get_time(rows, i, 2);
        requests[i].document_sha256 = pb_of_bytes(db_get_bytes(rows, i, 3));
        requests[i].document_size_bytes = (uint64_t)db_get_int(rows, i, 4);
        requests[i].round = (uint32_t)db_get_int(rows, i, 5);
        read_enclosed(tx, rows, i, &requests[i]);
    }
    return requests;
}

enum rc store_wake_waiting(struct tx *tx, int32_t limit, size_t *ret_count,
                           Trien__ExamineDocument **ret_requests)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, wake_waiting, &rows, db_int4(limit)));
    *ret_count = db_count(rows);
    *ret_requests = read_woken(tx, rows);
    return RC_OK;
}

enum rc store_wake_reviewed(struct tx *tx, const uint8_t request_id[16],
                            Trien__ExamineDocument **ret_request)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, wake_reviewed, &rows, db_uuid(request_id)));
    CHECK(db_count(rows) == 1, &tx->err, TRIEN__ERROR__WRONG_STATE, "the review is not open");
    *ret_request = read_woken(tx, rows);
    return RC_OK;
}

enum rc store_count_waiting(struct tx *tx, struct waiting_count *ret_count)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, count_waiting, &rows));
    *ret_count = (struct waiting_count){
        .for_lists = db_get_int(rows, 0, 0),
        .for_lists_since = db_get_time(rows, 0, 1),
        .for_officers = db_get_int(rows, 0, 2),
        .for_officers_since = db_get_time(rows, 0, 3),
    };
    return RC_OK;
}

enum rc store_insert_sources(struct tx *tx, const char *const *urls, size_t count)
{
    return DB_PUSH(tx, insert_sources, db_texts(urls, count), db_time(tx->now));
}

enum rc store_set_source_due(struct tx *tx, const char *url, struct bytes issuer_sha256, usec pause)
{
    return DB_PUSH(tx, set_source_due, db_text(url), db_bytea(issuer_sha256), db_time(tx->now),
                   db_time(tx->now - pause));
}

enum rc store_list_due_sources(struct tx *tx, usec period, usec retry, size_t *ret_count,
                               const char ***ret_urls)
{
    struct db_rows *rows = NULL;
    const char **urls;

    TRY(DB_RUN(tx, take_due_sources, &rows, db_time(tx->now), db_time(tx->now + period),
               db_time(tx->now + retry)));
    urls = ARENA_ARRAY(tx->arena, const char *, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        urls[i] = db_get_text(rows, i, 0);
    *ret_count = db_count(rows);
    *ret_urls = urls;
    return RC_OK;
}

enum rc store_set_source_fetched(struct tx *tx, const char *url, struct bytes issuer_sha256,
                                 const char *error)
{
    return DB_PUSH(tx, set_source_fetched, db_text(url), db_bytea(issuer_sha256), db_time(tx->now),
                   db_text(error));
}

enum rc store_find_crl(struct tx *tx, struct bytes issuer_sha256, struct crl_row *ret_row)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, find_crl, &rows, db_bytea(issuer_sha256)));
    *ret_row = (struct crl_row){.found = db_count(rows) == 1};
    if (ret_row->found) {
        ret_row->sha256 = db_get_bytes(rows, 0, 0);
        ret_row->number = db_get_text(rows, 0, 1);
        ret_row->this_update = db_get_time(rows, 0, 2);
    }
    return RC_OK;
}

enum rc store_set_crl(struct tx *tx, const Trien__FetchedCrl *crl, const char *url)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, next_crl_knowledge, &rows));
    return DB_PUSH(tx, set_crl, db_bytea(bytes_of_pb(crl->issuer_sha256)),
                   db_bytea(bytes_of_pb(crl->sha256)), db_text(crl->number),
                   db_time(crl->this_update), db_time(crl->next_update), db_time(tx->now),
                   db_text(url), db_bytea(bytes_of_pb(crl->crl_der)));
}

enum rc store_list_crls(struct tx *tx, size_t *ret_count, struct crl_listed **ret_rows)
{
    struct db_rows *rows = NULL;
    struct crl_listed *listed;

    TRY(DB_RUN(tx, list_crls, &rows));
    listed = ARENA_ARRAY(tx->arena, struct crl_listed, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        listed[i] = (struct crl_listed){.url = db_get_text(rows, i, 0),
                                        .issuer_sha256 = db_get_bytes(rows, i, 1),
                                        .number = db_get_text(rows, i, 2),
                                        .this_update = db_get_time(rows, i, 3),
                                        .next_update = db_get_time(rows, i, 4),
                                        .fetched_at = db_get_time(rows, i, 5),
                                        .last_error = db_get_text(rows, i, 6),
                                        .sha256 = db_get_bytes(rows, i, 7)};
    *ret_count = db_count(rows);
    *ret_rows = listed;
    return RC_OK;
}

enum rc store_get_crl(struct tx *tx, struct bytes sha256, struct bytes *ret_der)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, get_crl, &rows, db_bytea(sha256)));
    *ret_der = db_count(rows) ? db_get_bytes(rows, 0, 0) : (struct bytes){0};
    return RC_OK;
}
