/* What operators ask: agencies in and out of the registry, the calendar, the state of the lists.
 * Every change is an event (OperatorActed). Wrong input is refused with the field named. */
#include <string.h>

#include "common/pb_bytes.h"
#include "proto/bus.pb-c.h"
#include "services/validation/rules.h"
#include "services/validation/text.h"
#include "services/validation/validation.h"

#define PAGE 200
#define MAX_CONTACTS 20
#define MAX_SIGNERS 50

/* --- agencies ------------------------------------------------------------------------------------
 */

static enum rc check_name(struct tx *tx, char **name, const char *field)
{
    const char *normal = text_nfc(tx->arena, *name);

    err_field(&tx->err, "%s", field);
    CHECK(normal && rule_is_plain_text(normal) && text_length(normal) <= 200, &tx->err,
          TRIEN__ERROR__FIELD_INVALID, "not a readable name");
    *name = (char *)normal;
    err_clear(&tx->err);
    return RC_OK;
}

static enum rc check_day(struct tx *tx, const char *text, const char *field)
{
    civil_day day;

    err_field(&tx->err, "%s", field);
    CHECK(!text || clock_parse_day(text, &day), &tx->err, TRIEN__ERROR__DATE_INVALID,
          "not a date YYYY-MM-DD");
    err_clear(&tx->err);
    return RC_OK;
}

static enum rc check_contact(struct tx *tx, Trien__Contact *contact, size_t row)
{
    const char *normal = NULL;

    err_field(&tx->err, "contacts/%zu", row);
    CHECK(contact->email || contact->mobile, &tx->err, TRIEN__ERROR__FIELD_MISSING,
          "neither e-mail nor mobile number");
    if (contact->email) {
        CHECK(rule_is_email(tx->arena, contact->email, &normal), &tx->err,
              TRIEN__ERROR__EMAIL_INVALID, "e-mail");
        contact->email = (char *)normal;
    }
    if (contact->mobile) {
        CHECK(rule_is_mobile(tx->arena, contact->mobile, &normal), &tx->err,
              TRIEN__ERROR__MOBILE_INVALID, "mobile number");
        contact->mobile = (char *)normal;
    }
    err_clear(&tx->err);
    return RC_OK;
}

/* The certificate must be one whose signature a document may carry today. */
static enum rc judge_signer(struct tx *tx, struct bytes der, size_t row)
{
    struct validation *validation = tx->state;
    autoptr(X509) certificate = x509_parse(der);
    struct trust_judgement judgement;

    err_field(&tx->err, "signers/%zu", row);
    CHECK(certificate, &tx->err, TRIEN__ERROR__MALFORMED, "not one certificate");
    TRY(trust_judge(validation->trust, certificate, TRUST_SIGNS_DOCUMENTS, tx->now, tx->arena,
                    &tx->err, &judgement));
    err_field(&tx->err, "signers/%zu", row);
    CHECK(judgement.reason_count == 0, &tx->err, judgement.reasons[0].code, "%s",
          judgement.reasons[0].detail);
    err_clear(&tx->err);
    return RC_OK;
}

static enum rc read_signer(struct tx *tx, const Trien__AgencySigner *from, size_t row,
                           struct new_signer *signer)
{
    struct x509_facts facts;
    struct bytes der = bytes_of(from->certificate_der.data, from->certificate_der.len);
    uint8_t *digest = arena_alloc(tx->arena, 32);

    err_field(&tx->err, "signers/%zu/role", row);
    CHECK(rule_is_word_of(from->role, "seal officer"), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "role is seal or officer");
    TRY(judge_signer(tx, der, row));
    TRY(x509_facts_read(tx->arena, der, &tx->err, &facts));
    bytes_sha256(der, digest);
    *signer = (struct new_signer){.certificate_der = der,
                                  .sha256 = bytes_of(digest, 32),
                                  .role = from->role,
                                  .subject = facts.subject_text,
                                  .not_after = facts.not_after_us};
    return RC_OK;
}

static enum rc check_agency(struct tx *tx, Trien__Agency *agency)
{
    const char *organ_id = NULL;

    err_field(&tx->err, "organ_id");
    CHECK(rule_is_organ_id(tx->arena, agency->organ_id, &organ_id), &tx->err,
          TRIEN__ERROR__ORGAN_ID_INVALID, "organisation code");
    agency->organ_id = (char *)organ_id;
    TRY(check_name(tx, &agency->name, "name"));
    if (agency->province)
        TRY(check_name(tx, &agency->province, "province"));
    TRY(check_day(tx, agency->valid_from, "valid_from"));
    TRY(check_day(tx, agency->valid_to, "valid_to"));
    err_field(&tx->err, "valid_to");
    CHECK(!agency->valid_from || !agency->valid_to ||
              strcmp(agency->valid_from, agency->valid_to) <= 0,
          &tx->err, TRIEN__ERROR__DATE_INVALID, "ends before it begins");
    CHECK(agency->n_contacts <= MAX_CONTACTS && agency->n_signers <= MAX_SIGNERS, &tx->err,
          TRIEN__ERROR__TOO_LARGE, "too many contacts or signers");
    for (size_t i = 0; i < agency->n_contacts; i++)
        TRY(check_contact(tx, agency->contacts[i], i));
    err_clear(&tx->err);
    return RC_OK;
}

