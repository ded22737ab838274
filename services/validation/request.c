/* The walk over a parsed request: every section, every field, every row; all reasons at once. It
 * knows the tables of forms.c and no form by name. */
#include "services/validation/request.h"

#include <string.h>

#include "services/validation/rules.h"
#include "services/validation/text.h"

/* Where the walk stands. */
struct rows {
    const struct rule_context *context;
    struct reasons *reasons;
    struct request *request;
    const char *pointer;  /* of the object at hand: "/subscribers/3" */
    const char *place_vi; /* how a sentence says where */
    const char *place_en;
    const struct field *fields;
    size_t field_count;
};

static const struct field *field_named(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->field_count; i++)
        if (strcmp(rows->fields[i].name, name) == 0)
            return &rows->fields[i];
    return NULL;
}

void rows_refuse(struct rows *rows, Trien__Error code, const char *member, const char *why_vi,
                 const char *why_en)
{
    struct arena *arena = rows->context->arena;
    const struct field *field = field_named(rows, member);

    reasons_add(rows->reasons, code, arena_printf(arena, "%s/%s", rows->pointer, member),
                arena_printf(arena, "%s: “%s” %s.", rows->place_vi,
                             field ? field->label_vi : member, why_vi),
                arena_printf(arena, "%s: “%s” %s.", rows->place_en, member, why_en));
}

/* The text of a member in NFC; NULL when it is absent, empty, or refused here. */
static const char *text_of(struct rows *rows, const struct field *field, const json_t *value)
{
    const char *text;

    if (!value || json_is_null(value))
        return NULL;
    if (!json_is_string(value)) {
        rows_refuse(rows, TRIEN__ERROR__FIELD_INVALID, field->name, "phải là chuỗi ký tự",
                    "must be a string");
        return NULL;
    }
    text = text_nfc(rows->context->arena, json_string_value(value));
    if (text && text_length(text) > field->max_characters) {
        rows_refuse(rows, field->checker->code, field->name,
                    arena_printf(rows->context->arena, "không được dài quá %zu ký tự",
                                 field->max_characters),
                    arena_printf(rows->context->arena, "must not be longer than %zu characters",
                                 field->max_characters));
        return NULL;
    }
    return text && *text ? text : NULL;
}

static bool is_empty(const json_t *value)
{
    return !value || json_is_null(value) ||
           (json_is_string(value) &&
            strspn(json_string_value(value), " \t\r\n") == json_string_length(value));
}

static void read_field(struct rows *rows, const struct field *field, const json_t *value,
                       struct record *record)
{
    const char *normal = NULL, *text = text_of(rows, field, value);

    if (is_empty(value)) {
        if (field->required)
            rows_refuse(rows, TRIEN__ERROR__FIELD_MISSING, field->name, "là trường bắt buộc",
                        "is required");
        return;
    }
    if (!text)
        return;
    if (field->checker->holds(field->checker, rows->context, text, &normal))
        record->value[field->id] = normal;
    else
        rows_refuse(rows, field->checker->code, field->name, field->checker->must_vi,
                    field->checker->must_en);
}

static void remark(struct rows *rows, const char *member)
{
    struct request *request = rows->request;

    if (!request->remarks)
        request->remarks = ARENA_ARRAY(rows->context->arena, const char *, REQUEST_MAX_REMARKS);
    if (request->remark_count < REQUEST_MAX_REMARKS)
        request->remarks[request->remark_count++] =
            arena_printf(rows->context->arena, "%s/%s", rows->pointer,
                         text_cut(rows->context->arena, member, 60));
}

static void remark_strangers(struct rows *rows, const json_t *object)
{
    const char *member;
    json_t *value;

    json_object_foreach((json_t *)object, member, value)
    {
        if (!field_named(rows, member))
            remark(rows, member);
    }
}

static void read_object(struct rows *rows, const json_t *object, struct record *record)
{
    if (!json_is_object(object)) {
        reasons_add(rows->reasons, TRIEN__ERROR__FIELD_MISSING, rows->pointer,
                    arena_printf(rows->context->arena, "%s: thiếu thông tin.", rows->place_vi),
                    arena_printf(rows->context->arena, "%s: is missing.", rows->place_en));
        return;
    }
    for (size_t i = 0; i < rows->field_count; i++)
        read_field(rows, &rows->fields[i], json_object_get(object, rows->fields[i].name), record);
    remark_strangers(rows, object);
}

