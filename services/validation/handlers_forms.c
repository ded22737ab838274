/* The forms as their tables have them, for those who write a request.json. It judges nothing. */
#include <string.h>

#include "services/validation/forms.h"
#include "services/validation/forms_checkers.h"
#include "services/validation/validation.h"

static const char *const purposes[] = {
    [FORM_NOT_SERVED] = "not_served", [FORM_ISSUES] = "issues",     [FORM_REVOKES] = "revokes",
    [FORM_REPORTS] = "reports",       [FORM_ENCLOSED] = "enclosed",
};

static Trien__FormField *field_row(struct arena *arena, const struct field *field)
{
    Trien__FormField *row = ARENA_NEW(arena, Trien__FormField);
    const char *must = field->checker->must_vi;

    trien__form_field__init(row);
    row->name = (char *)field->name;
    row->label_vi = (char *)field->label_vi;
    row->is_required = field->required;
    row->must_vi = (char *)(must ? must : "");
    row->max_characters = (uint32_t)field->max_characters;
    return row;
}

static Trien__FormSection *section_row(struct arena *arena, const struct section *section,
                                       bool is_required)
{
    Trien__FormSection *row = ARENA_NEW(arena, Trien__FormSection);

    trien__form_section__init(row);
    row->name = (char *)section->name;
    row->label_vi = (char *)section->label_vi;
    row->is_required = is_required;
    row->n_fields = section->field_count;
    row->fields = ARENA_ARRAY(arena, Trien__FormField *, section->field_count);
    for (size_t i = 0; i < section->field_count; i++)
        row->fields[i] = field_row(arena, &section->fields[i]);
    return row;
}

static Trien__FormRow *form_row(struct arena *arena, const struct form *form)
{
    const struct section subscribers = {"subscribers", "Thuê bao", "Subscribers", form->fields,
                                        form->field_count};
    Trien__FormRow *row = ARENA_NEW(arena, Trien__FormRow);

    trien__form_row__init(row);
    row->code = (char *)form->code;
    row->title_vi = (char *)form->title_vi;
    row->purpose = (char *)purposes[form->purpose];
    if (form->purpose == FORM_NOT_SERVED)
        return row;
    row->sections = ARENA_ARRAY(arena, Trien__FormSection *, 4);
    row->sections[row->n_sections++] = section_row(arena, &section_document, true);
    row->sections[row->n_sections++] = section_row(arena, &section_agency, true);
    row->sections[row->n_sections++] = section_row(arena, &section_receiver, form->receiver);
    row->sections[row->n_sections++] = section_row(arena, &subscribers, true);
    return row;
}

enum rc on_list_forms(struct tx *tx, const void *in, void *reply)
{
    const Trien__ListForms *call = in;
    Trien__ListFormsReply *answer = reply;
    const struct form *form;
    size_t count = 0;

    while (forms_at(count))
        count++;
    answer->forms = ARENA_ARRAY(tx->arena, Trien__FormRow *, count);
    for (size_t i = 0; (form = forms_at(i)); i++)
        if (!call->code || strcmp(call->code, form->code) == 0)
            answer->forms[answer->n_forms++] = form_row(tx->arena, form);
    CHECK(answer->n_forms > 0, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such form");
    return RC_OK;
}
