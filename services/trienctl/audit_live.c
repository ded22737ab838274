/* The running journal as a source: pages of checkpoints and entries over the bus. It judges
 * nothing.
 */
#include <string.h>

#include "proto/audit.pb-c.h"
#include "services/trienctl/audit.h"

#define PAGE_MS 20000
#define PAGE_BYTES ((size_t)64 * 1024 * 1024)

struct page {
    struct bus_caller *caller;
    struct arena *arena; /* of one page */
};

static enum rc ask(struct page *page, const ProtobufCMessage *call,
                   const ProtobufCMessageDescriptor *reply, struct err *err, const void **ret_reply)
{
    ProtobufCMessage *answer = NULL;

    arena_reset(page->arena);
    TRY(bus_call(page->caller, "audit", call, reply, PAGE_MS, NULL, "", page->arena, err, &answer));
    *ret_reply = answer;
    return RC_OK;
}

static enum rc pour_notes(struct page *page, const struct audit_sink *sink, struct err *err)
{
    Trien__ListCheckpoints call = TRIEN__LIST_CHECKPOINTS__INIT;
    const Trien__ListCheckpointsReply *reply = NULL;
    const void *answer;

    do {
        TRY(ask(page, &call.base, &trien__list_checkpoints_reply__descriptor, err, &answer));
        reply = answer;
        for (size_t i = 0; i < reply->n_checkpoints; i++) {
            const Trien__JournalCheckpoint *c = reply->checkpoints[i];

            TRY(sink->note(sink->arg, NULL, bytes_of_text(c->note), err));
            call.after = c->size;
        }
    } while (reply->n_checkpoints > 0);
    return RC_OK;
}

static enum rc take_entry(const Trien__JournalEntry *row, struct err *err,
                          struct audit_entry *ret_entry)
{
    CHECK(row->leaf_hash.len == sizeof(ret_entry->kept.b), err, TRIEN__ERROR__MALFORMED,
          "entry %llu has no hash", (unsigned long long)row->sequence);
    *ret_entry = (struct audit_entry){
        .sequence = row->sequence,
        .leaf = bytes_of(row->leaf.data, row->leaf.len),
        .has_content = row->salt.len > 0, /* contents may have left with old partitions */
        .salt = bytes_of(row->salt.data, row->salt.len),
        .content = bytes_of(row->content.data, row->content.len),
    };
    memcpy(ret_entry->kept.b, row->leaf_hash.data, sizeof(ret_entry->kept.b));
    return RC_OK;
}

/* Up to the size the journal has when we begin: it grows while we read. Pages that come back empty
 * mean that rows are missing up to there. */
static enum rc pour_entries(struct page *page, const struct audit_sink *sink, struct err *err)
{
    Trien__ListJournal call = TRIEN__LIST_JOURNAL__INIT;
    uint64_t end = UINT64_MAX;

    while (call.from < end) {
        const Trien__ListJournalReply *reply;
        const void *answer;

        TRY(ask(page, &call.base, &trien__list_journal_reply__descriptor, err, &answer));
        reply = answer;
        if (end == UINT64_MAX)
            end = reply->size;
        if (!reply->n_entries)
            return RC_OK;
        for (size_t i = 0; i < reply->n_entries; i++) {
            struct audit_entry entry;

            TRY(take_entry(reply->entries[i], err, &entry));
            call.from = entry.sequence + 1;
            TRY(sink->entry(sink->arg, &entry, err));
        }
    }
    return RC_OK;
}

enum rc audit_pour_live(const struct audit_sink *sink, struct err *err)
{
    struct page page = {.arena = arena_new(PAGE_BYTES)};
    enum rc rc = ctl_open_caller(NULL, err, &page.caller);

    if (rc == RC_OK)
        rc = pour_notes(&page, sink, err);
    if (rc == RC_OK)
        rc = pour_entries(&page, sink, err);
    bus_caller_free(&page.caller);
    arena_free(&page.arena);
    return rc;
}
