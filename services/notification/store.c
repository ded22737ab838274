/* notification's statements: binds, runs, reads. No rules, no events. */
#include "services/notification/store.h"

#include "common/bus.h"
#include "gen/services/notification/store.inc"

/* Ids come from events; one that is no UUID can never be stored. */
static enum rc parse_id(struct tx *tx, const char *text, uint8_t ret_uuid[16])
{
    CHECK(bus_uuid_parse(text, ret_uuid), &tx->err, TRIEN__ERROR__MALFORMED,
          "request id is no UUID: %.40s", text);
    return RC_OK;
}

enum rc store_insert_request(struct tx *tx, const struct request_row *row)
{
    uint8_t id[16];

    TRY(parse_id(tx, row->request_id, id));
    return DB_ROW(tx, insert_requests, 1, db_uuid(id), db_text(row->receipt_number),
                  db_text(row->agency_name), db_text(row->document_number),
                  db_text(row->document_date), db_int4((int32_t)row->items), db_text(row->emails),
                  db_text(row->mobile), db_text(row->form));
}

enum rc store_find_request(struct tx *tx, const char *request_id, bool *ret_known)
{
    struct db_rows *rows;
    uint8_t id[16];

    TRY(parse_id(tx, request_id, id));
    TRY(DB_RUN(tx, request_known, &rows, db_uuid(id)));
    *ret_known = db_get_bool(rows, 0, 0);
    return RC_OK;
}

/* Columns from `first` on as both statements list them: counts, texts, addresses. */
static void read_request(const struct db_rows *rows, size_t row, size_t first,
                         struct request_row *into)
{
    into->items = db_get_int(rows, row, first);
    into->ended = db_get_int(rows, row, first + 1);
    into->issued = db_get_int(rows, row, first + 2);
    into->told = db_get_int(rows, row, first + 3);
    into->digests = db_get_int(rows, row, first + 4);
    into->receipt_number = db_get_text(rows, row, first + 5);
    into->agency_name = db_get_text(rows, row, first + 6);
    into->document_number = db_get_text(rows, row, first + 7);
    into->document_date = db_get_text(rows, row, first + 8);
    into->emails = db_get_text(rows, row, first + 9);
    into->mobile = db_get_text(rows, row, first + 10);
    into->form = db_get_text(rows, row, first + 11);
}

enum rc store_get_request(struct tx *tx, const char *request_id, bool *ret_known,
                          struct request_row *ret_row)
{
    struct db_rows *rows;
    uint8_t id[16];

    TRY(parse_id(tx, request_id, id));
    TRY(DB_RUN(tx, find_request, &rows, db_uuid(id)));
    *ret_known = db_count(rows) == 1;
    if (*ret_known) {
        read_request(rows, 0, 0, ret_row);
        ret_row->request_id = request_id;
    }
    return RC_OK;
}

enum rc store_insert_told(struct tx *tx, const char *request_id, const char *template_name,
                          const char *subject, int64_t *ret_number)
{
    struct db_rows *rows;
    uint8_t id[16];

    TRY(parse_id(tx, request_id, id));
    TRY(DB_RUN(tx, insert_told, &rows, db_uuid(id), db_text(template_name), db_text(subject)));
    *ret_number = db_count(rows) ? db_get_int(rows, 0, 0) : 0;
    return RC_OK;
}

enum rc store_set_item_ended(struct tx *tx, const char *request_id, const struct item_row *item,
                             usec digest_due_at, bool *ret_counted, struct request_row *ret_row)
{
    struct db_rows *rows;
    uint8_t id[16];

    TRY(parse_id(tx, request_id, id));
    TRY(DB_RUN(tx, end_item, &rows, db_uuid(id), db_int4((int32_t)item->number),
               db_time(digest_due_at), db_text(item->subscriber_name), db_text(item->serial),
               db_text(item->reason)));
    *ret_counted = db_count(rows) == 1;
    if (*ret_counted) {
        ret_row->request_id = request_id;
        read_request(rows, 0, 0, ret_row);
    }
    return RC_OK;
}

enum rc store_claim_digests(struct tx *tx, int limit, struct request_row **ret_rows,
                            size_t *ret_count)
{
    struct db_rows *rows;
    struct request_row *list;

    TRY(DB_RUN(tx, claim_digests, &rows, db_time(tx->now), db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct request_row, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++) {
        list[i].request_id = bus_uuid_text(tx->arena, db_get_uuid(rows, i, 0));
        read_request(rows, i, 1, &list[i]);
    }
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_list_ended_items(struct tx *tx, const char *request_id, int64_t told, int limit,
                               struct item_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;
    struct item_row *list;
    uint8_t id[16];

    TRY(parse_id(tx, request_id, id));
    TRY(DB_RUN(tx, list_ended_items, &rows, db_uuid(id), db_int4((int32_t)told), db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct item_row, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++) {
        list[i].subscriber_name = db_get_text(rows, i, 0);
        if (*db_get_text(rows, i, 1))
            list[i].serial = db_get_text(rows, i, 1);
        else
            list[i].reason = db_get_text(rows, i, 2);
    }
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_insert_notice(struct tx *tx, const struct notice_key *key, const char *state,
                            const char *recipient, const char *why)
{
    uint8_t id[16];

    TRY(parse_id(tx, key->request_id, id));
    return DB_ROW(tx, insert_notices, 4, db_uuid(id), db_text(key->template_name),
                  db_int4((int32_t)key->number), db_text(key->channel), db_text(state),
                  db_text(recipient), db_time(tx->now), db_text(why));
}

enum rc store_set_notice_settled(struct tx *tx, const struct notice_key *key, const char *state,
                                 const char *why, const char **ret_recipient)
{
    struct db_rows *rows;
    uint8_t id[16];

    TRY(parse_id(tx, key->request_id, id));
    TRY(DB_RUN(tx, settle_notice, &rows, db_uuid(id), db_text(key->template_name),
               db_int4((int32_t)key->number), db_text(key->channel), db_text(state),
               db_time(tx->now), db_text(why)));
    *ret_recipient = db_count(rows) ? db_get_text(rows, 0, 0) : NULL;
    return RC_OK;
}

enum rc store_claim_unconfirmed(struct tx *tx, usec handed_before, int limit,
                                struct unconfirmed_row **ret_rows, size_t *ret_count)
{
    struct db_rows *rows;
    struct unconfirmed_row *list;

    TRY(DB_RUN(tx, claim_unconfirmed, &rows, db_time(handed_before), db_time(tx->now),
               db_int4(limit)));
    list = ARENA_ARRAY(tx->arena, struct unconfirmed_row, db_count(rows) + 1);
    for (size_t i = 0; i < db_count(rows); i++)
        list[i] = (struct unconfirmed_row){{db_get_text(rows, i, 0), db_get_text(rows, i, 1),
                                            db_get_int(rows, i, 2), db_get_text(rows, i, 3)},
                                           db_get_text(rows, i, 4)};
    *ret_rows = list;
    *ret_count = db_count(rows);
    return RC_OK;
}

enum rc store_make_partitions(struct tx *tx, int months)
{
    struct db_rows *rows;

    return DB_RUN(tx, make_partitions, &rows, db_time(tx->now), db_int4(months));
}