static void read_section(struct rows *rows, const json_t *root, const struct section *section,
                         struct record *record)
{
    rows->pointer = arena_printf(rows->context->arena, "/%s", section->name);
    rows->place_vi = section->label_vi;
    rows->place_en = section->label_en;
    rows->fields = section->fields;
    rows->field_count = section->field_count;
    read_object(rows, json_object_get(root, section->name), record);
}

/* An enclosed form stands beside another document and proves nothing alone; nothing else may stand
 * there. */
static bool is_served(const struct rows *rows)
{
    const struct form *form = rows->request->form;

    return form && form->purpose != FORM_NOT_SERVED &&
           (form->purpose == FORM_ENCLOSED) == rows->context->enclosed;
}

/* Why a form is not served here: it is none of ours yet, or it stands in the wrong place. */
static void refuse_form(struct rows *rows, const struct form *form)
{
    struct arena *arena = rows->context->arena;
    const char *why_vi = "chưa được áp dụng tại hệ thống";
    const char *why_en = "is not switched on in this installation";

    if (form->purpose == FORM_ENCLOSED) {
        why_vi = "chỉ được gửi kèm theo văn bản đề nghị thu hồi (Mẫu 05)";
        why_en = "comes only as an attachment of form 05";
    } else if (rows->context->enclosed) {
        why_vi = "không phải là văn bản kèm theo";
        why_en = "is no attachment";
    }
    reasons_add(rows->reasons, TRIEN__ERROR__FORM_NOT_OFFERED, "/form",
                arena_printf(arena, "Mẫu %s (%s) %s.", form->code, form->title_vi, why_vi),
                arena_printf(arena, "Form %s %s.", form->code, why_en));
}

static void read_form(struct rows *rows, const json_t *root)
{
    const char *code = json_string_value(json_object_get(root, "form"));

    if (!code) {
        reasons_add(rows->reasons, TRIEN__ERROR__FIELD_MISSING, "/form",
                    "Thiếu mã mẫu yêu cầu (“form”).", "The form (“form”) is missing.");
        return;
    }
    rows->request->form = forms_find(code);
    if (!rows->request->form)
        reasons_add_plain(rows->reasons, TRIEN__ERROR__FORM_UNKNOWN, "/form");
    else if (!is_served(rows))
        refuse_form(rows, rows->request->form);
}

static void read_row(struct rows *rows, const json_t *value, size_t index)
{
    const struct form *form = rows->request->form;
    struct record *record = &rows->request->subscribers[index];
    size_t before = rows->reasons->count + rows->reasons->left_out;

    rows->pointer = arena_printf(rows->context->arena, "/subscribers/%zu", index);
    rows->place_vi = arena_printf(rows->context->arena, "Thuê bao thứ %zu", index + 1);
    rows->place_en = arena_printf(rows->context->arena, "Subscriber %zu", index + 1);
    rows->fields = form->fields;
    rows->field_count = form->field_count;
    read_object(rows, value, record);
    /* a field refused on its own looks absent here: do not say the same thing twice */
    if (rows->reasons->count + rows->reasons->left_out == before)
        for (row_rule *const *rule = form->rules; *rule; rule++)
            (*rule)(rows, record);
    record->refused = rows->reasons->count + rows->reasons->left_out != before;
}

static void read_count(struct rows *rows, const json_t *root, size_t count)
{
    const json_t *value = json_object_get(root, "count");
    struct arena *arena = rows->context->arena;

    if (!json_is_integer(value))
        reasons_add(rows->reasons, TRIEN__ERROR__FIELD_MISSING, "/count",
                    "Thiếu số lượng thuê bao (“count”), phải là số nguyên.",
                    "The number of subscribers (“count”) is missing; it must be an integer.");
    else if (json_integer_value(value) != (json_int_t)count)
        reasons_add(rows->reasons, TRIEN__ERROR__COUNT_MISMATCH, "/count",
                    arena_printf(arena, "Số lượng ghi là %lld nhưng danh sách có %zu thuê bao.",
                                 (long long)json_integer_value(value), count),
                    arena_printf(arena, "The count is %lld but the list has %zu subscribers.",
                                 (long long)json_integer_value(value), count));
}

