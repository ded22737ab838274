/* Requests and decisions as rows: one function per statement of store.sql. Nothing is decided here.
 * Revocation lists are in store_crl.c, the registry and the calendar in store_registry.c. */
#include "services/validation/store.h"

#include "gen/services/validation/store.inc"

static struct db_value bytea(ProtobufCBinaryData in)
{
    return db_bytea(bytes_of(in.data, in.len));
}

static struct db_value jsonb(const char *json)
{
    return json ? db_jsonb(json) : db_null(DB_JSONB);
}

enum rc store_insert_request(struct tx *tx, const uint8_t request_id[16],
                             const Trien__RequestSubmitted *event)
{
    size_t count = event->n_attachments;
    struct bytes *digests = ARENA_ARRAY(tx->arena, struct bytes, count);
    int64_t *sizes = ARENA_ARRAY(tx->arena, int64_t, count);

    for (size_t i = 0; i < count; i++) {
        digests[i] =
            bytes_of(event->attachments[i]->sha256.data, event->attachments[i]->sha256.len);
        sizes[i] = (int64_t)event->attachments[i]->size_bytes;
    }
    return DB_ROW(tx, insert_requests, 1, db_uuid(request_id), db_text(event->receipt_number),
                  db_text(event->client_id), db_text(event->channel), db_time(event->received_at),
                  bytea(event->document_sha256), db_int8((int64_t)event->document_size_bytes),
                  db_byteas(digests, count), db_int8s(sizes, count));
}

enum { CONTACT_NAME = 9, CONTACT_EMAIL, CONTACT_MOBILE };

static void read_contacts(struct tx *tx, const struct db_rows *rows, struct facts *facts)
{
    size_t count = db_count(rows);
    Trien__Contact *contacts = ARENA_ARRAY(tx->arena, Trien__Contact, count);

    facts->contacts = ARENA_ARRAY(tx->arena, Trien__Contact *, count);
    for (size_t i = 0; i < count; i++) {
        if (db_is_null(rows, i, CONTACT_EMAIL) && db_is_null(rows, i, CONTACT_MOBILE))
            continue; /* the one row of an agency without contacts */
        trien__contact__init(&contacts[i]);
        contacts[i].name = (char *)db_get_text_or_null(rows, i, CONTACT_NAME);
        contacts[i].email = (char *)db_get_text_or_null(rows, i, CONTACT_EMAIL);
        contacts[i].mobile = (char *)db_get_text_or_null(rows, i, CONTACT_MOBILE);
        facts->contacts[facts->contact_count++] = &contacts[i];
    }
}

enum rc store_get_facts(struct tx *tx, const Trien__ExaminedDocument *examined, int year,
                        const char *number_key, struct facts *ret_facts)
{
    struct bytes *signers = ARENA_ARRAY(tx->arena, struct bytes, examined->n_signers);
    struct db_rows *rows = NULL;

    for (size_t i = 0; i < examined->n_signers; i++)
        signers[i] = bytes_of(examined->signers[i]->certificate_sha256.data,
                              examined->signers[i]->certificate_sha256.len);
    TRY(DB_PEEK(tx, find_facts, &rows, db_text(number_key),
                db_text(examined->organ_id ? examined->organ_id : ""),
                db_byteas(signers, examined->n_signers), db_int4(year)));
    CHECK(db_count(rows) > 0, &tx->err, TRIEN__ERROR__SCHEMA_MISMATCH, "knowledge has no row");
    *ret_facts = (struct facts){
        .version = db_get_int(rows, 0, 0),
        .crl_version = db_get_int(rows, 0, 1),
        .calendar_version = db_get_text(rows, 0, 2),
        .agency_known = !db_is_null(rows, 0, 3),
        .agency_name = db_get_text(rows, 0, 3),
        .province = db_get_text_or_null(rows, 0, 4),
        .has_valid_from = !db_is_null(rows, 0, 5),
        .has_valid_to = !db_is_null(rows, 0, 6),
        .valid_from = db_get_date(rows, 0, 5),
        .valid_to = db_get_date(rows, 0, 6),
        .roles = db_get_text(rows, 0, 7),
        .first_receipt = db_get_text_or_null(rows, 0, 8),
    };
    read_contacts(tx, rows, ret_facts);
    return RC_OK;
}

enum rc store_claim_document(struct tx *tx, const char *organ_id, int year, const char *number_key,
                             const uint8_t request_id[16], const char *receipt_number)
{
    return DB_ROW(tx, claim_documents, 3, db_text(number_key), db_text(organ_id), db_int4(year),
                  db_uuid(request_id), db_text(receipt_number));
}

static struct db_value document_date(const Trien__ExaminedDocument *examined)
{
    civil_day day;

    return examined->document && clock_parse_day(examined->document->date, &day) ? db_date(day)
                                                                                 : db_null(DB_DATE);
}

static struct db_value document_number(const Trien__ExaminedDocument *examined)
{
    return db_text(examined->document ? examined->document->number : NULL);
}

static enum rc insert_items(struct tx *tx, const struct decision *decision)
{
    for (size_t i = 0; i < decision->examined->n_items; i++) {
        const Trien__ExaminedItem *item = decision->examined->items[i];

        TRY(DB_ROW(tx, insert_items, 2, db_uuid(decision->request_id), db_int4((int32_t)i + 1),
                   db_text(item->subscriber_name), db_text(item->profile),
                   db_text(item->device_kind),
                   item->has_key_sha256 ? bytea(item->key_sha256) : db_null(DB_BYTEA)));
    }
    return RC_OK;
}

enum rc store_set_accepted(struct tx *tx, const struct decision *decision)
{
    const Trien__ExaminedDocument *examined = decision->examined;

    TRY(DB_ROW(tx, set_accepted, 1, db_uuid(decision->request_id), db_time(tx->now),
               db_text(examined->form), db_text(examined->organ_id), document_number(examined),
               document_date(examined), db_int4((int32_t)examined->n_items),
               db_date(decision->due.on), db_bool(decision->due.provisional),
               db_text(decision->calendar_version), db_text(decision->signers),
               db_text(decision->remarks_json)));
    return insert_items(tx, decision);
}

enum rc store_set_rejected(struct tx *tx, const struct decision *decision)
{
    const Trien__ExaminedDocument *examined = decision->examined;

    return DB_PUSH(tx, set_rejected, db_uuid(decision->request_id), db_time(tx->now),
                   db_text(examined->form), db_text(examined->organ_id), document_number(examined),
                   document_date(examined), db_text(decision->signers),
                   jsonb(decision->reasons_json), jsonb(decision->remarks_json));
}

enum rc store_make_partitions(struct tx *tx, int32_t months)
{
    struct db_rows *rows = NULL;

    return DB_RUN(tx, make_partitions, &rows, db_time(tx->now), db_int4(months));
}
