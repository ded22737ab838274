/* Agencies, their contacts and signers, calendars, and the version of all that, as rows. */
#include <string.h>

#include "services/validation/store.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/validation/store.inc"

enum rc store_get_knowledge(struct tx *tx, struct knowledge_row *ret_row)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, get_knowledge, &rows));
    CHECK(db_count(rows) == 1, &tx->err, TRIEN__ERROR__SCHEMA_MISMATCH, "knowledge has no row");
    *ret_row = (struct knowledge_row){db_get_int(rows, 0, 0), db_get_int(rows, 0, 1),
                                      db_get_text(rows, 0, 2)};
    return RC_OK;
}

enum rc store_list_signers_since(struct tx *tx, int64_t version, size_t *ret_count,
                                 struct bytes **ret_digests)
{
    struct db_rows *rows = NULL;
    struct bytes *digests;

    TRY(DB_RUN(tx, list_signers_since, &rows, db_int8(version)));
    digests = ARENA_ARRAY(tx->arena, struct bytes, db_count(rows));
    for (size_t i = 0; i < db_count(rows); i++)
        digests[i] = db_get_bytes(rows, i, 0);
    *ret_count = db_count(rows);
    *ret_digests = digests;
    return RC_OK;
}

static struct db_value date_or_null(const char *text)
{
    civil_day day;

    return text && clock_parse_day(text, &day) ? db_date(day) : db_null(DB_DATE);
}

static enum rc set_contacts(struct tx *tx, const Trien__Agency *agency)
{
    size_t count = agency->n_contacts;
    const char **names = ARENA_ARRAY(tx->arena, const char *, count);
    const char **emails = ARENA_ARRAY(tx->arena, const char *, count);
    const char **mobiles = ARENA_ARRAY(tx->arena, const char *, count);

    for (size_t i = 0; i < count; i++) {
        names[i] = agency->contacts[i]->name;
        emails[i] = agency->contacts[i]->email;
        mobiles[i] = agency->contacts[i]->mobile;
    }
    TRY(DB_PUSH(tx, delete_contacts, db_text(agency->organ_id)));
    return DB_PUSH(tx, insert_contacts, db_text(agency->organ_id), db_texts(names, count),
                   db_texts(emails, count), db_texts(mobiles, count));
}

enum rc store_set_agency(struct tx *tx, const Trien__Agency *agency,
                         const struct new_signer *signers, bool *ret_created)
{
    struct db_rows *rows = NULL;
    int64_t version;

    TRY(DB_RUN(tx, next_knowledge, &rows));
    version = db_get_int(rows, 0, 0);
    TRY(DB_RUN(tx, set_agency, &rows, db_text(agency->organ_id), db_text(agency->name),
               db_text(agency->province), date_or_null(agency->valid_from),
               date_or_null(agency->valid_to), db_time(tx->now)));
    *ret_created = db_get_bool(rows, 0, 0);
    TRY(set_contacts(tx, agency));
    for (size_t i = 0; i < agency->n_signers; i++)
        TRY(DB_PUSH(tx, set_signer, db_text(agency->organ_id), db_bytea(signers[i].sha256),
                    db_text(signers[i].role), db_bytea(signers[i].certificate_der),
                    db_text(signers[i].subject), db_time(signers[i].not_after), db_int8(version),
                    db_time(tx->now)));
    return RC_OK;
}

enum rc store_set_signer_withdrawn(struct tx *tx, const char *organ_id, struct bytes sha256,
                                   bool *ret_known, bool *ret_was_withdrawn)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, set_signer_withdrawn, &rows, db_text(organ_id), db_bytea(sha256),
               db_time(tx->now)));
    *ret_known = db_count(rows) == 1;
    *ret_was_withdrawn = *ret_known && db_get_bool(rows, 0, 0);
    return RC_OK;
}

static char *date_text_or_null(struct tx *tx, const struct db_rows *rows, size_t row, size_t column)
{
    return db_is_null(rows, row, column)
               ? NULL
               : (char *)clock_day_text(tx->arena, db_get_date(rows, row, column));
}

