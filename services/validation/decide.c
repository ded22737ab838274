/* The two ends of a request here: accepted with every item authorised, or refused with every
 * reason. Nothing is judged in this file. */
#include <jansson.h>
#include <string.h>

#include "common/bus.h"
#include "common/metrics.h"
#include "services/validation/examine.h"
#include "services/validation/rules.h"
#include "services/validation/rules_registry.h"
#include "services/validation/text.h"
#include "services/validation/validation.h"

/* An event must stay below BUS_MAX_EVENT: in long lists the names for people are cut. */
#define MANY_ITEMS 500
#define SHORT_NAME_BYTES 90

METRIC_FAMILY(decisions) = {
    .kind = METRIC_COUNTER,
    .name = "trien_validation_decisions_total",
    .help = "Requests decided.",
    .labels = "verdict",
};

static const char *signers_text(struct arena *arena, const Trien__ExaminedDocument *examined)
{
    const char *text = "";

    for (size_t i = 0; i < examined->n_signers; i++) {
        ProtobufCBinaryData digest = examined->signers[i]->certificate_sha256;

        text = arena_printf(arena, "%s%s%s", text, i ? " " : "",
                            bytes_to_hex(arena, bytes_of(digest.data, digest.len)));
    }
    return text;
}

/* The JSON value as text in the arena. */
static const char *json_text(struct arena *arena, const json_t *json)
{
    size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
    char *text = arena_alloc(arena, size + 1);

    json_dumpb(json, text, size, JSON_COMPACT);
    return text;
}

static const char *remarks_json(struct arena *arena, const Trien__ExaminedDocument *examined)
{
    autoptr(json_t) list = NULL;

    if (examined->n_remarks == 0)
        return NULL;
    list = json_array();
    for (size_t i = 0; i < examined->n_remarks; i++)
        json_array_append_new(list, json_string(examined->remarks[i]));
    return json_text(arena, list);
}

static const char *reasons_json(const struct reasons *reasons)
{
    autoptr(json_t) list = json_array();

    for (size_t i = 0; i < reasons->count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s}", "code", err_entry(reasons->rows[i].code)->name,
                            "field", reasons->rows[i].pointer, "text_vi", reasons->rows[i].text_vi,
                            "text_en", reasons->rows[i].text_en));
    return json_text(reasons->arena, list);
}

/* --- acceptance ----------------------------------------------------------------------------------
 */

static void list_items(struct arena *arena, const Trien__ExamineDocument *request,
                       const Trien__ExaminedDocument *examined, Trien__RequestAccepted *accepted)
{
    size_t count = examined->n_items;
    Trien__Item *items = ARENA_ARRAY(arena, Trien__Item, count);

    accepted->n_items = count;
    accepted->items = ARENA_ARRAY(arena, Trien__Item *, count);
    for (size_t i = 0; i < count; i++) {
        const Trien__ExaminedItem *from = examined->items[i];

        trien__item__init(&items[i]);
        items[i].item_id = arena_printf(arena, "%s/%zu", request->request_id, i + 1);
        items[i].subscriber_name = (char *)text_cut(
            arena, from->subscriber_name, count > MANY_ITEMS ? SHORT_NAME_BYTES : SIZE_MAX);
        items[i].profile = from->profile;
        items[i].device_kind = from->device_kind;
        accepted->items[i] = &items[i];
    }
}

static enum rc say_accepted(struct tx *tx, const Trien__ExamineDocument *request,
                            const struct decision *decision, const struct facts *facts)
{
    const Trien__ExaminedDocument *examined = decision->examined;
    Trien__RequestAccepted accepted = TRIEN__REQUEST_ACCEPTED__INIT;
    Trien__Contact nobody = TRIEN__CONTACT__INIT; /* a report may name no receiver */

    accepted.request_id = request->request_id;
    accepted.receipt_number = request->receipt_number;
    accepted.form = examined->form;
    accepted.organ_id = examined->organ_id;
    accepted.agency_name = (char *)facts->agency_name;
    accepted.document = examined->document;
    accepted.receiver = examined->receiver ? examined->receiver : &nobody;
    accepted.n_agency_contacts = facts->contact_count;
    accepted.agency_contacts = facts->contacts;
    accepted.item_count = (uint32_t)examined->n_items;
    accepted.due_on = (char *)clock_day_text(tx->arena, decision->due.on);
    accepted.calendar_version = (char *)decision->calendar_version;
    accepted.accepted_at = tx->now;
    accepted.received_at = request->received_at;
    accepted.delivery = examined->delivery ? examined->delivery : (char *)"";
    list_items(tx->arena, request, examined, &accepted);
    return emit(tx, request->request_id, &accepted);
}

