/* The registry of certificates as rows: whose each is and whether it stands. A copy of what signing
 * and revocation said; the truth is theirs. */
#include "services/validation/store.h"

#define DB_STATEMENTS_ELSEWHERE
#include "gen/services/validation/store.inc"

enum rc store_get_certificates(struct tx *tx, const Trien__ExaminedDocument *examined,
                               struct certificate_facts *facts)
{
    size_t count = examined->n_items;
    const char **serials = ARENA_ARRAY(tx->arena, const char *, count);
    struct certificate_row *certificates = ARENA_ARRAY(tx->arena, struct certificate_row, count);
    struct db_rows *rows = NULL, *heard = NULL;

    for (size_t i = 0; i < count; i++)
        serials[i] = examined->items[i]->certificate_serial;
    TRY(DB_RUN(tx, find_followed_to, &heard)); /* before the rows: they know at least that much */
    TRY(DB_RUN(tx, find_certificates, &rows, db_texts(serials, count)));
    CHECK(db_count(rows) == count, &tx->err, TRIEN__ERROR__INTERNAL, "rows are missing");
    for (size_t i = 0; i < count; i++)
        certificates[i] = (struct certificate_row){
            .serial = db_get_text_or_null(rows, i, 0),
            .organ_id = db_get_text_or_null(rows, i, 1),
            .state = db_get_text_or_null(rows, i, 2),
            .profile = db_get_text_or_null(rows, i, 3),
            .subscriber_name = db_get_text_or_null(rows, i, 4),
            .device_kind = db_get_text_or_null(rows, i, 5),
            .device_serial = db_get_text_or_null(rows, i, 6),
        };
    facts->followed_to = db_get_time(heard, 0, 0);
    facts->rows = certificates;
    facts->count = count;
    return RC_OK;
}

enum rc store_get_roles(struct tx *tx, const char *organ_id,
                        const Trien__ExaminedEnclosure *enclosure, const char **ret_roles)
{
    struct bytes *signers = ARENA_ARRAY(tx->arena, struct bytes, enclosure->n_signers);
    struct db_rows *rows = NULL;

    for (size_t i = 0; i < enclosure->n_signers; i++)
        signers[i] = bytes_of(enclosure->signers[i]->certificate_sha256.data,
                              enclosure->signers[i]->certificate_sha256.len);
    TRY(DB_RUN(tx, find_roles, &rows, db_text(organ_id), db_byteas(signers, enclosure->n_signers)));
    *ret_roles = db_get_text(rows, 0, 0);
    return RC_OK;
}

enum rc store_insert_certificate(struct tx *tx, const uint8_t request_id[16], int32_t item_number,
                                 const Trien__CertificateIssued *event)
{
    return DB_ROW(tx, insert_certificates, 1, db_text(event->serial), db_uuid(request_id),
                  db_int4(item_number), db_text(event->issuer), db_text(event->lineage_id),
                  db_text(event->profile),
                  db_text(event->subscriber_name ? event->subscriber_name : event->subject),
                  db_text(event->device_serial), db_time(event->not_after));
}

enum rc store_set_certificate_state(struct tx *tx, const char *serial, const char *state,
                                    bool *ret_known)
{
    struct db_rows *rows = NULL;

    TRY(DB_RUN(tx, set_certificate_state, &rows, db_text(serial), db_text(state)));
    *ret_known = db_count(rows) == 1;
    return RC_OK;
}
