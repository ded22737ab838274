/* What people and portals see of a request, as JSON. Only reads; decides nothing about who may see
 * it. Members are described in docs/openapi.yaml. */
#include "services/intake/intake.h"

#include <stdlib.h>
#include <string.h>

#include "common/bus.h"

/* JSON null for a text that is not there. */
static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *parsed_or_empty(const char *json)
{
    json_t *array = *json ? json_loads(json, 0, NULL) : NULL;
    return array ? array : json_array();
}

static json_t *time_json(struct tx *tx, usec at)
{
    return json_string(clock_utc_text(tx->arena, at));
}

const char *view_text(struct tx *tx, const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    const char *kept = arena_strdup(tx->arena, text ? text : "null");
    free(text);
    return kept;
}

const char *view_reasons(struct tx *tx, Trien__Reason *const *reasons, size_t count)
{
    autoptr(json_t) list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s?, s:s, s:s}", "code",
                                              err_entry(reasons[i]->code)->name, "field",
                                              reasons[i]->field, "text_vi", reasons[i]->text_vi,
                                              "text_en", reasons[i]->text_en));
    return view_text(tx, list);
}

json_t *view_list_row(struct tx *tx, const struct request_row *request)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",                         //
                     "request_id", bus_uuid_text(tx->arena, request->request_id),             //
                     "receipt_number",                                                        //
                     rule_receipt_text(tx->arena, request->received_at, request->receipt_no), //
                     "state", request->state, "state_text", text_of_state(request->state),    //
                     "received_at", time_json(tx, request->received_at),                      //
                     "form", text_or_null(request->form),                                     //
                     "organ_id", text_or_null(request->organ_id),                             //
                     "document_number", text_or_null(request->document_number),               //
                     "due_on", text_or_null(request->due_on));
}

/* A certificate, with the address it can be fetched from by this client. */
static json_t *certificate_json(struct tx *tx, const char *request_id, const struct item_row *item)
{
    const struct intake_conf *conf = tx->conf;
    const char *url = arena_printf(tx->arena, "%s/v1/requests/%s/certificates/%s.cer",
                                   conf->public_url, request_id, item->serial);
    return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:s}", "serial", item->serial, "issuer",
                     item->issuer, "subscriber", (int)item->number, "not_before",
                     time_json(tx, item->not_before), "not_after", time_json(tx, item->not_after),
                     "revoked_at", item->revoked_at ? time_json(tx, item->revoked_at) : json_null(),
                     "url", url);
}

static json_t *item_json(const struct item_row *item)
{
    return json_pack("{s:i, s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "number", (int)item->number,
                     "name", text_or_null(item->subscriber_name), "state", item->state,
                     "state_text", text_of_state(item->state), "profile",
                     text_or_null(item->profile), "device_kind", text_or_null(item->device_kind),
                     "certificate_serial", text_or_null(item->serial), "reasons",
                     parsed_or_empty(item->reasons));
}

static json_t *line_json(struct tx *tx, const struct timeline_row *line)
{
    json_t *shown =
        json_pack("{s:o, s:s, s:s}", "time", time_json(tx, line->at), "event", line->event, "text",
                  text_of_event(tx->arena, line->event, line->subject, line->detail));
    if (line->item > 0)
        json_object_set_new(shown, "subscriber", json_integer(line->item));
    return shown;
}

/* The items of one request. */
struct items {
    const struct item_row *rows;
    size_t count;
};

static void add_items(struct tx *tx, const struct request_row *request, const struct items *items,
                      json_t *shown)
{
    json_t *subscribers = json_array(), *certificates = json_array();
    const char *request_id = bus_uuid_text(tx->arena, request->request_id);
    for (size_t i = 0; i < items->count; i++) {
        json_array_append_new(subscribers, item_json(&items->rows[i]));
        if (*items->rows[i].serial)
            json_array_append_new(certificates, certificate_json(tx, request_id, &items->rows[i]));
    }
    json_object_set_new(shown, "subscribers", subscribers);
    json_object_set_new(shown, "certificates", certificates);
}