/* Rows of an agency from *at on, which are in the order of the agencies. */
static size_t rows_of(const struct db_rows *rows, size_t at, const char *organ_id)
{
    size_t end = at;

    while (end < db_count(rows) && strcmp(db_get_text(rows, end, 0), organ_id) == 0)
        end++;
    return end - at;
}

static void read_contacts(struct tx *tx, const struct db_rows *rows, size_t at,
                          Trien__Agency *agency)
{
    size_t count = rows_of(rows, at, agency->organ_id);
    Trien__Contact *contacts = ARENA_ARRAY(tx->arena, Trien__Contact, count);

    agency->n_contacts = count;
    agency->contacts = ARENA_ARRAY(tx->arena, Trien__Contact *, count);
    for (size_t i = 0; i < count; i++) {
        trien__contact__init(&contacts[i]);
        contacts[i].name = (char *)db_get_text_or_null(rows, at + i, 1);
        contacts[i].email = (char *)db_get_text_or_null(rows, at + i, 2);
        contacts[i].mobile = (char *)db_get_text_or_null(rows, at + i, 3);
        agency->contacts[i] = &contacts[i];
    }
}

static void read_signers(struct tx *tx, const struct db_rows *rows, size_t at,
                         Trien__Agency *agency)
{
    size_t count = rows_of(rows, at, agency->organ_id);
    Trien__AgencySigner *signers = ARENA_ARRAY(tx->arena, Trien__AgencySigner, count);

    agency->n_signers = count;
    agency->signers = ARENA_ARRAY(tx->arena, Trien__AgencySigner *, count);
    for (size_t i = 0; i < count; i++) {
        struct bytes der = db_get_bytes(rows, at + i, 2);

        trien__agency_signer__init(&signers[i]);
        signers[i].role = (char *)db_get_text(rows, at + i, 1);
        signers[i].certificate_der = (ProtobufCBinaryData){der.n, (uint8_t *)der.p};
        signers[i].subject = (char *)db_get_text(rows, at + i, 3);
        signers[i].has_not_after = true;
        signers[i].not_after = db_get_time(rows, at + i, 4);
        signers[i].has_withdrawn_at = !db_is_null(rows, at + i, 5);
        if (signers[i].has_withdrawn_at)
            signers[i].withdrawn_at = db_get_time(rows, at + i, 5);
        agency->signers[i] = &signers[i];
    }
}

enum rc store_list_agencies(struct tx *tx, const char *organ_id, const char *after, int32_t limit,
                            size_t *ret_count, Trien__Agency ***ret_rows)
{
    struct db_rows *rows = NULL, *contacts = NULL, *signers = NULL;
    size_t count, contact_at = 0, signer_at = 0;
    Trien__Agency *agencies, **list;
    const char **ids;

    TRY(DB_RUN(tx, list_agencies, &rows, db_text(organ_id), db_text(after), db_int4(limit)));
    count = db_count(rows);
    agencies = ARENA_ARRAY(tx->arena, Trien__Agency, count);
    list = ARENA_ARRAY(tx->arena, Trien__Agency *, count);
    ids = ARENA_ARRAY(tx->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        ids[i] = db_get_text(rows, i, 0);
    TRY(DB_RUN(tx, list_contacts, &contacts, db_texts(ids, count)));
    TRY(DB_RUN(tx, list_signers, &signers, db_texts(ids, count)));
    for (size_t i = 0; i < count; i++) {
        trien__agency__init(&agencies[i]);
        list[i] = &agencies[i];
        agencies[i].organ_id = (char *)ids[i];
        agencies[i].name = (char *)db_get_text(rows, i, 1);
        agencies[i].province = (char *)db_get_text_or_null(rows, i, 2);
        agencies[i].valid_from = date_text_or_null(tx, rows, i, 3);
        agencies[i].valid_to = date_text_or_null(tx, rows, i, 4);
        read_contacts(tx, contacts, contact_at, list[i]);
        read_signers(tx, signers, signer_at, list[i]);
        contact_at += agencies[i].n_contacts;
        signer_at += agencies[i].n_signers;
    }
    *ret_count = count;
    *ret_rows = list;
    return RC_OK;
}