enum rc on_put_agency(struct tx *tx, const void *in, void *reply)
{
    const Trien__PutAgency *call = in;
    Trien__PutAgencyReply *answer = reply;
    Trien__Agency agency = *call->agency;
    struct new_signer *signers = ARENA_ARRAY(tx->arena, struct new_signer, agency.n_signers);
    bool created = false;

    TRY(check_agency(tx, &agency));
    for (size_t i = 0; i < agency.n_signers; i++)
        TRY(read_signer(tx, agency.signers[i], i, &signers[i]));
    TRY(store_set_agency(tx, &agency, signers, &created));
    answer->created = created;
    return emit_operator_act(tx, created ? "agency add" : "agency change", agency.organ_id, NULL);
}

enum rc on_withdraw_signer(struct tx *tx, const void *in, void *reply)
{
    const Trien__WithdrawSigner *call = in;
    struct bytes sha256 = bytes_of_pb(call->certificate_sha256);
    bool known = false, was_withdrawn = false;

    (void)reply;
    TRY(store_set_signer_withdrawn(tx, call->organ_id, sha256, &known, &was_withdrawn));
    CHECK(known, &tx->err, TRIEN__ERROR__NOT_FOUND, "the agency has no such signer");
    if (was_withdrawn)
        return RC_OK;
    return emit_operator_act(
        tx, "agency withdraw",
        arena_printf(tx->arena, "%s signer %s", call->organ_id, bytes_to_hex(tx->arena, sha256)),
        NULL);
}

enum rc on_list_agencies(struct tx *tx, const void *in, void *reply)
{
    const Trien__ListAgencies *call = in;
    Trien__ListAgenciesReply *answer = reply;
    uint32_t limit = call->has_limit && call->limit < PAGE ? call->limit : PAGE;

    return store_list_agencies(tx, call->organ_id, call->after ? call->after : "", (int32_t)limit,
                               &answer->n_agencies, &answer->agencies);
}

/* --- calendar and lists --------------------------------------------------------------------------
 */

enum rc on_put_calendar(struct tx *tx, const void *in, void *reply)
{
    const Trien__PutCalendar *call = in;
    Trien__PutCalendarReply *answer = reply;
    struct calendar calendar;
    bool created = false;

    TRY(calendar_parse(tx->arena, bytes_of(call->csv.data, call->csv.len), &tx->err, &calendar));
    TRY(store_set_calendar(tx, &calendar, &created));
    answer->version = (char *)calendar.version;
    answer->created = created;
    answer->last_year = (uint32_t)calendar.last_year;
    return emit_operator_act(tx, "calendar import", calendar.version, NULL);
}

#define MAX_WORKING_DAYS 250

enum rc on_count_working_days(struct tx *tx, const void *in, void *reply)
{
    const Trien__CountWorkingDays *call = in;
    Trien__CountWorkingDaysReply *answer = reply;
    struct validation *validation = tx->state;
    const struct calendar *calendar;
    civil_day after;
    struct due due;

    err_field(&tx->err, "after");
    CHECK(clock_parse_day(call->after, &after), &tx->err, TRIEN__ERROR__DATE_INVALID,
          "not a date YYYY-MM-DD");
    err_field(&tx->err, "working_days");
    CHECK(call->working_days >= 1 && call->working_days <= MAX_WORKING_DAYS, &tx->err,
          TRIEN__ERROR__FIELD_INVALID, "1 to %d working days", MAX_WORKING_DAYS);
    err_clear(&tx->err);
    TRY(knowledge_refresh(tx, validation->knowledge));
    calendar = knowledge_calendar(validation->knowledge);
    CHECK(calendar, &tx->err, TRIEN__ERROR__NOT_YET, "no working-day calendar is loaded");
    due = rule_due_on(calendar, after, (int)call->working_days);
    answer->due_on = (char *)clock_day_text(tx->arena, due.on);
    answer->calendar_version = (char *)calendar->version;
    answer->provisional = due.provisional;
    return due.beyond ? alarm_calendar_ends(tx, calendar->version, due.on) : RC_OK;
}

static void fill_crl_row(const struct crl_listed *from, Trien__CrlRow *row)
{
    trien__crl_row__init(row);
    row->url = (char *)from->url;
    row->issuer_sha256.data = (uint8_t *)from->issuer_sha256.p;
    row->issuer_sha256.len = from->issuer_sha256.n;
    row->number = *from->number ? (char *)from->number : NULL;
    row->last_error = *from->last_error ? (char *)from->last_error : NULL;
    row->has_fetched_at = from->fetched_at != 0;
    row->fetched_at = from->fetched_at;
    row->has_this_update = row->has_next_update = from->sha256.n != 0;
    row->this_update = from->this_update;
    row->next_update = from->next_update;
}

enum rc on_list_crls(struct tx *tx, const void *in, void *reply)
{
    Trien__ListCrlsReply *answer = reply;
    struct crl_listed *rows;
    Trien__CrlRow *crls;
    size_t count = 0;
    struct waiting_count waiting;

    (void)in;
    TRY(store_list_crls(tx, &count, &rows));
    TRY(store_count_waiting(tx, &waiting));
    crls = ARENA_ARRAY(tx->arena, Trien__CrlRow, count);
    answer->crls = ARENA_ARRAY(tx->arena, Trien__CrlRow *, count);
    for (size_t i = 0; i < count; i++) {
        fill_crl_row(&rows[i], &crls[i]);
        answer->crls[i] = &crls[i];
    }
    answer->n_crls = count;
    answer->waiting_requests = (uint32_t)waiting.for_lists;
    return RC_OK;
}