static void read_rows(struct rows *rows, const json_t *root)
{
    const json_t *list = json_object_get(root, "subscribers");
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count == 0) {
        reasons_add(rows->reasons, TRIEN__ERROR__FIELD_MISSING, "/subscribers",
                    "Thiếu danh sách thuê bao.", "The list of subscribers is missing.");
        return;
    }
    if (count > REQUEST_MAX_SUBSCRIBERS) {
        reasons_add(rows->reasons, TRIEN__ERROR__TOO_MANY_SUBSCRIBERS, "/subscribers",
                    arena_printf(rows->context->arena,
                                 "Danh sách có %zu thuê bao, mỗi văn bản chỉ được tối đa %d.",
                                 count, REQUEST_MAX_SUBSCRIBERS),
                    arena_printf(rows->context->arena,
                                 "The list has %zu subscribers; a document may carry %d.", count,
                                 REQUEST_MAX_SUBSCRIBERS));
        return;
    }
    read_count(rows, root, count);
    rows->request->subscribers = ARENA_ARRAY(rows->context->arena, struct record, count);
    rows->request->subscriber_count = count;
    for (size_t i = 0; i < count; i++)
        read_row(rows, json_array_get(list, i), i);
    request_find_repeats(rows->request, rows->context->arena, rows->reasons);
}

/* A subscriber whose key is made on a device needs that device delivered. */
static bool needs_delivery(const struct request *request)
{
    for (size_t i = 0; i < request->subscriber_count; i++) {
        const char *kind = request->subscribers[i].value[FIELD_DEVICE_KIND];

        if (kind && (strcmp(kind, "pki_token") == 0 || strcmp(kind, "sim_pki") == 0))
            return true;
    }
    return false;
}

static void read_delivery(struct rows *rows, const json_t *root)
{
    struct record record = {0};
    struct field field = field_delivery;

    rows->pointer = "";
    rows->place_vi = "Yêu cầu";
    rows->place_en = "Request";
    rows->fields = &field_delivery;
    rows->field_count = 1;
    field.required = needs_delivery(rows->request);
    read_field(rows, &field, json_object_get(root, field.name), &record);
    rows->request->delivery = record.value[FIELD_DELIVERY];
    if (rows->request->delivery && strcmp(rows->request->delivery, "public_post") == 0 &&
        !rows->request->receiver.value[FIELD_ADDRESS])
        reasons_add(rows->reasons, TRIEN__ERROR__FIELD_MISSING, "/receiver/address",
                    "Người tiếp nhận: phải có “Địa chỉ tiếp nhận” khi gửi qua bưu chính công ích.",
                    "Receiver: “address” is needed for delivery by public post.");
}

static void remark_top(struct rows *rows, const json_t *root)
{
    static const char *const known[] = {"version",  "form",  "document",   "agency",
                                        "receiver", "count", "subscribers"};
    struct field fields[COUNT_OF(known) + 1] = {field_delivery};

    for (size_t i = 0; i < COUNT_OF(known); i++)
        fields[i + 1].name = known[i];
    rows->pointer = "";
    rows->fields = fields;
    rows->field_count = COUNT_OF(fields);
    remark_strangers(rows, root);
}

void request_read(const struct rule_context *context, const json_t *json, struct reasons *reasons,
                  struct request *ret_request)
{
    struct rows rows = {.context = context, .reasons = reasons, .request = ret_request};

    *ret_request = (struct request){0};
    read_form(&rows, json);
    read_section(&rows, json, &section_document, &ret_request->document);
    read_section(&rows, json, &section_agency, &ret_request->agency);
    if (!is_served(&rows))
        return;
    if (ret_request->form->receiver || json_object_get(json, section_receiver.name))
        read_section(&rows, json, &section_receiver, &ret_request->receiver);
    read_rows(&rows, json);
    if (ret_request->form->purpose == FORM_ISSUES)
        read_delivery(&rows, json);
    remark_top(&rows, json);
}
