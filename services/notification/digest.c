/* The digest of a request: one notice for all items that have ended, however many they are. */
#include <string.h>

#include "services/notification/notice.h"

/* Lines of one kind under a heading, or "" when there are none; `serial` as in struct digest_words.
 */
static const char *list_rows(struct arena *arena, const char *heading, const char *serial,
                             const struct item_row *rows, size_t count, bool issued)
{
    size_t room = strlen(heading) + 2, listed = 0;
    char *text, *end;

    for (size_t i = 0; i < count; i++)
        room += strlen(rows[i].subscriber_name) +
                strlen(issued ? rows[i].serial ?: "" : rows[i].reason ?: "") + 64;
    end = stpcpy(text = arena_alloc(arena, room), heading);
    for (size_t i = 0; i < count; i++) {
        const char *name = template_one_line(arena, rows[i].subscriber_name, 120);
        if ((rows[i].serial != NULL) != issued)
            continue;
        listed++;
        end = stpcpy(end, arena_printf(arena, "  %zu. %s", listed, name));
        if (!issued)
            end = stpcpy(stpcpy(end, " – "), rows[i].reason);
        else if (serial)
            end = stpcpy(stpcpy(end, serial), rows[i].serial);
        end = stpcpy(end, "\n");
    }
    return listed ? text : "";
}

/* How a digest of a form speaks of what was done and what was not. */
static const struct digest_words {
    const char *form;
    const struct notice_template *template;
    const char *done, *failed; /* headings */
    const char *serial; /* between a name and the number that goes with it; NULL: no number */
} words[] = {
    {"05", &template_revoked, "Chứng thư đã thu hồi:\n", "Không thu hồi được:\n",
     " – số hiệu chứng thư "},
    {"07", &template_handed_over, "Đã ghi nhận bàn giao:\n", "Không chấp nhận:\n", NULL},
    {"08", &template_returned, "Đã nhận lại:\n", "Không chấp nhận:\n", NULL},
    {NULL, &template_issued, "Chứng thư đã cấp:\n", "Không cấp được:\n", " – số hiệu chứng thư "},
};

static const struct digest_words *words_of(const char *form)
{
    const struct digest_words *row = words;

    while (row->form && strcmp(row->form, form) != 0)
        row++;
    return row;
}

static const char *digest_rows(struct arena *arena, const struct digest_words *said,
                               const struct item_row *rows, size_t count, int64_t unlisted)
{
    const char *issued = list_rows(arena, said->done, said->serial, rows, count, true);
    const char *failed = list_rows(arena, said->failed, NULL, rows, count, false);
    const char *more =
        unlisted > 0 ? arena_printf(arena, "… và %lld thuê bao khác.\n", (long long)unlisted) : "";

    return arena_printf(arena, "%s%s%s%s", issued, *issued && *failed ? "\n" : "", failed, more);
}

enum rc notice_queue_digest(struct tx *tx, const struct request_row *request,
                            const struct item_row *only)
{
    struct arena *arena = tx->arena;
    struct item_row *listed = NULL;
    size_t count = 1;

    if (!only)
        TRY(store_list_ended_items(tx, request->request_id, request->told, DIGEST_MAX_ROWS, &listed,
                                   &count));
    const struct item_row *rows = only ? only : listed;
    const struct digest_words *said = words_of(request->form);
    int64_t unlisted = request->ended - request->told - (int64_t)count;
    const struct notice_address address = {request->emails, request->mobile};
    const struct template_field fields[] = {
        {"receipt", request->receipt_number, false},
        {"agency", request->agency_name, false},
        {"document", request->document_number, false},
        {"document_day", template_day(arena, request->document_date), false},
        {"items", arena_printf(arena, "%lld", (long long)request->items), false},
        {"done", arena_printf(arena, "%lld", (long long)request->issued), false},
        {"issued", arena_printf(arena, "%lld", (long long)request->issued), false},
        {"failed", arena_printf(arena, "%lld", (long long)(request->ended - request->issued)),
         false},
        {"rows", digest_rows(arena, said, rows, count, unlisted), true},
        {NULL, NULL, false},
    };
    return notice_queue(tx, request->request_id, request->digests, said->template, &address,
                        fields);
}
