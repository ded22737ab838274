/* What officers say of a broken journal. Believes only notes that the journal's key has signed and,
 * where it is given their keys, officers whose signatures verify. */
#include "common/journal_break.h"

#include <stdlib.h>
#include <string.h>

const char *journal_origin(struct arena *arena, const char *journal, unsigned number)
{
    return number < 2 ? journal : arena_printf(arena, "%s/%u", journal, number);
}

unsigned journal_read_number(const char *text, const char *ending)
{
    size_t digits = strspn(text, "0123456789");
    unsigned number;

    if (digits == 0 || digits > 4 || strcmp(text + digits, ending) != 0 || *text == '0')
        return 0;
    number = (unsigned)strtoul(text, NULL, 10);
    return number >= 2 ? number : 0;
}

const char *journal_first(struct arena *arena, const char *origin)
{
    const char *slash = strrchr(origin, '/');

    if (!slash || slash == origin || !journal_read_number(slash + 1, ""))
        return origin;
    return arena_strndup(arena, origin, (size_t)(slash - origin));
}

unsigned journal_number(const char *origin, const char *journal)
{
    size_t n = strlen(journal);

    if (strncmp(origin, journal, n) != 0)
        return 0;
    if (!origin[n])
        return 1;
    return origin[n] == '/' ? journal_read_number(origin + n + 1, "") : 0;
}

/* A note of this family, by the journal's key. */
static enum rc open_note(struct arena *arena, const char *note, const char *journal,
                         const struct x509_key *key, struct err *err,
                         struct checkpoint *ret_checkpoint, unsigned *ret_number)
{
    struct checkpoint opened;

    TRY(checkpoint_open(arena, bytes_of_text(note), key, err, &opened));
    CHECK(journal_number(opened.origin, journal) && opened.size, err, TRIEN__ERROR__FIELD_INVALID,
          "the checkpoint of %s is none of %s", opened.origin, journal);
    *ret_checkpoint = opened;
    *ret_number = journal_number(opened.origin, journal);
    return RC_OK;
}

/* What is kept was signed before what is lost, and the new journal comes after both. */
static bool follow_each_other(const struct journal_break *told)
{
    return told->lost_number < told->number && told->kept_number <= told->lost_number &&
           (told->kept_number < told->lost_number || told->kept.size < told->lost.size);
}

enum rc journal_break_read(struct arena *arena, struct bytes statement, const struct x509_key *key,
                           struct err *err, struct journal_break *ret_break)
{
    const Trien__JournalBreak *in =
        statement.n <= JOURNAL_MAX_STATEMENT
            ? trien__journal_break__unpack(arena_allocator(arena), statement.n, statement.p)
            : NULL;
    struct journal_break told = {.kept = {.origin = ""}};

    CHECK(in && in->version == 1, err, TRIEN__ERROR__MALFORMED, "no word on a broken journal");
    CHECK(checkpoint_is_origin(in->journal) &&
              strcmp(journal_first(arena, in->journal), in->journal) == 0 && in->number >= 2 &&
              in->number <= JOURNAL_MAX_NUMBER,
          err, TRIEN__ERROR__FIELD_INVALID, "a journal that cannot be");
    CHECK(*in->reason && strlen(in->reason) <= JOURNAL_MAX_REASON &&
              bytes_are_text(bytes_of_text(in->reason)) && !strpbrk(in->reason, "\r\n"),
          err, TRIEN__ERROR__FIELD_INVALID, "the reason is one line of 1 to %d bytes",
          JOURNAL_MAX_REASON);
    told.journal = in->journal;
    told.reason = in->reason;
    told.number = in->number;
    told.lost_note = in->lost_note;
    TRY(open_note(arena, in->lost_note, in->journal, key, err, &told.lost, &told.lost_number));
    if (in->kept_note)
        TRY(open_note(arena, in->kept_note, in->journal, key, err, &told.kept, &told.kept_number));
    CHECK(follow_each_other(&told), err, TRIEN__ERROR__FIELD_INVALID,
          "what is kept, what is lost and the new journal do not follow each other");
    *ret_break = told;
    return RC_OK;
}

enum rc journal_break_is_said(const Trien__JournalBegun *begun, const struct x509_ring *officers,
                              struct err *err)
{
    struct bytes statement = bytes_of(begun->statement.data, begun->statement.len);

    CHECK(begun->n_officers == JOURNAL_OFFICERS_NEEDED &&
              strcmp(begun->officers[0]->officer, begun->officers[1]->officer) != 0 &&
              strcmp(begun->officers[0]->signature->key_id,
                     begun->officers[1]->signature->key_id) != 0,
          err, TRIEN__ERROR__APPROVALS_MISSING, "two different officers say that a journal begins");
    for (size_t i = 0; officers && i < begun->n_officers; i++)
        CHECK(x509_ring_verify(officers, statement, begun->officers[i]->signature), err,
              TRIEN__ERROR__APPROVALS_MISSING, "the word of %s is not signed by an enrolled key",
              begun->officers[i]->officer);
    return RC_OK;
}
