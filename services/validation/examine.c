/* Request bytes → Examined message. It decides nothing about agencies and looks at no clock. */
#include "services/validation/examine.h"

#include <stdlib.h>
#include <string.h>

#include "common/pb_bytes.h"
#include "common/subscriber.h"
#include "common/x509.h"

static char *borrow(const char *text)
{
    return (char *)text;
}

/* A sentence of the registry, placed at a subscriber. */
static void refuse_row(struct reasons *reasons, Trien__Error code, const char *pointer, size_t row)
{
    const struct err_entry *entry = err_entry(code);

    reasons_add(reasons, code, pointer,
                arena_printf(reasons->arena, "Thuê bao thứ %zu: %s", row + 1, entry->vi),
                arena_printf(reasons->arena, "Subscriber %zu: %s", row + 1, entry->en));
}

/* The key of a CSR, or a reason. */
static void read_key(struct reasons *reasons, const char *pem, size_t row,
                     Trien__ExaminedItem *item)
{
    struct arena *arena = reasons->arena;
    struct err err = {0};
    struct x509_csr csr;
    struct bytes der;
    enum rc rc = x509_csr_decode(arena, bytes_of_text(pem), &err, &der);

    if (rc == RC_OK)
        rc = x509_csr_check(arena, der, &err, &csr);
    if (rc != RC_OK) {
        refuse_row(reasons, err.code, arena_printf(arena, "/subscribers/%zu/csr", row), row);
        return;
    }
    item->has_csr_der = item->has_key_sha256 = true;
    item->csr_der = pb_of_bytes(der);
    item->key_sha256 = pb_of_bytes(arena_bytes(arena, bytes_of(csr.key_sha256, 32)));
}

/* A row that makes a certificate. */
static void read_subscriber(const json_t *json, size_t row, struct reasons *reasons,
                            Trien__ExaminedItem *item)
{
    struct subscriber subscriber = {0};
    struct err err = {0};

    if (subscriber_read(reasons->arena, json, row, &err, &subscriber) != RC_OK) {
        refuse_row(reasons, err.code, arena_strdup(reasons->arena, err.field), row);
        return;
    }
    item->subscriber_name = borrow(subscriber.name);
    item->profile = borrow(subscriber.profile);
    item->device_kind = borrow(subscriber.device_kind);
    item->subject_der = pb_of_bytes(subscriber.subject_der);
    item->email = borrow(subscriber.email);
    item->dns_name = borrow(subscriber.dns_name);
    item->ip_address = borrow(subscriber.ip_address);
    if (subscriber.csr_pem)
        read_key(reasons, subscriber.csr_pem, row, item);
}

struct key_at {
    const uint8_t *digest;
    size_t row;
};

