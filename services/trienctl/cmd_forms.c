/* trienctl forms: what a request.json has to hold, form by form, asked of the tables that judge it.
 */
#include "services/trienctl/trienctl.h"

#include <stdio.h>

#include "proto/validation.pb-c.h"

static json_t *section_json(const Trien__FormSection *section)
{
    json_t *fields = json_array();

    for (size_t i = 0; i < section->n_fields; i++) {
        const Trien__FormField *field = section->fields[i];

        json_array_append_new(fields, json_pack("{s:s, s:s, s:b, s:s, s:i}", "name", field->name,
                                                "label_vi", field->label_vi, "required",
                                                (int)field->is_required, "must_vi", field->must_vi,
                                                "max_characters", (int)field->max_characters));
    }
    return json_pack("{s:s, s:s, s:b, s:o}", "name", section->name, "label_vi", section->label_vi,
                     "required", (int)section->is_required, "fields", fields);
}

static json_t *form_json(const Trien__FormRow *form)
{
    json_t *sections = json_array();

    for (size_t i = 0; i < form->n_sections; i++)
        json_array_append_new(sections, section_json(form->sections[i]));
    return json_pack("{s:s, s:s, s:s, s:o}", "code", form->code, "title_vi", form->title_vi,
                     "purpose", form->purpose, "sections", sections);
}

static void print_section(const Trien__FormSection *section)
{
    printf("  %s (%s)%s\n", section->label_vi, section->name,
           section->is_required ? "" : ", không bắt buộc");
    for (size_t i = 0; i < section->n_fields; i++) {
        const Trien__FormField *field = section->fields[i];

        printf("    %c %-20s %s%s%s\n", field->is_required ? '*' : ' ', field->name,
               field->label_vi, *field->must_vi ? ": " : "", field->must_vi);
    }
}

int cmd_forms(int argc, char **argv)
{
    Trien__ListForms call = TRIEN__LIST_FORMS__INIT;
    const Trien__ListFormsReply *reply;
    autoptr(json_t) forms = json_array();

    if (argc > 2)
        return ctl_misuse("forms", "one form at most");
    call.code = argc == 2 ? argv[1] : NULL;
    reply =
        (const void *)ctl_ask(NULL, "validation", &call.base, &trien__list_forms_reply__descriptor);
    for (size_t i = 0; i < reply->n_forms; i++) {
        const Trien__FormRow *form = reply->forms[i];

        ctl_show_row(forms, form_json(form), "%-8s %-10s %s\n", form->code, form->purpose,
                     form->title_vi);
        for (size_t k = 0; call.code && !ctl_json() && k < form->n_sections; k++)
            print_section(form->sections[k]);
    }
    ctl_show_rows(forms);
    return 0;
}
