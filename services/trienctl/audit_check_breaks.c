/* The check of a journal's copy: entries that begin a new journal after one that lost its end. What
 * such an entry says is believed when the checkpoints of its own journal cover it; a break that
 * nobody declared shows as checkpoints that are not borne out. */
#include <inttypes.h>

#include "common/journal_break.h"
#include "services/trienctl/audit_check_own.h"

static void refuse(struct audit_check *check, uint64_t entry, const char *why)
{
    audit_find_at(check, AUDIT_BREAK, entry,
                  arena_printf(check->arena, "a new journal begins here, but %s", why));
}

unsigned audit_newest(const struct audit_check *check)
{
    return check->break_count ? check->breaks[check->break_count - 1].number : 1;
}

uint64_t audit_beginning(const struct audit_check *check, unsigned number)
{
    for (size_t i = 0; i < check->break_count; i++)
        if (check->breaks[i].number == number)
            return check->breaks[i].entry;
    return 0;
}

struct audit_break *audit_break_after(struct audit_check *check, unsigned number)
{
    for (size_t i = 0; i < check->break_count; i++)
        if (check->breaks[i].number > number)
            return &check->breaks[i];
    return NULL;
}

/* The statement and its officers; the entry's message lives in the scratch arena. */
static enum rc read_begun(struct audit_check *check, const struct audit_entry *entry,
                          struct err *err, const Trien__JournalBegun **ret_begun,
                          struct journal_break *ret_break)
{
    ProtobufCAllocator *scratch = arena_allocator(check->scratch);
    const Trien__JournalContent *content =
        entry->has_content
            ? trien__journal_content__unpack(scratch, entry->content.n, entry->content.p)
            : NULL;
    const Trien__JournalBegun *begun =
        content ? trien__journal_begun__unpack(scratch, content->payload.len, content->payload.data)
                : NULL;

    CHECK(begun, err, TRIEN__ERROR__MALFORMED, "this copy does not say which");
    TRY(journal_break_is_said(begun, check->officers, err));
    TRY(journal_break_read(check->arena, bytes_of(begun->statement.data, begun->statement.len),
                           check->key, err, ret_break));
    CHECK(strcmp(begun->origin,
                 journal_origin(check->scratch, ret_break->journal, ret_break->number)) == 0,
          err, TRIEN__ERROR__FIELD_INVALID, "under another name than officers gave it");
    *ret_begun = begun;
    return RC_OK;
}

/* It goes on from what this copy has, and gives up something. */
static enum rc must_fit(const struct audit_check *check, const struct journal_break *told,
                        uint64_t entry, struct err *err)
{
    CHECK(check->first && strcmp(told->journal, check->first) == 0, err,
          TRIEN__ERROR__FIELD_INVALID, "it is about another journal, %s", told->journal);
    CHECK(told->number > audit_newest(check), err, TRIEN__ERROR__FIELD_INVALID,
          "journal %u began before", audit_newest(check));
    CHECK(told->kept.size <= check->agreed && check->agreed <= entry, err,
          TRIEN__ERROR__FIELD_INVALID,
          "of the %" PRIu64 " entries that were to be kept %" PRIu64 " are as signed",
          told->kept.size, check->agreed);
    CHECK(told->lost_number > audit_newest(check) || told->lost.size > check->agreed, err,
          TRIEN__ERROR__FIELD_INVALID, "nothing was lost");
    CHECK(check->break_count < AUDIT_MAX_BREAKS, err, TRIEN__ERROR__TOO_LARGE, "too often");
    return RC_OK;
}

void audit_begin(struct audit_check *check, const struct audit_entry *entry)
{
    const Trien__JournalBegun *begun = NULL;
    struct journal_break told;
    struct err err = {0};

    if (read_begun(check, entry, &err, &begun, &told) != RC_OK ||
        must_fit(check, &told, entry->sequence, &err) != RC_OK) {
        refuse(check, entry->sequence, err.detail);
        return;
    }
    check->breaks[check->break_count++] = (struct audit_break){
        .entry = entry->sequence,
        .number = told.number,
        .origin = arena_strdup(check->arena, begun->origin),
        .lost_origin = told.lost.origin,
        .reason = told.reason,
        .officers = {arena_strdup(check->arena, begun->officers[0]->officer),
                     arena_strdup(check->arena, begun->officers[1]->officer)},
        .is_verified = check->officers != NULL,
        .proved = check->agreed,
        .lost_number = told.lost_number,
        .lost_size = told.lost.size,
    };
}

void audit_end_breaks(struct audit_check *check)
{
    for (size_t b = 0; b < check->break_count; b++) {
        const struct audit_break *begun = &check->breaks[b];
        bool is_covered = false;

        for (size_t i = 0; i < check->known_count; i++)
            is_covered = is_covered || (check->known[i].verdict == BORNE_OUT &&
                                        check->known[i].number >= begun->number &&
                                        check->known[i].size > begun->entry);
        if (!is_covered)
            refuse(check, begun->entry, "none of its checkpoints covers that yet");
    }
}
