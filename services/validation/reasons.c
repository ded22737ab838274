/* The list of reasons. It keeps order and bounds; it refuses nothing by itself. */
#include "services/validation/reasons.h"

void reasons_init(struct reasons *reasons, struct arena *arena)
{
    *reasons = (struct reasons){.arena = arena};
}

void reasons_add(struct reasons *reasons, Trien__Error code, const char *pointer,
                 const char *text_vi, const char *text_en)
{
    if (!reasons->rows)
        reasons->rows = ARENA_ARRAY(reasons->arena, struct reason, REASONS_MAX + 1);
    if (reasons->count == REASONS_MAX) {
        reasons->left_out++;
        return;
    }
    reasons->rows[reasons->count++] = (struct reason){code, pointer, text_vi, text_en};
}

void reasons_add_plain(struct reasons *reasons, Trien__Error code, const char *pointer)
{
    const struct err_entry *entry = err_entry(code);

    reasons_add(reasons, code, pointer, entry->vi, entry->en);
}

void reasons_close(struct reasons *reasons)
{
    if (reasons->left_out == 0)
        return;
    reasons->rows[reasons->count++] = (struct reason){
        TRIEN__ERROR__FIELD_INVALID, "",
        arena_printf(reasons->arena, "Còn %zu lỗi khác chưa liệt kê.", reasons->left_out),
        arena_printf(reasons->arena, "%zu more reasons are not listed.", reasons->left_out)};
    reasons->left_out = 0;
}

bool reasons_have(const struct reasons *reasons, Trien__Error code)
{
    for (size_t i = 0; i < reasons->count; i++)
        if (reasons->rows[i].code == code)
            return true;
    return false;
}