/* An event that did not say whom it is about is about its item's subscriber. */
static void name_subject(const struct items *items, struct timeline_row *line)
{
    for (size_t i = 0; i < items->count && !*line->subject; i++)
        if (items->rows[i].number == line->item)
            line->subject = items->rows[i].subscriber_name;
}

/* The receipt itself is a line of the timeline that is stored with the request. */
static enum rc add_timeline(struct tx *tx, const struct request_row *request,
                            const struct items *items, json_t *shown)
{
    struct timeline_row *lines = NULL;
    size_t count = 0;
    TRY(store_list_timeline(tx, request->request_id, &lines, &count));
    json_t *timeline = json_array();
    const struct timeline_row receipt = {
        .at = request->received_at,
        .event = "RequestSubmitted",
        .subject = "",
        .detail = rule_receipt_text(tx->arena, request->received_at, request->receipt_no),
    };
    json_array_append_new(timeline, line_json(tx, &receipt));
    for (size_t i = 0; i < count; i++) {
        name_subject(items, &lines[i]);
        json_array_append_new(timeline, line_json(tx, &lines[i]));
    }
    json_object_set_new(shown, "timeline", timeline);
    return RC_OK;
}

static json_t *shipment_json(struct tx *tx, const struct shipment_row *shipment)
{
    bool delivered = strcmp(shipment->state, "DELIVERED") == 0;
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:o, s:o, s:o, s:[]}", "shipment_id",
                     shipment->shipment_id, "method", shipment->method, "tracking_number",
                     shipment->tracking_number, "state", shipment->state, "state_text",
                     text_of_shipment(shipment->state), "place", text_or_null(shipment->place),
                     "dispatched_at", time_json(tx, shipment->dispatched_at), "moved_at",
                     time_json(tx, shipment->moved_at), "delivered_at",
                     delivered ? time_json(tx, shipment->moved_at) : json_null(), "devices");
}

/* How the devices of the request travelled, and which is whose. */
static enum rc add_shipments(struct tx *tx, const struct request_row *request, json_t *shown)
{
    struct shipment_row *shipments = NULL;
    struct shipped_row *devices = NULL;
    size_t count = 0, device_count = 0, d = 0;
    TRY(store_list_shipments(tx, request->request_id, &shipments, &count, &devices, &device_count));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *shipment = shipment_json(tx, &shipments[i]);
        for (; d < device_count && strcmp(devices[d].shipment_id, shipments[i].shipment_id) == 0;
             d++)
            json_array_append_new(json_object_get(shipment, "devices"),
                                  json_pack("{s:s, s:i, s:s?}", "device_serial",
                                            devices[d].device_serial, "subscriber",
                                            (int)devices[d].item, "certificate_serial",
                                            devices[d].certificate_serial));
        json_array_append_new(list, shipment);
    }
    json_object_set_new(shown, "shipments", list);
    return RC_OK;
}

enum rc view_request(struct tx *tx, const uint8_t request_id[16], const char **ret_json)
{
    const struct request_row *request = NULL;
    TRY(store_find_request(tx, request_id, &request));
    if (!request) {
        *ret_json = NULL;
        return RC_OK;
    }
    autoptr(json_t) shown = view_list_row(tx, request);
    json_object_del(shown, "organ_id");
    json_object_del(shown, "document_number");
    json_t *agency = json_pack("{s:o, s:o}", "organ_id", text_or_null(request->organ_id), "name",
                               text_or_null(request->agency_name));
    json_t *document =
        json_pack("{s:o, s:o, s:s}", "number", text_or_null(request->document_number), "date",
                  text_or_null(request->document_date), "sha256",
                  bytes_to_hex(tx->arena, request->document_sha256));
    json_object_set_new(shown, "agency", agency);
    json_object_set_new(shown, "document", document);
    json_object_set_new(shown, "reasons", parsed_or_empty(request->reasons));
    struct items items = {0};
    TRY(store_list_items(tx, request->request_id, &items.rows, &items.count));
    add_items(tx, request, &items, shown);
    TRY(add_shipments(tx, request, shown));
    TRY(add_timeline(tx, request, &items, shown));
    *ret_json = view_text(tx, shown);
    return RC_OK;
}