static enum rc claim_document(struct tx *tx, const Trien__ExamineDocument *request,
                              const Trien__ExaminedDocument *examined, const uint8_t request_id[16])
{
    const char *number = rule_document_key(tx->arena, examined->document->number);
    int year, month, day_of_month;
    civil_day day;

    CHECK(clock_parse_day(examined->document->date, &day), &tx->err, TRIEN__ERROR__INTERNAL,
          "a document date the rules let pass");
    clock_day_parts(day, &year, &month, &day_of_month);
    return store_claim_document(tx, examined->organ_id, year, number, request_id,
                                request->receipt_number);
}

static enum rc set_due(struct tx *tx, const Trien__ExamineDocument *request,
                       struct decision *decision)
{
    struct validation *validation = tx->state;
    const struct calendar *calendar = knowledge_calendar(validation->knowledge);

    CHECK(calendar, &tx->err, TRIEN__ERROR__NOT_YET, "no working-day calendar is loaded");
    decision->due =
        rule_due_on(calendar, clock_civil_day(request->received_at), ISSUE_WORKING_DAYS);
    decision->calendar_version = calendar->version;
    if (decision->due.beyond)
        return alarm_calendar_ends(tx, calendar->version, decision->due.on);
    return RC_OK;
}

enum rc decide_accept(struct tx *tx, const Trien__ExamineDocument *request,
                      const Trien__ExaminedDocument *examined, const struct facts *facts)
{
    uint8_t request_id[16];
    struct decision decision = {.request_id = request_id, .examined = examined};

    CHECK(bus_uuid_parse(request->request_id, request_id), &tx->err, TRIEN__ERROR__MALFORMED,
          "not a request id");
    CHECK(examined->document && examined->organ_id && examined->form, &tx->err,
          TRIEN__ERROR__INTERNAL, "an examination without its document");
    TRY(claim_document(tx, request, examined, request_id));
    TRY(set_due(tx, request, &decision));
    decision.signers = signers_text(tx->arena, examined);
    decision.remarks_json = remarks_json(tx->arena, examined);
    TRY(store_set_accepted(tx, &decision));
    TRY(say_accepted(tx, request, &decision, facts));
    for (size_t i = 0; i < examined->n_items; i++)
        TRY(authorize_item(tx, request, examined, i));
    metric_add(&decisions, 1, METRIC_LABELS("accepted"));
    return RC_OK;
}

/* --- refusal -------------------------------------------------------------------------------------
 */

/* Whom a refusal is told: the agency's contacts and the receiver it named, when the agency's own
 * seal is under the document; else nobody, so that nobody can have strangers written to. */
static void list_contacts(struct tx *tx, const Trien__ExaminedDocument *examined,
                          const struct facts *facts, Trien__RequestRejected *rejected)
{
    if (!facts || !rule_agency_proved(facts))
        return;
    rejected->contacts = ARENA_ARRAY(tx->arena, Trien__Contact *, facts->contact_count + 1);
    for (size_t i = 0; i < facts->contact_count; i++)
        rejected->contacts[rejected->n_contacts++] = facts->contacts[i];
    if (examined->receiver)
        rejected->contacts[rejected->n_contacts++] = examined->receiver;
}

static enum rc say_rejected(struct tx *tx, const Trien__ExamineDocument *request,
                            const Trien__ExaminedDocument *examined, const struct facts *facts,
                            const struct reasons *reasons)
{
    Trien__RequestRejected rejected = TRIEN__REQUEST_REJECTED__INIT;

    rejected.request_id = request->request_id;
    rejected.receipt_number = request->receipt_number;
    rejected.form = examined->form;
    rejected.organ_id = examined->organ_id;
    rejected.agency_name =
        facts && facts->agency_known ? (char *)facts->agency_name : examined->agency_name;
    rejected.document = examined->document;
    rejected.rejected_at = tx->now;
    list_contacts(tx, examined, facts, &rejected);
    reasons_pack(reasons, &rejected.n_reasons, &rejected.reasons);
    return emit(tx, request->request_id, &rejected);
}

enum rc decide_reject(struct tx *tx, const Trien__ExamineDocument *request,
                      const Trien__ExaminedDocument *examined, const struct facts *facts,
                      struct reasons *reasons)
{
    uint8_t request_id[16];
    struct decision decision = {.request_id = request_id, .examined = examined};

    CHECK(bus_uuid_parse(request->request_id, request_id), &tx->err, TRIEN__ERROR__MALFORMED,
          "not a request id");
    reasons_close(reasons);
    decision.signers = signers_text(tx->arena, examined);
    decision.remarks_json = remarks_json(tx->arena, examined);
    decision.reasons_json = reasons_json(reasons);
    TRY(store_set_rejected(tx, &decision));
    TRY(say_rejected(tx, request, examined, facts, reasons));
    metric_add(&decisions, 1, METRIC_LABELS("rejected"));
    return RC_OK;
}
