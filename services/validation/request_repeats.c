/* The same subscriber twice in one list. Identity is the fields that the form names, all of them;
 * rows with a field of it missing are left alone, they have their own reasons. */
#include <stdlib.h>
#include <string.h>

#include "services/validation/request.h"

struct identity {
    const char *text;
    size_t row;
};

/* Fields joined by a unit separator, which no accepted text can contain; NULL when none is there.
 */
static const char *identity_of(const struct form *form, const struct record *record,
                               struct arena *arena)
{
    const char *text = "";
    bool any = false;

    for (const enum field_id *id = form->identity; *id != FIELD_COUNT; id++) {
        const char *value = record->value[*id];

        any = any || (value && *id != FIELD_DEVICE_KIND && *id != FIELD_KIND);
        text = arena_printf(arena, "%s\x1f%s", text, value ? value : "");
    }
    return any ? text : NULL;
}

static int by_text_then_row(const void *left, const void *right)
{
    const struct identity *a = left, *b = right;
    int order = strcmp(a->text, b->text);

    return order ? order : (a->row > b->row) - (a->row < b->row);
}

static void refuse(struct reasons *reasons, size_t row, size_t first)
{
    struct arena *arena = reasons->arena;

    reasons_add(reasons, TRIEN__ERROR__SUBSCRIBER_REPEATED,
                arena_printf(arena, "/subscribers/%zu", row),
                arena_printf(arena, "Thuê bao thứ %zu trùng với thuê bao thứ %zu trong danh sách.",
                             row + 1, first + 1),
                arena_printf(arena, "Subscriber %zu is the same as subscriber %zu of the list.",
                             row + 1, first + 1));
}

void request_find_repeats(const struct request *request, struct arena *arena,
                          struct reasons *reasons)
{
    struct identity *all = ARENA_ARRAY(arena, struct identity, request->subscriber_count);
    size_t count = 0, first = 0;

    if (request->subscriber_count < 2)
        return;
    for (size_t i = 0; i < request->subscriber_count; i++) {
        const char *text = identity_of(request->form, &request->subscribers[i], arena);

        if (text)
            all[count++] = (struct identity){text, i};
    }
    qsort(all, count, sizeof(*all), by_text_then_row);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(all[i].text, all[first].text) == 0)
            refuse(reasons, all[i].row, all[first].row);
        else
            first = i;
    }
}