static int by_key(const void *left, const void *right)
{
    const struct key_at *a = left, *b = right;
    int order = memcmp(a->digest, b->digest, 32);

    return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* A row about a certificate that is there; whose it is, only the registry knows. */
static void read_certificate(const struct record *record, Trien__ExaminedItem *item)
{
    const char *lost_at = record->value[FIELD_LOST_AT];

    item->subscriber_name = item->profile = item->device_kind = borrow("");
    item->certificate_serial = borrow(record->value[FIELD_CERTIFICATE_SERIAL]);
    item->device_serial = borrow(record->value[FIELD_DEVICE_SERIAL]);
    item->cause = borrow(record->value[FIELD_REASON]);
    item->happened_on = borrow(record->value[FIELD_HANDED_OVER_ON]);
    item->condition = borrow(record->value[FIELD_CONDITION]);
    item->has_lost_at = lost_at != NULL;
    item->lost_at = lost_at ? strtoll(lost_at, NULL, 10) : 0;
}

/* One key is one subscriber's: the same key in two rows is refused at the later one. */
static void refuse_shared_keys(struct reasons *reasons, size_t count, Trien__ExaminedItem **items)
{
    struct key_at *keys = ARENA_ARRAY(reasons->arena, struct key_at, count);
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        if (items[i]->has_key_sha256)
            keys[found++] = (struct key_at){items[i]->key_sha256.data, i};
    qsort(keys, found, sizeof(*keys), by_key);
    for (size_t i = 1; i < found; i++)
        if (memcmp(keys[i].digest, keys[i - 1].digest, 32) == 0)
            refuse_row(reasons, TRIEN__ERROR__KEY_REUSED,
                       arena_printf(reasons->arena, "/subscribers/%zu/csr", keys[i].row),
                       keys[i].row);
}

static void read_items(const struct request *request, const json_t *json, struct reasons *reasons,
                       Trien__ExaminedDocument *examined)
{
    size_t count = request->subscriber_count;
    Trien__ExaminedItem *items = ARENA_ARRAY(reasons->arena, Trien__ExaminedItem, count);
    Trien__ExaminedItem **rows = ARENA_ARRAY(reasons->arena, Trien__ExaminedItem *, count);

    for (size_t i = 0; i < count; i++) {
        rows[i] = &items[i];
        trien__examined_item__init(rows[i]);
        /* a row with reasons of its own would only repeat them here */
        if (request->subscribers[i].refused)
            continue;
        if (request->form->purpose == FORM_ISSUES)
            read_subscriber(json, i, reasons, rows[i]);
        else
            read_certificate(&request->subscribers[i], rows[i]);
    }
    refuse_shared_keys(reasons, count, rows);
    examined->n_items = count;
    examined->items = rows;
}

static void read_document(const struct record *record, struct arena *arena,
                          Trien__ExaminedDocument *examined)
{
    Trien__OfficialDocument *document = ARENA_NEW(arena, Trien__OfficialDocument);

    trien__official_document__init(document);
    document->number = borrow(record->value[FIELD_NUMBER]);
    document->date = borrow(record->value[FIELD_DATE]);
    document->place = borrow(record->value[FIELD_PLACE]);
    document->subject = borrow(record->value[FIELD_SUBJECT]);
    if (document->number && document->date)
        examined->document = document;
}

static void read_receiver(const struct record *record, struct arena *arena,
                          Trien__ExaminedDocument *examined)
{
    Trien__Contact *receiver = ARENA_NEW(arena, Trien__Contact);

    trien__contact__init(receiver);
    receiver->name = borrow(record->value[FIELD_FULL_NAME]);
    receiver->email = borrow(record->value[FIELD_EMAIL]);
    receiver->mobile = borrow(record->value[FIELD_MOBILE]);
    if (receiver->email || receiver->mobile)
        examined->receiver = receiver;
}

static void forget(void *root)
{
    json_decref(root);
}

void examine_request(const struct rule_context *context, struct bytes json, struct reasons *reasons,
                     Trien__ExaminedDocument *ret_examined)
{
    json_t *root = request_parse(json, reasons);
    struct request request;

    if (!root)
        return;
    arena_defer(context->arena, root, forget); /* what is read points into it */
    request_read(context, root, reasons, &request);
    ret_examined->form = request.form ? borrow(request.form->code) : NULL;
    ret_examined->organ_id = borrow(request.agency.value[FIELD_ORGAN_ID]);
    ret_examined->agency_name = borrow(request.agency.value[FIELD_NAME]);
    ret_examined->delivery = borrow(request.delivery);
    ret_examined->n_remarks = request.remark_count;
    ret_examined->remarks = (char **)request.remarks;
    read_document(&request.document, context->arena, ret_examined);
    read_receiver(&request.receiver, context->arena, ret_examined);
    read_items(&request, root, reasons, ret_examined);
}

void examine_findings(const struct document_report *report, struct reasons *reasons)
{
    for (size_t i = 0; i < report->reason_count; i++) {
        const struct document_reason *found = &report->reasons[i];
        const struct err_entry *entry = err_entry(found->code);

        if (found->signature == 0)
            reasons_add_plain(reasons, found->code, "");
        else
            reasons_add(
                reasons, found->code, "",
                arena_printf(reasons->arena, "Chữ ký số thứ %u: %s", found->signature, entry->vi),
                arena_printf(reasons->arena, "Signature %u: %s", found->signature, entry->en));
    }
}

void reasons_pack(const struct reasons *reasons, size_t *ret_count, Trien__Reason ***ret_rows)
{
    Trien__Reason *rows = ARENA_ARRAY(reasons->arena, Trien__Reason, reasons->count);
    Trien__Reason **list = ARENA_ARRAY(reasons->arena, Trien__Reason *, reasons->count);

    for (size_t i = 0; i < reasons->count; i++) {
        list[i] = &rows[i];
        trien__reason__init(list[i]);
        rows[i].code = reasons->rows[i].code;
        rows[i].field = *reasons->rows[i].pointer ? borrow(reasons->rows[i].pointer) : NULL;
        rows[i].text_vi = borrow(reasons->rows[i].text_vi);
        rows[i].text_en = borrow(reasons->rows[i].text_en);
    }
    *ret_count = reasons->count;
    *ret_rows = list;
}
